"""What people can do with a transaction. Each room registers its deeds; the page asks the same guards as the deed does.

A deed is offered with its consequence, or shown with every reason why not. Nothing here does anything: the deed's own
action checks the right and every guard again, under a lock, with facts loaded anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts.access import has, may_work_on, roles_that_may
from accounts.errors import Refused
from accounts.maker_checker import ALONE, Job
from accounts.permissions import PERMISSIONS
from transactions.facts import Facts, facts_about

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.models import Transaction

OUT_OF_WORK = (
    "You may see this transaction but not work on it. An administrator can let you work on its partner and branch."
)


def _no_fact(facts: Facts) -> str:
    return ""


@dataclass(frozen=True)
class Guard:
    """A condition of a deed. `holds` tests it on the facts; `sentence` says what is in the way when it does not hold.

    `fact` is what it looked at, in words. `is_of_state` marks conditions that only the platform can change, by moving
    the transaction on: a deed that fails one is not possible now, for anybody.
    """

    name: str
    holds: Callable[[Facts], bool]
    sentence: str | Callable[[Facts], str]
    fact: Callable[[Facts], str] = _no_fact
    is_of_state: bool = False

    def in_the_way(self, facts: Facts) -> str:
        """The sentence when the condition does not hold, "" when it does."""
        if self.holds(facts):
            return ""
        return self.sentence if isinstance(self.sentence, str) else self.sentence(facts)


@dataclass(frozen=True)
class Deed:
    """Something that a person can do with a transaction.

    `label` is verb and object; `consequence` says what will happen; `url_of` leads to its form. `two_people` says
    whether a second person must agree (with the job that it is part of), `decided_by` is that person's right.
    `is_secret` deeds (compliance's own) are not even shown as impossible to people without the right.
    """

    key: str
    label: str
    permission: str
    url_of: Callable[[Transaction], str]
    consequence: str | Callable[[Facts], str]
    guards: tuple[Guard, ...] = ()
    two_people: Callable[[Facts, Job], bool] = lambda facts, job: False
    decided_by: str = ""
    is_secret: bool = False
    order: int = 100

    def consequence_of(self, facts: Facts) -> str:
        return self.consequence if isinstance(self.consequence, str) else self.consequence(facts)


@dataclass(frozen=True)
class Obstacle:
    """A guard that does not hold: its name, the sentence, and the fact it looked at."""

    guard: str
    sentence: str
    fact: str
    is_of_state: bool


@dataclass(frozen=True)
class Offer:
    """A deed as one person is offered it now: allowed, or with everything that is in the way."""

    deed: Deed
    url: str
    consequence: str
    no_right: str
    obstacles: tuple[Obstacle, ...]
    second_person: tuple[str, ...]

    @property
    def is_allowed(self) -> bool:
        return not self.no_right and not self.obstacles

    @property
    def is_possible(self) -> bool:
        """Whether somebody could do it in the present state."""
        return not any(one.is_of_state for one in self.obstacles)

    @property
    def why_not(self) -> str:
        """The first thing in the way for this person, or ""."""
        return self.no_right or next((one.sentence for one in self.obstacles), "")

    @property
    def needs_second_person(self) -> bool:
        return bool(self.second_person)


@dataclass(frozen=True)
class Offers:
    """What a person is offered: `now` what somebody can do in this state, `not_now` what nobody can."""

    now: list[Offer]
    not_now: list[Offer]


_deeds: dict[str, Deed] = {}


def register(deed: Deed) -> None:
    """Add a deed to what the detail page offers."""
    _deeds[deed.key] = deed


def registered() -> list[Deed]:
    """Every deed, in the order in which they are offered."""
    return sorted(_deeds.values(), key=lambda deed: (deed.order, deed.key))


def called(key: str) -> Deed | None:
    """The deed of this key, if there is one."""
    return _deeds.get(key)


def offers(facts: Facts, user: User, *, without: str = "") -> Offers:
    """What this person can do with the transaction now, and why not where they cannot; `without` leaves a deed out."""
    seen = [deed for deed in registered() if not deed.is_secret or has(user, deed.permission)]
    made = [offer_of(deed, facts, user) for deed in seen if deed.key != without]
    return Offers([one for one in made if one.is_possible], [one for one in made if not one.is_possible])


def offer_of(deed: Deed, facts: Facts, user: User, job: Job = ALONE) -> Offer:
    """One deed on one transaction for one person; as part of `job`, where it is one row of many."""
    second = roles_that_may(deed.decided_by, reader=user) if deed.decided_by and deed.two_people(facts, job) else []
    return Offer(
        deed,
        deed.url_of(facts.transaction),
        deed.consequence_of(facts),
        why_no_right(deed, facts.transaction, user),
        tuple(obstacles(deed, facts)),
        tuple(second),
    )


def why_no_right(deed: Deed, transaction: Transaction, user: User) -> str:
    """Why this person's role or scope does not allow the deed, or ""."""
    if not has(user, deed.permission):
        label = PERMISSIONS[deed.permission].label if deed.permission in PERMISSIONS else deed.permission
        return f"This needs the right to {label}: {', '.join(roles_that_may(deed.permission, reader=user))}."
    return "" if may_work_on(user, transaction) else OUT_OF_WORK


def obstacles(deed: Deed, facts: Facts) -> Sequence[Obstacle]:
    """Every guard of the deed that does not hold."""
    return [
        Obstacle(guard.name, sentence, guard.fact(facts), guard.is_of_state)
        for guard in deed.guards
        if (sentence := guard.in_the_way(facts))
    ]


def why_not(deed: Deed, transaction: Transaction, user: User) -> str:
    """The first thing in the way of the deed for this person, or ""."""
    return offer_of(deed, facts_about(transaction), user).why_not


def first_obstacle(deed: Deed, facts: Facts) -> str:
    """The sentence of the first guard that does not hold, or ""."""
    return next((one.sentence for one in obstacles(deed, facts)), "")


def check_guards(deed: Deed, facts: Facts) -> None:
    """Raise Refused with the sentence of the first guard that does not hold. For the deed's own action."""
    if sentence := first_obstacle(deed, facts):
        row = facts.transaction
        raise Refused(sentence, verb=deed.key, object_type=row._meta.label_lower, object_id=row.txn_id)
