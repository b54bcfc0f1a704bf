"""Rows into files: the one place where reports and exports become CSV or XLSX, row by row and never whole in memory.

A text stays a text: nothing in a file is a formula, whoever typed it. In CSV a text that begins like one is led by an
apostrophe (GUARD says so to people); in XLSX it is a text cell as it is. Amounts are plain decimals, times ISO 8601
with the offset of the reader's zone, and the same rows make the same bytes.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Final
from xml.sax.saxutils import escape, quoteattr

from exceptions.spreadsheets import CSV_TYPE, FORMULA_STARTS, XLSX_TYPE

Value = str | int | Decimal | bool | dt.datetime | dt.date | None
Row = Sequence[Value]

GUARD: Final = (
    "In CSV files a text that begins with =, +, -, @, a tab or a line break is led by an apostrophe, "
    "so that no program takes it for a formula."
)
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""Leads a CSV file, so that spreadsheets read it as UTF-8."""
MOST_ROWS: Final = 1_048_575
"""As many rows as a sheet of XLSX holds below its header."""
LONGEST_TEXT: Final = 32_767
"""As many characters as a cell of XLSX holds."""
EXACT_DIGITS: Final = 15
"""A spreadsheet keeps so many digits of a number; one with more is written as text."""

_BUFFER: Final = 1 << 16
_FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)
_NOT_PLAIN: Final = re.compile("[^\t\n\u0020-\u0025\u0027-\u003b\u003d\u003f-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Format:
    """A kind of file. `write(out, header, rows, zone=…, title=…)` answers how many rows stand below the header."""

    key: str
    label: str
    content_type: str
    write: Callable[..., int]


def text_of(value: Value, zone: dt.tzinfo) -> str:
    """A value as a file holds it: "110227.00", "2026-11-22T14:03:22+05:00", "yes"; nothing for None.

    Raises ValueError for a time without a zone.
    """
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:f}"
        case dt.datetime():
            if value.tzinfo is None:
                raise ValueError("a time without a zone says nothing")
            return value.astimezone(zone).isoformat(timespec="seconds")
        case dt.date():
            return value.isoformat()
        case _:
            return str(value)


# -- CSV --------------------------------------------------------------------------------------------------------------


def guarded(text: str) -> str:
    """A text for a cell of CSV: led by an apostrophe where it begins like a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def csv_line(values: Row, zone: dt.tzinfo = dt.UTC) -> bytes:
    """One line of CSV, without its end. Only texts are guarded: a negative amount stays a number."""
    out = io.StringIO(newline="")
    csv.writer(out).writerow(_csv_cells(values, zone))
    return out.getvalue().removesuffix("\r\n").encode("utf-8", "replace")


def write_csv(
    out: IO[bytes], header: Sequence[str], rows: Iterable[Row], *, zone: dt.tzinfo = dt.UTC, title: str = ""
) -> int:
    """Write `header` and `rows` as CSV in UTF-8; how many rows stand below the header."""
    out.write(BYTE_ORDER_MARK + csv_line(header) + b"\r\n")
    buffer, count = io.StringIO(newline=""), 0
    line = csv.writer(buffer)
    for row in rows:
        count += 1
        line.writerow(_csv_cells(row, zone))
        if buffer.tell() > _BUFFER:
            out.write(buffer.getvalue().encode("utf-8", "replace"))
            buffer.seek(0)
            buffer.truncate()
    out.write(buffer.getvalue().encode("utf-8", "replace"))
    return count


def _csv_cells(values: Row, zone: dt.tzinfo) -> list[str]:
    return [guarded(value) if isinstance(value, str) else text_of(value, zone) for value in values]


# -- XLSX -------------------------------------------------------------------------------------------------------------


def write_xlsx(
    out: IO[bytes], header: Sequence[str], rows: Iterable[Row], *, zone: dt.tzinfo = dt.UTC, title: str = "Rows"
) -> int:
    """Write `header` and `rows` as a workbook of one sheet; how many rows stand below the header.

    Numbers are numbers, everything else is text. Raises ValueError for more rows than a sheet holds.
    """
    letters = [_letters(place) for place in range(len(header))]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        for name, content in _parts(title).items():
            book.writestr(_part(name), _XML + content)
        with book.open(_part("xl/worksheets/sheet1.xml"), "w", force_zip64=True) as sheet:
            sheet.write((_XML + _sheet_head(len(header))).encode())
            sheet.write(_xlsx_row(1, header, letters, zone, style=' s="1"').encode("utf-8", "replace"))
            count = _write_rows(sheet, rows, letters, zone)
            sheet.write(b"</sheetData></worksheet>")
    return count


def _write_rows(sheet: IO[bytes], rows: Iterable[Row], letters: list[str], zone: dt.tzinfo) -> int:
    parts: list[str] = []
    size = count = 0
    for row in rows:
        count += 1
        if count > MOST_ROWS:
            raise ValueError(f"a sheet holds {MOST_ROWS:,} rows below its header")
        text = _xlsx_row(count + 1, row, letters, zone)
        parts.append(text)
        size += len(text)
        if size > _BUFFER:
            sheet.write("".join(parts).encode("utf-8", "replace"))
            parts, size = [], 0
    sheet.write("".join(parts).encode("utf-8", "replace"))
    return count


def _xlsx_row(number: int, values: Row, letters: list[str], zone: dt.tzinfo, *, style: str = "") -> str:
    cells = [_xlsx_cell(f"{letter}{number}", value, zone, style) for letter, value in zip(letters, values, strict=True)]
    return f'<row r="{number}">{"".join(cells)}</row>'


def _xlsx_cell(place: str, value: Value, zone: dt.tzinfo, style: str) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and _is_exact(value):
        return f'<c r="{place}"{style}><v>{text_of(value, zone)}</v></c>'
    text = text_of(value, zone)[:LONGEST_TEXT]
    if _NOT_PLAIN.search(text):
        text = escape(_NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text), {"\r": "&#13;"})
    return f'<c r="{place}"{style} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _is_exact(value: int | Decimal) -> bool:
    if isinstance(value, int):
        return abs(value) < 10**EXACT_DIGITS
    return value.is_finite() and len(value.normalize().as_tuple().digits) <= EXACT_DIGITS


def _letters(place: int) -> str:
    """The letters of a column: A, B, …, Z, AA."""
    high, low = divmod(place, 26)
    return (_letters(high - 1) if high else "") + chr(ord("A") + low)


def _part(name: str) -> zipfile.ZipInfo:
    """A part of the workbook with the same date each time, so that the same rows make the same bytes."""
    part = zipfile.ZipInfo(name, _FIRST_DAY)
    part.compress_type = zipfile.ZIP_DEFLATED
    return part


_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_SHEETS: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def _sheet_head(columns: int) -> str:
    return (
        f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<cols><col min="1" max="{max(columns, 1)}" width="20" customWidth="1"/></cols><sheetData>'
    )


def _parts(title: str) -> dict[str, str]:
    """Everything of a workbook but its sheet. Style 1 is the header's: bold."""
    name = quoteattr(re.sub(r"[\[\]:*?/\\]", " ", _NOT_IN_XML.sub("", title))[:31].strip("' ") or "Rows")
    return {
        "[Content_Types].xml": (
            f'<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEETS}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEETS}.worksheet+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_SHEETS}.styles+xml"/></Types>'
        ),
        "_rels/.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/workbook.xml": (
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
            f'<sheet name={name} sheetId="1" r:id="rId1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
        ),
        "xl/styles.xml": (
            f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
            '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
            '<fills count="2"><fill><patternFill patternType="none"/></fill>'
            '<fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders>'
            '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
            '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
            '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
            '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
        ),
    }


FORMATS: Final = {
    one.key: one for one in (Format("csv", "CSV", CSV_TYPE, write_csv), Format("xlsx", "XLSX", XLSX_TYPE, write_xlsx))
}
"""The kinds of file that can be asked for, by their word in an address."""
