"""The RTGS desk: what waits in the queue or for settlement, since when, and what treasury can do about it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import requires
from accounts.models import User
from exceptions.rtgs import RtgsQuery


@requires("exceptions.view_exceptions")
@require_safe
def rtgs(request: HttpRequest) -> HttpResponse:
    """Payments on RTGS, the longest waiting first."""
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    return render(request, "exceptions/rtgs.html", {"query": RtgsQuery(request.GET, request.user, timezone.now())})
