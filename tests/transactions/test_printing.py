"""Paper: the same bytes for the same content, every letter of Urdu joined and in its order, nothing read as markup."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from backoffice.localpg import CHECKOUT
from transactions import printing

URDU = "اآبپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوؤہھءیےئۂۓ۰۱۲۳۴۵۶۷۸۹،؛؟۔"
NAME = "محمد علی ٹوانہ"

PROGRAM = f"""
import hashlib
from transactions import printing
parts = [printing.facts([("Name", "{NAME}")]), printing.table(["Amount"], [["1.00"]], numbers=[0])]
print(hashlib.sha256(printing.document("A title", parts, footer="Printed by nobody")).hexdigest())
"""


def paper(*parts: object) -> bytes:
    return printing.document("A title", [printing.text(part) for part in parts], footer="Printed by nobody")


def test_two_processes_print_the_same_bytes() -> None:
    hashes = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=CHECKOUT, env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            check=True, capture_output=True, text=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Karachi"))
    }  # fmt: skip
    assert len(hashes) == 1
    assert len(hashes.pop().strip()) == len(hashlib.sha256().hexdigest())


def test_other_content_is_another_document() -> None:
    assert paper("one") != paper("two")


@pytest.mark.parametrize("style", [printing.TEXT, printing.STRONG])
def test_every_letter_of_urdu_is_printed_in_each_of_its_forms(style: object) -> None:
    words = [form for letter in URDU for form in (letter, f"ب{letter}", f"{letter}ب", f"ب{letter}ب")]
    lines = printing.displayed(" ".join(words), style=style, width=400)  # type: ignore[arg-type]
    runs = [run for line in lines for _, run in printing.runs(line, style=style)]  # type: ignore[arg-type]
    assert "[U+" not in "".join(runs)


def test_urdu_is_joined_and_reads_from_the_right() -> None:
    (shown,) = printing.displayed("علی", style=printing.TEXT, width=400)
    # the last letter stands leftmost in its final form, the first rightmost in its initial form
    assert (
        shown
        == "\N{ARABIC LETTER FARSI YEH FINAL FORM}\N{ARABIC LETTER LAM MEDIAL FORM}\N{ARABIC LETTER AIN INITIAL FORM}"
    )


def test_brackets_and_digits_keep_their_direction_in_a_line_of_urdu() -> None:
    (shown,) = printing.displayed("علی (PKR 1,000)", style=printing.TEXT, width=400)
    assert shown.startswith("(PKR 1,000) ")


def test_a_long_line_of_urdu_begins_with_its_first_words() -> None:
    lines = printing.displayed("علی " * 40, style=printing.TEXT, width=100)
    first, *_ = lines
    assert len(lines) > 4
    assert printing.displayed("علی", style=printing.TEXT, width=100)[0] in first


def test_a_letter_without_a_drawing_is_printed_by_its_number() -> None:
    assert [run for _, run in printing.runs("張", style=printing.TEXT)] == ["[U+5F35]"]


@pytest.mark.parametrize(
    "hostile",
    [
        "<b>bold</b>",
        "<font size=900>x</font>",
        "&lt;&amp;",
        "<br/",
        "x" * 5_000,
        "word " * 20_000,
        "a\x00\x07b",
        "\u202eabc",
        "",
    ],
)
def test_whatever_people_write_is_printed(hostile: str) -> None:
    parts = [printing.text(hostile), printing.facts([(hostile[:40], hostile)]), printing.table(["One"], [[hostile]])]
    assert printing.document("A title", parts, footer=hostile[:200]).startswith(b"%PDF-")


def test_a_cell_that_is_longer_than_a_page_goes_on_on_the_next() -> None:
    long = "A note of many words. " * 900
    parts = [printing.table(["When", "Note"], [["Today", long]]), printing.facts([("Note", long)])]
    assert printing.document("A title", parts, footer="Printed by nobody").count(b"/Type /Page\n") > 2


def test_a_row_that_fits_on_the_next_page_is_not_broken() -> None:
    whole = printing.table(["Field"], [["one"], ["two"]])
    _, height = whole.wrap(400, 1_000)
    first, second = whole.split(400, height - 6)
    assert (first._nrows, second._nrows) == (2, 2), "the head and one row, the head and the other"


AMOUNT = "PKR 1,248,653,245.37"
HEADS = ["Partner", "Received", "Value", "Paid", "Flying", "Failed", "Returned", "Cancelled", "Value"]


@pytest.mark.parametrize("room", [printing.ROOM, printing.ROOM_LYING])
def test_an_amount_is_never_broken_into_two_lines(room: float) -> None:
    """A number of which half stands below is read as another number."""

    def height(value: str) -> float:
        few = HEADS if room == printing.ROOM_LYING else HEADS[:4]
        rows = [["Marjan Exchange", *(value if "Value" in name else "1,204" for name in few[1:])]]
        made = printing.table(few, rows, numbers=range(1, len(few)), room=room)
        return float(made.wrap(room, 1_000)[1])

    assert height(AMOUNT) == height("0")


def test_words_have_room_beside_numbers_that_would_take_all_of_it() -> None:
    made = printing.table(["Partner", *"ABCDEFGH"], [["Marjan", *[AMOUNT] * 8]], numbers=range(1, 9))
    made.wrap(printing.ROOM, 1_000)
    assert min(made._colWidths) >= 40
    assert sum(made._colWidths) <= printing.ROOM + 1
