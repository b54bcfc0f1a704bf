"""Pages without numbers: each begins after or before a row, so that the last one costs what the first one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

MOST_COUNTED: Final = 10_000


@dataclass(frozen=True)
class Place:
    """A place in a list: the moment and the key of a row. Ties of the moment are decided by the key."""

    moment: datetime
    pk: int


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


def count(rows: QuerySet[Any]) -> Count:
    """Count rows, at most one more than `MOST_COUNTED`."""
    return Count(rows.order_by().values("pk")[: MOST_COUNTED + 1].count())


def page(
    rows: QuerySet[Any],
    *,
    size: int,
    oldest_first: bool = False,
    after: Place | None = None,
    before: Place | None = None,
) -> Page:
    """One page of `rows` by (received_at, id), newest first unless told otherwise, after or before a place."""
    backwards = before is not None
    ascending = oldest_first != backwards
    start = before or after
    if start is not None:
        rows = rows.filter(_beyond(start, ascending=ascending))
    order = ("received_at", "pk") if ascending else ("-received_at", "-pk")
    found = list(rows.order_by(*order)[: size + 1])
    has_more, found = len(found) > size, found[:size]
    if backwards:
        return Page(found[::-1], has_earlier=has_more, has_later=True)
    return Page(found, has_earlier=after is not None, has_later=has_more)


def _beyond(start: Place, *, ascending: bool) -> TupleGreaterThan | TupleLessThan:
    """A comparison of pairs, which PostgreSQL answers from the index: (received_at, id) < (…, …)."""
    pair = Tuple(F("received_at"), F("pk"))
    compare = TupleGreaterThan if ascending else TupleLessThan
    return compare(pair, (start.moment, start.pk))
