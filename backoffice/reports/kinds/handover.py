"""Shift handover: what was opened, closed, left and late, by queue and by person. Its period may have times of day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q
from django.urls import reverse

from accounts.access import has, permissions_of
from accounts.maker_checker import INBOX
from accounts.models import ApprovalRequest
from backoffice.reports.catalogue import Cell, Listed, Part, Report, ReportGround
from backoffice.reports.kinds.screening import cases_by_queue
from compliance.models import Case
from exceptions.models import ExceptionItem, Kind

if TYPE_CHECKING:
    from exceptions.querysets import ExceptionQuerySet

_HEAD = ("Opened", "Closed", "Left", "Late")


def parts(ground: ReportGround) -> Sequence[Part]:
    """The desks that this reader works at or audits."""
    made: list[Part] = []
    if has(ground.user, "exceptions.view_exceptions"):
        made += [_exceptions(ground), _people(ground)]
    if has(ground.user, "compliance.view_cases"):
        made += [cases_by_queue(ground), _case_people(ground)]
    if INBOX & permissions_of(ground.user):
        made.append(_requests(ground))
    return made


def _is_of_now(ground: ReportGround) -> bool:
    """Whether the shift ends now, so that what it leaves is what the desk shows."""
    return ground.span.end is None or ground.span.end > ground.now


def _left(ground: ReportGround) -> Q:
    """Open at the end of the shift."""
    if _is_of_now(ground):
        return Q(closed_at=None)
    end = ground.span.end
    return Q(opened_at__lt=end) & (Q(closed_at=None) | Q(closed_at__gte=end))


def _of_the_shift(ground: ReportGround, rows: Any, *by: str) -> list[dict[str, Any]]:
    counted = rows.order_by().values(*by)
    return list(
        counted.annotate(
            opened=Count("pk", filter=ground.span.on("opened_at")),
            closed=Count("pk", filter=ground.span.on("closed_at")),
            left=Count("pk", filter=_left(ground)),
        ).filter(Q(opened__gt=0) | Q(closed__gt=0) | Q(left__gt=0))
    )


def _late(ground: ReportGround) -> ExceptionQuerySet:
    """What the shift leaves that is over its limit now."""
    rows: ExceptionQuerySet = ExceptionItem.objects.readable_by(ground.user).filter(_left(ground)).open()
    return rows.over_limit(ground.now)


def _exceptions(ground: ReportGround) -> Part:
    found = _of_the_shift(ground, ExceptionItem.objects.readable_by(ground.user), "kind")
    late = dict(_late(ground).order_by().values_list("kind").annotate(number=Count("pk")))
    rows: list[Sequence[Cell]] = [
        (str(Kind(one["kind"]).label), one["opened"], one["closed"], one["left"], late.get(one["kind"], 0))
        for one in sorted(found, key=lambda row: -row["left"])
    ]
    note = "Opened and closed in the period; left open at its end; of those, over their limit now."
    return Part("exceptions", "Exceptions by kind", ("Kind", *_HEAD), rows, note, empty="Nothing was opened or left.")


def _people(ground: ReportGround) -> Part:
    """Who has exceptions in hand, as the desk shows them, and who had those that were closed."""
    everybody = ExceptionItem.objects.readable_by(ground.user)
    name, full = "assignee__username", "assignee__full_name"
    closed = {
        (one[name], one[full]): one["number"]
        for one in everybody.filter(ground.span.on("closed_at"))
        .order_by()
        .values(name, full)
        .annotate(number=Count("pk"))
    }
    on_desk = everybody.on_the_desk().filter(_left(ground))
    left, late = (
        {
            (one[name], one[full]): one["number"]
            for one in rows.order_by().values(name, full).annotate(number=Count("pk"))
        }
        for rows in (on_desk, on_desk.over_limit(ground.now))
    )
    rows: list[Sequence[Cell]] = []
    for person in sorted({*closed, *left}, key=lambda one: one[1] or ""):
        url = _desk_of(ground, person[0])
        over = f"{url}&over=yes" if url else ""
        numbers = Listed(left.get(person, 0), url), Listed(late.get(person, 0), over)
        rows.append((person[1] or "Nobody", closed.get(person, 0), *numbers))
    return Part("people", "Exceptions by person", ("In the hands of", *_HEAD[1:]), rows, empty="Nobody has any.")


def _desk_of(ground: ReportGround, username: str | None) -> str:
    """The desk of one person, put aside or not; "" for a shift that is over."""
    if not _is_of_now(ground):
        return ""
    who = "nobody" if username is None else "me" if username == ground.user.username else username
    return f"{reverse('exceptions:desk')}?state=all&assigned={who}"


def _case_people(ground: ReportGround) -> Part:
    mine = Case.objects.visible_to(ground.user)
    found = _of_the_shift(ground, mine, "assignee__username", "assignee__full_name")
    overdue = mine.open().overdue(ground.now).filter(_left(ground)).order_by()
    late = dict(overdue.values_list("assignee__username").annotate(number=Count("pk")))
    rows = [
        (
            one["assignee__full_name"] or "Nobody",
            one["opened"],
            one["closed"],
            one["left"],
            late.get(one["assignee__username"], 0),
        )
        for one in sorted(found, key=lambda row: row["assignee__full_name"] or "")
    ]
    return Part("case-people", "Cases by person", ("With", *_HEAD), rows, empty="Nobody had a case.")


def _requests(ground: ReportGround) -> Part:
    mine = ApprovalRequest.objects.visible_to(ground.user)
    asked, ended = (mine.filter(ground.span.on(field)).count() for field in ("created_at", "decided_at"))
    end = ground.now if _is_of_now(ground) else ground.span.end
    left = mine.filter(created_at__lt=end).filter(Q(decided_at=None) | Q(decided_at__gte=end)).count()
    inbox = reverse("accounts:approvals")
    waiting = Listed(left, f"{inbox}?tab=all&state=PENDING" if _is_of_now(ground) else "")
    rows = [
        ("Requests for a second person", Listed(asked, f"{inbox}?tab=all&asked={ground.span.text}"), ended, waiting)
    ]
    return Part("requests", "Approvals", ("What", "Asked", "Ended", "Left"), rows)


REPORT = Report(
    "handover",
    "Shift handover",
    "What was opened, closed, left and late, by queue and by person. The period may have times: 26 Nov 2026 09:00.",
    parts,
    usual="24h",
    takes_times=True,
    is_narrowed=False,
)
