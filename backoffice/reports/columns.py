"""A column of an export: its word in an address, its heading, and the expression by which the database writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from accounts.access import has

if TYPE_CHECKING:
    from accounts.models import User


class Kind(StrEnum):
    """What a cell is: numbers are numbers in a spreadsheet, everything else is text."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"


@dataclass(frozen=True)
class Column:
    """One column. `make` gives its expression for one reader; of `needs` one right must be held for it to exist.

    `hides` is the right to reveal what it masks. What is all our own words (`is_ours`) cannot begin like a formula.
    Where no database can find the words, `speaker` makes for one file who says each of its values in words.
    """

    key: str
    label: str
    make: Callable[[Any], Any]
    kind: Kind = Kind.TEXT
    needs: tuple[str, ...] = ()
    hides: str = ""
    is_ours: bool = False
    speaker: Callable[[], Callable[[str], str]] | None = None

    @property
    def is_guarded(self) -> bool:
        """Whether somebody outside may have written what stands in it."""
        return self.kind is Kind.TEXT and not self.is_ours


def for_user(columns: Iterable[Column], user: User) -> list[Column]:
    """The columns that exist for this person."""
    return [column for column in columns if not column.needs or any(has(user, right) for right in column.needs)]


def among(columns: Iterable[Column], keys: Sequence[str]) -> list[Column]:
    """The columns of these keys, in the order of the keys; a key that is not there is left out."""
    by_key = {column.key: column for column in columns}
    return [by_key[key] for key in dict.fromkeys(keys) if key in by_key]
