"""Telling every open page that a transaction changed: said with the change, in the same database transaction.

PostgreSQL carries the word to the hub of every process when the transaction commits, and never before (hub.py). What is
told are keys and versions, nothing that could be read: each page fetches its own rows under its reader's own rights.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db import connection

if TYPE_CHECKING:
    from transactions.models import Transaction

CHANGES: Final = "transactions_changed"
SCOPES: Final = "scopes_changed"
"""Said by triggers on grants, roles, people and sessions (accounts, scope_notices): "user:5", "sessions" or "all"."""

MOST_IN_A_NOTICE: Final = 250
BYTES_IN_A_NOTICE: Final = 7_900  # PostgreSQL refuses 8,000


class Change(NamedTuple):
    """That a transaction changed: its key, to whose rows it belongs, and its version now."""

    pk: int
    partner: int
    branch: int | None
    version: int


def announce(changed: Iterable[Transaction | Change]) -> None:
    """Tell all open pages of these transactions, once this database transaction is committed.

    For the intake, once per delivery, and for every deed that changes what a row or a page of a transaction shows:
    assignments, flags, approvals, notes.
    """
    changes = [one if isinstance(one, Change) else change_of(one) for one in changed]
    with connection.cursor() as cursor:
        for notice in notices(changes):
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANGES, notice])


def change_of(transaction: Transaction) -> Change:
    """The transaction as it stands in memory."""
    return Change(transaction.pk, transaction.partner_id, transaction.branch_id, transaction.version)


def notices(changes: Iterable[Change]) -> Iterator[str]:
    """The payloads that tell of `changes`: as few as PostgreSQL's limit on one allows, each a list as JSON."""
    parts: list[str] = []
    size = 1
    for change in changes:
        part = json.dumps(change, separators=(",", ":"))
        if parts and (len(parts) == MOST_IN_A_NOTICE or size + len(part) + 1 > BYTES_IN_A_NOTICE):
            yield f"[{','.join(parts)}]"
            parts, size = [], 1
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield f"[{','.join(parts)}]"


def read(notice: str) -> list[Change]:
    """The changes that a payload tells of."""
    return [Change(*one) for one in json.loads(notice)]
