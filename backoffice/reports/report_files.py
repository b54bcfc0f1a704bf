"""A report as a file: the same parts as on screen, in CSV, XLSX or PDF, with who took it, when, and what was asked.

CSV and XLSX hold one table: a column "Part", then every column of every part; money is a plain number in a column of
its currency. Their last rows say what the file is, so that the first row is the header. Nothing personal is in it.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from backoffice.reports import writing
from backoffice.reports.catalogue import Cell, Listed, Money, Part, Report, ReportGround
from backoffice.reports.figures import Figure
from backoffice.reports.writing import Value
from exceptions.spreadsheets import CSV_TYPE, XLSX_TYPE
from transactions import formats, printing

if TYPE_CHECKING:
    from accounts.models import User

PART: Final = "Part"
WIDE_FROM: Final = 6
"""A table of so many columns is printed on turned paper."""


@dataclass(frozen=True)
class Printed:
    """What a file is made of."""

    report: Report
    ground: ReportGround
    parts: Sequence[Part]
    by: User

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What the file is: the report, what was asked, when it was made, in which zone, by whom."""
        made = formats.when_in_detail(self.ground.now, self.ground.zone)
        return [
            ("Report", self.report.title),
            ("Asked for", self.ground.in_words),
            ("Made", f"{made} ({self.ground.now.astimezone(self.ground.zone).isoformat(timespec='seconds')})"),
            ("By", f"{self.by} ({self.by.username})"),
            ("Rows", "Only what this person may see. No personal data."),
        ]


def words_of(cell: Cell) -> str:
    """A cell in words, as paper holds it."""
    match cell:
        case Figure() | Listed():
            return formats.number(cell.number)
        case Money():
            return ", ".join(formats.money(value, currency) for currency, value in cell.worth)
        case dt.timedelta():
            return formats.duration(cell)
        case int():
            return formats.number(cell)
    return cell or ""


# -- one table --------------------------------------------------------------------------------------------------------


def table_of(printed: Printed) -> tuple[list[str], list[list[Value]]]:
    """The header and the rows of the one table of a CSV or XLSX file."""
    header = [PART]
    for part in printed.parts:
        header += [name for name in _columns(part) if name not in header]
    rows: list[list[Value]] = []
    for part in printed.parts:
        for row in part.rows:
            values = {PART: part.title, **dict(_values(part, row))}
            rows.append([values.get(name) for name in header])
    while len(header) < 3:
        header.append("")
    rows += [["About this file", *pair, *[None] * (len(header) - 3)] for pair in printed.facts]
    return header, [row + [None] * (len(header) - len(row)) for row in rows]


def _columns(part: Part) -> list[str]:
    names: list[str] = []
    for row in part.rows:
        names += [name for name, _ in _values(part, row) if name not in names]
    in_order = [
        name for at, head in enumerate(part.head) for name in names if name == _named(head, at) or _is_money(name, head)
    ]
    return list(dict.fromkeys(in_order))


def _is_money(name: str, head: str) -> bool:
    return len(name) == len(head) + 4 and name.startswith(f"{head} ") and name[-3:].isupper()


def _named(head: str, at: int) -> str:
    return head or ("Line" if at == 0 else f"Column {at + 1}")


def _values(part: Part, row: Sequence[Cell]) -> Iterator[tuple[str, Value]]:
    for at, (head, cell) in enumerate(zip(part.head, row, strict=True)):
        match cell:
            case Money():
                yield from ((f"{head} {currency}", _plain(value, currency)) for currency, value in cell.worth)
            case Figure() | Listed():
                yield _named(head, at), cell.number
            case dt.timedelta():
                yield f"{_named(head, at)} (minutes)", Decimal(round(cell.total_seconds() / 6)) / 10
            case _:
                yield _named(head, at), cell


def _plain(value: Decimal, currency: str) -> Decimal:
    return Decimal(formats.plain_amount(value, currency))


def _csv(printed: Printed) -> bytes:
    out = io.BytesIO()
    header, rows = table_of(printed)
    writing.write_csv(out, header, rows, zone=printed.ground.zone)
    return out.getvalue()


def _xlsx(printed: Printed) -> bytes:
    out = io.BytesIO()
    header, rows = table_of(printed)
    writing.write_xlsx(out, header, rows, zone=printed.ground.zone, title=printed.report.title[:31])
    return out.getvalue()


# -- paper ------------------------------------------------------------------------------------------------------------


def _pdf(printed: Printed) -> bytes:
    flowables = [printing.facts(printed.facts)]
    wide = any(len(part.head) > WIDE_FROM for part in printed.parts)
    room = printing.ROOM_LYING if wide else printing.ROOM
    for part in printed.parts:
        flowables.append(printing.heading(part.title))
        if part.note:
            flowables.append(printing.text(part.note, printing.QUIET))
        if part.rows:
            rows = [[words_of(cell) for cell in row] for row in part.rows]
            flowables.append(printing.table(part.head, rows, numbers=part.numbers, room=room))
        else:
            flowables.append(printing.text(part.empty))
    made = formats.when_in_detail(printed.ground.now, printed.ground.zone)
    footer = f"{printed.report.title}. Printed by {printed.by} ({printed.by.username}), {made}."
    return printing.document(printed.report.title, flowables, footer=footer, wide=wide)


@dataclass(frozen=True)
class Kind:
    """A kind of file."""

    key: str
    label: str
    content_type: str
    made: Callable[[Printed], bytes]


KINDS: Final = {
    kind.key: kind
    for kind in (
        Kind("csv", "CSV", CSV_TYPE, _csv),
        Kind("xlsx", "XLSX", XLSX_TYPE, _xlsx),
        Kind("pdf", "PDF", "application/pdf", _pdf),
    )
}


def name_of(printed: Printed, kind: Kind) -> str:
    """ "daily-2026-11-24.csv"."""
    return f"{printed.report.slug}-{printed.ground.file_days}.{kind.key}"
