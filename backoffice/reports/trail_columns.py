"""The columns of an export of the trail: the sentence, and every part of an entry as the hashed text holds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.db.models import F

from accounts.models import User
from audit import sentences
from audit.models import AuditEvent
from backoffice.reports import sql
from backoffice.reports.columns import Column, Kind
from backoffice.reports.sql import Sql


def _said(key: str) -> Any:
    return lambda _maker: Sql(f"({{0}})::jsonb ->> '{key}'", "body")


def _speaker() -> Callable[[str], str]:
    """Says an entry as its page does: the sentence, and what changed from what to what."""
    names = {person.username: str(person) for person in User.objects.only("username", "full_name")}

    def said(body: str) -> str:
        entry = AuditEvent(body=body)
        changed = [f"{one.field}: {one.old} → {one.new}" for one in sentences.changes(entry)]
        return "; ".join([sentences.sentence(entry, names), *changed])

    return said


COLUMNS: Final = (
    Column("seq", "Number", lambda _maker: F("seq"), Kind.NUMBER),
    Column("at", "When", lambda _maker: sql.exact_moment("at"), Kind.TIME),
    Column("sentence", "What happened", lambda _maker: F("body"), speaker=_speaker),
    Column("kind", "Kind of actor", _said("kind")),
    Column("actor", "Who", lambda _maker: F("actor")),
    Column("verb", "Did", lambda _maker: F("verb")),
    Column("object_type", "Kind of object", lambda _maker: F("object_type")),
    Column("object", "Object", lambda _maker: F("object_id")),
    Column("result", "Result", lambda _maker: F("result")),
    Column("reason", "Reason", _said("reason")),
    Column("before", "Before", _said("before")),
    Column("after", "After", _said("after")),
    Column("facts", "Facts", _said("facts")),
    Column("request", "Request id", lambda _maker: F("request_id")),
    Column("session", "Session", _said("session")),
    Column("ip", "From", _said("ip")),
    Column("hash", "Hash", lambda _maker: Sql("encode({0}, 'hex')", "hash")),
)
"""Every column, in the order in which a file holds them."""
