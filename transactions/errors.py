"""Refusals that a page answers with more than a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.errors import Refused

if TYPE_CHECKING:
    from transactions.models import Transaction


class ChangedMeanwhile(Refused):
    """The transaction is not what the person saw: `seen` is the version of their page, `present` the one now."""

    def __init__(self, transaction: Transaction, *, seen: int, verb: str) -> None:
        super().__init__(
            "This transaction changed while you were reading. Nothing was sent. Check what changed and decide again.",
            verb=verb,
            object_type=transaction._meta.label_lower,
            object_id=transaction.txn_id,
        )
        self.seen, self.present = seen, transaction.version
