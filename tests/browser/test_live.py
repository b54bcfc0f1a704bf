"""A page that stays open moves by itself, and says so when it does not (UI.md 2.3, checks 21 to 27)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Page, expect

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


def test_a_row_changes_where_it_stands(page: Page) -> None:
    reference = begun()
    live(page, "/transactions/?size=50")
    row = page.locator(f"tr[data-id={reference}]")
    expect(row.locator("[data-c=status]")).to_contain_text("Received")

    moved(reference, 2, "validation")

    expect(row.locator("[data-c=status]")).to_contain_text("Validated")
    expect(row.locator("[data-c=status]")).to_contain_text("just changed")
