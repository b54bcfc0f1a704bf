"""What came into a list since a page of it was put together: rows that arrived, and rows that came to match."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from transactions.filters import OTHER_WORDS, stages_of
from transactions.models import Transaction

if TYPE_CHECKING:
    from transactions.query import TransactionQuery

MOST: Final = 99
"""Nobody counts any further: more than these read "99+"."""
LOOKED_AT: Final = 2_000
_COLUMNS: Final = {"status": "status", "reason": "reason_code", "rail": "rail"}


def new_rows(query: TransactionQuery, *, since: dt.datetime, newest: str = "") -> int:
    """How many rows of `query` a page does not count yet, at most one more than MOST.

    The page was put together at `since`; `newest` is its first row where it shows the newest ones. A row that was there
    before and came to match by a change of its state is new as well.
    """
    top = Transaction.objects.visible_to(query.user).called(newest).only("received_at").first() if newest else None
    moment, pk = (top.received_at, top.pk) if top else (since, 0)
    arrived = query.rows.newer_than(moment, pk).order_by().values("pk")[: MOST + 1].count()
    return min(arrived + _came_to_match(query, since, moment), MOST + 1)


def _came_to_match(query: TransactionQuery, since: dt.datetime, arrived_after: dt.datetime) -> int:
    """Rows that were received before but match by their state only now; the history tells how they stood before."""
    if not any(query.selected(name) for name in (*_COLUMNS, "stage")):
        return 0
    changed = Transaction.history.filter(history_date__gt=since).order_by("-history_date").values_list("id", flat=True)
    here = query.rows.filter(pk__in=set(changed[:LOOKED_AT]), received_at__lte=arrived_after).order_by()
    keys = list(here.values_list("pk", flat=True)[: MOST + 1])
    before = Transaction.history.filter(id__in=keys, history_date__lte=since).order_by("id", "-history_date")
    states = before.distinct("id").values("status", "stage", *_COLUMNS.values())
    return len(keys) - sum(_matched(query, state) for state in states)


def _matched(query: TransactionQuery, state: dict[str, str]) -> bool:
    stages = stages_of(query.selected("stage"))
    plainly = all(
        state[column] in chosen or not OTHER_WORDS.isdisjoint(chosen)
        for name, column in _COLUMNS.items()
        if (chosen := query.selected(name))
    )
    return plainly and (not stages or state["stage"] in stages)
