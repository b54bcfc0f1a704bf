"""A page that stays open moves by itself, and says so when it does not (UI.md 2.3, checks 21 to 27)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from backoffice.gateway.intake import receive
from tests.browser.world import PARTNER
from tests.gateway import telling

pytestmark = pytest.mark.browser

_numbers = count(1)


def tell(*events: dict[str, Any]) -> None:
    """The platform tells the intake; what it refuses fails the test."""
    receipt = receive(list(events), message_id=f"live-{next(_numbers)}", source="demo")
    assert receipt.rejected == 0, receipt.as_json()


def begun(partner: str = PARTNER) -> str:
    """A transaction that has just come in."""
    reference = f"LIVE{next(_numbers):06d}"
    tell(telling.received(reference, partner=partner, head=now()))
    return reference


def now() -> dict[str, str]:
    """The envelope's time of an event that happens at this moment."""
    return {"time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")}


def moved(reference: str, sequence: int, stage: str, **more: Any) -> None:
    tell(telling.stage(reference, sequence, stage, head=now(), **more))


def live(page: Page, address: str) -> None:
    """Open a page and wait until it says that it is live."""
    page.goto(address)
    expect(page.locator("#feed")).to_contain_text(re.compile(r"Live, \d\d:\d\d:\d\d PKT"))


CHANGES_OF_PLACE = """() => {
  window.shift = 0;
  new PerformanceObserver((list) => { for (const one of list.getEntries()) window.shift += one.value; })
    .observe({ type: 'layout-shift' });
}"""
TOPS = "[...document.querySelectorAll('tr[data-id]')].map((row) => row.getBoundingClientRect().top)"


def cell(page: Page, reference: str, name: str) -> Locator:
    return page.locator(f"tr[data-id={reference}] [data-c={name}]")


def test_a_row_changes_where_it_stands(page: Page) -> None:
    reference = begun()
    live(page, "/transactions/?size=50")
    expect(cell(page, reference, "status")).to_contain_text("Received")

    moved(reference, 2, "validation")

    expect(cell(page, reference, "status")).to_contain_text("Validated")
    expect(cell(page, reference, "status")).to_contain_text("just changed")


def test_twenty_patches_move_nothing(page: Page) -> None:
    """Check 21."""
    references = [begun() for _ in range(20)]
    live(page, "/transactions/?size=50")
    page.mouse.wheel(0, 200)
    page.wait_for_timeout(300)
    page.evaluate(CHANGES_OF_PLACE)
    before, height = page.evaluate(TOPS), page.evaluate("scrollY")

    for reference in references:
        moved(reference, 2, "validation")
        moved(reference, 3, "compliance_review", result="STARTED")
    for reference in references:
        expect(cell(page, reference, "status")).to_contain_text("Pending")

    assert page.evaluate(TOPS) == before
    assert page.evaluate("scrollY") == height
    assert page.evaluate("window.shift") == 0


def test_new_rows_are_counted_in_their_own_space_and_shown_when_asked_for(page: Page) -> None:
    """Check 22."""
    live(page, "/transactions/?size=25")
    page.evaluate(CHANGES_OF_PLACE)
    rows = page.locator("tr[data-id]")

    new = [begun() for _ in range(5)]

    expect(page.locator(".news")).to_have_text(re.compile(r"5 new\s+·\s+Show them"))
    assert rows.count() == 25
    assert page.evaluate("window.shift") == 0
    page.get_by_role("link", name="5 new").click()
    expect(rows.first).to_have_attribute("data-id", new[-1])


def test_a_row_that_comes_to_match_is_new_and_one_that_matches_no_longer_stays(page: Page) -> None:
    leaves, comes = begun(), begun()
    live(page, "/transactions/?status=received")
    other = page.context.new_page()
    live(other, "/transactions/?status=validated")

    moved(leaves, 2, "validation")
    moved(comes, 2, "validation")

    row = page.locator(f"tr[data-id={leaves}]")
    expect(row).to_have_class(re.compile("gone"))
    expect(row).to_contain_text("no longer matches")
    other.bring_to_front()
    expect(other.locator(".news")).to_contain_text("2 new")
    moved(comes, 3, "title_fetch", response={"accountTitle": "SANA MALIK", "titleMatch": "MATCH"})
    other.wait_for_timeout(6_000)
    expect(other.locator(".news")).to_contain_text("2 new")
