"""Any order, repetition and loss of a lifecycle's events ends in the same state, or names what is missing.

Random stories (the demo's, and sequences that no platform would send) are delivered in random order, in pieces, some
events twice and some never. After every piece: paid evidence stands, completed has not fallen back but to returned,
every number that is missing is named, and the state is that of an independent little fold written out below from
DECISIONS.md section 2. A sample goes through the real intake and the database.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction as database

from backoffice.demo.people import create_organisations
from backoffice.demo.recipes import RECIPES
from backoffice.demo.stories import story_of_kind
from backoffice.gateway.intake import receive
from transactions.lifecycle import Happening, State, apply, first_state, fold
from transactions.models import ReasonCode, Transaction
from transactions.vocabulary import EventStage, EventType, Funds, Result, RetryClass

SIZE = 50_000
ONE_IN = 60  # goes through the database as well
START = datetime(2026, 11, 20, 9, tzinfo=UTC)


# -- the reference: the table as text, the fold as one loop over strings ----------------------------------------------

PLACES = {  # status, funds: stages
    "received NOT_SENT": "intake validation",
    "validated NOT_SENT": "title_fetch screening ready",
    "pending NOT_SENT": "compliance_review pending_approval cash_ready",
    "pending UNKNOWN": "payment rtgs_queue outcome_unknown",
    "pending AT_RAIL": "settlement",
    "failed NOT_SENT": "failed_retryable failed_final rejected_compliance cancelled",
    "failed RETURNED": "returned",
    "completed WITH_BENEFICIARY": "credited cash_paid manually_settled",
}
STATUS = {stage: tuple(place.split()) for place, stages in PLACES.items() for stage in stages.split()}
PAID = {"credited", "cash_paid", "manually_settled"}
PAYING = {"payment", "rtgs", "settlement"}

STEPS = """
intake > validation compliance_review failed_final : intake
validation > title_fetch compliance_review failed_final : intake validation
title_fetch > title_fetch : title_fetch compliance_review
title_fetch > screening compliance_review : title_fetch
screening > screening : title_fetch screening compliance_review
screening > ready compliance_review : screening
compliance_review > compliance_review : title_fetch screening ready failed_retryable compliance_review pending_approval
compliance_review > ready rejected_compliance : compliance_review pending_approval
approval > pending_approval : ready compliance_review pending_approval cash_ready
approval > ready cancelled : pending_approval
payment > payment : ready failed_retryable payment
payment > settlement credited outcome_unknown returned : payment settlement outcome_unknown
payment > failed_retryable failed_final : payment settlement
rtgs > rtgs_queue : ready failed_retryable rtgs_queue
rtgs > settlement outcome_unknown : rtgs_queue settlement outcome_unknown
rtgs > credited returned : payment rtgs_queue settlement outcome_unknown
rtgs > failed_retryable failed_final : rtgs_queue settlement
settlement > settlement failed_retryable failed_final : settlement
settlement > outcome_unknown : settlement outcome_unknown
settlement > credited : payment rtgs_queue settlement outcome_unknown credited cash_paid manually_settled
settlement > returned : settlement outcome_unknown credited cash_paid manually_settled returned
inquiry > credited : payment rtgs_queue settlement outcome_unknown failed_retryable credited cash_paid manually_settled
inquiry > settlement : payment rtgs_queue settlement outcome_unknown failed_retryable
inquiry > failed_retryable : payment settlement outcome_unknown failed_retryable
inquiry > returned : payment rtgs_queue settlement outcome_unknown failed_retryable credited cash_paid manually_settled
inquiry > returned : returned
cash_payout > cash_ready : ready cash_ready pending_approval
cash_payout > cash_paid failed_final : cash_ready
manual_settlement > manually_settled : rtgs_queue settlement outcome_unknown
return > returned : payment rtgs_queue settlement outcome_unknown credited cash_paid manually_settled returned
return > returned : failed_final cash_ready
cancellation > cancelled : intake validation title_fetch screening ready compliance_review pending_approval cash_ready
cancellation > cancelled : failed_retryable
"""
LEGAL = {
    (step, target, start)
    for line in STEPS.strip().splitlines()
    for told, starts in [line.split(" : ")]
    for step, targets in [told.split(" > ")]
    for target in targets.split()
    for start in starts.split()
}

SUCCESS = {
    "intake": "validation",
    "validation": "title_fetch",
    "title_fetch": "screening",
    "screening": "ready",
    "compliance_review": "ready",
    "approval": "ready",
    "cancellation": "cancelled",
}
STARTED = {
    "title_fetch": "title_fetch",
    "screening": "screening",
    "compliance_review": "compliance_review",
    "approval": "pending_approval",
    "payment": "payment",
    "rtgs": "rtgs_queue",
    "cash_payout": "cash_ready",
}
FAILED = {
    "title_fetch": "compliance_review",
    "screening": "compliance_review",
    "compliance_review": "rejected_compliance",
    "approval": "cancelled",
    "cash_payout": "failed_final",
}


def wanted(event: Happening) -> tuple[str, bool]:
    """The stage that an event asks for ("" for none), and whether it is evidence of where the money is."""
    stage, result, funds = event.stage, event.result, event.funds
    deed = {"cash_payout": "cash_paid", "manual_settlement": "manually_settled", "return": "returned"}.get(stage)
    if funds == "RETURNED":
        return "returned", True
    if result == "SUCCESS" and deed:
        return deed, True
    if funds == "WITH_BENEFICIARY":
        return "credited", True
    if (stage, result, funds) == ("settlement", "SUCCESS", ""):
        return "credited", True
    checked = "compliance_review" if stage in ("title_fetch", "screening") else ""
    return {
        "STARTED": STARTED.get(stage, ""),
        "SKIPPED": "screening" if stage == "title_fetch" else "",
        "TIMEOUT": "outcome_unknown" if stage in PAYING else checked,
        "REVIEW": checked,
        "FAILED": _wanted_after_failure(event),
        "SUCCESS": _wanted_after_success(stage, funds),
    }[result], False


def _wanted_after_success(stage: str, funds: str) -> str:
    if stage == "inquiry":
        return {"AT_RAIL": "settlement", "NOT_SENT": "failed_retryable"}.get(funds, "")
    if stage in PAYING:
        return "settlement" if funds == "AT_RAIL" else "outcome_unknown"
    return SUCCESS.get(stage, "")


def _wanted_after_failure(event: Happening) -> str:
    if event.stage in PAYING:
        in_doubt = event.funds in ("UNKNOWN", "AT_RAIL") or (event.reason_code == "DUPL" and event.attempt > 1)
        final = event.retry_class in ("NEVER", "RETURN")
        return "outcome_unknown" if in_doubt else "failed_final" if final else "failed_retryable"
    if event.stage in ("intake", "validation"):
        return "compliance_review" if event.retry_class == "CORRECT" else "failed_final"
    return FAILED.get(event.stage, "")


@dataclass(frozen=True)
class Reference:
    """What the reference makes of a history: where it stands, what contradicts, what is missing."""

    stage: str
    contradictory: frozenset[int]
    missing: tuple[int, ...]


def reference(events: dict[int, Happening], others: set[int]) -> Reference:
    """The fold once more, in another hand."""
    stage, contradictory, last = "intake", set(), 1
    present = {1, *events, *others}
    for number in range(2, max(present) + 1):
        event = events.get(number)
        known = event and event.stage in EventStage.values and event.result in Result.values
        if event and known:
            target, evidence = wanted(event)
            legal = not target or (event.stage, target, stage) in LEGAL
            final = stage in PAID or stage == "returned"
            gap = last != number - 1
            if evidence:
                contradictory |= set() if legal else {number}
                stage = stage if target == "credited" and stage in PAID else target
            elif not final and (legal or gap):
                stage = target or stage
            elif not final:
                contradictory.add(number)
        last = number if number in present else last
    missing = tuple(number for number in range(1, max(present)) if number not in present)
    return Reference(stage, frozenset(contradictory), missing[:100])


# -- stories ----------------------------------------------------------------------------------------------------------


@dataclass
class Tale:
    """A lifecycle: its stage events and the numbers of its other events; `events` are whole ones where it has them."""

    happenings: dict[int, Happening]
    others: set[int]
    events: list[dict[str, Any]]


def tales(dice: random.Random) -> Iterator[Tale]:
    """Without end: a story of the demo, then a sequence that nobody would send. A story comes in many orders."""
    classes = dict(ReasonCode.objects.values_list("code", "retry_class"))
    told = [
        _tale(story_of_kind(kind, number=number, now=START, seed=dice.randrange(10**6)), classes)
        for number, kind in enumerate(sorted(RECIPES) * 3)
    ]
    while True:
        yield dice.choice(told)
        yield wild(dice)


def _tale(events: list[dict[str, Any]], classes: dict[str, str]) -> Tale:
    happenings, others = {}, set()
    for event in events[1:]:
        if event["type"] == EventType.STAGE:
            happenings[event["sequence"]] = _happening(event, classes)
        else:
            others.add(event["sequence"])
    return Tale(happenings, others, events)


def _happening(event: dict[str, Any], classes: dict[str, str]) -> Happening:
    data = event["data"]
    code = data.get("reasonCode", "")
    return Happening(
        event["sequence"],
        datetime.fromisoformat(event["time"]),
        data["stage"],
        data["result"],
        data.get("attempt", 1),
        data.get("fundsPosition", ""),
        code,
        classes.get(code, RetryClass.INQUIRE.value) if code else "",
        data.get("rail", ""),
        data.get("railReference", ""),
        data.get("railReferenceKind", ""),
        data.get("bankReference", ""),
    )


def wild(dice: random.Random) -> Tale:
    """Up to ten events drawn without sense, money evidence and unknown words among them."""
    stages = [*[stage for stage in EventStage.values if stage != "received"], "teleport"]
    happenings = {}
    for number in range(2, dice.randint(3, 11)):
        happenings[number] = Happening(
            number,
            START + timedelta(seconds=number),
            dice.choice(stages),
            dice.choice([*Result.values, "SUCCESS", "STARTED", "MAYBE"]),
            dice.choice((1, 1, 2)),
            dice.choice(["", "", "", *Funds.values]),
            dice.choice(("", "", "DUPL", "AC03")),
            dice.choice(["", *RetryClass.values]),
        )
    others = {number for number in list(happenings) if dice.random() < 0.1}
    for number in others:
        del happenings[number]
    return Tale(happenings, others, [])


# -- deliveries -------------------------------------------------------------------------------------------------------


def deliveries(numbers: Sequence[int], dice: random.Random) -> list[list[int]]:
    """The numbers in random order and pieces, some twice, some never."""
    lost = {number for number in numbers if dice.random() < 0.1} if dice.random() < 0.5 else set()
    order = [number for number in numbers if number not in lost]
    order += [number for number in order if dice.random() < 0.2]
    if dice.random() < 0.8:
        dice.shuffle(order)
    pieces: list[list[int]] = []
    while order:
        size = dice.randint(1, 4)
        pieces.append(order[:size])
        order = order[size:]
    return pieces


class Receiver:
    """Takes a tale in as the intake does: a step where events go on, the whole fold where they do not."""

    def __init__(self) -> None:
        self.state: State = first_state(START)
        self.missing: tuple[int, ...] = ()
        self.contradictions = 0
        self.taken: dict[int, Happening | None] = {}

    def take(self, piece: Sequence[int], tale: Tale) -> None:
        fresh = sorted({number for number in piece if number not in self.taken})
        self.taken |= {number: tale.happenings.get(number) for number in fresh}
        if fresh == list(range(self.state.sequence + 1, self.state.sequence + 1 + len(fresh))):
            for number in fresh:
                self._step(number, tale.happenings.get(number))
            return
        stages = [happening for happening in self.taken.values() if happening]
        folded = fold(START, stages, [number for number, happening in self.taken.items() if not happening])
        self.state, self.missing, self.contradictions = folded.state, folded.missing, len(folded.contradictory)

    def _step(self, number: int, happening: Happening | None) -> None:
        if happening is None:
            self.state = fold(START, [], [number]).state if number == 2 else _at(self.state, number)
        else:
            self.state, verdict = apply(self.state, happening)
            self.contradictions += verdict.is_contradictory


def _at(state: State, number: int) -> State:
    from dataclasses import replace

    return replace(state, sequence=number)


def check(tale: Tale, dice: random.Random) -> list[str]:
    """What is wrong with one tale under one way of delivering it."""
    receiver, wrong, before = Receiver(), [], ""
    for piece in deliveries([*tale.happenings, *tale.others], dice):
        receiver.take(piece, tale)
        wrong += _wrong(receiver, tale, before)
        before = receiver.state.stage
    return wrong


def _wrong(receiver: Receiver, tale: Tale, before: str) -> list[str]:
    taken = {number: event for number, event in receiver.taken.items() if event}
    expected = reference(taken, set(receiver.taken) - set(taken))
    stage = str(receiver.state.stage)
    status, funds = STATUS[stage]
    proofs = {number: wanted(event)[0] for number, event in taken.items() if _proves(event)}
    found = []
    if stage != expected.stage:
        found.append(f"stands at {stage}, the reference at {expected.stage}")
    if receiver.missing != expected.missing:
        found.append(f"names {receiver.missing} as missing, but {expected.missing} are")
    if receiver.contradictions != len(expected.contradictory):
        found.append(f"counts {receiver.contradictions} contradictions of {len(expected.contradictory)}")
    if (receiver.state.status, receiver.state.funds_position) != (status, funds):
        found.append(f"{stage} is {receiver.state.status} with money {receiver.state.funds_position}")
    if proofs and funds != STATUS[proofs[max(proofs)]][1]:
        found.append(f"hides the evidence of event {max(proofs)}: {stage}")
    if before in PAID and stage not in PAID | {"returned"}:
        found.append(f"fell back from {before} to {stage}")
    return [f"{sentence} (events {sorted(receiver.taken)})" for sentence in found]


def _proves(event: Happening) -> bool:
    known = event.stage in EventStage.values and event.result in Result.values
    return known and wanted(event)[1]


def check_stored(tale: Tale, number: int, dice: random.Random) -> list[str]:
    """The same through the intake and the database, instruction included."""
    subject = f"ORDER{number}"
    events = {event["sequence"]: _renamed(event, subject) for event in tale.events}
    sent: set[int] = set()
    for piece in deliveries(sorted(events), dice):
        receive([events[place] for place in piece], message_id=f"{subject}-{len(sent)}", source="demo")
        sent |= set(piece)
    held = Transaction.objects.filter(txn_id=subject).first()
    if held is None:
        return [] if 1 not in sent else [f"{subject} was told and is not there"]
    taken = {place: happening for place, happening in tale.happenings.items() if place in sent}
    expected = reference(taken, sent & tale.others)
    found = (held.stage, tuple(held.missing_sequences), held.contradictions, held.events.count())
    right = (expected.stage, expected.missing, len(expected.contradictory), len(sent))
    return [] if found == right else [f"{subject} is {found}, the reference {right}"]


def _renamed(event: dict[str, Any], subject: str) -> dict[str, Any]:
    data = event["data"]
    if event["type"] == EventType.RECEIVED:
        details = data["transactionDetails"] | {"partnerReference": f"R-{subject}"}
        data = data | {"transactionDetails": details}
    return event | {"id": f"{subject}.{event['sequence']}", "subject": subject, "data": data}


def run(size: int | None = None) -> tuple[int, int]:
    """Deliver `size` tales. Returns how many were tried, and how many ended wrong."""
    size, dice, broken = SIZE if size is None else size, random.Random(20261122), 0
    with database.atomic():
        create_organisations()
        for number, tale in zip(range(size), tales(dice), strict=False):
            wrong = check(tale, dice)
            if tale.events and number % ONE_IN == 0:
                wrong += check_stored(tale, number, dice)
            for sentence in wrong[:3]:
                print(f"  tale {number}: {sentence}")
            broken += bool(wrong)
            if number and number % 5_000 == 0:
                print(f"  {number:,} of {size:,}", flush=True)
        database.set_rollback(True)
    return size, broken
