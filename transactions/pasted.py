"""A pasted list of references: each line answered in its place, all of them by one statement inside the scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from accounts.access import has
from transactions.models import Transaction
from transactions.reading import Kind, Reading
from transactions.search import BY_PERSON, matches_of

if TYPE_CHECKING:
    from accounts.models import User


class Verdict(StrEnum):
    """What became of a line. The value is the word of the page."""

    FOUND = "Found"
    SEVERAL = "Several found"
    NOT_FOUND = "Not found"
    TWICE = "Twice in your list"
    CHECK_DIGIT = "Check digit wrong"


@dataclass(frozen=True)
class Line:
    """One line of the list: what was given, what became of it, and the transaction if it is the only one."""

    number: int
    given: str
    verdict: Verdict
    transaction: Transaction | None = None
    first_at: int = 0


@dataclass(frozen=True)
class Lookup:
    """The answer to a pasted list, in its order; `count` transactions were found."""

    lines: Sequence[Line]
    count: int
    is_withheld: bool

    @cached_property
    def counts(self) -> list[tuple[str, int]]:
        """How many lines there are of each verdict; those without any are left out."""
        counted = [(verdict.value, sum(line.verdict is verdict for line in self.lines)) for verdict in Verdict]
        return [(word, number) for word, number in counted if number]


def look_up(reading: Reading, user: User) -> Lookup:
    """Look for every piece as a reference of any kind, and for IBANs by account where the reader has the right."""
    matches = matches_of(reading, user)
    only = {next(iter(pks)) for pks in matches.values() if len(pks) == 1}
    rows = {row.pk: row for row in Transaction.objects.visible_to(user).filter(pk__in=only).for_rows()}
    first: dict[str, int] = {}
    lines = []
    for number, piece in enumerate(reading.pieces, 1):
        at = first.setdefault(piece.key or piece.text, number)
        lines.append(_line(number, at, piece, [rows[pk] for pk in matches.get(piece.key, ()) if pk in rows], matches))
    count = len({pk for pks in matches.values() for pk in pks})
    return Lookup(lines, count, is_withheld=Kind.IBAN in reading.kinds and not has(user, BY_PERSON))


def _line(number: int, at: int, piece: Reading, rows: Sequence[Transaction], matches: dict[str, set[int]]) -> Line:
    if at != number:
        return Line(number, piece.text, Verdict.TWICE, rows[0] if len(rows) == 1 else None, first_at=at)
    if len(matches.get(piece.key, ())) > 1:
        return Line(number, piece.text, Verdict.SEVERAL)
    if rows:
        return Line(number, piece.text, Verdict.FOUND, rows[0])
    wrong = Kind.IBAN in piece.kinds and not piece.iban_fits
    return Line(number, piece.text, Verdict.CHECK_DIGIT if wrong else Verdict.NOT_FOUND)
