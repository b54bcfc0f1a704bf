"""How much a browser must fetch, and how still the page stands (UI.md checks 57 to 60)."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.serving import Site
from tests.browser.world import World

pytestmark = pytest.mark.browser

FIRST, TARGET, WARM = 120 * 1024, 75 * 1024, 20 * 1024


class Traffic:
    """What came over the wire for one page, counted by the browser itself."""

    def __init__(self, page: Page) -> None:
        self.bytes, self.requests = 0, 0
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", self._finished)
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.requestServedFromCache", self._from_cache)
        session.on("Network.responseReceived", self._received)
        self.cached: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    def _asked(self, event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith("http"):
            self.asked.append((event["requestId"], event["request"]["url"]))

    def _from_cache(self, event: dict[str, Any]) -> None:
        self.cached.add(event["requestId"])

    def _received(self, event: dict[str, Any]) -> None:
        if event["response"].get("fromDiskCache"):
            self.cached.add(event["requestId"])

    def _finished(self, event: dict[str, Any]) -> None:
        if event["requestId"] not in self.cached:
            self.bytes += int(event["encodedDataLength"])

    @property
    def over_the_wire(self) -> list[str]:
        return [url for key, url in self.asked if key not in self.cached]

    def clear(self) -> None:
        self.bytes = 0
        self.asked.clear()
        self.cached.clear()


def open_cold(context: BrowserContext, address: str) -> tuple[Page, Traffic]:
    page = context.new_page()
    traffic = Traffic(page)
    page.goto(address, wait_until="networkidle")
    return page, traffic


@pytest.mark.parametrize("name", ["sign-in", "search", "list", "detail"])
def test_the_first_page_is_light(open_browser: Callable[..., BrowserContext], world: World, name: str) -> None:
    who, address = {
        "sign-in": ("", "/login/"),
        "search": ("hina", "/search/?q=PSL00000000"),
        "list": ("hina", "/transactions/?size=50"),
        "detail": ("mehwish", world.page("failed_retryable")),
    }[name]

    _, traffic = open_cold(open_browser(who), address)

    assert 30_000 < traffic.bytes <= TARGET < FIRST


def test_the_next_pages_fetch_little_more_than_themselves(
    open_browser: Callable[..., BrowserContext], world: World
) -> None:
    page, traffic = open_cold(open_browser("hina"), "/search/")
    # Warm is when the script that is fetched a moment later has come, too.
    page.wait_for_selector("#feed [data-feed]", state="attached")
    for address in ("/transactions/?size=50", world.page("credited"), "/inquiries/"):
        traffic.clear()
        page.goto(address, wait_until="networkidle")
        assert traffic.bytes <= WARM, address
        assert len(traffic.over_the_wire) <= 2, traffic.over_the_wire


def test_files_have_hashed_names_and_a_year_of_cache(page: Page) -> None:
    page.goto("/search/")
    linked = page.locator("script[src], link[rel=stylesheet], link[rel=icon]")
    files = linked.evaluate_all("all => all.map((one) => one.src || one.href)")
    assert len(files) >= 6
    for file in files:
        assert re.search(r"\.[0-9a-f]{12}\.(css|js|svg)$", file), file
        answer = page.request.get(file, headers={"Accept-Encoding": "gzip"})
        age = int(re.search(r"max-age=(\d+)", answer.headers["cache-control"])[1])  # type: ignore[index]
        assert age >= 31_536_000
        assert "immutable" in answer.headers["cache-control"]


def test_a_list_of_fifty_rows_is_at_most_15_kb(page: Page) -> None:
    text = page.request.get("/transactions/?size=50").body()

    assert text.count(b"<tr data-id") == 50
    assert len(gzip.compress(text, 6)) <= 15 * 1024


def test_pages_are_sent_compressed(page: Page) -> None:
    answer = page.goto("/transactions/?size=50")

    assert answer.headers["content-encoding"] == "gzip"
    assert "cookie" in answer.headers["vary"].lower()


def test_nothing_comes_from_elsewhere_and_nothing_is_inline(page: Page, site: Site, world: World) -> None:
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    for address in ("/search/", "/transactions/?size=25", world.page("credited"), "/account/"):
        answer = page.goto(address, wait_until="networkidle")
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "script-src 'self'" in policy
        assert page.locator("script:not([src]), style, [style], [onclick], [onload]").count() == 0
    assert [url for url in asked if not url.startswith(site.url)] == []


@pytest.mark.parametrize("name", ["list", "detail"])
def test_a_page_does_not_jump_while_it_loads(page: Page, world: World, name: str) -> None:
    """Cumulative layout shift of 0.02 at most."""
    page.add_init_script(
        """window.shift = 0; new PerformanceObserver((list) => {
          for (const one of list.getEntries()) if (!one.hadRecentInput) window.shift += one.value;
        }).observe({ type: 'layout-shift', buffered: true });"""
    )
    page.goto({"list": "/transactions/?size=50", "detail": world.page("credited")}[name], wait_until="networkidle")
    page.wait_for_timeout(300)

    assert page.evaluate("window.shift") <= 0.02
