"""What a search costs must not grow with the table: every statement of it is answered from an index.

The plans are those of the very statements that a page sends. Times at 20,000 and a million rows are for
tests/bench/search.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.transactions.rows import lay, multiply

pytestmark = pytest.mark.django_db

LARGE = ("transactions_transaction", "transactions_party", "transactions_account", "transactions_name")
IBAN = "PK36SCBL0000001123456702"
CNIC = "4210112345671"


@pytest.fixture
def many(hina: User) -> None:
    row = lay(
        45,
        beneficiary_name="Farhan Qureshi",
        beneficiary_iban=IBAN,
        stage="credited",
        beneficiary={"id_number": CNIC, "mobile": "+923001234567"},
        remitter={},
    )
    multiply(row, 5_000)


def plans(client: Client, method: str, address: str, data: dict[str, str] | None = None) -> Iterator[tuple[str, str]]:
    """Each SELECT that the page sent about transactions, with its plan. Capped counts may read what they count."""
    with CaptureQueriesContext(connection) as queries:
        response = getattr(client, method)(address, data)
        if response.status_code == 303 and "/transactions/" not in response.headers["Location"]:
            client.get(response.headers["Location"])
    for query in queries:
        statement = query["sql"]
        is_reading = statement.lstrip().startswith(("SELECT", "(SELECT")) and any(table in statement for table in LARGE)
        if is_reading and "COUNT(*)" not in statement:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {statement}".replace("%", "%%"), None)
                yield statement, "\n".join(line for (line,) in cursor.fetchall())


SEARCHES = [
    "PSL900000777",
    "MANY-00000777",
    "FT900000777",
    "psl9000007",
    "PSL90000x777",
    IBAN,
    CNIC,
    "03001234567",
    "12345678901234",
    "Qureshi Farhan",
    "Farhn Qureshi",
    "Zzyzx",
]


def test_every_statement_of_a_search_is_answered_from_an_index(
    many: None, as_hina: Client, as_nadia: Client, as_bilal: Client
) -> None:
    for client, text in product((as_hina, as_nadia, as_bilal), SEARCHES):
        seen = list(plans(client, "post", "/search/", {"q": text}))
        assert seen
        for statement, plan in seen:
            assert not re.search(rf"Seq Scan on ({'|'.join(LARGE)})\b", plan), f"{text}\n{statement}\n{plan}"


def test_a_reference_is_one_statement_over_the_partial_indexes(many: None, as_hina: Client) -> None:
    (_, plan), *_ = plans(as_hina, "post", "/search/", {"q": "FT900000777"})
    for index in ("txn_key", "partner_key", "bank_key", "rail_key", "uetr_key", "end_to_end_key", "request_key"):
        assert f"using txn_by_{index}" in plan or f"on txn_by_{index}" in plan, plan


PAGES = ["", "size=100", "after=PSL900002000", "before=PSL900002000&status=completed", "status=failed", "sort=created"]


def test_a_page_of_the_list_is_read_in_the_order_of_an_index(many: None, as_hina: Client, as_nadia: Client) -> None:
    for client, query in product((as_hina, as_nadia), PAGES):
        pages = [plan for statement, plan in plans(client, "get", f"/transactions/?{query}") if "LIMIT" in statement]
        assert pages
        for plan in pages:
            assert "Seq Scan on transactions_transaction" not in plan, plan


def test_a_page_in_the_middle_reads_no_more_than_its_rows(many: None, as_nadia: Client) -> None:
    (statement,) = [
        statement
        for statement, _ in plans(as_nadia, "get", "/transactions/?after=PSL900003000&size=25")
        if "LIMIT 26" in statement
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) {statement}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    read = [int(float(rows)) for rows in re.findall(r"Index Scan.*transactions_transaction.*rows=([\d.]+)", plan)]
    assert read
    assert max(read) <= 26, plan
    assert "Rows Removed by Filter" not in plan
