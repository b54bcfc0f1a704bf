"""The one way to ask for transactions by an address: the rows, their count, the chips and the address itself.

Lists, counts, exports and bulk deeds all build on it. What it does not know it refuses with a sentence and shows no
rows: a filter never falls open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.http import QueryDict
from django.urls import reverse

from transactions import paging
from transactions.filters import SIZES, Span, TransactionFilter
from transactions.models import Transaction
from transactions.paging import Count, Page, Place
from transactions.search import SearchOver, condition, kept

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.querysets import TransactionQuerySet
    from transactions.reading import Reading

ORDER: Final = (
    "status",
    "stage",
    "partner",
    "branch",
    "rail",
    "type",
    "reason",
    "flag",
    "created",
    "amount_min",
    "amount_max",
    "currency",
    "s",
    "sort",
    "size",
    "after",
    "before",
)
"""The parameters that an address may hold, in their one order."""

MANY: Final = frozenset({"status", "stage", "partner", "branch", "rail", "type", "reason", "flag"})
PLACES: Final = frozenset({"after", "before"})
NOT_FILTERS: Final = frozenset({"sort", "size", *PLACES})
SORTS: Final = {"-created": "Newest first", "created": "Oldest first"}
LONGEST_ECHO: Final = 60


@dataclass(frozen=True)
class Problem:
    """A parameter that cannot be followed: what is wrong with it, and the address without it."""

    parameter: str
    value: str
    fault: str
    remove_url: str

    @property
    def sentence(self) -> str:
        """The fault and the remedy: 'There is no status "foo". Remove it to see results.'"""
        return f"{self.fault} Remove it to see results."


@dataclass(frozen=True)
class Chip:
    """A filter that is on, in words, and the address without it."""

    label: str
    remove_url: str


def folded(params: QueryDict) -> QueryDict:
    """What the form of the list sends, as an address says it: its two dates are one period."""
    first, last = (params.get(name, "").strip() for name in ("created_from", "created_to"))
    if "created_from" not in params and "created_to" not in params:
        return params
    plain = params.copy()
    for name in ("created_from", "created_to"):
        plain.pop(name, None)
    plain["created"] = f"{first}..{last}" if first or last else plain.get("created", "")
    return plain


class TransactionQuery:
    """The transactions that `params` ask for, as `user` may see them, at the moment `now`."""

    def __init__(self, params: QueryDict, user: User, now: datetime, *, path: str = "") -> None:
        self.user, self.now = user, now
        self.path = path or reverse("transactions:list")
        self.given = {name: [value for value in values if value] for name, values in params.lists() if any(values)}
        self.had_blanks = any(not value for _, values in params.lists() for value in values)
        self._faults: dict[tuple[str, str], str] = {}
        self.filter = TransactionFilter(
            _as_data(self.given), user=user, now=now, queryset=Transaction.objects.visible_to(user)
        )
        self.reading = self._kept_search()
        self.size = self._page_size()
        self._check()

    # What comes out

    @property
    def is_sound(self) -> bool:
        """Whether every parameter was understood. If not, there are no rows, and exports and bulk deeds are refused."""
        return not self._faults

    @property
    def problems(self) -> list[Problem]:
        """What was not understood."""
        return [
            Problem(name, value, fault, self.address_without(name, value))
            for (name, value), fault in self._faults.items()
        ]

    @cached_property
    def rows(self) -> TransactionQuerySet:
        """All rows, newest first unless asked otherwise; none where anything was not understood."""
        if not self.is_sound:
            return Transaction.objects.none()
        rows: TransactionQuerySet = self.filter.qs
        if self.reading is not None:
            rows = rows.filter(condition(self.reading, self.user))
        return rows.order_by("received_at", "pk") if self.is_oldest_first else rows.newest_first()

    @cached_property
    def count(self) -> Count:
        """How many rows there are, up to 10,000."""
        return paging.count(self.rows)

    @cached_property
    def page(self) -> Page:
        """The page that the address asks for, its rows ready for the list."""
        if not self.is_sound:
            return Page([], has_earlier=False, has_later=False)
        return paging.page(
            self.rows.for_rows(),
            size=self.size,
            oldest_first=self.is_oldest_first,
            after=self._places.get("after"),
            before=self._places.get("before"),
        )

    @property
    def sort(self) -> str:
        return self._one("sort") or "-created"

    @property
    def is_oldest_first(self) -> bool:
        return self.sort == "created"

    @property
    def address(self) -> str:
        """The one address of this query: known parameters in their order, defaults and blanks left out."""
        return self._address(self._canonical())

    @property
    def query_string(self) -> str:
        return self.address.partition("?")[2]

    @property
    def chips(self) -> list[Chip]:
        """The filters that are on, one chip per value."""
        return [
            Chip(self._chip_label(name, value), self.address_without(name, value))
            for name, values in self._canonical().items()
            if name not in NOT_FILTERS
            for value in values
            if (name, value) not in self._faults
        ]

    @property
    def clear_url(self) -> str:
        return self._address({name: values for name, values in self._canonical().items() if name in ("sort", "size")})

    def address_with(self, **changes: str) -> str:
        """This query with parameters set; an empty value leaves one out. It begins at the first page."""
        kept_parts = {name: values for name, values in self._canonical().items() if name not in PLACES}
        return self._address(kept_parts | {name: [value] if value else [] for name, value in changes.items()})

    def address_without(self, name: str, value: str) -> str:
        """This query without one value of a parameter, from the first page."""
        parts = {key: values for key, values in self._everything().items() if key not in PLACES or name in PLACES}
        parts[name] = [other for other in parts.get(name, []) if other != value]
        return self._address(parts)

    @property
    def earlier_url(self) -> str | None:
        """The page before this one in the list's order."""
        rows = self.page.rows
        return self.address_with(before=rows[0].txn_id) if self.page.has_earlier and rows else None

    @property
    def later_url(self) -> str | None:
        rows = self.page.rows
        return self.address_with(after=rows[-1].txn_id) if self.page.has_later and rows else None

    @property
    def first_url(self) -> str:
        """The first page of this query."""
        return self.address_with()

    @property
    def order_label(self) -> str:
        """How the rows are ordered, within a sentence: "newest first"."""
        return SORTS.get(self.sort, SORTS["-created"]).lower()

    @property
    def first_day(self) -> str:
        """The first day of a period given by days, as people write it."""
        return self._days()[0]

    @property
    def last_day(self) -> str:
        return self._days()[1]

    def _days(self) -> tuple[str, str]:
        first, dots, last = self._one("created").partition("..")
        return (first, last) if dots else ("", "")

    @property
    def is_first_page(self) -> bool:
        return not self._places

    def selected(self, name: str) -> list[str]:
        """The values given for a parameter."""
        return self.given.get(name, [])

    @property
    def span(self) -> Span | None:
        return self.filter.form.cleaned_data.get("created") or None

    # What goes in

    def _check(self) -> None:
        for name, values in self.given.items():
            if name not in ORDER:
                self._refuse(name, values, f'There is no filter "{_short(name)}".')
            elif name not in MANY and len(values) > 1:
                self._refuse(name, values, f"{_label(self, name)} is given {len(values)} times.")
        self._check_words()
        self._check_order()
        self._places = self._find_places()

    def _check_words(self) -> None:
        for name, errors in self.filter.form.errors.as_data().items():
            for error in errors:
                values = [str((error.params or {})["value"])] if name in MANY else self.given.get(name, [])
                for value in values:
                    self._refuse(name, [value], _sentence(self, name, value, error))

    def _check_order(self) -> None:
        if (sort := self._one("sort")) and sort not in SORTS:
            self._refuse("sort", [sort], f'There is no order "{_short(sort)}".')
        if (size := self._one("size")) and size not in map(str, SIZES):
            self._refuse("size", [size], f'There is no page size "{_short(size)}".')
        if self._one("after") and self._one("before"):
            self._refuse("before", self.given["before"], "A page begins after or before a transaction, not both.")

    def _find_places(self) -> dict[str, Place]:
        """Where the page begins: after or before a transaction that the reader may see."""
        found: dict[str, Place] = {}
        for name in sorted(PLACES):
            if not (reference := self._one(name)):
                continue
            place = Transaction.objects.visible_to(self.user).place_of(reference.replace("\x00", ""))
            if place is None:
                self._refuse(name, [reference], f'There is no page {name} "{_short(reference)}".')
            else:
                found[name] = Place(*place)
        return found

    def _kept_search(self) -> Reading | None:
        token = self._one("s")
        if not token:
            return None
        try:
            return kept(token, self.user)
        except SearchOver as over:
            self._faults["s", token] = over.sentence
            return None

    def _page_size(self) -> int:
        asked, own = self._one("size"), self.user.page_size
        return int(asked) if asked in map(str, SIZES) else own if own in SIZES else 50

    def _refuse(self, name: str, values: Iterable[str], fault: str) -> None:
        for value in values:
            self._faults.setdefault((name, value), fault)

    def _one(self, name: str) -> str:
        return next(iter(self.given.get(name, [])), "")

    # Addresses

    def _canonical(self) -> dict[str, list[str]]:
        parts = {name: self._in_order(name) for name in ORDER if self.given.get(name)}
        if parts.get("sort") == ["-created"]:
            del parts["sort"]
        if (found := self.filter.form.cleaned_data.get("created")) and "created" in parts:
            parts["created"] = [found.text]
        return parts

    def _everything(self) -> dict[str, list[str]]:
        unknown = {name: values for name, values in self.given.items() if name not in ORDER}
        return self._canonical() | unknown

    def _in_order(self, name: str) -> list[str]:
        values = list(dict.fromkeys(self.given[name]))
        known = [value for value, _ in self.filter.choices.get(name, [])]
        return sorted(values, key=lambda value: known.index(value) if value in known else len(known))

    def _address(self, parts: dict[str, list[str]]) -> str:
        query = QueryDict(mutable=True)
        for name, values in parts.items():
            query.setlist(name, values)
        text = query.urlencode()
        return f"{self.path}?{text}" if text else self.path

    def _chip_label(self, name: str, value: str) -> str:
        if name == "s":
            return "Found by your search"
        shown = dict(self.filter.choices.get(name, [])).get(value, value)
        if name == "created" and self.span is not None:
            shown = self.span.label
        return f"{_label(self, name)}: {shown}"


_WORDS: Final = {
    "sort": "The order",
    "size": "The page size",
    "after": "The page",
    "before": "The page",
    "s": "The search",
}


def _label(query: TransactionQuery, name: str) -> str:
    return _WORDS.get(name) or str(query.filter.filters[name].label)


def _sentence(query: TransactionQuery, name: str, value: str, error: Any) -> str:
    if error.code == "invalid_choice":
        return f'There is no {_label(query, name).lower()} "{_short(value)}".'
    if name.startswith("amount"):
        return f'"{_short(value)}" is not an amount.'
    return str(error.messages[0])


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_ECHO else f"{value[:LONGEST_ECHO]}…"


def _as_data(given: dict[str, list[str]]) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, values in given.items():
        data.setlist(name, values)
    return data
