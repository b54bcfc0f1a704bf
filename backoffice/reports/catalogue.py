"""The standing reports: what each is called, who reads it, and the tables that it makes of a ground.

A report is a function from a `ReportGround` to its parts. It is read on screen first; the same parts become CSV, XLSX
and PDF (report_files.py). A number of transactions is a `Figure`, the link to exactly its rows; other lists are linked
where they can be asked for the same rows (`Listed`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.http import Http404, QueryDict

from accounts.access import check, permissions_of
from backoffice.reports.figures import PERIOD, Figure, Ground, Trouble

if TYPE_CHECKING:
    from accounts.models import User

RIGHT: Final = "reports.view_reports"
LONGEST_DAYS: Final = 92
_DAYS: Final = {"7d": 7, "30d": 30, "90d": 90}
_NOT_DAYS: Final = "24h"


@dataclass(frozen=True)
class Listed:
    """A number of things that are not transactions, with the address of their list; "" where no list can say it."""

    number: int
    url: str = ""


@dataclass(frozen=True)
class Money:
    """What rows are worth: sums per currency, never added to each other."""

    worth: Sequence[tuple[str, Decimal]] = ()


Cell = str | int | Figure | Listed | Money | dt.timedelta | None


@dataclass(frozen=True)
class Part:
    """One table of a report. `note` says what its numbers mean, `empty` what stands in place of no rows."""

    key: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    empty: str = "Nothing in this period."
    numbers: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        if any(len(row) != len(self.head) for row in self.rows):
            raise ValueError(f"a row of {self.title} has not as many cells as its head")
        right = {place for row in self.rows for place, cell in enumerate(row) if not isinstance(cell, str | None)}
        object.__setattr__(self, "numbers", frozenset(right))

    @property
    def lines(self) -> list[tuple[Cell, list[tuple[str, Cell, bool]]]]:
        """The rows as a page writes them: what each is about, then cells with their heads and if they are numbers."""
        numbers = self.numbers
        return [
            (
                row[0],
                [(head, cell, at in numbers) for at, (head, cell) in enumerate(zip(self.head, row, strict=True))][1:],
            )
            for row in self.rows
        ]


class ReportGround(Ground):
    """What a report is about: whole days in the reader's zone, unless the report `takes_times`; at most 92 days."""

    def __init__(self, *args: Any, takes_times: bool = False, is_narrowed: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.takes_times, self.is_narrowed = takes_times, is_narrowed

    @cached_property
    def _fault(self) -> str:
        """Why the period will not do for a report; "" when it will."""
        text = self.given.get(PERIOD, [self.usual])[-1]
        if self.span.start is None:
            return "A report needs a first day."
        if not self.takes_times and (text == _NOT_DAYS or "T" in self.span.text):
            return "This report is about whole days. Give days without a time."
        if (self.last - self.first).days >= LONGEST_DAYS:
            return f"Choose {LONGEST_DAYS} days or less, or create an export."
        return ""

    @property
    def _not_here(self) -> list[str]:
        """What the address narrows by although the report is about all that its reader may see."""
        return [] if self.is_narrowed else [name for name in ("partner", "branch") if name in self.given]

    @property
    def is_sound(self) -> bool:
        return super().is_sound and not self._not_here and not self._fault

    @property
    def troubles(self) -> list[Trouble]:
        found = super().troubles
        found += [Trouble(f"This report has no {name}.", self.address(**{name: ""})) for name in self._not_here]
        if super().is_sound and self._fault:
            found.append(Trouble(self._fault, self.address(**{PERIOD: ""})))
        return found

    @property
    def first(self) -> dt.date:
        """The first day."""
        text = self.given.get(PERIOD, [self.usual])[-1]
        if text in _DAYS:
            return self._today - dt.timedelta(days=_DAYS[text] - 1)
        return (self.span.start or self.now).astimezone(self.zone).date()

    @property
    def last(self) -> dt.date:
        """The last day, which is included; today where the period is open."""
        if self.span.end is None:
            return self._today
        return (self.span.end - dt.timedelta(microseconds=1)).astimezone(self.zone).date()

    @property
    def _today(self) -> dt.date:
        return self.now.astimezone(self.zone).date()

    @property
    def days(self) -> ReportGround:
        """The same ground with its period written as whole days, which is what the report's numbers are about."""
        if self.takes_times:
            return self
        plain = QueryDict(mutable=True)
        for name, values in self.given.items():
            plain.setlist(name, values)
        plain.setlist(PERIOD, [f"{self.first}..{self.last}"])
        return ReportGround(plain, self.user, self.now, path=self.path, usual=self.usual, is_narrowed=self.is_narrowed)

    @property
    def periods(self) -> list[tuple[str, str]]:
        return [one for one in super().periods if self.takes_times or one[0] != _NOT_DAYS]

    def choices(self, name: str) -> list[tuple[str, str]]:
        """What the reader may choose of a filter, with its words."""
        return self.query.filter.choices[name]

    def linked(self, number: int, **filters: str | Sequence[str]) -> Figure:
        """A number of transactions that the report summed up itself, with the list of its rows."""
        return Figure(number, self.url(**filters))

    @property
    def in_words(self) -> str:
        """Everything that the report was asked for, its zone named."""
        parts = [self.days.period]
        for name in ("partner", "branch"):
            names = dict(self.choices(name))
            parts += [f"{name.capitalize()}: {names.get(value, value)}" for value in self.given.get(name, [])]
        return "; ".join(parts)

    @property
    def file_days(self) -> str:
        """The days as a file's name holds them."""
        return f"{self.first}" if self.first == self.last else f"{self.first}-to-{self.last}"


@dataclass(frozen=True)
class Report:
    """A standing report. `rights` are needed beside the right to see reports; `usual` is the period of an address that
    names none.
    """

    slug: str
    title: str
    about: str
    parts: Callable[[ReportGround], Sequence[Part]]
    usual: str = "yesterday"
    rights: tuple[str, ...] = ()
    takes_times: bool = False
    is_narrowed: bool = True

    @property
    def all_rights(self) -> tuple[str, ...]:
        return (RIGHT, *self.rights)


_REPORTS: dict[str, Report] = {}


def add(*reports: Report) -> None:
    """Add reports. A slug that is there already is replaced, so that a restart is harmless."""
    for report in reports:
        _REPORTS[report.slug] = report


def reports_for(user: User) -> list[Report]:
    """The reports that this person may read, in the order of the catalogue. Of the others there is no word."""
    rights = permissions_of(user)
    return [one for one in _REPORTS.values() if rights.issuperset(one.all_rights)]


def report_for(user: User, slug: str) -> Report:
    """The report of this address. Raises MissingPermission without the right to reports, and Http404 for a report that
    does not exist or of which this person is not to know.
    """
    check(user, RIGHT)
    found = next((one for one in reports_for(user) if one.slug == slug), None)
    if found is None:
        raise Http404
    return found
