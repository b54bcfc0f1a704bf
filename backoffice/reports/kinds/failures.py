"""Failure analysis: what failed, why, where on the way, at which partner and rail, and what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backoffice.reports.catalogue import Cell, Listed, Part, Report, ReportGround
from backoffice.reports.tally import Key, Tally, regrouped, tallies, together
from transactions.filters import CHECKS, stage_choices
from transactions.vocabulary import Status

_FAILED = {"status": Status.FAILED.value}
_HEAD = ("Failed", "Share of all failed", "Value", "Failed of received")


def parts(ground: ReportGround) -> Sequence[Part]:
    """Failed ones of the period by reason, by how they ended, by partner and by rail, each beside all of its kind."""
    found = tallies(ground.rows, "status", "stage", "partner__code", "rail")
    failed = {key: tally for key, tally in found.items() if key[0] == Status.FAILED}
    names = {name: dict(ground.choices(name)) for name in ("partner", "rail")}
    return [
        _reasons(ground, together(failed)),
        _stages(ground, failed),
        _shares(ground, "By partner", "partner", found, lambda *key: key[2], names["partner"]),
        _shares(ground, "By rail", "rail", found, lambda *key: key[3], names["rail"]),
    ]


def _reasons(ground: ReportGround, whole: Tally) -> Part:
    all_failed = ground.linked(whole.number, **_FAILED)
    words = dict(ground.choices("reason"))
    counted = ground.counted({word: {**_FAILED, "reason": word} for word in words}) if whole.number else {}
    rows: list[Sequence[Cell]] = [("All failed", all_failed, "", whole.money)]
    for word, figure in sorted(counted.items(), key=lambda one: -one[1].number):
        if figure.number:
            worth = together(tallies(ground.asked_at(figure.url).rows))
            rows.append((words[word], figure, figure.of(all_failed), worth.money))
    return Part("reasons", "Why", ("Reason", *_HEAD[:3]), rows, "Received in the period and failed as they stand now.")


def _stages(ground: ReportGround, failed: Mapping[Key, Tally]) -> Part:
    all_failed = ground.linked(together(failed).number, **_FAILED)
    named = dict(stage_choices(ground.user))
    groups = regrouped(failed, lambda _status, stage, *_: stage if stage in named else CHECKS)
    rows = []
    for stage, label in named.items():
        tally = together(groups.get(stage, {}))
        if tally.number:
            figure = ground.linked(tally.number, **_FAILED, stage=stage)
            rows.append((label, figure, figure.of(all_failed), tally.money))
    return Part("ends", "How they ended", ("Stage", *_HEAD[:3]), rows)


def _shares(
    ground: ReportGround,
    title: str,
    name: str,
    found: Mapping[Key, Tally],
    by: Callable[..., str],
    names: Mapping[str, str],
) -> Part:
    rows: list[Sequence[Cell]] = []
    all_failed = ground.linked(together(found, lambda status, *_: status == Status.FAILED).number, **_FAILED)
    elsewhere = Tally()
    for key, group in regrouped(found, by).items():
        failed = together(group, lambda status, *_: status == Status.FAILED)
        if key not in names:
            elsewhere.add(failed)
        if not failed.number or key not in names:
            continue
        whole = ground.linked(together(group).number, **{name: key})
        figure = ground.linked(failed.number, **_FAILED, **{name: key})
        rows.append((names[key], figure, figure.of(all_failed), failed.money, figure.of(whole)))
    rows.sort(key=lambda row: str(row[0]))
    if elsewhere.number:
        rows.append((f"No {name}, or one not known here", Listed(elsewhere.number), "", elsewhere.money, ""))
    return Part(name, title, (name.capitalize(), *_HEAD), rows, empty="Nothing failed in this period.")


REPORT = Report(
    "failures",
    "Failure analysis",
    "What failed and why, how it ended, at which partner and on which rail, and what it is worth.",
    parts,
    usual="7d",
)
