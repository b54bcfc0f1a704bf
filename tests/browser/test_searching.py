"""The one box: references go straight to their page, a person's data never does and stands in no address."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.serving import Site
from tests.browser.world import NOWHERE, World
from transactions.models import Transaction

pytestmark = pytest.mark.browser


def search(page: Page, text: str) -> None:
    """Type into the box of the page's head and wait for the answer."""
    page.fill("#finder-q", text)
    with page.expect_navigation():
        page.press("#finder-q", "Enter")


def spellings(reference: str) -> list[str]:
    return [
        f"  {reference}  ",
        f"\u00a0{reference}\u00a0",
        f"{reference[:4]}\u200b{reference[4:]}",
        reference.lower(),
        "-".join([reference[:3], reference[3:6], reference[6:]]),
        " ".join([reference[:3], reference[3:8], reference[8:]]),
        f"\ufeff{reference}",
        f"{reference}\u200e",
        "".join(chr(ord(letter) + 0xFEE0) for letter in reference),  # fullwidth
    ]


def test_a_reference_is_found_in_any_spelling(page: Page, world: World) -> None:
    reference = world.plain(1).partner_reference
    address = world.plain(1).get_absolute_url()
    page.goto("/search/")
    for text in spellings(reference):
        search(page, text)
        assert page.url.endswith(address), repr(text)


def test_a_persons_data_is_found_in_any_spelling_and_stands_nowhere(
    page_of: Callable[..., Page], world: World, site: Site
) -> None:
    """UI.md checks 12 and 16: no address, title, Referer or line of the access log holds the value."""
    transaction = Transaction.objects.prefetch_related("parties").get(txn_id=world.stage["credited"])
    beneficiary = transaction.parties.get(side="beneficiary")
    iban, cnic, phone = transaction.account.number, beneficiary.id_number, beneficiary.mobile
    page = page_of("omar")
    heard: list[str] = []
    page.on("request", lambda one: heard.append(_said(one)))
    page.goto("/search/")
    site.log.lines.clear()
    for spelled in (
        [iban, " ".join(iban[at : at + 4] for at in range(0, len(iban), 4)), iban.lower()],
        [cnic, f"{cnic[:5]}-{cnic[5:12]}-{cnic[12]}"],
        [phone, f"00{phone[1:]}", f"0{phone[3:]}", f"{phone[:3]} {phone[3:6]} {phone[6:]}"],
    ):
        rows = []
        for text in spelled:
            search(page, text)
            heard.append(f"{page.url} {page.title()}")
            rows.append(page.locator("tr[data-id]").evaluate_all("rows => rows.map((row) => row.dataset.id)"))
            page.locator("tr[data-id] a.ref").first.click()
            heard.append(f"{page.url} {page.title()}")
        assert transaction.txn_id in rows[0]
        assert all(one == rows[0] for one in rows), spelled
    secrets = {iban, cnic, phone, phone[1:], phone[3:], cnic[:5] + "-" + cnic[5:12], iban.lower(), iban[8:12] + " "}
    leaks = [line for line in heard + site.log.lines for secret in secrets if _holds(line, secret)]
    assert leaks == []
    assert len(site.log.lines) > 20


def _said(request: Request) -> str:
    return f"{request.url} {request.headers.get('referer', '')}"


def _holds(line: str, secret: str) -> bool:
    return secret in line or quote(secret) in line


def test_one_exact_reference_leads_to_its_page_and_back_to_where_one_was(page: Page, world: World) -> None:
    page.goto("/help/statuses/")
    search(page, world.plain(2).partner_reference)
    expect(page.locator("#messages")).to_contain_text("Only match for")

    page.go_back()

    assert page.url.endswith("/help/statuses/")


def test_a_name_never_leads_straight_to_a_page(page: Page, world: World) -> None:
    transaction = Transaction.objects.get(txn_id=world.chinese)
    page.goto("/search/")
    search(page, transaction.beneficiary_name)

    assert "/search/?s=" in page.url
    assert page.locator(f"tr[data-id={world.chinese}]").count() == 1
    assert page.locator("tr[data-id] mark, tr[data-id] [data-l=Fits]").count() >= 1


def test_nothing_found_says_what_was_searched_and_what_else_to_try(page: Page) -> None:
    page.goto("/search/")
    search(page, NOWHERE)

    expect(page.locator("main")).to_contain_text("Nothing found")
    expect(page.locator("main")).to_contain_text(NOWHERE)
    assert page.locator("#search-q").input_value() == NOWHERE
    assert page.locator("main a").count() >= 1


def test_a_foreign_reference_answers_exactly_like_one_that_does_not_exist(page: Page, world: World) -> None:
    """UI.md check 17, on the search page and on the transaction's own address."""
    real = world.foreign
    pages = {}
    for reference in (real, NOWHERE):
        answer = page.request.get(f"/search/?q={reference}")
        direct = page.request.get(f"/transactions/{reference}/")
        pages[reference] = [
            answer.status,
            _bare(answer.text(), reference),
            direct.status,
            _bare(direct.text(), reference),
        ]
    assert Transaction.objects.filter(txn_id=real).exists()
    assert pages[real] == pages[NOWHERE]
    assert pages[real][2] == 404


def _bare(text: str, reference: str) -> str:
    """A page without the echoed text, the form tokens and the clock."""
    import re

    text = text.replace(reference, "REF")
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", text)
    return re.sub(r"<time.*?</time>", "TIME", text)


def test_a_pasted_column_keeps_its_lines_and_is_answered_in_its_order(
    page_of: Callable[..., Page], world: World
) -> None:
    """UI.md check 15: three hundred references of an e-mail, ten unknown, five twice, as one table to take along."""
    known = list(Transaction.objects.filter(partner__code="INSTANTCASH").values_list("txn_id", flat=True)[:150])
    other = list(Transaction.objects.filter(txn_id__in=known).values_list("partner_reference", flat=True))
    given = known + [f"PSL8{number:08d}" for number in range(10)] + other[:135] + [one.lower() for one in known[:5]]
    page = page_of("hina", permissions=["clipboard-read", "clipboard-write"])
    page.goto("/search/")
    page.evaluate("text => navigator.clipboard.writeText(text)", "\r\n".join(given))
    page.focus("#finder-q")
    page.keyboard.press("Control+v")
    assert page.input_value("#finder-q") == ", ".join(given)
    with page.expect_navigation():
        page.press("#finder-q", "Enter")

    rows = page.locator("#pasted-list tbody tr")
    assert rows.locator("th").all_inner_texts() == given
    answers = rows.locator("[data-l=Answer]").all_inner_texts()
    assert answers.count("Not found") == 10
    assert sum(answer.startswith("Twice") for answer in answers) == 5
    assert answers.count("Found") == 285
    page.click("text=Copy as table")
    expect(page.locator("button.copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert len(copied) == 301
    assert copied[1].split("\t")[:4] == ["1", given[0], "Found", known[0]]
    page.click("text=Open found in Transactions")
    expect(page.locator("h1 .count")).to_have_text("150")
