"""The queue of cases: what waits, in the order of its clocks, and the next one to take."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from accounts.access import has, requires
from accounts.models import User
from compliance import actions
from compliance.dossier import time_left, why_of
from compliance.filters import CaseQuery
from compliance.models import Case
from transactions import way_back


@requires("compliance.view_cases")
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """The cases of one tab, by their clocks: overdue first, then what has the least time left."""
    now = timezone.now()
    query = CaseQuery(request.GET, reader(request), now)
    rows = [(case, why_of(case), time_left(case, now)) for case in query.page]
    last = None if rows or query.troubles else Case.objects.visible_to(request.user).closed().latest_closed()
    context = {
        "query": query,
        "rows": rows,
        "mark": way_back.mark("c", query.query_string),
        "may_take": has(request.user, "compliance.work_cases"),
        "last": last,
    }
    return render(request, "compliance/queue.html", context)


@requires("compliance.work_cases")
@require_POST
def take_next(request: HttpRequest) -> HttpResponse:
    """Assign the next free case of the filters that were on. Two people never get the same one."""
    query = CaseQuery(_filters_in(request), reader(request), timezone.now())
    case = actions.take_next(query.matching, by=reader(request))
    mark = way_back.mark("c", query.query_string)
    if case is None:
        messages.info(request, "No case is waiting. When one comes in, it stands here.")
        return redirect(way_back.address(mark))
    messages.success(request, format_html("{} is assigned to you.", case.number))
    return redirect(f"{case.get_absolute_url()}?from={mark}")


def _filters_in(request: HttpRequest) -> QueryDict:
    """The filters that the button was pressed under."""
    sent = request.POST.copy()
    sent.pop("csrfmiddlewaretoken", None)
    return sent


def reader(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    return request.user
