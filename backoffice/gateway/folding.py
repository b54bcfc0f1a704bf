"""What the events of a delivery make of each transaction: its new state by the fold, and what follows from the fold.

Deadlines, flags and exceptions follow; the state itself is the fold's alone (transactions/lifecycle.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from django.db import connection

from backoffice.gateway.judging import Arrival, Standing
from backoffice.gateway.known import Reference, iban_of
from backoffice.gateway.validator import Envelope
from compliance import opening as cases
from compliance import recording
from compliance.models import ScreeningCheck
from exceptions.models import Kind
from exceptions.opening import Cause, Changed
from transactions.bank_days import ZONE
from transactions.lifecycle import Happening, State, apply, first_state, fold
from transactions.vocabulary import (
    EVIDENCE_STAGES,
    EventStage,
    EventType,
    Funds,
    PayoutMethod,
    Rail,
    RailReferenceKind,
    Result,
    RetryClass,
    Stage,
    Status,
    TitleMatch,
    TransactionType,
)

_TITLE_MATCHES: Final = frozenset(TitleMatch.values)
_LARGEST_COUNT: Final = 32_767


@dataclass(slots=True)
class Title:
    """What the bank said of the account: the number of the event that said it, the title, how it agrees."""

    sequence: int
    fetched: str
    match: str


@dataclass(slots=True)
class Outcome:
    """What is to be written of one transaction: `row` with its columns, a new title, and what exceptions follow."""

    standing: Standing
    row: dict[str, Any]
    holding: list[Cause]
    happened: list[Cause]
    moved: bool
    changes_row: bool
    title: Title | None = None

    @property
    def is_new(self) -> bool:
        return self.standing.row is None

    @property
    def money_came_back(self) -> bool:
        """Whether the beneficiary had the money and has it no more."""
        before = self.standing.row
        return before is not None and before["status"] == Status.COMPLETED and self.row["status"] != Status.COMPLETED

    @property
    def changed(self) -> Changed:
        """For the exceptions; only once the transaction has its primary key."""
        return Changed(
            self.row["id"], holding=self.holding, happened=self.happened, moved=self.moved, is_new=self.is_new
        )

    def reviewed(self, reference: Reference) -> cases.Changed:
        """For the cases of compliance; only once the transaction has its primary key."""
        row = self.row
        checks = [arrival.event for arrival in self.standing.arrivals if arrival.event.type == EventType.SCREENING]
        after_payment = row["stage"] in EVIDENCE_STAGES and any(_finds_late(event, row) for event in checks)
        return cases.Changed(
            row["id"],
            stage=row["stage"],
            since=row["stage_since"],
            due=row["stage_deadline"],
            moved=self.moved,
            is_new=self.is_new,
            screened=bool(checks),
            hits_after_payment=after_payment,
            post_due=_due_after_payment(checks, row, reference) if after_payment else None,
        )


@dataclass(slots=True)
class Stored:
    """The timeline of a transaction as it is stored: what the fold needs of it."""

    happenings: list[Happening] = field(default_factory=list)
    other_numbers: list[int] = field(default_factory=list)
    titles: list[Title] = field(default_factory=list)


# -- from events ------------------------------------------------------------------------------------------------------


def happening_of(event: Envelope, reference: Reference) -> Happening:
    """What the fold needs of a stage event. The retry class is what the reason code means now, at arrival."""
    said = event.values
    return Happening(
        sequence=event.sequence,
        time=event.time,
        stage=said["stage"],
        result=said["result"],
        attempt=said.get("attempt", 1),
        funds=said.get("fundsPosition", ""),
        reason_code=said.get("reasonCode", ""),
        retry_class=retry_class_of(event, reference),
        rail=said.get("rail", ""),
        rail_reference=said.get("railReference", ""),
        rail_reference_kind=said.get("railReferenceKind", ""),
        bank_reference=said.get("bankReference", ""),
    )


def retry_class_of(event: Envelope, reference: Reference) -> str:
    """The retry class of the event's reason; a code that nobody knows needs an inquiry first."""
    code = event.values.get("reasonCode", "")
    return reference.retry_classes.get(code, RetryClass.INQUIRE.value) if code else ""


def _title_of(event: Envelope) -> Title | None:
    said = event.values
    match = said.get("response.titleMatch", "")
    fetched = said.get("response.accountTitle", "")
    if said["stage"] != EventStage.TITLE_FETCH or not (match or fetched):
        return None
    return Title(event.sequence, fetched, match if match in _TITLE_MATCHES else "")


def unknown_words(event: Envelope, reference: Reference) -> dict[str, str]:
    """The words of an event that are in no vocabulary, by field; they are kept and shown as "Unknown (…)"."""
    said = event.values
    if event.type == EventType.SCREENING:
        return recording.unknown_words(said)
    known: dict[str, Iterable[str]] = {"reasonCode": reference.retry_classes}
    if event.type == EventType.STAGE:
        known |= _STAGE_WORDS
    return {name: said[name] for name, words in known.items() if said.get(name) and said[name] not in words}


_STAGE_WORDS: Final[dict[str, Iterable[str]]] = {
    "stage": frozenset(EventStage.values) - {EventStage.RECEIVED.value},
    "result": frozenset(Result.values),
    "rail": frozenset(Rail.values),
    "railReferenceKind": frozenset(RailReferenceKind.values),
    "fundsPosition": frozenset(Funds.values),
    "response.titleMatch": _TITLE_MATCHES,
}


# -- the fold ---------------------------------------------------------------------------------------------------------


def fold_in(standings: Sequence[Standing], reference: Reference, *, at: datetime) -> list[Outcome]:
    """The outcome for every transaction that an event or a mark changes."""
    touched = [one for one in standings if _changes_row(one) or one.happened]
    timelines = _timelines([one for one in touched if one.row and one.arrivals and not _follows_on(one)])
    outcomes = [_outcome(one, timelines.get(one.txn_id), reference, at) for one in touched]
    _flag_late_screening(outcomes)
    return outcomes


def _changes_row(standing: Standing) -> bool:
    marked = standing.is_twin and standing.row is not None and not standing.row["duplicate_suspect"]
    return bool(standing.arrivals) or standing.instruction is not None or marked


def _follows_on(standing: Standing) -> bool:
    """Whether what arrives goes on from the highest number that was taken in, without a gap."""
    numbers = sorted(arrival.event.sequence for arrival in standing.arrivals)
    first = standing.row["sequence"] + 1 if standing.row else 2
    return numbers == list(range(first, first + len(numbers)))


def _timelines(standings: Sequence[Standing]) -> dict[str, Stored]:
    """The stored timelines of transactions whose events do not simply go on."""
    if not standings:
        return {}
    timelines = {standing.txn_id: Stored() for standing in standings}
    for txn_id, type_, fetched, match, *said in _stored_events([one.row["id"] for one in standings if one.row]):
        stored, sequence = timelines[txn_id], said[0]
        if type_ == EventType.STAGE:
            stored.happenings.append(Happening(*said))
            if fetched or match:
                stored.titles.append(Title(sequence, fetched, match if match in _TITLE_MATCHES else ""))
        else:
            stored.other_numbers.append(sequence)
    return timelines


def _stored_events(ids: list[int]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.txn_id, e.type,"
            " CASE WHEN e.stage = 'title_fetch' THEN coalesce(e.data -> 'response' ->> 'accountTitle', '') ELSE '' END,"
            " CASE WHEN e.stage = 'title_fetch' THEN coalesce(e.data -> 'response' ->> 'titleMatch', '') ELSE '' END,"
            " e.sequence, e.time, e.stage, e.result, e.attempt, e.funds_position, e.reason_code, e.retry_class,"
            " e.rail, e.rail_reference, e.rail_reference_kind, e.bank_reference"
            " FROM transactions_event e JOIN transactions_transaction t ON t.id = e.transaction_id"
            " WHERE e.transaction_id = ANY(%s) ORDER BY e.transaction_id, e.sequence",
            [ids],
        )
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _outcome(standing: Standing, stored: Stored | None, reference: Reference, at: datetime) -> Outcome:
    row = dict(standing.row) if standing.row else _new_row(standing, reference, at)
    if standing.instruction or standing.arrivals:
        _take_state(row, _folded(standing, row, stored, reference))
        row["updated_at"] = at
    if standing.is_twin:
        row["duplicate_suspect"] = True
    before = standing.row or {}
    moved = any(row[name] != before.get(name) for name in ("stage", "stage_since", "status_since"))
    if moved or row["rail"] != before.get("rail"):
        row["stage_deadline"] = _deadline(standing, row, reference)
    if standing.row and moved:
        row["version"] += 1
    return Outcome(
        standing,
        row,
        holding=_holding(row),
        happened=[*standing.happened, *_happened(standing, reference)],
        moved=moved,
        changes_row=_changes_row(standing),
        title=_newest_title(standing, stored),
    )


@dataclass(slots=True)
class _Fold:
    state: State
    contradictions: int
    missing: tuple[int, ...]


def _folded(standing: Standing, row: Mapping[str, Any], stored: Stored | None, reference: Reference) -> _Fold:
    """The fold: one step after another where the events go on, all over again where they do not."""
    events = sorted((arrival.event for arrival in standing.arrivals), key=lambda event: event.sequence)
    happenings = {event.sequence: happening_of(event, reference) for event in events if event.type == EventType.STAGE}
    others = [event.sequence for event in events if event.type != EventType.STAGE]
    if _follows_on(standing):
        return _stepped(standing, row, [event.sequence for event in events], happenings)
    stored = stored or Stored()
    whole = fold(row["received_at"], [*stored.happenings, *happenings.values()], [*stored.other_numbers, *others])
    return _Fold(whole.state, len(whole.contradictory), whole.missing)


def _stepped(
    standing: Standing, row: Mapping[str, Any], numbers: Sequence[int], happenings: Mapping[int, Happening]
) -> _Fold:
    state = state_of(row) if standing.row else first_state(row["received_at"])
    contradictions = row["contradictions"]
    for number in numbers:
        happening = happenings.get(number)
        if happening is None:
            state = replace(state, sequence=number)
        else:
            state, verdict = apply(state, happening)
            contradictions += verdict.is_contradictory
    return _Fold(state, contradictions, _numbers(row["missing_sequences"]))


def state_of(row: Mapping[str, Any]) -> State:
    """The state that a transaction's columns hold."""
    return State(
        stage=Stage(row["stage"]),
        step=row["step"],
        stage_result=row["stage_result"],
        status_since=row["status_since"],
        stage_since=row["stage_since"],
        sequence=row["sequence"],
        reason_code=row["reason_code"],
        attempt=row["attempt"],
        rail=row["rail"],
        rail_reference=row["rail_reference"],
        rail_reference_kind=row["rail_reference_kind"],
        bank_reference=row["bank_reference"],
    )


def _numbers(held: str) -> tuple[int, ...]:
    return tuple(int(number) for number in held.strip("{}").split(",") if number)


def _take_state(row: dict[str, Any], folded: _Fold) -> None:
    state = folded.state
    row |= {
        "status": state.status.value,
        "stage": state.stage.value,
        "step": state.step,
        "stage_result": state.stage_result,
        "reason_code": state.reason_code,
        "funds_position": state.funds_position.value,
        "status_since": state.status_since,
        "stage_since": state.stage_since,
        "attempt": state.attempt,
        "sequence": state.sequence,
        "rail": state.rail,
        "rail_reference": state.rail_reference,
        "rail_reference_kind": state.rail_reference_kind,
        "bank_reference": state.bank_reference,
        "contradictions": min(folded.contradictions, _LARGEST_COUNT),
        "missing_sequences": "{" + ",".join(map(str, folded.missing)) + "}",
    }


# -- what follows -----------------------------------------------------------------------------------------------------


def _deadline(standing: Standing, row: Mapping[str, Any], reference: Reference) -> datetime | None:
    """By when the stage should be over. It counts from the step that led into the stage."""
    step = _entered_by(standing, row)
    return reference.deadlines.due(
        row["stage"], row["stage_since"], rail=row["rail"], partner_id=row["partner_id"], step=step
    )


def _entered_by(standing: Standing, row: Mapping[str, Any]) -> str:
    entering = [
        arrival.event.values["stage"]
        for arrival in standing.arrivals
        if arrival.event.type == EventType.STAGE and arrival.event.time == row["stage_since"]
    ]
    return str(entering[0]) if len(entering) == 1 else str(row["step"])


def _newest_title(standing: Standing, stored: Stored | None) -> Title | None:
    """The title answer with the highest number, if it is one that arrives now."""
    arriving = [
        title
        for arrival in standing.arrivals
        if arrival.event.type == EventType.STAGE and (title := _title_of(arrival.event)) is not None
    ]
    newest = max(arriving, key=lambda title: title.sequence, default=None)
    newest_stored = max((title.sequence for title in stored.titles), default=0) if stored else 0
    return newest if newest is not None and newest.sequence > newest_stored else None


def _holding(row: Mapping[str, Any]) -> list[Cause]:
    """The causes of exceptions that the state itself holds."""
    causes = []
    if row["stage"] == Stage.FAILED_RETRYABLE:
        facts = {"step": row["step"], "reason_code": row["reason_code"]}
        causes.append(Cause(Kind.FAILED, "The payment failed and can be tried again.", facts))
    if row["stage"] == Stage.OUTCOME_UNKNOWN:
        facts = {"step": row["step"], "reason_code": row["reason_code"], "rail": row["rail"]}
        causes.append(Cause(Kind.OUTCOME_UNKNOWN, "Nobody knows yet whether the payment reached the rail.", facts))
    if row["contradictions"]:
        count = row["contradictions"]
        told = "An event contradicts" if count == 1 else f"{count} events contradict"
        causes.append(Cause(Kind.CONTRADICTORY, f"{told} what was known.", {"contradictions": count}))
    missing = _numbers(row["missing_sequences"])
    if missing:
        told = f"Event {missing[0]} is" if len(missing) == 1 else f"Events {', '.join(map(str, missing[:10]))} are"
        causes.append(Cause(Kind.MISSING_EVENTS, f"{told} missing.", {"missing": list(missing)}))
    return causes


def _happened(standing: Standing, reference: Reference) -> list[Cause]:
    """Causes that happened once: words and places that nobody knows."""
    causes = []
    unknown: dict[str, str] = {}
    for arrival in standing.arrivals:
        unknown |= unknown_words(arrival.event, reference)
    if unknown:
        told = ", ".join(f"{name} “{word}”" for name, word in unknown.items())
        causes.append(Cause(Kind.UNKNOWN_WORD, f"Unknown: {told}.", {"words": unknown}))
    places = _unknown_places(standing.instruction, reference)
    if places:
        told = ", ".join(f"{name} {code}" for name, code in places.items())
        causes.append(Cause(Kind.UNKNOWN_PLACE, f"Unknown {told}.", {"places": places}))
    return causes


def _unknown_places(instruction: Arrival | None, reference: Reference) -> dict[str, str]:
    said = instruction.event.values if instruction else {}
    branch, agent = said.get("branchCode", ""), said.get("agentCode", "")
    places = {}
    if branch and branch not in reference.branches:
        places["branch"] = branch
    if agent and agent not in reference.agents:
        places["agent"] = agent
    return places


def _flag_late_screening(outcomes: Sequence[Outcome]) -> None:
    """Mark transactions of which a party was checked only after the money was with the beneficiary."""
    paid = [one for one in outcomes if one.row["status"] == Status.COMPLETED and not one.row["screened_late"]]
    newly_paid = [one for one in paid if one.standing.row and one.standing.row["status"] != Status.COMPLETED]
    latest = _latest_checks([one.row["id"] for one in newly_paid])
    for one in paid:
        since = one.row["stage_since"]
        checks = [arrival.event for arrival in one.standing.arrivals if arrival.event.type == EventType.SCREENING]
        late = any(
            event.time > since or event.values.get("timing") == ScreeningCheck.Timing.POST for event in checks
        ) or (latest.get(one.row.get("id", 0), since) > since)
        if late:
            one.row["screened_late"] = True
            one.happened.append(Cause(Kind.SCREENED_LATE, "A party was checked only after the payment."))


def _finds_late(event: Envelope, row: Mapping[str, Any]) -> bool:
    """Whether a check found somebody when the money was with the beneficiary already, or had been."""
    is_late = event.time > row["stage_since"] or event.values.get("timing") == ScreeningCheck.Timing.POST
    return is_late and event.values.get("status") == ScreeningCheck.Status.HITS


def _due_after_payment(checks: Sequence[Envelope], row: Mapping[str, Any], reference: Reference) -> datetime | None:
    since = max(event.time for event in checks)
    return reference.deadlines.due(
        Stage.COMPLIANCE_REVIEW.value, since, partner_id=row["partner_id"], step=EventStage.SCREENING.value
    )


def _latest_checks(ids: Sequence[int]) -> dict[int, datetime]:
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT transaction_id, max(completed_at) FROM compliance_screeningcheck WHERE transaction_id = ANY(%s)"
            " GROUP BY transaction_id",
            [list(ids)],
        )
        return dict(cursor.fetchall())


# -- the instruction --------------------------------------------------------------------------------------------------


def _new_row(standing: Standing, reference: Reference, at: datetime) -> dict[str, Any]:
    """All columns of a new transaction from its instruction; the state is the fold's."""
    if standing.instruction is None:
        raise ValueError("A transaction begins with its instruction.")
    event = standing.instruction.event
    said = event.values
    details = _below(said, "transactionDetails.")
    branch_code, agent_code = said.get("branchCode", ""), said.get("agentCode", "")
    return {
        "txn_id": event.subject,
        "uetr": said.get("uetr", ""),
        "end_to_end_id": said.get("endToEndId", ""),
        "request_id": said.get("requestId", ""),
        "partner_reference": details["partnerReference"],
        "partner_id": standing.partner_id,
        "branch_id": reference.branches.get(branch_code),
        "sub_agent_id": reference.agents.get(agent_code),
        "agent_code": agent_code,
        "branch_code": branch_code,
        "type": said.get("type") or (TransactionType.OTC.value if said["payoutMethod"] == PayoutMethod.CASH else ""),
        "payout_method": said["payoutMethod"],
        "sent_amount": details.get("settlementAmount"),
        "sent_currency": details.get("settlementCurrency", ""),
        "rate": details.get("settlementRate"),
        "settled_amount": details["payingAmount"],
        "settled_currency": details["payingCurrency"],
        "commission_amount": details.get("commissionAmount"),
        "purpose_code": details.get("purposeOfPayment", ""),
        "source_of_funds": details.get("sourceOfFunds", ""),
        "narration": details.get("narration", ""),
        "origin_country": said.get("remitter.address.country", ""),
        "destination_country": said.get("beneficiary.address.country", ""),
        "remitter_name": said["remitter.fullName"],
        "beneficiary_name": said["beneficiary.fullName"],
        "beneficiary_iban": iban_of(event),
        "sent_at": details.get("sentAt"),
        "received_at": event.time,
        "business_date": event.time.astimezone(ZONE).date(),
        "created_at": at,
        "updated_at": at,
        "stage_deadline": None,
        "screened_late": False,
        "duplicate_suspect": False,
        "version": 1,
        "contradictions": 0,
        "missing_sequences": "{}",
    }


def _below(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    return {name.removeprefix(path): value for name, value in values.items() if name.startswith(path)}


_PARTY_COLUMNS: Final = {
    "full_name": "fullName",
    "id_type": "idDetails.idType",
    "id_number": "idDetails.idNumber",
    "id_issued_at": "idDetails.issueCountry",
    "nationality": "nationality",
    "birth_country": "countryOfBirth",
    "mobile": "mobileNumber",
    "email": "email",
    "address_line_1": "address.line1",
    "address_line_2": "address.line2",
    "city": "address.city",
    "district": "address.district",
    "postcode": "address.postcode",
    "state": "address.state",
    "country": "address.country",
    "relationship": "relationship",
}
_PARTY_DATES: Final = {
    "id_issued_on": "idDetails.issueDate",
    "id_expires_on": "idDetails.expiryDate",
    "birth_date": "dateOfBirth",
}


def party_row(event: Envelope, side: str) -> dict[str, Any]:
    """The columns of one party of an instruction."""
    said = _below(event.values, f"{side}.")
    row: dict[str, Any] = {column: said.get(name, "") for column, name in _PARTY_COLUMNS.items()}
    return row | {"side": side} | {column: said.get(name) for column, name in _PARTY_DATES.items()}


def account_row(event: Envelope, title: Title | None) -> dict[str, Any] | None:
    """The columns of the beneficiary's account; None when the instruction names none."""
    said = _below(event.values, "beneficiary.bankDetails.")
    account = said.get("accountNumber")
    if account is None:
        return None
    return {
        "number": account.number,
        "is_iban": account.is_iban,
        "bank_code": said.get("bankCode", ""),
        "title_given": said.get("accountTitle", ""),
        "title_fetched": title.fetched if title else "",
        "title_match": title.match if title else "",
    }
