"""A page that stays open moves by itself, and says so when it does not (UI.md 2.3, checks 21 to 27)."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count, cycle, pairwise
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Locator, Page, expect

from backoffice.gateway.intake import receive
from tests.browser.world import PARTNER
from tests.gateway import telling
from transactions import hub

pytestmark = pytest.mark.browser

SECONDS = int(os.environ.get("LIVE_BROWSER_SECONDS", "8"))
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
    expect(page.locator("#feed")).to_contain_text(re.compile(r"Live, \d\d:\d\d:\d\d PKT"), use_inner_text=True)


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

    expect(page.locator(".news")).to_have_text(re.compile(r"5 new\s+·\s+Show them"), timeout=20_000)
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
    expect(other.locator(".news")).to_contain_text("2 new", timeout=20_000)
    moved(comes, 3, "title_fetch", response={"accountTitle": "SANA MALIK", "titleMatch": "MATCH"})
    other.wait_for_timeout(6_000)
    expect(other.locator(".news")).to_contain_text("2 new")


def test_a_focus_a_selection_and_an_open_menu_survive_a_patch(page: Page) -> None:
    """Check 23. A cell that somebody uses is left alone, and follows when they are done."""
    focused, selected = begun(), begun()
    live(page, "/transactions/?size=50")
    page.evaluate(
        """(reference) => getSelection().selectAllChildren(
             document.querySelector(`tr[data-id=${reference}] [data-c=status]`))""",
        selected,
    )
    page.locator(f"tr[data-id={focused}] a.ref").focus()
    chosen = page.evaluate("getSelection().toString()")
    assert chosen

    moved(focused, 2, "validation")
    moved(selected, 2, "validation")

    expect(cell(page, focused, "status")).to_contain_text("Validated")
    expect(cell(page, selected, "stage")).to_contain_text("Title fetch")
    assert page.evaluate("document.activeElement.closest('tr').dataset.id") == focused
    assert page.evaluate("getSelection().toString()") == chosen
    expect(cell(page, selected, "status")).to_contain_text("Received")
    page.evaluate("getSelection().removeAllRanges()")
    expect(cell(page, selected, "status")).to_contain_text("Validated")


def test_a_menu_stays_open_while_rows_change(page: Page) -> None:
    reference = begun()
    live(page, "/transactions/?size=50")
    page.locator(".filters details.menu > summary").first.click()

    moved(reference, 2, "validation")

    expect(cell(page, reference, "status")).to_contain_text("Validated")
    assert page.locator(".filters details.menu").first.get_attribute("open") is not None


def test_a_page_says_that_it_is_not_live_asks_by_itself_and_recovers(open_browser: Callable[..., Any]) -> None:
    """Check 24: within 45 s, with the time; forms still work."""
    context = open_browser("hina")
    page = context.new_page()
    page.clock.install()
    reference = begun()
    page.goto("/transactions/?size=50")
    page.clock.run_for(3_000)
    feed = page.locator("#feed")
    expect(feed).to_contain_text(re.compile(r"Live, \d\d:\d\d:\d\d PKT"), use_inner_text=True)
    context.route("**/live/?**", lambda route: route.abort())
    page.evaluate("dispatchEvent(new Event('pagehide'))")  # closes the stream as a broken line would

    page.clock.run_for(44_000)
    expect(feed).to_contain_text("Live,", use_inner_text=True)
    moved(reference, 2, "validation")
    page.clock.run_for(3_000)

    expect(feed).to_contain_text(re.compile(r"Not live since \d\d:\d\d:\d\d PKT\. Reload"), use_inner_text=True)
    expect(feed.get_by_role("link", name="Reload")).to_be_visible()
    page.clock.run_for(31_000)
    expect(cell(page, reference, "status")).to_contain_text("Validated")
    page.locator("#finder-q").fill(reference)
    context.unroute("**/live/?**")
    page.clock.run_for(15_000)
    page.wait_for_timeout(500)
    page.clock.run_for(2_000)
    expect(feed).to_contain_text("Live,", use_inner_text=True)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("LIVE")


def test_the_feed_can_be_paused_and_goes_on_where_it_stopped(page: Page) -> None:
    """Check 25."""
    reference = begun()
    live(page, "/transactions/?size=50")
    page.locator("#feed").get_by_role("button", name="Pause").click()
    expect(page.locator("#feed")).to_contain_text(re.compile(r"Paused, \d\d:\d\d:\d\d PKT"), use_inner_text=True)

    moved(reference, 2, "validation")
    page.wait_for_timeout(2_500)
    expect(cell(page, reference, "status")).to_contain_text("Received")
    page.locator("#feed").get_by_role("button", name="Resume").click()

    expect(cell(page, reference, "status")).to_contain_text("Validated")
    expect(page.locator("#feed")).to_contain_text("Live,", use_inner_text=True)


def test_changes_are_announced_together_and_rarely(page: Page) -> None:
    """Check 26: at most once in ten seconds."""
    references = [begun() for _ in range(6)]
    live(page, "/transactions/?size=50")
    page.evaluate(
        """() => { window.said = []; new MutationObserver(() => {
             const text = document.getElementById('announcer').textContent;
             if (text) window.said.push([Date.now(), text]);
           }).observe(document.getElementById('announcer'), { childList: true }); }"""
    )

    for sequence, stage in ((2, "validation"), (3, "intake")):
        for reference in references:
            moved(reference, sequence, stage)
            page.wait_for_timeout(400)
    page.wait_for_timeout(11_000)

    said = page.evaluate("window.said")
    assert 1 <= len(said) <= 3
    assert all(re.fullmatch(r"\d+ rows? changed", text) for _, text in said)
    assert all(later - earlier >= 9_900 for (earlier, _), (later, _) in pairwise(said))


def test_eight_tabs_all_load_and_only_the_visible_one_listens(open_browser: Callable[..., Any]) -> None:
    """Check 27; a browser opens six connections to one host at most."""
    context = open_browser("hina")
    tabs = []
    for number in range(8):
        tab = context.new_page()
        tab.goto(f"/transactions/?size=25&created={30 + number % 2 * 60}d")
        expect(tab.locator("h1")).to_contain_text("Transactions")
        hide(tabs[-1]) if tabs else None
        tabs.append(tab)

    expect(tabs[-1].locator("#feed")).to_contain_text("Live,", use_inner_text=True, timeout=20_000)
    reference = begun()
    expect(tabs[-1].locator(".news")).to_contain_text("1 new", timeout=15_000)
    tabs[-1].goto(f"/transactions/{reference}/")
    expect(tabs[-1].locator("h1")).to_contain_text(reference)


def hide(page: Page) -> None:
    """What a browser tells a tab that went to the back; headless ones keep every tab visible."""
    page.evaluate(
        """() => { Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
                   document.dispatchEvent(new Event('visibilitychange')); }"""
    )


def test_a_payment_is_watched_from_routing_to_completed_without_a_reload(page: Page) -> None:
    """Issue B, Show 2: header, steps, explanation, deeds, timeline and title follow."""
    reference = f"LIVE{next(_numbers):06d}"
    story = telling.paid(reference, partner=PARTNER)
    tell(*story[:6])
    live(page, f"/transactions/{reference}/")
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    headline, steps, events = page.locator(".headline"), page.locator("#progress"), page.locator("#timeline .tl")
    expect(headline).to_contain_text("Validated")

    tell(story[6])
    expect(headline).to_contain_text("Pending")
    expect(page.locator("#explanation")).to_contain_text("RAAST has not answered yet")
    tell(story[7])

    expect(headline).to_contain_text("Completed")
    expect(headline).to_contain_text("With the beneficiary")
    expect(steps.locator("li").last).to_have_class("done")
    expect(events.locator("> li[id]")).to_have_count(8)
    expect(page.locator("#short")).to_contain_text("RAAST")
    expect(page).to_have_title(re.compile(f"^{reference}, Completed"))
    assert loads == []


def test_who_reads_newest_first_is_told_of_new_events(page: Page) -> None:
    reference = begun()
    live(page, f"/transactions/{reference}/timeline/?order=newest")

    moved(reference, 2, "validation")

    expect(page.get_by_role("link", name="1 new event")).to_be_visible()
    assert page.locator(".tl > li[id]").count() == 1
    page.get_by_role("link", name="1 new event").click()
    expect(page.locator(".tl > li[id]")).to_have_count(2)


def test_events_are_added_at_the_end_while_somebody_reads_the_details(page: Page) -> None:
    reference = begun()
    moved(reference, 2, "validation")
    live(page, f"/transactions/{reference}/timeline/")
    page.evaluate("document.querySelector('.tl details, .tl li').setAttribute('data-probe', '')")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.tl li'))")

    moved(reference, 3, "title_fetch", response={"accountTitle": "SANA MALIK", "titleMatch": "MATCH"})

    expect(page.locator(".tl > li[id]")).to_have_count(3)
    assert page.locator(".tl [data-probe]").count() == 1, "what was selected is still the same"


def test_an_open_form_says_that_the_transaction_changed_and_keeps_what_was_typed(page: Page) -> None:
    """UI.md 2.3, point 7."""
    reference = begun()
    live(page, f"/transactions/{reference}/")
    page.get_by_text("Record inquiry", exact=True).click()
    asked_by = page.locator("#id_inquiry-asked_by")
    asked_by.fill("Faisal at the")

    moved(reference, 2, "validation")

    warning = page.locator("#record-inquiry [data-form-changed]")
    expect(warning).to_contain_text(
        re.compile(r"Changed by The platform at \d\d:\d\d:\d\d PKT: status Received\s+→\s*to Validated\. Review before")
    )
    assert asked_by.evaluate("one => one === document.activeElement")
    expect(asked_by).to_have_value("Faisal at the")
    assert warning.evaluate("one => one.nextElementSibling.matches('button')")


def test_without_javascript_the_page_says_when_it_was_made(page_of: Callable[..., Page]) -> None:
    """UI.md 2.3, point 8."""
    page = page_of("hina", java_script_enabled=False)
    page.goto("/transactions/?size=25")

    expect(page.locator("#feed")).to_contain_text(re.compile(r"Updated \d\d:\d\d:\d\d PKT"), use_inner_text=True)
    page.locator("#feed").get_by_role("link", name="Reload").click()
    assert page.url.endswith("/transactions/?size=25")


def test_a_live_feed_says_since_when_the_platform_is_silent(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue B, Show 2: the line is there and nothing comes."""
    silent_since = time.time() - 14 * 60 - 5
    monkeypatch.setattr(hub, "BEAT", 1.0)
    monkeypatch.setattr(hub, "_platform_heard_at", lambda: silent_since)

    live(page, "/transactions/?size=25")

    expect(page.locator("#feed")).to_contain_text(
        "Last event from the platform 14 min ago", use_inner_text=True, timeout=15_000
    )
    expect(page.locator("#feed")).to_contain_text("Live,", use_inner_text=True)


def test_on_a_phone_the_silence_is_said_in_its_own_space(
    page_of: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check 48: nothing under it moves and the page does not grow sideways."""
    silent_since = time.time() - 14 * 3600
    monkeypatch.setattr(hub, "BEAT", 1.0)
    monkeypatch.setattr(hub, "_platform_heard_at", lambda: silent_since)
    page = page_of("hina", viewport={"width": 320, "height": 640})
    page.goto("/help/statuses/")
    top = "document.querySelector('h1').getBoundingClientRect().top"
    before = page.evaluate(top)

    expect(page.locator("#feed")).to_contain_text(
        "Last event from the platform 14 h 0 min ago", use_inner_text=True, timeout=15_000
    )

    assert page.evaluate(top) == before
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_at_twenty_events_a_second_nothing_moves_and_everything_follows(page: Page) -> None:
    """Issue B, Show 1; LIVE_BROWSER_SECONDS makes it longer."""
    references = [begun() for _ in range(40)]
    live(page, "/transactions/?size=50")
    page.mouse.wheel(0, 300)
    page.wait_for_timeout(300)
    focused = page.evaluate("document.querySelectorAll('tr[data-id] a.ref')[12].focus() || document.activeElement.text")
    page.evaluate(CHANGES_OF_PLACE)
    tops, height = page.evaluate(TOPS), page.evaluate("scrollY")
    teller = Teller(references)

    with teller:
        for _ in range(SECONDS):
            page.wait_for_timeout(1_000)
            assert page.evaluate(TOPS) == tops
            assert page.evaluate("scrollY") == height
    page.wait_for_timeout(3_000)

    stages = page.locator("tr[data-id] [data-c=status]").all_inner_texts()
    assert sum("Validated" in text or "Pending" in text for text in stages) >= min(len(references), teller.told) // 2
    assert page.evaluate("document.activeElement.text") == focused
    assert page.evaluate("window.shift") == 0
    assert page.evaluate(TOPS) == tops


class Teller:
    """Tells of these transactions, one event after the other, twenty a second, in a thread of its own."""

    def __init__(self, references: list[str]) -> None:
        self.told = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, args=[references])

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _tell(self, references: list[str]) -> None:
        sequences = dict.fromkeys(references, 1)
        turns = cycle(references)
        while not self._over.wait(0.05):
            reference = next(turns)
            sequences[reference] += 1
            stage = ("validation", "title_fetch", "screening")[sequences[reference] % 3]
            moved(reference, sequences[reference], stage)
            self.told += 1
        connection.close()
