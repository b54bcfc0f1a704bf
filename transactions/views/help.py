"""Help: what the statuses mean, and the keys. Made from the same words as the badges."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import has, requires
from transactions.meanings import meanings, stages


@requires()
@require_safe
def statuses(request: HttpRequest) -> HttpResponse:
    """Every badge: what it means, whose turn it is, what the reader can do."""
    sees = has(request.user, "compliance.view_cases")
    context = {"meanings": meanings(sees_compliance=sees), "stages": stages(sees_compliance=sees)}
    return render(request, "transactions/help_statuses.html", context)


@requires()
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Every keyboard shortcut."""
    return render(request, "transactions/help_keys.html")
