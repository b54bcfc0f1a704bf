"""The way in, and whether the product is well."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts.access import has
from accounts.models import User
from accounts.permissions import Role
from backoffice import heartbeat
from backoffice.reports.views import dashboard

log = logging.getLogger(__name__)

HOMES: Final[dict[str, str]] = {
    Role.INQUIRY_HANDLER: "/search/",
    Role.OPERATIONS_MAKER: "/exceptions/",
    Role.OPERATIONS_CHECKER: "/exceptions/",
    Role.COMPLIANCE_ANALYST: "/compliance/",
    Role.COMPLIANCE_OFFICER: "/compliance/",
    Role.ADMINISTRATOR: "/admin/",
}
"""Where a role begins its day; every other role begins with the transactions."""


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The dashboard; those who have none go to where their role begins."""
    if not isinstance(request.user, User):
        return redirect("accounts:login")
    if has(request.user, "reports.view_dashboard") and has(request.user, "transactions.view_transactions"):
        return dashboard.dashboard(request, request.user)
    return redirect(home_of(request.user))


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """To where the reader's role begins its day: sign-in leads here."""
    if not isinstance(request.user, User):
        return redirect("accounts:login")
    return redirect(home_of(request.user))


def home_of(user: User) -> str:
    """The first page of this person's day, one that the person may open."""
    roles = sorted(user.groups.values_list("name", flat=True))
    wanted = next((HOMES[role] for role in roles if role in HOMES), "/transactions/")
    if wanted == "/admin/" or not has(user, "transactions.view_transactions"):
        return "/admin/" if user.is_staff else "/account/"
    return wanted


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether this process answers. Asks nobody else, the database neither."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether everything a page needs is there: 200, or 503 and which part is missing."""
    parts = {"database": _holds("database", _database_answers), "migrations": False, "worker": False}
    if parts["database"]:
        parts["migrations"] = _holds("migrations", _migrations_are_applied)
        parts["worker"] = _holds("worker", heartbeat.is_alive)
    ready = all(parts.values())
    body = {
        "status": "ready" if ready else "not ready",
        "parts": {name: "ok" if well else "missing" for name, well in parts.items()},
    }
    return JsonResponse(body, status=200 if ready else 503)


def _holds(name: str, test: Callable[[], bool]) -> bool:
    try:
        return test()
    except Error:
        log.warning("not ready: %s", name, exc_info=True)
        return False


def _database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


_applied = threading.Event()  # what was applied stays applied, so the database is asked until it once was


def _migrations_are_applied() -> bool:
    if not _applied.is_set() and not _is_behind():
        _applied.set()
    return _applied.is_set()


def _is_behind() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
