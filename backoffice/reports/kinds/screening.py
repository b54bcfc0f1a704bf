"""Screening outcomes and the false-positive rate, and what became of cases; inside compliance only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.http import urlencode

from backoffice.reports.catalogue import Cell, Listed, Part, Report, ReportGround
from compliance.models import Case, HitDecision, ScreeningCheck
from compliance.vocabulary import TRIGGERS_OF, Outcome, Queue, Verdict
from transactions.models import Transaction

_STATUSES = ScreeningCheck.Status


def parts(ground: ReportGround) -> Sequence[Part]:
    """Checks by list, hits decided by list, cases by queue and by outcome."""
    return [_checks(ground), _hits(ground), cases_by_queue(ground), _outcomes(ground)]


def _checks(ground: ReportGround) -> Part:
    visible = Transaction.objects.visible_to(ground.user).values("pk")
    done = ScreeningCheck.objects.filter(ground.span.on("completed_at"), transaction__in=visible).order_by()
    counts = {status.value: Count("pk", filter=Q(status=status)) for status in _STATUSES}
    found: Any = done.values("list_name").annotate(all=Count("pk"), **counts).order_by("list_name")
    rows = [
        (one["list_name"] or "No list named", one["all"], *(one[status.value] for status in _STATUSES)) for one in found
    ]
    head = ("List", "Checks", *(str(status.label) for status in _STATUSES))
    note = "One check is one party against one list, done in the period."
    return Part("checks", "Checks by list", head, rows, note, empty="Nothing was checked in this period.")


def _hits(ground: ReportGround) -> Part:
    """The last word on each hit that was decided in the period."""
    mine = Case.objects.visible_to(ground.user).values("pk")
    decided = HitDecision.objects.filter(ground.span.on("decided_at"), case__in=mine)
    last = decided.order_by("hit_id", "-pk").distinct("hit_id").values_list("list_name", "verdict")
    found = Counter(last)
    lists = sorted({name for name, _ in found})
    rows = [_rate(name or "No list named", [found[name, verdict.value] for verdict in Verdict]) for name in lists]
    if len(lists) > 1:
        totals = [sum(found[name, verdict.value] for name in lists) for verdict in Verdict]
        rows.append(_rate("All lists", totals))
    head = ("List", "Hits decided", *(str(verdict.label) for verdict in Verdict), "False positives")
    note = (
        "The last word on each hit decided in the period. False positives: those that are not the same person, of all "
        "that were found to be the same or not."
    )
    return Part("hits", "Hits and false positives", head, rows, note, empty="No hit was decided in this period.")


def _rate(name: str, numbers: Sequence[int]) -> Sequence[Cell]:
    not_same, same, _ = numbers
    rate = f"{100 * not_same / (not_same + same):.1f} %" if not_same + same else ""
    return (name, sum(numbers), *numbers, rate)


def _listed(number: int, **filters: str) -> Listed:
    return Listed(number, f"{reverse('compliance:queue')}?{urlencode({k: v for k, v in filters.items() if v})}")


def cases_by_queue(ground: ReportGround) -> Part:
    """Cases opened and closed in the period, and those open and overdue now."""
    text, rows = ground.span.text, []
    mine = Case.objects.visible_to(ground.user).order_by()
    for queue in Queue:
        cases = mine.filter(trigger__in=TRIGGERS_OF[queue])
        numbers = cases.aggregate(
            opened=Count("pk", filter=ground.span.on("opened_at")),
            closed=Count("pk", filter=ground.span.on("closed_at")),
            left=Count("pk", filter=Q(closed_at=None)),
        )
        late = cases.open().overdue(ground.now).count()
        rows.append(
            (
                str(queue.label),
                _listed(numbers["opened"], tab="all", opened=text, queue=queue.value),
                _listed(numbers["closed"], tab="closed", ended=text, queue=queue.value),
                _listed(numbers["left"], queue=queue.value),
                _listed(late, queue=queue.value, sla="over"),
            )
        )
    head = ("Queue", "Opened", "Closed", "Open now", "Overdue now")
    return Part("queues", "Cases by queue", head, rows)


def _outcomes(ground: ReportGround) -> Part:
    closed = Case.objects.visible_to(ground.user).filter(ground.span.on("closed_at")).order_by()
    found = dict(closed.values_list("outcome").annotate(number=Count("pk")))
    text = ground.span.text
    rows = [
        (str(outcome.label), _listed(found[outcome.value], tab="closed", ended=text, outcome=outcome.value))
        for outcome in Outcome
        if found.get(outcome.value)
    ]
    return Part("outcomes", "How cases ended", ("Outcome", "Cases"), rows, empty="No case was closed in this period.")


REPORT = Report(
    "screening",
    "Screening outcomes",
    "What the checks found, how often a hit was somebody else, and what became of cases.",
    parts,
    usual="7d",
    rights=("compliance.view_cases",),
    is_narrowed=False,
)
