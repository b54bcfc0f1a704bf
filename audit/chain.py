"""The chain of the trail: canonical text, link and check. Standard library only, so that a copy of this file can
verify a dump on a machine that has nothing else.

An entry is (seq, body, prev_hash, hash). `body` is canonical JSON text, hashed as it stands, byte for byte:
hash = HMAC-SHA256(key, prev_hash || seq as decimal ASCII || "|" || body as UTF-8).
The first entry follows 32 zero bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

GENESIS = bytes(32)


def canonical(facts: dict[str, Any]) -> str:
    """`facts` as the one JSON text that stands for them: keys sorted, no spaces, nothing but ASCII escapes avoided."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def link(key: bytes, prev_hash: bytes, seq: int, body: str) -> bytes:
    """The hash of entry `seq`, which binds it to the entry before it."""
    return hmac.new(key, prev_hash + str(seq).encode() + b"|" + body.encode(), hashlib.sha256).digest()


@dataclass(frozen=True)
class Entry:
    """One row of the trail as it is stored."""

    seq: int
    body: str
    prev_hash: bytes
    hash: bytes


@dataclass(frozen=True)
class Break:
    """The first place where the chain does not hold, and what kind of change looks like this."""

    seq: int
    kind: str
    sentence: str


@dataclass(frozen=True)
class Result:
    """How many entries were verified, up to which one, and the first break if there is one."""

    verified: int
    last_seq: int
    last_hash: bytes
    broken: Break | None


def verify(entries: Iterable[Entry], key: bytes, *, after: tuple[int, bytes] = (0, GENESIS)) -> Result:
    """Check `entries` in order of seq. `after` is the (seq, hash) that the first of them must follow."""
    seq, prev_hash = after
    verified = 0
    for entry in entries:
        broken = _check(entry, key, seq, prev_hash)
        if broken:
            return Result(verified, seq, prev_hash, broken)
        seq, prev_hash, verified = entry.seq, entry.hash, verified + 1
    return Result(verified, seq, prev_hash, None)


def _check(entry: Entry, key: bytes, seq: int, prev_hash: bytes) -> Break | None:
    if entry.seq > seq + 1:
        return Break(seq + 1, "deleted", f"entry {seq + 1} is missing; the next one there is {entry.seq}")
    if entry.seq <= seq:
        return Break(entry.seq, "inserted", f"entry {entry.seq} stands a second time or out of order")
    genuine = hmac.compare_digest(link(key, entry.prev_hash, entry.seq, entry.body), entry.hash)
    if entry.prev_hash != prev_hash:
        kind = "reordered" if genuine else "edited"
        return Break(
            entry.seq, kind, f"entry {entry.seq} does not follow entry {seq}: one of the two was replaced or moved"
        )
    if not genuine:
        return Break(
            entry.seq, "edited", f"entry {entry.seq} is not what was written: its hash does not match its text"
        )
    return None


def read_dump(lines: Iterable[str]) -> Iterator[Entry]:
    """Entries from a text dump: seq, body, prev_hash and hash between tabs, as PostgreSQL's COPY writes them."""
    for line in lines:
        seq, body, prev_hash, own_hash = line.rstrip("\n").split("\t")
        yield Entry(int(seq), _unescape(body), _bytes(prev_hash), _bytes(own_hash))


def _bytes(text: str) -> bytes:
    """A bytea column as COPY writes it: two backslashes, an x, hexadecimal digits."""
    return bytes.fromhex(text.removeprefix("\\\\x").removeprefix("\\x"))


_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    out, chars = [], iter(text)
    for char in chars:
        if char == "\\":
            following = next(chars, "")
            out.append(_ESCAPES.get(following, following))
        else:
            out.append(char)
    return "".join(out)
