"""Ageing and SLA: how old everything open is, what is over its limit, and how long the paid ones took."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db.models import Aggregate, DurationField, ExpressionWrapper, F, Max, Q
from django.urls import reverse

from accounts.access import has
from backoffice.reports.catalogue import Cell, Listed, Part, Report, ReportGround
from backoffice.reports.tally import OPEN, Key, Tally, regrouped, tallies, together
from compliance.models import Case
from exceptions.models import ExceptionItem
from transactions import flags
from transactions.filters import CHECKS, stage_choices
from transactions.vocabulary import Status

BANDS: Sequence[tuple[str, str, str]] = (
    ("Under 15 min", "", "15m"),
    ("15 min to 1 h", "15m", "1h"),
    ("1 to 4 h", "1h", "4h"),
    ("4 to 24 h", "4h", "24h"),
    ("1 to 3 days", "24h", "3d"),
    ("Over 3 days", "3d", ""),
)
"""The label of each band, and the ages that it lies between as the list's address writes them."""
_SPANS = {"15m": dt.timedelta(minutes=15), "1h": dt.timedelta(hours=1), "4h": dt.timedelta(hours=4),
          "24h": dt.timedelta(hours=24), "3d": dt.timedelta(days=3)}  # fmt: skip
_LEAST = dt.timedelta(0)


class Quantile(Aggregate):
    """The value below which a share of all lies."""

    function = "percentile_cont"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()

    def __init__(self, expression: Any, share: float) -> None:
        super().__init__(expression, share=share)


def parts(ground: ReportGround) -> Sequence[Part]:
    """What is open by age and stage, what is overdue at the desks, and the times of what was paid."""
    return [_open(ground), _desks(ground), _paid(ground)]


def _between(over: str, under: str, now: dt.datetime) -> Q:
    """The rows that the list shows for these ages."""
    inside = Q()
    if over:
        inside &= Q(received_at__lte=now - _SPANS[over])
    if under:
        inside &= Q(received_at__gt=now - _SPANS[under])
    return inside


def _open(ground: ReportGround) -> Part:
    """Everything open, whenever it came in."""
    statuses = [one.value for one in OPEN]
    rows = ground.asked_at(ground.url(created="", status=statuses)).rows
    conditions = {f"band{at}": _between(over, under, ground.now) for at, (_, over, under) in enumerate(BANDS)}
    found = tallies(rows, "stage", **conditions, late=flags.condition(flags.LATE, ground.now))
    named = dict(stage_choices(ground.user))
    groups = regrouped(found, lambda stage: stage if stage in named else CHECKS)
    lines = [
        _ages(ground, label, together(groups[stage]), status=statuses, stage=stage)
        for stage, label in named.items()
        if stage in groups
    ]
    if lines:
        lines.append(_ages(ground, "All", together(found), status=statuses))
    head = ("Stage", "Open", *(label for label, _, _ in BANDS), "Over its limit", "Value")
    note = "Everything open now, whenever it came in; the period does not narrow it. Ages run from receipt."
    return Part("open", "Open now, by age", head, lines, note, empty="Nothing is open.")


def _ages(ground: ReportGround, label: str, tally: Tally, **filters: str | Sequence[str]) -> Sequence[Cell]:
    at_any_time: dict[str, Any] = {"created": "", **filters}
    bands = [
        ground.linked(tally.fitting[f"band{at}"], **at_any_time, age_over=over, age_under=under)
        for at, (_, over, under) in enumerate(BANDS)
    ]
    late = ground.linked(tally.fitting["late"], **at_any_time, flag=flags.LATE)
    return [label, ground.linked(tally.number, **at_any_time), *bands, late, tally.money]


def _desks(ground: ReportGround) -> Part:
    """What waits at the desks of this reader, and what of it is overdue; none of the report's filters narrows it."""
    rows: list[Sequence[Cell]] = []
    if has(ground.user, "exceptions.view_exceptions"):
        waiting = ExceptionItem.objects.readable_by(ground.user).on_the_desk().awake(ground.now)
        desk = reverse("exceptions:desk")
        late = waiting.over_limit(ground.now)
        rows.append(("Exceptions", Listed(waiting.count(), desk), Listed(late.count(), f"{desk}?over=yes")))
    if has(ground.user, "compliance.view_cases"):
        cases = Case.objects.visible_to(ground.user).open()
        queue = reverse("compliance:queue")
        overdue = cases.overdue(ground.now)
        rows.append(("Cases", Listed(cases.count(), queue), Listed(overdue.count(), f"{queue}?sla=over")))
    note = "What waits now in your scope; period, partner and branch do not narrow it."
    return Part("desks", "At the desks", ("Desk", "Open", "Overdue"), rows, note, empty="You work at no desk.")


def _paid(ground: ReportGround) -> Part:
    taken = ExpressionWrapper(F("status_since") - F("received_at"), output_field=DurationField())
    paid = ground.asked_at(ground.url(status=Status.COMPLETED.value)).rows.order_by().annotate(taken=taken)
    found = paid.values_list("rail").annotate(
        half=Quantile("taken", 0.5), most=Quantile("taken", 0.9), all=Max("taken")
    )
    counted: dict[Key, Tally] = tallies(paid, "rail")
    names = dict(ground.choices("rail"))
    rows = []
    for rail, half, most, longest in sorted(found):
        number = counted[(rail,)].number
        figure: Cell = Listed(number)
        if rail in names:
            figure = ground.linked(number, status=Status.COMPLETED.value, rail=rail)
        times = [max(one, _LEAST) for one in (half, most, longest)]
        rows.append((names.get(rail, "No rail, or one not known here"), figure, *times))
    head = ("Rail", "Paid", "Half within", "Nine of ten within", "Longest")
    note = "Received in the period and paid as they stand now; from receipt to the payment's last change of status."
    return Part("paid", "How long payments took", head, rows, note, empty="Nothing was paid in this period.")


REPORT = Report(
    "ageing",
    "Ageing and SLA",
    "How old everything open is and where, what is over its limit, and how long payments took.",
    parts,
    usual="7d",
)
