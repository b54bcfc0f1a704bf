"""Seeding: any number of rows, each of them what the intake would have made; the same seed, the same rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Count, Max, Min

from audit.models import AuditEvent
from backoffice.demo import seeding
from backoffice.demo.progress import Progress
from backoffice.gateway import intake
from compliance.models import ScreeningCheck
from exceptions.models import ExceptionItem
from tests.database import as_owner
from transactions.models import Account, Event, Name, Party, Transaction

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
TOTAL = 350
OWN = {
    "id",
    "txn_id",
    "partner_reference",
    "created_at",
    "updated_at",
    "duplicate_suspect",
    "transaction_id",
    "event_id",
}


def seed(total: int = TOTAL, number: int = 1) -> None:
    with as_owner():
        seeding.seed(total, seed=number, progress=Progress(StringIO()), now=NOW)


def contents() -> dict[str, list[tuple[Any, ...]]]:
    """What the tables hold, but for keys and for when it was written."""
    left_out = {"created_at", "updated_at", "received_at", "opened_at", "trace_id", "batch", "digest"}
    found = {}
    for model in (Transaction, Party, Account, Event, ScreeningCheck, ExceptionItem):
        names = [one.attname for one in model._meta.concrete_fields if one.attname not in left_out]
        names = [name for name in names if name != "id" and not name.endswith("_id")]
        found[model.__name__] = sorted(map(str, model._default_manager.values_list(*names)))
    return found


def row_of(model: type[Any], **which: Any) -> list[dict[str, Any]]:
    names = [one.attname for one in model._meta.concrete_fields if one.attname not in OWN]
    names = [name for name in names if not name.endswith("_key")]
    return list(model._default_manager.filter(**which).order_by("pk").values(*names))


def sent(txn: Transaction, prefix: str = "") -> list[dict[str, Any]]:
    """The stored events of a transaction as the platform sent them; with a prefix, of another one alike in all else."""
    events = []
    for event in Event.objects.filter(transaction=txn).order_by("sequence"):
        data = json.loads(json.dumps(event.data).replace(txn.partner_reference, prefix + txn.partner_reference))
        at = event.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        envelope = {"specversion": "1.0", "id": prefix + event.event_id, "source": event.source, "type": event.type}
        place = {"subject": prefix + txn.txn_id, "sequence": event.sequence}
        events.append(envelope | place | {"time": at, "data": data})
    return events


def test_every_seeded_row_is_what_the_intake_makes_of_its_events() -> None:
    seed()
    for txn in Transaction.objects.order_by("stage", "rail", "pk").exclude(txn_id__startswith="X")[::5]:
        events = sent(txn, "X")
        receipt = intake.receive(events, message_id=f"again-{txn.txn_id}", received_at=NOW)
        assert receipt.rejected == 0, receipt.as_json()
        again = Transaction.objects.get(txn_id=f"X{txn.txn_id}")
        assert row_of(Transaction, pk=txn.pk) == row_of(Transaction, pk=again.pk)
        for model in (Party, Account):
            assert row_of(model, transaction=txn) == row_of(model, transaction=again)
        checks = ("subject", "timing", "status", "list_name", "list_version", "list_fetched_at", "completed_at")
        assert list(txn.screening_checks.values_list(*checks)) == list(again.screening_checks.values_list(*checks))
        assert set(txn.exceptions.values_list("kind")) == set(again.exceptions.values_list("kind"))


def test_an_event_that_is_sent_again_is_known() -> None:
    seed(200)
    for txn in Transaction.objects.order_by("pk")[::9]:
        events = sent(txn)
        receipt = intake.receive(events, message_id=f"again-{txn.txn_id}", received_at=NOW)
        assert receipt.duplicate == len(events), receipt.as_json()


def test_the_same_seed_makes_the_same_rows() -> None:
    found = []
    for _ in range(2):
        with as_owner(), transaction.atomic():
            seeding.seed(120, seed=5, progress=Progress(StringIO()), now=NOW)
            found.append(contents())
            transaction.set_rollback(True)
    for table, rows in found[0].items():
        assert rows
        assert rows == found[1][table], table


def test_a_second_seed_goes_on_after_the_first() -> None:
    seed(80, number=1)
    seed(80, number=2)
    assert Transaction.objects.count() == 160
    assert Transaction.objects.values("partner", "partner_reference").distinct().count() == 160
    bounds = Transaction.objects.aggregate(first=Min("txn_id"), last=Max("txn_id"))
    assert bounds == {"first": "PSL100000001", "last": "PSL100000160"}


def test_it_spans_two_years_and_every_stage_and_is_in_the_trail() -> None:
    seed()
    received = Transaction.objects.aggregate(first=Min("received_at"), last=Max("received_at"))
    assert received["first"] < NOW - timedelta(days=715)
    assert NOW - timedelta(hours=3) < received["last"] < NOW
    stages = dict(Transaction.objects.values_list("stage").annotate(Count("pk")))
    assert stages["credited"] + stages["cash_paid"] > TOTAL * 0.8
    assert {"compliance_review", "outcome_unknown", "rtgs_queue", "cash_ready", "failed_retryable"} <= set(stages)
    assert AuditEvent.objects.filter(verb="data_seeded", object_id="seed").exists()
    names = set(Transaction.objects.values_list("beneficiary_name", flat=True))
    assert names <= set(Name.objects.values_list("raw", flat=True))


def test_older_ones_keep_their_first_and_last_event_and_new_and_open_ones_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "WHOLE_TIMELINES", 200)
    seed(500)
    counts = dict(Event.objects.values_list("transaction__txn_id").annotate(Count("pk")))
    rows = Transaction.objects.filter(missing_sequences=[]).values_list("txn_id", "sequence")
    short = {txn_id for txn_id, sequence in rows if counts[txn_id] != sequence}
    assert len(short) == 300
    assert all(counts[txn_id] == 2 for txn_id in short)
    assert max(short) == "PSL100000300"
    for txn_id in sorted(short)[:20]:
        numbers = (
            Event.objects.filter(transaction__txn_id=txn_id).order_by("sequence").values_list("sequence", flat=True)
        )
        last = Transaction.objects.get(txn_id=txn_id).sequence
        assert list(numbers) == [1, last]


def test_a_bulk_seed_leaves_every_index_and_key_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def shape() -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL"
                " SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE connamespace = 'public'::regnamespace ORDER BY 1"
            )
            return cursor.fetchall()

    before = shape()
    monkeypatch.setattr(seeding, "BULK", 100)
    monkeypatch.setattr(seeding, "BLOCK", 150)
    seed(400)
    assert shape() == before
    assert Transaction.objects.count() == 400
