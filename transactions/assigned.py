"""Who works on a transaction: rooms above register the open work that they hand to people (exceptions, cases).

A reader learns of the work that they may read, and of nobody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet

from accounts.access import has

if TYPE_CHECKING:
    from accounts.models import User

ME, NOBODY, SOMEBODY = "me", "nobody", "somebody"
CHOICES: Final = [(ME, "Me"), (NOBODY, "Nobody"), (SOMEBODY, "Somebody")]
COLUMN: Final = "assigned"


@dataclass(frozen=True)
class Work:
    """One kind of open work: who may read it, and its rows for a reader, each with `transaction` and `assignee`."""

    key: str
    permission: str
    open_for: Callable[[User], QuerySet[Any]]


_WORK: dict[str, Work] = {}


def register(work: Work) -> None:
    """Let lists say who has this work, and filter by it."""
    _WORK[work.key] = work


def permissions() -> tuple[str, ...]:
    """The rights of which one is needed to be told of any work."""
    return tuple(work.permission for work in _WORK.values())


def choices_for(user: User) -> list[tuple[str, str]]:
    """What the filter offers this reader: nothing to those who read no work."""
    return CHOICES if _read_by(user) else []


def condition(words: Sequence[str], user: User) -> Q:
    """Transactions with open work that one of the words fits."""
    whose = {ME: Q(assignee=user), NOBODY: Q(assignee=None), SOMEBODY: ~Q(assignee=None)}
    asked = reduce(or_, (whose[word] for word in words))
    found = [Q(pk__in=work.open_for(user).filter(asked).values("transaction")) for work in _read_by(user)]
    return reduce(or_, found, Q(pk__in=[]))


def names_of(user: User) -> dict[str, ArraySubquery]:
    """An annotation for each kind of work: the names of those who have it, as arrays."""
    return {f"{COLUMN}_{work.key}": _names(work.open_for(user)) for work in _read_by(user)}


def names_on(row: Any) -> list[str]:
    """The names that these annotations left on a row, each once."""
    found = [name for key in _WORK for name in getattr(row, f"{COLUMN}_{key}", None) or []]
    return sorted(set(found))


def _names(work: QuerySet[Any]) -> ArraySubquery:
    mine = work.filter(transaction=OuterRef("pk"), assignee__isnull=False).order_by()
    return ArraySubquery(mine.values("assignee__full_name").distinct())


def _read_by(user: User) -> list[Work]:
    return [work for work in _WORK.values() if has(user, work.permission)]
