"""The transactions before and after one in the list it was opened from, in that list's own order."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.db import OperationalError
from django.http import QueryDict
from django.urls import reverse
from psycopg.errors import QueryCanceled

from transactions import paging, way_back
from transactions.query import TransactionQuery
from transactions.saved_views import arrangement_of

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.models import Transaction
    from transactions.paging import Place


MOST_PLACED = 1_000
"""A place is told in lists of up to so many rows; further down nobody counts."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Addresses of the row before and the row after, empty where the list ends or is not known; `place` says where
    the transaction stands, "2 of 34", and `view` the name of the list where it has one.
    """

    previous_url: str = ""
    next_url: str = ""
    place: str = ""
    view: str = ""


def neighbours(transaction: Transaction, mark: str, user: User, now: dt.datetime) -> Neighbours:
    """What stands beside `transaction` in the list that `mark` leads to, among the rows that `user` may see."""
    address = urlsplit(way_back.address(mark))
    if address.path != reverse("transactions:list"):
        return Neighbours()
    params = QueryDict(address.query, mutable=True)
    for place in ("after", "before"):
        params.pop(place, None)
    query = TransactionQuery(params, user, now)
    if not query.is_sound:
        return Neighbours()
    here = query.order.place_of(transaction)
    before = paging.page(query.rows, order=query.order, size=1, before=here).rows
    after = paging.page(query.rows, order=query.order, size=1, after=here).rows
    urls = [f"{rows[0].get_absolute_url()}?from={mark}" if rows else "" for rows in (before, after)]
    place = _place(transaction, query, here)
    view = arrangement_of(user).of_query(query.saved) if place and query.saved else None
    previous_url, next_url = urls
    return Neighbours(previous_url, next_url, place, view.name if view else "")


def _place(transaction: Transaction, query: TransactionQuery, here: Place) -> str:
    """ "2 of 34"; "" in a long list, where counting takes too long, and where the row is not in the list any more."""
    questions = {
        "before": paging.preceding(query.rows, order=query.order, place=here),
        "all": query.rows,
        "here": query.rows.filter(pk=transaction.pk),
    }
    try:
        with paging.in_time(500):
            found = paging.counts(questions, most=MOST_PLACED)
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return ""
    if not found["here"].number or found["all"].number > MOST_PLACED:
        return ""
    return f"{found['before'].number + 1:,} of {found['all']}"
