"""The list of intake problems: its filters, and the one object that reads them from an address."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import django_filters
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from backoffice.gateway.models import Verdict, WaitingEvent
from transactions.filters import DayFilter

if TYPE_CHECKING:
    from accounts.models import User

NEWEST: Final = 200


class ProblemFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Which verdicts are shown."""

    result = django_filters.ChoiceFilter(
        label="Verdict", choices=Verdict.Result.choices, empty_label="Conflicts and rejections"
    )
    since = DayFilter(label="From", method="since_day")
    until = DayFilter(label="To", method="until_day")

    class Meta:
        model = Verdict
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.form.fields.values():
            field.is_filter = True

    def since_day(self, rows: Any, name: str, value: dt.date) -> Any:
        return rows.filter(created_at__gte=_midnight(value))

    def until_day(self, rows: Any, name: str, value: dt.date) -> Any:
        return rows.filter(created_at__lt=_midnight(value + dt.timedelta(days=1)))


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time.min))


@dataclass(frozen=True)
class Link:
    """A filter that is on, or one that is not understood, in words; and the address without it."""

    label: str
    remove_url: str


class ProblemQuery:
    """One reading of the page: verdicts, waiting events, filters. What is not understood shows no rows."""

    def __init__(self, params: QueryDict, user: User) -> None:
        self.params, self.user = params, user
        self.filters = ProblemFilters(params, queryset=Verdict.objects.visible_to(user).for_list())

    @cached_property
    def troubles(self) -> list[Link]:
        """Everything in the address that is not understood."""
        known, errors = self.filters.filters, self.filters.form.errors
        unknown = [
            Link(f"There is no filter “{name[:60]}”.", self._without(name)) for name in self.params if name not in known
        ]
        bad = [
            Link(f"There is no {known[name].label.lower()} “{self.params.get(name, '')[:60]}”.", self._without(name))
            for name in errors
            if name in known
        ]
        return [*unknown, *bad]

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """The newest verdicts that fit, one more than is shown."""
        return [] if self.troubles else list(self.filters.qs.order_by("-created_at", "-pk")[: NEWEST + 1])

    @property
    def shown(self) -> list[Verdict]:
        return self.verdicts[:NEWEST]

    @property
    def has_more(self) -> bool:
        return len(self.verdicts) > NEWEST

    @cached_property
    def waiting(self) -> list[WaitingEvent]:
        """The events that have waited longest for their instruction."""
        return [] if self.troubles else list(WaitingEvent.objects.visible_to(self.user).for_list()[:NEWEST])

    @property
    def chips(self) -> list[Link]:
        return list(self._chips())

    def _chips(self) -> Iterator[Link]:
        form = self.filters.form
        for name, field in form.fields.items():
            value = self.params.get(name, "")
            if value and name not in form.errors:
                yield Link(
                    f"{field.label}: {dict(getattr(field, 'choices', [])).get(value, value)}", self._without(name)
                )

    def _without(self, name: str) -> str:
        rest = self.params.copy()
        rest.pop(name, None)
        path = reverse("gateway:problems")
        return f"{path}?{rest.urlencode()}" if rest else path
