"""Sums of transactions, kept up to date by the database itself and proved every night.

Triggers on the table of transactions append what each statement changed (`RollupDelta`), so no way of writing can pass
them by; the worker folds that into the `Rollup`; who reads adds both. A period is covered by months and days of
Karachi, hours and, at its ends, the transactions themselves, so a sum over any period in any zone is exact.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from accounts.access import scope_of
from backoffice.reports.models import Grain
from transactions.filters import NONE
from transactions.querysets import scoped_sql

if TYPE_CHECKING:
    from backoffice.reports.figures import Ground

log = logging.getLogger(__name__)

KARACHI: Final = ZoneInfo("Asia/Karachi")
AT_ONCE: Final = 100_000
"""Deltas that one database transaction folds at most."""

BY: Final = frozenset({"partner_id", "branch_id", "stage", "currency", "corridor", "bucket"})


# -- folding ----------------------------------------------------------------------------------------------------------
# Rows are written in the order of their time, so that a period lies together on the disk and is read in few pages.

_KEY: Final = "grain, starts_at, partner_id, branch_id, stage, currency, corridor"
_SPREAD: Final = """
    CROSS JOIN LATERAL (VALUES
        ('hour', hour, branch_id, ''),
        ('day', date_trunc('day', hour, 'Asia/Karachi'), branch_id, corridor),
        ('month', date_trunc('month', hour, 'Asia/Karachi'), branch_id, corridor),
        ('p-day', date_trunc('day', hour, 'Asia/Karachi'), NULL, ''),
        ('p-month', date_trunc('month', hour, 'Asia/Karachi'), NULL, '')
    ) AS spread (grain, starts_at, branch, corridor_of)
"""
_SPREAD_KEY: Final = "spread.grain, spread.starts_at, partner_id, spread.branch, stage, currency, spread.corridor_of"
_ADD: Final = """
    ON CONFLICT (grain, starts_at, partner_id, branch_id, stage, currency, corridor) DO UPDATE
    SET number = reports_rollup.number + EXCLUDED.number, worth = reports_rollup.worth + EXCLUDED.worth
"""
_FOLD: Final = f"""
    WITH taken AS (
        DELETE FROM reports_rollupdelta WHERE id IN (SELECT id FROM reports_rollupdelta ORDER BY id LIMIT %s)
        RETURNING hour, partner_id, branch_id, stage, currency, corridor, number, worth
    ), added AS (
        INSERT INTO reports_rollup ({_KEY}, number, worth)
        SELECT {_SPREAD_KEY}, sum(number), sum(worth) FROM taken {_SPREAD}
        GROUP BY {_SPREAD_KEY} HAVING sum(number) <> 0 OR sum(worth) <> 0
        ORDER BY spread.grain, spread.starts_at
        {_ADD}
    )
    SELECT count(*) FROM taken
"""  # noqa: S608 - the module's own words
_LOCK: Final = "LOCK TABLE reports_rollup IN SHARE ROW EXCLUSIVE MODE"


def fold() -> int:
    """Add everything that was appended to the rollup; how many deltas there were. One process at a time."""
    folded = taken = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_LOCK)
            cursor.execute(_FOLD, [AT_ONCE])
            taken = int(cursor.fetchone()[0])
            if taken:
                cursor.execute("DELETE FROM reports_rollup WHERE number = 0 AND worth = 0")
        folded += taken
        if taken < AT_ONCE:
            return folded


# -- recounting -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recount:
    """How a recount went: rows compared with the transactions themselves, and how many of them were wrong."""

    transactions: int
    wrong: int
    worst: str


_RECOUNT: Final = f"""
    WITH said AS (
        SELECT date_trunc('hour', received_at, 'UTC') AS hour, partner_id, branch_id, stage,
               settled_currency AS currency, origin_country || '-' || destination_country AS corridor,
               count(*) AS number, sum(settled_amount) AS worth
        FROM transactions_transaction GROUP BY 1, 2, 3, 4, 5, 6
        UNION ALL
        SELECT hour, partner_id, branch_id, stage, currency, corridor, -number, -worth FROM reports_rollupdelta
    ), held AS (
        SELECT {
    _SPREAD_KEY.replace("spread.branch", "spread.branch AS branch_id").replace(
        "spread.corridor_of", "spread.corridor_of AS corridor"
    )
}, number, worth
        FROM said {_SPREAD}
        UNION ALL
        SELECT {_KEY}, -number, -worth FROM reports_rollup
    ), wrong AS (
        SELECT {_KEY}, sum(number) AS number, sum(worth) AS worth FROM held
        GROUP BY {_KEY} HAVING sum(number) <> 0 OR sum(worth) <> 0
    ), mended AS (
        INSERT INTO reports_rollup ({_KEY}, number, worth) SELECT {_KEY}, number, worth FROM wrong
        ORDER BY grain, starts_at
        {_ADD}
    )
    SELECT grain, starts_at, number, count(*) OVER () FROM wrong ORDER BY abs(number) DESC, starts_at LIMIT 1
"""  # noqa: S608 - the module's own words


def recount() -> Recount:
    """Compare the whole rollup with the transactions at one moment, and put right what differs.

    Folding waits meanwhile; the intake does not. Not inside another database transaction: the moment is its own.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if len(connection.savepoint_ids) == 0:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(_LOCK)
        cursor.execute("SELECT count(*) FROM transactions_transaction")
        (number,) = cursor.fetchone()
        cursor.execute(_RECOUNT)
        found = cursor.fetchone()
        if found is None:
            return Recount(number, 0, "")
        cursor.execute("DELETE FROM reports_rollup WHERE number = 0 AND worth = 0")
    grain, starts_at, difference, wrong = found
    worst = f"{Grain(grain).label} from {starts_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {-int(difference):+d}"
    log.critical("THE ROLLUP DIFFERED from the transactions in %s rows, worst %s", wrong, worst)
    return Recount(number, wrong, worst)


# -- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sum:
    """One line of sums: what it is of, how many transactions, their payouts."""

    of: dict[str, Any]
    number: int
    worth: Decimal


@dataclass(frozen=True)
class Piece:
    """A part of a period that one source answers: a grain of the rollup, or the transactions ("raw")."""

    source: str
    start: datetime | None
    end: datetime | None


def _floor(moment: datetime, unit: str) -> datetime:
    zone: tzinfo = UTC if unit == "hour" else KARACHI
    local = moment.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    if unit in ("day", "month"):
        local = local.replace(hour=0)
    return local.replace(day=1) if unit == "month" else local


def _ceil(moment: datetime, unit: str) -> datetime:
    below = _floor(moment, unit)
    if below == moment:
        return below
    step = {"hour": timedelta(hours=1), "day": timedelta(days=1), "month": timedelta(days=32)}[unit]
    return _floor(below + step, unit)


_UNITS: Final = ("month", "day", "hour")


def pieces(start: datetime | None, end: datetime | None, *, largest: str = "month") -> list[Piece]:
    """Cover the moments from `start` until before `end` with whole months, days and hours, the rest raw."""
    units = _UNITS[_UNITS.index(largest) :] if largest in _UNITS else ()
    return list(_cover(start, end, units))


def _cover(start: datetime | None, end: datetime | None, units: Sequence[str]) -> Iterator[Piece]:
    if start is not None and end is not None and start >= end:
        return
    if not units:
        yield Piece("raw", start, end)
        return
    unit, finer = units[0], units[1:]
    low = None if start is None else _ceil(start, unit)
    high = None if end is None else _floor(end, unit)
    if low is not None and high is not None and low >= high:
        yield from _cover(start, end, finer)
        return
    if start is not None:
        yield from _cover(start, low, finer)
    yield Piece(unit, low, high)
    if end is not None:
        yield from _cover(high, end, finer)


@dataclass(frozen=True)
class Slice:
    """Whose sums: a condition in SQL over partner_id and branch_id with its parameters, and whether it tells branches
    apart.
    """

    condition: str
    parameters: Sequence[Any]
    needs_branches: bool

    @classmethod
    def of(cls, ground: Ground) -> Slice:
        """What the reader sees, narrowed to the partners and branches that the page asks for."""
        scope = scope_of(ground.user)
        condition, parameters = scoped_sql(scope)
        partners, branches = ground.keys("partner"), ground.keys("branch")
        if ground.query.selected("partner"):
            condition += " AND partner_id = ANY(%s::bigint[])"
            parameters.append(partners)
        if chosen := ground.query.selected("branch"):
            without = " OR branch_id IS NULL" if NONE in chosen else ""
            condition += f" AND (branch_id = ANY(%s::bigint[]){without})"
            parameters.append(branches)
        return cls(condition, parameters, bool(chosen) or not scope.all_branches)


def sums(
    of: Slice,
    start: datetime | None,
    end: datetime | None,
    *,
    by: Sequence[str],
    bucket: tuple[str, ZoneInfo] | None = None,
) -> list[Sum]:
    """How many transactions came in from `start` until before `end`, and their payouts, for each of `by`.

    `by` are columns of the rollup; "bucket" is the hour, day or month in a zone that `bucket` names.
    """
    assert BY.issuperset(by)  # noqa: S101 - only words of this module become SQL
    is_coarse = not (of.needs_branches or {"branch_id", "corridor"} & set(by))
    covering = pieces(start, end, largest=_largest(bucket, start, end))
    if not covering:
        return []
    folded = [piece for piece in covering if not _is_raw(piece, by)]
    sources = [_raw(piece, of) for piece in covering if piece not in folded]
    sources += [_kept(piece, of, coarse=is_coarse) for piece in folded]
    sources += [_not_folded(folded, of)] if folded else []
    parts = [sql for sql, _ in sources]
    parameters = [value for _, given in sources for value in given]
    columns = ", ".join(_column(name, bucket) for name in by) or "1 AS nothing"
    groups = ", ".join(str(at + 1) for at in range(max(len(by), 1)))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns}, sum(number), sum(worth) FROM ({' UNION ALL '.join(parts)}) summed"  # noqa: S608
            f" GROUP BY {groups} HAVING sum(number) <> 0",
            parameters,
        )
        return [Sum(dict(zip(by, row, strict=False)), int(row[-2]), row[-1]) for row in cursor.fetchall()]


def _largest(bucket: tuple[str, ZoneInfo] | None, start: datetime | None, end: datetime | None) -> str:
    """The largest unit that never lies across two buckets."""
    if bucket is None:
        return "month"
    unit, zone = bucket
    if zone.key == KARACHI.key:
        return unit
    moments = [moment for moment in (start, end) if moment is not None]
    offsets = [moment.astimezone(zone).utcoffset() or timedelta() for moment in moments]
    return "hour" if all(offset % timedelta(hours=1) == timedelta() for offset in offsets) else "raw"


def _is_raw(piece: Piece, by: Sequence[str]) -> bool:
    """Hours do not know corridors."""
    return piece.source == "raw" or (piece.source == "hour" and "corridor" in by)


def _column(name: str, bucket: tuple[str, ZoneInfo] | None) -> str:
    if name != "bucket":
        return name
    assert bucket is not None  # noqa: S101 - a bucket has its unit
    unit, zone = bucket
    assert unit in _UNITS  # noqa: S101
    return f"date_trunc('{unit}', at, '{zone.key}') AS bucket"


_COLUMNS: Final = "partner_id, branch_id, stage, currency, corridor, number, worth"


def _between(column: str, piece: Piece) -> tuple[str, list[Any]]:
    conditions, given = [], []
    for sign, moment in ((">=", piece.start), ("<", piece.end)):
        if moment is not None:
            conditions.append(f" AND {column} {sign} %s")
            given.append(moment)
    return "".join(conditions), given


def _kept(piece: Piece, of: Slice, *, coarse: bool) -> tuple[str, list[Any]]:
    """The rollup's rows of the piece."""
    grain = f"p-{piece.source}" if coarse and piece.source != "hour" else piece.source
    inside, given = _between("starts_at", piece)
    return (
        (
            f"SELECT {_COLUMNS}, starts_at AS at FROM reports_rollup"  # noqa: S608
            f" WHERE grain = '{grain}'{inside} AND {of.condition}"
        ),
        [*given, *of.parameters],
    )


def _not_folded(folded: Sequence[Piece], of: Slice) -> tuple[str, list[Any]]:
    """What was appended to the hours of these pieces and is not in the rollup yet, read once for all of them."""
    ranges = [_between("hour", piece) for piece in folded]
    inside = " OR ".join(f"(true{condition})" for condition, _ in ranges)
    return (
        f"SELECT {_COLUMNS}, hour AS at FROM reports_rollupdelta WHERE {of.condition} AND ({inside})",  # noqa: S608
        [*of.parameters, *(value for _, given in ranges for value in given)],
    )


def _raw(piece: Piece, of: Slice) -> tuple[str, list[Any]]:
    """The transactions of the piece themselves."""
    inside, given = _between("received_at", piece)
    return (
        (
            "SELECT partner_id, branch_id, stage, settled_currency AS currency,"  # noqa: S608
            " origin_country || '-' || destination_country AS corridor, 1 AS number, settled_amount AS worth,"
            f" received_at AS at FROM transactions_transaction WHERE {of.condition}{inside}"
        ),
        [*of.parameters, *given],
    )
