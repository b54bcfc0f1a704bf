"""What an export of a million rows costs beside the ways it could be made: `python -m tests.bench.export [SIZE]`.

Seeds a server of its own, then measures in one run, since only ratios say anything on a machine that is never quiet:
psql's COPY of the same columns as they are stored, our file with scope, words, masks and hash, and the ORM's iterator
into a CSV writer. The promises are those of PERFORMANCE.md section 9.
"""

from __future__ import annotations

import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from tests.bench.serving import serving

SIZE = 1_000_000  # of fewer rows the fixed cost of a file is most, and the ratios say nothing
READER = "nadia"  # sees everything: nothing is spared by a narrow scope
SHEET = 100_000
COLUMNS = {
    "reference": "txn_id",
    "created": "received_at",
    "updated": "updated_at",
    "partner": "partner__name",
    "partner_ref": "partner_reference",
    "bank_ref": "bank_reference",
    "rail_ref": "rail_reference",
    "type": "type",
    "rail": "rail",
    "sent_amount": "sent_amount",
    "sent_currency": "sent_currency",
    "payout_amount": "settled_amount",
    "payout_currency": "settled_currency",
    "status": "status",
    "stage": "stage",
    "beneficiary": "beneficiary_name",
}
"""Our columns, and the stored ones that they are made of."""
LEAST_BESIDE_ORM = 5.0
MOST_BESIDE_COPY = 3.0
MOST_GROWTH_MB = 20.0


def main(size: int) -> int:
    """Seed a server of its own to `size` and measure there."""
    with serving() as (place,):
        place.seed(size)
        return place.judged("-m", "tests.bench.export", "measure")


def measure() -> int:
    """Time each way on the present database; 1 if a promise is broken."""
    import django

    django.setup()

    from django.http import QueryDict
    from django.utils import timezone

    from accounts.models import User
    from backoffice.reports.sources import SOURCES

    user, source = User.objects.get(username=READER), SOURCES["transactions"]
    question = source.ask(QueryDict(), (), user, timezone.now())
    rows, size = question.rows.values_list(*COLUMNS.values()), question.count()
    _psql(rows)  # once before, so that nobody pays for reading the table from the disk
    floor = _timed("psql, COPY of what is stored", size, lambda: _psql(rows))
    before = _peak()
    ours = _timed("ours, CSV with scope, words and hash", size, lambda: _made(user, question, "csv"))
    growth = _peak() - before
    orm = _timed("ORM, values_list().iterator() into csv", size, lambda: _iterated(rows))
    few = source.ask(QueryDict(_since_the(min(size, SHEET), rows, user)), (), user, question.moment)
    sheets: list[Any] = []
    _timed("ours, XLSX", few.count(), lambda: sheets.append(_made(user, few, "xlsx")))
    return _judge(floor=floor, ours=ours, orm=orm, growth=growth, formulas=_formulas(sheets[0]))


def _judge(*, floor: float, ours: float, orm: float, growth: float, formulas: int) -> int:
    beside_orm, beside_copy = ours / orm, floor / ours
    promises = [
        (f"{beside_orm:.1f} times as fast as the ORM, at least {LEAST_BESIDE_ORM}", beside_orm >= LEAST_BESIDE_ORM),
        (f"{beside_copy:.1f} times psql's COPY, at most {MOST_BESIDE_COPY}", beside_copy <= MOST_BESIDE_COPY),
        (f"memory grew by {growth:.1f} MB, less than {MOST_GROWTH_MB}", growth < MOST_GROWTH_MB),
        (f"{formulas} formula cells in the spreadsheet, for openpyxl", not formulas),
    ]
    for sentence, holds in promises:
        print(f"{'holds ' if holds else 'BROKEN'} {sentence}")
    return 0 if all(holds for _, holds in promises) else 1


def _timed(what: str, rows: int, deed: Callable[[], object]) -> float:
    begun = time.perf_counter()
    deed()
    pace = rows / (time.perf_counter() - begun)
    print(f"{what:42}{rows:>12,} rows{pace:>12,.0f} rows/s", flush=True)
    return pace


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _psql(rows: Any) -> None:
    from django.db import connection

    sql, parameters = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        text = cursor.mogrify(f"COPY ({sql}) TO STDOUT (FORMAT csv)", parameters)
    with tempfile.TemporaryFile() as out:
        subprocess.run([os.environ["BENCH_PSQL"], "-q", os.environ["DATABASE_URL"], "-c", text], stdout=out, check=True)


def _made(user: Any, question: Any, kind: str) -> Any:
    from backoffice.reports import exporting
    from backoffice.reports.sources import SOURCES

    export = exporting.ask(SOURCES["transactions"], question, by=user, columns=list(COLUMNS), kind=kind)
    exporting.run(export.pk)
    export.refresh_from_db()
    if export.state != "ready":
        sys.exit(f"{export.number}: {export.sentence}")
    return export


def _since_the(place: int, rows: Any, user: Any) -> str:
    """The list's own question for about the newest so many."""
    edge = rows.values_list("received_at", flat=True)[place - 1 : place][0]
    return f"created={edge.astimezone(ZoneInfo(user.time_zone)):%Y-%m-%dT%H:%M}.."


def _iterated(rows: Any) -> None:
    with tempfile.TemporaryFile("w+", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows(rows.iterator(chunk_size=2_000))


def _formulas(export: Any) -> int:
    from openpyxl import load_workbook

    sheet = load_workbook(export.path, read_only=True).worksheets[0]
    return sum(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)


if __name__ == "__main__":
    asked = sys.argv[1:]
    sys.exit(measure() if asked == ["measure"] else main(int(asked[0]) if asked else SIZE))
