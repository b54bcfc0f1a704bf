"""The inbox of the second person and what people are told: their tabs and filters, read from an address."""

from __future__ import annotations

import builtins
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import django_filters
from django import forms
from django.http import QueryDict
from django.utils import timezone

from accounts import maker_checker, notifications
from accounts.models import ApprovalRequest, Notification
from accounts.periods import RELATIVE, Span, ends_of, folded, span

if TYPE_CHECKING:
    from accounts.models import User

PAGE: Final = 50
TABS: Final = [("todo", "To decide"), ("mine", "My requests"), ("done", "Decided"), ("all", "All")]
AGES: Final = [("1h", "More than an hour"), ("4h", "More than 4 hours"), ("1d", "More than a day")]
_SPANS: Final = {"1h": dt.timedelta(hours=1), "4h": dt.timedelta(hours=4), "1d": dt.timedelta(days=1)}
PERIOD: Final = "asked"
_NOT_FILTERS: Final = frozenset({"after"})


class ApprovalFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Which requests the inbox shows: whose turn it is, of which kind, asked by whom, since when."""

    tab = django_filters.ChoiceFilter(label="Which", choices=TABS, method="in_tab", empty_label=None)
    kind = django_filters.ChoiceFilter(label="Kind", choices=(), method="of_kind", empty_label="All")
    asked_by = django_filters.ChoiceFilter(
        label="Requested by", choices=(), field_name="maker__username", empty_label="Anybody"
    )
    older = django_filters.ChoiceFilter(label="Older than", choices=AGES, method="older_than", empty_label="Any age")
    operation = django_filters.ChoiceFilter(label="Operation", choices=(), empty_label="Any operation")
    state = django_filters.ChoiceFilter(label="State", choices=ApprovalRequest.State.choices, empty_label="Any state")
    asked = django_filters.CharFilter(label="Asked", method="asked_in")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)
        keys = maker_checker.operations_for(user)
        known = [(one.key, one.label) for one in maker_checker.registered() if one.key in keys]
        self.filters["operation"].extra["choices"] = known
        kinds = sorted({one.kind for one in maker_checker.registered() if one.key in keys})
        self.filters["kind"].extra["choices"] = [(kind.lower(), kind) for kind in kinds]
        people = ApprovalRequest.objects.visible_to(user).makers()
        self.filters["asked_by"].extra["choices"] = [(name, full) for name, full in people]
        for field in self.form.fields.values():
            field.widget.attrs["id"] = f"filter-{field.label.lower().replace(' ', '-')}"

    def get_form_class(self) -> builtins.type[forms.Form]:
        """The form behind the filters, with the rule of the period."""
        zone = ZoneInfo(self.user.time_zone)

        class Form(super().get_form_class()):  # type: ignore[misc]
            def clean_asked(self) -> Span | None:
                text = self.cleaned_data["asked"]
                return span(text, now=timezone.now(), zone=zone) if text else None

        return Form

    def asked_in(self, rows: Any, name: str, value: Span) -> Any:
        return rows.filter(value.on("created_at"))

    def in_tab(self, rows: Any, name: str, value: str) -> Any:
        if value == "all":
            return rows
        if value == "mine":
            return rows.asked_by(self.user)
        if value == "done":
            return rows.decided()
        return rows.waiting_for(self.user)

    def of_kind(self, rows: Any, name: str, value: str) -> Any:
        keys = [one.key for one in maker_checker.registered() if one.kind.lower() == value]
        return rows.filter(operation__in=keys)

    def older_than(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(created_at__lt=timezone.now() - _SPANS[value])


@dataclass(frozen=True)
class Trouble:
    """A parameter that cannot be used: what is wrong with it, and the address without it."""

    sentence: str
    remove_url: str


@dataclass(frozen=True)
class Tab:
    """One of the inbox's tabs, with how many it holds."""

    label: str
    url: str
    count: int
    is_current: bool


class ApprovalQuery:
    """One reading of the inbox: rows, tabs, troubles. A bad parameter shows no rows."""

    def __init__(self, params: QueryDict, user: User) -> None:
        self.params, self.user = folded(params, PERIOD).copy(), user
        effective = self.params.copy()
        effective.setdefault("tab", "todo")
        self.tab = effective["tab"]
        rows = ApprovalRequest.objects.visible_to(user).for_list()
        self.filters = ApprovalFilters(effective, queryset=rows, user=user)

    @cached_property
    def troubles(self) -> list[Trouble]:
        """Everything in the address that is not understood."""
        return list(self._troubles())

    def _troubles(self) -> Iterable[Trouble]:
        known = {*self.filters.filters, *_NOT_FILTERS}
        for key in self.params:
            if key not in known:
                yield Trouble(f"There is no filter “{key}”.", self._without(key))
        for name in self.filters.form.errors:
            if name in self.filters.filters:
                label = str(self.filters.filters[name].label)
                fault = f"There is no {label.lower()} “{self.params.get(name, '')}”."
                if name == PERIOD:
                    fault = f"{label}: {self.filters.form.errors[name][0]}"
                yield Trouble(fault, self._without(name))
        if self.params.get("after") and self._after is None:
            yield Trouble("This page of the list is not there any more.", self._without("after"))

    @property
    def periods(self) -> Iterable[tuple[str, str]]:
        """The usual periods, as one chooses them."""
        return RELATIVE.items()

    @property
    def asked_ends(self) -> tuple[str, str]:
        """The first and the last day of the period, as its form shows them."""
        return ends_of(self.params.get(PERIOD, ""))

    @cached_property
    def _after(self) -> Any:
        number = self.params.get("after", "")
        return ApprovalRequest.objects.visible_to(self.user).called(number).first() if number else None

    @cached_property
    def rows(self) -> list[ApprovalRequest]:
        """At most one more than a page: what waits longest first, everything else newest first."""
        if self.troubles:
            return []
        found = self.filters.qs
        if self.tab == "todo":
            found = found.order_by("created_at", "pk")
            found = found.younger_than(self._after) if self._after else found
        else:
            found = found.order_by("-created_at", "-pk")
            found = found.elder_than(self._after) if self._after else found
        return list(found[: PAGE + 1])

    @property
    def page(self) -> list[ApprovalRequest]:
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
    def is_filtered(self) -> bool:
        return any(self.params.get(name) for name in self.filters.filters if name != "tab")

    @cached_property
    def tabs(self) -> list[Tab]:
        """The three tabs; what waits for this person and what this person waits for are counted."""
        mine = ApprovalRequest.objects.visible_to(self.user)
        counts = {"todo": mine.waiting_for(self.user).count(), "mine": mine.asked_by(self.user).pending().count()}
        return [
            Tab(label, f"/approvals/?tab={value}", counts.get(value, 0), value == self.tab) for value, label in TABS
        ]

    def _without(self, name: str) -> str:
        rest = self.params.copy()
        rest.pop(name, None)
        if name != "after":
            rest.pop("after", None)
        return f"?{rest.urlencode()}" if rest else "/approvals/"


SHOWN: Final = [("unread", "Unread"), ("all", "All")]


class NotificationFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Which notifications are shown: unread ones or all, and of which kind."""

    show = django_filters.ChoiceFilter(label="Which", choices=SHOWN, method="shown", empty_label=None)
    kind = django_filters.ChoiceFilter(label="Kind", choices=(), field_name="kind", empty_label="All")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["kind"].extra["choices"] = [(kind.key, kind.label) for kind in notifications.kinds_for(user)]

    def shown(self, rows: Any, name: str, value: str) -> Any:
        return rows if value == "all" else rows.unread()


class NotificationQuery:
    """One reading of what a person was told: rows, tabs, troubles. A bad parameter shows no rows."""

    def __init__(self, params: QueryDict, user: User) -> None:
        self.params, self.user = params.copy(), user
        effective = self.params.copy()
        effective.setdefault("show", "unread")
        self.show = effective["show"]
        self.mine = Notification.objects.visible_to(user)
        self.filters = NotificationFilters(effective, queryset=self.mine, user=user)

    @cached_property
    def troubles(self) -> list[Trouble]:
        """Everything in the address that is not understood."""
        return list(self._troubles())

    def _troubles(self) -> Iterable[Trouble]:
        for key in self.params:
            if key not in {*self.filters.filters, *_NOT_FILTERS}:
                yield Trouble(f"There is no filter “{key[:60]}”.", self._without(key))
        for name in self.filters.form.errors:
            word = {"show": "such list"}.get(name, name)
            yield Trouble(f"There is no {word} “{self.params.get(name, '')[:60]}”.", self._without(name))
        if self.params.get("after") and self._after is None:
            yield Trouble("This page of the list is not there any more.", self._without("after"))

    @cached_property
    def _after(self) -> Any:
        try:
            key = UUID(self.params.get("after", ""))
        except ValueError:
            return None
        return self.mine.called(key).first()

    @cached_property
    def rows(self) -> list[Notification]:
        """At most one more than a page, the newest first."""
        if self.troubles:
            return []
        found = self.filters.qs.newest_first()
        return list((found.elder_than(self._after) if self._after else found)[: PAGE + 1])

    @property
    def page(self) -> list[Notification]:
        return self.rows[:PAGE]

    @cached_property
    def unread(self) -> int:
        """How many are unread, of every kind."""
        return int(self.mine.unread().count())

    @property
    def older_url(self) -> str | None:
        if len(self.rows) <= PAGE:
            return None
        following = self.params.copy()
        following["after"] = str(self.page[-1].key)
        return f"?{following.urlencode()}"

    @property
    def newer_url(self) -> str | None:
        return self._without("after") if self._after else None

    @property
    def tabs(self) -> list[Tab]:
        """Unread ones, counted, and all."""
        return [
            Tab(
                label,
                f"{_NOTIFICATIONS}?show={value}",
                self.unread if value == "unread" else 0,
                value == self.show,
            )
            for value, label in SHOWN
        ]

    def _without(self, name: str) -> str:
        rest = self.params.copy()
        rest.pop(name, None)
        if name != "after":
            rest.pop("after", None)
        return f"?{rest.urlencode()}" if rest else _NOTIFICATIONS


_NOTIFICATIONS: Final = "/notifications/"
