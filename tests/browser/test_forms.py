"""Every form that is refused says where and why, puts the focus there, and keeps what was typed (UI.md check 55)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.world import World
from transactions.models import Inquiry

pytestmark = pytest.mark.browser


def refused(page: Page, field: str, sentence: str) -> None:
    """The summary has the focus and leads to the field, which is marked and described."""
    summary = page.locator(".err-sum")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("There is a problem")
    expect(summary).to_contain_text(sentence)
    assert page.title().startswith("Error: ")
    control = page.locator(field)
    assert control.get_attribute("aria-invalid") == "true"
    described = control.get_attribute("aria-describedby") or ""
    texts = [page.locator(f"[id='{one}']").inner_text() for one in described.split()]
    assert any(sentence in text for text in texts), (described, texts)
    summary.get_by_role("link", name=sentence).click()
    expect(control).to_be_focused()


def test_signing_in(page_of: Callable[..., Page]) -> None:
    page = page_of()
    page.goto("/login/")
    page.fill("#id_login", "somebody")
    page.click("form button.w-100")

    refused(page, "#id_password", "Enter your password")
    assert page.locator("#id_login").input_value() == "somebody"


def test_recording_an_inquiry(page: Page, world: World) -> None:
    page.goto(world.page("settlement"))
    page.click("#record-inquiry > summary")
    page.fill("#id_inquiry-question", "Is it paid? <b>soon</b>")
    page.fill("#id_inquiry-answer", "It is in screening.")
    page.check("input[name='inquiry-state'][value=closed]")
    page.locator("#record-inquiry form button").click()

    refused(page, "#id_inquiry-asked_by", "Enter who asked")
    expect(page.locator(".err-sum")).to_contain_text("must not be told")
    assert page.locator("#id_inquiry-question").input_value() == "Is it paid? <b>soon</b>"
    assert page.locator("#id_inquiry-answer").input_value() == "It is in screening."
    assert page.locator("input[name='inquiry-state'][value=closed]").is_checked()
    assert page.locator("#record-inquiry").evaluate("one => one.open")


def test_adding_a_note(page: Page, world: World) -> None:
    page.goto(world.page("settlement"))
    page.get_by_role("button", name="Add note").click()

    refused(page, "#id_note-text", "Enter a note")


def test_closing_an_inquiry(page: Page, world: World) -> None:
    page.goto(f"/inquiries/{world.inquiry}/")
    page.get_by_role("button", name=f"Close {world.inquiry}").click()

    refused(page, "#id_note", "Enter how it ended")
    assert Inquiry.objects.get(number=world.inquiry).closed_at is None


def test_changing_the_password(page: Page) -> None:
    page.goto("/account/password/")
    page.fill("#id_old_password", "demo")
    page.fill("#id_new_password1", "short")
    page.fill("#id_new_password2", "short")
    page.get_by_role("button", name="Change password").click()

    expect(page.locator(".err-sum")).to_be_focused()
    assert page.locator("[aria-invalid=true]").count() >= 1


def test_a_search_that_is_too_long(page: Page) -> None:
    page.goto("/search/")
    page.fill("#search-q", "x" * 30_000)
    page.locator("main form").get_by_role("button", name="Search").click()

    expect(page.locator("#search-err")).to_contain_text("too long")
    assert page.locator("#search-q").get_attribute("aria-describedby") == "search-err"
    assert page.title().startswith("Error: ")


def test_a_second_click_sends_nothing(page: Page, world: World) -> None:
    """UI.md check 32, as far as a form can see to it: two quick clicks make one inquiry."""
    transaction = world.plain(43)
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if one.method == "POST" else None)
    page.goto(transaction.get_absolute_url())
    page.click("#record-inquiry > summary")
    page.fill("#id_inquiry-asked_by", "Twice")
    page.locator("#record-inquiry form button").dblclick(no_wait_after=True)
    page.wait_for_selector("#messages :text('is recorded')")

    assert len(sent) == 1
    assert Inquiry.objects.filter(transaction=transaction, asked_by="Twice").count() == 1


def test_a_form_can_be_sent_again_after_going_back(page: Page, world: World) -> None:
    """UI.md section 9, trap 9."""
    transaction = world.plain(44)
    page.goto(transaction.get_absolute_url())
    for text in ("first", "second"):
        page.fill("#id_note-text", text)
        page.get_by_role("button", name="Add note").click()
        expect(page.locator("#notes")).to_contain_text(text)
        page.go_back()
    page.goto(transaction.get_absolute_url())
    assert page.locator("#notes article").count() == 2
