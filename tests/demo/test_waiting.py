"""Each inbox of the demo has something waiting, and a second start adds nothing."""

from __future__ import annotations

import pytest

from accounts.models import ApprovalRequest, User
from backoffice.demo.waiting import leave_something_waiting
from tests.factories.transactions import TransactionFactory

pytestmark = pytest.mark.django_db


def test_every_second_person_finds_something_to_decide(
    omar: User, sana: User, tariq: User, rabia: User, admin: User, admin2: User
) -> None:
    for kind in ("at:cash_ready", "at:rtgs_queue"):
        TransactionFactory(kind=kind)
    assert leave_something_waiting() == 3
    assert {user.username: ApprovalRequest.objects.waiting_for(user).count() for user in (sana, rabia, admin2)} == {
        "sana": 1,
        "rabia": 1,
        "admin2": 1,
    }
    assert leave_something_waiting() == 0
