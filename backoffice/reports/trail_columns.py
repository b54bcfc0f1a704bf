"""The columns of an export of the trail: every part of an entry, as the text that is hashed holds it."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import F

from backoffice.reports import sql
from backoffice.reports.columns import Column, Kind
from backoffice.reports.sql import Sql


def _said(key: str) -> Any:
    return lambda _maker: Sql(f"({{0}})::jsonb ->> '{key}'", "body")


COLUMNS: Final = (
    Column("seq", "Number", lambda _maker: F("seq"), Kind.NUMBER),
    Column("at", "When", lambda _maker: sql.exact_moment("at"), Kind.TIME),
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
