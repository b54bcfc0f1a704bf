"""Drawings made on the server: coordinates only, so that a template draws them and the page needs no style or script.

Each series has a pattern beside its colour, each column is one link, and the numbers stand in a table as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from backoffice.reports.figures import Figure

SLOT: Final = 28
"""How wide a column with its gap is, in pixels: wide enough to be hit by a finger."""
HEIGHT: Final = 160
SHORT: Final = 4
"""Letters that fit under one column; longer names stand under every other one."""
LEFT: Final = 56
TOP: Final = 24
BELOW: Final = 24


@dataclass(frozen=True)
class Column:
    """One place of the horizontal axis: its name, all its rows, and its figures in the order of the series."""

    name: str
    whole: Figure
    parts: Sequence[Figure]
    series: Sequence[tuple[str, str]] = ()

    @property
    def with_series(self) -> list[tuple[Figure, str, str]]:
        """Each part with the key and the label of its series."""
        return [(part, *series) for part, series in zip(self.parts, self.series, strict=True)]


@dataclass(frozen=True)
class Mark:
    """A drawn part of a column."""

    series: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """A drawn column: where it stands, where it leads, and what it says."""

    x: int
    name: str
    says: str
    whole: Figure
    marks: Sequence[Mark]
    is_named: bool


@dataclass(frozen=True)
class Chart:
    """Stacked columns with a scale. `series` are (key, label); the key is also the name of its pattern."""

    series: Sequence[tuple[str, str]]
    columns: Sequence[Column]
    bars: Sequence[Bar]
    scale: Sequence[tuple[float, int]]
    width: int
    summary: str

    @property
    def height(self) -> int:
        return TOP + HEIGHT + BELOW

    @property
    def foot(self) -> int:
        """Where the names stand."""
        return TOP + HEIGHT + 16

    @property
    def slot(self) -> int:
        return SLOT


def stacked(series: Sequence[tuple[str, str]], columns: Sequence[Column], *, of: str) -> Chart:
    """Columns of several parts; `of` completes the sentence "The most came in at …"."""
    most = max((column.whole.number for column in columns), default=0)
    top = _round_up(most)
    widest = max((len(column.name) for column in columns), default=0)
    step = max(1 if widest <= SHORT else 2, -(-len(columns) // 12))
    bars = [_bar(at, column, series, top, is_named=at % step == 0) for at, column in enumerate(columns)]
    scale = [(_height(value, top), value) for value in sorted({0, top // 2, top})]
    return Chart(
        series,
        columns,
        bars,
        [(round(TOP + HEIGHT - height, 1), value) for height, value in scale],
        LEFT + SLOT * len(columns) + 4,
        _summary(columns, of),
    )


def _bar(at: int, column: Column, series: Sequence[tuple[str, str]], top: int, *, is_named: bool) -> Bar:
    marks, y = [], float(TOP + HEIGHT)
    for (key, _), part in zip(series, column.parts, strict=True):
        height = _height(part.number, top)
        if height:
            y -= height
            marks.append(Mark(key, round(y, 1), round(height, 1)))
    told = ", ".join(
        f"{part.number:,} {label.lower()}" for (_, label), part in zip(series, column.parts, strict=True) if part.number
    )
    says = f"{column.name}: {column.whole.number:,}" + (f" ({told})" if told else "")
    return Bar(LEFT + SLOT * at, column.name, says, column.whole, marks, is_named)


def _height(value: int, top: int) -> float:
    return HEIGHT * value / top if top else 0.0


def _round_up(most: int) -> int:
    """The end of the scale: 1, 2 or 5 times a power of ten, even so that its half is whole."""
    size = 2
    while size < most:
        size = int(size * (2.5 if str(size)[0] == "2" else 2))
    return size


def _summary(columns: Sequence[Column], of: str) -> str:
    whole = sum(column.whole.number for column in columns)
    if not whole:
        return "Nothing came in."
    highest = max(columns, key=lambda column: column.whole.number)
    return f"{whole:,} in all; the most, {highest.whole.number:,}, {of} {highest.name}."
