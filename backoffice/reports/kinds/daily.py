"""Daily operations summary: how much came in, what became of it, what it is worth, and what needs a second look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backoffice.reports.catalogue import Cell, Part, Report, ReportGround
from backoffice.reports.tally import FATES, Key, Tally, fate_figure, regrouped, tallies, together
from transactions import flags

_HEAD = ("Received", "Value received", *(fate.label for fate in FATES), "Value paid")
_NOTE = "Every number counts transactions received in the period, by how they stand now."


def parts(ground: ReportGround) -> Sequence[Part]:
    """The whole, then the same by partner, by branch and by type, then what is flagged."""
    found = tallies(ground.rows, "status", "stage", "partner__code", "branch__code", "type")
    names = {name: dict(ground.choices(name)) for name in ("partner", "branch", "type")}
    return [
        _whole(ground, found),
        _by(ground, "By partner", "partner", regrouped(found, lambda _s, _g, partner, *_: partner), names["partner"]),
        _by(ground, "By branch", "branch", regrouped(found, lambda *key: key[3] or "none"), names["branch"]),
        _by(ground, "By type", "type", _typed(found), names["type"]),
        _flagged(ground),
    ]


def _typed(found: Mapping[Key, Tally]) -> dict[str, dict[Key, Tally]]:
    return {key: group for key, group in regrouped(found, lambda *key: key[4]).items() if key}


def _whole(ground: ReportGround, found: Mapping[Key, Tally]) -> Part:
    everything = together(found)
    all_of_it = ground.linked(everything.number)
    rows: list[Sequence[Cell]] = [("Received", all_of_it, "", everything.money)]
    for fate in FATES:
        tally = together(found, lambda status, stage, *_, one=fate: one.fits(status, stage))
        figure = fate_figure(ground, fate, tally.number)
        rows.append((fate.label, figure, figure.of(all_of_it), tally.money))
    return Part("whole", "What came in", ("", "Transactions", "Share", "Value"), rows, _NOTE)


def _by(
    ground: ReportGround, title: str, name: str, groups: Mapping[str, Mapping[Key, Tally]], names: Mapping[str, str]
) -> Part:
    rows = [
        (names.get(key, key), *row_of(ground, group, **{name: key}))
        for key, group in sorted(groups.items(), key=lambda one: -together(one[1]).number)
    ]
    return Part(name, title, (name.capitalize(), *_HEAD), rows)


def row_of(ground: ReportGround, group: Mapping[Key, Tally], **filters: str) -> Sequence[Cell]:
    """Received, its value, each fate, and the value of what was paid. Keys begin with status and stage."""
    whole = together(group)
    cells: list[Cell] = [ground.linked(whole.number, **filters), whole.money]
    for fate in FATES:
        tally = together(group, lambda status, stage, *_, one=fate: one.fits(status, stage))
        cells.append(fate_figure(ground, fate, tally.number, **filters))
    paid = together(group, lambda status, stage, *_: FATES[0].fits(status, stage))
    return [*cells, paid.money]


def _flagged(ground: ReportGround) -> Part:
    known = flags.flags_for(ground.user)
    found = ground.counted({flag.value: {"flag": flag.value} for flag in known})
    rows = [(flag.label, found[flag.value]) for flag in known]
    return Part("flagged", "What needs a second look", ("Flag", "Transactions"), rows)


REPORT = Report(
    "daily",
    "Daily operations summary",
    "How much came in, what became of it, what it is worth and what needs a second look.",
    parts,
)
