"""The exception desk as an address asks for it: its groups, the rows of one group, the filters that are on.

A parameter that is not known shows no rows and a sentence; nothing ever falls open.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from django.db.models import F, Q
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan
from django.http import QueryDict
from django.urls import reverse

from exceptions import groups
from exceptions.filters import GROUPINGS, ExceptionFilter
from exceptions.groups import Group, Meaning, Meanings
from exceptions.models import ExceptionItem, Kind
from transactions.discretion import Reader
from transactions.models import Event
from transactions.paging import Count, count

if TYPE_CHECKING:
    from accounts.models import User
    from exceptions.querysets import ExceptionQuerySet
    from transactions.models import Transaction

PAGE: Final = 50
LONGEST_ECHO: Final = 60
ORDER: Final = ("group", "state", "partner", "branch", "rail", "assigned", "older", "over", "after")
NOT_FILTERS: Final = frozenset({"group", "after"})
_WORDS: Final = {"assigned": "such person", "older": "age", "over": "limit", "group": "grouping"}


@dataclass(frozen=True)
class Trouble:
    """A parameter that cannot be used: what is wrong with it, and the address without it."""

    sentence: str
    remove_url: str


@dataclass(frozen=True)
class Chip:
    """A filter that is on."""

    label: str
    remove_url: str


@dataclass(frozen=True)
class Row:
    """One exception in the table of its group."""

    item: ExceptionItem
    transaction: Transaction
    sentence: str
    last_error: str
    is_aside: bool


class ExceptionQuery:
    """One reading of the desk at a moment: all groups, or with `meaning` the rows of one."""

    def __init__(
        self, params: QueryDict, user: User, now: dt.datetime, *, meanings: Meanings, meaning: Meaning | None = None
    ) -> None:
        self.user, self.now, self.meanings, self.meaning = user, now, meanings, meaning
        self.given = {name: values[-1] for name, values in params.lists() if values and values[-1]}
        effective = QueryDict(mutable=True)
        effective.update({"state": "open"} | self.given)
        rows = ExceptionItem.objects.readable_by(user).on_the_desk()
        if meaning is not None:
            condition = meanings.condition(meaning.key)
            rows = rows.filter(condition) if condition is not None else rows.none()
        self.filter = ExceptionFilter(effective, queryset=rows, user=user, now=now)

    # What comes out

    @cached_property
    def troubles(self) -> list[Trouble]:
        """Everything in the address that is not understood."""
        found = [
            Trouble(f"There is no filter “{_short(name)}”.", self.address_without(name))
            for name in self.given
            if name not in ORDER
        ]
        for name in self.filter.form.errors:
            label = _WORDS.get(name, name)
            found.append(
                Trouble(f"There is no {label} “{_short(self.given.get(name, ''))}”.", self.address_without(name))
            )
        if self.given.get("group") and self.grouping not in dict(GROUPINGS):
            found.append(Trouble(f"There is no grouping “{_short(self.grouping)}”.", self.address_without("group")))
        if not found and self.given.get("after") and self._after is None:
            found.append(Trouble("This page of the list is not there any more.", self.address_without("after")))
        return found

    @property
    def is_sound(self) -> bool:
        return not self.troubles

    @cached_property
    def items(self) -> ExceptionQuerySet:
        """Every exception that the address asks for, the oldest first."""
        if not self.is_sound:
            return ExceptionItem.objects.none()
        found: ExceptionQuerySet = self.filter.qs.order_by("since", "pk")
        return found

    @cached_property
    def count(self) -> Count:
        return count(self.items)

    @property
    def grouping(self) -> str:
        return self.given.get("group", "reason")

    @cached_property
    def groups(self) -> list[Group]:
        """The groups with their numbers, in one query however many exceptions there are."""
        if not self.is_sound:
            return []
        of_the_state = ("kind", "transaction__reason_code", "transaction__stage")
        sums = self.items.sums(
            *of_the_state, "transaction__rail", "transaction__partner__code", "transaction__partner__name"
        )
        match self.grouping:
            case "partner":
                return groups.by_partner(sums)
            case "rail":
                return groups.by_rail(sums)
            case "who":
                return groups.by_actor(sums, self.meanings)
        return groups.by_reason(sums, self.meanings)

    @cached_property
    def totals(self) -> Group:
        """All groups together."""
        whole = Group(Meaning("", "", "", "", ""))
        for group in self.groups:
            whole.number += group.number
            for currency, value in group.values.items():
                whole.values[currency] = whole.values.get(currency, value - value) + value
        return whole

    @cached_property
    def _found(self) -> list[ExceptionItem]:
        """At most one more than a page."""
        rows = self.items.for_list()
        if self._after is not None:
            rows = rows.filter(TupleGreaterThan(Tuple(F("since"), F("pk")), self._after))
        return list(rows[: PAGE + 1])

    @cached_property
    def page(self) -> list[Row]:
        """One page of rows, each with what the bank said last."""
        items = self._found[:PAGE]
        errors = last_errors([item.transaction_id for item in items]) if self.meanings.reader.sees_payloads else {}
        return [self._row(item, errors.get(item.transaction_id, "")) for item in items]

    def _row(self, item: ExceptionItem, error: str) -> Row:
        reader, transaction = self.meanings.reader, item.transaction
        told = item.reason if reader.may_read(item.reason) else "Something in an event is not known here."
        if item.kind == Kind.FAILED:
            code = transaction.reason_code
            told = self.meanings.meaning(item.kind, code, transaction.stage).sentence
        is_hidden = item.kind == Kind.FAILED and transaction.reason_code in self.meanings.hidden
        shown = error if error and not is_hidden and reader.may_read(error) else ""
        aside = item.snoozed_until is not None and item.snoozed_until > self.now
        return Row(item, transaction, told, shown, aside and item.snoozed_at_version == transaction.version)

    @cached_property
    def _after(self) -> tuple[dt.datetime, int] | None:
        key = self.given.get("after", "")
        if not key.isascii() or not key.isdigit() or len(key) > 18:
            return None
        place: tuple[dt.datetime, int] | None = (
            ExceptionItem.objects.readable_by(self.user).on_the_desk().filter(pk=key).values_list("since", "pk").first()
        )
        return place

    @property
    def later_url(self) -> str | None:
        if len(self._found) <= PAGE:
            return None
        return self._address(self.given | {"after": str(self._found[PAGE - 1].pk)})

    @property
    def first_url(self) -> str | None:
        return self.address_without("after") if self.given.get("after") else None

    # Addresses

    @property
    def path(self) -> str:
        return reverse("exceptions:group", args=[self.meaning.key]) if self.meaning else reverse("exceptions:desk")

    @property
    def query_string(self) -> str:
        return self._address({k: v for k, v in self.given.items() if k not in NOT_FILTERS}).partition("?")[2]

    @property
    def clear_url(self) -> str:
        return self._address({name: value for name, value in self.given.items() if name == "group"})

    @property
    def chips(self) -> list[Chip]:
        return list(self._chips())

    def _chips(self) -> Iterable[Chip]:
        form = self.filter.form
        for name, field in form.fields.items():
            value = self.given.get(name, "")
            if value and name not in form.errors:
                label = dict(getattr(field, "choices", [])).get(value, value)
                yield Chip(f"{field.label}: {label}", self.address_without(name))

    def address_without(self, name: str) -> str:
        left = {key: value for key, value in self.given.items() if key not in (name, "after")}
        return self._address(left)

    def link_to(self, group: Group) -> str:
        """The rows of a group, under the same filters."""
        filters = {name: value for name, value in self.given.items() if name not in NOT_FILTERS}
        match self.grouping:
            case "partner":
                return self._address(filters | {"partner": group.meaning.key}, reverse("exceptions:desk"))
            case "rail" if group.meaning.key:
                return self._address(filters | {"rail": group.meaning.key}, reverse("exceptions:desk"))
            case "rail" | "who":
                return ""
        return self._address(filters, reverse("exceptions:group", args=[group.meaning.key]))

    def _address(self, parts: dict[str, str], path: str = "") -> str:
        query = QueryDict(mutable=True)
        for name in [*ORDER, *(name for name in parts if name not in ORDER)]:
            if parts.get(name):
                query[name] = parts[name]
        text = query.urlencode()
        return f"{path or self.path}?{text}" if text else path or self.path


def last_errors(transactions: Sequence[int]) -> dict[int, str]:
    """What the bank wrote with the last event that gave a reason, by transaction."""
    if not transactions:
        return {}
    told = Event.objects.filter(transaction_id__in=transactions).exclude(reason="")
    newest = told.order_by("transaction_id", "-sequence").distinct("transaction_id")
    return dict(newest.values_list("transaction_id", "reason"))


def meanings_of(user: User, now: dt.datetime) -> Meanings:
    """The groups in the words of this reader."""
    return Meanings.of(Reader.of(user, now))


def waiting_rows(user: User, now: dt.datetime) -> ExceptionQuerySet:
    """The exceptions that wait on the desk and that the person may work on: those in nobody's hand, and their own."""
    rows: ExceptionQuerySet = ExceptionItem.objects.readable_by(user).on_the_desk().awake(now)
    return rows.filter(Q(assignee=None) | Q(assignee=user))


def waiting_for(user: User, now: dt.datetime) -> int:
    """How many wait for the person; counted to a hundred at most."""
    return waiting_rows(user, now).order_by()[:100].count()


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_ECHO else f"{value[:LONGEST_ECHO]}…"
