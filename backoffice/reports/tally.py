"""Counting transactions for reports: how many, and what they are worth per currency, in one statement per question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q, Sum

from backoffice.reports.catalogue import Money
from transactions.vocabulary import Stage, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accounts.models import User
    from backoffice.reports.catalogue import ReportGround
    from backoffice.reports.figures import Figure
    from transactions.querysets import TransactionQuerySet

Key = tuple[Any, ...]
Filters = Mapping[str, "str | Sequence[str]"]


@dataclass
class Tally:
    """How many rows, their worth per currency, and how many of them fit each named condition."""

    number: int = 0
    worth: dict[str, Decimal] = field(default_factory=dict)
    fitting: dict[str, int] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        self.number += other.number
        for currency, value in other.worth.items():
            self.worth[currency] = self.worth.get(currency, Decimal(0)) + value
        for name, number in other.fitting.items():
            self.fitting[name] = self.fitting.get(name, 0) + number

    @property
    def money(self) -> Money:
        return Money(sorted(self.worth.items()))


def tallies(rows: TransactionQuerySet, *by: str, **conditions: Q) -> dict[Key, Tally]:
    """The rows by the values of `by`, in one statement; `conditions` are counted within each."""
    counted = {f"fits_{name}": Count("pk", filter=condition) for name, condition in conditions.items()}
    found: dict[Key, Tally] = {}
    grouped = rows.order_by().values_list(*by, "settled_currency")
    for row in grouped.annotate(rows=Count("pk"), value=Sum("settled_amount"), **counted):
        key, currency, number, value = row[: len(by)], row[len(by)], row[len(by) + 1], row[len(by) + 2]
        fitting = dict(zip(conditions, row[len(by) + 3 :], strict=True))
        found.setdefault(key, Tally()).add(Tally(number, {currency: value}, fitting))
    return found


def together(found: Mapping[Key, Tally], fits: Callable[..., bool] = lambda *key: True) -> Tally:
    """The tallies whose keys fit, as one."""
    whole = Tally()
    for key, tally in found.items():
        if fits(*key):
            whole.add(tally)
    return whole


def regrouped(found: Mapping[Key, Tally], by: Callable[..., Any]) -> dict[Any, dict[Key, Tally]]:
    """The tallies in groups by what `by` makes of their keys."""
    groups: dict[Any, dict[Key, Tally]] = {}
    for key, tally in found.items():
        groups.setdefault(by(*key), {})[key] = tally
    return groups


# -- what became of a transaction -------------------------------------------------------------------------------------

OPEN = (Status.RECEIVED, Status.VALIDATED, Status.PENDING)


@dataclass(frozen=True)
class Fate:
    """One of the five ways in which a transaction stands: exactly one fits each."""

    label: str
    fits: Callable[[str, str], bool]
    filters: Callable[[User], Filters]


def _words(stages: Iterable[Stage], user: User) -> list[str]:
    """The stages as the list's address names them to this reader."""
    from transactions.filters import CHECKS, stage_choices

    known = {value for value, _ in stage_choices(user)}
    return [stage.value if stage.value in known else CHECKS for stage in stages]


_FAILED = (Stage.FAILED_RETRYABLE, Stage.FAILED_FINAL, Stage.REJECTED_COMPLIANCE)

FATES = (
    Fate("Paid", lambda status, stage: status == Status.COMPLETED, lambda user: {"status": Status.COMPLETED.value}),
    Fate("In flight", lambda status, stage: status in OPEN, lambda user: {"status": [one.value for one in OPEN]}),
    Fate(
        "Failed",
        lambda status, stage: stage in _FAILED,
        lambda user: {"status": Status.FAILED.value, "stage": _words(_FAILED, user)},
    ),
    Fate(
        "Returned",
        lambda status, stage: stage == Stage.RETURNED,
        lambda user: {"status": Status.FAILED.value, "stage": Stage.RETURNED.value},
    ),
    Fate(
        "Cancelled",
        lambda status, stage: stage == Stage.CANCELLED,
        lambda user: {"status": Status.FAILED.value, "stage": Stage.CANCELLED.value},
    ),
)
"""Received is the sum of these."""


def fate_figure(ground: ReportGround, fate: Fate, number: int, **filters: str | Sequence[str]) -> Figure:
    """A number of transactions of one fate, with their list."""
    return ground.linked(number, **(filters | dict(fate.filters(ground.user))))
