"""The product's addresses and, beside them, views that go wrong in every way there is."""

from __future__ import annotations

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path

from accounts.access import requires
from accounts.errors import Refused, Throttled
from audit import trail
from audit.verbs import Verb
from backoffice.urls import handler400, handler403, handler404, handler500
from backoffice.urls import urlpatterns as products
from tests.factories.accounts import PartnerFactory

__all__ = ["handler400", "handler403", "handler404", "handler500"]

RAISED: dict[str, Exception] = {
    "absent": Http404("secret of another partner"),
    "bad-request": BadRequest("odd"),
    "denied": PermissionDenied(),
    "integrity": IntegrityError("duplicate key value, Key (id_number)=(3520112345671)"),
    "interface": InterfaceError("connection already closed"),
    "operational": OperationalError("server closed the connection"),
    "refused": Refused("The file is still being read.", verb="import", object_type="gateway.delivery", object_id="D-1"),
    "suspicious": SuspiciousOperation("odd"),
    "throttled": Throttled("Wait until 14:05."),
    "unexpected": ZeroDivisionError("secret of the code"),
}


def raising(request: HttpRequest, what: str) -> HttpResponse:
    """Change something and then fail, so that the change must not stay."""
    with transaction.atomic():
        PartnerFactory(code="HALFDONE")
        raise RAISED[what]


@requires("transactions.reveal_identity")
def guarded(request: HttpRequest) -> HttpResponse:
    return HttpResponse("shown")


def unstorable(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text", ["nul \x00 here"])
    return HttpResponse("stored")


def poisoned(request: HttpRequest) -> HttpResponse:
    """A page whose reading cannot be recorded inside a transaction of its own goes on asking the database."""
    with transaction.atomic():
        trail.record_reading(Verb.VIEWED, object_id="PSL1")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 42")
            return HttpResponse(str(cursor.fetchone()[0]))


def who(request: HttpRequest) -> HttpResponse:
    trail.record(Verb.VIEWED, object_id="who")
    return HttpResponse(request.request_id)  # type: ignore[attr-defined]


urlpatterns = [
    path("fails/guarded/", guarded),
    path("fails/unstorable/", unstorable),
    path("fails/poisoned/", poisoned),
    path("fails/who/", who),
    path("fails/<str:what>/", raising),
    path("", include(products)),
]
