"""What people can do with many transactions at once, from the list. Each room registers its own from its app's `ready`.

The list shows boxes to those to whom at least one is open, and posts what was chosen to the deed's address (the fields
of selection.py). What happens there is the deed's: a preview, then one verdict per row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse

from accounts.access import has

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class BulkDeed:
    """A deed on many rows. `label` is its button, `url_name` answers a POST of the selection with a preview.

    One that `takes_everything` answers a GET of the list's own question too, however many rows match.
    """

    key: str
    label: str
    permission: str
    url_name: str
    order: int = 100
    takes_everything: bool = False

    @property
    def url(self) -> str:
        return reverse(self.url_name)


_deeds: dict[str, BulkDeed] = {}


def register(deed: BulkDeed) -> None:
    """Add a deed to the bar below the list. A key that is there already is replaced."""
    _deeds[deed.key] = deed


def open_to(user: User) -> list[BulkDeed]:
    """The deeds whose right the person has, in their order."""
    found = [deed for deed in _deeds.values() if has(user, deed.permission)]
    return sorted(found, key=lambda deed: (deed.order, deed.key))


register(BulkDeed("note", "Add note", "transactions.add_note", "transactions:bulk-note", order=20))
