"""Other transactions that belong to the same question: the same account, the same amount twice, the same remitter."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Value

from transactions.models import Transaction

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.models import Account, Party
    from transactions.querysets import TransactionQuerySet

MOST: Final = 20
"""How many rows a group shows; more are counted as "20+"."""

DUPLICATE_WITHIN: Final = dt.timedelta(hours=72)
REMITTER_WITHIN: Final = dt.timedelta(days=30)
NO_ACCOUNT: Final = "Cash has no account to compare."
NO_DOCUMENT: Final = "The remitter's identity document was not given."


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
    mine = Transaction.objects.visible_to(user).exclude(pk=transaction.pk).for_rows().newest_first()
    number = account.number if account else ""
    id_number = remitter.id_number if remitter else ""
    kin = {}
    if number:
        kin["same-account"] = mine.to_account(number)
    if id_number:
        kin["same-remitter"] = mine.of_remitter(id_number, transaction.received_at, REMITTER_WITHIN)
    found = _read(kin)
    same_account = found["same-account"]
    return Related(
        duplicates=_group(
            "duplicates",
            "Possible duplicates",
            _duplicates(transaction, number, same_account, mine),
            "No other payment of the same amount to this account within 72 hours." if number else NO_ACCOUNT,
        ),
        same_account=_group(
            "same-account",
            "Same beneficiary account",
            same_account,
            "No other transaction to this account." if number else NO_ACCOUNT,
        ),
        same_remitter=_group(
            "same-remitter",
            "Same remitter within 30 days",
            found["same-remitter"],
            "No other transaction of this remitter." if id_number else NO_DOCUMENT,
        ),
    )


def _read(kin: Mapping[str, TransactionQuerySet]) -> defaultdict[str, list[Transaction]]:
    """The rows of each kinship in its order, one more than is shown, in one statement for all."""
    found: defaultdict[str, list[Transaction]] = defaultdict(list)
    asked = [rows.annotate(kinship=Value(key))[: MOST + 1] for key, rows in kin.items()]
    rows = asked[0].union(*asked[1:], all=True) if asked else ()
    for row in sorted(rows, key=lambda row: (row.received_at, row.pk), reverse=True):
        found[row.kinship].append(row)
    return found


def _duplicates(
    transaction: Transaction, number: str, same_account: list[Transaction], mine: TransactionQuerySet
) -> list[Transaction]:
    """Among the rows of the same account, if those are all there are; else asked for by themselves."""
    if len(same_account) > MOST:
        return list(mine.paying_the_same(transaction, number, DUPLICATE_WITHIN)[: MOST + 1])
    return [row for row in same_account if _looks_like(row, transaction)]


def _looks_like(row: Transaction, transaction: Transaction) -> bool:
    same_money = (row.settled_amount, row.settled_currency) == (
        transaction.settled_amount,
        transaction.settled_currency,
    )
    return same_money and abs(row.received_at - transaction.received_at) <= DUPLICATE_WITHIN


def _group(key: str, title: str, rows: list[Transaction], empty: str) -> Group:
    return Group(key, title, rows[:MOST], len(rows) > MOST, empty)
