"""Reports about people's work: approvals, cases, exceptions, the trail; each number is its list where one says it."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from accounts import maker_checker
from accounts.filters import ApprovalQuery
from accounts.models import User
from audit import trail
from audit.filters import TrailQuery
from audit.verbs import Verb
from compliance.filters import CaseQuery
from compliance.models import Case
from compliance.vocabulary import Outcome
from exceptions import actions, handling
from exceptions.desk import ExceptionQuery
from exceptions.groups import Meanings
from tests.factories.accounts import ApprovalRequestFactory
from tests.factories.compliance import CaseFactory
from tests.factories.transactions import TransactionFactory
from transactions.discretion import Reader
from transactions.models import Transaction
from transactions.vocabulary import Stage

pytestmark = pytest.mark.django_db
LISTED = re.compile(r'<a class="ref" href="(/(?:approvals|compliance|exceptions|audit)/[^"]*)">([\d,]+)<')


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content.decode()[:500]
    return answer.content.decode()


def listed(text: str) -> list[tuple[str, int]]:
    return [(html.unescape(url), int(number.replace(",", ""))) for url, number in LISTED.findall(text)]


def rows_behind(url: str, reader: User) -> int:
    path, _, query = url.partition("?")
    params, reader, now = QueryDict(query), User.objects.get(pk=reader.pk), timezone.now()
    if path == "/approvals/":
        found = ApprovalQuery(params, reader)
        assert found.troubles == []
        return found.filters.qs.count()
    if path == "/compliance/":
        cases = CaseQuery(params, reader, now)
        assert cases.troubles == []
        return cases.rows.count()
    if path == "/exceptions/":
        desk = ExceptionQuery(params, reader, now, meanings=Meanings.of(Reader.of(reader, now)))
        assert desk.troubles == []
        return desk.items.count()
    entries = TrailQuery(params, reader, now)
    assert entries.is_sound
    return int(entries.count.replace(",", ""))


def agrees(text: str, reader: User) -> dict[str, int]:
    """Every number with a list is that list's."""
    found = listed(text)
    assert dict(found) == {url: rows_behind(url, reader) for url, _ in found}
    return dict(found)


def test_approvals_are_counted_by_operation_and_person_in_the_readers_scope(
    as_sana: Client, sana: User, omar: User, as_rabia: Client, rabia: User
) -> None:
    for is_decided in (True, False):
        asked = actions.cancel(TransactionFactory(stage=Stage.CASH_READY), by=omar, reason_code="CUST", note="Asked.")
        if is_decided:
            maker_checker.approve(asked, by=sana)
    old = timezone.now() - timedelta(days=40)
    ApprovalRequestFactory(operation="cancel", maker=omar, created_at=old)

    found = agrees(page(as_sana, "/reports/approvals/?range=today"), sana)
    asked_today = {url: number for url, number in found.items() if url.endswith("operation=cancel")}
    assert list(asked_today.values()) == [2]
    assert sorted(found.values())[-4:] == [1, 1, 2, 2]
    assert "cancel" not in page(as_rabia, "/reports/approvals/?range=today").partition("<main")[2].lower()


def test_a_shift_is_handed_over_with_what_was_opened_closed_left_and_late(
    as_sana: Client, sana: User, omar: User
) -> None:
    for stage in (Stage.FAILED_RETRYABLE, Stage.OUTCOME_UNKNOWN):
        row = TransactionFactory(stage=stage)
        handling.assign(row, by=omar, to=omar, seen="")
        Transaction.objects.filter(pk=row.pk).update(stage_deadline=timezone.now() - timedelta(minutes=1))

    text = page(as_sana, "/reports/handover/")
    found = agrees(text, sana)
    assert found["/exceptions/?state=all&assigned=omar"] == 2
    assert found["/exceptions/?state=all&assigned=omar&over=yes"] == 2
    assert "Cases by" not in text
    then = page(as_sana, "/reports/handover/?range=2026-01-01T09:00..2026-01-01T17:00")
    assert "assigned=" not in then


def test_screening_outcomes_are_counted_inside_compliance_and_there_is_no_word_of_them_elsewhere(
    as_mehwish: Client, mehwish: User, as_sana: Client
) -> None:
    now = timezone.now()
    closed, _ = CaseFactory(), CaseFactory()
    Case.objects.filter(pk=closed.pk).update(closed_at=now, outcome=Outcome.RELEASED)

    found = agrees(page(as_mehwish, "/reports/screening/?range=today"), mehwish)
    assert sorted(found.values())[-3:] == [1, 1, 2]
    assert any("outcome=released" in url for url in found)
    text = as_sana.get("/reports/screening/")
    assert text.status_code == 404
    assert "outcomes" not in text.content.decode()


def test_activity_is_the_trail_per_person_and_only_for_who_reads_the_trail(
    as_nadia: Client, nadia: User, omar: User, as_sana: Client
) -> None:
    trail.record(Verb.VIEWED, by=omar, object_type="transactions.transaction", object_id="PSL1")
    trail.record(Verb.REVEALED, by=omar, object_type="transactions.transaction", object_id="PSL1")

    text = page(as_nadia, "/reports/activity/?range=today")
    found = {url: number for url, number in listed(text) if "actor=omar" in url}
    assert {url: rows_behind(url, nadia) for url in found} == found
    assert max(found.values()) == 2
    assert as_sana.get("/reports/activity/").status_code == 404


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("/reports/approvals/?partner=RIA", "This report has no partner."),
        ("/reports/handover/?range=2026-01-01T09:00..2026-09-01", "Choose 92 days or less, or create an export."),
        ("/approvals/?asked=foo", "Asked: Enter a date like 22 Nov 2026."),
        ("/approvals/?state=foo", "There is no state “foo”."),
    ],
)
def test_what_is_not_understood_is_named(as_sana: Client, address: str, fault: str) -> None:
    assert fault in page(as_sana, address)


@pytest.mark.parametrize("kind", ["csv", "xlsx", "pdf"])
def test_every_report_can_be_taken_away(as_nadia: Client, kind: str) -> None:
    CaseFactory()
    for slug in ("approvals", "handover", "screening", "activity", "ageing", "failures"):
        assert as_nadia.get(f"/reports/{slug}/{kind}/").status_code == 200
