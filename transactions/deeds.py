"""What people can do with a transaction. Each room registers its deeds; the page asks the same guards as the deed does.

A deed is offered with its consequence, or shown with the reason why not. Nothing here does anything: the deed's own
action checks the right and every guard again, under a lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts.access import has, may_work_on
from accounts.errors import Refused
from accounts.permissions import PERMISSIONS, roles_that_may

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.models import Transaction

OUT_OF_WORK = (
    "You may see this transaction but not work on it. An administrator can let you work on its partner and branch."
)


@dataclass(frozen=True)
class Guard:
    """A condition of a deed: `holds` tests it, `sentence` says what is in the way when it does not."""

    name: str
    holds: Callable[[Transaction], bool]
    sentence: str


@dataclass(frozen=True)
class Deed:
    """Something that a person can do with a transaction.

    `label` is verb and object; `consequence` says what will happen; `url_of` leads to its form. `is_secret` deeds
    (compliance's own) are not even shown as impossible to people without the right.
    """

    key: str
    label: str
    permission: str
    url_of: Callable[[Transaction], str]
    consequence: str
    guards: tuple[Guard, ...] = ()
    two_people: Callable[[Transaction], bool] = lambda transaction: False
    is_secret: bool = False
    order: int = 100


@dataclass(frozen=True)
class Offer:
    """A deed as one person is offered it now. `why_not` is empty when it is allowed."""

    deed: Deed
    url: str
    why_not: str
    needs_second_person: bool

    @property
    def is_allowed(self) -> bool:
        return not self.why_not


_deeds: dict[str, Deed] = {}


def register(deed: Deed) -> None:
    """Add a deed to what the detail page offers."""
    _deeds[deed.key] = deed


def registered() -> list[Deed]:
    """Every deed, in the order in which they are offered."""
    return sorted(_deeds.values(), key=lambda deed: (deed.order, deed.key))


def offers(transaction: Transaction, user: User) -> list[Offer]:
    """What this person can do with the transaction now, and why not where they cannot."""
    seen = [deed for deed in registered() if not deed.is_secret or has(user, deed.permission)]
    return [_offer(deed, transaction, user) for deed in seen]


def _offer(deed: Deed, transaction: Transaction, user: User) -> Offer:
    return Offer(deed, deed.url_of(transaction), why_not(deed, transaction, user), deed.two_people(transaction))


def why_not(deed: Deed, transaction: Transaction, user: User) -> str:
    """The first thing in the way of the deed for this person, or ""."""
    if not has(user, deed.permission):
        label = PERMISSIONS[deed.permission].label if deed.permission in PERMISSIONS else deed.permission
        return f"This needs the right to {label}: {', '.join(roles_that_may(deed.permission))}."
    if not may_work_on(user, transaction):
        return OUT_OF_WORK
    return next((guard.sentence for guard in deed.guards if not guard.holds(transaction)), "")


def check_guards(deed: Deed, transaction: Transaction) -> None:
    """Raise Refused with the sentence of the first guard that does not hold. For the deed's own action."""
    for guard in deed.guards:
        if not guard.holds(transaction):
            raise Refused(
                guard.sentence, verb=deed.key, object_type=transaction._meta.label_lower, object_id=transaction.txn_id
            )
