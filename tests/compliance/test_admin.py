"""The reasons and kinds of report that administrators keep: proposed by one, agreed on by another, never taken away."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import ApprovalRequest
from compliance.models import DecisionReason, ReportKind
from tests.accounts.test_admin import WHY, said

pytestmark = pytest.mark.django_db
REASONS = "/admin/compliance/decisionreason/"


def agree(client: Client) -> int:
    """The other administrator's yes to what was asked last."""
    asked = ApprovalRequest.objects.latest("pk")
    return client.post(asked.get_absolute_url(), {"decision": "approve", "note": ""}).status_code


def test_a_new_reason_is_offered_once_another_administrator_agreed(as_admin: Client, as_admin2: Client) -> None:
    fields = {"code": "RJ-AGE", "applies_to": "REJECT", "sentence": "The sender is a child", "platform_code": "RR04"}
    answer = as_admin.post(f"{REASONS}add/", {**fields, "is_offered": "on", "reason": WHY})
    assert answer.status_code == 302, said(answer)
    assert not DecisionReason.objects.filter(code="RJ-AGE").exists()
    assert agree(as_admin2) == 302
    assert DecisionReason.objects.get(code="RJ-AGE").sentence == "The sender is a child"


def test_a_rejection_needs_the_code_for_the_platform_and_nothing_else_has_one(as_admin: Client) -> None:
    fields = {"code": "XX-1", "sentence": "Something", "is_offered": "on", "reason": WHY}
    for applies_to, code, said_so in (("REJECT", "", "needs the code"), ("RELEASE", "RR04", "leave this empty")):
        answer = as_admin.post(f"{REASONS}add/", {**fields, "applies_to": applies_to, "platform_code": code})
        assert answer.status_code == 422
        assert said_so in said(answer)
    assert not ApprovalRequest.objects.exists()


def test_a_reason_keeps_its_code_and_is_not_deleted(as_admin: Client, as_admin2: Client, as_mehwish: Client) -> None:
    reason = DecisionReason.objects.get(code="NS-DOB")
    fields = {"code": "OTHER", "sentence": "Born on another day", "platform_code": "", "reason": WHY}
    assert as_admin.post(f"{REASONS}{reason.pk}/change/", fields).status_code == 302
    assert agree(as_admin2) == 302
    reason.refresh_from_db()
    assert (reason.code, reason.sentence, reason.is_offered) == ("NS-DOB", "Born on another day", False)
    assert as_admin.post(f"{REASONS}{reason.pk}/delete/", {"reason": WHY}).status_code == 403
    assert as_mehwish.get(REASONS).status_code == 403


def test_the_days_to_file_a_report_change_by_two_people(as_admin: Client, as_admin2: Client) -> None:
    kind = ReportKind.objects.get(code="STR")
    fields = {"name": kind.name, "bank_days": "5", "reason": WHY}
    assert as_admin.post(f"/admin/compliance/reportkind/{kind.pk}/change/", fields).status_code == 302
    kind.refresh_from_db()
    assert kind.bank_days == 7
    assert agree(as_admin2) == 302
    kind.refresh_from_db()
    assert kind.bank_days == 5
