"""User activity: what each person did, read, searched, revealed, took away and was denied; for who reads the trail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db.models import Count
from django.urls import reverse
from django.utils.http import urlencode

from accounts.access import scope_of
from accounts.models import User
from audit.filters import GROUPS, SYSTEMS
from audit.models import AuditEvent
from backoffice.reports.catalogue import Cell, Listed, Part, Report, ReportGround


def parts(ground: ReportGround) -> Sequence[Part]:
    """A line per person, busiest first, then the machines that act by themselves."""
    inside = AuditEvent.objects.within(scope_of(ground.user)).during(ground.span.start, ground.span.end)
    found = inside.order_by().values_list("actor", "verb").annotate(number=Count("pk"))
    by_actor: dict[str, Counter[str]] = {}
    for actor, verb, number in found:
        by_actor.setdefault(actor, Counter())[verb] += number
    names = {one.username: str(one) for one in User.objects.filter(username__in=list(by_actor))}
    people = {actor: verbs for actor, verbs in by_actor.items() if actor in names}
    others = {actor: verbs for actor, verbs in by_actor.items() if actor not in names}
    groups = [label for label, _ in GROUPS.values()]
    named = SYSTEMS | {"": "Nobody signed in"}
    note = "Entries of the trail in the period. Reading this report is an entry too."
    return [
        Part("people", "People", ("Who", "Entries", *groups), _lines(ground, people, names), note),
        Part("others", "Not people", ("Who", "Entries", *groups), _lines(ground, others, named)),
    ]


def _lines(ground: ReportGround, found: dict[str, Counter[str]], names: dict[str, str]) -> list[Sequence[Cell]]:
    lines: list[Sequence[Cell]] = []
    for actor, verbs in sorted(found.items(), key=lambda one: -one[1].total()):
        cells = [_listed(ground, sum(verbs[verb] for verb in of), actor, key) for key, (_, of) in GROUPS.items()]
        lines.append((names.get(actor, actor), _listed(ground, verbs.total(), actor), *cells))
    return lines


def _listed(ground: ReportGround, number: int, actor: str, action: str = "") -> Listed:
    asked = {"actor": actor, "action": action, "range": ground.span.text}
    words = {name: value for name, value in asked.items() if value}
    return Listed(number, f"{reverse('audit:explorer')}?{urlencode(words)}" if actor else "")


REPORT = Report(
    "activity",
    "User activity",
    "What each person did, read, searched, revealed and took away, and what they were denied.",
    parts,
    rights=("audit.view_trail",),
    is_narrowed=False,
)
