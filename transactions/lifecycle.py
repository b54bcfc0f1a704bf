"""How a transaction moves: the table, and the fold of its events into one state.

The platform owns the status. Its events, in the order of their sequence numbers, are folded into a state by the rules
of DECISIONS.md section 2; nothing else in the product computes or assigns a status. Everything here is pure: no
database, no clock, no data that an administrator can edit (an event carries its reason's retry class from arrival).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Final

from transactions.vocabulary import EVIDENCE_STAGES, PAID_STAGES, EventStage, Funds, Result, RetryClass, Stage, Status

POSITION: Final[dict[Stage, tuple[Status, Funds]]] = {
    Stage.INTAKE: (Status.RECEIVED, Funds.NOT_SENT),
    Stage.VALIDATION: (Status.RECEIVED, Funds.NOT_SENT),
    Stage.TITLE_FETCH: (Status.VALIDATED, Funds.NOT_SENT),
    Stage.SCREENING: (Status.VALIDATED, Funds.NOT_SENT),
    Stage.READY: (Status.VALIDATED, Funds.NOT_SENT),
    Stage.COMPLIANCE_REVIEW: (Status.PENDING, Funds.NOT_SENT),
    Stage.PENDING_APPROVAL: (Status.PENDING, Funds.NOT_SENT),
    Stage.PAYMENT: (Status.PENDING, Funds.UNKNOWN),
    Stage.RTGS_QUEUE: (Status.PENDING, Funds.UNKNOWN),
    Stage.SETTLEMENT: (Status.PENDING, Funds.AT_RAIL),
    Stage.OUTCOME_UNKNOWN: (Status.PENDING, Funds.UNKNOWN),
    Stage.CASH_READY: (Status.PENDING, Funds.NOT_SENT),
    Stage.FAILED_RETRYABLE: (Status.FAILED, Funds.NOT_SENT),
    Stage.FAILED_FINAL: (Status.FAILED, Funds.NOT_SENT),
    Stage.REJECTED_COMPLIANCE: (Status.FAILED, Funds.NOT_SENT),
    Stage.CANCELLED: (Status.FAILED, Funds.NOT_SENT),
    Stage.RETURNED: (Status.FAILED, Funds.RETURNED),
    Stage.CREDITED: (Status.COMPLETED, Funds.WITH_BENEFICIARY),
    Stage.CASH_PAID: (Status.COMPLETED, Funds.WITH_BENEFICIARY),
    Stage.MANUALLY_SETTLED: (Status.COMPLETED, Funds.WITH_BENEFICIARY),
}
"""The status and the place of the money that go with each stage. The database holds the same table as a constraint."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What the fold needs to know of one stage event. Words it does not know are kept as text and move nothing."""

    sequence: int
    time: datetime
    stage: str
    result: str
    attempt: int = 0
    funds: str = ""
    reason_code: str = ""
    retry_class: str = ""
    rail: str = ""
    rail_reference: str = ""
    rail_reference_kind: str = ""
    bank_reference: str = ""


class Verdict(StrEnum):
    """What the fold made of an event."""

    APPLIED = "applied"
    AFTER_EVIDENCE = "after_evidence"
    CONTRADICTORY = "contradictory"
    APPLIED_CONTRADICTORY = "applied_contradictory"
    NOT_UNDERSTOOD = "not_understood"

    @property
    def is_contradictory(self) -> bool:
        return self in (Verdict.CONTRADICTORY, Verdict.APPLIED_CONTRADICTORY)

    @property
    def moved(self) -> bool:
        return self in (Verdict.APPLIED, Verdict.APPLIED_CONTRADICTORY)


@dataclass(frozen=True, slots=True)
class State:
    """Where a transaction stands. `sequence` is the highest number folded in; times are those of the events."""

    stage: Stage
    step: str
    stage_result: str
    status_since: datetime
    stage_since: datetime
    sequence: int = 1
    reason_code: str = ""
    attempt: int = 0
    rail: str = ""
    rail_reference: str = ""
    rail_reference_kind: str = ""
    bank_reference: str = ""

    @property
    def status(self) -> Status:
        return POSITION[self.stage][0]

    @property
    def funds_position(self) -> Funds:
        return POSITION[self.stage][1]


@dataclass(frozen=True, slots=True)
class Folded:
    """The outcome of a fold: the state, what became of each event by sequence, and the numbers that are missing."""

    state: State
    verdicts: dict[int, Verdict]
    missing: tuple[int, ...]

    @property
    def contradictory(self) -> tuple[int, ...]:
        return tuple(number for number, verdict in self.verdicts.items() if verdict.is_contradictory)


# -- the table --------------------------------------------------------------------------------------------------------

_BEFORE_PAYMENT: Final = frozenset({Stage.INTAKE, Stage.VALIDATION, Stage.TITLE_FETCH, Stage.SCREENING, Stage.READY})
_IN_PAYMENT: Final = frozenset({Stage.PAYMENT, Stage.RTGS_QUEUE, Stage.SETTLEMENT, Stage.OUTCOME_UNKNOWN})
_DECIDABLE: Final = frozenset({Stage.COMPLIANCE_REVIEW, Stage.PENDING_APPROVAL})
_PAYABLE: Final = frozenset({Stage.READY, Stage.FAILED_RETRYABLE})

ALLOWED: Final[dict[EventStage, dict[Stage, frozenset[Stage]]]] = {
    EventStage.INTAKE: {
        Stage.VALIDATION: frozenset({Stage.INTAKE}),
        Stage.COMPLIANCE_REVIEW: frozenset({Stage.INTAKE}),
        Stage.FAILED_FINAL: frozenset({Stage.INTAKE}),
    },
    EventStage.VALIDATION: {
        Stage.TITLE_FETCH: frozenset({Stage.INTAKE, Stage.VALIDATION}),
        Stage.COMPLIANCE_REVIEW: frozenset({Stage.INTAKE, Stage.VALIDATION}),
        Stage.FAILED_FINAL: frozenset({Stage.INTAKE, Stage.VALIDATION}),
    },
    EventStage.TITLE_FETCH: {
        Stage.TITLE_FETCH: frozenset({Stage.TITLE_FETCH, Stage.COMPLIANCE_REVIEW}),
        Stage.SCREENING: frozenset({Stage.TITLE_FETCH}),
        Stage.COMPLIANCE_REVIEW: frozenset({Stage.TITLE_FETCH}),
    },
    EventStage.SCREENING: {
        Stage.SCREENING: frozenset({Stage.TITLE_FETCH, Stage.SCREENING, Stage.COMPLIANCE_REVIEW}),
        Stage.READY: frozenset({Stage.SCREENING}),
        Stage.COMPLIANCE_REVIEW: frozenset({Stage.SCREENING}),
    },
    EventStage.COMPLIANCE_REVIEW: {
        Stage.COMPLIANCE_REVIEW: frozenset(
            {Stage.TITLE_FETCH, Stage.SCREENING, Stage.READY, Stage.FAILED_RETRYABLE, *_DECIDABLE}
        ),
        Stage.READY: _DECIDABLE,
        Stage.REJECTED_COMPLIANCE: _DECIDABLE,
    },
    EventStage.APPROVAL: {
        Stage.PENDING_APPROVAL: frozenset(
            {Stage.READY, Stage.COMPLIANCE_REVIEW, Stage.PENDING_APPROVAL, Stage.CASH_READY}
        ),
        Stage.READY: frozenset({Stage.PENDING_APPROVAL}),
        Stage.CANCELLED: frozenset({Stage.PENDING_APPROVAL}),
    },
    EventStage.PAYMENT: {
        Stage.PAYMENT: _PAYABLE | {Stage.PAYMENT},
        Stage.SETTLEMENT: frozenset({Stage.PAYMENT, Stage.SETTLEMENT, Stage.OUTCOME_UNKNOWN}),
        Stage.CREDITED: frozenset({Stage.PAYMENT, Stage.SETTLEMENT, Stage.OUTCOME_UNKNOWN}),
        Stage.FAILED_RETRYABLE: frozenset({Stage.PAYMENT, Stage.SETTLEMENT}),
        Stage.FAILED_FINAL: frozenset({Stage.PAYMENT, Stage.SETTLEMENT}),
        Stage.OUTCOME_UNKNOWN: frozenset({Stage.PAYMENT, Stage.SETTLEMENT, Stage.OUTCOME_UNKNOWN}),
        Stage.RETURNED: frozenset({Stage.PAYMENT, Stage.SETTLEMENT, Stage.OUTCOME_UNKNOWN}),
    },
    EventStage.RTGS: {
        Stage.RTGS_QUEUE: _PAYABLE | {Stage.RTGS_QUEUE},
        Stage.SETTLEMENT: frozenset({Stage.RTGS_QUEUE, Stage.SETTLEMENT, Stage.OUTCOME_UNKNOWN}),
        Stage.CREDITED: _IN_PAYMENT,
        Stage.FAILED_RETRYABLE: frozenset({Stage.RTGS_QUEUE, Stage.SETTLEMENT}),
        Stage.FAILED_FINAL: frozenset({Stage.RTGS_QUEUE, Stage.SETTLEMENT}),
        Stage.OUTCOME_UNKNOWN: frozenset({Stage.RTGS_QUEUE, Stage.SETTLEMENT, Stage.OUTCOME_UNKNOWN}),
        Stage.RETURNED: _IN_PAYMENT,
    },
    EventStage.SETTLEMENT: {
        Stage.SETTLEMENT: frozenset({Stage.SETTLEMENT}),
        Stage.CREDITED: _IN_PAYMENT | PAID_STAGES,
        Stage.FAILED_RETRYABLE: frozenset({Stage.SETTLEMENT}),
        Stage.FAILED_FINAL: frozenset({Stage.SETTLEMENT}),
        Stage.OUTCOME_UNKNOWN: frozenset({Stage.SETTLEMENT, Stage.OUTCOME_UNKNOWN}),
        Stage.RETURNED: frozenset({Stage.SETTLEMENT, Stage.OUTCOME_UNKNOWN, *EVIDENCE_STAGES}),
    },
    EventStage.INQUIRY: {
        Stage.CREDITED: _IN_PAYMENT | PAID_STAGES | {Stage.FAILED_RETRYABLE},
        Stage.SETTLEMENT: _IN_PAYMENT | {Stage.FAILED_RETRYABLE},
        Stage.FAILED_RETRYABLE: frozenset(
            {Stage.PAYMENT, Stage.SETTLEMENT, Stage.OUTCOME_UNKNOWN, Stage.FAILED_RETRYABLE}
        ),
        Stage.RETURNED: _IN_PAYMENT | {Stage.FAILED_RETRYABLE, *EVIDENCE_STAGES},
    },
    EventStage.CASH_PAYOUT: {
        Stage.CASH_READY: frozenset({Stage.READY, Stage.CASH_READY, Stage.PENDING_APPROVAL}),
        Stage.CASH_PAID: frozenset({Stage.CASH_READY}),
        Stage.FAILED_FINAL: frozenset({Stage.CASH_READY}),
    },
    EventStage.MANUAL_SETTLEMENT: {
        Stage.MANUALLY_SETTLED: frozenset({Stage.RTGS_QUEUE, Stage.SETTLEMENT, Stage.OUTCOME_UNKNOWN}),
    },
    EventStage.RETURN: {Stage.RETURNED: _IN_PAYMENT | EVIDENCE_STAGES | {Stage.FAILED_FINAL, Stage.CASH_READY}},
    EventStage.CANCELLATION: {
        Stage.CANCELLED: _BEFORE_PAYMENT | _DECIDABLE | {Stage.CASH_READY, Stage.FAILED_RETRYABLE},
    },
}
"""For each event stage and the stage it leads to: the stages from which the table allows that step."""


# -- what an event asks for -------------------------------------------------------------------------------------------

_EVENT_STAGES: Final = frozenset(EventStage.values)
_RESULTS: Final = frozenset(Result.values)
_CORRECTABLE_AT: Final = frozenset({EventStage.INTAKE, EventStage.VALIDATION})
_FAILS_FOR_GOOD: Final = frozenset({RetryClass.NEVER, RetryClass.RETURN})
_SUCCESS_LEADS_TO: Final = {
    EventStage.INTAKE: Stage.VALIDATION,
    EventStage.VALIDATION: Stage.TITLE_FETCH,
    EventStage.TITLE_FETCH: Stage.SCREENING,
    EventStage.SCREENING: Stage.READY,
    EventStage.COMPLIANCE_REVIEW: Stage.READY,
    EventStage.APPROVAL: Stage.READY,
    EventStage.SETTLEMENT: Stage.CREDITED,
    EventStage.CASH_PAYOUT: Stage.CASH_PAID,
    EventStage.MANUAL_SETTLEMENT: Stage.MANUALLY_SETTLED,
    EventStage.RETURN: Stage.RETURNED,
    EventStage.CANCELLATION: Stage.CANCELLED,
}
_START_LEADS_TO: Final = {
    EventStage.TITLE_FETCH: Stage.TITLE_FETCH,
    EventStage.SCREENING: Stage.SCREENING,
    EventStage.COMPLIANCE_REVIEW: Stage.COMPLIANCE_REVIEW,
    EventStage.APPROVAL: Stage.PENDING_APPROVAL,
    EventStage.PAYMENT: Stage.PAYMENT,
    EventStage.RTGS: Stage.RTGS_QUEUE,
    EventStage.CASH_PAYOUT: Stage.CASH_READY,
}
_INQUIRY_FINDS: Final[dict[str, Stage]] = {
    Funds.WITH_BENEFICIARY: Stage.CREDITED,
    Funds.AT_RAIL: Stage.SETTLEMENT,
    Funds.NOT_SENT: Stage.FAILED_RETRYABLE,
    Funds.RETURNED: Stage.RETURNED,
}
_PAYING: Final = frozenset({EventStage.PAYMENT, EventStage.RTGS, EventStage.SETTLEMENT})
_FAILS_CLOSED: Final = frozenset({EventStage.TITLE_FETCH, EventStage.SCREENING})


def understood(stage: str, result: str) -> bool:
    """Whether both words are in the vocabulary. An event with any other is kept, shown and moves nothing."""
    return stage in _EVENT_STAGES and result in _RESULTS


def leads_to(event: Happening) -> Stage | None:
    """The stage that an event asks for, whatever the present one; None when it asks for no move."""
    if not understood(event.stage, event.result):
        return None
    stage, result = EventStage(event.stage), Result(event.result)
    evidence = _evidence(stage, result, event.funds)
    if evidence:
        return evidence
    match result:
        case Result.STARTED:
            return _START_LEADS_TO.get(stage)
        case Result.SUCCESS:
            return _after_success(stage, event.funds)
        case Result.FAILED:
            return _after_failure(stage, event)
        case Result.TIMEOUT:
            return (
                Stage.OUTCOME_UNKNOWN
                if stage in _PAYING
                else Stage.COMPLIANCE_REVIEW
                if stage in _FAILS_CLOSED
                else None
            )
        case Result.REVIEW:
            return Stage.COMPLIANCE_REVIEW if stage in _FAILS_CLOSED else None
        case Result.SKIPPED:
            return _SUCCESS_LEADS_TO[stage] if stage is EventStage.TITLE_FETCH else None


def _evidence(stage: EventStage, result: Result, funds: str) -> Stage | None:
    """The stage proved by an event that says the beneficiary has the money, or that it came back."""
    if funds == Funds.RETURNED:
        return Stage.RETURNED
    by_deed = {
        EventStage.CASH_PAYOUT: Stage.CASH_PAID,
        EventStage.MANUAL_SETTLEMENT: Stage.MANUALLY_SETTLED,
        EventStage.RETURN: Stage.RETURNED,
    }
    if result is Result.SUCCESS and stage in by_deed:
        return by_deed[stage]
    if funds == Funds.WITH_BENEFICIARY:
        return Stage.CREDITED
    return None


def _after_success(stage: EventStage, funds: str) -> Stage | None:
    if stage is EventStage.INQUIRY:
        return _INQUIRY_FINDS.get(funds)
    if stage in (EventStage.PAYMENT, EventStage.RTGS):
        return Stage.SETTLEMENT if funds == Funds.AT_RAIL else Stage.OUTCOME_UNKNOWN
    if stage is EventStage.SETTLEMENT and funds:
        return Stage.SETTLEMENT if funds == Funds.AT_RAIL else Stage.OUTCOME_UNKNOWN
    return _SUCCESS_LEADS_TO.get(stage)


def _after_failure(stage: EventStage, event: Happening) -> Stage | None:
    if stage in _PAYING:
        return _after_failed_payment(event)
    if stage in _CORRECTABLE_AT:
        return Stage.COMPLIANCE_REVIEW if event.retry_class == RetryClass.CORRECT else Stage.FAILED_FINAL
    if stage in _FAILS_CLOSED:
        return Stage.COMPLIANCE_REVIEW
    return {
        EventStage.COMPLIANCE_REVIEW: Stage.REJECTED_COMPLIANCE,
        EventStage.APPROVAL: Stage.CANCELLED,
        EventStage.CASH_PAYOUT: Stage.FAILED_FINAL,
    }.get(stage)


def _after_failed_payment(event: Happening) -> Stage:
    if event.funds in (Funds.UNKNOWN, Funds.AT_RAIL):
        return Stage.OUTCOME_UNKNOWN
    if event.reason_code == "DUPL" and event.attempt > 1:
        return Stage.OUTCOME_UNKNOWN
    return Stage.FAILED_FINAL if event.retry_class in _FAILS_FOR_GOOD else Stage.FAILED_RETRYABLE


def is_money_evidence(event: Happening) -> bool:
    """Whether the event proves that the beneficiary has the money or that it came back."""
    return leads_to(event) in EVIDENCE_STAGES


def allows(stage: Stage, event: Happening) -> bool:
    """Whether the table allows `event` in `stage`. An event that asks for no move is allowed everywhere."""
    target = leads_to(event)
    if target is None:
        return understood(event.stage, event.result)
    return stage in ALLOWED.get(EventStage(event.stage), {}).get(target, frozenset())


# -- the fold ---------------------------------------------------------------------------------------------------------


def first_state(received_at: datetime) -> State:
    """The state that the instruction itself makes: received, at intake, sequence 1."""
    return State(Stage.INTAKE, EventStage.RECEIVED.value, Result.SUCCESS.value, received_at, received_at)


def apply(state: State, event: Happening, *, after_gap: bool = False) -> tuple[State, Verdict]:
    """One step of the fold: `event` is the next by sequence. `after_gap` says that the number before it is missing.

    Money evidence always applies; after it nothing else moves the state; any other event applies where the table
    allows it or where what came before it is not known.
    """
    counted = replace(state, sequence=max(state.sequence, event.sequence))
    if not understood(event.stage, event.result):
        return counted, Verdict.NOT_UNDERSTOOD
    allowed = allows(state.stage, event)
    if is_money_evidence(event):
        return _move(counted, event), Verdict.APPLIED if allowed else Verdict.APPLIED_CONTRADICTORY
    if state.stage in EVIDENCE_STAGES:
        return counted, Verdict.AFTER_EVIDENCE
    if allowed or after_gap:
        return _move(counted, event), Verdict.APPLIED
    return counted, Verdict.CONTRADICTORY


def _move(state: State, event: Happening) -> State:
    target = _target(state.stage, event)
    moved = target is not state.stage
    new_status = POSITION[target][0] is not POSITION[state.stage][0]
    return replace(
        state,
        stage=target,
        step=event.stage,
        stage_result=event.result,
        stage_since=event.time if moved else state.stage_since,
        status_since=event.time if new_status else state.status_since,
        reason_code=_reason(state, event, target),
        attempt=max(state.attempt, event.attempt),
        rail=event.rail or state.rail,
        rail_reference=event.rail_reference or state.rail_reference,
        rail_reference_kind=(event.rail_reference_kind if event.rail_reference else state.rail_reference_kind),
        bank_reference=event.bank_reference or state.bank_reference,
    )


def _target(stage: Stage, event: Happening) -> Stage:
    target = leads_to(event) or stage
    already_paid = target is Stage.CREDITED and POSITION[stage][0] is Status.COMPLETED
    return stage if already_paid else target


def _reason(state: State, event: Happening, target: Stage) -> str:
    """The reason stands while the trouble lasts and goes when the transaction moves on without one."""
    if event.reason_code:
        return event.reason_code
    troubled = target is state.stage or target in (
        Stage.FAILED_RETRYABLE,
        Stage.FAILED_FINAL,
        Stage.RETURNED,
        Stage.OUTCOME_UNKNOWN,
    )
    return state.reason_code if troubled else ""


def fold(received_at: datetime, events: Iterable[Happening], other_numbers: Iterable[int] = ()) -> Folded:
    """The state of a transaction from its instruction (sequence 1, at `received_at`) and its stage events in any order.

    `other_numbers` are the sequence numbers of its events that are not stage events (screening, command answers):
    they move nothing but are not missing either. An event that stands twice counts once.
    """
    by_number = {event.sequence: event for event in events}
    present = sorted({1, *by_number, *other_numbers})
    state, verdicts, previous = first_state(received_at), {}, 1
    for number in present:
        event = by_number.get(number)
        if event is not None:
            state, verdicts[number] = apply(state, event, after_gap=number > previous + 1)
        elif number > state.sequence:
            state = replace(state, sequence=number)
        previous = number
    return Folded(state, verdicts, missing_numbers(present))


def missing_numbers(present: Sequence[int], limit: int = 100) -> tuple[int, ...]:
    """The sequence numbers between those that are there, smallest first, at most `limit` of them."""
    missing: list[int] = []
    for before, after in pairwise(present):
        missing.extend(range(before + 1, min(after, before + 1 + limit)))
        if len(missing) >= limit:
            break
    return tuple(missing[:limit])
