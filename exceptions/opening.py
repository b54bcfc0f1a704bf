"""When an exception is opened and closed. The intake calls it after each fold; the worker when a limit passes.

A cause that holds keeps its exception open; when it ends, the intake closes it. What happened once (a conflict, an
unknown word) stays open until a person has worked it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef

from exceptions.models import ExceptionItem, Kind
from transactions.models import Transaction

CLOSED_BY_THE_INTAKE: Final = frozenset(
    {Kind.FAILED, Kind.OUTCOME_UNKNOWN, Kind.CONTRADICTORY, Kind.MISSING_EVENTS, Kind.LATE}
)
_RESOLUTION: Final = {
    Kind.FAILED: "The payment moved on.",
    Kind.OUTCOME_UNKNOWN: "The outcome became known.",
    Kind.CONTRADICTORY: "The missing events came and nothing contradicts any more.",
    Kind.MISSING_EVENTS: "The missing events came.",
    Kind.LATE: "The stage is over.",
}


@dataclass(frozen=True)
class Cause:
    """Why an exception is open, in a sentence without personal data, and the facts behind it."""

    kind: Kind
    reason: str
    facts: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Changed:
    """What a fold made of one transaction: the causes that hold now, what happened once, whether the stage moved."""

    transaction_id: int
    holding: Sequence[Cause] = ()
    happened: Sequence[Cause] = ()
    moved: bool = False
    is_new: bool = False


def settle(changes: Sequence[Changed], *, at: datetime) -> None:
    """Open what has a cause, close what has none any more, keep the reasons of the others up to date."""
    known = _open_of([change.transaction_id for change in changes if not change.is_new])
    fresh: list[ExceptionItem] = []
    changed: list[ExceptionItem] = []
    for change in changes:
        present = known.get(change.transaction_id, {})
        fresh += _opened(change, present, at)
        changed += _refreshed(change, present) + _closed(change, present, at)
    ExceptionItem.objects.bulk_create(fresh)
    if changed:
        ExceptionItem.objects.bulk_update(changed, ["reason", "facts", "closed_at", "resolution"])


def _open_of(ids: list[int]) -> dict[int, dict[str, ExceptionItem]]:
    found: dict[int, dict[str, ExceptionItem]] = {}
    if ids:
        for item in ExceptionItem.objects.open().filter(transaction_id__in=ids).order_by("pk").select_for_update():
            found.setdefault(item.transaction_id, {})[item.kind] = item
    return found


def _opened(change: Changed, present: Mapping[str, ExceptionItem], at: datetime) -> list[ExceptionItem]:
    causes = {cause.kind: cause for cause in [*change.holding, *change.happened]}
    return [
        ExceptionItem(
            transaction_id=change.transaction_id,
            kind=kind.value,
            opened_at=at,
            reason=cause.reason[:300],
            facts=cause.facts,
        )
        for kind, cause in causes.items()
        if kind not in present
    ]


def _refreshed(change: Changed, present: Mapping[str, ExceptionItem]) -> list[ExceptionItem]:
    refreshed = []
    for cause in [*change.holding, *change.happened]:
        item = present.get(cause.kind)
        if item is not None and (item.reason, item.facts) != (cause.reason[:300], cause.facts):
            item.reason, item.facts = cause.reason[:300], cause.facts
            refreshed.append(item)
    return refreshed


def _closed(change: Changed, present: Mapping[str, ExceptionItem], at: datetime) -> list[ExceptionItem]:
    holding = {cause.kind for cause in change.holding}
    ended = []
    for item in present.values():
        kind = Kind(item.kind)
        over = change.moved if kind is Kind.LATE else kind not in holding
        if kind in CLOSED_BY_THE_INTAKE and over:
            item.closed_at, item.resolution = at, _RESOLUTION[kind]
            ended.append(item)
    return ended


def open_late(*, now: datetime) -> int:
    """Open an exception for every transaction whose stage has passed its limit. Returns how many were opened.

    Called by the worker; the intake closes them when the stage is over.
    """
    with transaction.atomic():
        known = ExceptionItem.objects.open().filter(transaction=OuterRef("pk"), kind=Kind.LATE)
        late = Transaction.objects.filter(~Exists(known), stage_deadline__lt=now).order_by("pk")
        late = late.select_for_update(skip_locked=True)  # the intake has the others in hand
        items = [
            ExceptionItem(
                transaction_id=pk,
                kind=Kind.LATE,
                opened_at=now,
                reason="The stage is over its limit.",
                facts={"stage": stage, "due": due.isoformat()},
            )
            for pk, stage, due in late.values_list("pk", "stage", "stage_deadline")
        ]
        made = ExceptionItem.objects.bulk_create(items, ignore_conflicts=True)
    return len(made)
