"""The trail of one transaction, for those who may read it: who saw, revealed, noted, answered what."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from accounts.models import User
from audit import sentences
from audit.models import AuditEvent
from audit.verbs import Verb
from transactions.discretion import REVIEWER, Reader

if TYPE_CHECKING:
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


def trail_of(transaction: Transaction, reader: Reader, *, most: int = MOST) -> ObjectTrail:
    """What the trail says about `transaction`. Outside compliance its people read Reviewer, without their reasons."""
    own = AuditEvent.objects.of(transaction).newest_first()
    read = list(own[: most + 1])
    reveals = list(own.filter(verb=Verb.REVEALED, result="OK").values_list("actor", "at"))
    names = sentences.names_in(read) | ({} if reader.sees_compliance else _reviewers({entry.actor for entry in read}))
    entries = [_said(entry, names, reader) for entry in read[:most] if _may_read(entry, reader)]
    last_by, last_at = reveals[0] if reveals else ("", None)
    return ObjectTrail(entries, len(read) > most, len(reveals), names.get(last_by, last_by), last_at)


def _may_read(entry: AuditEvent, reader: Reader) -> bool:
    return reader.sees_compliance or not (entry.said.get("facts") or {}).get("compliance_only")


def _said(entry: AuditEvent, names: dict[str, str], reader: Reader) -> Said:
    sentence = sentences.sentence(entry, names)
    if names.get(entry.said["actor"]) == REVIEWER:
        sentence = sentence.partition(", reason: ")[0]
    if not reader.may_read(sentence):
        sentence = f"{names.get(entry.said['actor'], entry.said['actor'])} did something here"
    return Said(entry.seq, entry.at, sentence, entry.said["result"], entry.said["request_id"], sentences.changes(entry))


def _reviewers(usernames: set[str]) -> dict[str, str]:
    """Those of the people who work on compliance cases, all under the one neutral name."""
    found = User.objects.filter(
        username__in=usernames,
        groups__permissions__codename=_REVIEWER_RIGHT,
        groups__permissions__content_type__app_label="compliance",
    )
    return dict.fromkeys(found.values_list("username", flat=True), REVIEWER)


def has_viewed(transaction: Transaction, person: User, since: dt.datetime) -> bool:
    """Whether the trail says that this person read the transaction's page at `since` or later."""
    own = AuditEvent.objects.of(transaction)
    return bool(own.filter(actor=person.username, verb=Verb.VIEWED, at__gte=since).exists())


def remembered_reason(transaction: Transaction, person: User, now: dt.datetime, within: dt.timedelta) -> str:
    """The reason this person last gave for seeing a hidden value of this transaction, if it was a moment ago."""
    recent = AuditEvent.objects.of(transaction).filter(
        actor=person.username, verb=Verb.REVEALED, result="OK", at__gt=now - within
    )
    last = recent.newest_first().first()
    return str(last.said["reason"]) if last else ""
