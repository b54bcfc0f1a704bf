"""Choosing rows and arranging the list in a browser (UI.md checks 9, 19, 28 to 31, 54)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from tests.browser.world import World
from transactions.models import ListSettings, Note, SavedView, Transaction

pytestmark = pytest.mark.browser

LIST = "/transactions/?status=completed&size=25"
PICKED = "[...document.querySelectorAll('[name=ref]')].map((box, at) => box.checked ? at : -1).filter((at) => at >= 0)"


def boxes(page: Page) -> Any:
    return page.locator("tr[data-id] [name=ref]")


def test_a_range_is_chosen_by_shift_and_a_click(page: Page) -> None:
    page.goto(LIST)
    boxes(page).nth(2).click()
    boxes(page).nth(6).click(modifiers=["Shift"])
    assert page.evaluate(PICKED) == [2, 3, 4, 5, 6]
    expect(page.locator("[data-picked]")).to_have_text("5 selected")


def test_rows_are_chosen_by_keys_and_escape_clears(page: Page) -> None:
    page.goto(LIST)
    asked: list[str] = []
    for _ in range(2):
        page.keyboard.press("j")
    page.on("request", lambda one: asked.append(one.method))
    page.keyboard.press("x")
    assert page.evaluate(PICKED) == [1]
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    assert page.evaluate(PICKED) == [1, 2, 3, 4]
    page.keyboard.press("x")
    assert page.evaluate(PICKED) == [1, 2, 3]
    page.keyboard.press("Escape")
    assert page.evaluate(PICKED) == []
    assert "POST" not in asked


def test_keys_rest_in_fields_and_where_they_are_switched_off(page: Page) -> None:
    page.goto(LIST)
    page.locator("#f-created-from").press("x")
    assert page.evaluate(PICKED) == []
    User.objects.filter(username="hina").update(single_keys=False)
    try:
        page.reload()
        page.locator("tr[data-id] a.ref").first.focus()
        page.keyboard.press("x")
        assert page.evaluate(PICKED) == []
    finally:
        User.objects.filter(username="hina").update(single_keys=True)


def test_what_was_chosen_is_still_chosen_after_back_but_not_after_other_filters(page: Page) -> None:
    page.goto(LIST)
    for place in (1, 4):
        boxes(page).nth(place).check()
    page.locator("tr[data-id] a.ref").nth(4).click()
    page.wait_for_url("**/transactions/PSL*/**")
    page.go_back()
    expect(page.locator("[data-picked]")).to_have_text("2 selected")
    assert page.evaluate(PICKED) == [1, 4]
    page.select_option("#f-created", "30d")
    page.get_by_role("button", name="Apply filters").click()
    page.wait_for_url("**created=30d**")
    assert page.evaluate(PICKED) == []


def test_select_all_acts_on_the_filtered_rows_only_and_says_first_how_many_and_what_they_are_worth(page: Page) -> None:
    hina = User.objects.get(username="hina")
    failed = Transaction.objects.visible_to(hina).filter(status="failed")
    number = failed.count()
    page.goto("/transactions/?status=failed&size=25")
    page.get_by_label(f"Select all {number} matching").check()
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("h1")).to_have_text(f"Add a note to {number} transactions")
    assert re.search(rf"{number} with payouts of PKR[\s\xa0][\d,]+\.\d\d", page.locator("main").inner_text())
    assert not Note.objects.filter(text="For all that failed.").exists()
    page.get_by_role("textbox", name="Note").fill("For all that failed.")
    page.get_by_role("button", name=f"Add note to {number} transactions").click()
    expect(page.locator("h1")).to_have_text(f"Note added to {number} of {number} transactions")
    noted = set(Note.objects.filter(text="For all that failed.").values_list("transaction_id", flat=True))
    assert noted == set(failed.values_list("pk", flat=True))


def test_a_note_for_many_works_without_javascript(page_of: Callable[..., Page]) -> None:
    page = page_of("hina", java_script_enabled=False)
    page.goto(LIST)
    for place in (0, 1):
        boxes(page).nth(place).check()
    page.locator("#bulk button", has_text="Add note").click()
    page.locator("textarea[name=text]").fill("Without a script.")
    page.locator("main form .btn-primary").click()
    assert page.locator("h1").inner_text() == "Note added to 2 of 2 transactions"


def test_columns_density_and_a_view_are_kept_and_an_address_wins(page: Page) -> None:
    page.goto("/transactions/?status=completed&size=25")
    page.get_by_role("link", name="Columns").click()
    page.get_by_role("checkbox", name="Money").check()
    page.get_by_role("checkbox", name="Type").uncheck()
    page.get_by_role("button", name="Show these columns").click()
    page.wait_for_url("**/transactions/?status=completed&size=25")
    heads = "[...document.querySelectorAll('thead th')].map((one) => one.innerText.trim().split('\\n')[0])"
    assert "Money" in page.evaluate(heads)
    assert "Type" not in page.evaluate(heads)
    page.goto("/transactions/?cols=type,status&size=25")
    assert page.evaluate(heads)[2:] == ["Type", "Status"]
    page.goto("/transactions/?status=completed&size=25")
    page.get_by_role("button", name="Compact rows").click()
    expect(page.locator("html[data-density=compact]")).to_have_count(1)
    page.get_by_role("button", name="Comfortable rows").click()
    page.locator("summary", has_text="Save this view").click()
    page.get_by_label("Name of the view").fill("Paid ones")
    page.get_by_role("button", name="Save view").click()
    current = page.locator("#views [aria-current=page]")
    expect(current).to_have_text("Paid ones")
    expect(page.locator("#views li", has_text="Paid ones").locator(".count")).to_have_text(re.compile(r"\d+"))
    ListSettings.objects.all().delete()
    SavedView.objects.all().delete()


def test_next_and_previous_follow_the_order_of_the_list_and_say_the_place(page: Page) -> None:
    page.goto("/transactions/?status=completed&sort=-payout&size=25")
    order = page.locator("tr[data-id]").evaluate_all("rows => rows.map((row) => row.dataset.id)")
    total = page.locator("h1 .count").inner_text()
    page.locator("tr[data-id] a.ref").nth(3).click()
    expect(page.locator("h1")).to_contain_text(order[3])
    expect(page.locator(".backlink")).to_contain_text(f"4 of {total}")
    page.keyboard.press("n")
    expect(page.locator("h1")).to_contain_text(order[4])
    page.keyboard.press("p")
    page.wait_for_url(f"**{order[3]}**")
    page.keyboard.press("p")
    expect(page.locator("h1")).to_contain_text(order[2])


def test_whoever_changes_nothing_chooses_rows_only_to_export_them(page_of: Callable[..., Page], world: World) -> None:
    page = page_of("nadia")
    page.goto(LIST)
    assert page.locator("tr[data-id]").count() == page.locator("[name=ref]").count() == 25
    assert page.locator("#bulk button[formaction]").all_inner_texts() == ["Export selected"]


@pytest.mark.parametrize("width", [320, 720, 1200, 1440])
def test_the_list_fits_its_page_and_its_text_may_be_spaced(page_of: Callable[..., Page], width: int) -> None:
    page = page_of("omar", viewport={"width": width, "height": 800})
    page.goto(
        "/transactions/?size=25&cols=created,partner,branch,remitter,beneficiary,type,sent,payout,status,stage,age"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto("/transactions/?size=25&status=pending&status=failed")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate(SPACED)
    clipped = page.evaluate(CLIPPED)
    assert clipped == []


SPACED = """(() => { const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
    word-spacing: .16em !important; }`);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]; })()"""
CLIPPED = """[...document.querySelectorAll('.btn, .st, .chip, .bulk, .tabs a, td, th')]
  .filter((one) => !one.closest('thead') || innerWidth > 640)
  .filter((one) => getComputedStyle(one).overflow !== 'visible' && one.scrollHeight > one.clientHeight + 1)
  .map((one) => one.className)"""
