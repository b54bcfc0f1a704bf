"""The list of transactions: what its address asks for, one page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from psycopg.errors import QueryCanceled

from accounts.access import requires
from accounts.models import User
from transactions import way_back
from transactions.filters import RELATIVE_CHOICES, SIZES
from transactions.paging import Count
from transactions.query import SORTS, TransactionQuery, folded
from transactions.search import record

FIRST_FILTERS = ("status", "stage", "partner", "flag")
OTHER_FILTERS = ("branch", "rail", "type", "reason")
PLAIN_FILTERS = ("amount_min", "amount_max", "currency", "sort", "size")


@requires("transactions.view_transactions")
@require_safe
def transactions(request: HttpRequest) -> HttpResponse:
    """Newest first, or as the address says. What a form sends is answered with its one address."""
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    params = folded(request.GET)
    query = TransactionQuery(params, request.user, timezone.now())
    if query.is_sound and (query.had_blanks or params is not request.GET):
        return HttpResponseRedirect(query.address)
    try:
        if query.is_sound and query.reading is not None:
            record(query.reading, request.user, found=query.count.number)
        return _page(request, query, rows=query.page.rows, count=query.count if query.is_sound else None)
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return _page(request, query, rows=[], count=None, is_slow=True)


def _page(
    request: HttpRequest, query: TransactionQuery, *, rows: Sequence[Any], count: Count | None, is_slow: bool = False
) -> HttpResponse:
    context = {
        "query": query,
        "rows": rows,
        "count": count,
        "is_slow": is_slow,
        "chips": query.chips,
        "back": way_back.mark("t", query.query_string),
        "first_groups": [_tick_group(query, name) for name in FIRST_FILTERS],
        "other_groups": [_tick_group(query, name) for name in OTHER_FILTERS],
        "others_on": any(query.selected(name) for name in (*OTHER_FILTERS, *PLAIN_FILTERS)),
        "periods": RELATIVE_CHOICES,
        "sizes": SIZES,
        "sorts": SORTS.items(),
        "turned": query.address_with(sort="" if query.is_oldest_first else "created"),
        "widened": query.address_with(created="90d") if query.selected("created") else None,
        "narrowed": query.address_with(created="30d"),
    }
    return render(request, "transactions/list.html", context)


def _tick_group(query: TransactionQuery, name: str) -> dict[str, object]:
    """A filter of which several values may be ticked, with what is ticked now."""
    return {
        "name": name,
        "label": query.filter.filters[name].label,
        "choices": query.filter.choices[name],
        "selected": query.selected(name),
    }
