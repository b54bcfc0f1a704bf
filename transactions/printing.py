"""Paper: PDFs with the same bytes for the same content, in which names in Urdu stand as they are written.

A document is a title and its parts; the footer says who printed it, when and in which zone, or which document it is.
Nothing here reads the clock: what is printed twice is printed alike, and its SHA-256 can be kept. reportlab prints
right-to-left text unjoined and reversed, so every word passes through `displayed`. DejaVu Sans, which prints all else,
lacks the joined forms of two of Urdu's commonest letters (heh goal, yeh barree): Noto Naskh Arabic prints that script.
A letter that neither has is printed by its number, never as an empty box that hides which letter it was.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from html import escape
from io import BytesIO
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from arabic_reshaper import ArabicReshaper
from bidi.algorithm import get_display
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

_FONTS: Final = Path(__file__).parent / "fonts"
_PLAIN_FONTS: Final = ("DejaVuSans", "NotoNaskhArabic-Regular")
_BOLD_FONTS: Final = ("DejaVuSans-Bold", "NotoNaskhArabic-Bold")
_MARGIN: Final = 18 * mm
ROOM: Final = A4[0] - 2 * _MARGIN
ROOM_LYING: Final = A4[1] - 2 * _MARGIN
"""How wide the paper is between its margins, in points."""
_INK, _QUIET, _RULE = HexColor("#1d2733"), HexColor("#55606e"), HexColor("#c3cad3")
_LEAST: Final = 60
"""A row is broken between pages where this much of it stays on the first, in points: a lower one moves as a whole."""
_NO_PAGE_HOLDS: Final = 440
"""A row that is higher is broken wherever the page ends, in points: paper that lies has room for little more."""
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL"})

TEXT: Final = ParagraphStyle("text", fontName=_PLAIN_FONTS[0], fontSize=9, leading=12.5, textColor=_INK)
QUIET: Final = ParagraphStyle("quiet", parent=TEXT, fontSize=8, leading=11, textColor=_QUIET)
LABEL: Final = ParagraphStyle("label", parent=TEXT, textColor=_QUIET)
STRONG: Final = ParagraphStyle("strong", parent=TEXT, fontName=_BOLD_FONTS[0])
TITLE: Final = ParagraphStyle("title", parent=STRONG, fontSize=15, leading=19, spaceAfter=2 * mm)
HEADING: Final = ParagraphStyle(
    "heading", parent=STRONG, fontSize=11, leading=14, spaceBefore=4 * mm, spaceAfter=1 * mm
)
_NUMBER: Final = ParagraphStyle("number", parent=TEXT, alignment=TA_RIGHT)
_NUMBER_HEAD: Final = ParagraphStyle("number-head", parent=STRONG, alignment=TA_RIGHT)
_BESIDE: Final = 14
"""What a cell needs beside its letters, in points."""

_joined: Final = ArabicReshaper({"language": "Urdu", "support_ligatures": False, "delete_harakat": False})


def document(title: str, parts: Iterable[Flowable], *, footer: str, subject: str = "", wide: bool = False) -> bytes:
    """The PDF: the title, its parts, and on each page the footer with its number out of all.

    The same arguments give the same bytes, on every machine and at every hour. `wide` turns the paper.
    """
    _register_fonts()
    page = landscape(A4) if wide else A4
    paper = BytesIO()
    laid_out = SimpleDocTemplate(
        paper, pagesize=page, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN + 6 * mm,
        title=title, subject=subject or title, author="OpenRemit Backoffice", creator="OpenRemit Backoffice", lang="en",
        invariant=1,
    )  # fmt: skip
    laid_out.build([text(title, TITLE), *parts], canvasmaker=_numbered(footer))
    return paper.getvalue()


def text(words: object, style: ParagraphStyle = TEXT) -> Flowable:
    """Words as they are, whatever is in them: no markup is read, line ends stay, right-to-left lines stand right."""
    return _Words(str(words), style)


def heading(words: str) -> Flowable:
    """The heading of a section."""
    return text(words, HEADING)


def gap(height: float = 3) -> Flowable:
    """Room between two parts, in millimetres."""
    return Spacer(1, height * mm)


def facts(pairs: Iterable[tuple[str, object]]) -> Flowable:
    """Labels and values in two columns, in the order they are given."""
    rows = [[text(label, LABEL), text(value)] for label, value in pairs]
    return _laid(rows, widths=[52 * mm, "*"], rules=()) if rows else gap(0)


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numbers: Iterable[int] = (),
    widths: Sequence[Any] = (),
    room: float = ROOM,
) -> Flowable:
    """A table whose head is repeated on each page. `numbers` are the columns that stand right.

    `widths` are points, or shares such as "20%" and "*"; without them numbers have the width that they need, since one
    that is broken is read as another, and the other columns share what is left of the `room`, in points, alike.
    """
    right, written = frozenset(numbers), [[str(value) for value in row] for row in rows]
    cells = [[text(name, _NUMBER_HEAD if column in right else STRONG) for column, name in enumerate(head)]]
    styles = [_NUMBER if column in right else TEXT for column in range(len(head))]
    cells += [[text(value, style) for value, style in zip(row, styles, strict=True)] for row in written]
    rule = ("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE)
    return _laid(cells, widths=list(widths) or _widths(head, written, right, room), head=1, rules=[rule])


def _widths(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int], room: float) -> list[Any]:
    """What numbers need; less where the other columns would not have a fair share of the paper."""
    needed = {}
    for column in sorted(right):
        lines = [line for row in rows for line in row[column].splitlines()]
        words = [_width(word, STRONG) for word in head[column].split()]
        needed[column] = max([0, *words, *(_width(line, TEXT) for line in lines)]) + _BESIDE
    others = len(head) - len(needed)
    most = room - others * min(room / len(head), 60)
    share = min(1.0, most / max(1.0, sum(needed.values())))
    return [needed[column] * share if column in needed else "*" for column in range(len(head))]


def together(*parts: Flowable) -> Flowable:
    """Parts that stay on one page, such as a heading and what it heads."""
    return KeepTogether(list(parts))


def _laid(
    rows: list[list[Flowable]], *, widths: list[Any], head: int = 0, rules: Iterable[tuple[Any, ...]]
) -> Flowable:
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, -1), 0),
             ("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 2), *rules]  # fmt: skip
    return _Rows(rows, colWidths=widths, style=TableStyle(style), repeatRows=head, splitInRow=_LEAST)


class _Rows(Table):  # type: ignore[misc]
    """A table of which a row is broken between pages only where neither piece is a sliver, or no page could hold it."""

    def split(self, width: float, height: float) -> list[Flowable]:
        parts: list[Flowable] = super().split(width, height)
        if not parts and max(self._rowHeights) > _NO_PAGE_HOLDS:
            self.splitInRow = 1
            parts = super().split(width, height)
            for part in parts:
                part.splitInRow = _LEAST
        return parts


class _Words(Flowable):  # type: ignore[misc]
    """A paragraph that is laid out when its width is known: right-to-left text is broken first and turned then."""

    def __init__(self, words: str, style: ParagraphStyle) -> None:
        super().__init__()
        self._words, self._style = words, style
        self._paragraph: Paragraph | None = None

    def getSpaceBefore(self) -> float:  # noqa: N802 - the name is reportlab's
        return float(self._style.spaceBefore)

    def getSpaceAfter(self) -> float:  # noqa: N802 - the name is reportlab's
        return float(self._style.spaceAfter)

    def minWidth(self) -> float:  # noqa: N802 - the name is reportlab's
        return 0

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        style = self._style
        lines = [line for written in self._words.splitlines() for line in displayed(written, style=style, width=width)]
        if any(map(_is_right_to_left, self._words.splitlines()[:1])):
            style = ParagraphStyle(f"{style.name}-rtl", parent=style, alignment=TA_RIGHT)
        self._paragraph = Paragraph("<br/>".join(_marked_up(line, style) for line in lines), style)
        size: tuple[float, float] = self._paragraph.wrap(width, height)
        return size

    def split(self, width: float, height: float) -> list[Flowable]:
        self.wrap(width, height)
        parts: list[Flowable] = self._paragraph.split(width, height) if self._paragraph else []
        return parts

    def draw(self) -> None:
        if self._paragraph is not None:
            self._paragraph.drawOn(self.canv, 0, 0)


def displayed(line: str, *, style: ParagraphStyle, width: float) -> list[str]:
    """The line as its letters stand on paper from left to right, in as many lines as right-to-left text needs."""
    if not any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in line):
        return [line]
    base = "R" if _is_right_to_left(line) else "L"
    return [str(get_display(part, base_dir=base)) for part in _broken(_joined.reshape(line), style, width)]


def _broken(line: str, style: ParagraphStyle, width: float) -> list[str]:
    """The words of a line in lines of at most this width, in points; a longer word has a line of its own."""
    lines: list[list[str]] = [[]]
    for word in line.split(" "):
        if lines[-1] and _width(" ".join([*lines[-1], word]), style) > width:
            lines.append([])
        lines[-1].append(word)
    return [" ".join(words) for words in lines]


def _width(line: str, style: ParagraphStyle) -> float:
    return float(sum(pdfmetrics.stringWidth(run, font, _size(font, style)) for font, run in runs(line, style=style)))


def _is_right_to_left(line: str) -> bool:
    """Whether the first letter that has a direction is read from the right (the rule P2 of Unicode's UAX 9)."""
    directions = (unicodedata.bidirectional(letter) for letter in line)
    return next((each in _RIGHT_TO_LEFT for each in directions if each in {"L", *_RIGHT_TO_LEFT}), False)


def _marked_up(line: str, style: ParagraphStyle) -> str:
    return "".join(
        f'<font name="{font}" size="{_size(font, style)}">{escape(run)}</font>' for font, run in runs(line, style=style)
    )


def _size(font: str, style: ParagraphStyle) -> float:
    """Arabic script is drawn smaller in its square than Latin: a fifth more makes them alike to the eye."""
    return float(style.fontSize) * (1.2 if font in {_PLAIN_FONTS[1], _BOLD_FONTS[1]} else 1)


def runs(line: str, *, style: ParagraphStyle) -> list[tuple[str, str]]:
    """The line in pieces of one font. A letter that no font has is written by its number: [U+5F20]."""
    pair = _BOLD_FONTS if style.fontName == _BOLD_FONTS[0] else _PLAIN_FONTS
    letters = (_in_its_font(letter, pair) for letter in line.expandtabs(4))
    return [(font, "".join(letter for _, letter in run)) for font, run in groupby(letters, key=itemgetter(0))]


def _in_its_font(letter: str, pair: tuple[str, str]) -> tuple[str, str]:
    latin, arabic = pair
    for font in (arabic, latin) if unicodedata.bidirectional(letter) == "AL" else (latin, arabic):
        if ord(letter) in _glyphs(font):
            return font, letter
    return latin, f"[U+{ord(letter):04X}]"


@cache
def _glyphs(font: str) -> frozenset[int]:
    _register_fonts()
    return frozenset(pdfmetrics.getFont(font).face.charToGlyph)


@cache
def _register_fonts() -> None:
    for name in (*_PLAIN_FONTS, *_BOLD_FONTS):
        pdfmetrics.registerFont(TTFont(name, str(_FONTS / f"{name}.ttf")))


def _numbered(footer: str) -> type[Canvas]:
    """A canvas that writes the footer when it knows how many pages there are."""

    class Numbered(Canvas):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - the name is reportlab's
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            pages = self._pages
            for number, page in enumerate(pages, start=1):
                self.__dict__.update(page)
                _write_footer(self, f"Page {number} of {len(pages)}")
                super().showPage()
            super().save()

    def _write_footer(canvas: Canvas, page: str) -> None:
        width = canvas._pagesize[0] - 2 * _MARGIN  # noqa: SLF001 - reportlab has no public name for it
        words = text(footer, QUIET)
        words.wrapOn(canvas, width - 30 * mm, 20 * mm)
        words.drawOn(canvas, _MARGIN + 6, 9 * mm)
        canvas.setFont(_PLAIN_FONTS[0], 8)
        canvas.setFillColor(_QUIET)
        canvas.drawRightString(_MARGIN + width - 6, 9 * mm + 3, page)

    return Numbered
