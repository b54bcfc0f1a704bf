"""Partner reconciliation: per partner and day what was received and what became of it; every difference has a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from django.db.models.functions import TruncDate

from accounts.periods import written_day
from backoffice.reports.catalogue import Cell, Money, Part, Report, ReportGround
from backoffice.reports.tally import FATES, Key, Tally, fate_figure, regrouped, tallies, together
from transactions import flags

LOOKED_AT = ("fx", "missing", "contradictory", "duplicate")
"""The flags that explain why a partner's own count may differ from ours."""
_NOTE = (
    "A day holds what was received on it in the zone named above; how it stands is of now. Received is paid, in "
    "flight, failed, returned and cancelled together; the difference is the value received that was not paid."
)
_HEAD = ("Received", "Value received", *(fate.label for fate in FATES), "Value paid", "Difference")


def parts(ground: ReportGround) -> Sequence[Part]:
    """A line per partner, a line per partner and day, and a line for every difference by its name."""
    conditions = {name: flags.condition(name, ground.now) for name in LOOKED_AT}
    by_day = ground.rows.annotate(day=TruncDate("received_at", tzinfo=ground.zone))
    found = tallies(by_day, "status", "stage", "partner__code", "day", **conditions)
    names = dict(ground.choices("partner"))
    whole = sorted(regrouped(found, lambda *key: key[2]).items(), key=lambda one: names[one[0]])
    days = sorted(
        regrouped(found, lambda *key: (key[2], key[3])).items(), key=lambda one: (names[one[0][0]], one[0][1])
    )
    by_partner = [(names[partner], *_line(ground, group, partner=partner)) for partner, group in whole]
    by_both, differences = [], []
    for (partner, day), group in days:
        about = (names[partner], written_day(day))
        asked = {"partner": partner, "created": f"{day}..{day}"}
        by_both.append((*about, *_line(ground, group, **asked)))
        differences += [(*about, *line) for line in _differences(ground, group, **asked)]
    return [
        Part("partners", "By partner", ("Partner", *_HEAD), by_partner, _NOTE),
        Part("days", "By partner and day", ("Partner", "Day", *_HEAD), by_both),
        Part(
            "differences",
            "Differences by name",
            ("Partner", "Day", "What it is", "Transactions", "Value"),
            differences,
            "What was received and not paid, and what may make a partner's own count differ from ours.",
            empty="There is no difference in this period.",
        ),
    ]


def _line(ground: ReportGround, group: Mapping[Key, Tally], **filters: str) -> Sequence[Cell]:
    whole, by_fate = together(group), _by_fate(group)
    cells: list[Cell] = [ground.linked(whole.number, **filters), whole.money]
    cells += [fate_figure(ground, fate, tally.number, **filters) for fate, tally in zip(FATES, by_fate, strict=True)]
    paid = by_fate[0]
    left = {currency: value - paid.worth.get(currency, Decimal(0)) for currency, value in whole.worth.items()}
    return [*cells, paid.money, Money(sorted((currency, value) for currency, value in left.items() if value))]


def _differences(ground: ReportGround, group: Mapping[Key, Tally], **filters: str) -> Iterator[Sequence[Cell]]:
    for fate, tally in list(zip(FATES, _by_fate(group), strict=True))[1:]:
        if tally.number:
            yield fate.label, fate_figure(ground, fate, tally.number, **filters), tally.money
    labels, fitting = {flag.value: flag.label for flag in flags.all_flags()}, together(group).fitting
    for name in LOOKED_AT:
        if fitting[name]:
            yield labels[name], ground.linked(fitting[name], **filters, flag=name), None


def _by_fate(group: Mapping[Key, Tally]) -> list[Tally]:
    return [together(group, lambda status, stage, *_, one=fate: one.fits(status, stage)) for fate in FATES]


REPORT = Report(
    "reconciliation",
    "Partner reconciliation",
    "Per partner and day: received, paid, failed, returned, in flight, their value, and every difference by its name.",
    parts,
)
