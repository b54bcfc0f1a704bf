"""The morning of the operations maker: what failed, why, fifty of them once more, and which were refused and why."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from backoffice.gateway.intake import receive
from exceptions import jobs
from exceptions.models import BulkJob
from tests.browser.world import World
from tests.factories.transactions import story
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
