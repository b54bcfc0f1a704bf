"""One reading of the whole trail by the worker: it says how far it is, records how it ended, and is loud when it broke.

The page (/audit/chain/) and the strip on every auditor's and administrator's page show what stands here.
"""

from __future__ import annotations

import logging
from typing import Final

from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from audit import chain, trail, verification
from audit.models import Verification
from audit.verbs import Verb

log = logging.getLogger(__name__)

JOB: Final = "backoffice.verify_when_asked"
"""The worker's task (backoffice/worker.py), named here because the room of the worker lies above this one."""
TRAIL: Final = "audit.auditevent"
ANCHORS: Final = "anchors"
_FIELDS: Final = ("checked", "finished_at", "last_seq", "anchor_seq", "broken_seq", "broken_kind", "broken_sentence",
                  "expected_hash", "actual_hash")  # fmt: skip


def begin(asked_by: str = "") -> Verification | None:
    """Enter that the trail is to be read now; None where somebody's reading is under way already."""
    now = timezone.now()
    with transaction.atomic():
        Verification.objects.given_up(now).delete()  # its worker was lost: it proved nothing
        tip = verification.tip_number()
        rows = Verification.objects.bulk_create(
            [Verification(asked_by=asked_by, asked_at=now, beat_at=now, to_check=tip)], ignore_conflicts=True
        )
        return Verification.objects.unfinished().filter(asked_at=rows[0].asked_at, asked_by=asked_by).first()


def queue() -> None:
    """Let the worker begin at once, when the present database transaction commits."""
    app.configure_task(name=JOB).defer()


def read_waiting() -> None:
    """Read the trail for the verification that was asked for, if there is one."""
    waiting = Verification.objects.unfinished().first()
    if waiting is not None:
        read_whole(waiting)


def read_whole(reading: Verification) -> None:
    """Verify the whole trail against its anchors, keep the outcome and record it; alarm when it does not stand."""
    try:
        kept = verification.kept_anchors()
        result = verification.verify_live(kept=kept, tell=lambda seq: _tell(reading, seq))
    except (OSError, ValueError) as error:  # the anchors themselves do not stand
        _end(reading, chain.Result(0, 0, b"", None), chain.Break(0, ANCHORS, str(error)))
        return
    reading.anchor_seq = max(kept, default=None)
    _end(reading, result, result.broken)


def _tell(reading: Verification, seq: int) -> None:
    Verification.objects.filter(pk=reading.pk).update(checked=seq, beat_at=timezone.now())


def _end(reading: Verification, result: chain.Result, broken: chain.Break | None) -> None:
    reading.finished_at, reading.checked, reading.last_seq = timezone.now(), result.verified, result.last_seq
    if broken:
        reading.broken_seq = broken.seq if broken.kind != ANCHORS else None
        reading.broken_kind, reading.broken_sentence = broken.kind, broken.sentence[:500]
        reading.expected_hash, reading.actual_hash = broken.expected.hex(), broken.actual.hex()
    with transaction.atomic():
        reading.save(update_fields=_FIELDS)
        if broken:
            _alarm(broken)
        else:
            facts = {"count": result.verified, "seq": result.last_seq}
            trail.record(Verb.CHAIN_VERIFIED, object_type=TRAIL, facts=facts)


def _alarm(broken: chain.Break) -> None:
    place = ANCHORS if broken.kind == ANCHORS else str(broken.seq)
    what = broken.sentence if broken.kind == ANCHORS else f"{broken.kind}: {broken.sentence}"
    log.critical("THE TRAIL IS BROKEN at %s: %s", place, what)
    trail.record(Verb.CHAIN_BROKEN, object_type=TRAIL, result="FAILED", facts={"seq": place, "what": what})
