"""The questions that pages ask about exceptions."""

from __future__ import annotations

from typing import Self

from transactions.querysets import ScopedQuerySet


class ExceptionQuerySet(ScopedQuerySet):
    """Questions about exceptions."""

    to_transaction = "transaction__"

    def open(self) -> Self:
        return self.filter(closed_at__isnull=True)
