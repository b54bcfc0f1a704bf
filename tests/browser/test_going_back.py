"""The address is the state of a page: Back, a fresh browser and a colleague see the same (UI.md checks 1 to 7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.places import OURS
from tests.browser.world import PARTNER, World

pytestmark = pytest.mark.browser

FILTERED = f"/transactions/?status=completed&partner={PARTNER}&created=30d&sort=created&size=50"
CONTROLS = """[...document.querySelectorAll('main form select,main form input:not([type=hidden])')]
  .map((one) => [one.name, one.value, one.checked])"""
ROWS = "[...document.querySelectorAll('tr[data-id]')].map((row) => row.innerText.replace(/\\d+ (s|min|h|d)\\b/g, ''))"


def test_back_restores_address_filters_rows_and_place(page: Page) -> None:
    answer = page.goto(FILTERED)
    assert "no-store" in answer.headers["cache-control"]
    row = page.locator("tr[data-id]").nth(29)
    row.scroll_into_view_if_needed()
    page.evaluate("scrollBy(0, 240)")
    before = [page.url, page.evaluate(CONTROLS), page.evaluate(ROWS)]
    height = page.evaluate("scrollY")
    assert height > 300

    row.locator("a.ref").click()
    page.wait_for_url("**/transactions/PSL*/**")
    page.go_back()
    page.wait_for_function("height => Math.abs(scrollY - height) <= 5", arg=height)

    assert [page.url, page.evaluate(CONTROLS), page.evaluate(ROWS)] == before


def test_a_list_looks_the_same_in_a_fresh_browser(page: Page, page_of: Callable[..., Page]) -> None:
    page.goto(FILTERED)
    other = page_of("hina")
    other.goto(FILTERED)

    assert other.evaluate(ROWS) == page.evaluate(ROWS)
    columns = "[...document.querySelectorAll('thead th')].map((one) => one.innerText)"
    assert other.evaluate(columns) == page.evaluate(columns)


def test_filters_change_by_htmx_and_every_step_back_is_a_whole_page(page: Page) -> None:
    loads: list[str] = []
    page.on("request", lambda one: loads.append(one.url) if one.headers.get("hx-request") else None)
    page.goto("/transactions/")
    seen = [(urlsplit(page.url).query, page.locator("#f-created").input_value())]
    for choice in ("today", "7d", "30d", "month", "90d"):
        page.select_option("#f-created", choice)
        page.get_by_role("button", name="Apply filters").click()
        page.wait_for_url(f"**created={choice}**")
        expect(page.locator("#f-created")).to_have_value(choice)
        seen.append((urlsplit(page.url).query, choice))
    assert len(loads) >= 5, "the filters were not changed by htmx"

    for query, choice in reversed(seen[:-1]):
        page.go_back()
        page.wait_for_url(f"**/transactions/{'?' if query else ''}{query}")
        expect(page.locator("#f-created")).to_have_value(choice)
        assert page.locator("header.top").count() == 1
        assert page.evaluate("getComputedStyle(document.querySelector('header.top')).position") == "sticky"
        assert page.locator("tr[data-id], .empty").count() > 0


def test_each_address_answers_htmx_with_a_whole_page(page_of: Callable[..., Page], world: World) -> None:
    asking = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    pages = {who: page_of(who) for who in sorted({place.who for place in OURS})}
    fragments = []
    for place in OURS:
        text = pages[place.who].request.get(place.address(world), headers=asking).text().strip()
        if not text.lower().startswith("<!doctype html>") or "</html>" not in text:
            fragments.append(place.name)
    assert fragments == []


def test_a_row_opens_in_a_new_tab(open_browser: Callable[..., BrowserContext]) -> None:
    context = open_browser("hina")
    page = context.new_page()
    page.goto("/transactions/?size=25")
    link = page.locator("tr[data-id] th a").nth(3)
    reference = link.inner_text()

    with context.expect_page() as opened:
        link.click(modifiers=["Control"])

    expect(opened.value.locator("h1")).to_contain_text(reference)
    assert "/transactions/?" in page.url


def test_every_link_leads_to_a_page(page_of: Callable[..., Page], world: World) -> None:
    """UI.md check 7: what a page of ours links to answers when it is opened directly, for the same reader."""
    dead = []
    for who in ("hina", "mehwish", "nadia"):
        page = page_of(who)
        found: dict[str, str] = {}
        for place in OURS:
            if place.who == who and place.answer == 200:
                page.goto(place.address(world))
                found |= {_kind(href): href for href in page.evaluate(LINKS)}
        for href in found.values():
            answer = page.request.get(href)
            if answer.status != 200:
                dead.append((who, href, answer.status))
    assert dead == []


LINKS = """[...document.querySelectorAll('a[href]')]
  .map((one) => new URL(one.getAttribute('href'), document.baseURI).href.split('#')[0])
  .filter((href) => href.startsWith(location.origin))"""


def _kind(address: str) -> str:
    """An address with its references taken out: one of each kind is enough."""
    parts = urlsplit(address)
    return re.sub(r"[A-Z]{2,}[-0-9]*[0-9]+", "REF", parts.path) + "?" + re.sub(r"=[^&]*", "", parts.query)


def test_a_page_reached_from_a_list_leads_back_to_it(page: Page, world: World) -> None:
    page.goto(FILTERED)
    page.locator("tr[data-id] a.ref").nth(2).click()
    page.get_by_role("link", name="Back to results").click()

    assert page.url.endswith(FILTERED)


def test_titles_tell_the_pages_apart(page_of: Callable[..., Page], world: World) -> None:
    """UI.md check 56: no two addresses have the same title for one reader."""
    pages = {who: page_of(who) for who in sorted({place.who for place in OURS})}
    titles: dict[tuple[str, str], set[str]] = {}
    for who, address in {(place.who, place.address(world)) for place in OURS if place.answer == 200}:
        text = pages[who].request.get(address).text()
        title = re.search(r"<title>(.*?)</title>", text, re.DOTALL)
        assert title is not None
        titles.setdefault((who, title[1]), set()).add(address)
    assert [addresses for addresses in titles.values() if len(addresses) > 1] == []
