"""What deserves a second look on a transaction: words to filter by. Rooms above register theirs when they are ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.db.models import F, Q

from accounts.access import has
from transactions.formats import FX_TOLERANCE
from transactions.vocabulary import FINAL_STAGES, OTHER_TITLES, WAITING_FOR_A_PERSON, Status

if TYPE_CHECKING:
    from accounts.models import User

LATE: Final = "late"


@dataclass(frozen=True)
class Flag:
    """A word of the address, its label, and the condition on transactions at a moment.

    With a `permission` it is a flag for those who hold it; to everybody else there is no such word.
    """

    value: str
    label: str
    condition: Callable[[datetime], Q]
    permission: str = ""


_FLAGS: dict[str, Flag] = {}


def register(flag: Flag) -> None:
    """Let lists filter by this flag."""
    _FLAGS[flag.value] = flag


def all_flags() -> list[Flag]:
    return list(_FLAGS.values())


def flags_for(user: User) -> list[Flag]:
    """The flags that this reader may know of."""
    return [flag for flag in _FLAGS.values() if not flag.permission or has(user, flag.permission)]


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


_EXPECTED: Final = F("sent_amount") * F("rate")
PAYOUT_DIFFERS: Final = Q(settled_amount__gt=_EXPECTED * (1 + FX_TOLERANCE)) | Q(
    settled_amount__lt=_EXPECTED * (1 - FX_TOLERANCE)
)
"""What the check line of an exchange warns of (formats.fx_check), in the words of its index."""


register(Flag(LATE, "Over its limit", _is_late))
register(Flag("duplicate", "Possible duplicate", lambda _now: Q(duplicate_suspect=True)))
register(Flag("contradictory", "Contradictory event", lambda _now: Q(contradictions__gt=0)))
register(Flag("missing", "Events missing", lambda _now: ~Q(missing_sequences=[])))
register(Flag("title", "Title differs", lambda _now: Q(account__title_match__in=OTHER_TITLES)))
register(Flag("fx", "Payout differs from amount × rate", lambda _now: PAYOUT_DIFFERS))
