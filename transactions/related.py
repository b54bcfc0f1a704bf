"""Other transactions that belong to the same question: the same account, the same amount twice, the same remitter."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from transactions.models import Transaction

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.models import Account, Party

MOST: Final = 20
"""How many rows a group shows; more are counted as "20+"."""

DUPLICATE_WITHIN: Final = dt.timedelta(hours=72)
REMITTER_WITHIN: Final = dt.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one kind of kinship, newest first, with what there is to say when there are none."""

    key: str
    title: str
    rows: list[Transaction]
    more: bool
    empty: str

    @property
    def count(self) -> str:
        return f"{len(self.rows)}+" if self.more else str(len(self.rows))


@dataclass(frozen=True, slots=True)
class Related:
    """The groups of one transaction; only rows that the reader may see are in them."""

    duplicates: Group
    same_account: Group
    same_remitter: Group

    @property
    def groups(self) -> tuple[Group, ...]:
        return (self.duplicates, self.same_account, self.same_remitter)

    @property
    def count(self) -> int:
        """How many different transactions there are in all groups."""
        return len({row.pk for group in self.groups for row in group.rows})


def related_to(transaction: Transaction, account: Account | None, remitter: Party | None, user: User) -> Related:
    """What is related to `transaction` among the rows that `user` may see."""
    mine = Transaction.objects.visible_to(user).exclude(pk=transaction.pk).for_list()
    number = account.number if account else ""
    id_number = remitter.id_number if remitter else ""
    return Related(
        duplicates=_group(
            "duplicates",
            "Possible duplicates",
            list(mine.paying_the_same(transaction, number, DUPLICATE_WITHIN)[: MOST + 1]) if number else [],
            "No other payment of the same amount to this account within 72 hours."
            if number
            else "Cash has no account to compare.",
        ),
        same_account=_group(
            "same-account",
            "Same beneficiary account",
            list(mine.to_account(number).newest_first()[: MOST + 1]) if number else [],
            "No other transaction to this account." if number else "Cash has no account to compare.",
        ),
        same_remitter=_group(
            "same-remitter",
            "Same remitter within 30 days",
            list(mine.of_remitter(id_number, transaction.received_at, REMITTER_WITHIN).newest_first()[: MOST + 1])
            if id_number
            else [],
            "No other transaction of this remitter."
            if id_number
            else "The remitter's identity document was not given.",
        ),
    )


def _group(key: str, title: str, rows: list[Transaction], empty: str) -> Group:
    return Group(key, title, rows[:MOST], len(rows) > MOST, empty)
