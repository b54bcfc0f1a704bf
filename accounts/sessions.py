"""How long a sign-in lasts: 15 minutes without a request by the person, 12 hours in all.

What a page does by itself (a header `X-Background: 1`, or the live stream) answers while the session lives but does not
prolong it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, logout
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import User
from audit import trail
from audit.verbs import Verb

SIGNED_IN_AT = "signed_in_at"
LAST_SEEN = "last_seen"
SIGNED_OUT_BECAUSE = "signed_out_because"
WRITE_EVERY = 15  # seconds; a session is not written on every request

IDLE, TOO_OLD = "idle", "too old"
SENTENCES = {
    IDLE: "You were signed out after 15 minutes without activity.",
    TOO_OLD: "You were signed out: a sign-in lasts 12 hours at most.",
}
PASSWORD_PAGE = "/account/password/"  # noqa: S105, an address
OPEN_WITH_A_TEMPORARY_PASSWORD = frozenset({PASSWORD_PAGE, "/account/stay/", "/logout/"})

STREAM = "/live/"  # a browser sends no header of ours with it

Respond = Callable[[HttpRequest], HttpResponse]
Kept = SessionBase | dict[str, Any]


class SessionLimits:
    """Ends sessions that are idle for too long or simply too old, before any view runs."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            trail.identify(request.user.username, request.session.session_key)
            why = _over(request.session)
            if why:
                _end(request, why)
            elif not is_background(request):
                _seen(request)
        return self.get_response(request)


class TemporaryPasswords:
    """Who signed in with a password that an administrator chose must choose one before anything else."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and request.user.password_is_temporary:
            if request.headers.get("HX-Request"):
                return HttpResponse(status=401, headers={"HX-Redirect": PASSWORD_PAGE})
            if request.path not in OPEN_WITH_A_TEMPORARY_PASSWORD:
                return redirect(PASSWORD_PAGE)
        return self.get_response(request)


def is_background(request: HttpRequest) -> bool:
    """Whether the page asked by itself and not the person."""
    return request.headers.get("X-Background") == "1" or request.path == STREAM


def why_signed_out(request: HttpRequest) -> str:
    """Why the session that this browser had was ended, in a sentence, told once; empty when nothing was ended."""
    return SENTENCES.get(request.session.pop(SIGNED_OUT_BECAUSE, ""), "")


def still_signed_in(keys: Iterable[str]) -> dict[str, User]:
    """Whose sessions these are, of those that still stand, in two queries and without prolonging any.

    Gone are those that were signed out, are idle or too old, whose person was deactivated or has another password now,
    or must choose one first.
    """
    kept = Session.objects.filter(session_key__in=list(keys), expire_date__gt=timezone.now())
    standing = {one.session_key: data for one in kept if not _over(data := one.get_decoded())}
    people = User.objects.filter(is_active=True, password_is_temporary=False).in_bulk(
        [data[SESSION_KEY] for data in standing.values() if SESSION_KEY in data]
    )
    found = {key: people.get(int(data.get(SESSION_KEY, 0))) for key, data in standing.items()}
    return {key: one for key, one in found.items() if one is not None and _has_same_password(one, standing[key])}


def end_all_of(person: User) -> int:
    """End every session of this account; answers how many there were. A live stream goes with its session."""
    standing = Session.objects.filter(expire_date__gt=timezone.now())
    keys = [one.session_key for one in standing if one.get_decoded().get(SESSION_KEY) == str(person.pk)]
    Session.objects.filter(session_key__in=keys).delete()
    return len(keys)


def _has_same_password(person: User, session: Kept) -> bool:
    """Whether the person has the password with which this session was opened, as Django asks at every request."""
    known = session.get(HASH_SESSION_KEY, "")
    now = [person.get_session_auth_hash(), *person.get_session_auth_fallback_hash()]
    return any(constant_time_compare(known, one) for one in now)


def _over(session: Kept) -> str:
    now = time.time()
    if now - session.get(LAST_SEEN, now) > settings.SESSION_IDLE_SECONDS:
        return IDLE
    if now - session.get(SIGNED_IN_AT, now) > settings.SESSION_ABSOLUTE_SECONDS:
        return TOO_OLD
    return ""


def _end(request: HttpRequest, why: str) -> None:
    trail.record_denial(Verb.SESSION_ENDED, obj=request.user, facts={"because": why})
    logout(request)
    request.session[SIGNED_OUT_BECAUSE] = why


def _seen(request: HttpRequest) -> None:
    now = time.time()
    if SIGNED_IN_AT not in request.session:
        request.session[SIGNED_IN_AT] = now
    if now - request.session.get(LAST_SEEN, 0) > WRITE_EVERY:
        request.session[LAST_SEEN] = now
