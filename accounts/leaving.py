"""What ends when people leave or lose a right: what they asked for, and the work that lay in their hands.

A room registers its work when it starts:

    leaving.register(Work("case", noun=("open case", "open cases"), right="compliance.work_cases", …))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from accounts import maker_checker
from accounts.access import permissions_of
from accounts.models import User

REQUEST: Final = ("pending approval is withdrawn", "pending approvals are withdrawn")


@dataclass(frozen=True)
class Work:
    """Work that lies in one person's hands, of the kind `key`.

    `noun` names one and many of it, `right` is what working on it takes. `in_hand` counts what a person has.
    `give_back` returns all of it to the queue and records each piece for the second person, in the transaction that
    takes the right away; it answers how many these were.
    """

    key: str
    noun: tuple[str, str]
    right: str
    in_hand: Callable[[User], int]
    give_back: Callable[[User, User], int]

    @property
    def returned(self) -> tuple[str, str]:
        """What becomes of it, of one and of many."""
        return f"{self.noun[0]} goes back to the queue", f"{self.noun[1]} go back to the queue"


Ends = Counter[tuple[str, str]]
"""How many of each thing end, by what is said of one and of many."""

_works: dict[str, Work] = {}


def register(work: Work) -> None:
    """Add a kind of work. A key that is there already is replaced, so that a restart is harmless."""
    _works[work.key] = work


def foreseen(people: Iterable[tuple[User, Collection[str]]]) -> Ends:
    """What would end if these people had these rights and no others."""
    ends: Ends = Counter()
    for person, rights in people:
        ends[REQUEST] += len(maker_checker.lost_with(person, rights))
        for work in _works.values():
            if work.right not in rights:
                ends[work.returned] += work.in_hand(person)
    return ends


@transaction.atomic
def carry_out(people: Iterable[User], *, by: User) -> Ends:
    """End what these people may not ask for or work on any more.

    In the transaction that took the right from them, which lets no request be made or decided meanwhile.
    """
    chosen = [one.pk for one in people]
    ends: Ends = Counter({REQUEST: maker_checker.withdraw_lost(User.objects.filter(pk__in=chosen), by=by)})
    for person in User.objects.filter(pk__in=chosen).order_by("pk"):
        rights = permissions_of(person)
        for work in _works.values():
            if work.right not in rights:
                ends[work.returned] += work.give_back(person, by)
    return ends


def in_words(ends: Ends) -> str:
    """ "1 pending approval is withdrawn; 3 open cases go back to the queue."; "" where nothing ends."""
    said = [f"{count:,} {one if count == 1 else many}" for (one, many), count in ends.items() if count]
    return f"{'; '.join(said)}." if said else ""
