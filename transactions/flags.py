"""What deserves a second look on a transaction: words to filter by. Rooms above register theirs when they are ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q

from transactions.vocabulary import FINAL_STAGES, WAITING_FOR_A_PERSON, Status

LATE: Final = "late"


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


def needs_attention(now: datetime) -> Q:
    """Failed, waiting for a person, or over the limit of its stage: what the list shows under "Needs attention"."""
    return ~Q(status=Status.COMPLETED) & (Q(stage__in=sorted(WAITING_FOR_A_PERSON)) | _is_over(now))


def _is_over(now: datetime) -> Q:
    return Q(stage_deadline__lt=now) & ~Q(stage__in=sorted(FINAL_STAGES))


def _is_late(now: datetime) -> Q:
    """Not completed says nothing new, but it says it in the words of the index on open work."""
    return _is_over(now) & ~Q(status=Status.COMPLETED)


register(Flag(LATE, "Over its limit", _is_late))
register(Flag("duplicate", "Possible duplicate", lambda _now: Q(duplicate_suspect=True)))
register(Flag("contradictory", "Contradictory event", lambda _now: Q(contradictions__gt=0)))
register(Flag("missing", "Events missing", lambda _now: ~Q(missing_sequences=[])))
