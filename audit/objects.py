"""The objects of the trail that have a past of their own: how one is found, what changed in it, how it once stood.

Rooms above this one register their kinds when their app is ready; the kinds of people and organisations stand here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import Group
from django.urls import reverse

from accounts import histories
from accounts.access import scope_of
from accounts.histories import Line
from accounts.models import Branch, Partner, SubAgent, User

Find = Callable[[User, str], Any]
Changes = Callable[[Any, User], Sequence[Line]]


@dataclass(frozen=True)
class Kind:
    """One kind. `find` gives the object as this reader may see it, or None; `changes` its history, newest first.

    `at_url` is the address that shows one as it stood: `?t=` and a moment are added to it. `url` is its present page.
    """

    type: str
    label: str
    find: Find
    changes: Changes
    at_url: Callable[[str], str]
    url: Callable[[Any], str] = lambda obj: ""


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known. One that is known already is replaced, so that a restart is harmless."""
    _kinds[kind.type] = kind


def kind_of(object_type: str) -> Kind | None:
    return _kinds.get(object_type)


def kinds() -> list[Kind]:
    """All kinds by their label."""
    return sorted(_kinds.values(), key=lambda kind: kind.label)


def at(address: str, moment: dt.datetime) -> str:
    """The address of how something stood at `moment`: in UTC, so that it reads the same to everybody."""
    return f"{address}?{urlencode({'t': moment.astimezone(dt.UTC).strftime('%Y-%m-%dT%H:%M:%S.%fZ')})}"


# -- people and organisations -----------------------------------------------------------------------------------------


def _plain(model: Any, label: str, name: str, axis: str = "") -> Kind:
    """A kind whose rows are found by one column; `axis` is the part of the scope that narrows it."""

    def find(reader: User, called: str) -> Any:
        rows = model.objects.filter(**{name: called})
        if axis and not getattr(scope_of(reader), f"all_{axis}"):
            ids = getattr(scope_of(reader), "partner_ids" if axis == "partners" else "branch_ids")
            rows = rows.filter(pk__in=ids)
        return rows.first()

    object_type = model._meta.label_lower
    return Kind(
        type=object_type,
        label=label,
        find=find,
        changes=lambda obj, reader: histories.lines(obj),
        at_url=lambda called: reverse("audit:object-at", args=[object_type, called]),
    )


def register_own() -> None:
    """The kinds of people and organisations, whose room lies below the trail's pages."""
    for kind in (
        _plain(Partner, "Partner", "code", "partners"),
        _plain(Branch, "Branch", "code", "branches"),
        _plain(SubAgent, "Sub-agent", "agent_code"),
        _plain(User, "Person", "username"),
        _plain(Group, "Role", "name"),
    ):
        register(kind)
