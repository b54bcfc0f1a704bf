"""Requests for a second person: who decides, once, on what they saw, and in time."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts import maker_checker
from accounts.errors import Refused
from accounts.maker_checker import Job, people_required
from accounts.models import ApprovalRequest, User
from audit.models import AuditEvent
from audit.verbs import Verb
from exceptions import actions
from tests.factories.accounts import ApprovalRequestFactory
from tests.factories.transactions import TransactionFactory
from transactions.models import Command, Transaction
from transactions.vocabulary import Stage

pytestmark = pytest.mark.django_db
State = ApprovalRequest.State


@pytest.fixture
def asked(omar: User) -> ApprovalRequest:
    row = TransactionFactory(stage=Stage.CASH_READY)
    made = actions.cancel(row, by=omar, reason_code="CUST", note="The sender asked.")
    assert isinstance(made, ApprovalRequest)
    return made


def test_the_first_decision_stands_and_the_second_person_is_told_whose(asked: ApprovalRequest, sana: User) -> None:
    maker_checker.reject(asked, by=sana, note="Not yet.")
    with pytest.raises(Refused, match=r"You rejected this at .* Your decision was not recorded"):
        maker_checker.approve(asked, by=sana)
    assert not Command.objects.exists()


def test_a_request_that_was_overtaken_is_kept_with_its_sentence(asked: ApprovalRequest, sana: User) -> None:
    Transaction.objects.filter(txn_id=asked.object_id).update(version=9)
    with pytest.raises(Refused, match="now version 9"):
        maker_checker.approve(asked, by=sana)
    present = ApprovalRequest.objects.get(pk=asked.pk)
    assert (present.state, present.checker) == (State.STALE, None)
    assert "now version 9" in present.outcome
    assert AuditEvent.objects.filter(verb=Verb.APPROVAL_OVERTAKEN).count() == 1


def test_a_request_that_ran_out_is_not_decided(asked: ApprovalRequest, omar: User, sana: User) -> None:
    late = ApprovalRequestFactory(maker=omar, expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Refused, match="ran out"):
        maker_checker.reject(late, by=sana, note="Late.")
    assert ApprovalRequest.objects.get(pk=late.pk).state == State.EXPIRED


def test_the_worker_ends_what_ran_out_and_nothing_else(asked: ApprovalRequest, omar: User) -> None:
    assert maker_checker.expire() == 0
    assert maker_checker.expire(now=timezone.now() + timedelta(hours=25)) == 1
    assert ApprovalRequest.objects.get(pk=asked.pk).state == State.EXPIRED


def test_only_the_person_who_asked_withdraws(asked: ApprovalRequest, omar: User, sana: User) -> None:
    with pytest.raises(Refused, match="Only the person who asked"):
        maker_checker.withdraw(asked, by=sana)
    assert maker_checker.withdraw(asked, by=omar).state == State.WITHDRAWN


def test_the_same_operation_waits_once_for_an_object(asked: ApprovalRequest, omar: User) -> None:
    row = Transaction.objects.get(txn_id=asked.object_id)
    with pytest.raises(Refused, match=asked.number):
        actions.cancel(row, by=omar, reason_code="CUST")


def test_what_waits_is_counted_for_those_who_can_decide_it_and_nobody_else(
    asked: ApprovalRequest, omar: User, sana: User, rabia: User, mehwish: User
) -> None:
    waiting = {
        user.username: ApprovalRequest.objects.waiting_for(user).count() for user in (omar, sana, rabia, mehwish)
    }
    assert waiting == {"omar": 0, "sana": 1, "rabia": 0, "mehwish": 0}
    assert ApprovalRequest.objects.visible_to(omar).count() == 1
    assert not ApprovalRequest.objects.visible_to(mehwish).exists()


@pytest.mark.parametrize(
    ("operation", "amount", "currency", "job", "people"),
    [
        ("repush", "500000", "PKR", Job(), 1),
        ("repush", "500000.0001", "PKR", Job(), 2),
        ("repush", "1", "USD", Job(), 2),
        ("repush", "1", "PKR", Job(rows=100, totals={"PKR": Decimal(5_000_000)}), 1),
        ("repush", "1", "PKR", Job(rows=101), 2),
        ("repush", "1", "PKR", Job(rows=2, totals={"PKR": Decimal("5000000.01")}), 2),
        ("send_back", "9000000", "USD", Job(), 1),
        ("cancel", "1", "PKR", Job(), 2),
        ("nobody_named_it", "1", "PKR", Job(), 2),
    ],
)
def test_the_policies_say_how_many_people(operation: str, amount: str, currency: str, job: Job, people: int) -> None:
    assert people_required(operation, amount=Decimal(amount), currency=currency, job=job) == people
