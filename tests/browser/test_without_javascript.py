"""With JavaScript off everything still works, by links and forms alone (UI.md check 10)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.world import World
from tests.people import PASSWORD
from transactions.models import Inquiry, Note

pytestmark = pytest.mark.browser


@pytest.fixture
def plain(open_browser: Callable[..., BrowserContext]) -> Page:
    """A page of a browser without JavaScript, signed out."""
    return open_browser(java_script_enabled=False).new_page()


def sign_in(page: Page, username: str) -> None:
    page.goto("/login/")
    page.fill("#id_login", username)
    page.fill("#id_password", PASSWORD)
    page.click("form button.w-100")


def test_a_day_at_the_inquiry_desk(plain: Page, world: World) -> None:
    page, transaction = plain, world.plain(4)
    sign_in(page, "hina")
    expect(page.locator("h1")).to_have_text("Search")

    page.fill("#finder-q", f" {transaction.partner_reference.lower()} ")
    page.click("form.finder button")
    assert page.url.endswith(transaction.get_absolute_url())

    page.goto("/transactions/?size=25")
    page.select_option("#f-created", "30d")
    page.get_by_role("button", name="Apply filters").click()
    assert "created=30d" in page.url
    first = page.locator("tr[data-id]").first.get_attribute("data-id")
    page.get_by_role("link", name="Older").click()
    assert page.locator("tr[data-id]").first.get_attribute("data-id") != first

    opened = page.locator("tr[data-id] a.ref").first
    reference = str(opened.inner_text())
    opened.click()
    expect(page.locator("h1")).to_contain_text(reference)

    page.goto(transaction.get_absolute_url())
    page.click("#record-inquiry > summary")
    page.fill("#id_inquiry-asked_by", "Bilquis, without scripts")
    page.locator("#record-inquiry form button").click()
    expect(page.locator("#messages")).to_contain_text("is recorded and open")
    assert Inquiry.objects.filter(transaction=transaction, asked_by="Bilquis, without scripts").exists()

    page.fill("#id_note-text", "Told without scripts.")
    page.get_by_role("button", name="Add note").click()
    assert Note.objects.filter(transaction=transaction, text="Told without scripts.").exists()

    page.locator("details.menu summary", has_text="Hina").click()
    page.get_by_role("button", name="Sign out").click()
    assert page.url.endswith("/login/")
    page.goto("/search/")
    assert "/login/" in page.url


def test_a_hidden_value_is_revealed_and_goes_again(plain: Page, world: World) -> None:
    transaction = world.plain(5)
    number = transaction.account.number
    sign_in(plain, "tariq")
    plain.goto(transaction.get_absolute_url())
    assert number not in plain.content()

    asking = plain.locator("details", has=plain.locator("input[value=account_number]"))
    asking.locator("summary").click()
    asking.locator("select").select_option("partner_inquiry")
    asking.locator("button").click()

    shown = plain.locator(".revealed").inner_text()
    assert number in shown.replace(" ", "").replace("\xa0", "")
    refresh = plain.locator("noscript").inner_html()
    assert f'content="60; url={transaction.get_absolute_url()}"' in refresh
    expect(plain.locator("main")).to_contain_text("Shown until")


def test_what_only_scripts_can_do_is_not_offered(plain: Page, world: World) -> None:
    sign_in(plain, "hina")
    plain.goto(world.page("credited"))

    assert plain.locator("[data-copy]:visible, [data-copy-from]:visible, [data-peek]:visible").count() == 0
    expect(plain.locator("header .updated")).to_contain_text("Reload")
