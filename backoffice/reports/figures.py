"""Numbers that are links: what a page of figures is about, and the list that has exactly the rows of each number.

A `Ground` reads the period, partner and branch of a page through the list's own query (transactions/query.py), so a
number and the list behind it can only mean the same rows. What it does not know it refuses by name; nothing widens.
A page reads all its numbers inside one `snapshot`, so they never contradict each other while events come in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.http import QueryDict

from accounts.periods import Span, zone_label
from transactions.filters import RELATIVE_CHOICES
from transactions.query import TransactionQuery, folded

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.querysets import TransactionQuerySet

USUAL: Final = "today"
PERIOD: Final = "range"
"""The parameter of a page of figures that its lists call "created"."""
ORDER: Final = (PERIOD, "partner", "branch")
_LISTS_WORD: Final = {PERIOD: "created"}
_NOT_HERE: Final = 'There is no filter "{}".'

Worth = Sequence[tuple[str, Decimal]]
"""Sums of payouts, each with its currency. Sums of different currencies are never added."""


@dataclass(frozen=True)
class Figure:
    """A number, and the address of the list that has exactly that many rows.

    `worth` are the payouts of these rows per currency, where the page says what they are worth.
    """

    number: int
    url: str
    worth: Worth = ()

    def of(self, whole: Figure) -> str:
        """Its share of another figure: "90.9 %"; "" of nothing."""
        return f"{100 * self.number / whole.number:.1f} %" if whole.number else ""


@dataclass(frozen=True)
class Trouble:
    """A parameter that cannot be used: what is wrong with it, and the address without it."""

    fault: str
    remove_url: str


class Ground:
    """What a page of figures is about: a period, partners, branches, as `user` asks for them at the moment `now`.

    `more` are parameters that the page reads by itself; `usual` is the period of an address that names none, "" for
    a page that is about now.
    """

    def __init__(
        self,
        params: QueryDict,
        user: User,
        now: datetime,
        *,
        path: str,
        usual: str = USUAL,
        more: Sequence[str] = (),
    ) -> None:
        self.user, self.now, self.path, self.usual = user, now, path, usual
        plain = _with_one_period(params)
        self.given = {name: [value for value in values if value] for name, values in plain.lists() if any(values)}
        self.more = {name: self.given.pop(name)[-1] for name in more if name in self.given}
        self._strange = [name for name in self.given if name not in ORDER]
        asked = {PERIOD: [usual], **{name: values for name, values in self.given.items() if name in ORDER}}
        data = QueryDict(mutable=True)
        for name, values in asked.items():
            data.setlist(_LISTS_WORD.get(name, name), values)
        self.query = TransactionQuery(data, user, now)

    # What is wrong

    @property
    def is_sound(self) -> bool:
        """Whether every parameter was understood. If not, the page shows no number."""
        return not self._strange and self.query.is_sound

    @property
    def troubles(self) -> list[Trouble]:
        """Everything in the address that is not understood."""
        found = [Trouble(_NOT_HERE.format(name[:60]), self.address(**{name: ""})) for name in self._strange]
        own = {word: name for name, word in _LISTS_WORD.items()}
        for problem in self.query.problems:
            name = own.get(problem.parameter, problem.parameter)
            left = [value for value in self.given.get(name, []) if value != problem.value]
            found.append(Trouble(problem.fault, self.address(**{name: left})))
        return found

    # The period

    @cached_property
    def span(self) -> Span:
        """The period. Only of a sound ground."""
        read: Span = self.query.filter.form.cleaned_data["created"]
        return read

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which days and months begin: the reader's."""
        return self.query.filter.zone

    @property
    def zone_label(self) -> str:
        return zone_label(self.now, self.zone)

    @property
    def period(self) -> str:
        """The period in words, its zone named: "Today (PKT)", "1 Nov 2026 to 22 Nov 2026 (PKT, both days included)"."""
        label = self.span.label
        return label if label.endswith(")") else f"{label} ({self.zone_label})"

    @property
    def chosen(self) -> str:
        """The word of the period that is on, for its control; "" for days of one's own."""
        text = self.given.get(PERIOD, [self.usual])[-1]
        return text if text in dict(RELATIVE_CHOICES) else ""

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last day of a period given by days."""
        return self.query.created_ends

    @property
    def periods(self) -> list[tuple[str, str]]:
        """The presets of the control."""
        return RELATIVE_CHOICES

    @property
    def partner_choices(self) -> list[tuple[str, str]]:
        """The partners that the reader may choose, for the control."""
        return self.query.filter.choices["partner"]

    @property
    def branch_choices(self) -> list[tuple[str, str]]:
        return self.query.filter.choices["branch"]

    def keys(self, name: str) -> list[int]:
        """The primary keys of the partners or branches that the address names."""
        return self.query.filter.keys(name, self.query.selected(name))

    @property
    def chosen_partner(self) -> str:
        return self.given.get("partner", [""])[0]

    @property
    def chosen_branch(self) -> str:
        return self.given.get("branch", [""])[0]

    # Addresses

    def is_to_be_written_anew(self, params: QueryDict) -> bool:
        """Whether the address is what the control sent, with blanks and two days, and has a plainer form."""
        blank = any(not value for _, values in params.lists() for value in values)
        return blank or any(f"{PERIOD}_{side}" in params for side in ("from", "to"))

    def address(self, **changes: str | Sequence[str]) -> str:
        """This page with parameters changed; an empty value leaves one out."""
        parts: dict[str, Any] = {**self.given, **{name: [value] for name, value in self.more.items()}, **changes}
        query = QueryDict(mutable=True)
        for name in [*ORDER, *(name for name in parts if name not in ORDER)]:
            values = parts.get(name) or []
            query.setlist(name, [values] if isinstance(values, str) else list(values))
        text = query.urlencode()
        return f"{self.path}?{text}" if text else self.path

    def url(self, **filters: str | Sequence[str]) -> str:
        """The list of this ground's transactions, narrowed further; `created=""` asks for any time."""
        return self.query.address_with(**filters)

    # Numbers

    @property
    def rows(self) -> TransactionQuerySet:
        """The transactions of the ground, for grouping; none where anything was not understood."""
        return self.query.rows.order_by()

    def figure(self, number: int, worth: Worth = (), **filters: str | Sequence[str]) -> Figure:
        """A number that the page summed up itself, with the list of its rows."""
        return Figure(number, self.url(**filters), worth)

    def counted(self, questions: Mapping[str, Mapping[str, str | Sequence[str]]]) -> dict[str, Figure]:
        """Figures that are counted on their lists' own rows, all in one statement."""
        urls = {name: self.url(**filters) for name, filters in questions.items()}
        asked = {name: self.asked_at(url).rows for name, url in urls.items()}
        numbers = _counts(asked)
        return {name: Figure(numbers[name], urls[name]) for name in questions}

    def asked_at(self, url: str) -> TransactionQuery:
        """The list's query behind one of this ground's addresses, at the same moment."""
        return TransactionQuery(QueryDict(url.partition("?")[2]), self.user, self.now)


def _with_one_period(params: QueryDict) -> QueryDict:
    """What the control sends: a preset, or two days, as one period."""
    plain, period = params.copy(), QueryDict(mutable=True)
    for side in ("", "_from", "_to"):
        if PERIOD + side in plain:
            period.setlist("created" + side, plain.pop(PERIOD + side))
    if values := folded(period).getlist("created"):
        plain.setlist(PERIOD, values)
    return plain


def _counts(questions: Mapping[str, TransactionQuerySet]) -> dict[str, int]:
    names: list[str] = []
    statements: list[str] = []
    parameters: list[Any] = []
    for name, rows in questions.items():
        try:
            sql, given = rows.order_by().values("pk").query.sql_with_params()
        except EmptyResultSet:
            continue
        names.append(name)
        statements.append(f"(SELECT COUNT(*) FROM ({sql}) counted)")  # noqa: S608 - the ORM's own statements
        parameters += given
    found = dict.fromkeys(questions, 0)
    if names:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(statements)}", parameters)
            found |= zip(names, cursor.fetchone(), strict=True)
    return found


@contextmanager
def snapshot() -> Iterator[None]:
    """Read everything inside as it stood at one moment. Inside another database transaction that one's rules hold."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


# -- what the proof walks ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PageOfFigures:
    """A page whose numbers are proved (tests/proofs/numbers.py): its right, and its addresses for a moment and zone.

    Every number on it that counts rows is written by `{% figure %}`, so that the proof finds and follows it.
    """

    name: str
    right: str
    addresses: Callable[[datetime, ZoneInfo], Sequence[str]]


_PAGES: dict[str, PageOfFigures] = {}


def register(page: PageOfFigures) -> None:
    """Have the numbers of a page proved with all others. Called when the app is ready."""
    _PAGES[page.name] = page


def pages() -> list[PageOfFigures]:
    return list(_PAGES.values())
