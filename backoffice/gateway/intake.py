"""The intake: the one path by which events become transactions, whether one comes, a thousand, or a file.

Everything of a delivery happens in one database transaction under locks, or nothing does. A delivery that meets another
one about the same things at the same moment starts over (PERFORMANCE.md, decision 7).
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import DatabaseError, DataError, IntegrityError, OperationalError, transaction
from django.utils import timezone

from audit import trail
from audit.verbs import Verb
from backoffice.gateway import known as knowledge
from backoffice.gateway.folding import fold_in
from backoffice.gateway.judging import Draft, Judge, Result, Word
from backoffice.gateway.models import Delivery
from backoffice.gateway.storing import Moment, store, store_delivery
from backoffice.gateway.strict_json import dumps
from backoffice.gateway.validator import Envelope, Error, Rejected, read
from transactions import aftermath, live

log = logging.getLogger(__name__)

TRIES: Final = 3
BATCH: Final = "application/cloudevents-batch+json"
SINGLE: Final = "application/cloudevents+json"
ACTOR: Final = "platform"


@dataclass(frozen=True)
class Receipt:
    """The answer to a delivery: a result per event, and counts that add up to their number."""

    events: list[Result]

    @property
    def accepted(self) -> int:
        """How many were taken in; an event that waits for its instruction counts."""
        return sum(one.result in (Word.ACCEPTED, Word.WAITING) for one in self.events)

    @property
    def duplicate(self) -> int:
        return sum(one.result is Word.DUPLICATE for one in self.events)

    @property
    def rejected(self) -> int:
        """How many were not taken in; a conflict counts."""
        return sum(one.result in (Word.REJECTED, Word.CONFLICT) for one in self.events)

    def as_json(self) -> dict[str, Any]:
        """The answer as the platform reads it (CONTRACTS.md section 4)."""
        return {
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "rejected": self.rejected,
            "events": [{"id": one.id, "result": one.result.value, "errors": one.errors} for one in self.events],
        }


@dataclass(frozen=True)
class _Message:
    """A delivery before it is taken in."""

    message_id: str
    source: str
    content_type: str
    body: bytes
    received_at: datetime | None


def receive(
    events: Sequence[object],
    *,
    message_id: str,
    source: str = "webhook",
    body: bytes | None = None,
    content_type: str = BATCH,
    received_at: datetime | None = None,
) -> Receipt:
    """Take in parsed events (or what a file's reader has Rejected) and answer for each of them.

    `body` is kept exactly as it came; without one the events are kept as JSON. Raises only DatabaseError, when the
    database is not there or too busy; nothing was taken in then, and the sender may send the same again.
    """
    drafts = _drafts(events)
    kept = dumps(list(events)).encode("utf-8", "replace") if body is None else body
    message = _Message(message_id[:200], source, content_type[:100], kept, received_at)
    for _ in range(TRIES):
        try:
            return _deliver(message, drafts)
        except (IntegrityError, OperationalError) as error:
            if not _may_try_again(error):
                raise
        except DataError:
            break
    return _deliver(message, drafts, singly=True)


def rehearse(events: Sequence[object]) -> Receipt:
    """What `receive` would answer now. Nothing is locked and nothing is written."""
    drafts = _drafts(events)
    judge = Judge(knowledge.Known(), knowledge.load_reference(), uuid4(), timezone.now())
    judge.known = knowledge.load(_envelopes(drafts), judge.reference, locking=False)
    judge.judge(drafts)
    return Receipt([judge.results[draft.position] for draft in drafts])


def _drafts(events: Sequence[object]) -> list[Draft]:
    """The events read. What a file's reader has rejected already stays rejected."""
    return [
        Draft(position, event if isinstance(event, Rejected) else read(event))
        for position, event in enumerate(events, 1)
    ]


def _envelopes(drafts: Sequence[Draft]) -> list[Envelope]:
    return [draft.read for draft in drafts if isinstance(draft.read, Envelope)]


def refuse(body: bytes, *, message_id: str, content_type: str, sentence: str) -> None:
    """Keep a signed body that cannot be read, with the reason, where operators see it."""
    message = _Message(message_id[:200], "webhook", content_type[:100], body, None)
    with _delivering() as batch, transaction.atomic():
        judge = Judge(knowledge.Known(), knowledge.load_reference(), batch, timezone.now())
        judge.results[0] = Result("", Word.REJECTED, [Error(field="body", message=sentence)])
        _finish(message, judge, events=0)


def _may_try_again(error: DatabaseError) -> bool:
    """A concurrent delivery was first, or the two waited for each other: start over."""
    deadlock_or_serialization = {"40P01", "40001"}
    return isinstance(error, IntegrityError) or getattr(error.__cause__, "sqlstate", "") in deadlock_or_serialization


@contextmanager
def _delivering() -> Iterator[UUID]:
    """The id of a new delivery, under which the trail and the history rows are written."""
    batch = uuid4()
    with trail.acting(request_id=batch.hex, kind="SYSTEM", actor=ACTOR, ip=trail.context().ip):
        yield batch


def _deliver(message: _Message, drafts: Sequence[Draft], *, singly: bool = False) -> Receipt:
    """One try: everything of the delivery in one database transaction, its trail entry last."""
    with _delivering() as batch, transaction.atomic():
        knowledge.lock(_envelopes(drafts))
        judge = Judge(knowledge.Known(), knowledge.load_reference(), batch, message.received_at or timezone.now())
        live.announce(_take_in_singly(judge, drafts) if singly else _take_in(judge, drafts))
        _finish(message, judge, events=len(drafts))
    return Receipt([judge.results[draft.position] for draft in drafts])


def _take_in(judge: Judge, drafts: Sequence[Draft]) -> list[live.Change]:
    """Judge, fold and store the events; the transactions of which they tell."""
    judge.known = knowledge.load(_envelopes(drafts), judge.reference)
    judge.judge(drafts)
    judge.mark_twins()
    outcomes = fold_in(list(judge.standings.values()), judge.reference, at=judge.at)
    store(judge, outcomes, judge.reference, Moment(judge.at, judge.batch.hex))
    judge.came_back += [one.row["id"] for one in outcomes if one.money_came_back]
    return [_told(one.row) for one in outcomes]


def _told(row: dict[str, Any]) -> live.Change:
    return live.Change(row["id"], row["partner_id"], row["branch_id"], row["version"])


def _take_in_singly(judge: Judge, drafts: Sequence[Draft]) -> list[live.Change]:
    """Event by event, so that one that the database refuses takes no other with it. For what nobody foresaw."""
    told: dict[int, live.Change] = {}
    for draft in drafts:
        alone = Judge(knowledge.Known(), judge.reference, judge.batch, judge.at)
        try:
            with transaction.atomic():
                told |= {change.pk: change for change in _take_in(alone, [draft])}
        except (DataError, IntegrityError):
            log.exception("event %d of delivery %s could not be stored", draft.position, judge.batch)
            alone = Judge(knowledge.Known(), judge.reference, judge.batch, judge.at)
            alone.results[draft.position] = _not_storable(draft)
        judge.results |= alone.results
        judge.orphaned += alone.orphaned
        judge.came_back += alone.came_back
    return list(told.values())


def _not_storable(draft: Draft) -> Result:
    one = draft.read
    message = "The event could not be stored. Nothing of it was kept but the body; ask us with its id."
    return Result(one.id, Word.REJECTED, [Error(field="event", message=message)], one.subject)


def _finish(message: _Message, judge: Judge, *, events: int) -> None:
    """The delivery, the verdicts that operators see, and the one trail entry."""
    receipt = Receipt(list(judge.results.values()))
    delivery = Delivery(
        id=judge.batch,
        message_id=message.message_id,
        source=message.source,
        content_type=message.content_type,
        body=message.body,
        digest=hashlib.sha256(message.body).digest(),
        received_at=judge.at,
        accepted=receipt.accepted,
        duplicate=receipt.duplicate,
        rejected=receipt.rejected,
    )
    store_delivery(delivery, judge)
    aftermath.money_came_back(judge.came_back, at=judge.at)
    counts = Counter(one.result.value for one in receipt.events)
    trail.record(
        Verb.EVENTS_RECEIVED,
        object_type="gateway.delivery",
        object_id=message.message_id,
        result="OK" if not receipt.rejected else "FAILED" if not receipt.accepted + receipt.duplicate else "PARTIAL",
        facts={"source": message.source, "events": events, **counts, "sha256": delivery.digest.hex()},
    )
