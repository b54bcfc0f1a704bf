"""The morning of the operations maker: what failed, why, fifty of them once more, and which were refused and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import ApprovalPolicy, ApprovalRequest
from backoffice.gateway import delivery
from backoffice.gateway.intake import receive
from exceptions import jobs, opening
from exceptions.models import BulkJob, ExceptionItem
from tests.browser.world import World
from tests.factories.transactions import story
from tests.gateway.test_delivery import Line, inquiry_says, say
from transactions.models import Command, Transaction

pytestmark = pytest.mark.browser
FIFTY = 50


def _fifty_failed() -> list[Transaction]:
    """Fifty payments that failed for a technical reason; some of them must not be tried again, for three reasons."""
    names = [f"PSL88{number:07d}" for number in range(FIFTY)]
    for name in names:
        told = story(kind="retryable:ED05", partner="INSTANTCASH", txn_id=name, reference=f"REF-{name}")
        receipt = receive(told, message_id=f"journey-{name}", source="demo")
        assert not receipt.rejected, receipt.as_json()
    made = Transaction.objects.filter(txn_id__in=names).order_by("txn_id")
    made.update(settled_amount=12_500)  # below what needs a second person, alone and together
    for name, odd in zip(
        names, ({"attempt": 3}, {"missing_sequences": [2]}, {"duplicate_suspect": True}), strict=False
    ):
        made.filter(txn_id=name).update(**odd)
    return list(made)


def test_fifty_are_retried_at_once_but_for_those_skipped_for_three_reasons(
    page_of: Callable[..., Page], world: World
) -> None:
    rows = _fifty_failed()
    page = page_of("omar")

    # The day begins at the desk: the largest group says why, whose turn it is and whether trying again helps.
    page.goto("/start/")
    expect(page.locator("h1")).to_contain_text("Exceptions")
    group = page.locator("tr", has_text="ED05")
    expect(group).to_contain_text("Operations")
    group.get_by_role("link").first.click()
    expect(page.locator("h1")).to_contain_text(str(FIFTY))

    # All of them: nothing happens before it is confirmed; what must not be retried is skipped, each with its reason.
    page.check("#bulk-all")
    page.get_by_role("button", name="Retry, check first").click()
    page.wait_for_selector("#what")
    job = BulkJob.objects.latest("pk")
    counts = job.rows.counts()
    assert sum(counts.values()) == FIFTY
    willing, skipped = counts["will"], counts["skipped"]
    assert len({row.sentence for row in job.rows.in_state("skipped")}) == 3
    expect(page.locator("h1")).to_contain_text(f"Retry {willing} transactions?")
    assert not Command.objects.filter(transaction__in=rows).exists()
    page.get_by_role("link", name="each with its reason").click()
    for why in ("3 is the most there may be", "has not arrived", "It may be the repeat of another payment"):
        expect(page.locator("table")).to_contain_text(why)
    page.get_by_label("Reason", exact=True).select_option(label="The bank works again")
    page.get_by_role("button", name=f"Retry {willing} transactions").click()

    # The job has an address; it goes on without her and the page follows it by itself.
    expect(page.locator("#progress")).to_contain_text(f"0 of {willing}")
    assert page.url.endswith(job.get_absolute_url())
    while jobs.run(job.pk):
        pass
    told = f"{willing} retried, 0 refused, 0 failed, {skipped} skipped before."
    expect(page.locator("#progress")).to_contain_text(told)
    assert Command.objects.filter(transaction__in=rows, kind="repush").count() == willing


def test_without_javascript_the_desk_works_to_the_end(page_of: Callable[..., Page], world: World) -> None:
    page = page_of("omar", java_script_enabled=False)
    page.goto("/exceptions/outcome-unknown/")
    reference = page.locator("tbody tr").first.get_attribute("data-id")
    page.locator("tbody input[name=ref]").first.check()
    page.get_by_role("button", name="Assign").click()
    page.get_by_role("button", name="Hand over 1 transaction").click()
    job = BulkJob.objects.latest("pk")
    jobs.run(job.pk)
    page.get_by_role("link", name="Reload").last.click()
    expect(page.locator("#progress")).to_contain_text("1 handed over")
    page.goto("/exceptions/?assigned=me")
    page.get_by_role("link", name="Nobody knows yet whether the payment reached the rail.").click()
    expect(page.locator("tbody")).to_contain_text(str(reference))


def _made(number: int, **what: str) -> Transaction:
    """One payment of PKR 12,500, for one of these journeys alone."""
    name = f"PSL89{number:07d}"
    told = story(**what, partner="INSTANTCASH", txn_id=name, reference=f"REF-{name}")
    receipt = receive(told, message_id=f"journey-{name}", source="demo")
    assert not receipt.rejected, receipt.as_json()
    Transaction.objects.filter(txn_id=name).update(settled_amount=12_500)
    return Transaction.objects.get(txn_id=name)


def _retry(page: Page, row: Transaction) -> None:
    """From the page of the transaction to the deed, with its reason."""
    page.goto(row.get_absolute_url())
    page.get_by_role("link", name="Retry the payment").first.click()
    page.get_by_label("Reason", exact=True).select_option(label="The settlement account was funded")
    page.fill("#id_deed-note", "Funded at noon.")
    page.locator("form[data-watch] button.btn-primary").click()
    page.wait_for_url(f"**{row.get_absolute_url()}**")


def _sent(line: Line, row: Transaction) -> list[Command]:
    """What the platform was sent about this payment, after all that waits was sent."""
    while delivery.deliver_due():
        pass
    return [command for command in line.sent if command.transaction_id == row.pk]


def _why_not(page: Page, row: str) -> str:
    page.goto(f"/transactions/{row}/")
    page.get_by_text("Why not?").click()
    return str(page.locator("#not-now").inner_text())


def test_one_is_retried_to_its_end_a_late_one_is_found_and_a_lower_limit_asks_for_a_second_person(
    page_of: Callable[..., Page], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(monkeypatch)
    page, row = page_of("omar"), _made(1, kind="retryable:AM04")

    # A failed payment: where it failed, why, and that trying again may help.
    page.goto("/exceptions/")
    page.locator("tr", has_text="AM04").get_by_role("link").first.click()
    page.locator(f"tr[data-id={row.txn_id}]").get_by_role("link", name=row.txn_id).first.click()
    expect(page.locator("h1").locator("xpath=..")).to_contain_text(row.txn_id)
    expect(page.locator("main")).to_contain_text("AM04")

    # Retried: the bank is asked first, its "not sent" lets the payment go, and the platform's event completes it.
    _retry(page, row)
    (asked,) = _sent(line, row)
    inquiry_says(row, "NOT_SENT", asked)
    _, repush = _sent(line, row)
    assert [asked.kind, repush.kind] == ["inquire", "repush"]
    say(row, "transaction.stage", stage="payment", result="STARTED", attempt=2, rail=row.rail)
    paid = {"fundsPosition": "WITH_BENEFICIARY", "commandId": str(repush.pk)}
    say(row, "transaction.stage", stage="payment", result="SUCCESS", attempt=2, rail=row.rail, **paid)
    page.reload()
    expect(page.locator("main")).to_contain_text("Completed")
    expect(page.locator("#timeline")).to_contain_text("Asked: Repush")

    # Why not: the beneficiary has it, nobody knows where it is, or 1LINK may hold it.
    assert "The beneficiary has the money" in _why_not(page, row.txn_id)
    assert "Ask the bank first" in _why_not(page, world.stage["outcome_unknown"])
    late = _made(3, stage="settlement")
    Transaction.objects.filter(pk=late.pk).update(rail="1LINK")
    assert "only after a failure" in _why_not(page, late.txn_id)

    # Nothing failed, but it takes too long: found on the desk, asked about, resolved by the answer.
    now = timezone.now()
    Transaction.objects.filter(pk=late.pk).update(stage_deadline=now - timedelta(hours=1))
    opening.open_late(now=now)
    page.goto("/exceptions/")
    page.locator("main table").get_by_role("link", name="Over its limit at Settlement").first.click()
    page.locator(f"tr[data-id={late.txn_id}]").get_by_role("link", name=late.txn_id).first.click()
    page.get_by_role("link", name="Ask the bank").first.click()
    page.get_by_label("Reason", exact=True).select_option(label="It takes too long")
    page.locator("form[data-watch] button.btn-primary").click()
    page.wait_for_url(f"**{late.get_absolute_url()}**")
    (asked,) = _sent(line, late)
    inquiry_says(late, "WITH_BENEFICIARY", asked)
    page.reload()
    expect(page.locator("main")).to_contain_text("Completed")
    assert not ExceptionItem.objects.of(late).open().exists()

    # An administrator lowers the limit, another agrees, and the next retry waits for the checker.
    policy = ApprovalPolicy.objects.get(operation="repush", currency="PKR")
    admin = page_of("admin")
    admin.goto(f"/admin/accounts/approvalpolicy/{policy.pk}/change/")
    admin.fill("#id_limit", "1000")
    admin.fill("#id_reason", "Decided by the risk committee")
    admin.get_by_role("button", name="Send for approval").click()
    expect(admin.locator(".messagelist")).to_contain_text("Nothing is changed until then.")
    _decide(page_of("admin2"), "approval policy")
    after = _made(2, kind="retryable:AM04")
    _retry(page, after)
    request = ApprovalRequest.objects.about("transactions.transaction", after.txn_id).pending().get()
    assert not Command.objects.filter(transaction=after).exists()
    expect(page.locator("main")).to_contain_text(request.number)
    _decide(page_of("sana"), after.txn_id)
    assert Command.objects.filter(transaction=after, kind="repush").count() == 1
    ApprovalPolicy.objects.filter(pk=policy.pk).update(limit=policy.limit)  # this world is not for this test alone


def _decide(page: Page, about: str) -> None:
    """Find a request in the inbox and agree to it."""
    page.goto("/approvals/")
    page.locator("tr", has_text=about).get_by_role("link").first.click()
    page.get_by_label("Approve").check()
    page.locator("#decide").click()
    expect(page.locator("main, body").first).to_contain_text("is approved")
