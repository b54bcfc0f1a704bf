"""What the Backoffice knows already about the events of a delivery, read under the locks that keep it true.

Locks are taken in one order by every delivery: first the buckets of the subjects and of the beneficiary accounts, so
that an instruction, a stage event that races it and a twin of it cannot miss each other; then the rows of the
transactions, by primary key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from accounts.models import Branch, Partner, SubAgent
from backoffice.gateway.strict_json import loads
from backoffice.gateway.validator import Envelope
from transactions import deadlines
from transactions.models import ReasonCode
from transactions.vocabulary import EventType

SUBJECTS: Final = 4_711_002
ACCOUNTS: Final = 4_711_003
BUCKETS: Final = 256
TWIN_WITHIN: Final = timedelta(hours=72)
"""Within this time two payments of one amount to one account may be one sent twice (DECISIONS.md section 4)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Organisations, reasons and limits as they are now, by code."""

    partners: dict[str, tuple[int, bool]]
    branches: dict[str, int]
    agents: dict[str, int]
    retry_classes: dict[str, str]
    deadlines: deadlines.Deadlines


def load_reference() -> Reference:
    """The reference data that a delivery needs, read once for all its events."""
    return Reference(
        partners={code: (pk, active) for code, pk, active in Partner.objects.values_list("code", "pk", "is_active")},
        branches=dict(Branch.objects.values_list("code", "pk")),
        agents=dict(SubAgent.objects.values_list("agent_code", "pk")),
        retry_classes=dict(ReasonCode.objects.values_list("code", "retry_class")),
        deadlines=deadlines.load(),
    )


@dataclass(frozen=True, slots=True)
class Said:
    """An event that was said before: enough to tell a repeat from a conflict."""

    subject: str
    sequence: int
    event_id: str
    type: str
    digest: bytes

    def same_as(self, event: Envelope) -> bool:
        """Whether `event` says the same about the same transaction at the same place."""
        mine = (self.subject, self.sequence, self.type, self.digest)
        return mine == (event.subject, event.sequence, event.type, event.digest)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits for its instruction."""

    pk: int
    said: Said
    delivery_id: UUID
    envelope: dict[str, Any]
    received_at: datetime


@dataclass(slots=True)
class Known:
    """The state of things for one delivery. `rows` are the transactions it may touch, locked, by transaction id."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_id: dict[str, Said] = field(default_factory=dict)
    by_number: dict[tuple[str, int], Said] = field(default_factory=dict)
    waiting: dict[str, list[Waiting]] = field(default_factory=dict)
    references: dict[tuple[int, str], Said] = field(default_factory=dict)
    twins: dict[str, list[str]] = field(default_factory=dict)


STATE: Final[dict[str, str]] = {
    "rail": "text",
    "rail_reference": "text",
    "rail_reference_kind": "text",
    "bank_reference": "text",
    "updated_at": "timestamptz",
    "status": "text",
    "stage": "text",
    "step": "text",
    "stage_result": "text",
    "reason_code": "text",
    "funds_position": "text",
    "status_since": "timestamptz",
    "stage_since": "timestamptz",
    "stage_deadline": "timestamptz",
    "attempt": "int",
    "sequence": "int",
    "missing_sequences": "int[]",
    "contradictions": "int",
    "screened_late": "bool",
    "duplicate_suspect": "bool",
    "version": "int",
}
"""The columns that events change, with their types. `missing_sequences` travels as the text of an array."""
_ROW: Final = ["id", "txn_id", "partner_id", "branch_id", "received_at", *STATE]


# -- locks ------------------------------------------------------------------------------------------------------------


def lock(events: Iterable[Envelope]) -> None:
    """Make other deliveries about the same transactions or beneficiary accounts wait until this one is done."""
    events = list(events)
    keys = {(SUBJECTS, _bucket(event.subject)) for event in events}
    keys |= {(ACCOUNTS, _bucket(iban)) for event in events if (iban := iban_of(event))}
    if keys:
        classes, buckets = zip(*sorted(keys), strict=True)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_advisory_xact_lock(class, bucket))"
                " FROM unnest(%s::int[], %s::int[]) AS wanted(class, bucket)",
                [list(classes), list(buckets)],
            )


def _bucket(text: str) -> int:
    return hashlib.blake2b(text.encode(), digest_size=1).digest()[0] % BUCKETS


def iban_of(event: Envelope) -> str:
    """The beneficiary's IBAN of an instruction; empty when there is none."""
    account = event.values.get("beneficiary.bankDetails.accountNumber")
    return account.number if account is not None and account.is_iban else ""


# -- reading ----------------------------------------------------------------------------------------------------------


def load(events: Sequence[Envelope], reference: Reference, *, locking: bool = True) -> Known:
    """Everything known that bears on `events`. Call it under `lock`; without `locking` it only looks."""
    known = Known()
    instructions = [event for event in events if event.type == EventType.RECEIVED]
    _load_waiting(known, events)
    waiting_ids = [one.said.event_id for waiting in known.waiting.values() for one in waiting]
    touched = _load_events(known, [event.id for event in events] + waiting_ids)
    touched |= _load_references(known, instructions, reference)
    touched |= _load_twins(known, instructions)
    _load_rows(known, {event.subject for event in events}, touched, locking=locking)
    _load_numbers(known, events)
    return known


def _rows(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _load_waiting(known: Known, events: Sequence[Envelope]) -> None:
    found = _rows(
        "SELECT id, subject, sequence, event_id, digest, delivery_id, envelope::text, received_at"
        " FROM gateway_waitingevent WHERE subject = ANY(%s) OR event_id = ANY(%s) ORDER BY id",
        list({event.subject for event in events}),
        [event.id for event in events],
    )
    for pk, subject, sequence, event_id, digest, delivery_id, envelope, received_at in found:
        event = loads(envelope.encode())
        said = Said(subject, sequence, event_id, event["type"], bytes(digest))
        known.waiting.setdefault(subject, []).append(Waiting(pk, said, delivery_id, event, received_at))
        known.by_id[event_id] = said
        known.by_number[subject, sequence] = said


def _load_events(known: Known, ids: list[str]) -> set[int]:
    found = _rows(
        "SELECT t.id, t.txn_id, e.sequence, e.event_id, e.type, e.digest FROM transactions_event e"
        " JOIN transactions_transaction t ON t.id = e.transaction_id WHERE e.event_id = ANY(%s)",
        ids,
    )
    for _, subject, sequence, event_id, type_, digest in found:
        known.by_id[event_id] = Said(subject, sequence, event_id, type_, bytes(digest))
    return {pk for pk, *_ in found}


def _load_references(known: Known, instructions: Sequence[Envelope], reference: Reference) -> set[int]:
    """Who uses the partners' references of these instructions already."""
    pairs = {
        (reference.partners[event.values["partner"]][0], event.values["transactionDetails.partnerReference"])
        for event in instructions
        if event.values["partner"] in reference.partners
    }
    if not pairs:
        return set()
    found = _rows(
        "SELECT t.id, t.partner_id, t.partner_reference, t.txn_id, e.event_id, e.type, e.digest"
        " FROM unnest(%s::bigint[], %s::text[]) AS asked(partner_id, reference)"
        " JOIN transactions_transaction t ON t.partner_id = asked.partner_id AND t.partner_reference = asked.reference"
        " JOIN transactions_event e ON e.transaction_id = t.id AND e.sequence = 1",
        [partner_id for partner_id, _ in pairs],
        [text for _, text in pairs],
    )
    for _, partner_id, text, txn_id, event_id, type_, digest in found:
        known.references[partner_id, text] = Said(txn_id, 1, event_id, type_, bytes(digest))
    return {pk for pk, *_ in found}


def _load_twins(known: Known, instructions: Sequence[Envelope]) -> set[int]:
    """Other transactions of the same amount to the same account around the same time, by transaction id."""
    asked = [event for event in instructions if iban_of(event)]
    if not asked:
        return set()
    found = _rows(
        "SELECT asked.subject, t.id, t.txn_id"
        " FROM unnest(%s::text[], %s::text[], %s::numeric[], %s::text[], %s::timestamptz[])"
        "      AS asked(subject, iban, amount, currency, at)"
        " JOIN transactions_transaction t ON t.beneficiary_iban = asked.iban AND t.beneficiary_iban <> ''"
        "  AND t.settled_amount = asked.amount AND t.settled_currency = asked.currency AND t.txn_id <> asked.subject"
        "  AND t.received_at BETWEEN asked.at - %s AND asked.at + %s",
        [event.subject for event in asked],
        [iban_of(event) for event in asked],
        [event.values["transactionDetails.payingAmount"] for event in asked],
        [event.values["transactionDetails.payingCurrency"] for event in asked],
        [event.time for event in asked],
        TWIN_WITHIN,
        TWIN_WITHIN,
    )
    for subject, _, txn_id in found:
        known.twins.setdefault(subject, []).append(txn_id)
    return {pk for _, pk, _ in found}


def _load_rows(known: Known, subjects: set[str], touched: set[int], *, locking: bool) -> None:
    columns = ", ".join(f"{name}::text" if name == "missing_sequences" else name for name in _ROW)
    found = _rows(
        f"SELECT {columns} FROM transactions_transaction WHERE txn_id = ANY(%s) OR id = ANY(%s)"  # noqa: S608
        f" ORDER BY id{' FOR UPDATE' if locking else ''}",
        list(subjects),
        list(touched),
    )
    known.rows = {row["txn_id"]: row for values in found for row in [dict(zip(_ROW, values, strict=True))]}


def _load_numbers(known: Known, events: Sequence[Envelope]) -> None:
    """What stands already at the numbers that the events carry."""
    asked = [(known.rows[event.subject]["id"], event) for event in events if event.subject in known.rows]
    if not asked:
        return
    found = _rows(
        "SELECT t.txn_id, e.sequence, e.event_id, e.type, e.digest"
        " FROM unnest(%s::bigint[], %s::int[]) AS asked(id, sequence)"
        " JOIN transactions_event e ON e.transaction_id = asked.id AND e.sequence = asked.sequence"
        " JOIN transactions_transaction t ON t.id = e.transaction_id",
        [pk for pk, _ in asked],
        [event.sequence for _, event in asked],
    )
    for subject, sequence, event_id, type_, digest in found:
        known.by_number[subject, sequence] = Said(subject, sequence, event_id, type_, bytes(digest))
