"""A drawing of numbers says the same without colour, without sight and without drawing (UI.md section 7, check 52)."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

CHARTED = "/?range=30d"
TOLD_APART = 30
"""The mean difference of two swatches, of 255, once both are equally bright: what their patterns alone make."""


@pytest.mark.parametrize("looks", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"forced_colors": "active"}])
def test_the_series_of_a_chart_are_told_apart_in_grey(page_of: Callable[..., Page], looks: dict[str, Any]) -> None:
    page = page_of("sana", **looks)
    page.goto(CHARTED)
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": "achromatopsia"})
    named = {entry.inner_text().strip(): _seen(entry.locator("svg")) for entry in page.locator(".legend > span").all()}
    assert list(named) == ["Received", "Validated", "Pending", "Failed", "Completed"]
    for one, other in combinations(named, 2):
        assert _difference(named[one], named[other]) > TOLD_APART, f"{one} looks like {other}"


def _seen(swatch: Locator) -> Image.Image:
    """The middle of a swatch as bright as any other, so that only its pattern is left."""
    image = Image.open(io.BytesIO(swatch.screenshot()))
    assert all(red == green == blue for _, (red, green, blue) in image.convert("RGB").getcolors(1 << 16)), "not grey"
    grey = image.convert("L").crop((2, 2, 14, 14))
    lightness = ImageStat.Stat(grey).mean[0]
    return grey.point(lambda value: max(0, min(255, round(value - lightness + 128))))


def _difference(one: Image.Image, other: Image.Image) -> float:
    return float(ImageStat.Stat(ImageChops.difference(one, other)).mean[0])


def test_a_chart_is_heard_as_a_sentence_and_as_links_that_say_their_numbers(page_of: Callable[..., Page]) -> None:
    page = page_of("sana")
    page.goto(CHARTED)
    chart = page.locator(".chart")
    name, summary = chart.get_attribute("aria-label") or "", page.locator(".chart desc").text_content() or ""
    heard = chart.get_by_role("group", name=f"{name} {summary}", exact=True)
    assert heard.count() == 1
    assert re.fullmatch(r"[\d,]+ in all; the most, [\d,]+, .+\.", summary)
    said = [link.get_attribute("aria-label") or "" for link in heard.get_by_role("link").all()]
    assert len(said) == 31
    assert all(re.fullmatch(r".+: [\d,]+( \([\d,]+ \w+(, [\d,]+ \w+)*\))?", one) for one in said)
    assert sum(map(_number, said)) == int(summary.split()[0].replace(",", "")) > 0


def test_the_table_beside_a_chart_says_what_the_chart_says(page_of: Callable[..., Page]) -> None:
    page = page_of("sana")
    page.goto(CHARTED)
    page.get_by_text("Show as table").first.click()
    table = page.locator(".chart ~ details table")
    heads = [one.strip().lower() for one in table.locator("thead th").all_inner_texts()][2:]
    read = [_as_said(row.locator("th, td").all_inner_texts(), heads) for row in table.locator("tbody tr").all()]
    bars = page.locator(".chart a").all()
    assert read == [bar.get_attribute("aria-label") for bar in bars]
    links = [link.get_attribute("href") for link in table.locator("td:nth-child(2) a").all()]
    assert links == [bar.get_attribute("href") for bar in bars]


def _as_said(cells: Sequence[str], heads: Sequence[str]) -> str:
    name, whole, *parts = (cell.strip() for cell in cells)
    told = ", ".join(f"{part} {head}" for part, head in zip(parts, heads, strict=True) if part != "0")
    return f"{name}: {whole}" + (f" ({told})" if told else "")


def _number(said: str) -> int:
    found = re.search(r": ([\d,]+)", said)
    assert found
    return int(found[1].replace(",", ""))
