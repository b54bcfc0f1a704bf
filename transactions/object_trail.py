"""The trail of one transaction, for those who may read it: who saw, revealed, noted, answered what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.contrib.auth.models import Permission
from django.db.models import Exists, OuterRef

from audit import sentences
from audit.models import AuditEvent
from audit.verbs import Verb
from transactions.discretion import REVIEWER, Reader

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.models import Transaction

MOST: Final = 30
_REVIEWER_RIGHT: Final = "work_cases"


@dataclass(frozen=True, slots=True)
class Said:
    """One entry as this reader sees it."""

    seq: int
    at: dt.datetime
    sentence: str
    result: str
    request_id: str
    changes: tuple[sentences.Change, ...]


@dataclass(frozen=True, slots=True)
class ObjectTrail:
    """The newest entries of one transaction and how often personal data of it was seen."""

    entries: list[Said]
    has_more: bool
    reveals: int
    last_reveal_by: str
    last_reveal_at: dt.datetime | None


def entries_of(transaction: Transaction, *, most: int = MOST) -> list[AuditEvent]:
    """What the trail says about `transaction`, newest first: its newest entries with one more than is shown, and
    every entry of somebody who saw personal data of it, however old.
    """
    own = AuditEvent.objects.of(transaction)
    return list(own.newest_first()[: most + 1].union(own.reveals()).order_by("-seq"))


def trail_of(entries: Sequence[AuditEvent], reader: Reader, *, most: int = MOST) -> ObjectTrail:
    """What `entries_of` a transaction say to `reader`. Outside compliance its people read Reviewer, without their
    reasons.
    """
    read, reveals = entries[: most + 1], [entry for entry in entries if _is_reveal(entry)]
    names = _names([*read, *reveals[:1]], reader)
    last = reveals[0] if reveals else None
    return ObjectTrail(
        entries=[_said(entry, names, reader) for entry in read[:most] if _may_read(entry, reader)],
        has_more=len(read) > most,
        reveals=len(reveals),
        last_reveal_by=names.get(last.actor, last.actor) if last else "",
        last_reveal_at=last.at if last else None,
    )


def _is_reveal(entry: AuditEvent) -> bool:
    return bool(entry.verb == Verb.REVEALED and entry.result == "OK")


def _may_read(entry: AuditEvent, reader: Reader) -> bool:
    return reader.sees_compliance or not (entry.said.get("facts") or {}).get("compliance_only")


def _said(entry: AuditEvent, names: dict[str, str], reader: Reader) -> Said:
    sentence = sentences.sentence(entry, names)
    if names.get(entry.said["actor"]) == REVIEWER:
        sentence = sentence.partition(", reason: ")[0]
    if not reader.may_read(sentence):
        sentence = f"{names.get(entry.said['actor'], entry.said['actor'])} did something here"
    return Said(entry.seq, entry.at, sentence, entry.said["result"], entry.said["request_id"], sentences.changes(entry))


def _names(entries: Sequence[AuditEvent], reader: Reader) -> dict[str, str]:
    """The people in the entries by user name; outside compliance those who work on its cases under one neutral name."""
    own = Permission.objects.filter(
        group__user=OuterRef("pk"), codename=_REVIEWER_RIGHT, content_type__app_label="compliance"
    )
    people = sentences.people_in(entries).annotate(reviews=Exists(own))
    is_hidden = not reader.sees_compliance
    return {one.username: REVIEWER if is_hidden and one.reviews else str(one) for one in people}


def has_viewed(transaction: Transaction, person: User, since: dt.datetime) -> bool:
    """Whether the trail says that this person read the transaction's page at `since` or later."""
    own = AuditEvent.objects.of(transaction)
    return bool(own.filter(actor=person.username, verb=Verb.VIEWED, at__gte=since).exists())


def reveals_by(person: User, transaction: Transaction, *, since: dt.datetime) -> list[AuditEvent]:
    """What this person saw of the transaction's personal data lately, newest first."""
    own = AuditEvent.objects.of(transaction).reveals().filter(actor=person.username, at__gt=since)
    return list(own.newest_first())


def remembered_reason(entries: Iterable[AuditEvent], person: User, *, since: dt.datetime) -> str:
    """The reason this person last gave for seeing a hidden value, among entries newest first, if it was `since`."""
    own = (one for one in entries if _is_reveal(one) and one.actor == person.username and one.at > since)
    last = next(own, None)
    return str(last.said["reason"]) if last else ""
