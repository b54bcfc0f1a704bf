"""Verifying the trail of the running database, and anchoring it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connection

from audit import anchors, chain

BATCH: Final = 5_000
ANCHOR_ENTRIES: Final = 100
ANCHOR_AGE: Final = timedelta(seconds=30)
MOST_ANCHORS: Final = 1_000
"""How many hundreds are anchored one by one after a long pause; what is older is held by the first of them."""
GENERATED: Final = ("at", "verb", "actor", "object_type", "object_id", "request_id", "result")

_ENTRIES = "SELECT seq, body, prev_hash, hash FROM audit_auditevent WHERE seq > %s ORDER BY seq LIMIT %s"
_TIP = "SELECT seq, hash FROM audit_auditevent ORDER BY seq DESC LIMIT 1"
_STILL_GENERATED = """
    SELECT attname FROM pg_attribute
    WHERE attrelid = 'audit_auditevent'::regclass AND attgenerated = 's' AND attname = ANY(%s)
"""
_FIRST_THAT_DIFFERS = """
    SELECT seq FROM audit_auditevent, LATERAL (SELECT body::jsonb AS said OFFSET 0) AS parsed
    WHERE seq >= %s AND (at, verb, actor, object_type, object_id, request_id, result) IS DISTINCT FROM
        ((said->>'at')::timestamptz, said->>'verb', said->>'actor', said->>'object_type', said->>'object_id',
         said->>'request_id', said->>'result')
    ORDER BY seq LIMIT 1
"""


def verify_live(
    *, first: int = 1, kept: Mapping[int, bytes] = chain.NO_ANCHORS, tell: Callable[[int], None] = lambda seq: None
) -> chain.Result:
    """Verify the trail from entry `first` on: the chain, the anchors (read them before calling this), and that the
    columns by which the trail is searched say what the hashed text says. `tell` hears how far it is, now and then.

    Raises ValueError where there is no entry to begin after.
    """
    entries = _entries(first, tell)
    after = (0, chain.GENESIS)
    if first > 1:
        before = next(entries, None)
        if before is None or before.seq != first - 1:
            raise ValueError(f"there is no entry {first - 1} to begin after")
        after = (before.seq, before.hash)
    expected = {seq: own_hash for seq, own_hash in kept.items() if seq >= after[0]}
    result = chain.verify(entries, settings.AUDIT_HMAC_KEY.encode(), after=after, anchors=expected)
    return result if result.broken else _verify_columns(result, first)


def drop_anchor() -> anchors.Anchor | None:
    """Anchor the end of the trail, if something was added since the last anchor; and every hundredth entry between,
    so that a rewrite is located to a hundred.
    """
    folder = Path(settings.AUDIT_ANCHOR_DIR)
    tip, last = _tip(), anchors.newest(folder)
    if tip is None or (last and last.seq >= tip[0]):
        return None
    numbers = range(last.seq + ANCHOR_ENTRIES if last else tip[0], tip[0], ANCHOR_ENTRIES)[-MOST_ANCHORS:]
    written = anchors.write_all(folder, _anchor_key(), [*_hashes(list(numbers)), tip])
    return written[-1] if written else None


def drop_due_anchor(now: datetime) -> anchors.Anchor | None:
    """Anchor the end of the trail as soon as a hundred entries, or some seconds' worth of them, stand unanchored."""
    tip, last = _tip(), anchors.newest(Path(settings.AUDIT_ANCHOR_DIR))
    if tip is None or (last and last.seq >= tip[0]):
        return None
    is_due = last is None or tip[0] - last.seq >= ANCHOR_ENTRIES or now - last.made_at >= ANCHOR_AGE
    return drop_anchor() if is_due else None


def newest_anchor() -> anchors.Anchor | None:
    """The last anchor of this installation, or None where there is none, or where this process cannot read it."""
    try:
        return anchors.newest(Path(settings.AUDIT_ANCHOR_DIR))
    except OSError:
        return None


def tip_number() -> int:
    """The number of the last entry; 0 where there is none."""
    tip = _tip()
    return tip[0] if tip else 0


def _tip() -> tuple[int, bytes] | None:
    with connection.cursor() as cursor:
        cursor.execute(_TIP)
        found = cursor.fetchone()
    return (found[0], bytes(found[1])) if found else None


def _hashes(numbers: Sequence[int]) -> list[tuple[int, bytes]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, hash FROM audit_auditevent WHERE seq = ANY(%s) ORDER BY seq", [list(numbers)])
        return [(seq, bytes(own_hash)) for seq, own_hash in cursor.fetchall()]


def kept_anchors(file: Path | None = None) -> dict[int, bytes]:
    """The anchors of `file`, or of the installation; none where nothing was anchored yet."""
    chosen = file or Path(settings.AUDIT_ANCHOR_DIR) / anchors.FILE
    return anchors.read(chosen, _anchor_key()) if file or chosen.exists() else {}


def _anchor_key() -> bytes:
    key: str = settings.AUDIT_ANCHOR_KEY
    return key.encode()


def _entries(first: int, tell: Callable[[int], None]) -> Iterator[chain.Entry]:
    """Entries from the one before `first` on, in batches by their number. No cursor and no snapshot is held: entries
    are only ever added behind the last, and what was done to one that was passed is found by the next reading.
    """
    seq = max(first - 1, 1) - 1
    while rows := _batch(seq):
        yield from map(chain.Entry._make, rows)
        seq = rows[-1][0]
        tell(seq)


def _batch(seq: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, [seq, BATCH])
        found: list[Any] = cursor.fetchall()
    return found


def _verify_columns(result: chain.Result, first: int) -> chain.Result:
    with connection.cursor() as cursor:
        cursor.execute(_STILL_GENERATED, [list(GENERATED)])
        free = sorted(set(GENERATED) - {name for (name,) in cursor.fetchall()})
        cursor.execute(_FIRST_THAT_DIFFERS, [first])
        differing = cursor.fetchone()
    if differing:
        sentence = f"the columns of entry {differing[0]} do not say what its text says"
        return result._replace(broken=chain.Break(differing[0], chain.EDITED, sentence))
    if free:
        sentence = f"the column {free[0]} is no longer generated from the text, so it can be edited"
        return result._replace(broken=chain.Break(first, chain.EDITED, sentence))
    return result
