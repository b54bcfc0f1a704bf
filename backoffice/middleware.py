"""What happens around every request: its id, the reader's time zone, refusals as pages, headers."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone

from accounts.errors import MissingPermission, Refused
from audit import trail
from audit.verbs import Verb
from backoffice import errors, views

Respond = Callable[[HttpRequest], HttpResponse]
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Headers:
    """Headers that Django does not set by itself; what a person reads is kept by no browser and no proxy."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class RequestContext:
    """Gives each request its id and tells the trail where deeds come from.

    The id is always our own: it joins the entries and history rows of one click, so nobody may choose it.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid4().hex
        where = {"request_id": request_id, "kind": "ANONYMOUS", "actor": "", "ip": request.META.get("REMOTE_ADDR", "")}
        with trail.acting(**where, may_change=request.method not in SAFE):
            request.request_id = request_id  # type: ignore[attr-defined]
            response = self.get_response(request) if _is_readable(request) else errors.bad_request(request)
        response.headers["X-Request-Id"] = request_id
        return response


def _is_readable(request: HttpRequest) -> bool:
    """Whether the address could name anything: no reference holds a NUL, and PostgreSQL takes none."""
    return "\x00" not in request.path and "%00" not in request.META.get("QUERY_STRING", "")


class Health:
    """Answers /healthz and /readyz before anything asks for a session: the database that holds it may be away."""

    answers: ClassVar[dict[str, Respond]] = {"/healthz": views.healthz, "/readyz": views.readyz}

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.answers.get(request.path, self.get_response)(request)


class TimeZone:
    """Shows times in the reader's own zone."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(zone_of(request)):
            return self.get_response(request)


def zone_of(request: HttpRequest) -> zoneinfo.ZoneInfo:
    """The zone in which this reader reads and writes times."""
    name = request.user.time_zone if request.user.is_authenticated else settings.TIME_ZONE_DEFAULT
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo(settings.TIME_ZONE_DEFAULT)


class Refusals:
    """Turns refusals and missing rights into pages with a sentence, and records them once the deed is rolled back."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        match exception:
            case Refused():
                _record_refusal(request, exception)
                return errors.refused(request, exception)
            case MissingPermission():
                _record_denial(request, exception.permission)
                return errors.forbidden(request, exception.permission)
            case PermissionDenied():
                _record_denial(request, "")
                return errors.forbidden(request, "")
            case Http404() | BadRequest() | SuspiciousOperation() | MultiPartParserError():
                return None  # Django answers these through our handlers of backoffice.urls
        return errors.failed(request, exception)


def _record_refusal(request: HttpRequest, refusal: Refused) -> None:
    trail.record_denial(
        Verb.REFUSED,
        by=request.user if request.user.is_authenticated else None,
        object_type=refusal.object_type,
        object_id=refusal.object_id,
        reason=refusal.sentence,
        result="DENIED" if refusal.status == 403 else "FAILED",
        facts={"path": request.path, "method": request.method, "deed": refusal.verb},
    )


def _record_denial(request: HttpRequest, permission: str) -> None:
    trail.record_denial(
        Verb.DENIED,
        by=request.user if request.user.is_authenticated else None,
        result="DENIED",
        facts={"path": request.path, "method": request.method, "permission": permission},
    )
