"""The rollup always says what a count of the transactions would say, however they were written and asked about."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection
from django.http import QueryDict
from django.utils import timezone

from accounts.models import User
from backoffice.reports import rollups
from backoffice.reports.figures import Ground
from backoffice.reports.models import Grain, Rollup, RollupDelta
from backoffice.reports.rollups import Slice, Sum, fold, pieces, recount, sums
from tests.factories.reports import RollupDeltaFactory, RollupFactory
from tests.transactions.rows import lay, multiply
from transactions.models import Transaction

pytestmark = pytest.mark.django_db

KARACHI, UTC_ZONE, KATHMANDU = ZoneInfo("Asia/Karachi"), ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")
MONTH_END = datetime(2026, 10, 31, 18, 30, tzinfo=UTC)  # 23:30 in Karachi, the last day of its October


def asked(user: User, query: str = "") -> Slice:
    return Slice.of(Ground(QueryDict(query), user, timezone.now(), path="/"))


def as_counts(found: list[Sum], *by: str) -> dict[tuple[object, ...], tuple[int, Decimal]]:
    return {tuple(one.of[name] for name in by): (one.number, one.worth) for one in found}


def test_what_a_statement_changes_is_appended_and_folded(sana: User) -> None:
    row = lay(1)
    assert [(one.stage, one.number) for one in RollupDelta.objects.all()] == [("payment", 1)]
    Transaction.objects.filter(pk=row.pk).update(stage="settlement", funds_position="AT_RAIL")
    assert as_counts(sums(asked(sana), None, None, by=["stage"]), "stage") == {("settlement",): (1, Decimal(7700))}
    assert fold() == 3
    assert RollupDelta.objects.count() == 0
    assert sorted(Rollup.objects.values_list("grain", "stage", "number")) == sorted(
        (grain.value, "settlement", 1) for grain in Grain
    )
    assert as_counts(sums(asked(sana), None, None, by=["stage"]), "stage") == {("settlement",): (1, Decimal(7700))}
    assert fold() == 0


def test_a_change_of_something_else_appends_nothing(sana: User) -> None:
    row = lay(1)
    fold()
    Transaction.objects.filter(pk=row.pk).update(narration="for the roof", updated_at=timezone.now())
    assert RollupDelta.objects.count() == 0


def test_what_is_taken_away_leaves_no_row_behind() -> None:
    row = lay(1)
    fold()
    row.parties.all().delete()
    row.account.delete()
    row.delete()
    fold()
    assert Rollup.objects.count() == 0


def test_a_period_is_covered_by_the_largest_units_that_fit() -> None:
    start, end = datetime(2026, 9, 15, 10, 20, tzinfo=UTC), datetime(2026, 11, 2, 3, 5, tzinfo=UTC)
    found = pieces(start, end)
    assert [one.source for one in found] == ["raw", "hour", "day", "month", "day", "hour", "raw"]
    assert found[0].start == start
    assert found[-1].end == end
    assert all(one.end == following.start for one, following in itertools.pairwise(found))
    assert [one.source for one in pieces(None, None)] == ["month"]
    assert [one.source for one in pieces(start, start + timedelta(minutes=3))] == ["raw"]
    assert pieces(start, start) == []
    assert [one.source for one in pieces(start, end, largest="raw")] == ["raw"]


def test_any_period_by_anything_in_any_zone_is_what_a_count_says(sana: User, bilal: User, hina: User) -> None:
    dice, now = random.Random(7), timezone.now()
    stages = ["credited", "failed_final", "payment", "compliance_review"]
    partners, branches = ["INSTANTCASH", "RIA", "MARJAN"], ["1003", "2001", ""]
    for number in range(120):
        lay(
            number,
            partner=dice.choice(partners),
            branch=dice.choice(branches),
            stage=dice.choice(stages),
            received_at=MONTH_END + timedelta(minutes=dice.randint(-70_000, 3_000)),
            settled_currency=dice.choice(["PKR", "KWD"]),
            origin_country=dice.choice(["AE", "GB", ""]),
            destination_country="PK",
        )
        if number == 60:
            fold()
    edges = [
        (MONTH_END - timedelta(days=40), MONTH_END),
        (MONTH_END.replace(minute=0), MONTH_END + timedelta(hours=30)),
        (datetime(2026, 9, 30, 19, tzinfo=UTC), datetime(2026, 10, 31, 19, tzinfo=UTC)),
        (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)),
        (MONTH_END - timedelta(days=3, minutes=17), None),
        (None, MONTH_END - timedelta(minutes=1)),
    ]
    for user in (sana, bilal, hina):
        for query in ("", "partner=INSTANTCASH", "branch=1003"):
            ground = Ground(QueryDict(query), user, now, path="/")
            if not ground.is_sound:
                continue
            of = Slice.of(ground)
            rows = Transaction.objects.visible_to(user)
            rows = rows.filter(partner__code="INSTANTCASH") if "partner" in query else rows
            rows = rows.filter(branch__code="1003") if "branch" in query else rows
            for start, end in edges:
                inside = rows.filter(received_at__gte=start) if start else rows
                inside = inside.filter(received_at__lt=end) if end else inside
                _agree(of, start, end, list(inside))
    sizes = Counter(Rollup.objects.values_list("grain", flat=True))
    assert sizes["p-month"] < sizes["month"] <= sizes["day"]
    assert recount().wrong == 0


def _agree(of: Slice, start: datetime | None, end: datetime | None, rows: list[Transaction]) -> None:
    expected: Counter[tuple[object, ...]] = Counter((one.stage, one.settled_currency) for one in rows)
    found = sums(of, start, end, by=["stage", "currency"])
    assert {(one.of["stage"], one.of["currency"]): one.number for one in found} == expected
    assert sum(one.worth for one in found) == sum(one.settled_amount for one in rows)
    expected = Counter((one.branch_id, f"{one.origin_country}-{one.destination_country}") for one in rows)
    found = sums(of, start, end, by=["branch_id", "corridor"])
    assert {(one.of["branch_id"], one.of["corridor"]): one.number for one in found} == expected
    for unit in ("hour", "day", "month"):
        for zone in (KARACHI, UTC_ZONE, KATHMANDU):
            expected = Counter((_truncated(one.received_at.astimezone(zone), unit),) for one in rows)
            found = sums(of, start, end, by=["bucket"], bucket=(unit, zone))
            assert {(one.of["bucket"],): one.number for one in found} == expected


def _truncated(local: datetime, unit: str) -> datetime:
    local = local.replace(minute=0, second=0, microsecond=0)
    local = local if unit == "hour" else local.replace(hour=0)
    return local.replace(day=1) if unit == "month" else local


def test_a_recount_names_what_differs_and_puts_it_right(sana: User, caplog: pytest.LogCaptureFixture) -> None:
    lay(1)
    lay(2)
    fold()
    assert recount() == rollups.Recount(2, 0, "")
    Rollup.objects.filter(grain="hour").update(number=7)
    RollupDeltaFactory(partner=Transaction.objects.all()[0].partner, stage="returned")
    RollupFactory(partner=Transaction.objects.all()[0].partner, stage="cash_ready", worth=Decimal(0), number=40)
    found = recount()
    assert found.transactions == 2
    assert found.wrong == 7
    assert found.worst == "Hour (UTC) by partner and branch from 2026-11-22 09:00 UTC: +40"
    assert "THE ROLLUP DIFFERED from the transactions in 7 rows" in caplog.text
    assert recount().wrong == 0
    assert as_counts(sums(asked(sana), None, None, by=["stage"]), "stage") == {("payment",): (2, Decimal(15400))}


@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_or_counted_twice_while_others_fold_recount_and_write(sana: User) -> None:
    first = lay(100)
    stop, troubles = threading.Event(), []

    def compare() -> None:
        if recount().wrong:
            troubles.append("the recount found a difference")

    def again(deed: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                deed()
        except DatabaseError as error:
            troubles.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=again, args=[deed]) for deed in (fold, fold, compare)]
    for thread in threads:
        thread.start()
    multiply(first, 200)
    for stage, funds in (("settlement", "AT_RAIL"), ("outcome_unknown", "UNKNOWN"), ("payment", "UNKNOWN")):
        for part in range(5):
            open_ones = Transaction.objects.filter(status="pending", pk__gt=first.pk + 40 * part)
            open_ones.filter(pk__lte=first.pk + 40 * part + 40).update(stage=stage, funds_position=funds)
    stop.set()
    for thread in threads:
        thread.join()
    fold()
    assert troubles == []
    assert recount().wrong == 0
    counted = Counter(Transaction.objects.values_list("stage", flat=True))
    assert {one.of["stage"]: one.number for one in sums(asked(sana), None, None, by=["stage"])} == counted
