"""The radar: what stands still, whether everything moves, and the alarms."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import requires
from accounts.models import User
from backoffice.reports import alarms
from backoffice.reports.figures import Ground, snapshot
from backoffice.reports.models import Alarm
from backoffice.reports.radar import Radar


@requires("reports.view_dashboard", "transactions.view_transactions")
@require_safe
def radar(request: HttpRequest) -> HttpResponse:
    """Money that stands still by stage, rail and partner; the health of feed, partners, rails and workers; alarms."""
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    ground = Ground(request.GET, request.user, timezone.now(), path=request.path, usual="")
    if ground.is_sound and ground.is_to_be_written_anew(request.GET):
        return redirect(ground.address())
    with snapshot():
        found = Radar(ground).read() if ground.is_sound else None
    return render(request, "reports/radar.html", {"ground": ground, "radar": found, "page_time": ground.now})


@requires("reports.view_dashboard")
@require_POST
def see(request: HttpRequest, alarm: int) -> HttpResponse:
    """Note that the reader has seen an alarm."""
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    found = Alarm.objects.visible_to(request.user).numbered(alarm).first()
    if found is None:
        raise Http404
    alarms.see(found, by=request.user)
    return redirect("reports:radar")
