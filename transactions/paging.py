"""Pages without numbers: each begins after or before a row, so that the last one costs what the first one does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

MOST_COUNTED: Final = 10_000
COUNTING_TAKES_AT_MOST: Final = 2_000
"""Milliseconds after which a page goes without its counts."""


@dataclass(frozen=True)
class Order:
    """The order of a list. `fields` end with the key, which decides ties, so that no two rows stand in one place.

    `parts` are conditions of which every row fulfils exactly one, where each has an index in this order and the whole
    has none: columns that change stand in partial indexes only. `before` and `after` name the sides of a page.
    """

    key: str
    label: str
    column: str
    fields: tuple[str, ...]
    is_ascending: bool
    before: str
    after: str
    parts: tuple[Q, ...] = (Q(),)

    @property
    def keeps_places(self) -> bool:
        """Whether a row stays where it is: not when it moves with each change of the transaction."""
        return "updated_at" not in self.fields

    def place_of(self, row: Any) -> Place:
        """Where a row stands in this order."""
        return Place(tuple(getattr(row, field) for field in self.fields))


@dataclass(frozen=True)
class Place:
    """A place in a list: the values by which it is ordered, the key of the row last."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Page:
    """The rows of one page, in the list's order, and whether there are more on either side."""

    rows: Sequence[Any]
    has_earlier: bool
    has_later: bool


@dataclass(frozen=True)
class Count:
    """How many rows there are; from `MOST_COUNTED` on nobody counts any further."""

    number: int

    @property
    def is_capped(self) -> bool:
        return self.number > MOST_COUNTED

    def __str__(self) -> str:
        return f"{MOST_COUNTED:,}+" if self.is_capped else f"{self.number:,}"


def total(counts: Sequence[Count]) -> Count:
    """The sum of counts of disjoint rows."""
    return Count(min(sum(one.number for one in counts), MOST_COUNTED + 1))


def count(rows: QuerySet[Any]) -> Count:
    """Count rows, at most one more than `MOST_COUNTED`."""
    return Count(rows.order_by().values("pk")[: MOST_COUNTED + 1].count())


def counts(questions: Mapping[str, QuerySet[Any]], *, most: int = MOST_COUNTED) -> dict[str, Count]:
    """Count the rows of several questions at one moment, in one statement, each at most one more than `most`."""
    names: list[str] = []
    statements: list[str] = []
    parameters: list[Any] = []
    for name, rows in questions.items():
        try:
            sql, given = rows.order_by().values("pk")[: most + 1].query.sql_with_params()
        except EmptyResultSet:
            continue
        names.append(name)
        statements.append(f"(SELECT COUNT(*) FROM ({sql}) counted)")  # noqa: S608 - the ORM's own statements
        parameters += given
    found = dict.fromkeys(questions, Count(0))
    if names:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(statements)}", parameters)
            found |= zip(names, map(Count, cursor.fetchone()), strict=True)
    return found


@contextmanager
def in_time(milliseconds: int = COUNTING_TAKES_AT_MOST) -> Iterator[None]:
    """A block in which no statement takes longer: raises OperationalError when one does. For reading only: the
    database transaction is rolled back, and the limit with it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
        yield
        transaction.set_rollback(True)


def page(
    rows: QuerySet[Any], *, order: Order, size: int, after: Place | None = None, before: Place | None = None
) -> Page:
    """One page of `rows` in `order`, after or before a place."""
    backwards = before is not None
    found = _read(rows, order, size + 1, start=before or after, ascending=order.is_ascending != backwards)
    has_more, found = len(found) > size, found[:size]
    if backwards:
        return Page(found[::-1], has_earlier=has_more, has_later=True)
    return Page(found, has_earlier=after is not None, has_later=has_more)


def preceding(rows: QuerySet[Any], *, order: Order, place: Place) -> QuerySet[Any]:
    """The rows that stand before a place."""
    return rows.filter(_beyond(order, place, ascending=not order.is_ascending))


def _read(rows: QuerySet[Any], order: Order, most: int, *, start: Place | None, ascending: bool) -> list[Any]:
    if start is not None:
        rows = rows.filter(_beyond(order, start, ascending=ascending))
    sign = "" if ascending else "-"
    rows = rows.order_by(*(f"{sign}{field}" for field in order.fields))
    found = [row for part in order.parts for row in rows.filter(part)[:most]]
    if len(order.parts) > 1:
        found.sort(key=attrgetter(*order.fields), reverse=not ascending)
    return found[:most]


def _beyond(order: Order, start: Place, *, ascending: bool) -> TupleGreaterThan | TupleLessThan:
    """A comparison of rows of values, which PostgreSQL answers from the index: (received_at, id) < (…, …)."""
    compare = TupleGreaterThan if ascending else TupleLessThan
    return compare(Tuple(*map(F, order.fields)), start.values)
