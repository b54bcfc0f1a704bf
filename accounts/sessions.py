"""How long a sign-in lasts: 15 minutes without a request by the person, 12 hours in all.

What a page does by itself (a header `X-Background: 1`) answers while the session lives but does not prolong it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from audit import trail
from audit.verbs import Verb

SIGNED_IN_AT = "signed_in_at"
LAST_SEEN = "last_seen"
WRITE_EVERY = 15  # seconds; a session is not written on every request


class SessionLimits:
    """Ends sessions that are idle for too long or simply too old, before any view runs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            trail.identify(request.user.username)
            why = _over(request)
            if why:
                trail.record(Verb.SESSION_ENDED, by=request.user, obj=request.user, facts={"because": why})
                logout(request)
                request.session_ended = why  # type: ignore[attr-defined]
            elif not is_background(request):
                _seen(request)
        return self.get_response(request)


def is_background(request: HttpRequest) -> bool:
    """Whether the page asked by itself and not the person."""
    return request.headers.get("X-Background") == "1"


def _over(request: HttpRequest) -> str:
    now = time.time()
    if now - request.session.get(LAST_SEEN, now) > settings.SESSION_IDLE_SECONDS:
        return "idle"
    if now - request.session.get(SIGNED_IN_AT, now) > settings.SESSION_ABSOLUTE_SECONDS:
        return "too old"
    return ""


def _seen(request: HttpRequest) -> None:
    now = time.time()
    request.session.setdefault(SIGNED_IN_AT, now)
    if now - request.session.get(LAST_SEEN, 0) > WRITE_EVERY:
        request.session[LAST_SEEN] = now
