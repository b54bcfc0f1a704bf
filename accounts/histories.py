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
