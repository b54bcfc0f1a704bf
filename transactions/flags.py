"""What deserves a second look on a transaction: words to filter by. Rooms above register theirs when they are ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from transactions.vocabulary import FINAL_STAGES, Status


@dataclass(frozen=True)
class Flag:
    """A word of the address, its label, and the condition on transactions at a moment."""

    value: str
    label: str
    condition: Callable[[datetime], Q]


_FLAGS: dict[str, Flag] = {}


def register(flag: Flag) -> None:
    """Let lists filter by this flag."""
    _FLAGS[flag.value] = flag


def all_flags() -> list[Flag]:
    return list(_FLAGS.values())


def condition(value: str, now: datetime) -> Q:
    """The condition of a registered flag."""
    return _FLAGS[value].condition(now)


def _is_late(now: datetime) -> Q:
    """Not completed says nothing new, but it says it in the words of the index on open work."""
    return Q(stage_deadline__lt=now) & ~Q(stage__in=sorted(FINAL_STAGES)) & ~Q(status=Status.COMPLETED)


register(Flag("late", "Over its limit", _is_late))
register(Flag("duplicate", "Possible duplicate", lambda _now: Q(duplicate_suspect=True)))
register(Flag("contradictory", "Contradictory event", lambda _now: Q(contradictions__gt=0)))
register(Flag("missing", "Events missing", lambda _now: ~Q(missing_sequences=[])))
