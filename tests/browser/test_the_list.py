"""The list: true counts, one badge a row, one sorted column, the right decimals (UI.md checks 19, 20, 29, 63, 64)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from tests.browser.world import World
from transactions.models import Transaction
from transactions.vocabulary import Status

pytestmark = pytest.mark.browser

NINE = {
    "Received",
    "Validated",
    "In review",
    "Pending",
    "Completed",
    "Failed",
    "Rejected",
    "Returned",
    "Cancelled",
}


def heading(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator("h1").inner_text()))


def test_the_count_is_that_of_all_rows_and_the_five_statuses_add_up_to_it(page: Page) -> None:
    hina = User.objects.get(username="hina")
    page.goto("/transactions/?size=25")
    total = heading(page)
    assert total == Transaction.objects.visible_to(hina).count()
    assert page.locator("tr[data-id]").count() == 25

    counts = []
    for status in Status.values:
        page.goto(f"/transactions/?status={status}&size=25")
        counts.append(heading(page))
    assert sum(counts) == total
    assert all(counts)


def test_every_row_has_one_badge_of_the_nine_words_and_a_plain_stage(page_of: Callable[..., Page]) -> None:
    page = page_of("mehwish")
    seen: set[str] = set()
    for status in Status.values:
        page.goto(f"/transactions/?status={status}&size=100")
        rows = page.evaluate(BADGES)
        assert rows
        for badges, word, name, stage, badged in rows:
            assert (badges, badged) == (1, 0)
            assert word in NINE
            assert status in name, "the accessible name holds the one of the five"
            assert stage.strip()
            seen.add(word)
    assert seen == NINE


BADGES = """[...document.querySelectorAll('tr[data-id]')].map((row) => {
  const badge = row.querySelector('.st');
  const seen = [...badge.childNodes].filter((one) => !one.classList?.contains('visually-hidden'));
  return [
    row.querySelectorAll('.st').length,
    seen.map((one) => one.textContent).join('').trim(),
    badge.textContent.toLowerCase(),
    row.querySelector('[data-c=stage]').innerText,
    row.querySelectorAll('[data-c=stage] .st').length,
  ];
})"""


def test_exactly_the_sorted_column_says_so(page: Page) -> None:
    page.goto("/transactions/?size=25")
    sorted_columns = page.locator("thead [aria-sort]")
    assert sorted_columns.count() == 1
    assert sorted_columns.get_attribute("aria-sort") == "descending"

    sorted_columns.locator("a").click()
    page.wait_for_url("**sort=created**")

    assert page.locator("thead [aria-sort]").count() == 1
    assert page.locator("thead [aria-sort]").get_attribute("aria-sort") == "ascending"


def test_paging_shows_every_row_once(page: Page) -> None:
    page.goto("/transactions/?size=100")
    total = heading(page)
    seen: list[str] = []
    while True:
        seen += page.locator("tr[data-id]").evaluate_all("rows => rows.map((row) => row.dataset.id)")
        older = page.get_by_role("link", name="Older")
        if not older.count():
            break
        first = page.locator("tr[data-id]").first.get_attribute("data-id")
        older.click()
        page.wait_for_function("id => document.querySelector('tr[data-id]').dataset.id !== id", arg=first)
    assert len(seen) == len(set(seen)) == total


@pytest.mark.parametrize(
    ("which", "form"), [("kuwait", r"KWD[\s\xa0]\d{1,3}(,\d{3})*\.\d{3}"), ("japan", r"JPY[\s\xa0]61,237")]
)
def test_a_currency_has_its_own_decimals_everywhere(page: Page, world: World, which: str, form: str) -> None:
    reference = getattr(world, which)
    sent = Transaction.objects.get(txn_id=reference)
    page.goto(f"/transactions/{reference}/")
    assert re.search(rf"{form}(?![.\d])", page.locator("main").inner_text())

    page.goto(f"/transactions/?size=100&created={sent.received_at:%Y-%m-%d}..")
    row = page.locator(f"tr[data-id={reference}]")
    while not row.count():
        page.get_by_role("link", name="Older").click()
        page.wait_for_timeout(200)
    assert re.search(rf"{form}(?![.\d])", row.inner_text())


def test_a_payout_that_does_not_fit_its_rate_is_said(page: Page, world: World) -> None:
    page.goto(f"/transactions/{world.kind['paid:fx_mismatch']}/")
    expect(page.locator("#amounts")).to_contain_text("differs from amount × rate by PKR 1,250.00")

    page.goto(world.page("credited"))
    expect(page.locator("#amounts")).not_to_contain_text("differs from amount")


def test_one_moment_reads_the_same_on_every_page_and_follows_the_readers_zone(
    page_of: Callable[..., Page], world: World
) -> None:
    """UI.md check 63, for a reader in Karachi and one in UTC."""
    User.objects.filter(username="yusuf").update(time_zone="UTC")
    reference = world.plain(40).txn_id
    day = Transaction.objects.get(txn_id=reference).received_at - timedelta(days=1)
    read = {}
    for who, zone, hours in (("mehwish", "PKT", 5), ("yusuf", "UTC", 0)):
        page = page_of(who)
        page.goto(f"/transactions/?size=100&sort=created&created={day:%Y-%m-%d}..")
        row = page.locator(f"tr[data-id={reference}] time").first
        machine, listed = row.get_attribute("datetime"), row.inner_text()
        page.goto(f"/transactions/{reference}/")
        detailed = page.locator(f"#overview time[datetime^='{machine[:19]}']").first.inner_text()
        assert zone in page.locator("footer.foot").inner_text()
        assert detailed.endswith(f" {zone}")
        assert listed[-5:] in detailed, "the list and the page show the same clock reading"
        expected = (int(machine[11:13]) + hours) % 24
        assert int(listed[-5:-3]) == expected
        read[who] = machine
    assert read["mehwish"] == read["yusuf"]
