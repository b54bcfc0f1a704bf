"""What the search box finds beside transactions, by its own number. Each room adds its own from its app's `ready`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts.access import has

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class Place:
    """Something that is called by the number that was typed: what it is, where it is, and a word on it."""

    kind: str
    number: str
    url: str
    about: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of thing with numbers of its own, for those who hold `permission`; to anybody else there is none.

    `find` answers what the typed key (upper case, letters and digits only) calls exactly, in the reader's scope.
    """

    key: str
    permission: str
    searched: str
    find: Callable[[str, User], Place | None]


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Add a kind. A key that is there already is replaced, so that a restart is harmless."""
    _kinds[kind.key] = kind


def kinds_for(user: User) -> list[Kind]:
    """The kinds that this person may search."""
    return [kind for kind in _kinds.values() if has(user, kind.permission)]


def places(key: str, user: User) -> list[Place]:
    """Everything that this key calls exactly and this person may see."""
    return [found for kind in kinds_for(user) if (found := kind.find(key, user)) is not None] if key else []
