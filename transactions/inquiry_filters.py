"""The list of inquiries: its filters, and the one object that reads them from an address."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import django_filters
from django.http import QueryDict
from django.utils import timezone

from accounts.access import scope_of
from accounts.models import Partner
from transactions.filters import DayFilter
from transactions.models import Inquiry

if TYPE_CHECKING:
    from accounts.models import User

PAGE: Final = 50
STATES: Final = [("open", "Open"), ("closed", "Closed"), ("all", "Open and closed")]
WHOSE: Final = [("me", "Recorded by me")]
_WORDS: Final = {"whose": "such person", "since": "day", "until": "day"}
_NOT_FILTERS: Final = frozenset({"after"})


class InquiryFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Which inquiries a list shows. Without a state only the open ones."""

    state = django_filters.ChoiceFilter(label="State", choices=STATES, method="in_state", empty_label=None)
    whose = django_filters.ChoiceFilter(label="Whose", choices=WHOSE, method="recorded_by", empty_label="Anybody's")
    partner = django_filters.ChoiceFilter(
        label="Partner", choices=(), field_name="partner__code", empty_label="All my partners"
    )
    since = DayFilter(label="From", method="recorded_since")
    until = DayFilter(label="To", method="recorded_until")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.filters["partner"].extra["choices"] = partner_choices(user)
        for field in self.form.fields.values():
            field.is_filter = True

    def in_state(self, rows: Any, name: str, value: str) -> Any:
        if value == "all":
            return rows
        return rows.open() if value == "open" else rows.closed()

    def recorded_by(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(opened_by=self.user)

    def recorded_since(self, rows: Any, name: str, value: dt.date) -> Any:
        return rows.filter(opened_at__gte=timezone.make_aware(dt.datetime.combine(value, dt.time.min)))

    def recorded_until(self, rows: Any, name: str, value: dt.date) -> Any:
        next_day = value + dt.timedelta(days=1)
        return rows.filter(opened_at__lt=timezone.make_aware(dt.datetime.combine(next_day, dt.time.min)))


def partner_choices(user: User) -> list[tuple[str, str]]:
    """The partners whose inquiries this person may meet, by code."""
    scope = scope_of(user)
    partners = Partner.objects.all() if scope.all_partners else Partner.objects.filter(pk__in=scope.partner_ids)
    return [(partner.code, partner.name) for partner in partners]


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


class InquiryQuery:
    """One reading of the list of inquiries: its rows, its filters, its troubles. A bad parameter shows no rows."""

    def __init__(self, params: QueryDict, user: User) -> None:
        self.params = params.copy()
        self.user = user
        effective = self.params.copy()
        effective.setdefault("state", "open")
        rows = Inquiry.objects.readable_by(user).for_list()
        self.filters = InquiryFilters(effective, queryset=rows, user=user)

    @cached_property
    def troubles(self) -> list[Trouble]:
        """Everything in the address that is not understood."""
        known = {*self.filters.filters, *_NOT_FILTERS}
        unknown = [
            Trouble(f"There is no filter “{key}”.", self._without(key)) for key in self.params if key not in known
        ]
        errors = self.filters.form.errors
        bad = [
            Trouble(
                f"There is no {_WORDS.get(name, name)} “{self.params.get(name, '')}”.",
                self._without(name),
            )
            for name in errors
            if name in self.filters.filters
        ]
        if not bad and self._after == "" and self.params.get("after"):
            bad.append(Trouble("This page of the list is not there any more.", self._without("after")))
        return [*unknown, *bad]

    @cached_property
    def rows(self) -> list[Inquiry]:
        """At most one more than a page, newest first."""
        if self.troubles:
            return []
        found = self.filters.qs.order_by("-opened_at", "-pk")
        if self._after:
            found = found.older_than(self._after)
        return list(found[: PAGE + 1])

    @cached_property
    def _after(self) -> Any:
        number = self.params.get("after", "")
        return Inquiry.objects.readable_by(self.user).called(number).first() or "" if number else ""

    @property
    def page(self) -> list[Inquiry]:
        return self.rows[:PAGE]

    @property
    def older_url(self) -> str | None:
        if len(self.rows) <= PAGE:
            return None
        following = self.params.copy()
        following["after"] = self.page[-1].number
        return f"?{following.urlencode()}"

    @property
    def newer_url(self) -> str | None:
        return self._without("after") if self._after else None

    @property
    def chips(self) -> list[Chip]:
        return list(self._chips())

    def _chips(self) -> Iterable[Chip]:
        form = self.filters.form
        for name, field in form.fields.items():
            value = self.params.get(name, "")
            if value and name not in form.errors:
                label = dict(getattr(field, "choices", [])).get(value, value)
                yield Chip(f"{field.label}: {label}", self._without(name))

    def _without(self, name: str) -> str:
        rest = self.params.copy()
        rest.pop(name, None)
        if name != "after":
            rest.pop("after", None)
        return f"?{rest.urlencode()}" if rest else "/inquiries/"
