"""What rooms above undo when money comes back: the intake tells of transactions that were completed and are not now.

A room registers what it must do from its app's `ready`; it is called in the database transaction of the delivery, as
its last step but for the delivery's own entry in the trail, with the transactions held.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

Undo = Callable[[Sequence[int], dt.datetime], None]

_undoing: dict[str, Undo] = {}


def register(key: str, undo: Undo) -> None:
    """Let `undo(transaction keys, at)` follow. A key that is there already is replaced: a restart is harmless."""
    _undoing[key] = undo


def money_came_back(keys: Sequence[int], *, at: dt.datetime) -> None:
    """Tell every room of transactions whose beneficiary has the money no more."""
    if keys:
        for undo in _undoing.values():
            undo(sorted(keys), at)
