"""Rows that were not done, as a spreadsheet: taken with their versions, filled in, and brought back as jobs.

What changed since the sheet was made is refused by name; what is not in the person's scope is not found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from accounts.access import check, has
from accounts.errors import Refused
from audit import trail
from audit.verbs import Verb
from exceptions import bulk, handling, jobs
from exceptions.models import BulkJob
from exceptions.spreadsheets import Line, Unreadable, read, xlsx
from transactions import formats
from transactions.models import Transaction

if TYPE_CHECKING:
    from accounts.models import User

HEADER: Final = (
    "Transaction",
    "Version",
    "Partner",
    "Payout",
    "Currency",
    "What happened",
    "What to do",
    "Note",
)
WORDS: Final = {"retry": "repush", "ask the bank": "inquire", "send back": "send_back"}
"""What may stand under "What to do", and the deed that it means."""


@dataclass(frozen=True)
class Taken:
    """What became of a sheet: the jobs that it made, and what was wrong with single rows."""

    jobs: list[BulkJob]
    troubles: list[str]


@transaction.atomic
def download(rows: Iterable[tuple[Transaction, str]], *, by: User, what: str) -> bytes:
    """A sheet of these payments with what happened to each. Nothing personal stands in it; that it was taken is
    recorded.
    """
    check(by, handling.RIGHT)
    lines = [
        (
            one.txn_id,
            one.version,
            one.partner.name,
            formats.plain_amount(one.settled_amount, one.settled_currency),
            one.settled_currency,
            told,
            "",
            "",
        )
        for one, told in rows
    ]
    trail.record(Verb.SHEET_DOWNLOADED, by=by, facts={"count": len(lines), "what": what})
    return xlsx("Rows", HEADER, lines)


@transaction.atomic
def bring_back(name: str, body: bytes, *, by: User) -> Taken:
    """Make a job of each deed that the sheet asks for; nothing is done before somebody confirms it.

    Raises Unreadable for what is no such sheet, and Refused where no row asks for anything.
    """
    check(by, handling.RIGHT)
    lines = read(name, body, HEADER)
    found = _payments(lines, by)
    troubles: list[str] = []
    wanted: dict[str, dict[str, tuple[Transaction, dict[str, Any]]]] = {}
    for line in lines:
        reference, version, *_, word, note = line.cells
        deed = WORDS.get(word.lower())
        if not word:
            continue
        if deed is None:
            troubles.append(f"Row {line.number}: “{word[:40]}” is not one of {', '.join(WORDS)}.")
        elif reference not in found:
            troubles.append(f"Row {line.number}: {reference[:60]} is not found.")
        elif any(reference in rows for rows in wanted.values()):
            troubles.append(f"Row {line.number}: {reference} stands in the sheet twice. The first row counts.")
        else:
            data = _data(found[reference], version, note)
            wanted.setdefault(deed, {})[reference] = (found[reference], data)
    if not wanted:
        told = f" {troubles[0]}" if troubles else ""
        raise Refused(f"No row says what to do: {', '.join(WORDS)}.{told}", verb=Verb.BULK_JOB)
    return Taken([_job(deed, list(rows.values()), name, by) for deed, rows in wanted.items()], troubles)


def _payments(lines: Sequence[Line], by: User) -> dict[str, Transaction]:
    names = [line.cells[0] for line in lines if len(line.cells) == len(HEADER)]
    if len(names) != len(lines):
        raise Unreadable("A row has fewer columns than the sheet. Take the sheet anew and fill in its last columns.")
    return {row.txn_id: row for row in Transaction.objects.visible_to(by).among(names).for_list()}


def _data(one: Transaction, version: str, note: str) -> dict[str, Any]:
    data = {"note": note} if note else {}
    if version != str(one.version):
        told = f"{one.txn_id} changed since the sheet was made: version {version[:12] or 'none'}, now {one.version}."
        data["refused"] = f"{told} Look at it again."
    return data


def _job(key: str, rows: list[tuple[Transaction, dict[str, Any]]], name: str, by: User) -> BulkJob:
    deed = bulk.called(key)
    if deed is None or not has(by, deed.permission):
        raise Refused("Your role does not allow what the sheet asks for. Nothing was prepared.", status=403)
    payments, data = [row for row, _ in rows], [extra for _, extra in rows]
    return jobs.prepare(deed, payments, by=by, chosen=f"the rows of {name[:100]}", data=data)
