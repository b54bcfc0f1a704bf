"""Standing reports: each number is the list behind it, within the reader's scope and zone; files say what they are."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
import time_machine
from django.http import QueryDict
from django.test import Client

from accounts.models import BranchUserPermission, Partner, PartnerUserPermission, User
from audit.models import AuditEvent
from audit.verbs import Verb
from backoffice.reports.kinds import ALL
from tests.factories.accounts import BranchFactory, PartnerFactory, grant
from tests.transactions.rows import lay
from transactions.query import TransactionQuery

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)  # 11:00 on the first of a month in Karachi
MIDNIGHT = datetime(2026, 11, 30, 19, 0, tzinfo=UTC)  # the first of December begins in Karachi
FIGURE = re.compile(r'data-figure="(\d+)" href="([^"]+)"')


@pytest.fixture(autouse=True)
def now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def laid() -> None:
    """Around the midnight that ends a month in Karachi; the same two days lie otherwise in UTC."""
    stages = [
        "credited",
        "failed_final",
        "returned",
        "payment",
        "rejected_compliance",
        "cancelled",
        "credited",
        "screening",
    ]
    for number, stage in enumerate(stages, 1):
        moment = MIDNIGHT + timedelta(minutes=number) if number % 2 else MIDNIGHT - timedelta(minutes=number)
        lay(
            number,
            received_at=moment,
            status_since=moment + timedelta(minutes=9),
            stage=stage,
            partner="INSTANTCASH" if number < 6 else "RIA",
            branch="1003" if number % 3 else "",
            reason_code="AC01" if stage == "failed_final" else "",
            settled_amount=Decimal(1_000 * number),
            stage_deadline=NOW - timedelta(hours=1) if stage == "payment" else None,
        )
    lay(90, received_at=MIDNIGHT - timedelta(days=3), duplicate_suspect=True, missing_sequences=[2], rail="")


def text(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.content.decode()[:500]
    return answer.content.decode()


def figures(page: str) -> list[tuple[int, str]]:
    return [(int(number), url.replace("&amp;", "&")) for number, url in FIGURE.findall(page)]


def rows_behind(client: Client, url: str) -> int:
    found = re.search(r'<h1>Transactions(?: <span class="count">([\d,]+)</span>)?', text(client, url))
    assert found, url
    return int((found[1] or "0").replace(",", ""))


@pytest.mark.parametrize("slug", ["daily", "failures", "ageing", "reconciliation"])
def test_every_number_of_transactions_is_its_list_for_everybody(
    laid: None, slug: str, as_sana: Client, as_mehwish: Client, sana: User, mehwish: User
) -> None:
    for client, zone in ((as_sana, "Asia/Karachi"), (as_mehwish, "UTC")):
        User.objects.filter(username__in=["sana", "mehwish"]).update(time_zone=zone)
        found = figures(text(client, f"/reports/{slug}/?range=2026-11-30"))
        reader = User.objects.get(pk=(sana if client is as_sana else mehwish).pk)
        asked = [(number, TransactionQuery(QueryDict(url.partition("?")[2]), reader, NOW)) for number, url in found]
        assert [number for number, _ in asked] == [query.rows.count() for _, query in asked]
        assert all(query.is_sound for _, query in asked)
        number, url = max(found)
        assert number == rows_behind(client, url) > 0


def test_two_readers_of_different_scope_get_different_numbers(laid: None, as_sana: Client, sana: User) -> None:
    whole = figures(text(as_sana, "/reports/daily/?range=7d"))[0]
    sana.user_permissions.clear()
    grant(sana, PartnerFactory(code="RIA"))
    grant(sana, BranchFactory(code="1003"))
    narrow = figures(text(as_sana, "/reports/daily/?range=7d"))[0]
    PartnerUserPermission.objects.all().delete()
    BranchUserPermission.objects.all().delete()
    nothing = figures(text(as_sana, "/reports/daily/?range=7d"))[0]
    assert (whole[0], narrow[0], nothing[0]) == (9, 2, 0)


def test_a_day_is_the_readers_day_across_midnight_and_month_end(laid: None, as_sana: Client, sana: User) -> None:
    def received(period: str) -> int:
        return figures(text(as_sana, f"/reports/daily/{period}"))[0][0]

    page = text(as_sana, "/reports/daily/")
    assert "30 Nov 2026 (PKT)" in page
    assert [received(asked) for asked in ("", "?range=today", "?range=month", "?range=2026-11-30")] == [4, 4, 4, 4]
    User.objects.filter(pk=sana.pk).update(time_zone="UTC")
    assert [received(asked) for asked in ("", "?range=today", "?range=month", "?range=2026-11-30")] == [8, 0, 0, 8]


def test_received_is_the_sum_of_what_became_of_it_and_every_difference_has_its_name(
    laid: None, as_sana: Client
) -> None:
    page = text(as_sana, "/reports/reconciliation/?range=2026-11-30..2026-12-01")
    rows = re.findall(r'<th scope="row" data-l="Partner">([^<]+)</th>(.*?)</tr>', page, re.DOTALL)
    instant_cash, ria = (str(Partner.objects.get(code=code)) for code in ("INSTANTCASH", "RIA"))
    assert {name for name, _ in rows} == {instant_cash, ria}
    for _, row in rows[:6]:
        received, *fates = [number for number, _ in figures(row)][:6]
        assert received == sum(fates)
    named = [row.replace("\xa0", " ") for name, row in rows[6:] if name == instant_cash]
    worth = {re.findall(r'data-l="What it is">([^<]+)<', row)[0]: row for row in named}
    assert {name: re.findall(r">(PKR [^<]+)<", row) for name, row in worth.items()} == {
        "In flight": ["PKR 4,000.00"], "Failed": ["PKR 5,000.00"], "Returned": ["PKR 3,000.00"],
    }  # fmt: skip


def test_a_payout_that_differs_from_its_rate_is_a_difference_of_its_own(as_sana: Client) -> None:
    lay(1, received_at=MIDNIGHT, stage="credited", rate=Decimal(77))
    lay(2, received_at=MIDNIGHT, stage="credited", rate=Decimal(70))
    page = text(as_sana, "/reports/reconciliation/?range=2026-12-01..2026-12-01")
    assert re.findall(r'data-l="What it is">([^<]+)<', page) == ["Payout differs from amount × rate"]
    (url,) = {url for number, url in figures(page) if "flag=fx" in url and number == 1}
    assert rows_behind(as_sana, url) == 1


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ("range=foo", "Created &quot;foo&quot;: Enter a date like 22 Nov 2026."),
        ("colour=red", "There is no filter &quot;colour&quot;."),
        ("partner=NIX", "There is no partner &quot;NIX&quot;."),
        ("range=24h", "This report is about whole days. Give days without a time."),
        ("range=2026-11-30T10:00..2026-12-01", "This report is about whole days. Give days without a time."),
        ("range=2026-01-01..2026-12-01", "Choose 92 days or less, or create an export."),
        ("range=..2026-12-01", "A report needs a first day."),
    ],
)
def test_a_bad_address_is_named_and_neither_page_nor_file_widens(
    laid: None, as_sana: Client, asked: str, fault: str
) -> None:
    page = text(as_sana, f"/reports/daily/?{asked}")
    assert fault in page
    assert figures(page) == []
    assert fault in text(as_sana, f"/reports/daily/csv/?{asked}", 400)
    assert not AuditEvent.objects.filter(verb=Verb.REPORT_DOWNLOADED).exists()


def test_a_file_holds_the_numbers_of_the_page_and_says_what_it_is(laid: None, as_sana: Client, sana: User) -> None:
    shown = figures(text(as_sana, "/reports/daily/?range=7d&partner=INSTANTCASH"))
    answer = as_sana.get("/reports/daily/csv/?range=7d&partner=INSTANTCASH")

    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    header, first = rows[0], dict(zip(*rows[:2], strict=True))
    assert header[:3] == ["Part", "Line", "Transactions"]
    assert (first["Line"], first["Transactions"], first["Value PKR"]) == ("Received", str(shown[0][0]), "22700.00")
    assert "daily-2026-11-25-to-2026-12-01.csv" in answer.headers["Content-Disposition"]
    partner = Partner.objects.get(code="INSTANTCASH")
    told = {row[1]: row[2] for row in rows if row[0] == "About this file"}
    assert told["Asked for"] == f"25 Nov 2026 to 1 Dec 2026 (PKT, both days included); Partner: {partner}"
    assert "2026-12-01T11:00:00+05:00" in told["Made"]
    assert told["By"] == f"{sana} (sana)"
    entry = AuditEvent.objects.get(verb=Verb.REPORT_DOWNLOADED)
    assert entry.said["facts"]["address"] == "/reports/daily/?range=7d&partner=INSTANTCASH"
    assert len(entry.said["facts"]["sha256"]) == 64


def test_a_workbook_holds_no_formula_and_paper_is_the_same_twice(laid: None, as_sana: Client) -> None:
    book = openpyxl.load_workbook(io.BytesIO(as_sana.get("/reports/reconciliation/xlsx/?range=7d").content))
    assert book.active is not None
    cells = [cell for row in book.active.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    first, second = (as_sana.get("/reports/reconciliation/pdf/?range=7d").content for _ in range(2))
    assert first.startswith(b"%PDF-")
    assert first == second


def test_what_the_form_sends_is_answered_with_one_address(as_sana: Client) -> None:
    sent = "range=yesterday&range_from=1+Nov+2026&range_to=3+Nov+2026&partner=&branch="
    answer = as_sana.get(f"/reports/daily/?{sent}")
    assert answer.headers["Location"] == "/reports/daily/?range=2026-11-01..2026-11-03"


def test_reports_are_for_those_who_may_and_the_catalogue_names_no_other(
    as_hina: Client, as_sana: Client, as_mehwish: Client
) -> None:
    for address in ("/reports/", "/reports/daily/", "/reports/screening/", "/reports/nothing/", "/reports/daily/csv/"):
        text(as_hina, address, 403)
    assert text(as_sana, "/reports/nothing/", 404)
    for report in ALL:
        inside = "compliance.view_cases" in report.rights
        audits = "audit.view_trail" in report.rights
        assert (report.title in text(as_sana, "/reports/")) is not (inside or audits)
        assert (report.title in text(as_mehwish, "/reports/")) is not audits
        for kind in ("", "csv/"):
            text(as_sana, f"/reports/{report.slug}/{kind}", 404 if inside or audits else 200)
    assert "creening" not in text(as_sana, "/reports/")
