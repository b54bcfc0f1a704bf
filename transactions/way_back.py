"""The way back to a list: its address as an opaque mark that a detail page can carry and turn into a link again.

A mark leads to one of our own lists or nowhere: the path is chosen from a table and the query is written anew, so that
a forged mark cannot lead to another site.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from django.http import QueryDict
from django.urls import reverse

LONGEST: Final = 2_000

_PLACES: Final[dict[str, str]] = {"s": "transactions:search", "t": "transactions:list"}


def register(place: str, url_name: str) -> None:
    """Let marks of one letter lead to a list of another room."""
    _PLACES[place] = url_name


def mark(place: str, query: str) -> str:
    """A mark for the search ("s"), the list ("t") or another room's list with this query string."""
    return base64.urlsafe_b64encode(f"{place}{query}".encode()).decode().rstrip("=")


def address(given: str) -> str:
    """The address that a mark stands for; empty for anything that is not a mark of ours."""
    if not given or len(given) > LONGEST:
        return ""
    try:
        text = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    place, query = text[:1], QueryDict(text[1:]).urlencode()
    if place not in _PLACES:
        return ""
    return f"{reverse(_PLACES[place])}?{query}" if query else reverse(_PLACES[place])


def query_of(given: str, place: str) -> QueryDict | None:
    """The query of the list that a mark leads to, where it is a mark for `place`."""
    found = address(given)
    if not found.startswith(reverse(_PLACES[place])):
        return None
    return QueryDict(found.partition("?")[2])
