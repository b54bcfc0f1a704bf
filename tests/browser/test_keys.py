"""Single keys move and open, rest while one types, can be switched off, and never send anything (UI.md check 54)."""

from __future__ import annotations

import string
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from tests.browser.world import World
from transactions.models import Note

pytestmark = pytest.mark.browser

ACTIVE = "document.activeElement.id || document.activeElement.textContent.trim()"


def test_slash_goes_to_the_search_box(page: Page) -> None:
    page.goto("/help/statuses/")
    page.keyboard.press("/")

    expect(page.locator("#finder-q")).to_be_focused()
    page.keyboard.type("a/b?gt")
    assert page.locator("#finder-q").input_value() == "a/b?gt"
    assert not page.locator("dialog[open]").count()


def test_the_question_mark_shows_the_shortcuts_and_escape_closes_them(page: Page) -> None:
    page.goto("/help/statuses/")
    page.keyboard.press("?")
    expect(page.locator("dialog#keys")).to_be_visible()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") != "finder-q", "keys rest while a dialog is open"

    page.keyboard.press("Escape")

    expect(page.locator("dialog#keys")).to_be_hidden()


@pytest.mark.parametrize(("key", "address"), [("t", "/transactions/"), ("s", "/search/"), ("i", "/inquiries/")])
def test_g_and_a_letter_open_a_desk(page: Page, key: str, address: str) -> None:
    page.goto("/help/statuses/")
    page.keyboard.press("g")
    page.keyboard.press(key)

    page.wait_for_url(f"**{address}")


def test_j_and_k_walk_the_rows_and_enter_opens_one(page: Page) -> None:
    page.goto("/transactions/?size=25")
    links = page.locator("tr[data-id] a.ref")
    page.keyboard.press("j")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(links.nth(2)).to_be_focused()
    page.keyboard.press("k")
    expect(links.nth(1)).to_be_focused()
    reference = links.nth(1).inner_text()

    page.keyboard.press("Enter")

    expect(page.locator("h1")).to_contain_text(reference)


def test_f_goes_to_the_first_filter(page: Page) -> None:
    page.goto("/transactions/?size=25")
    page.keyboard.press("f")

    assert page.evaluate("!!document.activeElement.closest('main form, main details')")


def test_c_copies_the_reference(open_browser: Callable[..., object], world: World) -> None:
    context = open_browser("hina", permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()  # type: ignore[attr-defined]
    page.goto(world.page("credited"))
    page.keyboard.press("c")

    expect(page.locator("#announcer")).to_contain_text("Copied reference")
    assert page.evaluate("navigator.clipboard.readText()") == world.stage["credited"]


def test_control_and_enter_send_the_form_one_types_in(page: Page, world: World) -> None:
    transaction = world.plain(46)
    page.goto(transaction.get_absolute_url())
    page.fill("#id_note-text", "Sent by keys.")
    page.keyboard.press("Control+Enter")

    expect(page.locator("#notes article")).to_contain_text("Sent by keys.")
    assert Note.objects.filter(transaction=transaction).count() == 1


def test_no_key_acts_in_a_field(page: Page, world: World) -> None:
    page.goto(world.page("credited"))
    page.focus("#id_note-text")
    page.keyboard.type("gt/?jkcf")

    assert page.locator("#id_note-text").input_value() == "gt/?jkcf"
    assert page.url.endswith(world.page("credited"))


def test_no_single_key_sends_anything(page: Page, world: World) -> None:
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if one.method != "GET" else None)
    for address in (world.page("failed_retryable"), "/transactions/?size=25", f"/inquiries/{world.inquiry}/"):
        page.goto(address)
        for key in string.ascii_letters + string.digits + "/?.,;-=[]":
            page.keyboard.press(key)
            if page.evaluate("!!document.activeElement.closest('input,textarea,select')"):
                page.evaluate("document.activeElement.blur()")
            if page.locator("dialog[open]").count():
                page.keyboard.press("Escape")
    assert sent == []


def test_single_keys_can_be_switched_off(page_of: Callable[..., Page]) -> None:
    page = page_of("bilal")
    page.goto("/account/")
    page.get_by_label("single", exact=False).uncheck()
    page.get_by_role("button", name="Save preferences").click()
    expect(page.locator("#messages")).to_contain_text("saved")

    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") != "finder-q"
    page.keyboard.press("?")
    assert not page.locator("dialog[open]").count()
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_timeout(400)
    assert page.url.endswith("/account/")
    User.objects.filter(username="bilal").update(single_keys=True)


def test_every_shortcut_of_the_help_has_a_control(page: Page, world: World) -> None:
    page.goto("/help/keys/")
    keys = {text for text in page.locator("main kbd").all_inner_texts() if len(text) == 1}
    reachable = {"g", "j", "k", "x"}
    page.goto("/transactions/?size=25")
    in_the_middle = page.locator("tr[data-id] a.ref").nth(5).get_attribute("href")
    for address in ("/transactions/?size=25", world.page("credited"), in_the_middle):
        page.goto(address)
        reachable |= set(page.evaluate("[...document.querySelectorAll('[data-key]')].map((one) => one.dataset.key)"))
        reachable |= set(page.evaluate("[...document.querySelectorAll('[data-go]')].map((one) => one.dataset.go)"))
    assert keys <= reachable
