"""Events and instructions out of files: NDJSON, CSV and OpenRemit's push bodies (DECISIONS.md section 13).

An instruction without an envelope gets one: its transaction id and event id are made of the partner and the partner's
reference, so that the same file imported again is a repeat.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from backoffice.gateway import strict_json
from backoffice.gateway.judging import IMPORTED
from backoffice.gateway.kinds import is_absent
from backoffice.gateway.validator import Error, Rejected
from transactions.vocabulary import EventType

CHUNK: Final = 1_000
LONGEST_SUBJECT: Final = 100
_SAFE: Final = ":+"  # beside letters, digits and . _ - ~, of which the last is quoted by hand


class UnreadableFile(ValueError):
    """The file is not of a kind that can be imported; the sentence says why."""


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file: their numbers (from 1), what stands there, and the bytes they came from."""

    rows: list[int]
    events: list[object]
    body: bytes
    warning: str = ""


@dataclass(frozen=True)
class Origin:
    """Where instructions without an envelope come from: the file, the partner unless a row names one, the moment."""

    name: str
    partner: str
    at: datetime


def chunks(path: Path, origin: Origin) -> Iterator[Chunk]:
    """The rows of a file in chunks. Raises UnreadableFile when nothing of it can be read."""
    if path.suffix.lower() == ".csv":
        yield from _csv(path, origin)
    elif (push := _push_body(path)) is not None:
        yield _push(push, path.read_bytes(), origin)
    else:
        yield from _ndjson(path, origin)


# -- NDJSON -----------------------------------------------------------------------------------------------------------


def _ndjson(path: Path, origin: Origin) -> Iterator[Chunk]:
    with path.open("rb") as file:
        numbered = enumerate(file, 1)
        while lines := list(islice(numbered, CHUNK)):
            filled = [(row, line) for row, line in lines if line.strip()]
            told = [_line(line, row, origin) for row, line in filled]
            yield Chunk([row for row, _ in filled], told, b"".join(line for _, line in lines))


def _line(line: bytes, row: int, origin: Origin) -> object:
    try:
        value = strict_json.loads(line)
    except strict_json.Unreadable as unreadable:
        return Rejected([Error(field=f"line {row}", message=unreadable.sentence)])
    if isinstance(value, dict) and "specversion" not in value:
        return enveloped(value, origin, row)
    return value


# -- CSV --------------------------------------------------------------------------------------------------------------


def _csv(path: Path, origin: Origin) -> Iterator[Chunk]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        taken: list[str] = []
        try:
            reader = csv.DictReader(_recording(file, taken), strict=True)
            if not reader.fieldnames:
                raise UnreadableFile("The file is empty. Its first line names the fields.")
            numbered = enumerate(reader, 1)
            while rows := list(islice(numbered, CHUNK)):
                told = [_row(cells, row, origin) for row, cells in rows]
                yield Chunk([row for row, _ in rows], told, "".join(taken).encode())
                taken.clear()
        except csv.Error as error:
            raise UnreadableFile(f"Line {reader.line_num} is not CSV: {error}.") from None
        except UnicodeDecodeError as error:
            raise UnreadableFile(f"Byte {error.start + 1} is not UTF-8. Save the file as UTF-8.") from None


def _recording(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line


def _row(cells: dict[Any, Any], row: int, origin: Origin) -> object:
    if None in cells or None in cells.values():
        told = "has more or fewer cells than the first line has names. Send one cell per name."
        return Rejected([Error(field=f"row {row}", message=f"Row {row} {told}")])
    instruction: dict[str, Any] = {}
    for name, value in cells.items():
        if not is_absent(value):
            _put(instruction, name.strip().split("."), value)
    return enveloped(instruction, origin, row)


def _put(held: dict[str, Any], path: list[str], value: str) -> None:
    """Set transactionDetails.payingAmount and the like; a name that is both a value and an object keeps the object."""
    for name in path[:-1]:
        inner = held.get(name)
        held = held.setdefault(name, {}) if isinstance(inner, dict) or inner is None else held
    held[path[-1]] = value


# -- push bodies ------------------------------------------------------------------------------------------------------


def _push_body(path: Path) -> dict[str, Any] | None:
    """The file as one push body, or None when it is something else."""
    if path.suffix.lower() in (".ndjson", ".jsonl"):
        return None
    try:
        value = strict_json.loads(path.read_bytes())
    except strict_json.Unreadable:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("transactions"), list) else None


def _push(push: dict[str, Any], body: bytes, origin: Origin) -> Chunk:
    transactions, request = push["transactions"], push.get("requestId")
    shared = {} if is_absent(request) else {"requestId": request}
    told = [
        enveloped({**shared, **one}, origin, row) if isinstance(one, dict) else one
        for row, one in enumerate(transactions, 1)
    ]
    return Chunk(list(range(1, len(told) + 1)), told, body, _warning(push, len(transactions)))


def _warning(push: dict[str, Any], count: int) -> str:
    total = push.get("totalTransactions")
    if is_absent(total) or str(total) == str(count):
        return ""
    return f"totalTransactions says {total}, but there are {count}."


# -- envelopes --------------------------------------------------------------------------------------------------------


def enveloped(instruction: dict[str, Any], origin: Origin, row: int) -> dict[str, Any]:
    """An instruction as an event, named after its partner and the partner's reference."""
    partner = instruction.get("partner")
    if is_absent(partner):
        partner = origin.partner
        instruction = {**instruction, "partner": partner}
    details = instruction.get("transactionDetails")
    reference = details.get("partnerReference") if isinstance(details, dict) else None
    if is_absent(reference):
        reference = instruction.get("partnerReference")
    subject = subject_of(str(partner), reference.strip() if isinstance(reference, str) else f"row-{row}")
    return {
        "specversion": "1.0",
        "id": f"{IMPORTED}{subject}",
        "source": f"/import/{origin.name}"[:200],
        "type": EventType.RECEIVED.value,
        "subject": subject,
        "time": origin.at.isoformat(),
        "sequence": 1,
        "data": instruction,
    }


def subject_of(partner: str, reference: str) -> str:
    """IMP-<partner>-<reference>; what an address cannot hold is percent-quoted, what is too long is hashed."""
    plain = _quoted(f"IMP-{partner}-{reference}")
    if len(plain) <= LONGEST_SUBJECT:
        return plain
    return f"{_quoted(f'IMP-{partner}')[:60]}-{hashlib.sha256(reference.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _quoted(text: str) -> str:
    return quote(text, safe=_SAFE, errors="replace").replace("~", "%7E")
