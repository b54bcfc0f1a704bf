"""The main job: a partner is on the phone with a reference, and gets an answer that stands in the log."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from audit.models import AuditEvent
from audit.verbs import Verb
from tests.browser.world import World
from tests.people import PASSWORD
from transactions.models import Inquiry

pytestmark = pytest.mark.browser


def sign_in(page: Page, username: str) -> None:
    page.goto("/login/")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_reference_becomes_an_answer(
    open_browser: Callable[..., BrowserContext], page_of: Callable[..., Page], world: World
) -> None:
    transaction = world.plain(20)
    page = open_browser(permissions=["clipboard-read", "clipboard-write"]).new_page()

    # Hina signs in and pastes what she was told, as it was spelled.
    sign_in(page, "hina")
    expect(page.locator("h1")).to_have_text("Search")
    told = transaction.partner_reference
    page.locator("#finder-q").fill(f"  {told[:2].lower()}-{told[2:6]} \u200b{told[6:]} ")
    page.locator("#finder-q").press("Enter")

    # She sees what happened, where the money is, who must act, and what she may say.
    expect(page.locator("#messages")).to_contain_text("Only match for")
    expect(page.locator("h1")).to_contain_text(transaction.txn_id)
    expect(page.locator("#in-short")).to_contain_text("With the beneficiary")
    expect(page.locator("#in-short")).to_contain_text("Completed")
    answer = page.locator("#partner-answer").inner_text()
    assert told in answer or transaction.txn_id in answer

    # She copies the answer, and that is on the record.
    with page.expect_response("**/answer/copied/"):
        page.get_by_role("button", name="Copy answer").click()
    assert page.evaluate("navigator.clipboard.readText()") == answer
    assert AuditEvent.objects.of(transaction).filter(verb=Verb.COPIED_ANSWER).count() == 1

    # She records who asked; everything that is known is filled in.
    page.locator("#record-inquiry > summary").click()
    assert page.get_by_label("Reference they gave").input_value() == told
    assert page.get_by_label("What you answer").input_value() == answer
    page.get_by_label("Who asked").fill("Faisal of the night desk")
    page.get_by_label("What they asked").fill("The beneficiary waits at the bank.")
    page.get_by_role("button", name="Record inquiry of Instant Cash").click()
    expect(page.locator("#messages")).to_contain_text("is recorded and open")
    inquiry = Inquiry.objects.get(transaction=transaction, asked_by="Faisal of the night desk")

    # It stands under the partner's open inquiries until she closes it.
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Inquiries").click()
    row = page.locator("tbody tr", has_text=inquiry.number)
    expect(row).to_contain_text("Open")
    expect(row).to_contain_text("Instant Cash")
    row.get_by_role("link", name=inquiry.number).click()
    page.get_by_role("textbox", name="How it ended").fill("He will look again in the morning.")
    page.get_by_role("button", name=f"Close {inquiry.number}").click()
    expect(page.locator("#messages")).to_contain_text(f"{inquiry.number} is closed")
    page.goto("/inquiries/")
    assert page.locator("tbody tr", has_text=inquiry.number).count() == 0
    page.goto("/inquiries/?state=closed")
    assert page.locator("tbody tr", has_text=inquiry.number).count() == 1

    # An auditor sees who was told what, and that she did it.
    auditor = page_of("nadia")
    auditor.goto(f"/inquiries/{inquiry.number}/")
    for text in ("Hina Lashari", "Faisal of the night desk", answer, "He will look again in the morning."):
        expect(auditor.locator("main")).to_contain_text(text)
    auditor.goto(f"{transaction.get_absolute_url()}audit/")
    expect(auditor.locator("main")).to_contain_text(inquiry.number)
    expect(auditor.locator("main")).to_contain_text("Hina Lashari")

    # A branch operator does not, and an administrator opens no transaction at all.
    branch = page_of("bilal")
    assert branch.goto(f"/inquiries/{inquiry.number}/").status == 404
    branch.goto("/inquiries/?state=all")
    assert branch.locator("tbody tr", has_text=inquiry.number).count() == 0
    admin = page_of("admin")
    assert admin.goto(transaction.get_absolute_url()).status == 403
    expect(admin.locator("main")).to_contain_text("right")


def test_another_handler_who_was_quicker_is_named(page_of: Callable[..., Page], world: World) -> None:
    """Two people close one inquiry: the second is told who was first, and keeps what they typed."""
    transaction = world.plain(22)
    first, second = page_of("hina"), page_of("omar")
    first.goto(transaction.get_absolute_url())
    first.click("#record-inquiry > summary")
    first.fill("#id_inquiry-asked_by", "Both of us")
    first.locator("#record-inquiry form button").click()
    expect(first.locator("#messages")).to_contain_text("is recorded")
    number = Inquiry.objects.get(asked_by="Both of us").number
    for page in (first, second):
        page.goto(f"/inquiries/{number}/")
        page.fill("#id_note", "Told them.")

    first.get_by_role("button", name=f"Close {number}").click()
    expect(first.locator("#messages")).to_contain_text("is closed")
    second.get_by_role("button", name=f"Close {number}").click()

    expect(second.locator("#refused")).to_contain_text("Hina Lashari")
    assert second.get_by_label("What you wrote, to copy").input_value() == "Told them."


def test_a_branch_operator_pays_at_the_counter_and_asks(page_of: Callable[..., Page], world: World) -> None:
    """Bilal finds what waits at his counter, compares the identity card, and sees nothing of other branches."""
    page = page_of("bilal")
    page.goto("/transactions/?stage=cash_ready")
    expect(page.locator("tr[data-id]")).to_have_count(1)
    page.locator("tr[data-id] a.ref").click()
    expect(page.locator("#in-short")).to_contain_text("Who acts")

    asking = page.locator("details", has=page.locator("input[value=beneficiary_id_number]"))
    asking.locator("summary").click()
    asking.locator("select").select_option("partner_inquiry")
    asking.locator("button").click()

    expect(page.locator(".revealed")).to_contain_text("Hidden again in")
    assert page.goto(f"/transactions/{world.foreign}/").status == 404
