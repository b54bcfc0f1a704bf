"""What grows and what must not: the desk and the inbox beside a large table, a large job, a large reversal file.

By default the sizes are small enough for every run; by hand they are the product's own:
DESK_ROWS=1000000, BULK_ROWS=1000 and REVERSAL_ROWS=10000 (`pytest -s` prints what was measured).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import maker_checker
from accounts.models import User
from exceptions import jobs, reversals
from exceptions.models import BulkJob, ReversalFile
from tests.exceptions.test_actions import failed
from tests.exceptions.test_reversals import payment, row_of, upload
from tests.factories.accounts import ApprovalRequestFactory
from tests.factories.exceptions import ExceptionItemFactory
from tests.transactions.rows import pile
from transactions.models import Command, Transaction

pytestmark = pytest.mark.django_db

DESK_ROWS = int(os.environ.get("DESK_ROWS", "3000"))
BULK_ROWS = int(os.environ.get("BULK_ROWS", "12"))
REVERSAL_ROWS = int(os.environ.get("REVERSAL_ROWS", "12"))
PAGES = ("/exceptions/", "/exceptions/?group=partner", "/exceptions/outcome-unknown/", "/approvals/")
OPEN = 60
MOST_GROWTH = 1.3
TURNS = 3
READS = ("SELECT", "(SELECT", "WITH")
A_TABLE_THAT_IS_SCANNED_WHOLE = 2_000
"""Small tables are read whole, which costs nothing; large ones must not be."""


def seconds(deed: Callable[[], object]) -> float:
    begun = time.perf_counter()
    deed()
    return time.perf_counter() - begun


def told(what: str) -> None:
    print(f"\n  {what}", flush=True)


def test_the_desk_and_the_inbox_take_what_they_took_when_the_table_was_small(as_sana: Client, omar: User) -> None:
    """The same open work beside many payments that are over, their closed exceptions and their decided requests."""
    row = ExceptionItemFactory(partner="INSTANTCASH").transaction
    pile(row, OPEN)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO exceptions_exceptionitem (transaction_id, kind, opened_at, reason, facts, resolution,"
            " snooze_reason) SELECT id, 'outcome_unknown', stage_since, 'Not known.', '{}', '', ''"
            " FROM transactions_transaction WHERE txn_id LIKE 'PSL8%'"
        )
    for _ in range(OPEN):
        ApprovalRequestFactory(maker=omar)

    def measure() -> dict[str, tuple[float, float]]:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        return {page: (_rows_read(as_sana, page), _quickest(as_sana, page)) for page in PAGES}

    before = measure()
    over = payment()
    paid = {name: f"source.{name} || '-paid-' || copies.place" for name in ("end_to_end_id", "request_id")}
    number = "lpad(copies.place::text, 9, '0')"
    paid |= dict.fromkeys(("partner_reference", "bank_reference", "rail_reference"), f"'OVER-' || {number}")
    pile(
        over,
        DESK_ROWS,
        txn_id=f"'PSM' || {number}",
        received_at="source.received_at - copies.place * interval '1 s'",
        **paid,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO exceptions_exceptionitem (transaction_id, kind, opened_at, closed_at, reason, facts,"
            " resolution, snooze_reason) SELECT id, 'late', stage_since, stage_since, 'Late.', '{}', 'Over.', ''"
            " FROM transactions_transaction WHERE txn_id LIKE 'PSM%' AND id % 20 = 0"
        )
        cursor.execute(
            "INSERT INTO accounts_approvalrequest (number, operation, object_type, object_id, object_version, summary,"
            " consequence, currency, before, after, payload, reason_code, note, maker_id, created_at, expires_at,"
            " state, decision_code, decision_note, outcome, maker_person)"
            " SELECT 'OLD-' || id, 'cancel', 'transactions.transaction', txn_id, 1, 'Cancel', '', '', '{}', '{}',"
            " '{}', '', '', %s, received_at, received_at, 'PENDING', '', '', '', gen_random_uuid()"
            " FROM transactions_transaction WHERE txn_id LIKE 'PSM%%' AND id %% 20 = 0",
            [omar.pk],
        )
        cursor.execute(
            "UPDATE accounts_approvalrequest SET state = 'EXPIRED', decided_at = now() WHERE number LIKE 'OLD-%'"
        )
    after = measure()
    for page in PAGES:
        (rows, quick), (more_rows, slow) = before[page], after[page]
        told(f"{page}: {rows:,.0f} rows, {1000 * quick:.0f} ms")
        told(f"  beside {DESK_ROWS:,} more: {more_rows:,.0f} rows, {1000 * slow:.0f} ms")
        assert more_rows <= MOST_GROWTH * rows + A_TABLE_THAT_IS_SCANNED_WHOLE, page


def _rows_read(browser: Client, page: str) -> float:
    """How many rows the page's statements read in all, those that a filter removed too."""
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(page).status_code == 200
    read = 0.0
    for statement in (captured["sql"] for captured in queries):
        if statement.startswith(READS):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) {statement}")
                plan = "\n".join(line for (line,) in cursor.fetchall())
            read += sum(
                float(rows) * int(loops) for rows, loops in re.findall(r"actual rows=([\d.]+) loops=(\d+)", plan)
            )
            read += sum(map(int, re.findall(r"Rows Removed by Filter: (\d+)", plan)))
    return read


def _quickest(browser: Client, page: str) -> float:
    return min(seconds(lambda: browser.get(page)) for _ in range(TURNS))


def test_a_bulk_of_many_is_chosen_confirmed_and_done(as_omar: Client, omar: User) -> None:
    pile(failed(amount="900.00"), BULK_ROWS, settled_amount="'900'")
    names = list(Transaction.objects.filter(txn_id__startswith="PSL8").values_list("txn_id", flat=True))
    chosen = seconds(lambda: as_omar.post("/bulk/new/retry/", {"refs": " ".join(names)}))
    job = BulkJob.objects.get()
    confirmed = seconds(lambda: jobs.confirm(job, by=omar, reason_code="FUNDED", note="Funded at noon."))
    done = seconds(lambda: _to_the_end(lambda: jobs.run(job.pk)))
    told(f"{BULK_ROWS:,} rows: chosen in {chosen:.1f} s, confirmed in {confirmed:.1f} s, done in {done:.1f} s")
    counts = BulkJob.objects.get().rows.counts()
    assert counts["done"] == BULK_ROWS, counts
    page = as_omar.get(job.get_absolute_url()).content.decode()
    assert f"{BULK_ROWS:,} retried" in page.replace("\xa0", " ")


def test_a_reversal_file_of_many_is_checked_agreed_to_and_carried_out_whole(omar: User, sana: User) -> None:
    one = payment()
    pile(one, REVERSAL_ROWS)
    rows = list(Transaction.objects.filter(txn_id__startswith="PSL8").select_related("partner"))
    lines = [row_of(row) for row in rows]
    uploaded = seconds(lambda: upload(omar, lines, name="reversals.xlsx"))
    file = ReversalFile.objects.get()
    checked = seconds(lambda: _to_the_end(lambda: reversals.check_rows(file.pk)))
    file.refresh_from_db()
    request = reversals.propose(file, by=omar, note="Paid by mistake.", version=file.version)
    maker_checker.approve(request, by=sana)
    begun = seconds(lambda: reversals.carry_out(file.pk, request.pk))
    job = BulkJob.objects.get()
    done = seconds(lambda: _to_the_end(lambda: jobs.run(job.pk)))
    told(
        f"{REVERSAL_ROWS:,} rows: uploaded in {uploaded:.1f} s, checked in {checked:.1f} s, begun in {begun:.1f} s,"
        f" carried out in {done:.1f} s"
    )
    assert Command.objects.filter(kind="reverse", checker=sana).count() == REVERSAL_ROWS
    assert job.rows.counts() == {"done": REVERSAL_ROWS}


def _to_the_end(turn: Callable[[], bool]) -> None:
    while turn():
        pass
