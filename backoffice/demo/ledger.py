"""What was really paid: the platform's own book, by which everybody else is judged."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Entry:
    """Money that moved: `kind` is "paid" or "returned", `by` what made it move."""

    txn_id: str
    kind: str
    amount: Decimal
    rail: str
    attempt: int
    by: str
    at: float


@dataclass(slots=True)
class Ledger:
    """Every movement of money in its order, and how many attempts each transaction has under way."""

    entries: list[Entry] = field(default_factory=list)
    live: dict[str, int] = field(default_factory=dict)
    most_live: dict[str, int] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def begin(self, txn_id: str) -> None:
        """An attempt to pay is under way from now on."""
        with self._lock:
            self.live[txn_id] = self.live.get(txn_id, 0) + 1
            self.most_live[txn_id] = max(self.most_live.get(txn_id, 0), self.live[txn_id])

    def end(self, txn_id: str) -> None:
        """It is over, one way or the other."""
        with self._lock:
            self.live[txn_id] = max(self.live.get(txn_id, 0) - 1, 0)

    def write(self, entry: Entry) -> None:
        with self._lock:
            self.entries.append(entry)

    def sum_of(self, txn_id: str, kind: str) -> Decimal:
        with self._lock:
            mine = [one.amount for one in self.entries if one.txn_id == txn_id and one.kind == kind]
        return sum(mine, ZERO)

    def has_paid(self, txn_id: str) -> bool:
        """Whether money went out and did not come back."""
        return self.sum_of(txn_id, "paid") > self.sum_of(txn_id, "returned")

    def verdict(self) -> dict[str, list[str]]:
        """The transactions that went wrong: paid twice, tried twice at once, given back beyond what was paid."""
        with self._lock:
            entries = list(self.entries)
            twice_live = sorted(txn for txn, most in self.most_live.items() if most > 1)
        standing: dict[str, Decimal] = {}
        first: dict[str, Decimal] = {}
        twice, beyond = set(), set()
        for one in entries:
            before = standing.get(one.txn_id, ZERO)
            if one.kind == "paid":
                if before > ZERO:
                    twice.add(one.txn_id)
                first.setdefault(one.txn_id, one.amount)
                standing[one.txn_id] = before + one.amount
            else:
                standing[one.txn_id] = before - one.amount
                if standing[one.txn_id] < ZERO:
                    beyond.add(one.txn_id)
        return {"paid twice": sorted(twice), "two live attempts": twice_live, "reversed beyond": sorted(beyond)}
