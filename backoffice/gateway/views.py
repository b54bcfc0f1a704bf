"""The platform's door (signed, for machines) and the page of what came through it and was not taken in."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from accounts.access import requires
from accounts.models import User
from backoffice.gateway import signing, strict_json
from backoffice.gateway.filters import NEWEST, ProblemQuery
from backoffice.gateway.intake import BATCH, SINGLE, receive, refuse
from backoffice.gateway.openapi import MOST_BYTES, MOST_EVENTS, PROBLEM, description

log = logging.getLogger(__name__)

CHUNK: Final = 65_536
SIGNED_WITH: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
RETRY_AFTER_SECONDS: Final = 5


class _Refusal(Exception):
    """The request is answered with a problem and nothing is taken in."""

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def _answers_problems(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refusals become problem+json (RFC 9457). A database that is not there becomes 503: the sender sends again."""

    @wraps(view)
    def answered(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except _Refusal as refusal:
            return _problem(refusal.status, refusal.detail, refusal.headers)
        except (DatabaseError, InterfaceError):
            log.exception("a delivery could not be taken in; the platform is asked to send it again")
            detail = "Nothing was taken in: the database is not there or too busy. Send the same again."
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": str(RETRY_AFTER_SECONDS)})

    return answered


def _problem(status: HTTPStatus, detail: str, headers: dict[str, str]) -> HttpResponse:
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return JsonResponse(body, status=status.value, content_type=PROBLEM, headers=headers)


@csrf_exempt  # every request is signed by the platform and none is trusted for a cookie
@_answers_problems
def events(request: HttpRequest) -> HttpResponse:
    """Take in one event or a batch of them (CONTRACTS.md section 4)."""
    if request.method != "POST":
        raise _Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Send events with POST.", Allow="POST")
    content_type = _content_type(request)
    body = _body(request)
    headers = {name: request.headers.get(name, "") for name in SIGNED_WITH}
    if not signing.verify(headers, body, settings.INTAKE_SIGNING_SECRETS, now=time.time()):
        raise _Refusal(HTTPStatus.UNAUTHORIZED, "The signature is missing, wrong, or older than five minutes.")
    message_id = headers["webhook-id"]
    try:
        parsed = _parsed(body, content_type)
    except strict_json.Unreadable as unreadable:
        refuse(body, message_id=message_id, content_type=content_type, sentence=unreadable.sentence)
        raise _Refusal(HTTPStatus.BAD_REQUEST, unreadable.sentence) from None
    receipt = receive(parsed, message_id=message_id, body=body, content_type=content_type)
    return JsonResponse(receipt.as_json())


def _content_type(request: HttpRequest) -> str:
    content_type = (request.content_type or "").lower()
    if content_type not in (SINGLE, BATCH):
        raise _Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send one event as {SINGLE} or a list of events as {BATCH}.")
    return content_type


def _body(request: HttpRequest) -> bytes:
    """The body, read piece by piece and only as far as it may be long; Django's own limit is that of forms."""
    too_large = _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is larger than 5 MB. Send smaller batches.")
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isascii() and declared.isdigit() and int(declared[:12]) > MOST_BYTES:
        raise too_large
    pieces, size = [], 0
    while piece := request.read(CHUNK):
        size += len(piece)
        if size > MOST_BYTES:
            raise too_large
        pieces.append(piece)
    return b"".join(pieces)


def _parsed(body: bytes, content_type: str) -> list[Any]:
    """The events of the body as the content type says. Raises Unreadable."""
    value = strict_json.loads(body)
    if content_type == SINGLE:
        if not isinstance(value, dict):
            raise strict_json.Unreadable(f"The body is not one event. Send an object, or a list as {BATCH}.")
        return [value]
    if not isinstance(value, list):
        raise strict_json.Unreadable(f"The body is not a list of events. Send a list, or one event as {SINGLE}.")
    if len(value) > MOST_EVENTS:
        raise strict_json.Unreadable(f"The batch holds {len(value):,} events. Send at most {MOST_EVENTS:,} at once.")
    return value


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """The description of the intake for machines. It holds no data of anybody, so everybody may read it."""
    return JsonResponse(description())


@requires("transactions.view_payloads")
@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """Conflicts and rejections, newest first, and events that wait for their instruction."""
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    query = ProblemQuery(request.GET, request.user)
    return render(request, "gateway/problems.html", {"query": query, "most": NEWEST})
