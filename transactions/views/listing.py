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
from transactions.bulk_deeds import open_to
from transactions.filters import RELATIVE_CHOICES
from transactions.forms import SaveViewForm
from transactions.query import SORTS, TransactionQuery, folded
from transactions.saved_views import Arrangement, arrangement_of, remembered
from transactions.search import record
from transactions.selection import MOST
from transactions.views.arranging import strip_of

FIRST_FILTERS = ("status", "stage", "partner", "flag")
OTHER_FILTERS = ("assigned", "branch", "rail", "type", "reason")
PLAIN_FILTERS = ("updated", "age_over", "age_under", "amount_min", "amount_max", "currency", "corridor", "sort")


@requires("transactions.view_transactions")
@require_safe
def transactions(request: HttpRequest) -> HttpResponse:
    """Newest first, or as the address says. What a form sends is answered with its one address."""
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    arrangement, params = arrangement_of(request.user), folded(request.GET)
    if not params and arrangement.default is not None:
        return HttpResponseRedirect(arrangement.default.url)
    query = TransactionQuery(
        params,
        request.user,
        timezone.now(),
        own_columns=arrangement.columns,
        opens_a_view=arrangement.default is not None,
    )
    if query.is_sound and (query.had_blanks or params is not request.GET):
        return HttpResponseRedirect(query.address)
    try:
        if query.is_sound and query.reading is not None:
            record(query.reading, request.user, found=query.count.number)
        rows = query.page.rows
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return _page(request, query, arrangement, rows=[], is_slow=True)
    return _page(request, query, arrangement, rows=rows, is_counted=query.is_sound and counted(query))


def counted(query: TransactionQuery) -> bool:
    """Count the tabs; False where that takes too long, and a page whose rows are there does without the numbers."""
    try:
        query.count_tabs()
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return False
    return True


def _page(
    request: HttpRequest,
    query: TransactionQuery,
    arrangement: Arrangement,
    *,
    rows: Sequence[Any],
    is_counted: bool = False,
    is_slow: bool = False,
) -> HttpResponse:
    user = query.user
    more_on = [name for name in (*OTHER_FILTERS, *PLAIN_FILTERS) if query.selected(name)]
    context = {
        "query": query,
        "rows": rows,
        "columns": query.columns,
        "count": query.count if is_counted else None,
        "is_slow": is_slow,
        "chips": query.chips,
        "back": way_back.mark("t", query.query_string),
        "first_groups": [_tick_group(query, name) for name in FIRST_FILTERS],
        "other_groups": [_tick_group(query, name) for name in OTHER_FILTERS],
        "more_on": len(more_on),
        "periods": RELATIVE_CHOICES,
        "sorts": SORTS.values(),
        "widened": query.address_with(created="90d") if query.selected("created") else None,
        "strip": strip_of(arrangement, query.saved, remembered(arrangement.views, user)),
        "view_form": SaveViewForm(teams=arrangement.teams),
        "bulk_deeds": open_to(user) if rows else [],
        "most_selected": MOST,
        "moment": f"{query.now:%Y-%m-%dT%H:%M:%S.%f%z}",
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
