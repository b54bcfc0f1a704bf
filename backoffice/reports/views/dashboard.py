"""The dashboard, and where a person's day begins."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.models import User
from backoffice.reports.dashboard import AGE_LABELS, Dashboard
from backoffice.reports.figures import Ground, snapshot


def dashboard(request: HttpRequest, user: User) -> HttpResponse:
    """What came in, what became of it and what is open. What the form sends is answered with its one address."""
    ground = Ground(request.GET, user, timezone.now(), path=request.path)
    if ground.is_sound and ground.is_to_be_written_anew(request.GET):
        return redirect(ground.address())
    with snapshot():
        board = Dashboard(ground).read() if ground.is_sound else None
    context = {"ground": ground, "board": board, "age_labels": AGE_LABELS, "page_time": ground.now}
    return render(request, "reports/dashboard.html", context)
