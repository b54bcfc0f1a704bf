"""What a page of the list costs must not grow with the table, for every order and for the common filters.

LIST_ROWS=200000 measures at the size of issue B; by default the table is small enough for every run.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.transactions.rows import NOW, lay, multiply
from transactions.models import Transaction
from transactions.query import SORTS, TransactionQuery

pytestmark = pytest.mark.django_db

ROWS = int(os.environ.get("LIST_ROWS", "6000"))
MIDDLE = f"PSL9{ROWS // 2:08d}"
MOST_READ = 60
"""A page of fifty reads fifty-one rows; those that a filter on the way removes are counted too."""


@pytest.fixture
def many(nadia: User) -> None:
    multiply(lay(45, stage="credited", updated_at=NOW), ROWS)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE transactions_transaction SET updated_at = received_at + (id % 977) * interval '1 minute',"
            " settled_amount = 100 + (id * 7919) % 100000"
        )
        cursor.execute("ANALYZE transactions_transaction")


def plans_of(query: TransactionQuery) -> Iterator[tuple[str, str]]:
    """The statements that read a page, with what each really read."""
    with CaptureQueriesContext(connection) as queries:
        assert query.is_sound, query.problems
        query.page.rows  # noqa: B018 - to read it
    for statement in (captured["sql"] for captured in queries):
        if "LIMIT" in statement and "transactions_transaction" in statement:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) {statement}".replace("%", "%%"), None)
                yield statement, "\n".join(line for (line,) in cursor.fetchall())


INDEX = {
    "created": "txn_newest",
    "age": "txn_newest",
    "updated": "txn_(open|paid)_by_update",
    "payout": "txn_by_payout",
}


@pytest.mark.parametrize("start", ["", "after", "before"])
def test_every_order_is_read_from_its_index_and_no_further_than_its_page(many: None, nadia: User, start: str) -> None:
    for key, order in SORTS.items():
        place = f"&{start}={MIDDLE}" if start else ""
        query = TransactionQuery(QueryDict(f"sort={key}&size=50{place}"), nadia, NOW)
        seen = [plan for statement, plan in plans_of(query) if "LIMIT 51" in statement]
        assert len(seen) == len(order.parts)
        for plan in seen:
            assert re.search(rf"Index (Only )?Scan (Backward )?using {INDEX[order.column]}", plan), f"{key}\n{plan}"
            assert "Sort" not in plan, f"{key}\n{plan}"
            assert max(map(int, map(float, re.findall(r"actual rows=([\d.]+)", plan)))) <= MOST_READ, f"{key}\n{plan}"


FILTERS = [
    ("status=failed", "txn_newest_of_status|txn_open_wide"),
    ("status=failed&status=received&created=2026-11-01..", "txn_"),
    ("stage=failed_final", "txn_newest_of_status|txn_open_wide"),
    ("attention=1", "txn_open_wide"),
    ("flag=late", "txn_open_wide|txn_by_deadline"),
    ("flag=duplicate", "txn_duplicates"),
    ("flag=fx", "txn_payout_differs"),
    ("reason=AC01", "txn_by_reason"),
    ("partner=INSTANTCASH", "txn_newest"),
    ("branch=1003", "txn_newest"),
    ("created=today", "txn_newest"),
    ("age_over=1d", "txn_newest"),
    ("amount_min=777&amount_max=777", "txn_by_payout"),
    ("status=failed&sort=-updated", "txn_open_by_update|txn_newest_of_status"),
    ("attention=1&sort=-updated", "txn_open_by_update|txn_open_wide"),
]


def test_the_common_filters_are_answered_from_an_index(many: None, nadia: User) -> None:
    for text, index in FILTERS:
        query = TransactionQuery(QueryDict(f"{text}&size=50"), nadia, NOW)
        for _, plan in plans_of(query):
            assert "Seq Scan on transactions_transaction" not in plan, f"{text}\n{plan}"
            if "One-Time Filter: false" not in plan:
                assert re.search(index, plan), f"{text}\n{plan}"


def test_the_page_in_the_middle_takes_what_the_first_one_takes(many: None, nadia: User) -> None:
    """The medians of pages taken in turns, so that a busy machine is busy for both."""
    first, middle = [], []
    for _ in range(15):
        first.append(_seconds("size=50", nadia))
        middle.append(_seconds(f"size=50&after={MIDDLE}", nadia))
    assert sorted(middle)[7] <= 1.3 * sorted(first)[7] + 0.002  # the place of the row is one statement more


def _seconds(text: str, user: User) -> float:
    query = TransactionQuery(QueryDict(text), user, NOW)
    begin = time.perf_counter()
    assert len(query.page.rows) == 50
    return time.perf_counter() - begin


def test_nothing_counts_further_than_ten_thousand(many: None, nadia: User) -> None:
    query = TransactionQuery(QueryDict(""), nadia, NOW)
    with CaptureQueriesContext(connection) as queries:
        query.count_tabs()
    (statement,) = [captured["sql"] for captured in queries if "COUNT(*)" in captured["sql"]]
    assert statement.count("LIMIT 10001") == statement.count("COUNT(*)") == 6
    assert Transaction.objects.count() == ROWS + 1
