"""Who did what, when, why: the one place that writes the trail.

`record` adds an entry inside the caller's database transaction, so that the deed and its entry stand or fall together.
Call it last: it takes the trail's lock, which is held until commit.

Where the trail cannot be written nothing is done and nothing personal is shown: `record` raises CannotRecord. Only the
reading of plain pages goes on, marked as unrecorded (`record_reading`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DatabaseError, Error, connection, models, transaction

from audit.chain import GENESIS, canonical, link
from audit.models import AuditEvent
from audit.querysets import name_of
from audit.verbs import Verb

log = logging.getLogger(__name__)

LOCK: Final = 4_711_001
NEVER_UNRECORDED: Final = frozenset({Verb.REVEALED, Verb.SEARCHED_PERSON, Verb.COPIED_ANSWER})
INDEXED_LENGTH: Final = 200  # an index takes 2,700 bytes at most; a longer text must not keep an entry out
TEXT_LENGTH: Final = 4_000


class CannotRecord(DatabaseError):
    """The trail cannot be written, so what was asked is not done."""


class Actor(Protocol):
    """A person as the trail names one."""

    username: str


@dataclass(frozen=True)
class Context:
    """Where a deed comes from. The middleware sets it for a request; commands and the worker name themselves."""

    request_id: str = field(default_factory=lambda: uuid4().hex)
    kind: str = "SYSTEM"
    actor: str = "system"
    session: str = ""
    ip: str = ""
    may_change: bool = False  # a request that may change something does not even read unrecorded
    unrecorded_readings: list[str] = field(default_factory=list)


_context: ContextVar[Context | None] = ContextVar("trail_context", default=None)


def context() -> Context:
    """The present context; outside any request the system's."""
    present = _context.get()
    if present is None:
        present = Context()
        _context.set(present)
    return present


@contextmanager
def acting(**changes: Any) -> Iterator[Context]:
    """Run a block under a context of its own, for example `acting(actor="worker")`."""
    token = _context.set(Context(**changes))
    try:
        yield context()
    finally:
        _context.reset(token)


def identify(actor: str, session_key: str | None = None) -> None:
    """Name the person behind the present request, once it is known. Of the session's key only a digest is kept."""
    session = sha256(session_key.encode()).hexdigest()[:16] if session_key else ""
    _context.set(replace(context(), kind="USER", actor=actor, session=session))


def record(
    verb: Verb,
    *,
    by: Actor | str | None = None,
    obj: models.Model | None = None,
    object_type: str = "",
    object_id: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    result: str = "OK",
    facts: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Add an entry to the trail in the present database transaction.

    `obj` names the object by its public reference (`trail_name`), else by `object_type` and `object_id`.
    Personal data must already be masked in `before`, `after` and `facts`. Raises ValueError for an unknown verb and
    CannotRecord when the trail cannot be written; let that pass. The database transaction can no longer be committed
    then, so the deed is rolled back, whoever might hold the error back.
    """
    where = context()
    person = by if isinstance(by, str) else by.username if by is not None else where.actor
    kind = "USER" if by is not None and not isinstance(by, str) else where.kind
    body = {
        "at": _instant(datetime.now(UTC)),
        "verb": Verb(verb).value,
        "kind": kind,
        "actor": person[:INDEXED_LENGTH],
        "object_type": object_type[:INDEXED_LENGTH] or (obj._meta.label_lower if obj is not None else ""),
        "object_id": (object_id or (name_of(obj) if obj is not None else ""))[:INDEXED_LENGTH],
        "request_id": where.request_id,
        "session": where.session,
        "ip": where.ip,
        "reason": reason,
        "result": result,
        **({"before": before} if before is not None else {}),
        **({"after": after} if after is not None else {}),
        **({"facts": facts} if facts is not None else {}),
    }
    try:
        return _append(canonical(_plain(body)))
    except Error as error:
        raise CannotRecord(f"the trail cannot be written: {verb} was refused") from error


def record_reading(verb: Verb, **details: Any) -> bool:
    """Record that something was read, before it is shown. A plain page answers even when the trail cannot be written:
    this returns False then, raises the alarm in the log and marks the request, so that the page says so.

    Nothing else is read unrecorded: for what NEVER_UNRECORDED names, and in a request that may change something, it
    raises CannotRecord.
    """
    recorded = record_denial(verb, **details)
    if not recorded and (verb in NEVER_UNRECORDED or context().may_change):
        raise CannotRecord(f"the trail cannot be written: {verb} was refused")
    if not recorded:
        context().unrecorded_readings.append(str(verb))
    return recorded


def record_denial(verb: Verb, **details: Any) -> bool:
    """Record that something was refused, in a transaction of its own, after what was asked is rolled back. It never
    raises: the refusal stands, recorded or not. Returns False, with the alarm in the log, when it was not recorded.
    """
    try:
        with transaction.atomic():
            record(verb, **details)
    except Error:
        log.critical("the trail cannot be written: %s was not recorded", verb, exc_info=True)
        return False
    return True


def _append(body: str) -> AuditEvent:
    key = settings.AUDIT_HMAC_KEY.encode()
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute("SELECT seq, hash FROM audit_auditevent ORDER BY seq DESC LIMIT 1")
        last = cursor.fetchone()
        seq, prev_hash = (last[0] + 1, bytes(last[1])) if last else (1, GENESIS)
        own_hash = link(key, prev_hash, seq, body)
        cursor.execute(
            "INSERT INTO audit_auditevent (seq, body, prev_hash, hash) VALUES (%s, %s, %s, %s)",
            [seq, body, prev_hash, own_hash],
        )
    return AuditEvent(seq=seq, body=body, prev_hash=prev_hash, hash=own_hash)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: Any) -> Any:
    """`value` as JSON can hold it: decimals, dates and identifiers as text, nothing lost in rounding."""
    match value:
        case Mapping():
            return {_plain(str(key)): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case datetime():
            return _instant(value)
        case Decimal() | date() | UUID():
            return str(value)
        case str():
            return value[:TEXT_LENGTH].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
        case int() | bool() | None:
            return value
        case _:
            return str(value)
