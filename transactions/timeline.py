"""Everything that happened to a transaction, event by event: what, who, how long, what was waited for, what is missing.

Built from the stored events alone, in the order of their numbers. Outside compliance the checks of the parties are told
in neutral words: the same for every outcome but the good one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from transactions import masking
from transactions.discretion import CHECKS, REVIEWER, Reader, Reason, reason_for, without_numbers
from transactions.explain import missing_words, ordinal
from transactions.lifecycle import Happening, Verdict, fold, missing_numbers
from transactions.vocabulary import EventStage, EventType, Funds, Rail, RailReferenceKind, Result

if TYPE_CHECKING:
    from transactions.models import Event, ReasonCode, Transaction

WORTH_TELLING: Final = dt.timedelta(seconds=5)
"""A wait shorter than this is not told."""
IN_PROGRESS: Final = "In progress"
CHECKED: Final = "Checks"


@dataclass(frozen=True, slots=True)
class Detail:
    """A technical detail, ready to show: personal data is masked in `value`."""

    key: str
    value: str
    is_masked: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as one reader sees it. `tone` is good, bad, wait or plain; `took` is how long it lasted."""

    sequence: int
    title: str
    result: str
    tone: str
    icon: str
    at: dt.datetime
    actor: str
    channel: str = ""
    took: dt.timedelta | None = None
    came_late: dt.timedelta | None = None
    reason: Reason | None = None
    facts: tuple[tuple[str, str], ...] = ()
    contradiction: str = ""
    details: tuple[Detail, ...] = ()

    @property
    def anchor(self) -> str:
        return f"event-{self.sequence}"


@dataclass(frozen=True, slots=True)
class Gap:
    """Between two events: how long was waited, or which numbers have not arrived."""

    waited: dt.timedelta | None = None
    missing: str = ""
    is_gap: bool = True


@dataclass(frozen=True, slots=True)
class Timeline:
    """The entries and the gaps between them, oldest first, and what is not there."""

    items: tuple[Entry | Gap, ...]
    missing: str = ""
    entries: tuple[Entry, ...] = field(default=())


def happening_of(event: Event) -> Happening:
    """An event as the fold reads it."""
    return Happening(
        sequence=event.sequence,
        time=event.time,
        stage=event.stage,
        result=event.result,
        attempt=event.attempt,
        funds=event.funds_position,
        reason_code=event.reason_code,
        retry_class=event.retry_class,
        rail=event.rail,
        rail_reference=event.rail_reference,
        rail_reference_kind=event.rail_reference_kind,
        bank_reference=event.bank_reference,
    )


def timeline_of(
    transaction: Transaction, events: Sequence[Event], *, reasons: Mapping[str, ReasonCode], reader: Reader
) -> Timeline:
    """The timeline of `transaction` for `reader`; `events` are all of its events by sequence."""
    verdicts = _verdicts(transaction, events)
    overtaken = _overtaken(events)
    entries = [
        _entry(event, transaction, verdicts.get(event.sequence), overtaken.get(event.sequence), reasons, reader)
        for event in events
    ]
    missing = list(missing_numbers([event.sequence for event in events]))
    return Timeline(
        items=tuple(_with_gaps(entries)),
        missing=missing_words(missing) if missing else "",
        entries=tuple(entries),
    )


def _verdicts(transaction: Transaction, events: Sequence[Event]) -> dict[int, Verdict]:
    stages = [happening_of(event) for event in events if event.type == EventType.STAGE]
    others = [event.sequence for event in events if event.type != EventType.STAGE]
    return fold(transaction.received_at, stages, others).verdicts


def _overtaken(events: Sequence[Event]) -> dict[int, dt.timedelta]:
    """By how much each event that reached us after a later one was late, by its number."""
    late: dict[int, dt.timedelta] = {}
    first_after: dt.datetime | None = None
    for event in reversed(events):
        if first_after is not None and event.received_at > first_after:
            late[event.sequence] = event.received_at - first_after
        first_after = min(first_after, event.received_at) if first_after else event.received_at
    return late


def _with_gaps(entries: Sequence[Entry]) -> Iterable[Entry | Gap]:
    before: Entry | None = None
    for entry in entries:
        if before is not None:
            yield from _between(before, entry)
        yield entry
        before = entry


def _between(before: Entry, entry: Entry) -> Iterable[Gap]:
    lost = list(range(before.sequence + 1, entry.sequence))
    if lost:
        yield Gap(missing=missing_words(lost[:100]))
    began = entry.at - (entry.took or dt.timedelta())
    waited = began - before.at
    if waited >= WORTH_TELLING:
        yield Gap(waited=waited)


# -- one event -----------------------------------------------------------------------------------------------------


def _entry(
    event: Event,
    transaction: Transaction,
    verdict: Verdict | None,
    came_late: dt.timedelta | None,
    reasons: Mapping[str, ReasonCode],
    reader: Reader,
) -> Entry:
    is_veiled = _is_veiled(event, reader)
    return Entry(
        sequence=event.sequence,
        title=_title(event, transaction, reader),
        result=_result(event, reader),
        tone=_tone(event, verdict, is_veiled=is_veiled),
        icon=_icon(event, verdict, is_veiled=is_veiled),
        at=event.time,
        actor=_actor(event, transaction, reader),
        took=event.ended_at - event.started_at if event.started_at and event.ended_at else None,
        came_late=came_late,
        reason=None
        if is_veiled
        else reason_for(event.reason_code, reasons, reader, bank_text=without_numbers(event.reason)),
        facts=tuple(_facts(event, transaction)),
        contradiction=_contradiction(verdict),
        details=tuple(details_of(event, reader)),
    )


def _is_veiled(event: Event, reader: Reader) -> bool:
    """Whether the event speaks of checks whose outcome this reader must not learn."""
    if reader.sees_compliance:
        return False
    return event.type == EventType.SCREENING or event.stage in CHECKS


def _title(event: Event, transaction: Transaction, reader: Reader) -> str:
    match event.type:
        case EventType.RECEIVED:
            return f"Instruction received from {transaction.partner.name}"
        case EventType.SCREENING:
            return _screening_title(event) if reader.sees_compliance else CHECKED
        case EventType.COMMAND:
            return "Answer to what we asked"
    label = _stage_words(event.stage, reader)
    return f"{label}, {ordinal(event.attempt)} try" if event.attempt > 1 else label


def _screening_title(event: Event) -> str:
    party = {"SENDER": "the remitter", "RECEIVER": "the beneficiary"}.get(str(event.data.get("party")), "a party")
    when = " after payment" if event.data.get("timing") == "POST" else ""
    list_name = event.data.get("list", {}).get("name", "")
    return f"Screening of {party}{when}" + (f" against {list_name}" if list_name else "")


def _stage_words(stage: str, reader: Reader) -> str:
    if reader.sees_compliance and stage == EventStage.SCREENING:
        return "Screening"
    if reader.sees_compliance and stage == EventStage.COMPLIANCE_REVIEW:
        return "Compliance review"
    if stage in EventStage.values:
        return str(EventStage(stage).label)
    return f"Unknown ({stage})" if reader.may_read(stage) else "Unknown"


_SCREENING_RESULTS: Final = {"CLEAR": "Clear", "HITS": "Possible match", "ERROR": "Could not run"}
_OUTCOMES: Final = {"SUCCEEDED": "Done", "FAILED": "Failed", "UNKNOWN": "Not known"}


def _result(event: Event, reader: Reader) -> str:
    if event.type == EventType.RECEIVED:
        return "Done"
    if _is_veiled(event, reader):
        return _veiled_result(event)
    if event.type == EventType.SCREENING:
        status = str(event.data.get("status", ""))
        return _SCREENING_RESULTS.get(status, f"Unknown ({status})")
    if event.type == EventType.COMMAND:
        outcome = str(event.data.get("outcome", ""))
        return _OUTCOMES.get(outcome, f"Unknown ({outcome})")
    if event.result in Result.values:
        return str(Result(event.result).label)
    return f"Unknown ({event.result})" if reader.may_read(event.result) else "Unknown"


def _veiled_result(event: Event) -> str:
    """The same word for every outcome of the checks but the good one, and for each list."""
    if event.type == EventType.SCREENING or event.result in (Result.SUCCESS, Result.SKIPPED):
        return "Done"
    if event.stage == EventStage.COMPLIANCE_REVIEW and event.result == Result.FAILED:
        return "Not accepted"
    return IN_PROGRESS


_TONES: Final[dict[str, str]] = {
    Result.SUCCESS: "good",
    Result.FAILED: "bad",
    Result.TIMEOUT: "wait",
    Result.REVIEW: "wait",
}


def _tone(event: Event, verdict: Verdict | None, *, is_veiled: bool) -> str:
    if verdict is not None and (verdict.is_contradictory or verdict is Verdict.NOT_UNDERSTOOD):
        return "wait"
    if is_veiled:
        return {"Done": "good", "Not accepted": "bad"}.get(_veiled_result(event), "plain")
    if event.type == EventType.SCREENING:
        return {"CLEAR": "good", "HITS": "wait"}.get(str(event.data.get("status")), "bad")
    return _TONES.get(event.result, "plain")


_ICONS: Final = {"good": "check", "bad": "failed", "wait": "warning", "plain": "clock"}


def _icon(event: Event, verdict: Verdict | None, *, is_veiled: bool) -> str:
    if event.type == EventType.RECEIVED:
        return "received"
    return _ICONS[_tone(event, verdict, is_veiled=is_veiled)]


_PLACES: Final = {
    "PLATFORM": "Platform",
    "INTERNAL": "Our own bank",
    "COUNTER": "Branch counter",
    "BRANCH": "Branch",
    "1LINK": "1LINK",
    "RAAST": "RAAST",
    "RTGS": "RTGS",
}
_BROUGHT: Final = {"PUSH": "sent by the partner", "PULL": "fetched from the partner", "FILE": "by file"}


def _actor(event: Event, transaction: Transaction, reader: Reader) -> str:
    """Who did it, by the channel it went through."""
    channel = event.channel
    if event.type == EventType.RECEIVED or channel in _BROUGHT:
        how = _BROUGHT.get(channel, "")
        return f"{transaction.partner.name}, {how}" if how else transaction.partner.name
    if channel == "SCREENING" or event.type == EventType.SCREENING:
        return "Screening" if reader.sees_compliance else "Platform"
    if channel == "REVIEW_DESK":
        return "Compliance" if reader.sees_compliance else REVIEWER
    if channel in _PLACES or not channel:
        return _PLACES.get(channel, "Platform")
    return f"Unknown ({channel})" if reader.may_read(channel) else "Unknown"


def _facts(event: Event, transaction: Transaction) -> Iterable[tuple[str, str]]:
    """What the event says about the money, in words."""
    if event.funds_position:
        known = event.funds_position in Funds.values
        yield "Money", str(Funds(event.funds_position).label) if known else f"Unknown ({event.funds_position})"
    if event.rail and event.rail != event.channel:
        yield "Rail", str(Rail(event.rail).label) if event.rail in Rail.values else f"Unknown ({event.rail})"
    if event.rail_reference:
        kind = event.rail_reference_kind
        label = str(RailReferenceKind(kind).label) if kind in RailReferenceKind.values else "Rail reference"
        yield label, event.rail_reference
    if event.bank_reference:
        yield "Bank reference", event.bank_reference
    if event.rail_status:
        yield "Rail status", RAIL_STATUS.get(event.rail_status, f"Unknown ({event.rail_status})")


RAIL_STATUS: Final = {
    "RCVD": "received (RCVD)",
    "ACTC": "technically correct (ACTC)",
    "ACCP": "customer profile accepted (ACCP)",
    "ACFC": "funds checked (ACFC)",
    "ACSP": "settlement in process, not final (ACSP)",
    "ACSC": "settlement completed (ACSC)",
    "ACCC": "creditor credited (ACCC)",
    "ACWC": "accepted with a change (ACWC)",
    "ACWP": "accepted without posting (ACWP)",
    "PDNG": "pending, further checks (PDNG)",
    "RJCT": "refused (RJCT)",
    "CANC": "cancelled (CANC)",
}
"""ISO 20022 payment status (pacs.002 TxSts), DOMAIN.md section 1."""


def _contradiction(verdict: Verdict | None) -> str:
    match verdict:
        case Verdict.CONTRADICTORY:
            return "This contradicts what was known before. It changed nothing."
        case Verdict.APPLIED_CONTRADICTORY:
            return "This contradicts what was known before. It counts all the same, since it proves where the money is."
        case Verdict.AFTER_EVIDENCE:
            return "It came after the proof of where the money is. It changed nothing."
        case Verdict.NOT_UNDERSTOOD:
            return "These words are not known here. It changed nothing."
        case _:
            return ""


# -- technical details ---------------------------------------------------------------------------------------------

_CLEAR: Final = frozenset(
    "endpoint method messageType httpStatus responseCode elapsedMs stan rrn messageId uniqueId railStatus amount"
    " currency bankCode counter settlementDate fileName rules missingField resubmitAfter".split()
)
_FREE_TEXT: Final = frozenset({"responseMessage", "narration"})
_FOR_COMPLIANCE: Final = frozenset("titleMatch list listVersion checked hits".split())
_HIDDEN: Final = masking.DOT * 6


def details_of(event: Event, reader: Reader) -> Iterable[Detail]:
    """The technical details for those who may see them. Only keys of the list are shown, everything else is masked."""
    if not reader.sees_payloads or (_is_veiled(event, reader) and event.stage != EventStage.TITLE_FETCH):
        return
    yield Detail("event", event.event_id)
    if event.type == EventType.RECEIVED:
        return
    for part in ("request", "response"):
        content = event.data.get(part)
        if isinstance(content, dict):
            yield from _shown(part, content, reader)


def _shown(part: str, content: Mapping[str, Any], reader: Reader) -> Iterable[Detail]:
    for key, value in content.items():
        if key in _FOR_COMPLIANCE and not reader.sees_compliance:
            continue
        text = str(value)
        if key in _CLEAR or key in _FOR_COMPLIANCE:
            yield Detail(f"{part} {key}", text) if reader.may_read(text) else Detail(f"{part} {key}", _HIDDEN, True)
        elif key in _FREE_TEXT:
            yield Detail(f"{part} {key}", without_numbers(text) if reader.may_read(text) else _HIDDEN)
        elif key == "accountNumber":
            yield Detail(f"{part} {key}", str(mask_number(text)), True)
        elif reader.may_read(key):
            yield Detail(f"{part} {key}", _HIDDEN, True)


def mask_number(number: str) -> masking.Masked:
    """An account number or IBAN as it is shown to those who did not reveal it."""
    return masking.mask_iban(number) if number[:2].isalpha() else masking.mask_account(number)
