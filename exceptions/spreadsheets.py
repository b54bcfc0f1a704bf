"""Reads and writes the spreadsheets that people bring and take: XLSX and CSV, within limits that no file gets past.

A file is hostile until it is read: its size, what it unpacks to, its columns, rows and cells are bounded before they
are believed, and every refusal is a sentence. Its name is text and never a path. Nothing here looks anything up.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils.exceptions import InvalidFileException

MOST_BYTES: Final = 5 * 1024 * 1024
MOST_UNPACKED: Final = 12 * 1024 * 1024
MOST_PARTS: Final = 100
MOST_ROWS: Final = 10_000
LONGEST_CELL: Final = 300
LONGEST_LINE: Final = 4_000
ZIP: Final = b"PK\x03\x04"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV_TYPE: Final = "text/csv; charset=utf-8"
WIDEST: Final = 100
_ROW: Final = re.compile(rb"<(?:\w+:)?row\b")
_CELL: Final = re.compile(rb"<(?:\w+:)?c[\s/>]")
_IN_BRACKETS: Final = re.compile(r"\([^)]*\)")
_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]+")
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\x00")
"""What a program takes for the beginning of a formula; in CSV such a text is led by an apostrophe."""


class Unreadable(ValueError):
    """The file cannot be taken; `sentence` says why and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Line:
    """One row below the header: its number in the file and the texts of its cells."""

    number: int
    cells: tuple[str, ...]


def read(name: str, body: bytes, header: Sequence[str], *, most: int = MOST_ROWS) -> list[Line]:
    """The rows of a file whose first row is `header`. Raises Unreadable for anything else, however it was made."""
    if not body:
        raise Unreadable("The file is empty. Fill in the template and upload it again.")
    if len(body) > MOST_BYTES:
        raise Unreadable(f"The file is larger than {MOST_BYTES // 1024 // 1024} MB. Split it into several.")
    kind = name.lower().rpartition(".")[2]
    if kind not in ("xlsx", "csv"):
        raise Unreadable("Only XLSX and CSV files can be read. Save it as one of them.")
    is_zip = body.startswith(ZIP)
    if is_zip != (kind == "xlsx"):
        raise Unreadable(f"This is no {kind.upper()} file, although its name ends so. Save it again as {kind.upper()}.")
    rows = _xlsx(body, len(header), most) if is_zip else _csv(body, len(header), most)
    return list(_lines(rows, header, most))


def _lines(rows: Iterator[list[str]], header: Sequence[str], most: int) -> Iterator[Line]:
    first = next(rows, None)
    if first is None or not any(first):
        raise Unreadable("The file is empty. Fill in the template and upload it again.")
    _check_header(first, header)
    number = 0
    for number, cells in enumerate(rows, 2):
        if number > most + 1:
            raise Unreadable(f"The file has more than {most:,} rows. Split it into several.")
        for column, text in zip(header, cells, strict=False):
            if len(text) > LONGEST_CELL:
                raise Unreadable(f"Row {number}: “{column}” is longer than {LONGEST_CELL} characters. Correct it.")
        if any(cells):
            yield Line(number, tuple(cells[: len(header)]))
    if number == 0:
        raise Unreadable("The file has a header and no rows. Fill in the template and upload it again.")


def _check_header(first: Sequence[str], header: Sequence[str]) -> None:
    if len(first) > len(header) and any(first[len(header) :]):
        raise Unreadable(f"The file has more than {len(header)} columns. Download the template and use its columns.")
    for place, wanted in enumerate(header):
        found = first[place] if place < len(first) else ""
        if _plain(found) != _plain(wanted):
            told = f"is “{found[:60]}”" if found else "is missing"
            raise Unreadable(f"Column {place + 1} {told}; it must be “{wanted}”. Download the template again.")


def _plain(text: str) -> str:
    return _NOT_A_WORD.sub("", _IN_BRACKETS.sub("", text.lower()))


# -- XLSX -------------------------------------------------------------------------------------------------------------


def _xlsx(body: bytes, columns: int, most: int) -> Iterator[list[str]]:
    _check_parts(body)
    try:
        book = load_workbook(io.BytesIO(body), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        for row in islice(sheet.iter_rows(max_col=columns + 1, values_only=True), most + 3):
            yield [_text(value) for value in row]
    except DefusedXmlException:
        raise Unreadable("The file holds definitions that no spreadsheet needs, so it is not opened.") from None
    except (ParseError, InvalidFileException, zipfile.BadZipFile, KeyError, IndexError, ValueError, OSError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(
            "The file cannot be read as a spreadsheet. Open it, save it again as XLSX and retry."
        ) from None


def _check_parts(body: bytes) -> None:
    """What the archive unpacks to, before anything is unpacked: Python reads no part further than it declares."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            parts = archive.infolist()
            _check_archive(parts)
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    _check_part(archive.read(part))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("The file is damaged. Open it, save it again as XLSX and retry.") from None


def _check_archive(parts: Sequence[zipfile.ZipInfo]) -> None:
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        raise Unreadable("This is no XLSX file, although its name ends so. Save it again as XLSX.")
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise Unreadable("The file unpacks to far more than a list of this kind holds, so it is not opened.")
    if any(part.flag_bits & 0x1 for part in parts):
        raise Unreadable("The file is protected by a password. Save it without one.")


def _check_part(text: bytes) -> None:
    """Nothing that multiplies, and no row that is far too wide, before anything is made of it."""
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise Unreadable("The file holds definitions that no spreadsheet needs, so it is not opened.")
    if any(len(_CELL.findall(row)) > WIDEST for row in _ROW.split(text)):
        raise Unreadable(f"A row has more than {WIDEST} columns. Download the template and use its columns.")


def _text(value: Any) -> str:
    """What stands in a cell, as somebody would type it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case dt.datetime():
            return value.date().isoformat()
        case dt.date():
            return value.isoformat()
        case float():
            plain = format(Decimal(repr(value)), "f")
            return plain.rstrip("0").rstrip(".") if "." in plain else plain
        case _:
            return " ".join(str(value).replace("\x00", "").split())


# -- CSV --------------------------------------------------------------------------------------------------------------


def _csv(body: bytes, columns: int, most: int) -> Iterator[list[str]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("The file is not written in UTF-8. Save it as “CSV UTF-8” and retry.") from None
    if "\x00" in text:
        raise Unreadable("This is no CSV file, although its name ends so. Save it again as CSV.")
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(islice(lines, most + 3), 1):
        if len(line) > LONGEST_LINE:
            raise Unreadable(f"Line {number} is longer than {LONGEST_LINE:,} characters. Use the template's columns.")
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    try:
        for row in islice(csv.reader(lines, delimiter=delimiter, strict=True), most + 3):
            yield [" ".join(cell.lstrip("'").split()) for cell in row[: columns + 1]]
    except csv.Error as error:
        raise Unreadable(f"The file cannot be read as CSV: {error}. Save it again as CSV.") from None


# -- writing ----------------------------------------------------------------------------------------------------------


def xlsx(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A spreadsheet whose cells are texts, so that no reference loses its zeros and nothing is a formula."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    for column in range(len(header)):
        sheet.column_dimensions[chr(ord("A") + column)].width = 24
    for row in [header, *rows]:
        sheet.append([_cell(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(sheet: Any, value: object) -> Any:
    cell = WriteOnlyCell(sheet, value=str(value))
    cell.data_type = "s"
    cell.number_format = "@"
    return cell


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """The same as CSV in UTF-8. A cell that begins like a formula is led by an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in [header, *rows]:
        texts = [str(value) for value in row]
        writer.writerow([f"'{text}" if text.startswith(FORMULA_STARTS) else text for text in texts])
    return out.getvalue().encode("utf-8-sig")
