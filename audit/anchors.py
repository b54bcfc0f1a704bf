"""Anchors: hashes of the trail kept outside the database, so that a cut tail or a rewrite with the key is found.

Standard library only; the verifier reads them on a machine that has nothing else. The file `anchors.jsonl` holds one
JSON line per anchor, {"seq", "hash", "at", "after", "signature"}: `hash` is that of entry `seq`, `after` the signature
of the anchor before, `signature` the HMAC-SHA256 of the rest, made with AUDIT_ANCHOR_KEY, which is not the trail's key.

**Where else anchors can go.** The folder AUDIT_ANCHOR_DIR is the hook: mount there what the database's administrator
cannot write, or set the file append-only (`chattr +a`), or copy each new line elsewhere, for example
`tail -n +1 -F anchors.jsonl | logger --server loghost` or a cron job to a write-once bucket. In the program, a function
added to LISTENERS is called with each new anchor after it was written; one that raises is logged and stops nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

FILE: Final = "anchors.jsonl"
AT: Final = "%Y-%m-%dT%H:%M:%SZ"


class BadAnchorError(ValueError):
    """The file of anchors was changed, or was signed with another key. The sentence names the line."""


@dataclass(frozen=True)
class Anchor:
    """What stood at the end of the trail at some moment, signed."""

    seq: int
    hash: str
    at: str
    after: str
    signature: str = ""

    @property
    def made_at(self) -> datetime:
        return datetime.strptime(self.at, AT).replace(tzinfo=UTC)

    def line(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def signed(self, key: bytes) -> Anchor:
        return Anchor(self.seq, self.hash, self.at, self.after, self._sign(key))

    def is_genuine(self, key: bytes) -> bool:
        return hmac.compare_digest(self.signature, self._sign(key))

    def _sign(self, key: bytes) -> str:
        said = f"{self.seq}|{self.hash}|{self.at}|{self.after}"
        return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()


LISTENERS: list[Callable[[Anchor], None]] = []


def write(folder: Path, key: bytes, *, seq: int, own_hash: bytes, now: datetime | None = None) -> Anchor | None:
    """Add an anchor for entry `seq`, unless one stands there already. The line is on the disk when this returns."""
    return next(iter(write_all(folder, key, [(seq, own_hash)], now=now)), None)


def write_all(
    folder: Path, key: bytes, ends: Iterable[tuple[int, bytes]], *, now: datetime | None = None
) -> list[Anchor]:
    """Add an anchor for each (seq, hash) beyond the last one, in order of seq; all are on the disk when this returns.
    A number that is anchored already is passed over.
    """
    folder.mkdir(parents=True, exist_ok=True)
    at = (now or datetime.now(UTC)).strftime(AT)
    written: list[Anchor] = []
    with (folder / FILE).open("a+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        last = _last(folder / FILE)
        if _is_torn(folder / FILE):
            file.write("\n")
        for seq, own_hash in ends:
            if last is None or seq > last.seq:
                last = Anchor(seq, own_hash.hex(), at, last.signature if last else "").signed(key)
                file.write(last.line() + "\n")
                written.append(last)
        file.flush()
        os.fsync(file.fileno())
    for anchor in written:
        _tell(anchor)
    return written


def read(file: Path, key: bytes) -> dict[int, bytes]:
    """The anchored hashes by seq. Raises BadAnchorError at the first line that is not as it was written.

    A line that was torn by a crash is passed over where the next one follows the line before it.
    """
    anchors: dict[int, bytes] = {}
    before, torn = "", 0
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            anchor = _parse(line)
            if anchor is None:
                torn = torn or number
                continue
            if not anchor.is_genuine(key):
                raise BadAnchorError(f"anchor {number} (entry {anchor.seq}) was edited, or signed with another key")
            if anchor.after != before:
                raise BadAnchorError(f"anchor {number} (entry {anchor.seq}) does not follow the one before it")
            before, torn = anchor.signature, 0
            anchors[anchor.seq] = bytes.fromhex(anchor.hash)
    if torn:
        raise BadAnchorError(f"anchor {torn} cannot be read")
    return anchors


def newest(folder: Path) -> Anchor | None:
    """The last anchor that was written, or None where there is none yet."""
    file = folder / FILE
    return _last(file) if file.exists() else None


def _last(file: Path) -> Anchor | None:
    parsed = map(_parse, reversed(_tail(file).splitlines()))
    return next((anchor for anchor in parsed if anchor), None)


def _is_torn(file: Path) -> bool:
    tail = _tail(file)
    return bool(tail) and not tail.endswith(b"\n")


def _tail(file: Path) -> bytes:
    with file.open("rb") as content:
        size = content.seek(0, os.SEEK_END)
        content.seek(max(0, size - 8192))
        return content.read()


def _parse(line: bytes) -> Anchor | None:
    try:
        anchor = Anchor(**json.loads(line))
        bytes.fromhex(anchor.hash)
    except (ValueError, TypeError):
        return None
    return anchor


def _tell(anchor: Anchor) -> None:
    for listener in LISTENERS:
        try:
            listener(anchor)
        except Exception:
            log.exception("an anchor could not be sent on by %s", listener)
