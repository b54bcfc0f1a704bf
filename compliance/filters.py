"""The queue of cases: its filters, and the one object that reads them from an address. A bad filter shows no rows."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import django_filters
from django import forms
from django.db.models import CharField, Count, Exists, F, Func, OuterRef, Q
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.http import QueryDict
from django.urls import reverse

from accounts.models import ApprovalRequest
from accounts.periods import RELATIVE, Span, ends_of, folded, span
from compliance.guards import OBJECT
from compliance.models import Case, WhitelistRule
from compliance.vocabulary import TRIGGERS_OF, Outcome, Priority, Queue, Trigger
from transactions.inquiry_filters import partner_choices

if TYPE_CHECKING:
    from accounts.models import User
    from compliance.querysets import CaseQuerySet

PAGE: Final = 50
ONE_HOUR: Final = timedelta(hours=1)
LONGEST_ECHO: Final = 60
TABS: Final = {
    "team": "All open",
    "unassigned": "Unassigned",
    "mine": "Mine",
    "approval": "Waiting for second approval",
    "hold": "On hold",
    "snoozed": "Put aside",
    "closed": "Closed",
    "all": "All, closed too",
}
LIMITS: Final = [("over", "Over its limit"), ("hour", "Due within the hour")]
PERIODS: Final = ("opened", "ended")
_NOT_FILTERS: Final = frozenset({"tab", "after"})
_UNCOUNTED: Final = frozenset({"closed", "all"})


class CaseFilters(django_filters.FilterSet):  # type: ignore[misc]
    """What the queue can be narrowed by. The choices are one reader's: nothing outside the scope has a name."""

    queue = django_filters.ChoiceFilter(
        label="Queue", choices=Queue.choices, method="in_queue", empty_label="All queues"
    )
    trigger = django_filters.ChoiceFilter(label="Why", choices=Trigger.choices, empty_label="Any reason")
    list = django_filters.ChoiceFilter(label="List", choices=(), method="on_list", empty_label="Any list")
    sla = django_filters.ChoiceFilter(label="Time", choices=LIMITS, method="within", empty_label="Any time")
    priority = django_filters.ChoiceFilter(label="Priority", choices=Priority.choices, empty_label="Any priority")
    partner = django_filters.ChoiceFilter(
        label="Partner", choices=(), field_name="transaction__partner__code", empty_label="All my partners"
    )
    outcome = django_filters.ChoiceFilter(label="Outcome", choices=Outcome.choices, empty_label="Any outcome")
    opened = django_filters.CharFilter(label="Opened", field_name="opened_at", method="in_span")
    ended = django_filters.CharFilter(label="Closed", field_name="closed_at", method="in_span")

    def __init__(self, data: Any, *, user: User, now: datetime, queryset: Any) -> None:
        self.user, self.now, self.zone = user, now, ZoneInfo(user.time_zone)
        super().__init__(data, queryset=queryset)
        self.filters["partner"].extra["choices"] = partner_choices(user)
        self.filters["list"].extra["choices"] = [(name, name) for name in lists_in_use(user)]
        for field in self.form.fields.values():
            field.is_filter = True

    def get_form_class(self) -> builtins.type[forms.Form]:
        """The form behind the filters, with the rule of its periods."""
        now, zone = self.now, self.zone

        class Form(super().get_form_class()):  # type: ignore[misc]
            def clean_opened(self) -> Span | None:
                text = self.cleaned_data["opened"]
                return span(text, now=now, zone=zone) if text else None

            def clean_ended(self) -> Span | None:
                text = self.cleaned_data["ended"]
                return span(text, now=now, zone=zone) if text else None

        return Form

    def in_span(self, rows: Any, name: str, value: Span) -> Any:
        return rows.filter(value.on(name))

    def in_queue(self, rows: Any, _name: str, value: str) -> Any:
        return rows.filter(trigger__in=TRIGGERS_OF[Queue(value)])

    def on_list(self, rows: Any, _name: str, value: str) -> Any:
        return rows.filter(lists__overlap=[value])

    def within(self, rows: Any, _name: str, value: str) -> Any:
        if value == "over":
            return rows.overdue(self.now)
        return rows.filter(due_at__range=(self.now, self.now + ONE_HOUR), held_since__isnull=True)


def lists_in_use(user: User) -> list[str]:
    """The lists that open cases of this reader have hits on."""
    rows = Case.objects.visible_to(user).open().order_by()
    names = rows.values_list(Func("lists", function="unnest", output_field=CharField()), flat=True).distinct()
    return sorted(filter(None, names))


@dataclass(frozen=True)
class Tab:
    """One part of the queue: its address, how many cases are in it, whether it is shown."""

    key: str
    label: str
    url: str
    count: int | None
    is_current: bool


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


class CaseQuery:
    """The cases that an address asks for, as `user` may see them, at the moment `now`."""

    def __init__(self, params: QueryDict, user: User, now: datetime) -> None:
        self.params = QueryDict(mutable=True)
        for name, values in folded(params, *PERIODS).lists():
            self.params.setlist(name, [value.replace("\x00", "") for value in values if value])
            if not self.params.getlist(name):
                del self.params[name]
        self.user, self.now = user, now
        self.filters = CaseFilters(self.params, user=user, now=now, queryset=Case.objects.visible_to(user))

    @property
    def tab(self) -> str:
        return str(self.params.get("tab", "team"))

    @property
    def is_closed(self) -> bool:
        return self.tab == "closed"

    @cached_property
    def troubles(self) -> list[Trouble]:
        """Everything in the address that is not understood."""
        known = {*self.filters.filters, *_NOT_FILTERS}
        found = [
            Trouble(f'There is no filter "{_short(key)}".', self._without(key))
            for key in self.params
            if key not in known
        ]
        found += [
            Trouble(f"{_label(self, key)} is given more than once.", self._without(key))
            for key in self.params
            if key in known and len(self.params.getlist(key)) > 1
        ]
        found += [Trouble(self._fault(name), self._without(name)) for name in self.filters.form.errors]
        if self.tab not in TABS:
            found.append(Trouble(f'There is no part "{_short(self.tab)}" of the queue.', self._without("tab")))
        if self.params.get("after") and self._after is None:
            found.append(Trouble("This page of the queue is not there any more.", self._without("after")))
        return found

    def _fault(self, name: str) -> str:
        label = _label(self, name)
        if name in PERIODS:
            return f"{label}: {self.filters.form.errors[name][0]}"
        return f'There is no {label.lower()} "{_short(self.params.get(name, ""))}".'

    @property
    def periods(self) -> Iterable[tuple[str, str]]:
        """The usual periods, as one chooses them."""
        return RELATIVE.items()

    @property
    def opened_ends(self) -> tuple[str, str]:
        """The first and the last day of the period, as its form shows them."""
        return ends_of(self.params.get("opened", ""))

    @property
    def ended_ends(self) -> tuple[str, str]:
        return ends_of(self.params.get("ended", ""))

    @cached_property
    def matching(self) -> CaseQuerySet:
        """All cases that fit the filters, whatever the tab; none where anything was not understood."""
        none: CaseQuerySet = Case.objects.none()
        return none if self.troubles else self.filters.qs

    @cached_property
    def rows(self) -> CaseQuerySet:
        """The cases of the tab, in the queue's order."""
        if self.troubles:
            return Case.objects.none()
        rows: CaseQuerySet = in_tab(self.filters.qs, self.tab, self.user, self.now)
        return rows.order_by("-closed_at", "-pk") if self.is_closed else rows.soonest_first()

    @cached_property
    def _read(self) -> list[Case]:
        rows = self.rows
        if self._after is not None:
            rows = rows.filter(beyond(self._after, closed=self.is_closed))
        return list(rows.for_list()[: PAGE + 1])

    @property
    def page(self) -> list[Case]:
        return self._read[:PAGE]

    @cached_property
    def _after(self) -> Case | None:
        number = self.params.get("after", "")
        found: Case | None = Case.objects.visible_to(self.user).called(number).first() if number else None
        return found

    @property
    def later_url(self) -> str | None:
        if len(self._read) <= PAGE:
            return None
        following = self.params.copy()
        following["after"] = self.page[-1].number
        return f"?{following.urlencode()}"

    @property
    def first_url(self) -> str | None:
        return self._without("after") if self._after else None

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many open cases of the filters are in each tab, in one statement."""
        if self.troubles:
            return {}
        tabs = {key: Count("pk", filter=condition(key, self.user, self.now)) for key in TABS if key not in _UNCOUNTED}
        over = Count("pk", filter=Q(due_at__lt=self.now, held_since__isnull=True))
        found: dict[str, int] = self.filters.qs.open().aggregate(**tabs, over=over)
        return found

    @property
    def tabs(self) -> list[Tab]:
        return [
            Tab(key, label, self._with(tab=key if key != "team" else ""), self.counts.get(key), key == self.tab)
            for key, label in TABS.items()
        ]

    @property
    def chips(self) -> list[Chip]:
        return list(self._chips())

    def _chips(self) -> Iterable[Chip]:
        form = self.filters.form
        for name, field in form.fields.items():
            value = self.params.get(name, "")
            if value and name not in form.errors:
                span = form.cleaned_data.get(name) if name in PERIODS else None
                label = span.label if span else dict(getattr(field, "choices", [])).get(value, value)
                yield Chip(f"{field.label}: {label}", self._without(name))

    @property
    def clear_url(self) -> str:
        return self._with(**dict.fromkeys([*self.filters.filters, "after"], ""))

    @property
    def query_string(self) -> str:
        """This part of the queue with its filters, from its first page."""
        return self._with(after="").partition("?")[2]

    def _with(self, **changes: str) -> str:
        rest = self.params.copy()
        for name, value in ({"after": ""} | changes).items():
            rest.pop(name, None)
            if value:
                rest[name] = value
        address = reverse("compliance:queue")
        return f"{address}?{rest.urlencode()}" if rest else address

    def _without(self, name: str) -> str:
        return self._with(**{name: ""})


RULES: Final = [("force", "In force"), ("over", "Over"), ("all", "All")]


class RuleFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Which rules of the whitelist are shown. Without a state those in force."""

    state = django_filters.ChoiceFilter(label="State", choices=RULES, method="in_state", empty_label=None)

    def __init__(self, data: Any, *, now: datetime, queryset: Any) -> None:
        super().__init__(data, queryset=queryset)
        self.now = now
        for field in self.form.fields.values():
            field.is_filter = True

    def in_state(self, rows: Any, _name: str, value: str) -> Any:
        return rows if value == "all" else rows.in_force(self.now) if value == "force" else rows.over(self.now)


class RuleQuery:
    """The rules that an address asks for, newest first."""

    def __init__(self, params: QueryDict, user: User, now: datetime) -> None:
        self.params, self.user = params, user
        effective = params.copy()
        effective.setdefault("state", "force")
        self.visible = WhitelistRule.objects.visible_to(user)
        self.filters = RuleFilters(effective, now=now, queryset=self.visible.for_list())

    @cached_property
    def troubles(self) -> list[Trouble]:
        """Everything in the address that is not understood."""
        address = reverse("compliance:whitelist")
        found = [
            Trouble(f'There is no filter "{_short(key)}".', address)
            for key in self.params
            if key not in {*self.filters.filters, "after"}
        ]
        if self.filters.form.errors:
            found.append(Trouble(f'There is no state "{_short(self.params.get("state", ""))}".', address))
        if self.params.get("after") and self._after is None:
            found.append(Trouble("This page of the whitelist is not there any more.", address))
        return found

    @cached_property
    def _after(self) -> WhitelistRule | None:
        found: WhitelistRule | None = self.visible.called(self.params.get("after", "")).first()
        return found

    @cached_property
    def _read(self) -> list[WhitelistRule]:
        if self.troubles:
            return []
        rows = self.filters.qs.order_by("-number")
        if self._after is not None:
            rows = rows.filter(number__lt=self._after.number)
        return list(rows[: PAGE + 1])

    @property
    def page(self) -> list[WhitelistRule]:
        return self._read[:PAGE]

    @property
    def older_url(self) -> str | None:
        if len(self._read) <= PAGE:
            return None
        following = self.params.copy()
        following["after"] = str(self.page[-1])
        return f"?{following.urlencode()}"


def condition(tab: str, user: User, now: datetime) -> Any:
    """Which open cases a tab holds."""
    asleep, held = Q(snoozed_until__gt=now), Q(held_since__isnull=False)
    match tab:
        case "unassigned":
            return Q(assignee__isnull=True) & ~asleep & ~held
        case "mine":
            return Q(assignee=user.pk)
        case "hold":
            return held
        case "snoozed":
            return asleep
        case "approval":
            return Exists(waiting_requests())
    return Q()


def waiting_requests() -> Any:
    """Requests for a second person about the case at hand."""
    return ApprovalRequest.objects.pending().filter(object_type=OBJECT, object_id=OuterRef("number"))


def in_tab(rows: Any, tab: str, user: User, now: datetime) -> Any:
    """The cases of one part of the queue."""
    if tab == "all":
        return rows
    return rows.closed() if tab == "closed" else rows.open().filter(condition(tab, user, now))


def beyond(case: Case, *, closed: bool) -> TupleGreaterThan | TupleLessThan:
    """What follows `case` in the queue's order, as a comparison of pairs that an index answers."""
    if closed:
        return TupleLessThan(Tuple(F("closed_at"), F("pk")), (case.closed_at, case.pk))
    return TupleGreaterThan(Tuple(F("due_at"), F("pk")), (case.due_at, case.pk))


def before(case: Case, *, closed: bool) -> TupleGreaterThan | TupleLessThan:
    """What stands before `case` in the queue's order."""
    if closed:
        return TupleGreaterThan(Tuple(F("closed_at"), F("pk")), (case.closed_at, case.pk))
    return TupleLessThan(Tuple(F("due_at"), F("pk")), (case.due_at, case.pk))


def _label(query: CaseQuery, name: str) -> str:
    known = query.filters.filters
    return str(known[name].label) if name in known else {"tab": "The part of the queue"}.get(name, "The page")


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_ECHO else f"{value[:LONGEST_ECHO]}…"
