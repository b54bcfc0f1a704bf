"""Exceptions are opened when a limit passes, and closed by the intake when the stage is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from exceptions.models import ExceptionItem, Kind
from exceptions.opening import open_late
from tests.factories.transactions import TransactionFactory
from tests.gateway.telling import Json, stage, take_in
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


def tell(late: Transaction, name: str, result: str, **facts: str) -> None:
    """The next event of a transaction, happening now."""
    head: Json = {"time": timezone.now().isoformat()}
    take_in(stage(late.txn_id, late.sequence + 1, name, result, head=head, **facts))


def test_a_stage_over_its_limit_opens_one_exception() -> None:
    late = TransactionFactory(stage="settlement", age=timedelta(hours=5))
    TransactionFactory(stage="settlement", age=timedelta(seconds=10))
    TransactionFactory(stage="credited", age=timedelta(days=9))
    assert open_late(now=timezone.now()) == 1
    assert open_late(now=timezone.now()) == 0
    item = ExceptionItem.objects.get()
    assert (item.transaction, item.kind, item.facts["stage"]) == (late, Kind.LATE, "settlement")


def test_it_is_closed_when_the_stage_is_over() -> None:
    late = TransactionFactory(stage="settlement", age=timedelta(hours=5))
    open_late(now=timezone.now())
    tell(late, "settlement", "SUCCESS", funds="WITH_BENEFICIARY")
    item = ExceptionItem.objects.get()
    assert item.closed_at
    assert item.resolution == "The stage is over."


def test_an_event_that_moves_nothing_closes_nothing() -> None:
    late = TransactionFactory(stage="settlement", age=timedelta(hours=5))
    open_late(now=timezone.now())
    tell(late, "inquiry", "TIMEOUT")
    assert ExceptionItem.objects.open().get().kind == Kind.LATE


def test_a_limit_passed_again_opens_a_new_exception() -> None:
    late = TransactionFactory(stage="settlement", age=timedelta(hours=5))
    open_late(now=timezone.now())
    tell(late, "settlement", "TIMEOUT", funds="UNKNOWN")
    assert open_late(now=timezone.now()) == 0
    assert open_late(now=timezone.now() + timedelta(hours=5)) == 1
    kinds = ExceptionItem.objects.open().filter(transaction=late).values_list("kind", flat=True)
    assert set(kinds) == {Kind.LATE, Kind.OUTCOME_UNKNOWN}
