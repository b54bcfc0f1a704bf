"""Deliveries at the same moment, and deliveries that are cut off in the middle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, connection

from audit.models import AuditEvent
from backoffice.gateway import intake
from backoffice.gateway.models import Delivery, WaitingEvent
from exceptions.models import ExceptionItem
from tests.factories.accounts import PartnerFactory
from tests.gateway.telling import paid, received, stage, take_in, words
from transactions.models import Event, Transaction

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 8


@pytest.fixture(autouse=True)
def partner() -> None:
    PartnerFactory(code="RIA")


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """Do all of it at the same moment, each in a thread and on a connection of its own."""
    barrier, answers = threading.Barrier(len(deeds)), [None] * len(deeds)

    def run(place: int) -> None:
        try:
            barrier.wait(10)
            answers[place] = deeds[place]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def test_the_same_events_delivered_twice_at_once_are_stored_once() -> None:
    for number in range(ROUNDS):
        events = [one for place in range(3) for one in paid(f"R{number}T{place}")]
        receipts = at_once(*[partial(take_in, events)] * 3)
        assert sorted(receipt.accepted for receipt in receipts) == [0, 0, len(events)]
        assert sum(receipt.duplicate for receipt in receipts) == 2 * len(events)
    assert Transaction.objects.count() == ROUNDS * 3
    assert Event.objects.count() == ROUNDS * 3 * 8
    assert set(Transaction.history.values_list("stage", "history_type")) == {("credited", "+")}


def test_an_instruction_and_a_stage_event_that_race_do_not_miss_each_other() -> None:
    for number in range(ROUNDS):
        first, *rest = paid(f"R{number}")
        receipts = at_once(partial(take_in, first), partial(take_in, rest))
        assert [receipt.rejected for receipt in receipts] == [0, 0]
        transaction = Transaction.objects.get(txn_id=f"R{number}")
        assert (transaction.stage, transaction.sequence, transaction.missing_sequences) == ("credited", 8, [])
    assert not WaitingEvent.objects.exists()


def test_two_transactions_with_one_reference_at_once_leave_one_and_a_conflict() -> None:
    for number in range(ROUNDS):
        details = {"partnerReference": f"SAME{number}"}
        receipts = at_once(
            partial(take_in, received(f"A{number}", details=details)),
            partial(take_in, received(f"B{number}", details=details | {"payingAmount": "5.00"})),
        )
        assert sorted(word for receipt in receipts for word in words(receipt)) == ["accepted", "conflict"]
        assert Transaction.objects.filter(partner_reference=f"SAME{number}").count() == 1
    assert ExceptionItem.objects.filter(kind="conflict").count() == ROUNDS


def test_events_of_one_transaction_in_many_deliveries_at_once_end_in_the_same_state() -> None:
    for number in range(ROUNDS):
        events = paid(f"R{number}")
        at_once(*[partial(take_in, one) for one in events])
        transaction = Transaction.objects.get(txn_id=f"R{number}")
        assert (transaction.stage, transaction.sequence, transaction.missing_sequences) == ("credited", 8, [])
        assert transaction.history.count() <= len(events)


def test_two_payments_to_one_account_at_once_are_both_marked_as_possible_duplicates() -> None:
    for number in range(ROUNDS):
        amount = {"payingAmount": f"{1000 + number}.00"}
        at_once(
            partial(take_in, received(f"A{number}", details=amount)),
            partial(take_in, received(f"B{number}", details=amount)),
        )
    assert Transaction.objects.filter(duplicate_suspect=True).count() == 2 * ROUNDS


def test_crossing_deliveries_do_not_lock_each_other_out() -> None:
    names = [f"T{number}" for number in range(40)]
    take_in([received(name) for name in names])
    forward = [stage(name, 2, "intake") for name in names]
    backward = [stage(name, 3, "validation") for name in reversed(names)]
    receipts = at_once(partial(take_in, forward), partial(take_in, backward))
    assert [receipt.accepted for receipt in receipts] == [40, 40]
    assert set(Transaction.objects.values_list("stage", "missing_sequences__len")) == {("title_fetch", 0)}


@pytest.mark.parametrize("place", ["fold_in", "store", "store_delivery"])
def test_a_delivery_that_is_cut_off_leaves_nothing_and_can_be_sent_again(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("the connection was cut")

    with monkeypatch.context() as patched:
        patched.setattr(intake, place, cut)
        with pytest.raises(DatabaseError):
            take_in(paid())
    for model in (Transaction, Event, Delivery, WaitingEvent, ExceptionItem, AuditEvent):
        assert not model.objects.exists()
    assert take_in(paid()).accepted == 8


def test_a_connection_killed_in_the_middle_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = intake.store_delivery

    def killed(*args: Any, **kwargs: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        whole(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(intake, "store_delivery", killed)
        with pytest.raises(DatabaseError):
            take_in(paid())
    connection.close()
    assert not Transaction.objects.exists()
    assert take_in(paid()).accepted == 8
