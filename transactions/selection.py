"""Which rows of the list a person chose: ticked ones by reference, or everything that the list's filters match.

"Everything" is the list's question and the moment it was asked: what came in afterwards was on no page that the person
saw and is not part of it. The server counts again before anything is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Final

from django.http import QueryDict

from accounts.errors import Refused
from transactions.models import Transaction
from transactions.query import TransactionQuery

if TYPE_CHECKING:
    from accounts.models import User

MOST: Final = 2_000
"""As many rows as one deed takes."""
KEPT_FOR: Final = timedelta(hours=24)


@dataclass(frozen=True)
class Selection:
    """What was chosen, by whom. `query` and `moment` stand for everything that matches, else `references` count."""

    user: User
    references: tuple[str, ...] = ()
    query: str = ""
    moment: datetime | None = None

    @property
    def is_everything(self) -> bool:
        return self.moment is not None

    @cached_property
    def rows(self) -> Sequence[Transaction]:
        """The chosen rows that the person sees, in the list's order or that of the ticks. Raises Refused for too many
        and for a question that is not sound.
        """
        if self.moment is not None:
            found = list(self._asked(self.moment).rows.here_at(self.moment).for_rows()[: MOST + 1])
        else:
            self._check_number(len(self.references))
            by_reference = {row.txn_id: row for row in self._ticked()}
            found = [by_reference[name] for name in self.references if name in by_reference]
        self._check_number(len(found))
        return found

    @cached_property
    def missing(self) -> list[str]:
        """Chosen references that are not there, or not in the person's scope."""
        there = {row.txn_id for row in self.rows}
        return [name for name in self.references if name not in there]

    @cached_property
    def worth(self) -> list[tuple[str, int, Decimal]]:
        """Currency, number of rows and the sum of their payouts, for each currency."""
        return Transaction.objects.visible_to(self.user).among([row.txn_id for row in self.rows]).worth()

    def _ticked(self) -> Sequence[Transaction]:
        return list(Transaction.objects.visible_to(self.user).among(self.references).for_rows())

    def _asked(self, moment: datetime) -> TransactionQuery:
        query = TransactionQuery(QueryDict(self.query), self.user, moment)
        if not query.is_sound:
            raise Refused(query.problems[0].sentence, status=400)
        return query

    def _check_number(self, number: int) -> None:
        if number > MOST:
            raise Refused(f"Choose {MOST:,} transactions or fewer. Narrow the filters, or take one part after another.")
