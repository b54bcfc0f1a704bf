"""Rows in files: texts stay texts, amounts numbers and times moments, in CSV as in XLSX."""

from __future__ import annotations

import csv
import datetime as dt
import io
import tracemalloc
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from backoffice.reports.writing import FORMATS, Row, csv_line, text_of, write_csv, write_xlsx

KARACHI = ZoneInfo("Asia/Karachi")
HOSTILE = ["=1+1", "+92 300 1234567", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x","y")', "0012"]
HEADER = ["Reference", "Amount", "Rows", "At", "Day"]
ROW: Row = ["=1+1", Decimal("-110227.50"), 3, dt.datetime(2026, 11, 22, 9, 3, 22, tzinfo=dt.UTC), dt.date(2026, 11, 22)]


def csv_of(rows: list[Row], header: list[str]) -> list[list[str]]:
    out = io.BytesIO()
    assert write_csv(out, header, rows, zone=KARACHI) == len(rows)
    return list(csv.reader(io.StringIO(out.getvalue().decode("utf-8-sig"), newline="")))


def xlsx_of(rows: list[Row], header: list[str], **more: Any) -> list[list[Any]]:
    out = io.BytesIO()
    assert write_xlsx(out, header, rows, zone=KARACHI, **more) == len(rows)
    sheet = load_workbook(out).worksheets[0]
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_no_text_of_a_csv_file_begins_like_a_formula_and_none_is_lost() -> None:
    found = csv_of([[text] for text in HOSTILE], ["What"])
    assert [row[0] for row in found[1:]] == [f"'{text}" for text in HOSTILE[:-1]] + ["0012"]


def test_a_text_of_xlsx_is_a_text_whatever_it_begins_with() -> None:
    found = xlsx_of([[text] for text in HOSTILE], ["What"])
    assert [row[0] for row in found[1:]] == HOSTILE


def test_amounts_are_plain_decimals_and_times_carry_the_offset_of_the_zone() -> None:
    assert csv_of([ROW], HEADER)[1] == ["'=1+1", "-110227.50", "3", "2026-11-22T14:03:22+05:00", "2026-11-22"]
    reference, amount, rows, at, day = xlsx_of([ROW], HEADER)[1]
    assert (reference, amount, rows, at, day) == ("=1+1", -110227.5, 3, "2026-11-22T14:03:22+05:00", "2026-11-22")


def test_an_amount_with_more_digits_than_a_spreadsheet_keeps_stands_as_text() -> None:
    long = Decimal("1234567890123456.7891")
    assert xlsx_of([[long, 10**15]], ["Amount", "Number"])[1] == ["1234567890123456.7891", "1000000000000000"]


def test_nothing_is_nothing_and_a_yes_is_a_word() -> None:
    assert csv_of([[None, True, ""]], ["a", "b", "c"])[1] == ["", "yes", ""]
    assert xlsx_of([[None, True, "x"]], ["a", "b", "c"])[1] == [None, "yes", "x"]


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        text_of(dt.datetime(2026, 11, 22), KARACHI)  # noqa: DTZ001 - that is the point


def test_characters_that_no_workbook_holds_do_not_spoil_it() -> None:
    row = ["a\x00b\x0bc\ud800", "<&>\"'", "نعیم\N{BYTE ORDER MARK}", "x" * 40_000]
    assert xlsx_of([row], ["a", "b", "c", "d"], title="Bad [name]: *?/\\ 'and far too long for a sheet'")[1] == [
        "a\ufffdb\ufffdc\ufffd",
        "<&>\"'",
        "نعیم\N{BYTE ORDER MARK}",
        "x" * 32_767,
    ]


def test_a_lone_surrogate_does_not_break_a_line_of_csv() -> None:
    assert csv_line(["a\ud800", 'say "hi"', "two\nlines"]) == b'a?,"say ""hi""","two\nlines"'


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_same_rows_make_the_same_bytes(kind: str) -> None:
    first, second = io.BytesIO(), io.BytesIO()
    for out in (first, second):
        FORMATS[kind].write(out, HEADER, [ROW] * 50, zone=KARACHI, title="Same")
    assert first.getvalue() == second.getvalue()


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_long_file_is_never_whole_in_memory(kind: str) -> None:
    class Nowhere(io.BytesIO):
        def write(self, data: Any) -> int:
            return len(data)

        def tell(self) -> int:
            return 0

    tracemalloc.start()
    FORMATS[kind].write(Nowhere(), HEADER, (ROW for _ in range(20_000)), zone=KARACHI)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
