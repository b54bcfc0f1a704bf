"""Numbers of other things that people type into the search box: rooms above register theirs when they are ready.

Such a number leads to its thing only where the reader may see it; else it is a text that nothing fits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class Numbered:
    """A kind of number: how it reads as references are compared (upper case, letters and digits only), and the address
    of what it names for a reader, "" where there is none.
    """

    label: str
    pattern: re.Pattern[str]
    address: Callable[[str, User], str]


_kinds: dict[str, Numbered] = {}


def register(kind: Numbered) -> None:
    """Let the search box lead to things of this kind."""
    _kinds[kind.label] = kind


def address_of(key: str, user: User) -> str:
    """Where a number leads this reader, or ""."""
    found = (kind.address(key, user) for kind in _kinds.values() if kind.pattern.fullmatch(key))
    return next((address for address in found if address), "")
