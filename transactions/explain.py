"""What happened to a transaction, where its money is, whether somebody must act, who and by when: in sentences.

Pure: from the stored state, its reason and the clock of the reader. The sentence of a reason code is the
administrators' (ReasonCode); the rest is said here, once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from transactions import formats
from transactions.bank_days import next_update_by
from transactions.discretion import REVIEWER, Reader, Reason, actor_words, reason_for
from transactions.vocabulary import (
    EVIDENCE_STAGES,
    PAID_STAGES,
    Actor,
    EventStage,
    Funds,
    Rail,
    Result,
    Stage,
    stage_label,
)

if TYPE_CHECKING:
    from transactions.models import ReasonCode, Transaction


class Handling(StrEnum):
    """The one question of a caller after "where is it": is it done, does somebody have to do something?"""

    COMPLETED = "Completed"
    NEEDED = "Needs handling"
    UNDER_WAY = "Under way, nothing is needed"
    OVER = "Over, not paid"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a reader of the detail page is told first.

    `place` follows the badge ("at Payment"); `what` is the news, `then` what helps or comes next; `by` is when the next
    update is due, None when nothing more comes. `waited` and `limit` are set while the transaction stands in a stage
    with a deadline. `tone` is good, wait, bad or plain.
    """

    tone: str
    place: str
    what: str
    then: str
    money: str
    handling: Handling
    who: str
    by: dt.datetime | None = None
    waited: dt.timedelta | None = None
    limit: dt.timedelta | None = None
    is_late: bool = False
    settled_at: dt.datetime | None = None
    rail: str = ""
    bank_text: str = ""

    @property
    def needs_somebody(self) -> bool:
        return self.handling is Handling.NEEDED


_RAIL_WORDS: Final = {Rail.INTERNAL: "our own bank", Rail.CASH: "the counter"}
_PAID_BY: Final = {Rail.INTERNAL: "Internal, in our own bank", Rail.CASH: "Cash, at the counter"}
_BY_ITSELF: Final = frozenset(
    {Stage.INTAKE, Stage.VALIDATION, Stage.TITLE_FETCH, Stage.SCREENING, Stage.READY, Stage.PAYMENT, Stage.RTGS_QUEUE,
     Stage.SETTLEMENT}
)  # fmt: skip
_OVER: Final = frozenset({Stage.REJECTED_COMPLIANCE, Stage.CANCELLED, Stage.RETURNED})
_FAILED: Final = frozenset({Stage.FAILED_RETRYABLE, Stage.FAILED_FINAL})
_PLACE_IS_IN_THE_BADGE: Final = EVIDENCE_STAGES | {Stage.CANCELLED}
_REVIEWER_DECIDES: Final = f"It goes on when the {REVIEWER.lower()} has decided; nothing is needed from the partner."
_NEVER_AGAIN: Final = "Never send it again before the bank has answered."


def explain(
    transaction: Transaction,
    *,
    reasons: Mapping[str, ReasonCode],
    holidays: Container[dt.date],
    reader: Reader,
    bank_text: str = "",
) -> Explanation:
    """The explanation of `transaction` for `reader`; `bank_text` is what the bank wrote with the present reason."""
    stage = Stage(transaction.stage)
    reason = reason_for(transaction.reason_code, reasons, reader, bank_text=bank_text, stage=stage)
    late = _is_late(transaction, reader.now)
    actor = _actor(transaction, stage, reason, late=late)
    handling = _handling(stage, actor)
    what, then = _told(transaction, stage, reason, reader)
    open_now = handling in (Handling.NEEDED, Handling.UNDER_WAY)
    return Explanation(
        tone=_tone(stage, late=late),
        place=place_of(transaction),
        what=what,
        then=" ".join(filter(None, [then, _gaps(transaction)])),
        money=money_words(transaction),
        handling=handling,
        who=_who(transaction, stage, actor, reader),
        by=next_update_by(transaction.stage_deadline, reader.now, holidays) if open_now else None,
        waited=reader.now - transaction.stage_since if open_now else None,
        limit=transaction.stage_deadline - transaction.stage_since if open_now and transaction.stage_deadline else None,
        is_late=late and open_now,
        settled_at=transaction.status_since if stage in PAID_STAGES else None,
        rail=paid_by(transaction.rail) if stage in PAID_STAGES else "",
        bank_text=reason.bank_text if reason else "",
    )


def place_of(transaction: Transaction) -> str:
    """What follows the badge: where it failed, or where it stands; nothing where the badge says it all."""
    stage = Stage(transaction.stage)
    if stage in _PLACE_IS_IN_THE_BADGE:
        return ""
    label = stage_label(stage, transaction.step)
    return f"at {label}" if stage in _FAILED or stage is Stage.REJECTED_COMPLIANCE else label


def money_words(transaction: Transaction) -> str:
    """Where the money is, as one would say it."""
    rail = rail_words(transaction.rail)
    match Funds(transaction.funds_position):
        case Funds.NOT_SENT:
            return "Not sent"
        case Funds.AT_RAIL:
            return f"At the rail, {rail}" if rail else "At the rail"
        case Funds.UNKNOWN:
            return f"Not known until {rail} answers" if rail else "Not known"
        case Funds.WITH_BENEFICIARY:
            return "With the beneficiary"
        case Funds.RETURNED:
            return "Sent back"


def rail_words(rail: str) -> str:
    """The name of a rail in a sentence."""
    if rail not in Rail.values:
        return rail
    return _RAIL_WORDS.get(Rail(rail), str(Rail(rail).label))


def paid_by(rail: str) -> str:
    """The rail of a completed payment, by its name and, where that says little, in words."""
    return _PAID_BY.get(Rail(rail), str(Rail(rail).label)) if rail in Rail.values else rail


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number}{ending}"


def numbers_in_words(numbers: list[int]) -> str:
    """ "4", "4 and 5", "4, 5 and 9"; long rows are cut with how many more there are."""
    shown = [str(number) for number in numbers[:6]]
    rest = len(numbers) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def missing_words(numbers: list[int]) -> str:
    """ "Events 4 and 5 have not arrived"."""
    return (
        f"Event {numbers[0]} has not arrived"
        if len(numbers) == 1
        else f"Events {numbers_in_words(numbers)} have not arrived"
    )


# -- who and whether -----------------------------------------------------------------------------------------------


def _is_late(transaction: Transaction, now: dt.datetime) -> bool:
    return transaction.stage_deadline is not None and transaction.stage_deadline < now


def _actor(transaction: Transaction, stage: Stage, reason: Reason | None, *, late: bool) -> Actor:
    if stage in PAID_STAGES or stage in _OVER:
        return Actor.NOBODY
    if stage in _BY_ITSELF:
        on_rtgs = transaction.rail == Rail.RTGS
        return Actor.SYSTEM if not late else Actor.TREASURY if on_rtgs else Actor.OPERATIONS
    if stage in _FAILED:
        return reason.actor if reason else Actor.OPERATIONS
    if stage is Stage.CASH_READY and not late:
        return Actor.BRANCH
    people = {Stage.COMPLIANCE_REVIEW: Actor.COMPLIANCE, Stage.PENDING_APPROVAL: Actor.BRANCH}
    return people.get(stage, Actor.OPERATIONS)


def _handling(stage: Stage, actor: Actor) -> Handling:
    if stage in PAID_STAGES:
        return Handling.COMPLETED
    if actor is Actor.NOBODY:
        return Handling.OVER
    waits_for_the_beneficiary = stage is Stage.CASH_READY and actor is Actor.BRANCH
    return Handling.UNDER_WAY if actor is Actor.SYSTEM or waits_for_the_beneficiary else Handling.NEEDED


def _who(transaction: Transaction, stage: Stage, actor: Actor, reader: Reader) -> str:
    if stage is Stage.CASH_READY and actor is Actor.BRANCH:
        return "The branch, when the beneficiary comes"
    if stage is Stage.PENDING_APPROVAL:
        return "The branch, its second person"
    if actor is Actor.NOBODY:
        return "Nobody: this is final"
    return actor_words(actor, reader, partner=transaction.partner.name)


def _tone(stage: Stage, *, late: bool) -> str:
    if stage in PAID_STAGES:
        return "good"
    if stage in _FAILED or stage in _OVER:
        return "bad"
    return "wait" if late or stage not in _BY_ITSELF else "plain"


# -- the sentences -------------------------------------------------------------------------------------------------


def _told(transaction: Transaction, stage: Stage, reason: Reason | None, reader: Reader) -> tuple[str, str]:
    """What happened, and what helps or comes next."""
    if stage in PAID_STAGES:
        return _paid(transaction, stage, reader), ""
    because = reason.sentence if reason else ""
    helps = reason.helps if reason else ""
    if stage in _FAILED:
        return f"Not paid. {because}".strip(), helps
    if stage in _OVER:
        return _ended(transaction, stage, because, reader), ""
    if stage is Stage.COMPLIANCE_REVIEW:
        return _in_review(transaction, because, reader)
    return _waiting(transaction, stage)


def _paid(transaction: Transaction, stage: Stage, reader: Reader) -> str:
    at = formats.when_in_detail(transaction.status_since, reader.zone)
    if stage is Stage.CASH_PAID:
        return f"Paid out in cash{_at_branch(transaction)} on {at}."
    if stage is Stage.MANUALLY_SETTLED:
        return f"Settled by hand on {at}: a person recorded that the beneficiary has the money."
    reference = transaction.rail_reference or transaction.bank_reference
    inside = transaction.rail == Rail.INTERNAL
    by = " inside our own bank" if inside else f" by {rail_words(transaction.rail)}" if transaction.rail else ""
    return f"Paid on {at}{by}, reference {reference}." if reference else f"Paid on {at}{by}."


def _ended(transaction: Transaction, stage: Stage, because: str, reader: Reader) -> str:
    at = formats.when_in_detail(transaction.stage_since, reader.zone)
    if stage is Stage.RETURNED:
        return f"The money came back on {at}. {because}".strip()
    if stage is Stage.CANCELLED:
        return f"Cancelled before payment on {at}. {because}".strip()
    return f"Rejected by compliance on {at}. {because}".strip() if reader.sees_compliance else f"Not paid. {because}"


def _in_review(transaction: Transaction, because: str, reader: Reader) -> tuple[str, str]:
    if not reader.sees_compliance:
        return "The checks are not finished.", _REVIEWER_DECIDES
    step, result = transaction.step, transaction.stage_result
    if step == EventStage.SCREENING:
        could_not = result in (Result.TIMEOUT, Result.FAILED)
        what = "Screening could not run." if could_not else "Screening found a possible match."
    elif step == EventStage.TITLE_FETCH:
        what = "The title of the account is not the beneficiary's name, or the bank gave none."
    elif step in (EventStage.VALIDATION, EventStage.INTAKE):
        what = f"Fields of the instruction are missing or not correct. {because}".strip()
    else:
        what = f"Sent to compliance after a failed payment. {because}".strip()
    return what, "Compliance decides: release it, reject it or have it corrected."


_RUNNING: Final = {
    Stage.VALIDATION: ("The format of the instruction is being checked.", ""),
    Stage.TITLE_FETCH: ("The bank is being asked for the title of the account.", ""),
    Stage.SCREENING: ("The checks are running.", ""),
    Stage.READY: ("The checks are done.", "The payment is sent next."),
    Stage.PENDING_APPROVAL: ("The branch has not approved it yet.", "It goes on when a second person there approves."),
}


def _waiting(transaction: Transaction, stage: Stage) -> tuple[str, str]:
    if stage in _RUNNING:
        return _RUNNING[stage]
    if stage is Stage.INTAKE:
        return f"The instruction of {transaction.partner.name} is here and is being taken in.", ""
    if stage is Stage.CASH_READY:
        return f"The cash is ready{_at_branch(transaction)}.", "The beneficiary has not picked it up yet."
    return _paying(transaction, stage)


def _paying(transaction: Transaction, stage: Stage) -> tuple[str, str]:
    rail = rail_words(transaction.rail) or "the rail"
    attempt = f", {ordinal(transaction.attempt)} try" if transaction.attempt > 1 else ""
    match stage:
        case Stage.PAYMENT:
            return f"The payment was sent to {rail}{attempt}.", f"{_capital(rail)} has not answered yet."
        case Stage.RTGS_QUEUE:
            return f"The payment waits in the queue of RTGS{attempt}.", "RTGS has not answered yet."
        case Stage.SETTLEMENT:
            not_yet = "It has not confirmed yet that the beneficiary has the money."
            return f"{_capital(rail)} took the payment{attempt}.", not_yet
        case _:
            return f"{_capital(rail)} did not say whether it paid.", _NEVER_AGAIN


def _at_branch(transaction: Transaction) -> str:
    return f" at {transaction.branch.name}" if transaction.branch else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _gaps(transaction: Transaction) -> str:
    missing = list(transaction.missing_sequences)
    told = [f"{missing_words(missing)}: what is shown may not be all." if missing else ""]
    if transaction.contradictions:
        told.append("The platform's events contradict each other: see the timeline.")
    return " ".join(filter(None, told))
