"""Writing a delivery down: events, transactions with all that hangs on them, history; few statements for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from backoffice.gateway import answering
from backoffice.gateway.folding import Outcome, Title, account_row, party_row, retry_class_of
from backoffice.gateway.judging import Arrival, Judge, Result
from backoffice.gateway.known import STATE, Reference
from backoffice.gateway.models import Delivery, Verdict, WaitingEvent
from backoffice.gateway.strict_json import dumps
from backoffice.gateway.validator import Envelope
from compliance import opening as cases
from compliance import recording
from exceptions import opening
from transactions import names
from transactions.bulk import change, columns_of, copy_in, keep_history, next_ids
from transactions.models import Account, Event, Party, Transaction
from transactions.vocabulary import EventType, Side

REASON: Final = "platform"
_SIDES: Final = (Side.REMITTER.value, Side.BENEFICIARY.value)
_SHOWN: Final = frozenset(Verdict.Result.values)
_TITLE: Final = {"title_fetched": "text", "title_match": "text"}


@dataclass(frozen=True, slots=True)
class Moment:
    """When a delivery is written down, and the id that joins its history rows to its trail entry."""

    at: datetime
    trace_id: str


def store(judge: Judge, outcomes: Sequence[Outcome], reference: Reference, moment: Moment) -> None:
    """Write everything that the verdicts and folds of a delivery lead to, but for the delivery itself."""
    fresh = [one for one in outcomes if one.is_new]
    known = [one for one in outcomes if not one.is_new and one.changes_row]
    _insert_transactions(fresh)
    _change_titles(known, moment)
    change(Transaction, STATE, [[one.row["id"], *(one.row[name] for name in STATE)] for one in known])
    _keep_history(fresh, "+", moment)
    _keep_history(known, "~", moment)
    _insert_events(outcomes, reference)
    opening.settle([one.changed for one in outcomes], at=moment.at)
    answering.settle(outcomes, at=moment.at)
    cases.settle([one.reviewed(reference) for one in outcomes], at=moment.at, trace_id=moment.trace_id)
    _move_waiting(judge, moment.at)
    names.learn(name for one in fresh for name in (one.row["remitter_name"], one.row["beneficiary_name"]))


# -- transactions -----------------------------------------------------------------------------------------------------


def _insert_transactions(fresh: Sequence[Outcome]) -> None:
    for outcome, pk in zip(fresh, next_ids(Transaction, len(fresh)), strict=True):
        outcome.row["id"] = pk
    columns = columns_of(Transaction)
    copy_in(Transaction, columns, ([one.row[name] for name in columns] for one in fresh))
    parties = [
        party_row(arrival.event, side) | {"transaction_id": one.row["id"]}
        for one in fresh
        for arrival in _instruction_of(one)
        for side in _SIDES
    ]
    _copy_rows(Party, parties)
    accounts = [
        account | {"transaction_id": one.row["id"]}
        for one in fresh
        for arrival in _instruction_of(one)
        if (account := account_row(arrival.event, one.title))
    ]
    _copy_rows(Account, accounts)


def _instruction_of(outcome: Outcome) -> list[Arrival]:
    return [outcome.standing.instruction] if outcome.standing.instruction else []


def _copy_rows(model: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        columns = columns_of(model, with_pk=False)
        copy_in(model, columns, ([row[name] for name in columns] for row in rows))


def _change_titles(known: Sequence[Outcome], moment: Moment) -> None:
    """Put the bank's answers on the accounts; an account that changes counts as a change of its transaction."""
    answered: dict[int, tuple[Outcome, Title]] = {one.row["id"]: (one, one.title) for one in known if one.title}
    if not answered:
        return
    accounts = Account.objects.filter(transaction_id__in=answered).order_by("pk").select_for_update()
    rows: list[list[Any]] = []
    for account in accounts:
        outcome, title = answered[account.transaction_id]
        if (account.title_fetched, account.title_match) != (title.fetched, title.match):
            rows.append([account.pk, title.fetched, title.match])
            if not outcome.moved:
                outcome.row["version"] += 1
    changed = [row[0] for row in rows]
    keep_history(Account, changed, kind="+", at=moment.at, reason=REASON, trace_id=moment.trace_id, only_first=True)
    change(Account, _TITLE, rows)
    keep_history(Account, changed, kind="~", at=moment.at, reason=REASON, trace_id=moment.trace_id)


def _keep_history(outcomes: Sequence[Outcome], kind: str, moment: Moment) -> None:
    ids = [one.row["id"] for one in outcomes]
    keep_history(Transaction, ids, kind=kind, at=moment.at, reason=REASON, trace_id=moment.trace_id)


# -- events -----------------------------------------------------------------------------------------------------------


def _insert_events(outcomes: Sequence[Outcome], reference: Reference) -> None:
    arrivals = [(one.row["id"], arrival) for one in outcomes for arrival in _in_order(one)]
    ids = next_ids(Event, len(arrivals))
    columns = columns_of(Event)
    rows, screened = [], []
    for pk, (transaction_id, arrival) in zip(ids, arrivals, strict=True):
        row = _event_row(arrival, reference) | {"id": pk, "transaction_id": transaction_id}
        rows.append([row[name] for name in columns])
        if arrival.event.type == EventType.SCREENING:
            screened.append(recording.Screened(transaction_id, pk, arrival.event.time, arrival.event.values))
    if rows:
        copy_in(Event, columns, rows)
    if screened:
        recording.record(screened)


def _in_order(outcome: Outcome) -> list[Arrival]:
    return sorted([*_instruction_of(outcome), *outcome.standing.arrivals], key=lambda arrival: arrival.event.sequence)


def _event_row(arrival: Arrival, reference: Reference) -> dict[str, Any]:
    event, said = arrival.event, arrival.event.values
    is_stage = event.type == EventType.STAGE
    get = said.get
    return {
        "sequence": event.sequence,
        "event_id": event.id,
        "source": event.source,
        "type": event.type,
        "time": event.time,
        "received_at": arrival.received_at,
        "batch": arrival.batch,
        "digest": event.digest,
        "stage": get("stage", ""),
        "channel": get("channel", ""),
        "attempt": get("attempt", 1) if is_stage else 0,
        "result": get("result", "") if is_stage else get("outcome", ""),
        "reason_code": get("reasonCode", ""),
        "reason": get("reason", ""),
        "retry_class": retry_class_of(event, reference),
        "rail": get("rail", ""),
        "rail_reference": get("railReference", ""),
        "rail_reference_kind": get("railReferenceKind", ""),
        "bank_reference": get("bankReference", ""),
        "rail_status": get("railStatus", ""),
        "funds_position": get("fundsPosition", ""),
        "started_at": get("startedAt"),
        "ended_at": get("endedAt"),
        "command_id": get("commandId", ""),
        "data": event.text,
    }


# -- what waits -------------------------------------------------------------------------------------------------------


def _move_waiting(judge: Judge, at: datetime) -> None:
    if judge.adopted:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM gateway_waitingevent WHERE id = ANY(%s)", [[one.pk for one in judge.adopted]])
    rows = [
        {
            "subject": event.subject,
            "sequence": event.sequence,
            "event_id": event.id,
            "delivery_id": judge.batch,
            "digest": event.digest,
            "envelope": _envelope_text(event),
            "received_at": at,
        }
        for event in judge.to_wait
    ]
    _copy_rows(WaitingEvent, rows)


def _envelope_text(event: Envelope) -> str:
    head = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": event.time.isoformat(),
        "sequence": event.sequence,
    }
    return f'{dumps(head)[:-1]},"data":{event.text}}}'


# -- the delivery -----------------------------------------------------------------------------------------------------


def store_delivery(delivery: Delivery, judge: Judge) -> None:
    """Write the delivery with its body, and the verdicts that an operator must see."""
    delivery.save(force_insert=True)
    shown = [
        _verdict(delivery.pk, position, result, delivery.received_at)
        for position, result in sorted(judge.results.items())
        if result.result in _SHOWN
    ]
    shown += [_verdict(one.delivery_id, 0, result, delivery.received_at) for one, result in judge.orphaned]
    if shown:
        Verdict.objects.bulk_create(shown)


def _verdict(delivery_id: Any, position: int, result: Result, at: datetime) -> Verdict:
    return Verdict(
        delivery_id=delivery_id,
        position=position,
        event_id=result.id,
        subject=result.subject,
        partner_id=result.partner_id,
        result=result.result.value,
        errors=result.errors,
        created_at=at,
    )
