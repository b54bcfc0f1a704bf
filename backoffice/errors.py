"""Error pages: what each says, in one place (DECISIONS.md section 12)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.errors import Refused
from accounts.permissions import PERMISSIONS, roles_that_may


def bad_request(request: HttpRequest, exception: Exception | None = None, *, sentence: str = "") -> HttpResponse:
    """400: the request cannot be read."""
    return render(request, "400.html", {"sentence": sentence}, status=400)


def forbidden(request: HttpRequest, permission: str) -> HttpResponse:
    """403: names the right that is missing, the roles that have it and who grants it."""
    known = PERMISSIONS.get(permission)
    context = {
        "permission": known,
        "roles": roles_that_may(permission) if known else [],
        "granted_by": "an administrator",
    }
    return render(request, "403.html", context, status=403)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403 raised outside our views, for example by Django admin."""
    return forbidden(request, "")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form was not ours or its page was too old."""
    return render(request, "403_csrf.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: the same page, byte for byte, for what does not exist and for what the reader may not see."""
    return render(request, "404.html", status=404)


def refused(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """409 (or the refusal's own status): what was not done and why."""
    template = {403: "409.html", 429: "429.html"}.get(refusal.status, "409.html")
    return render(request, template, {"sentence": refusal.sentence}, status=refusal.status)


def ours(request: HttpRequest, reference: str, *, status: int) -> HttpResponse:
    """500 or 503: our fault. Says whether anything was done, with a reference that stands in the log.

    Every deed is one database transaction, so an error before its answer means that nothing was done.
    """
    effect = "not_done" if request.method in ("GET", "HEAD", "OPTIONS") else "unknown" if status == 503 else "not_done"
    template = "503.html" if status == 503 else "500.html"
    return render(request, template, {"reference": reference, "effect": effect}, status=status)


def server_error(request: HttpRequest) -> HttpResponse:
    """500 from outside our own middleware."""
    return render(
        request, "500.html", {"reference": getattr(request, "request_id", ""), "effect": "unknown"}, status=500
    )
