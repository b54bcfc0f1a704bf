"""Policies and limits are proposed by one administrator and agreed to by another; nothing changes in between."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import ApprovalPolicy, ApprovalRequest, User
from audit.models import AuditEvent
from audit.verbs import Verb
from exceptions import actions
from tests.exceptions.test_actions import failed
from transactions.models import Command

pytestmark = pytest.mark.django_db
WHY = "Decided by the risk committee"


def propose(browser: Client, **changed: str) -> int:
    policy = ApprovalPolicy.objects.get(operation="repush", currency="PKR")
    fields = {
        "rule": "above",
        "limit": "500000",
        "job_rows": "100",
        "job_limit": "5000000",
        "hours": "24",
        "reason": WHY,
    }
    return browser.post(f"/admin/accounts/approvalpolicy/{policy.pk}/change/", fields | changed).status_code


def limit() -> Decimal | None:
    return ApprovalPolicy.objects.get(operation="repush", currency="PKR").limit


def test_a_lower_limit_counts_when_another_administrator_agreed(
    as_admin: Client, as_admin2: Client, omar: User
) -> None:
    assert propose(as_admin, limit="1000") == 302
    asked = ApprovalRequest.objects.get()
    assert limit() == 500_000
    assert as_admin.post(asked.get_absolute_url(), {"decision": "approve"}).status_code == 403
    assert isinstance(actions.repush(failed(), by=omar, reason_code="FUNDED"), Command)
    page = as_admin2.get(asked.get_absolute_url()).content.decode()
    assert "Limit of one transaction" in page
    assert as_admin2.post(asked.get_absolute_url(), {"decision": "approve"}).status_code == 302
    assert limit() == 1_000
    assert isinstance(actions.repush(failed(), by=omar, reason_code="FUNDED"), ApprovalRequest)
    entry = AuditEvent.objects.get(verb=Verb.CHANGED, object_type="accounts.approvalpolicy")
    assert (entry.actor, entry.said["facts"]["checker"], entry.said["reason"]) == ("admin", "admin2", WHY)


def test_a_change_that_was_overtaken_is_not_carried_out(as_admin: Client, as_admin2: Client) -> None:
    propose(as_admin, limit="1000")
    ApprovalPolicy.objects.filter(operation="repush").update(limit=7)
    asked = ApprovalRequest.objects.get()
    assert as_admin2.post(asked.get_absolute_url(), {"decision": "approve"}).status_code == 409
    assert limit() == 7


def test_what_always_needs_two_people_cannot_be_given_to_one(as_admin: Client) -> None:
    policy = ApprovalPolicy.objects.get(operation="cancel")
    fields = {"rule": "never", "limit": "", "job_rows": "", "job_limit": "", "hours": "24", "reason": WHY}
    answer = as_admin.post(f"/admin/accounts/approvalpolicy/{policy.pk}/change/", fields)
    assert answer.status_code == 422
    assert "always needs two people" in answer.content.decode()
    assert not ApprovalRequest.objects.exists()
