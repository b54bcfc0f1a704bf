"""A case through the queue by keyboard, by two officers at once, and without JavaScript."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import ApprovalRequest
from compliance.models import Case
from tests.browser.test_without_javascript import sign_in
from tests.browser.world import World
from tests.gateway.telling import received, screened, stage, take_in
from transactions.models import Command

pytestmark = pytest.mark.browser
NOTE = "Compared passport and date of birth with the list."


def waits(subject: str, partner: str) -> Case:
    """A payment that waits for compliance with one hit on its remitter."""
    take_in(
        received(subject, partner=partner),
        stage(subject, 2, "intake"),
        stage(subject, 3, "validation"),
        stage(subject, 4, "title_fetch"),
        screened(subject, 5, status="HITS"),
        stage(subject, 6, "screening", "REVIEW"),
    )
    case: Case = Case.objects.get(transaction__txn_id=subject)
    return case


def test_two_cases_by_keyboard_and_two_officers_at_once(page_of: Callable[..., Page], world: World) -> None:
    """UI.md checks 32, 33, 35, 37, 41 and 54, on the desk of compliance."""
    cases = [waits(subject, "XPRESS") for subject in ("KEYS1", "KEYS2")]
    page = page_of("adeel")
    page.goto("/compliance/?partner=XPRESS")
    page.keyboard.press("m")
    page.wait_for_url("**/compliance/cases/**")
    first = page.locator("h1 .mono").inner_text()
    assert first in {case.number for case in cases}

    page.keyboard.press("o")
    expect(page.get_by_label("Release the payment")).to_be_focused()
    page.keyboard.press("1")
    page.select_option("#reason", "RL-FALSE")
    page.fill("#note", NOTE)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".err-sum")).to_be_focused()
    assert page.title().startswith("Error:")
    assert page.input_value("#note") == NOTE
    assert not ApprovalRequest.objects.filter(object_id=first).exists()

    page.locator(".err-sum a", has_text="hit SDN-1").first.click()
    who = page.locator("#hits fieldset").first
    who.locator("input").first.focus()
    page.keyboard.press("1")
    expect(who.get_by_label("Not the same person")).to_be_checked()
    page.locator("#hits select").first.select_option("NS-DOB")
    page.get_by_role("button", name=f"Send decision on {first}").dblclick(no_wait_after=True)
    message = page.locator("#messages", has_text="sent for second approval")
    expect(message.get_by_role("link", name=first)).to_be_visible()
    assert page.locator("h1 .mono").inner_text() == next(case.number for case in cases if case.number != first)
    asked = ApprovalRequest.objects.get(object_id=first)

    page.goto(asked.get_absolute_url())
    expect(page.locator("#decide")).to_have_count(0)
    expect(page.locator("#decision")).to_contain_text("You asked for this.")

    late, soon = page_of("yusuf"), page_of("mehwish")
    for officer in (late, soon):
        officer.goto(asked.get_absolute_url())
        expect(officer.get_by_role("link", name="Show first decision")).to_be_visible()
    soon.get_by_label("Approve").check()
    soon.locator("#decide").click()
    expect(soon.locator("#messages")).to_contain_text(f"{asked.number} is approved")
    late.get_by_label("Reject").check()
    late.locator("textarea[name=note]").fill("The photograph says otherwise.")
    late.locator("#decide").click()
    expect(late.locator("main")).to_contain_text("approved this at")
    assert late.input_value("#kept") == "The photograph says otherwise."
    assert list(Command.objects.filter(transaction__txn_id__in=["KEYS1", "KEYS2"]).values_list("kind", flat=True)) == [
        "release"
    ]


def test_a_disagreement_without_javascript(open_browser: Callable[..., BrowserContext], world: World) -> None:
    """UI.md check 10, on the desk of compliance."""
    case = waits("PLAIN1", "XPRESS")
    page = open_browser(java_script_enabled=False).new_page()
    sign_in(page, "adeel")
    page.goto(case.get_absolute_url())
    page.get_by_role("button", name="Assign to me").click()
    page.locator("#hits").get_by_label("Same person", exact=True).check()
    page.locator("#hits select").first.select_option("SM-ALL")
    page.get_by_label("Reject the payment").check()
    page.select_option("#reason", "RJ-MATCH")
    page.fill("#note", NOTE)
    page.get_by_role("button", name=f"Send decision on {case.number}").click()
    asked = ApprovalRequest.objects.get(object_id=case.number)

    officer = open_browser(java_script_enabled=False).new_page()
    sign_in(officer, "mehwish")
    officer.goto(asked.get_absolute_url())
    officer.get_by_role("link", name="Show first decision").click()
    expect(officer.locator("main")).to_contain_text(NOTE)
    officer.get_by_label("Send back").check()
    officer.locator("textarea[name=note]").fill("The list's photograph is of somebody else.")
    officer.locator("#decide").click()
    officer.goto(case.get_absolute_url())
    expect(officer.locator("main")).to_contain_text("Two people did not agree on this case.")
    assert not Command.objects.filter(transaction__txn_id="PLAIN1").exists()
