"""Error pages: what each says, in one place (DECISIONS.md section 12)."""

from __future__ import annotations

import logging
import secrets
import sys
from typing import Final

from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import BadRequest
from django.db import DataError, InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access import ask_to_sign_in, roles_that_may
from accounts.errors import Refused
from accounts.permissions import PERMISSIONS
from audit.trail import CannotRecord

log = logging.getLogger(__name__)

UNRECORDED: Final = (
    "Nothing was done: what is done here must be recorded, and the record cannot be written at the moment. "
    "Try again in some minutes. If it goes on, tell an administrator."
)


def bad_request(request: HttpRequest, exception: Exception | None = None, *, sentence: str = "") -> HttpResponse:
    """400: the request cannot be read. One whose session was ended meanwhile can, and is one of nobody now."""
    if isinstance(exception, SessionInterrupted):
        return ask_to_sign_in(request)
    sentence = sentence or (str(exception) if isinstance(exception, BadRequest) else "")
    return render(request, "400.html", {"sentence": sentence}, status=400)


def forbidden(request: HttpRequest, permission: str) -> HttpResponse:
    """403: names the right that is missing, the roles that have it and who grants it."""
    known = PERMISSIONS.get(permission)
    context = {
        "permission": known,
        "roles": roles_that_may(permission, reader=request.user) if known else [],
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
    """409 (or the refusal's own status): what was not done and why. To a part of a page, a part."""
    template = "429.html" if refusal.status == 429 else "409.html"
    if request.headers.get("HX-Request") and not request.headers.get("HX-Boosted"):
        template = "_refused.html"
    return render(request, template, {"sentence": refusal.sentence}, status=refusal.status)


def failed(request: HttpRequest, exception: BaseException | None) -> HttpResponse:
    """An error that nobody expected: what it means for the reader, with a reference that stands in the log.

    Every deed is one database transaction, so an error before its answer means that nothing was done; only a
    database that went away may have gone after it agreed.
    """
    reference = f"E-{secrets.token_hex(3).upper()}"
    log.error("%s %r failed, reference %s", request.method, request.path, reference, exc_info=exception)
    match exception:
        case CannotRecord():
            return refused(request, Refused(UNRECORDED, status=503))
        case DataError():
            return bad_request(request, sentence=f"Something in this request cannot be stored. Reference {reference}.")
        case OperationalError() | InterfaceError() | InternalError():
            effect = "not_done" if request.method in ("GET", "HEAD", "OPTIONS") else "unknown"
            return render(request, "503.html", {"reference": reference, "effect": effect}, status=503)
    return render(request, "500.html", {"reference": reference, "effect": "not_done"}, status=500)


def server_error(request: HttpRequest) -> HttpResponse:
    """500 or 503 from outside our views, for example when a middleware cannot reach the database."""
    return failed(request, sys.exc_info()[1])
