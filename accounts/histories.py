"""What was changed in a row, by whom, when and why: simple-history's rows as lines to read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils import timezone
from simple_history.models import DeletedObject

Mask = Callable[[Any], str]

EMPTY: Final = "empty"
DEEDS: Final = {"+": "Added", "~": "Changed", "-": "Deleted"}


@dataclass(frozen=True)
class Change:
    """One field that changed, as texts ready to show."""

    field: str
    old: str
    new: str


@dataclass(frozen=True)
class Line:
    """One history row."""

    at: datetime
    who: str
    deed: str
    reason: str
    request_id: str
    changes: tuple[Change, ...]


def lines(
    obj: models.Model,
    *,
    masks: Mapping[str, Mask] | None = None,
    labels: Mapping[str, str] | None = None,
    most: int = 100,
) -> list[Line]:
    """The newest `most` history rows of `obj`, newest first.

    `masks` say how fields with personal data are shown, `labels` what fields are called where the model's own label is
    not the page's.
    """
    past: Any = getattr(obj, "history").all()  # noqa: B009, given by simple-history and unknown to the type checker
    rows = list(past.select_related("history_user").order_by("-history_date", "-history_id")[: most + 1])
    found = [_line(newer, tuple(changes_between(older, newer, masks, labels))) for newer, older in pairwise(rows)]
    return [*found, *(_line(row, ()) for row in rows[-1:] if len(rows) <= most)]


def _line(row: Any, changes: tuple[Change, ...]) -> Line:
    return Line(
        at=row.history_date,
        who=str(row.history_user or "The system"),
        deed=DEEDS[row.history_type],
        reason=row.history_change_reason or "",
        request_id=row.request_id,
        changes=changes,
    )


def changes_between(
    older: Any, newer: Any, masks: Mapping[str, Mask] | None = None, labels: Mapping[str, str] | None = None
) -> Iterator[Change]:
    """What differs between two history rows of one object, with the labels that pages use."""
    model = newer.instance_type
    for change in newer.diff_against(older, foreign_keys_are_objs=True).changes:
        mask = (masks or {}).get(change.field)
        old, new = (text_of(model, change.field, value, mask) for value in (change.old, change.new))
        yield Change((labels or {}).get(change.field) or label_of(model, change.field), old, new)


def label_of(model: type[models.Model], field: str) -> str:
    """The field's label as pages show it."""
    try:
        label = str(getattr(model._meta.get_field(field), "verbose_name", field))
    except FieldDoesNotExist:
        label = field.replace("_", " ")
    return label[:1].upper() + label[1:]


def text_of(model: type[models.Model], field: str, value: Any, mask: Mask | None = None) -> str:
    """A field's value as a text: choices by their label, related rows by their name, lists joined."""
    if value in (None, "", []):
        return EMPTY
    if mask is not None:
        return str(mask(value))
    match value:
        case bool():
            return "Yes" if value else "No"
        case datetime():
            return f"{timezone.localtime(value):%-d %b %Y, %H:%M:%S %Z}"
        case DeletedObject():
            return f"{value.model._meta.verbose_name} {value.pk}, deleted"
        case list():
            return ", ".join(sorted(_names(model, field, value))) or EMPTY
        case models.Model():
            return str(value)
    return str(dict(getattr(model._meta.get_field(field), "flatchoices", ())).get(value, value))


def _names(model: type[models.Model], field: str, rows: Iterable[Any]) -> Iterator[str]:
    """The names in a list of related rows, each a mapping of the two sides of the relation."""
    own = model._meta.model_name
    for row in rows:
        if isinstance(row, Mapping):
            yield from (named(side) for name, side in row.items() if name != own)
        else:
            yield str(row)


def named(related: Any) -> str:
    """A related row's name: a right by its label alone, without the names of its app and model."""
    return str(getattr(related, "name", related))


def begins(obj: models.Model) -> datetime | None:
    """When the record of `obj` begins: before that nothing is known of it."""
    past: Any = getattr(obj, "history")  # noqa: B009, given by simple-history
    first = past.order_by("history_date", "history_id").values_list("history_date", flat=True).first()
    return first if isinstance(first, datetime) else None


def moments_of(obj: models.Model, most: int = 40) -> list[datetime]:
    """The newest moments at which the record of `obj` changed, newest first."""
    past: Any = getattr(obj, "history")  # noqa: B009, given by simple-history
    rows = past.order_by("-history_date", "-history_id").values_list("history_date", flat=True)
    return list(dict.fromkeys(rows[:most]))


def row_at(obj: models.Model, moment: datetime) -> Any:
    """The history row that was the newest at `moment`; None where there was none, or where it says "deleted"."""
    past: Any = getattr(obj, "history").filter(history_date__lte=moment)  # noqa: B009, given by simple-history
    row = past.order_by("-history_date", "-history_id").first()
    return None if row is None or row.history_type == "-" else row


def instance_at(obj: models.Model, moment: datetime) -> Any:
    """`obj` as it stood at `moment`, for a row that was there by then; None where nobody knows any more.

    A row that nobody changed since has no history, or only the row of its beginning, entered with its first change.
    """
    past: Any = getattr(obj, "history")  # noqa: B009, given by simple-history
    if (row := row_at(obj, moment)) is not None:
        return row.instance
    first = past.order_by("history_date", "history_id").first()
    if first is None:
        return obj
    return first.instance if first.history_type == "+" else None


def record_at(obj: models.Model, moment: datetime, *, masks: Mapping[str, Mask] | None = None) -> list[tuple[str, str]]:
    """Every field of `obj` as it stood at `moment`, as (label, text)."""
    row = row_at(obj, moment)
    if row is None:
        return []
    model = row.instance_type
    plain = [
        (
            label_of(model, field.name),
            text_of(model, field.name, getattr(row, field.name, None), (masks or {}).get(field.name)),
        )
        for field in row.tracked_fields
        if not field.primary_key
    ]
    return [*plain, *((label_of(model, name), ", ".join(names_at(row, name)) or EMPTY) for name in many_of(row))]


def many_of(row: Any) -> list[str]:
    """The lists of related rows that a history keeps, for example a person's roles."""
    return sorted(field.name for field in row._history_m2m_fields)  # noqa: SLF001, given by simple-history


def names_at(row: Any, name: str) -> list[str]:
    """The names in a list of related rows as the history row keeps it."""
    field = row.instance_type._meta.get_field(name)
    keys = getattr(row, name).values_list(f"{field.m2m_reverse_field_name()}_id", flat=True)
    return sorted(map(named, field.remote_field.model._meta.default_manager.filter(pk__in=list(keys))))
