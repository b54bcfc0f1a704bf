"""The list of transactions through its address: what it shows, refuses, counts and pages."""

from __future__ import annotations

import datetime as dt
import gzip
import re
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.transactions.rows import NOW, lay
from transactions.models import Transaction
from transactions.query import SORTS
from transactions.vocabulary import Stage

pytestmark = pytest.mark.django_db

LIST = "/transactions/"


def get(client: Client, query: str = "") -> str:
    response = client.get(f"{LIST}?{query}" if query else LIST)
    assert response.status_code == 200, (query, response.status_code, response.headers.get("Location"))
    return response.content.decode()


def found(page: str) -> list[str]:
    return re.findall(r'<tr data-id="([^"]+)"', page)


def numbers(page: str) -> list[int]:
    return [int(reference[3:]) for reference in found(page)]


def without_links(page: str) -> str:
    return re.sub(r"</?a\b[^>]*>", "", page)


def total(page: str) -> str:
    (text,) = re.findall(r'<h1>Transactions <span class="count">(.*?)</span>', page)
    return text


@pytest.fixture(autouse=True)
def _now() -> object:
    with time_machine.travel(NOW, tick=False):
        yield


# What it shows


def test_the_newest_stand_first_with_their_columns(as_hina: Client) -> None:
    lay(1), lay(2)
    page = get(as_hina)
    assert numbers(page) == [1, 2]
    assert re.findall(r'<th scope="col"[^>]*>(?:<a[^>]*>)?([A-Za-z]+)', page) == [
        "Reference",
        "Created",
        "Partner",
        "Beneficiary",
        "Type",
        "Sent",
        "Payout",
        "Status",
        "Stage",
        "Age",
    ]
    assert "Created (PKT)" in page
    assert page.count('<th scope="row">') == 2
    assert '<td data-l="Created"><time datetime="2026-11-22T09:02:22Z">22 Nov 14:02</time>' in page


def test_nobody_sees_a_row_outside_their_scope(
    as_hina: Client, as_bilal: Client, as_omar: Client, as_nadia: Client, as_admin: Client
) -> None:
    lay(1), lay(2, partner="RIA"), lay(3, branch="1004"), lay(4, branch=""), lay(5, partner="RIA", branch="")
    assert numbers(get(as_hina)) == [1, 3, 4]
    assert numbers(get(as_bilal)) == [1, 2]
    assert numbers(get(as_omar)) == numbers(get(as_nadia)) == [1, 2, 3, 4, 5]
    assert total(get(as_hina)) == "3"
    assert as_admin.get(LIST).status_code == 403


def test_an_empty_list_says_what_will_appear(as_hina: Client) -> None:
    assert "No transactions yet." in get(as_hina)


def test_the_count_in_the_heading_is_the_querys_and_not_the_pages(as_hina: Client) -> None:
    for number in range(1, 29):
        lay(number)
    page = get(as_hina, "size=25")
    assert (total(page), len(found(page))) == ("28", 25)
    assert "Showing 25 of 28 transactions" in page


def test_each_row_has_one_badge_and_a_plain_stage(as_hina: Client, as_sana: Client) -> None:
    for number, stage in enumerate(Stage, start=1):
        lay(number, stage=stage)
    page = get(as_hina)
    assert page.count('class="st ') == len(Stage)
    assert "In review" not in page
    assert "Rejected" not in page


# Filters


def test_filters_narrow_and_stand_as_chips(as_omar: Client) -> None:
    lay(1, stage="credited", rail="RAAST", type="FT")
    lay(2, stage="failed_final", reason_code="AC01")
    lay(3, stage="failed_retryable", partner="RIA", branch="1004")
    lay(4, stage="settlement", settled_amount=Decimal(500_000))
    for query, expected in {
        "status=failed": [2, 3],
        "status=failed&status=completed": [1, 2, 3],
        "stage=settlement": [4],
        "partner=RIA": [3],
        "branch=1004": [3],
        "rail=RAAST": [1],
        "type=FT": [1],
        "reason=AC01": [2],
        "amount_min=500000": [4],
        "amount_max=7700": [1, 2, 3],
        "currency=PKR": [1, 2, 3, 4],
        "currency=pkr&status=failed&partner=RIA": [3],
        "currency=AED": [],
        "age_over=3m": [3, 4],
        "age_under=3m": [1, 2],
        "age_over=2m&age_under=4m": [2, 3],
    }.items():
        page = get(as_omar, query)
        assert numbers(page) == expected, query
        assert (total(page), page.count('class="chip"')) == (str(len(expected)), query.count("=")), query
    assert "Status: Failed" in get(as_omar, "status=failed")


def test_no_match_offers_to_take_filters_away(as_hina: Client) -> None:
    lay(1)
    page = get(as_hina, "status=failed&created=today")
    assert "No transactions match." in page
    assert f'href="{LIST}?created=today" aria-label="Remove filter Status: Failed"' in page
    assert f'href="{LIST}?status=failed&amp;created=90d">Search last 90 days' in page
    assert f'href="{LIST}">Clear filters' in page


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("status=foo", 'There is no status "foo".'),
        ("status=failed&status=foo", 'There is no status "foo".'),
        ("stage=nowhere", 'There is no stage "nowhere".'),
        ("foo=1", 'There is no filter "foo".'),
        ("partner=RIA", 'There is no partner "RIA".'),
        ("branch=9999", 'There is no branch "9999".'),
        ("rail=SWIFT", 'There is no rail "SWIFT".'),
        ("reason=ZZ99", 'There is no reason "ZZ99".'),
        ("flag=red", 'There is no flag "red".'),
        ("created=tomorrow", "Enter a date like 22 Nov 2026."),
        ("created=2026-11-31..", "Enter a date like 22 Nov 2026."),
        ("created=2026-11-22..2026-11-01", '"From" must be before "to".'),
        ("created=..", 'There is no period "..".'),
        ("created=2026-11-22T25:00..", "Enter a time like 14:30."),
        ("created=2026-11-22T15:00..2026-11-22T14:00", '"From" must be before "to".'),
        ("updated=soon", "Enter a date like 22 Nov 2026."),
        ("age_over=old", "Enter an age like 30m, 4h or 2d."),
        ("age_under=99999d", "Enter an age between 1m and 3650d."),
        ("attention=yes", 'There is no attention "yes".'),
        ("cols=created,colour", 'There is no column "colour".'),
        ("sort=updated&after=PSL000000001@x", 'There is no page after "PSL000000001@x".'),
        ("amount_min=lots", '"lots" is not an amount.'),
        ("amount_min=NaN", '"NaN" is not an amount.'),
        ("amount_max=1e400", '"1e400" is not an amount.'),
        ("amount_max=-1", '"-1" is not an amount.'),
        ("currency=XYZ", 'There is no currency "XYZ".'),
        ("currency=AED&currency=PKR", "Payout currency is given 2 times."),
        ("sort=amount", 'There is no order "amount".'),
        ("size=1000", 'There is no page size "1000".'),
        ("after=PSL000000999", 'There is no page after "PSL000000999".'),
        ("before=PSL000000002", 'There is no page before "PSL000000002".'),
        ("after=PSL000000001&before=PSL000000001", "A page begins after or before a transaction, not both."),
        ("view=mine", 'There is no view "mine".'),
        ("page=2", 'There is no filter "page".'),
    ],
)
def test_what_is_not_known_is_named_and_shows_no_rows(as_hina: Client, query: str, sentence: str) -> None:
    lay(1), lay(2, partner="RIA")
    page = get(as_hina, query)
    assert f"{sentence} Remove it to see results.".replace('"', "&quot;") in without_links(page)
    assert found(page) == []
    assert "Transactions</h1>" in page


def test_removing_what_is_not_known_gives_the_rest_back(as_hina: Client) -> None:
    lay(1, stage="failed_final"), lay(2)
    page = get(as_hina, "foo=1&status=failed&status=foo")
    links = re.findall(r'<a href="([^"]+)">Remove it</a> to see results\.', page)
    assert sorted(link.replace("&amp;", "&") for link in links) == [
        f"{LIST}?status=failed&foo=1",
        f"{LIST}?status=failed&status=foo",
    ]
    assert numbers(get(as_hina, "status=failed")) == [1]


def test_nothing_typed_into_an_address_breaks_the_page(as_hina: Client) -> None:
    lay(1)
    hostile = ["%FF%27", "%22%3E%3Cscript%3E", "%F0%9F%98%80" + "x" * 3000, "..", "1" * 400]
    for name in ("status", "created", "amount_min", "currency", "size", "after", "s", "x"):
        for value in hostile:
            page = get(as_hina, f"{name}={value}")
            assert found(page) == []
            assert "<script>" not in page.replace("<script src", "")


def test_outside_compliance_the_stages_of_review_are_one_neutral_word(as_hina: Client, as_nadia: Client) -> None:
    lay(1, stage="screening"), lay(2, stage="compliance_review"), lay(3, stage="rejected_compliance"), lay(4)
    assert numbers(get(as_hina, "stage=checks")) == [1, 2, 3]
    for word in ("screening", "compliance_review", "rejected_compliance"):
        page = get(as_hina, f"stage={word}")
        assert f"There is no stage &quot;{word}&quot;." in page
        assert found(page) == []
        assert f'value="{word}"' not in get(as_hina)
        assert len(found(get(as_nadia, f"stage={word}"))) == 1
    assert numbers(get(as_nadia, "stage=checks")) == [1, 2, 3]
    for word in ("compliance", "creening", "FRAD"):
        assert word not in get(as_hina).replace("", "")


def test_choices_name_only_what_the_reader_sees(as_hina: Client) -> None:
    lay(1), lay(2, partner="RIA")
    page = get(as_hina)
    assert 'value="INSTANTCASH"' in page
    assert "RIA" not in page


@pytest.mark.parametrize(
    ("flag", "fields"),
    [
        ("late", {"stage_deadline": NOW - dt.timedelta(minutes=1)}),
        ("duplicate", {"duplicate_suspect": True}),
        ("contradictory", {"contradictions": 1}),
        ("missing", {"missing_sequences": [2]}),
        ("fx", {"rate": Decimal("76.61")}),
        ("fx", {"rate": Decimal("77.39")}),
    ],
)
def test_flags_find_what_deserves_a_look(as_hina: Client, flag: str, fields: dict[str, object]) -> None:
    lay(1), lay(2, **fields), lay(3, stage="credited", stage_deadline=NOW - dt.timedelta(days=1))
    assert numbers(get(as_hina, f"flag={flag}")) == [2]


def test_a_payout_within_the_tolerance_of_its_rate_is_no_flag(as_hina: Client) -> None:
    for number, rate in enumerate(("76.63", "77", "77.38"), 1):
        lay(number, rate=Decimal(rate))
    assert numbers(get(as_hina, "flag=fx")) == []


def test_a_conflicting_repeat_is_a_flag(as_omar: Client) -> None:
    from exceptions.models import ExceptionItem, Kind

    row, closed = lay(1), lay(2)
    lay(3)
    ExceptionItem.objects.create(transaction=row, kind=Kind.CONFLICT, opened_at=NOW, reason="Another amount.")
    ExceptionItem.objects.create(
        transaction=closed, kind=Kind.CONFLICT, opened_at=NOW, reason="Another amount.", closed_at=NOW
    )
    assert numbers(get(as_omar, "flag=conflict")) == [1]


# What needs attention


def test_what_needs_attention_is_failed_late_or_waiting_for_a_person(as_omar: Client) -> None:
    expected = []
    for number, stage in enumerate(Stage, start=1):
        lay(number, stage=stage)
        if stage in {"compliance_review", "pending_approval", "outcome_unknown", "failed_retryable", "failed_final"}:
            expected.append(number)
    over = lay(50, stage="settlement", stage_deadline=NOW - dt.timedelta(minutes=1))
    lay(51, stage="settlement", stage_deadline=NOW + dt.timedelta(minutes=1))
    lay(52, stage="returned", stage_deadline=NOW - dt.timedelta(minutes=1))
    assert numbers(get(as_omar, "attention=1")) == [*expected, 50]
    row = get(as_omar, "attention=1").split(f'<tr data-id="{over.txn_id}"')[1]
    assert ", over its limit" in row


# Tabs


def tabs(page: str) -> dict[str, tuple[str, str]]:
    """The tabs of the list in their order: label → number, address."""
    found = re.findall(r'<a href="([^"]*)"[^>]*>([^<]+) <span class="count" data-count="tab-\w*">([^<]*)', page)
    return {label: (number, href.replace("&amp;", "&")) for href, label, number in found}


def test_the_five_statuses_add_up_to_all_and_each_tab_leads_to_its_rows(as_omar: Client, as_hina: Client) -> None:
    for number, stage in enumerate([*Stage, *list(Stage)[:7]], start=1):
        lay(number, stage=stage, partner="RIA" if number % 3 else "INSTANTCASH")
    for client, query in (
        (as_omar, ""),
        (as_hina, ""),
        (as_omar, "partner=RIA&created=today"),
        (as_omar, "rail=RAAST"),
    ):
        found = tabs(get(client, query))
        assert list(found) == ["All", "Needs attention", "Received", "Validated", "Pending", "Failed", "Completed"]
        counted = {label: int(number) for label, (number, _) in found.items()}
        assert sum(list(counted.values())[2:]) == counted["All"]
        for label, (number, address) in found.items():
            page = get(client, address.partition("?")[2])
            assert (total(page), len(found_rows := numbers(page))) == (number, int(number)), label
            assert f"{label} <span" in page.split('aria-current="page">')[-1]
            assert found_rows == sorted(found_rows)


def test_tabs_and_heading_are_counted_in_one_statement(as_omar: Client) -> None:
    lay(1), lay(2, stage="credited")
    with CaptureQueriesContext(connection) as queries:
        page = get(as_omar, "status=pending&status=failed")
    assert total(page) == "1"
    assert len([query for query in queries if "LIMIT 10001" in query["sql"]]) == 1
    assert 'aria-current="page"' not in page.split('id="tabs"')[1].partition("</ul>")[0]


# Columns


def test_an_address_may_name_its_columns_in_their_order(as_omar: Client) -> None:
    lay(
        1,
        stage="failed_final",
        reason_code="AC01",
        origin_country="AE",
        rate=Decimal(77),
        duplicate_suspect=True,
        stage_deadline=NOW,
    )
    every = "partner_ref,branch,remitter,country,purpose,updated,flags,rail,rail_ref,reason,rate,funds"
    page = get(as_omar, f"cols=funds,status,{every.replace(',funds', '')}")
    assert re.findall(r'<th scope="col"[^>]*>(?:<a[^>]*>)?([A-Za-z ]+)', page)[:3] == ["Reference", "Money", "Status"]
    row = page.split("<tr data-id")[1]
    for text in (
        "IC-2611-0001",
        "1003",
        "Sender",
        "AE",
        "Possible duplicate",
        "1LINK",
        "ORMB/PKKA",
        "77.0000",
        "Not sent",
    ):
        assert text in row, text
    assert "Possible duplicate" in row
    assert "cols=funds" in get(as_omar, "cols=funds,status&status=failed").partition('aria-label="Remove filter')[0]


def test_outside_compliance_no_column_says_why_compliance_stopped_a_payment(
    as_omar: Client, as_mehwish: Client
) -> None:
    lay(1, stage="rejected_compliance", reason_code="FRAD", step="compliance_review")
    lay(2, stage="failed_final", reason_code="FRAD")
    page = get(as_omar, "cols=reason,stage,flags,funds,updated")
    assert page.count("Not accepted.") == 2
    assert "Not accepted." not in get(as_mehwish, "cols=reason")


def test_columns_cost_the_same_statements_for_any_number_of_rows(as_omar: Client) -> None:
    lay(101)
    counts = set()
    for number in range(1, 101):
        lay(number)
        if number in (5, 30, 100):
            get(as_omar, "cols=purpose")  # a request now and then writes into its session when it was seen: this one
            with CaptureQueriesContext(connection) as queries:
                get(as_omar, "size=100&cols=branch,flags,purpose,reason,updated,status")
            counts.add(len(queries))
    assert len(counts) == 1
    assert max(counts) <= 14


# Dates in the reader's zone


def test_days_are_the_readers_days(as_hina: Client, hina: User) -> None:
    """It is 14:03 in Karachi; the day began at 19:00 UTC."""
    day_begins = dt.datetime(2026, 11, 21, 19, 0, tzinfo=dt.UTC)
    lay(1, received_at=NOW)
    lay(2, received_at=day_begins)
    lay(3, received_at=day_begins - dt.timedelta(microseconds=1))
    lay(4, received_at=day_begins - dt.timedelta(hours=24))
    lay(5, received_at=day_begins - dt.timedelta(days=20))
    for query, expected in {
        "created=today": [1, 2],
        "created=yesterday": [3, 4],
        "created=24h": [1, 2, 3],
        "created=7d": [1, 2, 3, 4],
        "created=month": [1, 2, 3, 4, 5],
        "created=30d": [1, 2, 3, 4, 5],
        "created=2026-11-22": [1, 2],
        "created=2026-11-21..2026-11-22": [1, 2, 3, 4],
        "created=2026-11-22..": [1, 2],
        "created=..2026-11-21": [3, 4, 5],
        "created=2026-11-22T00:00..2026-11-22T14:00": [2],
        "created=22+Nov+2026+14:00..": [1],
        "updated=today": [1, 2, 3, 4, 5],
        "updated=yesterday": [],
    }.items():
        assert numbers(get(as_hina, query)) == expected, query
    User.objects.filter(pk=hina.pk).update(time_zone="UTC")
    assert numbers(get(as_hina, "created=today")) == [1]
    assert "1 Nov 2026 to 22 Nov 2026 (UTC, both days included)" in get(as_hina, "created=2026-11-01..2026-11-22")


def test_the_form_is_answered_with_its_one_address(as_hina: Client) -> None:
    lay(1)
    sent = (
        "status=failed&status=completed&amount_min=&currency=&created=&created_from=1+Nov+2026&created_to=22%2F11%2F2026"
        "&sort=&size=25"
    )
    response = as_hina.get(f"{LIST}?{sent}")
    assert response.status_code == 302
    assert response.headers["Location"] == (
        f"{LIST}?status=failed&status=completed&created=2026-11-01..2026-11-22&size=25"
    )
    assert as_hina.get(f"{LIST}?status=&created=&created_from=&created_to=").headers["Location"] == LIST
    page = get(as_hina, "created=&created_from=31+Nov+2026&created_to=")
    assert "Enter a date like 22 Nov 2026. Remove it to see results." in without_links(page)


def test_a_shared_address_shows_the_same_rows(as_omar: Client, as_nadia: Client) -> None:
    for number in range(1, 6):
        lay(number, stage="failed_final" if number % 2 else "credited")
    address = "status=failed&created=today&sort=created"
    assert numbers(get(as_omar, address)) == numbers(get(as_nadia, address)) == [5, 3, 1]


# Order and pages


def test_the_order_can_be_turned_and_says_so(as_hina: Client) -> None:
    lay(1), lay(2)
    for query, rows, sort, turned in [
        ("", [1, 2], "descending", "?sort=created"),
        ("sort=created", [2, 1], "ascending", ""),
    ]:
        page = get(as_hina, query)
        assert numbers(page) == rows
        assert re.findall(r'aria-sort="(\w+)"><a href="/transactions/([^"]*)"', page) == [(sort, turned)]


@pytest.mark.parametrize("sort", SORTS)
def test_pages_are_walked_both_ways_without_loss(as_omar: Client, sort: str) -> None:
    """Sixty rows of only four moments and amounts, so that ties run over the pages' edges."""
    for number in range(1, 61):
        lay(
            number,
            received_at=NOW - dt.timedelta(minutes=number // 18),
            updated_at=NOW - dt.timedelta(minutes=number % 4),
            settled_amount=Decimal(100 + number % 4),
            stage="credited" if number % 3 else "payment",
        )
    order = SORTS[sort]
    expected = [
        row.txn_id
        for row in sorted(
            Transaction.objects.all(), key=lambda row: order.place_of(row).values, reverse=not order.is_ascending
        )
    ]
    there, address = [], f"sort={sort}&size=25"
    addresses = []
    while address:
        page = get(as_omar, address)
        there += found(page)
        addresses.append(address)
        address = _link(page, "next")
    assert there == expected
    back, address = [], addresses[-1]
    for _ in addresses:
        page = get(as_omar, address)
        back = found(page) + back
        address = _link(page, "prev")
    assert back == expected
    assert address == ""


def test_a_row_that_is_updated_meanwhile_does_not_move_the_next_page(as_omar: Client) -> None:
    for number in range(1, 31):
        lay(number, updated_at=NOW - dt.timedelta(minutes=number))
    address = _link(get(as_omar, "sort=-updated&size=25"), "next")
    Transaction.objects.filter(txn_id="PSL000000025").update(updated_at=NOW)
    assert numbers(get(as_omar, address)) == [26, 27, 28, 29, 30]


def _link(page: str, rel: str) -> str:
    links = re.findall(rf'rel="{rel}" href="/transactions/\?([^"]+)"', page)
    return links[0].replace("&amp;", "&") if links else ""


def test_the_last_page_of_a_walk_back_may_be_short(as_hina: Client) -> None:
    for number in range(1, 31):
        lay(number)
    page = get(as_hina, "size=25&before=PSL000000004")
    assert numbers(page) == [1, 2, 3]
    assert _link(page, "prev") == ""
    assert "(page before PSL000000004)" in page


def test_a_page_after_the_end_leads_to_the_first(as_hina: Client) -> None:
    lay(1)
    page = get(as_hina, "after=PSL000000001")
    assert "There are no more transactions on this side." in page
    assert f'href="{LIST}">To the first page' in page


def test_no_statement_skips_rows_or_counts_them_all(as_hina: Client) -> None:
    for number in range(1, 30):
        lay(number)
    with CaptureQueriesContext(connection) as queries:
        get(as_hina, "size=25&after=PSL000000003&status=pending")
    statements = " ".join(query["sql"] for query in queries)
    assert "OFFSET" not in statements
    assert "LIMIT 10001" in statements
    assert '"received_at", "transactions_transaction"."id") < (' in statements.replace(
        '"transactions_transaction"."received_at"', '"received_at"'
    )


@pytest.mark.parametrize("query", ["", "status=pending&created=7d&flag=late", "size=25&after=PSL000000003"])
def test_at_most_fourteen_statements_whatever_the_number_of_rows(as_hina: Client, query: str) -> None:
    counts = set()
    for number in range(1, 120):
        lay(number, stage_deadline=NOW - dt.timedelta(minutes=1))
        if number in (5, 30, 119):
            get(as_hina)  # a request now and then writes into its session when it was seen: this one
            with CaptureQueriesContext(connection) as queries:
                get(as_hina, f"{query}&size=100".strip("&") if "size" not in query else query)
            counts.add(len(queries))
    assert max(counts) <= 14
    assert len(counts) == 1


def test_fifty_rows_weigh_at_most_fifteen_kilobytes(as_hina: Client) -> None:
    for number in range(1, 61):
        lay(number, stage=list(Stage)[number % len(Stage)])
    page = as_hina.get(f"{LIST}?size=50").content
    assert page.count(b"<tr data-id") == 50
    assert len(gzip.compress(page, 6)) <= 15 * 1024


@pytest.mark.django_db(transaction=True)
def test_what_takes_too_long_is_cut_off_with_a_sentence(as_hina: Client) -> None:
    lay(1)

    def slowly(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "LIMIT 51" not in sql:
            return execute(sql, params, many, context)
        execute("SET statement_timeout = 20", None, False, context)
        try:
            return execute("SELECT pg_sleep(5)", None, False, context)
        finally:
            execute("SET statement_timeout = 0", None, False, context)

    with connection.execute_wrapper(slowly):
        page = get(as_hina, "rail=1LINK")
    assert "This takes too long to look up over all dates." in page
    assert f'href="{LIST}?rail=1LINK&amp;created=30d">Look at the last 30 days' in page


# The way back


def test_rows_carry_the_way_back_to_the_list(as_hina: Client) -> None:
    from transactions import way_back

    lay(1, stage="failed_final")
    (mark,) = set(
        re.findall(r"/transactions/PSL000000001/\?from=([\w-]+)", get(as_hina, "created=today&status=failed"))
    )
    assert way_back.address(mark) == f"{LIST}?status=failed&created=today"


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "x",
        "//evil.example",
        "https://evil.example",
        "dC8vZXZpbA",
        "c2phdmFzY3JpcHQ6",
        "dA",
        "A" * 3000,
        "\x00",
        "é",
        "_w",
    ],
)
def test_a_forged_way_back_leads_to_no_other_place(forged: str) -> None:
    from transactions import way_back

    assert re.fullmatch(r"(/transactions/|/search/)?(\?[\w%&=+.-]*)?", way_back.address(forged))


def test_two_lists_that_ask_for_different_things_have_different_titles(as_hina: Client) -> None:
    lay(1)
    title = {
        query: re.search("<title>(.*?)</title>", as_hina.get(f"/transactions/?{query}").content.decode())[1]  # type: ignore[index]
        for query in ("status=failed", "status=pending&rail=1LINK&type=IBFT&amount_min=1")
    }
    assert title["status=failed"].startswith("Transactions: Status: Failed, 0")
    assert (
        "Status: Pending; Rail: 1LINK; Type: IBFT (account in another bank) and 1 more, 1 - "
        in title["status=pending&rail=1LINK&type=IBFT&amount_min=1"]
    )
