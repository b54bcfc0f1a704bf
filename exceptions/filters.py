"""What the exception desk can be narrowed by: the words of its address, each with its meaning."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import django_filters

from exceptions.handling import colleagues
from exceptions.models import BulkJob, BulkRow, ExceptionItem, ReversalRow
from transactions.filters import known_to
from transactions.vocabulary import Rail

if TYPE_CHECKING:
    from accounts.models import User

GROUPINGS: Final = [("reason", "Reason"), ("partner", "Partner"), ("rail", "Rail"), ("who", "Who must act")]
STATES: Final = [("open", "To be worked"), ("aside", "Put aside"), ("all", "Both")]
ME, NOBODY = "me", "nobody"
OLDER: Final = {"1h": dt.timedelta(hours=1), "4h": dt.timedelta(hours=4), "1d": dt.timedelta(days=1)}
_OLDER_CHOICES: Final = [("1h", "Over 1 hour"), ("4h", "Over 4 hours"), ("1d", "Over 1 day")]
_OVER: Final = [("yes", "Over their limit")]


class ExceptionFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Which exceptions the desk shows; the choices are one reader's. Without a state those that wait for somebody."""

    state = django_filters.ChoiceFilter(label="State", choices=STATES, method="in_state", empty_label=None)
    partner = django_filters.ChoiceFilter(label="Partner", choices=(), method="of_partner", empty_label="Any partner")
    branch = django_filters.ChoiceFilter(label="Branch", choices=(), method="of_branch", empty_label="Any branch")
    rail = django_filters.ChoiceFilter(
        label="Rail", choices=Rail.choices, field_name="transaction__rail", empty_label="Any rail"
    )
    assigned = django_filters.ChoiceFilter(label="In hand", choices=(), method="in_hand_of", empty_label="Anybody")
    older = django_filters.ChoiceFilter(label="Age", choices=_OLDER_CHOICES, method="older_than", empty_label="Any age")
    over = django_filters.ChoiceFilter(label="Limit", choices=_OVER, method="over_limit", empty_label="Any")

    class Meta:
        model = ExceptionItem
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, user: User, now: dt.datetime, **kwargs: Any) -> None:
        self.user, self.now = user, now
        super().__init__(*args, **kwargs)
        known = known_to(user)
        partners, branches = known["partner"], known["branch"]
        self._keys = {
            "partner": {code: pk for pk, code, _ in partners},
            "branch": {code: pk for pk, code, _ in branches},
        }
        people = [(one.username, str(one)) for one in colleagues() if one != user]
        self.filters["partner"].extra["choices"] = [(code, name) for _, code, name in partners]
        self.filters["branch"].extra["choices"] = [(code, name) for _, code, name in branches]
        self.filters["assigned"].extra["choices"] = [(ME, "Me"), (NOBODY, "Nobody"), *people]
        for field in self.form.fields.values():
            field.is_filter = True

    def in_state(self, rows: Any, name: str, value: str) -> Any:
        if value == "all":
            return rows
        return rows.awake(self.now) if value == "open" else rows.aside(self.now)

    def of_partner(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(transaction__partner_id=self._keys["partner"][value])

    def of_branch(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(transaction__branch_id=self._keys["branch"][value])

    def in_hand_of(self, rows: Any, name: str, value: str) -> Any:
        if value == NOBODY:
            return rows.filter(assignee=None)
        return rows.filter(assignee__username=self.user.username if value == ME else value)

    def older_than(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(since__lt=self.now - OLDER[value])

    def over_limit(self, rows: Any, name: str, value: str) -> Any:
        return rows.over_limit(self.now)


class BulkRowFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Which rows of a job are shown, and after which place."""

    state = django_filters.ChoiceFilter(label="Show", choices=BulkRow.State.choices, empty_label="All rows")
    after = django_filters.NumberFilter(label="After row", method="after_place", min_value=0, max_value=10_000_000)

    class Meta:
        model = BulkRow
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for item in self.form.fields.values():
            item.is_filter = True

    def after_place(self, rows: Any, name: str, value: Any) -> Any:
        return rows.after(int(value))


class JobFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Which jobs are listed."""

    state = django_filters.ChoiceFilter(label="State", choices=BulkJob.State.choices, empty_label="Any state")

    class Meta:
        model = BulkJob
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for item in self.form.fields.values():
            item.is_filter = True


class ReversalRowFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Which rows of a reversal file are shown, and after which."""

    state = django_filters.ChoiceFilter(label="Show", choices=ReversalRow.State.choices, empty_label="All rows")
    after = django_filters.NumberFilter(label="After row", method="after_row", min_value=0, max_value=10_000_000)

    class Meta:
        model = ReversalRow
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for item in self.form.fields.values():
            item.is_filter = True

    def after_row(self, rows: Any, name: str, value: Any) -> Any:
        return rows.after(int(value))
