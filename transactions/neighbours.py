"""The transactions before and after one in the list it was opened from, in that list's own order."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.http import QueryDict
from django.urls import reverse

from transactions import paging, way_back
from transactions.query import TransactionQuery

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.models import Transaction


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Addresses of the row before and the row after; empty where the list ends or is not known."""

    previous_url: str = ""
    next_url: str = ""


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
    return Neighbours(*(f"{rows[0].get_absolute_url()}?from={mark}" if rows else "" for rows in (before, after)))
