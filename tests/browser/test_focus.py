"""Whoever goes by the Tab key sees where they are, in the order of the page (UI.md checks 48, 50, 52)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.world import World

pytestmark = pytest.mark.browser

STEP = """() => {
  const one = document.activeElement;
  if (!one || one === document.body || one === document.documentElement) return null;
  const box = one.getBoundingClientRect();
  const style = getComputedStyle(one);
  const x = Math.min(Math.max(box.left + Math.min(box.width / 2, 20), 0), innerWidth - 1);
  const y = Math.min(Math.max(box.top + Math.min(box.height / 2, 12), 0), innerHeight - 1);
  const top = document.elementFromPoint(x, y);
  window.tabbed ??= [];
  const last = window.tabbed.at(-1);
  const again = window.tabbed.includes(one);
  window.tabbed.push(one);
  return {
    name: one.outerHTML.slice(0, 110),
    again,
    outline: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth),
    inView: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    covered: !(top && (one.contains(top) || top.contains(one) || one.closest('label')?.contains(top))),
    coveredBy: top ? top.outerHTML.slice(0, 80) : 'nothing',
    inOrder: !last || !!(last.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING),
  };
}"""
PAGES = {
    "sign-in": ("", "/login/"),
    "search": ("hina", "/search/?q=PSL00000000"),
    "list": ("hina", "/transactions/?size=25&status=failed"),
    "detail": ("adeel", None),
    "inquiries": ("hina", "/inquiries/?state=all"),
    "account": ("hina", "/account/"),
}


def walk(page: Page) -> list[dict[str, Any]]:
    """Press Tab until the browser is through with the page; what had the focus, in order."""
    page.evaluate("document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')")
    steps = []
    for _ in range(400):
        page.keyboard.press("Tab")
        step = page.evaluate(STEP)
        if step is None or step["again"]:
            return steps
        steps.append(step)
    raise AssertionError("The Tab key does not come to an end.")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("size", [(1440, 900), (720, 450), (320, 640)], ids=["wide", "zoomed", "phone"])
def test_the_focus_is_seen_uncovered_and_in_order(
    page_of: Callable[..., Page], world: World, name: str, size: tuple[int, int]
) -> None:
    who, address = PAGES[name]
    page = page_of(who, viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce")
    page.goto(address or world.page("failed_retryable"))

    steps = walk(page)

    controls = page.evaluate(
        """[...document.querySelectorAll('a[href],button,input:not([type=hidden]),select,textarea,summary,[tabindex="0"]')]
        .filter((one) => one.checkVisibility() && !one.closest('details:not([open]) > :not(summary)')).length"""
    )
    assert len(steps) >= controls * 0.9, (len(steps), controls)
    assert [step["name"] for step in steps if step["outline"] < 2] == []
    assert [step["name"] for step in steps if not step["inView"]] == []
    assert [(step["name"], step["coveredBy"]) for step in steps if step["covered"]] == []
    assert [step["name"] for step in steps if not step["inOrder"]] == []


def test_the_skip_link_comes_first_and_leads_to_the_content(page: Page) -> None:
    page.goto("/transactions/?size=25")
    page.keyboard.press("Tab")
    expect(page.locator("a.skip")).to_be_focused()
    expect(page.locator("a.skip")).to_be_in_viewport()

    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()


def test_after_an_htmx_change_the_focus_is_not_lost(page: Page) -> None:
    page.goto("/transactions/?size=25")
    page.get_by_role("link", name="Older").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**after=**")
    page.wait_for_function("document.activeElement !== document.body")

    assert page.evaluate("!!document.activeElement.closest('main')")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_focus_ring_stands_out(page: Page, theme: str) -> None:
    """WCAG 1.4.11: three to one against the page."""
    page.goto("/search/")
    page.evaluate("theme => { document.documentElement.dataset.bsTheme = theme; }", theme)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    ring, back = page.evaluate(
        "[getComputedStyle(document.activeElement).outlineColor, getComputedStyle(document.body).backgroundColor]"
    )
    assert contrast(ring, back) >= 3


def contrast(one: str, other: str) -> float:
    def light(color: str) -> float:
        parts = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_with_forced_colours_every_badge_keeps_shape_word_and_border(page_of: Callable[..., Page]) -> None:
    """UI.md check 52: no status is told by its colour alone."""
    page = page_of("mehwish", forced_colors="active")
    shapes: dict[str, str] = {}
    for status in ("received", "validated", "pending", "completed", "failed"):
        page.goto(f"/transactions/?status={status}&size=25")
        for word, shape, border, size in page.evaluate(
            """[...document.querySelectorAll('tr[data-id] .st')].map((one) => [
              one.innerText.trim(), one.querySelector('use').getAttribute('href').split('#')[1],
              getComputedStyle(one).borderTopStyle, one.querySelector('svg').getBoundingClientRect().width])"""
        ):
            assert border != "none"
            assert size >= 12
            assert shapes.setdefault(word.splitlines()[0], shape) == shape
    assert len(shapes) >= 8
    assert len(set(shapes.values())) == len(shapes), "two statuses share a shape"
