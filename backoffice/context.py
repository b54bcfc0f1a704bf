"""What every page's shell shows: the menu by right, the environment, the build, the reader's zone and preferences.

Nothing here is worked out before a template asks for it, so an error page that uses none of it needs no database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts import notifications
from accounts.access import permissions_of
from accounts.maker_checker import INBOX
from accounts.models import ApprovalRequest, User
from accounts.permissions import PROPOSE_PEOPLE
from audit import trail
from audit.models import Verification
from backoffice import VERSION, heartbeat
from backoffice.reports import alarms
from backoffice.reports.models import Alarm
from backoffice.reports.querysets import READERS
from compliance import waiting as compliance_desk
from exceptions.desk import waiting_rows
from transactions import formats, paging
from transactions.commands import platform_away
from transactions.models import Command


@dataclass(frozen=True)
class Entry:
    """A line of the menu. It is shown to those who have one of `rights`; `key` opens it after "g".

    `waiting` are the rows that wait for this reader, or None where nothing is counted: one statement counts all.
    """

    label: str
    url: str
    icon: str
    rights: frozenset[str]
    key: str = ""
    staff_only: bool = False
    waiting: Callable[[Any], QuerySet[Any]] | None = None


@dataclass(frozen=True)
class Line:
    """An entry as one reader sees it on one page."""

    label: str
    url: str
    icon: str
    key: str
    is_current: bool
    waiting: str


BELL: Final = "/notifications/"
SIGNS, ALIVE, IN_VAIN, BROKEN = "workers", "workers alive", "commands in vain", "broken chain"

MENU: list[Entry] = [
    Entry("Dashboard", "/", "dashboard", frozenset({"reports.view_dashboard"}), key="d"),
    Entry(
        "Radar",
        "/radar/",
        "radar",
        frozenset({"reports.view_dashboard"}),
        waiting=alarms.unseen,
    ),
    Entry("Search", "/search/", "search", frozenset({"transactions.view_transactions"}), key="s"),
    Entry("Transactions", "/transactions/", "list", frozenset({"transactions.view_transactions"}), key="t"),
    Entry(
        "Compliance",
        "/compliance/",
        "shield",
        frozenset({"compliance.view_cases"}),
        key="c",
        waiting=compliance_desk.waiting_rows,
    ),
    Entry("Inquiries", "/inquiries/", "inquiry", frozenset({"transactions.log_inquiry", "audit.view_trail"}), key="i"),
    Entry(
        "Exceptions",
        "/exceptions/",
        "flag",
        frozenset({"exceptions.view_exceptions"}),
        key="e",
        waiting=lambda user: waiting_rows(user, timezone.now()),
    ),
    Entry("RTGS", "/rtgs/", "money", frozenset({"exceptions.propose_settlement", "exceptions.decide_settlement"})),
    Entry(
        "Reversals",
        "/reversals/",
        "returned",
        frozenset({"exceptions.propose_operations", "exceptions.decide_operations"}),
    ),
    Entry(
        "Approvals",
        "/approvals/",
        "approvals",
        INBOX,
        key="a",
        waiting=ApprovalRequest.objects.waiting_for,
    ),
    Entry("Reports", "/reports/", "report", frozenset({"reports.view_reports"}), key="r"),
    Entry(
        "e-PRC",
        "/eprc/",
        "certificate",
        frozenset({"reports.issue_eprc", "reports.propose_eprc_void", "reports.decide_eprc_void", "audit.view_trail"}),
    ),
    Entry("Exports", "/exports/", "down", frozenset({"reports.create_export", "reports.issue_eprc"})),
    Entry("Intake problems", "/gateway/problems/", "warning", frozenset({"transactions.view_payloads"})),
    Entry("Audit", "/audit/", "lock", frozenset({"audit.view_trail"}), key="a"),
    Entry("Administration", "/admin/", "settings", frozenset(), key="u", staff_only=True),
]
"""The menu, in its order. A new desk adds its entry here."""


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context processor of every page."""
    now, zone = timezone.now(), timezone.get_current_timezone()
    user = reader_of(request)
    return {
        "environment_name": settings.ENVIRONMENT_NAME,
        "build": VERSION,
        "page_time": now,
        "zone_name": str(zone),
        "zone_label": formats.zone_label(now, zone),
        "zone_sentence": formats.zone_sentence(now, zone),
        "reading_unrecorded": bool(trail.context().unrecorded_readings),
        "unread": SimpleLazyObject(lambda: counted(waits_of(user).get(BELL, 0))),
        "nav": SimpleLazyObject(lambda: menu_of(request)),
        "sees_compliance": SimpleLazyObject(lambda: "compliance.view_cases" in permissions_of(user)),
        "may_export": SimpleLazyObject(lambda: "reports.create_export" in permissions_of(user)),
        "may_search": SimpleLazyObject(lambda: "transactions.view_transactions" in permissions_of(user)),
        "theme": SimpleLazyObject(lambda: getattr(user, "theme", "system")),
        "density": SimpleLazyObject(lambda: getattr(user, "density", "comfortable")),
        "single_keys": SimpleLazyObject(lambda: getattr(user, "single_keys", True)),
        "announcements": SimpleLazyObject(lambda: getattr(user, "announcements", True)),
        "platform_away": SimpleLazyObject(lambda: platform_away() if waits_of(user).get(IN_VAIN) else None),
        "demo_people": SimpleLazyObject(demo_people),
        "broken_chain": SimpleLazyObject(lambda: broken_chain(user)),
        "alarms": SimpleLazyObject(lambda: unseen_alarms(user)),
        "worker_lost": SimpleLazyObject(lambda: worker_lost(user)),
        "sees_radar": SimpleLazyObject(lambda: "reports.view_dashboard" in permissions_of(user)),
    }


def reader_of(request: HttpRequest) -> User | AnonymousUser:
    """Who reads. Nobody where the request was refused before anybody looked; asking does not yet ask the database."""
    return request.user if hasattr(request, "user") else AnonymousUser()


def broken_chain(user: User | AnonymousUser) -> Verification | None:
    """The last verification of the trail if it found it broken, for auditors and administrators."""
    return Verification.objects.newest() if waits_of(user).get(BROKEN) else None


def waits_of(user: User | AnonymousUser) -> dict[str, int]:
    """How much waits for this reader behind each entry of the menu and the bell, and how many there are of what the
    strips of the shell tell: workers, commands that were sent in vain, a chain that was found broken.

    One statement for all, once per request; counted to a hundred at most.
    """
    if not isinstance(user, User):
        return {}
    cached: dict[str, int] | None = user.__dict__.get("_waits")
    if cached is None:
        rights = permissions_of(user)
        rows = {one.url: one.waiting(user) for one in MENU if one.waiting and _may_open(one, user, rights)}
        rows |= {BELL: notifications.unread_of(user), IN_VAIN: Command.objects.in_vain()}
        if not READERS["worker_dead"].isdisjoint(rights):
            rows |= {SIGNS: heartbeat.signs(), ALIVE: heartbeat.alive()}
        if not rights.isdisjoint({"audit.view_trail", PROPOSE_PEOPLE}):
            rows[BROKEN] = Verification.objects.broken()
        found = {name: count.number for name, count in paging.counts(rows, most=99).items()}
        cached = user.__dict__["_waits"] = found
    return cached


def unseen_alarms(user: User | AnonymousUser) -> list[Alarm]:
    """Open alarms that this reader must act on and has not seen, also for those who have no radar."""
    if not isinstance(user, User) or not any(readers & permissions_of(user) for readers in READERS.values()):
        return []
    if waits_of(user).get("/radar/") == 0:
        return []
    return list(alarms.unseen(user)[:100])


def worker_lost(user: User | AnonymousUser) -> datetime | None:
    """When the last worker was there, if none is: for those who must act, since nobody else can raise this alarm."""
    waits = waits_of(user)
    return heartbeat.lost() if waits.get(SIGNS) and not waits.get(ALIVE) else None


def menu_of(request: HttpRequest) -> list[Line]:
    """The entries that this reader may open, the one of this page marked."""
    user = reader_of(request)
    rights, waits = permissions_of(user), waits_of(user)
    return [_line(entry, request, waits.get(entry.url, 0)) for entry in MENU if _may_open(entry, user, rights)]


def _may_open(entry: Entry, user: User | AnonymousUser, rights: frozenset[str]) -> bool:
    return user.is_staff if entry.staff_only else not entry.rights.isdisjoint(rights)


def _line(entry: Entry, request: HttpRequest, count: int) -> Line:
    is_current = request.path == "/" if entry.url == "/" else request.path.startswith(entry.url)
    return Line(entry.label, entry.url, entry.icon, entry.key, is_current, counted(count))


def counted(count: int) -> str:
    """A badge's text: nothing for none, and no further than 99."""
    return "99+" if count > 99 else str(count or "")


def demo_people() -> list[Any]:
    """The demo's sign-ins for the sign-in page; none where the demo is not installed."""
    if not apps.is_installed("backoffice.demo"):
        return []
    from backoffice.demo import people

    return list(people.PEOPLE)
