"""Spreadsheets that people bring: read within limits, and everything else refused in words, quickly."""

from __future__ import annotations

import io
import resource
import time
import zipfile

import pytest

from exceptions.reversals import HEADER
from exceptions.spreadsheets import Unreadable, csv_text, read, xlsx

ROW = ["2026-11-20", "RAAST", "RIA", "110227.00", "", "MSG1", "PK36SCBL0000001123456702", "Sana Malik"]


def book(**parts: bytes) -> bytes:
    """An XLSX with some of its parts replaced."""
    plain = io.BytesIO(xlsx("Reversals", HEADER, [ROW]))
    out = io.BytesIO()
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            if part.filename.rpartition("/")[2].partition(".")[0] not in parts:
                target.writestr(part.filename, source.read(part))
        for name, body in parts.items():
            target.writestr({"sheet1": "xl/worksheets/sheet1.xml"}.get(name, f"xl/{name}.xml"), body)
    return out.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return out.getvalue()


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b']><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
    b'<c r="A1" t="inlineStr"><is><t>&j;</t></is></c></row></sheetData></worksheet>'
)
WIDE = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/>'
    b'<sheetData><row r="1">' + b'<c t="inlineStr"><is><t>x</t></is></c>' * 200_000 + b"</row></sheetData></worksheet>"
)
HEAD = ",".join(f'"{name}"' for name in HEADER).encode()

HOSTILE = [
    ("empty.xlsx", b"", "The file is empty."),
    ("empty.csv", b"\n\n", "The file is empty."),
    ("only-header.csv", HEAD + b"\n", "a header and no rows"),
    ("letter.docx", b"PK\x03\x04", "Only XLSX and CSV"),
    ("nothing", b"a,b", "Only XLSX and CSV"),
    ("wrong.xlsx", b"GIF89a" * 50, "This is no XLSX file"),
    ("wrong.csv", xlsx("R", HEADER, [ROW]), "This is no CSV file"),
    ("binary.csv", b"\x00\x01\x02,\x00", "This is no CSV file"),
    ("latin.csv", HEAD + "\n2026-11-20,RAAST,Zoë".encode("latin-1"), "UTF-8"),
    ("damaged.xlsx", xlsx("R", HEADER, [ROW])[:700], "damaged"),
    ("notes.xlsx", zip_of({"readme.txt": b"hello"}), "This is no XLSX file"),
    ("bomb.xlsx", zip_of({"xl/workbook.xml": b"0" * 200_000_000}), "unpacks to far more"),
    ("parts.xlsx", zip_of({"xl/workbook.xml": b"x"} | {f"p{n}": b"" for n in range(500)}), "unpacks to far more"),
    ("laughs.xlsx", book(sheet1=LAUGHS), "definitions that no spreadsheet needs"),
    ("wide.xlsx", book(sheet1=WIDE), "more than 100 columns"),
    ("large.csv", b"a" * 6_000_000, "larger than 5 MB"),
    ("million-columns.csv", b"," * 1_000_000 + b"\n", "longer than 4,000 characters"),
    ("header.csv", b"Date,Rail,Bank\n1,2,3\n", "Column 1 is"),
    ("more-columns.csv", HEAD + b",Extra\n1,2,3\n", "more than 8 columns"),
    ("huge-cell.csv", HEAD + b"\n2026-11-20,RAAST," + b"x" * 3_000 + b",1,,R,I,N\n", "longer than 300"),
    ("quote.csv", HEAD + b'\n"2026-11-20,RAAST\n', "cannot be read as CSV"),
    ("many.csv", HEAD + b"\n" + b"2026-11-20,RAAST,RIA,1,,R,I,N\n" * 10_001, "more than 10,000 rows"),
]


@pytest.mark.parametrize(("name", "body", "sentence"), HOSTILE, ids=[name for name, _, _ in HOSTILE])
def test_a_hostile_file_is_refused_in_words_within_two_seconds(name: str, body: bytes, sentence: str) -> None:
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(Unreadable) as refused:
        read(name, body, HEADER)
    assert time.process_time() - began < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kilobytes
    assert sentence in refused.value.sentence


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_what_is_written_is_read_again_as_it_was(kind: str) -> None:
    rows = [ROW, ["2026-11-21", "1link", "Übersee =x", "5.50", "=1+1", "000123", "PK00", "محمد احمد"]]
    body = xlsx("Reversals", HEADER, rows) if kind == "xlsx" else csv_text(HEADER, rows)
    lines = read(f"reversals.{kind}", body, HEADER)
    assert [line.number for line in lines] == [2, 3]
    assert [list(line.cells) for line in lines] == rows


def test_a_file_name_is_text_and_never_a_path() -> None:
    assert read("../../etc/passwd.csv", csv_text(HEADER, [ROW]), HEADER)


def test_numbers_and_dates_of_a_real_spreadsheet_are_read_as_they_look() -> None:
    import datetime as dt

    from openpyxl import Workbook

    made = Workbook()
    made.active.append(list(HEADER))
    made.active.append([dt.date(2026, 11, 20), "RAAST", "RIA", 110227.5, None, 123456, ROW[6], "Sana"])
    out = io.BytesIO()
    made.save(out)
    (line,) = read("real.xlsx", out.getvalue(), HEADER)
    assert line.cells == ("2026-11-20", "RAAST", "RIA", "110227.5", "", "123456", ROW[6], "Sana")


def test_blank_rows_are_passed_over_and_numbers_stay_those_of_the_file() -> None:
    body = csv_text(HEADER, [ROW, [""] * 8, ROW])
    assert [line.number for line in read("gaps.csv", body, HEADER)] == [2, 4]


def test_ten_thousand_rows_are_read() -> None:
    began = time.process_time()
    assert len(read("large.xlsx", xlsx("Reversals", HEADER, [ROW] * 10_000), HEADER)) == 10_000
    assert time.process_time() - began < 20
