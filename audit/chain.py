"""The chain of the trail: canonical text, link and check. Standard library only, so that a copy of this file can
verify a dump on a machine that has nothing else.

An entry is (seq, body, prev_hash, hash). `body` is canonical JSON text and is hashed as it stands, byte for byte:
hash = HMAC-SHA256(key, prev_hash || seq as decimal ASCII || "|" || body as UTF-8). The first follows 32 zero bytes.

What the chain alone cannot show is a tail that was cut off, or a rewrite by somebody who has the key. For that there
are anchors (audit.anchors): hashes that were kept outside the database.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

GENESIS: Final = bytes(32)
REACH: Final = 20_000  # how far around a break an entry's original number is looked for
NO_ANCHORS: Final[Mapping[int, bytes]] = MappingProxyType({})

EDITED: Final = "edited"
DELETED: Final = "deleted"
INSERTED: Final = "inserted"
REORDERED: Final = "reordered"
RE_CHAINED: Final = "re-chained"
CUT_TAIL: Final = "cut tail"


def canonical(facts: dict[str, Any]) -> str:
    """`facts` as the one JSON text that stands for them: keys sorted, no spaces, nothing but ASCII escapes avoided."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def link(key: bytes, prev_hash: bytes, seq: int, body: str) -> bytes:
    """The hash of entry `seq`, which binds it to the entry before it."""
    return hmac.digest(key, b"%b%d|%b" % (prev_hash, seq, body.encode("utf-8", "surrogatepass")), "sha256")


class Entry(NamedTuple):
    """One row of the trail as it is stored."""

    seq: int
    body: str
    prev_hash: bytes
    hash: bytes


class Break(NamedTuple):
    """The first place where the chain does not hold, and what kind of change looks like this.

    `expected` is the hash that should stand there and `actual` the one that does, where both are known.
    """

    seq: int
    kind: str
    sentence: str
    expected: bytes = b""
    actual: bytes = b""


class Result(NamedTuple):
    """How many entries were verified, up to which one, and the first break if there is one."""

    verified: int
    last_seq: int
    last_hash: bytes
    broken: Break | None


def verify(
    entries: Iterable[Entry],
    key: bytes,
    *,
    after: tuple[int, bytes] = (0, GENESIS),
    anchors: Mapping[int, bytes] = NO_ANCHORS,
) -> Result:
    """Check `entries` in order of seq. `after` is the (seq, hash) that the first of them must follow.

    `anchors` are hashes by seq whose signatures were checked (audit.anchors.read): each must stand in the trail.
    """
    seq, prev_hash = after
    verified = 0
    if seq in anchors and anchors[seq] != prev_hash:
        return Result(0, seq, prev_hash, _rewritten(seq, anchors[seq], prev_hash))
    following = iter(entries)
    for entry in following:
        if broken := _check(entry, key, seq, prev_hash, following):
            hashes = (link(key, prev_hash, seq + 1, entry.body), entry.hash) if entry.seq == seq + 1 else (b"", b"")
            return Result(verified, seq, prev_hash, broken._replace(expected=hashes[0], actual=hashes[1]))
        if entry.seq in anchors and anchors[entry.seq] != entry.hash:
            return Result(verified, seq, prev_hash, _rewritten(entry.seq, anchors[entry.seq], entry.hash))
        seq, prev_hash, verified = entry.seq, entry.hash, verified + 1
    if (newest := max(anchors, default=0)) > seq:
        return Result(verified, seq, prev_hash, _cut(seq, newest))
    return Result(verified, seq, prev_hash, None)


def _check(entry: Entry, key: bytes, seq: int, prev_hash: bytes, following: Iterator[Entry]) -> Break | None:
    if entry.seq > seq + 1:
        gone = f"entry {seq + 1} is" if entry.seq == seq + 2 else f"entries {seq + 1} to {entry.seq - 1} are"
        return Break(seq + 1, DELETED, f"{gone} missing: after {seq} comes {entry.seq}")
    if entry.seq <= seq:
        return Break(entry.seq, INSERTED, f"entry {entry.seq} stands a second time")
    if entry.prev_hash == prev_hash and _is_genuine(entry, key):
        return None
    return _explain(entry, key, following)


def _is_genuine(entry: Entry, key: bytes) -> bool:
    return hmac.compare_digest(link(key, entry.prev_hash, entry.seq, entry.body), entry.hash)


def _explain(entry: Entry, key: bytes, following: Iterator[Entry]) -> Break:
    """What was done to `entry`, judged by the number under which it and the next one were written."""
    here, written_as = entry.seq, _original_number(entry, key)
    after = next(following, None)
    after_written_as = _original_number(after, key) if after else None
    if written_as is None:
        return _explain_forgery(entry, key, after, after_written_as, following)
    if written_as == here:
        sentence = f"entry {here} was written after another one than is there: that was replaced by a holder of the key"
        return Break(max(1, here - 1), EDITED, sentence)
    if after_written_as == here and written_as != here + 1:
        sentence = f"entry {here} is a copy of entry {written_as}; the following ones were renumbered"
        return Break(here, INSERTED, sentence)
    if written_as > here and (after is None or after_written_as == written_as + 1):
        gone = f"entry {here} was" if written_as == here + 1 else f"entries {here} to {written_as - 1} were"
        return Break(here, DELETED, f"{gone} deleted and the following ones renumbered")
    return Break(here, REORDERED, f"entry {here} was written as entry {written_as} and moved here")


def _explain_forgery(
    entry: Entry, key: bytes, after: Entry | None, after_written_as: int | None, following: Iterator[Entry]
) -> Break:
    here = entry.seq
    if after is None:
        return Break(here, EDITED, f"entry {here}, the last one, was edited, or added by somebody without the key")
    if after_written_as == here:
        return Break(here, INSERTED, f"entry {here} was never written by us; the following ones were renumbered")
    linked = after_written_as is None and after.prev_hash == entry.hash
    if linked and not any(_is_genuine(later, key) for later in following):
        return Break(here, RE_CHAINED, f"from entry {here} on every hash was made with another key than the one given")
    return Break(here, EDITED, f"entry {here} is not what was written: its hash does not match its text")


def _original_number(entry: Entry, key: bytes) -> int | None:
    """The number under which `entry` was written, or None when it is not a text of ours."""
    near = (entry.seq, entry.seq + 1, entry.seq - 1)
    far = range(max(1, entry.seq - REACH), entry.seq + REACH)
    return next((seq for seq in (*near, *far) if link(key, entry.prev_hash, seq, entry.body) == entry.hash), None)


def _rewritten(seq: int, anchored: bytes, found: bytes) -> Break:
    sentence = f"entry {seq} is not the one that was anchored: the trail was rewritten with the key"
    return Break(seq, RE_CHAINED, sentence, anchored, found)


def _cut(seq: int, newest: int) -> Break:
    return Break(seq + 1, CUT_TAIL, f"the trail ends at entry {seq}, but entry {newest} was anchored")


# -- dumps ------------------------------------------------------------------------------------------------------------

COLUMNS: Final = ("seq", "body", "prev_hash", "hash")
COPY: Final = re.compile(r"^COPY (?:public\.)?audit_auditevent \(([^)]*)\) FROM stdin;$")
END_OF_COPY: Final = "\\."
ESCAPE: Final = re.compile(r"\\(.)")
ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def read_dump(lines: Iterable[str]) -> Iterator[Entry]:
    """Entries from a text dump: `seq TAB body TAB prev_hash hex TAB hash hex`, as PostgreSQL's COPY text format writes
    them, either alone or within a plain pg_dump. Raises ValueError for a line that cannot be read.
    """
    numbered = enumerate(lines, start=1)
    for number, line in _rows(numbered):
        try:
            seq, body, prev_hash, own_hash = line.split("\t")
            yield Entry(int(seq), _unescape(body), _bytes(prev_hash), _bytes(own_hash))
        except ValueError as error:
            raise ValueError(f"line {number} of the dump is not an entry of the trail") from error


def read_dump_file(path: Path) -> Iterator[Entry]:
    """Entries of a dump in order of seq. One whose lines are out of order (rows that were updated move to the end of a
    table) is sorted in memory; PostgreSQL's own order is streamed.
    """
    numbers = map(_number, _rows(enumerate(_lines(path), start=1)))
    if all(first <= second for first, second in pairwise(numbers)):
        yield from read_dump(_lines(path))
    else:
        yield from sorted(read_dump(_lines(path)), key=lambda entry: entry.seq)


def _number(numbered: tuple[int, str]) -> int:
    seq = numbered[1].partition("\t")[0]
    return int(seq) if seq.isdecimal() else 0


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        yield from file


def _rows(numbered: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines that hold rows of the trail: all of them, or the trail's own part of a pg_dump."""
    inside, found = False, True
    for number, raw in numbered:
        line = raw.rstrip("\n")
        if number == 1:
            inside = found = line[:1].isdigit()
        if not inside:
            inside = found = _begins_our_part(line)
        elif line == END_OF_COPY:
            return
        else:
            yield number, line
    if not found:
        raise ValueError("the dump holds no audit_auditevent")


def _begins_our_part(line: str) -> bool:
    begins = COPY.match(line)
    if begins and tuple(name.strip() for name in begins[1].split(",")) != COLUMNS:
        raise ValueError(f"the dump holds the columns {begins[1]} of the trail, not {', '.join(COLUMNS)}")
    return begins is not None


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("\\\\x").removeprefix("\\x"))


def _unescape(text: str) -> str:
    return ESCAPE.sub(lambda found: ESCAPES.get(found[1], found[1]), text) if "\\" in text else text
