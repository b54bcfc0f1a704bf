"""The whole operation in one window and the proof of it: found, retried, agreed to, reported, read by the auditor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts import maker_checker
from accounts.models import ApprovalRequest
from audit import checking, verification
from backoffice.gateway import delivery
from compliance.models import Case
from tests.browser.world import World
from tests.compliance.test_two_people import proposed
from tests.gateway.test_delivery import Line, inquiry_says, say
from tests.journeys.test_exceptions import _decide, _made, _retry
from tests.people import person
from transactions.models import Transaction

pytestmark = pytest.mark.browser


def find(page: Page, reference: str) -> None:
    """Paste a reference anywhere; one exact match is its page."""
    page.goto("/account/")
    page.fill("#finder-q", f" {reference.lower()} ")
    page.press("#finder-q", "Enter")
    page.wait_for_url("**/transactions/**")


def test_what_was_found_retried_and_agreed_to_is_read_entry_by_entry_by_the_auditor(
    page_of: Callable[..., Page], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, row = Line(monkeypatch), _made(71, kind="retryable:AM04")
    Transaction.objects.filter(pk=row.pk).update(settled_amount=612_500)  # more than one person may repeat

    # hina finds it, sees that it failed and that somebody must act; omar asks for the retry.
    hina = page_of("hina")
    find(hina, row.partner_reference)
    expect(hina.locator("h1")).to_contain_text(row.txn_id)
    expect(hina.locator("main")).to_contain_text("Failed")
    expect(hina.locator("#in-short")).to_contain_text("Needs handling")
    _retry(page_of("omar"), row)
    asked = ApprovalRequest.objects.about("transactions.transaction", row.txn_id).pending().get()

    # sana is told, decides, and the platform is asked; its answer completes the payment.
    sana = page_of("sana")
    sana.goto("/")
    sana.locator("a.bell").click()
    expect(sana.locator("tbody")).to_contain_text(asked.summary)
    _decide(sana, row.txn_id)
    delivery.deliver_due()
    inquiry_says(row, "NOT_SENT", line.sent[-1])
    delivery.deliver_due()
    paid = {"fundsPosition": "WITH_BENEFICIARY", "commandId": str(line.sent[-1].pk)}
    say(row, "transaction.stage", stage="payment", result="SUCCESS", attempt=2, rail=row.rail, **paid)
    find(hina, row.txn_id)
    expect(hina.locator("#in-short")).to_contain_text("Completed")

    # nadia reads every one of these deeds on the payment's own trail.
    nadia = page_of("nadia")
    nadia.goto(f"{row.get_absolute_url()}audit/")
    for said in ("viewed", "asked for a second person", "approved", "to the platform"):
        expect(nadia.locator("main")).to_contain_text(said)
    for who in ("hina", "omar", "sana"):
        expect(nadia.locator("main")).to_contain_text(str(person(who)))

    # sana opens a daily summary, goes from a number to exactly its rows, and takes it away.
    sana.goto("/reports/daily/?range=today")
    received = sana.locator("#whole a.fig").first
    number = received.get_attribute("data-figure")
    received.click()
    expect(sana.locator("h1 .count")).to_have_text(f"{int(number or 0):,}")
    sana.go_back()
    with sana.expect_download() as taken:
        sana.get_by_role("link", name="Download CSV").click()
    assert f",{number}," in Path(taken.value.path()).read_text().splitlines()[1]
    nadia.goto("/audit/?actor=sana&action=exports")
    expect(nadia.locator("main")).to_contain_text("downloaded daily-")


def test_who_released_it_on_what_evidence_and_that_nobody_changed_the_record_since(
    page_of: Callable[..., Page], world: World, settings: Any, tmp_path: Path
) -> None:
    settings.AUDIT_ANCHOR_DIR = tmp_path
    case = Case.objects.get(transaction=_made(72, kind="review:hits"))
    asked = proposed(case, person("adeel"))
    before = datetime.now(UTC)
    maker_checker.approve(asked, by=person("mehwish"), note="Seen.")
    row, lists = Transaction.objects.get(pk=case.transaction_id), _versions(case)

    # From the reference to the release: who asked, who agreed, on which hits, under which version of the list.
    page = page_of("nadia")
    find(page, row.txn_id)
    page.goto(f"{row.get_absolute_url()}audit/")
    expect(page.locator("main")).to_contain_text(f"Release of {row.txn_id}, agreed by mehwish")
    page.goto(f"/audit/o/compliance.case/{case.number}/")
    for said in ("asked for a second person", "approved", str(person("adeel")), str(person("mehwish"))):
        expect(page.locator("main")).to_contain_text(said)
    page.goto(asked.get_absolute_url())
    expect(page.locator("main")).to_contain_text(case.number)
    page.goto(case.get_absolute_url())
    for said in (*lists, "Not the same person", str(person("mehwish"))):
        expect(page.locator("main")).to_contain_text(said)

    # The same as it was a moment before she agreed.
    page.goto(f"{row.get_absolute_url()}at/?t={before:%Y-%m-%dT%H:%M:%S.%fZ}")
    for said in ("In review", "Not the same person", *lists, "The platform had been asked for nothing."):
        expect(page.locator("main")).to_contain_text(said)

    # And the record of all this is whole, up to the last anchor.
    verification.drop_anchor()
    page.goto("/audit/chain/")
    page.get_by_role("button", name="Verify now").click()
    checking.read_waiting()
    page.reload()
    expect(page.locator("main")).to_contain_text("Verified to event")


def _versions(case: Case) -> list[str]:
    checks = case.transaction.screening_checks.exclude(list_version="").filter(status="HITS")
    return sorted(set(checks.values_list("list_version", flat=True)))
