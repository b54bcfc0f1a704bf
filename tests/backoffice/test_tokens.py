"""The colours: contrast and tellability, computed from tokens.css for both themes (UI.md sections 4 and 7, 53)."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from transactions.vocabulary import Badge

TOKENS = Path(__file__).parents[2] / "static" / "css" / "tokens.css"
THEMES = ("light", "dark")


def tokens(theme: str) -> dict[str, str]:
    blocks = re.findall(r"^(:root|\[data-bs-theme=dark\]) \{(.*?)^\}", TOKENS.read_text(), re.DOTALL | re.MULTILINE)
    light, dark = (dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{3,6})\b", body)) for _, body in blocks[:2])
    return light if theme == "light" else light | dark


def channels(colour: str) -> tuple[float, ...]:
    digits = colour[1:]
    digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    return tuple(int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))


def linear(colour: str) -> tuple[float, ...]:
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour))


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str) -> tuple[float, float, float]:
    red, green, blue = linear(colour)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("badge", Badge.values)
def test_the_word_of_a_badge_stands_out_from_its_back_seven_to_one(theme: str, badge: str) -> None:
    colours = tokens(theme)
    assert contrast(colours[f"--st-{badge}-t"], colours[f"--st-{badge}-b"]) >= 7


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("badge", Badge.values)
def test_the_accent_of_a_badge_stands_out_from_every_surface_three_to_one(theme: str, badge: str) -> None:
    colours = tokens(theme)
    for surface in ("--or-page", "--or-surface"):
        assert contrast(colours[f"--st-{badge}-a"], colours[surface]) >= 3


@pytest.mark.parametrize("theme", THEMES)
def test_the_accents_can_be_told_apart(theme: str) -> None:
    colours = tokens(theme)
    for one, other in combinations(Badge.values, 2):
        first, second = lab(colours[f"--st-{one}-a"]), lab(colours[f"--st-{other}-a"])
        distance = sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5
        assert distance >= 19, f"{one} and {other}"


@pytest.mark.parametrize("theme", THEMES)
def test_text_and_links_are_readable_on_every_surface(theme: str) -> None:
    colours = tokens(theme)
    for surface in ("--or-page", "--or-surface", "--or-sunken", "--or-selected"):
        assert contrast(colours["--or-text"], colours[surface]) >= 7
        for ink in ("--or-muted", "--or-link", "--or-danger"):
            assert contrast(colours[ink], colours[surface]) >= 4.5, f"{ink} on {surface}"


@pytest.mark.parametrize("theme", THEMES)
def test_controls_and_the_focus_ring_are_seen(theme: str) -> None:
    colours = tokens(theme)
    for mark in ("--or-control", "--or-focus", "--or-primary"):
        for surface in ("--or-page", "--or-surface"):
            assert contrast(colours[mark], colours[surface]) >= 3, f"{mark} on {surface}"
    for ink, back in (
        ("on-primary", "primary"),
        ("on-primary", "primary-hover"),
        ("on-danger", "danger"),
        ("on-strip", "strip"),
    ):
        assert contrast(colours[f"--or-{ink}"], colours[f"--or-{back}"]) >= 4.5
