"""Why a deed on a case was not done, where the page can say more than a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.errors import Refused


@dataclass(frozen=True)
class Difference:
    """What somebody changed in a case while another read it."""

    field: str
    old: str
    new: str
    by: str
    at: datetime


class Outdated(Refused):
    """The case changed after its page was read. `changes` says what, by whom and when."""

    def __init__(self, sentence: str, *, changes: Sequence[Difference], verb: str, object_id: str) -> None:
        super().__init__(sentence, verb=verb, object_type="compliance.case", object_id=object_id)
        self.changes = changes


class ReceivedBefore(Exception):
    """The same form came again: it was counted once. `at` is when it came first."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self.at = at
