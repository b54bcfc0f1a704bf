"""Reference data in Django admin: edited by administrators, read by the next page."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.permissions import Role
from audit.models import AuditEvent
from tests.factories.accounts import PartnerFactory, permission, role
from tests.people import Seconded, seconded
from tests.transactions.arriving import in_stage
from transactions.answers import PLACEHOLDERS
from transactions.models import AnswerText, Holiday, ReasonCode, StageLimit

pytestmark = pytest.mark.django_db
WHY = "Ticket 815: plainer words"


@pytest.fixture
def as_admin(admin: User) -> Seconded:
    """An administrator whose proposals another one agrees to at once; test_admin_proposals.py looks in between."""
    return seconded(admin)


def said(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode().replace("&#x27;", "'"))


def change_reason(client: Client, reason: ReasonCode, **fields: Any) -> Any:
    shown = {
        name: getattr(reason, name) for name in ("sentence", "helps", "answer", "family", "retry_class", "who_acts")
    }
    if reason.is_api_code:
        shown["is_api_code"] = "on"
    return client.post(f"/admin/transactions/reasoncode/{reason.pk}/change/", shown | {"reason": WHY} | fields)


def test_an_edited_sentence_stands_on_the_next_detail_page(as_admin: Client, as_omar: Client) -> None:
    failed = in_stage("failed_final")
    reason = ReasonCode.objects.get(code=failed.reason_code)
    page = f"/transactions/{failed.txn_id}/"
    assert reason.sentence.rstrip(".") in said(as_omar.get(page))

    answer = change_reason(as_admin, reason, sentence="The moon stood in the way.")

    assert answer.status_code == 302, said(answer)
    assert "The moon stood in the way" in said(as_omar.get(page))
    entry = json.loads(AuditEvent.objects.get(verb="changed").body)
    assert (entry["object_type"], entry["object_id"], entry["reason"]) == ("transactions.reasoncode", reason.code, WHY)
    assert entry["after"] == {"sentence": "The moon stood in the way."}
    row = reason.history.latest()
    assert (row.history_change_reason.startswith(WHY), row.request_id) == (True, entry["request_id"])
    history = said(as_admin.get(f"/admin/transactions/reasoncode/{reason.pk}/history/"))
    assert "<ins>The moon stood in the way.</ins>" in history


def test_the_first_change_of_what_came_with_the_product_has_something_to_compare_with(as_admin: Client) -> None:
    handlers = role(Role.INQUIRY_HANDLER)
    assert not handlers.history.exists()
    rights = list(handlers.permissions.exclude(codename="add_note").values_list("pk", flat=True))
    as_admin.post(f"/admin/auth/group/{handlers.pk}/change/", {"permissions": rights, "reason": WHY, "opened": "0"})

    first, second = handlers.history.order_by("history_id")
    assert (first.history_change_reason, first.history_user) == ("As it was before the first change", None)
    assert first.permissions.count() == second.permissions.count() + 1
    stale = as_admin.post(f"/admin/auth/group/{handlers.pk}/change/", {"permissions": [], "reason": WHY, "opened": "0"})
    assert stale.status_code == 422
    assert "changed by Amna Soomro while you were writing" in said(stale)
    assert handlers.permissions.count() == len(rights)


def test_a_new_handler_finds_a_reference_of_a_granted_partner_and_loses_it_again(as_admin: Client) -> None:
    paid = in_stage("credited", partner="RIA")
    PartnerFactory(code="RIA")
    new = {
        "username": "zara",
        "full_name": "Zara Anwar",
        "groups": [role(Role.INQUIRY_HANDLER).pk],
        "all_branches": "on",
        "temporary_password": "temporary pass phrase",
        "reason": WHY,
    }
    assert as_admin.post("/admin/accounts/user/add/", new).status_code == 302
    zara = User.objects.get(username="zara")
    browser = Client()
    browser.post("/login/", {"login": "zara", "password": "temporary pass phrase"})
    own = {
        "old_password": "temporary pass phrase",
        "new_password1": "my own pass phrase",
        "new_password2": "my own pass phrase",
    }
    browser.post("/account/password/", own)
    page = f"/transactions/{paid.txn_id}/"

    def finds() -> bool:
        found = browser.post("/search/", {"q": paid.partner_reference})
        opened = browser.get(page).status_code
        assert opened in {200, 404}
        assert (opened == 200) == (found.headers.get("Location", "").startswith(page))
        return opened == 200

    assert not finds()
    given = {
        "user": zara.pk,
        "content_object": paid.partner_id,
        "permission": permission("accounts.see_partner").pk,
        "reason": WHY,
    }
    as_admin.post("/admin/accounts/partneruserpermission/add/", given)
    assert finds()
    grant = zara.partneruserpermission_set.get()
    as_admin.post(f"/admin/accounts/partneruserpermission/{grant.pk}/delete/", {"reason": WHY})
    assert not finds()
    as_admin.post("/admin/accounts/partneruserpermission/add/", given)
    assert finds()

    handlers = role(Role.INQUIRY_HANDLER)
    rights = handlers.permissions.exclude(codename="view_transactions").values_list("pk", flat=True)
    as_admin.post(f"/admin/auth/group/{handlers.pk}/change/", {"permissions": list(rights), "reason": WHY})
    assert browser.get(page).status_code == 403
    assert (
        browser.post(f"/transactions/{paid.txn_id}/notes/", {"text": "Called the partner about it."}).status_code == 403
    )


def test_a_code_that_events_name_is_neither_renamed_nor_deleted(as_admin: Client) -> None:
    reason = ReasonCode.objects.get(code="AC04")
    change_reason(as_admin, reason, code="XX99")
    assert ReasonCode.objects.filter(code="AC04").exists()
    assert as_admin.post(f"/admin/transactions/reasoncode/{reason.pk}/delete/", {"reason": WHY}).status_code == 403


@pytest.mark.parametrize("word", ["screening", "Compliance", "sanction", "match", "review", "suspicious", "on hold"])
def test_no_answer_for_partners_hints_at_the_checks(as_admin: Client, word: str) -> None:
    reason = ReasonCode.objects.get(code="AC04")
    told = change_reason(as_admin, reason, answer=f"Stopped by {word}.")
    assert told.status_code == 422
    assert "hints at the checks" in said(told)


def test_nobody_writes_an_answer_here(as_admin: Client) -> None:
    """Two people of compliance do, on pages of their own."""
    before = AnswerText.objects.get(key="pending")
    for address in ("add/", f"{before.pk}/change/", f"{before.pk}/delete/"):
        sent = {"key": "pending", "text": "{reference} goes on.", "reason": WHY}
        assert as_admin.post(f"/admin/transactions/answertext/{address}", sent).status_code == 403
    assert AnswerText.objects.filter(key="pending").count() == 1


def test_the_seeded_answers_use_known_placeholders_only() -> None:
    for text in AnswerText.objects.all():
        assert set(re.findall(r"\{(\w+)\}", text.text)) <= PLACEHOLDERS


def test_holidays_and_limits_come_and_go_with_a_reason(as_admin: Client) -> None:
    as_admin.post("/admin/transactions/holiday/add/", {"day": "2026-12-25", "name": "Quaid-e-Azam Day", "reason": WHY})
    day = Holiday.objects.get(day="2026-12-25")
    page = said(as_admin.get(f"/admin/transactions/holiday/{day.pk}/delete/"))
    assert "will be deleted" in page
    as_admin.post(f"/admin/transactions/holiday/{day.pk}/delete/", {"reason": WHY})
    assert not Holiday.objects.filter(pk=day.pk).exists()
    assert Holiday.history.filter(id=day.pk).latest().history_type == "-"
    assert Holiday.history.filter(id=day.pk).latest().history_change_reason.startswith(WHY)
    assert json.loads(AuditEvent.objects.get(verb="deleted").body)["before"]["name"] == "Quaid-e-Azam Day"

    limit = StageLimit.objects.filter(partner=None).first()
    fields = {
        "stage": limit.stage,
        "rail": limit.rail,
        "step": limit.step,
        "amount": 7,
        "unit": "minutes",
        "reason": WHY,
    }
    again = as_admin.post("/admin/transactions/stagelimit/add/", fields)
    assert again.status_code == 422
    as_admin.post(f"/admin/transactions/stagelimit/{limit.pk}/change/", fields)
    assert StageLimit.objects.get(pk=limit.pk).amount == 7
