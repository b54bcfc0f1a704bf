"""Verifying the trail of the running database, and anchoring it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection, transaction

from audit import anchors, chain

BATCH: Final = 5_000
GENERATED: Final = ("at", "verb", "actor", "object_type", "object_id", "request_id", "result")

_ENTRIES = "SELECT seq, body, prev_hash, hash FROM audit_auditevent WHERE seq >= %s ORDER BY seq"
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


def verify_live(*, first: int = 1, kept: Mapping[int, bytes] = chain.NO_ANCHORS) -> chain.Result:
    """Verify the trail from entry `first` on: the chain, the anchors (read them before calling this), and that the
    columns by which the trail is searched say what the hashed text says.

    Raises ValueError where there is no entry to begin after.
    """
    with transaction.atomic():
        entries = _entries(first)
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
    """Anchor the end of the trail, if something was added since the last anchor."""
    with connection.cursor() as cursor:
        cursor.execute(_TIP)
        tip = cursor.fetchone()
    if tip is None:
        return None
    return anchors.write(Path(settings.AUDIT_ANCHOR_DIR), _anchor_key(), seq=tip[0], own_hash=bytes(tip[1]))


def kept_anchors(file: Path | None = None) -> dict[int, bytes]:
    """The anchors of `file`, or of the installation; none where nothing was anchored yet."""
    chosen = file or Path(settings.AUDIT_ANCHOR_DIR) / anchors.FILE
    return anchors.read(chosen, _anchor_key()) if file or chosen.exists() else {}


def _anchor_key() -> bytes:
    key: str = settings.AUDIT_ANCHOR_KEY
    return key.encode()


def _entries(first: int) -> Iterator[chain.Entry]:
    """Entries from the one before `first` on, read in batches by a cursor of the server."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(_ENTRIES, [max(first - 1, 1)])
        while rows := cursor.fetchmany(BATCH):
            yield from map(chain.Entry._make, rows)


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
