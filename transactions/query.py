"""The one way to ask for transactions by an address: the rows, their count, the chips and the address itself.

Lists, counts, exports and bulk deeds all build on it. What it does not know it refuses with a sentence and shows no
rows: a filter never falls open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

from django.db.models import Q
from django.http import QueryDict
from django.urls import reverse

from accounts import periods
from accounts.errors import Refused
from transactions import assigned, columns, paging
from transactions.columns import Column
from transactions.filters import SIZES, TransactionFilter
from transactions.flags import LATE, flags_for, needs_attention
from transactions.models import Transaction
from transactions.paging import Count, Order, Page, Place
from transactions.search import SearchOver, condition, kept
from transactions.vocabulary import Status

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
    "assigned",
    "attention",
    "created",
    "updated",
    "age_over",
    "age_under",
    "amount_min",
    "amount_max",
    "currency",
    "corridor",
    "s",
    "sort",
    "cols",
    "view",
    "size",
    "after",
    "before",
)
"""The parameters that an address may hold, in their one order."""

MANY: Final = frozenset({"status", "stage", "partner", "branch", "rail", "type", "reason", "flag", "assigned"})
PLACES: Final = frozenset({"after", "before"})
NOT_FILTERS: Final = frozenset({"sort", "cols", "view", "size", *PLACES})
LOOKS: Final = frozenset({"sort", "cols", "size"})
TYPED: Final = ("created", "updated", "age_over", "age_under")
"""Parameters that people type in words of their own, of which the address holds one form."""
PERIODS: Final = ("created", "updated")
TABS: Final = frozenset({"status", "attention"})
USUAL_SORT: Final = ("sort", ["-created"])
LONGEST_ECHO: Final = 60

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COMPLETED: Final = Q(status=Status.COMPLETED)


def _both_ways(stem: str, column: str, fields: tuple[str, ...], rising: str, falling: str, **more: Any) -> list[Order]:
    sides = more.pop("sides", ("Newer", "Older"))
    return [
        Order(f"-{stem}", falling, column, fields, is_ascending=False, before=sides[0], after=sides[1], **more),
        Order(stem, rising, column, fields, is_ascending=True, before=sides[1], after=sides[0], **more),
    ]


SORTS: Final = {
    order.key: order
    for order in [
        *_both_ways("created", "created", ("received_at", "pk"), "Oldest first", "Newest first"),
        *_both_ways(
            "updated",
            "updated",
            ("updated_at", "pk"),
            "Longest unchanged first",
            "Latest update first",
            parts=(~_COMPLETED, _COMPLETED),
        ),
        *_both_ways(
            "payout",
            "payout",
            ("settled_amount", "received_at", "pk"),
            "Smallest payout first",
            "Largest payout first",
            sides=("Larger", "Smaller"),
        ),
    ]
}
# An age is the time since a transaction came in: the oldest are those that came first.
SORTS["-age"] = replace(SORTS["created"], key="-age", column="age", label="Greatest age first")
SORTS["age"] = replace(SORTS["-created"], key="age", column="age", label="Smallest age first")
"""The orders of the list by their word in an address. The key decides ties, so the order is always one."""


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


@dataclass(frozen=True)
class Tab:
    """All, what needs attention, or one status: the same question with another one of these, and how many rows."""

    key: str
    label: str
    url: str
    is_current: bool
    count: Count | None


@dataclass(frozen=True)
class Heading:
    """A column's heading: the order that it leads to where there is one, and the order it stands in now."""

    column: Column
    url: str = ""
    next_label: str = ""
    aria_sort: str = ""


def folded(params: QueryDict) -> QueryDict:
    """What the form of the list sends, as an address says it: two dates are one period."""
    return periods.folded(params, *PERIODS)


class TransactionQuery:
    """The transactions that `params` ask for, as `user` may see them, at the moment `now`."""

    def __init__(
        self,
        params: QueryDict,
        user: User,
        now: datetime,
        *,
        path: str = "",
        own_columns: str = "",
        opens_a_view: bool = False,
    ) -> None:
        """`own_columns` are the reader's, for addresses that name none. Where the bare address `opens_a_view`, the
        list without filters is called "view=all".
        """
        self.user, self.now, self.own_columns, self.opens_a_view = user, now, own_columns, opens_a_view
        self._tab_counts: dict[str, Count] = {}
        self.path = path or reverse("transactions:list")
        self.given = {name: [value for value in values if value] for name, values in params.lists() if any(values)}
        self.had_blanks = any(not value for _, values in params.lists() for value in values)
        self._faults: dict[tuple[str, str], str] = {}
        self.filter = TransactionFilter(
            _as_data(self.given), user=user, now=now, queryset=Transaction.objects.visible_to(user)
        )
        self.reading = self._kept_search()
        self.size = self._page_size()
        self.order = self._order()
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
        """All rows, newest first; none where anything was not understood."""
        return self._kept(self.filter.qs) if self.is_sound else Transaction.objects.none()

    @cached_property
    def count(self) -> Count:
        """How many rows there are, up to 10,000."""
        return paging.count(self.rows)

    @cached_property
    def page(self) -> Page:
        """The page that the address asks for, its rows ready for the list."""
        if not self.is_sound:
            return Page([], has_earlier=False, has_later=False)
        rows = self.with_columns(self.rows)
        return paging.page(
            rows, order=self.order, size=self.size, after=self._places.get("after"), before=self._places.get("before")
        )

    def with_columns(self, rows: TransactionQuerySet) -> TransactionQuerySet:
        """Transactions with what the columns of this list read, and nothing else."""
        rows = rows.for_rows(*(field for column in self.columns for field in column.fields))
        keys = {column.key for column in self.columns}
        if "flags" in keys:
            rows = rows.with_flags(flags_for(self.user), self.now)
        return rows.annotate(**assigned.names_of(self.user)) if assigned.COLUMN in keys else rows

    def _kept(self, rows: Any) -> TransactionQuerySet:
        if self.reading is not None:
            rows = rows.filter(condition(self.reading, self.user))
        return cast("TransactionQuerySet", rows.newest_first())

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns that the address asks for, else the reader's own, else the usual ones."""
        return columns.chosen(self._one("cols") or self.own_columns, columns.open_to(self.user))

    @property
    def headings(self) -> list[Heading]:
        """The headings of the columns; that of the sorted one says so, and each names the order it leads to."""
        return [self._heading(column) for column in self.columns]

    def _heading(self, column: Column) -> Heading:
        if not column.sort:
            return Heading(column)
        falling, rising = SORTS[f"-{column.sort}"], SORTS[column.sort]
        if self.order.column != column.key:
            return Heading(column, self.address_with(sort=falling.key), falling.label.lower())
        turned = rising if self.order is falling else falling
        said = "ascending" if self.order is rising else "descending"
        return Heading(column, self.address_with(sort=turned.key), turned.label.lower(), said)

    # The tabs

    def count_tabs(self) -> None:
        """Count the tabs and these rows in one statement, so that the five add up to All. May take too long: then
        OperationalError is raised, and the tabs stand without numbers.
        """
        base = self._kept(self.filter.qs_without(*TABS))
        questions: dict[str, Any] = {status: base.filter(status=status) for status in Status.values}
        questions["attention"] = base.filter(needs_attention(self.now))
        if self._tab is None:
            questions["these"] = self.rows
        with paging.in_time():
            found = paging.counts(questions)
        found[""] = paging.total([found[status] for status in Status.values])
        self._tab_counts = found
        self.__dict__["count"] = found["these" if self._tab is None else self._tab]

    @property
    def tabs(self) -> list[Tab]:
        """All and what needs attention first, then the five statuses. Each is a link to exactly its rows."""
        made = [("", "All", {"status": "", "attention": ""})]
        made.append(("attention", "Needs attention", {"status": "", "attention": "1"}))
        made += [(status.value, str(status.label), {"status": status.value, "attention": ""}) for status in Status]
        return [
            Tab(key, label, self.address_with(**changes), key == self._tab, self._tab_counts.get(key))
            for key, label, changes in made
        ]

    @property
    def _tab(self) -> str | None:
        """The tab whose rows these are; None where the address asks for several statuses or for both."""
        statuses, attention = self.selected("status"), self.selected("attention")
        if attention:
            return None if statuses else "attention"
        return statuses[0] if len(set(statuses)) == 1 else None if statuses else ""

    # Addresses

    @property
    def address(self) -> str:
        """The one address of this query: known parameters in their order, defaults and blanks left out."""
        return self._address(self._canonical())

    def to_save(self, *, with_period: bool = True) -> str:
        """What a saved view keeps of this query: filters, order and columns, relative days as they are.

        Raises Refused for a query that is not sound and for one that looks for a person.
        """
        if not self.is_sound:
            raise Refused(self.problems[0].sentence, status=400)
        if self.reading is not None:
            raise Refused("A search for a person is not saved. Remove it from the filters first.")
        return self._saved(with_period=with_period)

    def _saved(self, *, with_period: bool = True) -> str:
        left_out = {"size", "s", *PLACES} | (set() if with_period else set(PERIODS))
        parts = {name: values for name, values in self._canonical().items() if name not in left_out}
        return self._address(parts).partition("?")[2].removeprefix("view=all")

    @property
    def saved(self) -> str:
        """The query as a view would keep it, to tell which view this is; "" for a search that none keeps."""
        return "" if "s" in self.given else self._saved()

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
        return self._address({name: values for name, values in self._canonical().items() if name in LOOKS})

    def address_with(self, **changes: str | Sequence[str]) -> str:
        """This query with parameters set; an empty value leaves one out. It begins at the first page."""
        parts = {name: values for name, values in self._canonical().items() if name not in PLACES}
        for name, value in changes.items():
            parts[name] = ([value] if value else []) if isinstance(value, str) else list(value)
        return self._address({name: parts[name] for name in ORDER if name in parts})

    def address_without(self, name: str, value: str) -> str:
        """This query without one value of a parameter, from the first page."""
        parts = {key: values for key, values in self._everything().items() if key not in PLACES or name in PLACES}
        parts[name] = [other for other in parts.get(name, []) if other != value]
        return self._address(parts)

    @property
    def earlier_url(self) -> str | None:
        """The page before this one in the list's order."""
        rows = self.page.rows
        return self.address_with(before=self._place_word(rows[0])) if self.page.has_earlier and rows else None

    @property
    def later_url(self) -> str | None:
        rows = self.page.rows
        return self.address_with(after=self._place_word(rows[-1])) if self.page.has_later and rows else None

    def _place_word(self, row: Transaction) -> str:
        """How an address names a row's place: by its reference, with the moment of its update where that is the order,
        since the row is elsewhere after the next one.
        """
        return row.txn_id if self.order.keeps_places else f"{row.txn_id}@{_as_number(row.updated_at)}"

    @property
    def first_url(self) -> str:
        """The first page of this query."""
        return self.address_with()

    @property
    def sizes(self) -> list[tuple[int, str, bool]]:
        """The sizes of a page, the address of each, and which this one has."""
        return [(size, self.address_with(size=str(size)), size == self.size) for size in SIZES]

    @property
    def order_label(self) -> str:
        """How the rows are ordered, within a sentence: "newest first"."""
        return self.order.label.lower()

    @property
    def created_ends(self) -> tuple[str, str]:
        """The first and the last day of the period, as its form shows them."""
        return periods.ends_of(self._one("created"))

    @property
    def updated_ends(self) -> tuple[str, str]:
        return periods.ends_of(self._one("updated"))

    @property
    def is_first_page(self) -> bool:
        return not self._places

    def selected(self, name: str) -> list[str]:
        """The values given for a parameter."""
        return self.given.get(name, [])

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
        if (view := self._one("view")) and view != "all":
            self._refuse("view", [view], f'There is no view "{_short(view)}".')
        if (keys := self._one("cols")) and (strange := columns.unknown(keys, columns.open_to(self.user))):
            self._refuse("cols", [keys], f'There is no column "{_short(strange[0])}".')
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
            place = self._place(reference)
            if place is None:
                self._refuse(name, [reference], f'There is no page {name} "{_short(reference)}".')
            else:
                found[name] = place
        return found

    def _place(self, word: str) -> Place | None:
        reference, at, moment = word.replace("\x00", "").rpartition("@")
        if self.order.keeps_places or not at:
            reference, moment = word.replace("\x00", ""), ""
        values = Transaction.objects.visible_to(self.user).place_of(reference, self.order.fields)
        if values is None or not moment:
            return Place(values) if values else None
        updated_at = _from_number(moment)
        return Place((updated_at, values[-1])) if updated_at else None

    def _order(self) -> Order:
        """The order asked for. Where only open work is asked for, the part of what is completed is not even read."""
        order = SORTS.get(self._one("sort"), SORTS["-created"])
        return replace(order, parts=order.parts[:1]) if len(order.parts) > 1 and self._is_of_open_work() else order

    def _is_of_open_work(self) -> bool:
        statuses = self.selected("status")
        is_open = bool(statuses) and Status.COMPLETED not in statuses
        return is_open or bool(self.selected("attention")) or LATE in self.selected("flag")

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
        if parts.get("cols") == [",".join(columns.DEFAULT)] and not self.own_columns:
            del parts["cols"]
        for name in TYPED:
            if (found := self.filter.form.cleaned_data.get(name)) and name in parts:
                parts[name] = [found.text]
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
            query.setlist(name, [] if (name, values) == USUAL_SORT else values)
        query.pop("view", None)
        text = query.urlencode() or ("view=all" if self.opens_a_view else "")
        return f"{self.path}?{text}" if text else self.path

    def _chip_label(self, name: str, value: str) -> str:
        if name == "s":
            return "Found by your search"
        shown = dict(self.filter.choices.get(name, [])).get(value, value)
        if name == "attention":
            return shown
        if name in TYPED and (read := self.filter.form.cleaned_data.get(name)):
            shown = read.label
        return f"{_label(self, name)}{' ' if name.startswith('age') else ': '}{shown}"


_WORDS: Final = {
    "view": "The view",
    "cols": "The list of columns",
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
    if name in TYPED:
        return f'{_label(query, name)} "{_short(value)}": {error.messages[0]}'
    return str(error.messages[0])


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_ECHO else f"{value[:LONGEST_ECHO]}…"


def _as_number(moment: datetime) -> int:
    """A moment as a whole number of microseconds, as addresses hold it."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _from_number(text: str) -> datetime | None:
    return _EPOCH + timedelta(microseconds=int(text)) if text.isascii() and text.isdigit() and len(text) <= 16 else None


def _as_data(given: dict[str, list[str]]) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, values in given.items():
        data.setlist(name, values)
    return data
