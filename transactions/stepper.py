"""The seven steps of a remittance, and how far this one came: done, now, failed, skipped, not reached."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from transactions.discretion import Reader
from transactions.explain import ordinal
from transactions.vocabulary import PAID_STAGES, EventStage, Stage

if TYPE_CHECKING:
    from transactions.models import Event, Transaction

RECEIVED, VALIDATED, CHECKS, ROUTING, PAYMENT, SETTLEMENT, COMPLETED = STEPS = (
    "Received",
    "Validated",
    "Checks",
    "Routing",
    "Payment",
    "Settlement",
    "Completed",
)

_STEP_OF_EVENT: Final = {
    EventStage.RECEIVED: RECEIVED,
    EventStage.INTAKE: RECEIVED,
    EventStage.VALIDATION: VALIDATED,
    EventStage.TITLE_FETCH: CHECKS,
    EventStage.SCREENING: CHECKS,
    EventStage.COMPLIANCE_REVIEW: CHECKS,
    EventStage.APPROVAL: ROUTING,
    EventStage.PAYMENT: PAYMENT,
    EventStage.RTGS: PAYMENT,
    EventStage.INQUIRY: PAYMENT,
    EventStage.CASH_PAYOUT: PAYMENT,
    EventStage.SETTLEMENT: SETTLEMENT,
    EventStage.MANUAL_SETTLEMENT: SETTLEMENT,
}
_NOW: Final = {
    Stage.INTAKE: RECEIVED,
    Stage.VALIDATION: VALIDATED,
    Stage.TITLE_FETCH: CHECKS,
    Stage.SCREENING: CHECKS,
    Stage.COMPLIANCE_REVIEW: CHECKS,
    Stage.READY: ROUTING,
    Stage.PENDING_APPROVAL: ROUTING,
    Stage.PAYMENT: PAYMENT,
    Stage.RTGS_QUEUE: PAYMENT,
    Stage.OUTCOME_UNKNOWN: PAYMENT,
    Stage.CASH_READY: PAYMENT,
    Stage.SETTLEMENT: SETTLEMENT,
    Stage.REJECTED_COMPLIANCE: CHECKS,
}
_WORDS: Final = {"done": "Done", "now": "Now", "bad": "Failed", "skip-step": "Skipped", "todo": "Not reached"}
_ICONS: Final = {"done": "check", "now": "clock", "bad": "failed", "skip-step": "right", "todo": "right"}


@dataclass(frozen=True, slots=True)
class StepShown:
    """One step: its name, how it stands (`state` is also the style's name), when it was reached, how long it took."""

    name: str
    state: str
    word: str
    icon: str
    at: dt.datetime | None = None
    took: dt.timedelta | None = None
    note: str = ""


def steps_of(transaction: Transaction, events: Sequence[Event], reader: Reader) -> list[StepShown]:
    """The seven steps of `transaction` as `reader` sees them; `events` are all of its events by sequence."""
    stage = Stage(transaction.stage)
    if stage in PAID_STAGES:
        present, failed = len(STEPS), False
    else:
        present, failed = _present(transaction, stage, events), stage not in _NOW or stage is Stage.REJECTED_COMPLIANCE
    return [
        _step(name, place, present, transaction=transaction, events=events, reader=reader, failed=failed)
        for place, name in enumerate(STEPS)
    ]


def _present(transaction: Transaction, stage: Stage, events: Sequence[Event]) -> int:
    """The place of the step where the transaction stands or stopped."""
    if stage is Stage.RETURNED:
        return STEPS.index(COMPLETED)
    if stage in _NOW:
        return STEPS.index(_NOW[stage])
    if transaction.step in _STEP_OF_EVENT:
        return STEPS.index(_STEP_OF_EVENT[EventStage(transaction.step)])
    reached = [STEPS.index(_STEP_OF_EVENT[EventStage(e.stage)]) for e in events if e.stage in _STEP_OF_EVENT]
    return max(reached, default=0)


def _step(
    name: str,
    place: int,
    present: int,
    *,
    transaction: Transaction,
    events: Sequence[Event],
    reader: Reader,
    failed: bool,
) -> StepShown:
    own = [
        event for event in events if event.stage in _STEP_OF_EVENT and _STEP_OF_EVENT[EventStage(event.stage)] == name
    ]
    at, took = _times(name, own, transaction, events)
    if place > present:
        return StepShown(name, "todo", _WORDS["todo"], _ICONS["todo"])
    if place == present:
        state = "bad" if failed else "now"
        word = _stopped_word(transaction) if failed else _WORDS["now"]
        since = transaction.stage_since
        running = reader.now - since if state == "now" else took
        return StepShown(name, state, word, _ICONS[state], since, running, _note(name, own, transaction, reader))
    if not own and name == SETTLEMENT:
        return StepShown(name, "skip-step", "Skipped, paid at once", _ICONS["skip-step"])
    return StepShown(name, "done", _WORDS["done"], _ICONS["done"], at, took, _note(name, own, transaction, reader))


def _stopped_word(transaction: Transaction) -> str:
    return {Stage.CANCELLED: "Cancelled", Stage.RETURNED: "Sent back"}.get(Stage(transaction.stage), _WORDS["bad"])


def _times(
    name: str, own: Sequence[Event], transaction: Transaction, events: Sequence[Event]
) -> tuple[dt.datetime | None, dt.timedelta | None]:
    """When the step was finished, and how long it took from its first sign to its last."""
    if name == COMPLETED:
        return transaction.status_since, transaction.status_since - transaction.received_at
    if name == RECEIVED:
        last = max((event.time for event in own), default=transaction.received_at)
        return last, last - transaction.received_at
    if name == ROUTING and not own:
        return _routed(events)
    if not own:
        return None, None
    begun = min(event.started_at or event.time for event in own)
    ended = max(event.time for event in own)
    return ended, ended - begun


def _routed(events: Sequence[Event]) -> tuple[dt.datetime | None, dt.timedelta | None]:
    """Routing has no event of its own: it lasts from the end of the checks to the start of the payment."""

    def step_of(event: Event) -> str:
        return _STEP_OF_EVENT.get(EventStage(event.stage), "") if event.stage in EventStage.values else ""

    paying = [event.started_at or event.time for event in events if step_of(event) == PAYMENT]
    checked = [event.time for event in events if step_of(event) == CHECKS]
    if not paying:
        return None, None
    start = min(paying)
    before = [moment for moment in checked if moment <= start]
    return start, start - max(before) if before else None


def _note(name: str, own: Sequence[Event], transaction: Transaction, reader: Reader) -> str:
    if name == PAYMENT:
        tries = max((event.attempt for event in own), default=0)
        return f"{ordinal(tries)} try" if tries > 1 else ""
    if name == CHECKS and transaction.screened_late and reader.sees_compliance:
        return "Checked after payment"
    return ""
