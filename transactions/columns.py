"""The columns of the list: their words in an address, their headings, and what each reads of a transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from accounts.access import has
from transactions import assigned

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class Column:
    """One column. `fields` are what it reads beside the usual ones; `sort` is the order that its heading leads to.

    `is_live` columns change while a page is open, `is_time` ones name the reader's zone in their heading.
    """

    key: str
    label: str
    fields: tuple[str, ...] = ()
    sort: str = ""
    is_default: bool = False
    is_number: bool = False
    is_time: bool = False
    is_live: bool = False


ALL: Final = (
    Column("created", "Created", sort="created", is_default=True, is_time=True),
    Column("partner", "Partner", is_default=True),
    Column("beneficiary", "Beneficiary", is_default=True),
    Column("type", "Type", is_default=True),
    Column("sent", "Sent", is_default=True, is_number=True),
    Column("payout", "Payout", sort="payout", is_default=True, is_number=True),
    Column("status", "Status", is_default=True, is_live=True),
    Column("stage", "Stage", is_default=True, is_live=True),
    Column("age", "Age", sort="age", is_default=True, is_number=True, is_live=True),
    Column("updated", "Last update", sort="updated", is_time=True, is_live=True),
    Column("partner_ref", "Partner reference"),
    Column("branch", "Branch", fields=("branch__code", "branch__name", "branch_code")),
    Column("remitter", "Remitter"),
    Column("country", "Remitter country", fields=("origin_country",)),
    Column("purpose", "Purpose", fields=("purpose_code",)),
    Column(assigned.COLUMN, "Assigned", is_live=True),
    Column("flags", "Flags", is_live=True),
    Column("rail", "Rail", fields=("rail",), is_live=True),
    Column("rail_ref", "Rail reference", is_live=True),
    Column("reason", "Failure reason", fields=("reason_code",), is_live=True),
    Column("rate", "FX rate", fields=("rate",), is_number=True),
    Column("funds", "Money", fields=("funds_position",), is_live=True),
)
"""Every column beside the reference, which is always the first."""

BY_KEY: Final = {column.key: column for column in ALL}
DEFAULT: Final = tuple(column.key for column in ALL if column.is_default)


def open_to(user: User) -> list[Column]:
    """The columns that this reader may choose: who works on a row is told to those who may read the work."""
    is_told = any(has(user, permission) for permission in assigned.permissions())
    return [column for column in ALL if is_told or column.key != assigned.COLUMN]


def chosen(keys: str, among: Iterable[Column] = ALL) -> tuple[Column, ...]:
    """The columns that a text such as "created,partner" names, in its order; what it does not know it leaves out.

    Without a known one these are the usual ones: a list always has columns.
    """
    known = {column.key: column for column in among}
    found = tuple(known[key] for key in dict.fromkeys(keys.split(",")) if key in known)
    return found or tuple(BY_KEY[key] for key in DEFAULT)


def unknown(keys: str, among: Iterable[Column] = ALL) -> list[str]:
    """The words of such a text that name no column."""
    known = {column.key for column in among}
    return [key for key in keys.split(",") if key not in known]
