"""Verifies a dump of the trail on a machine that has nothing but Python.

    python audit/verify_trail.py DUMP --key-file KEY [--anchors FILE]

Needs only this file, chain.py and anchors.py in a folder `audit`. DUMP is a plain pg_dump, or the trail's table alone:
    psql -c "\\copy (SELECT seq, body, prev_hash, hash FROM audit_auditevent ORDER BY seq) TO trail.copy"
Keys come from a file or from the environment (AUDIT_HMAC_KEY, AUDIT_ANCHOR_KEY), never from the command line, where
every user of the machine can read them. Exit 0 and "verified N events to SEQ", or exit 1 and the first broken event.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

if __package__ in (None, ""):
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from audit import anchors, chain


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify the dump that the command line names; print one sentence and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        key = read_key(options.key_file, "AUDIT_HMAC_KEY")
        kept = read_anchors(options.anchors, options.anchor_key_file)
        result = verify_dump(options.dump, key, first=options.first, kept=kept)
    except (OSError, ValueError) as error:
        print(f"cannot verify: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(sentence(result))  # noqa: T201
    return 1 if result.broken else 0


def verify_dump(
    dump: Path, key: bytes, *, first: int = 1, kept: Mapping[int, bytes] = chain.NO_ANCHORS
) -> chain.Result:
    """Verify the entries of a dump from number `first` on; the one before it is taken as it stands."""
    entries = chain.read_dump_file(dump)
    after = (0, chain.GENESIS)
    if first > 1:
        before = next((entry for entry in entries if entry.seq >= first - 1), None)
        if before is None or before.seq != first - 1:
            raise ValueError(f"there is no entry {first - 1} to begin after")
        after = (before.seq, before.hash)
    return chain.verify(entries, key, after=after, anchors={seq: h for seq, h in kept.items() if seq >= after[0]})


def sentence(result: chain.Result) -> str:
    """The outcome as one line: the line of success, or the first broken entry and what was done to it."""
    if result.broken:
        return f"BROKEN at {result.broken.seq} ({result.broken.kind}): {result.broken.sentence}"
    return f"verified {result.verified} events to {result.last_seq}"


def read_key(file: Path | None, variable: str) -> bytes:
    """A key from a file or else from the environment."""
    key = file.read_text().strip() if file else os.environ.get(variable, "").strip()
    if not key:
        raise ValueError(f"no key: name a file that holds it, or set {variable}")
    return key.encode()


def read_anchors(file: Path | None, key_file: Path | None) -> dict[int, bytes]:
    """The anchors of `file`, their signatures checked; none where no file is named."""
    return anchors.read(file, read_key(key_file, "AUDIT_ANCHOR_KEY")) if file else {}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Verify a dump of the trail.")
    parser.add_argument("dump", type=Path, help="a plain pg_dump, or the trail's table alone as COPY text")
    parser.add_argument("--key-file", type=Path, help="holds the trail's key; else AUDIT_HMAC_KEY")
    parser.add_argument("--anchors", type=Path, help="a file of anchors that must stand in the trail")
    parser.add_argument("--anchor-key-file", type=Path, help="holds the key of the anchors; else AUDIT_ANCHOR_KEY")
    parser.add_argument("--from", dest="first", type=int, default=1, metavar="SEQ", help="begin at this entry")
    return parser


if __name__ == "__main__":
    sys.exit(main())
