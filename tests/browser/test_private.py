"""Personal data: masked by the server, shown one value at a time, on the record (UI.md checks 42 to 46)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from audit.models import AuditEvent
from audit.verbs import Verb
from backoffice.demo.people import PEOPLE
from tests.browser.world import World
from tests.people import signed_in
from transactions.models import Account, Party, Transaction

pytestmark = pytest.mark.browser

WORDS_NOT_FOR_PARTNERS = ("screening", "compliance", "sanction", "aml", "match", "review", "suspicious", "hold")


def hidden_values(transaction: Transaction) -> set[str]:
    """The numbers and addresses of both parties as they are stored, and as people would write them."""
    values = set(Account.objects.filter(transaction=transaction).values_list("number", flat=True))
    for party in Party.objects.filter(transaction=transaction):
        values |= {party.id_number, party.mobile, party.email}
        if len(party.id_number) == 13:
            values.add(f"{party.id_number[:5]}-{party.id_number[5:12]}-{party.id_number[12]}")
        values.add(party.mobile.removeprefix("+92"))
    grouped = {" ".join(value[at : at + 4] for at in range(0, len(value), 4)) for value in values if len(value) > 15}
    return {value for value in values | grouped if len(value) > 6}


@pytest.mark.parametrize("username", [person.username for person in PEOPLE])
def test_no_role_is_sent_a_whole_number(username: str, world: World) -> None:
    client = signed_in(User.objects.get(username=username))
    transaction = Transaction.objects.get(txn_id=world.stage["credited"])
    secrets = hidden_values(transaction)
    assert len(secrets) >= 6
    addresses = [world.page("credited"), "/transactions/?size=100", f"/search/?q={transaction.txn_id[:8]}"]
    addresses += [world.page("credited") + part for part in ("timeline/", "notes/", "related/", "audit/")]
    leaks = []
    for address in addresses:
        page = client.get(address).content.decode().replace("\xa0", " ").replace("&nbsp;", " ")
        leaks += [(address, value) for value in secrets if value in page]
    assert leaks == []


def ask_for(page: Page, field: str, reason: str = "partner_inquiry") -> None:
    """Open the question beside a hidden value, choose a reason and send it."""
    asking = page.locator("details", has=page.locator(f"input[value={field}]"))
    asking.locator("summary").click()
    asking.locator("select").select_option(reason)
    asking.locator("button").click()


def test_a_revealed_value_leaves_the_page_after_a_minute(page_of: Callable[..., Page], world: World) -> None:
    transaction = world.plain(7)
    number = transaction.account.number
    page = page_of("omar")
    page.clock.install()
    page.goto(transaction.get_absolute_url())
    before = AuditEvent.objects.of(transaction).filter(verb=Verb.REVEALED).count()

    ask_for(page, "account_number")
    shown = page.locator(".revealed")
    expect(shown).to_contain_text("Hidden again in")
    assert number in shown.inner_text().replace(" ", "").replace("\xa0", "")
    entries = AuditEvent.objects.of(transaction).filter(verb=Verb.REVEALED)
    assert entries.count() == before + 1
    for fact in ("omar", transaction.txn_id, "account_number", "Partner inquiry"):
        assert fact in entries.latest("seq").body
    assert number not in page.url + page.title()

    page.clock.fast_forward(58_000)
    assert number in page.content().replace(" ", "").replace("\xa0", "").replace("&nbsp;", "")
    page.clock.run_for(4_000)

    content = page.content().replace(" ", "").replace("\xa0", "").replace("&nbsp;", "")
    assert number not in content
    assert "hidden, ends in" in page.locator(".revealed, .masked").first.text_content().lower()


def test_leaving_the_page_hides_the_value(page_of: Callable[..., Page], world: World) -> None:
    transaction = world.plain(8)
    page = page_of("omar")
    page.goto(transaction.get_absolute_url())
    ask_for(page, "account_number")
    page.wait_for_selector(".revealed")

    page.goto("/help/keys/")
    page.go_back()

    assert transaction.account.number not in page.content().replace(" ", "").replace("\xa0", "")


def test_the_thirty_first_reveal_of_an_hour_is_refused_in_words(page_of: Callable[..., Page], world: World) -> None:
    rabia = signed_in(User.objects.get(username="rabia"))
    for place in range(10, 40):
        address = f"{world.plain(place).get_absolute_url()}reveal/"
        answer = rabia.post(address, {"field": "account_number", "reason": "partner_inquiry"})
        assert answer.status_code == 200
    transaction = world.plain(41)
    page = page_of("rabia")
    page.goto(transaction.get_absolute_url())

    ask_for(page, "account_number")

    expect(page.locator("main")).to_contain_text("You revealed 30 values this hour")
    assert transaction.account.number not in page.content().replace(" ", "")


def test_a_reveal_needs_a_reason(page_of: Callable[..., Page], world: World) -> None:
    page = page_of("adeel")
    page.goto(world.plain(9).get_absolute_url())

    ask_for(page, "beneficiary_id_number", reason="")

    expect(page.locator(".err-sum")).to_be_focused()
    expect(page.locator(".err-sum")).to_contain_text("Choose a reason")
    page.locator(".err-sum a").first.click()
    assert page.evaluate("document.activeElement.name") == "reason"


@pytest.mark.parametrize("stage", ["screening", "compliance_review", "rejected_compliance"])
def test_the_partners_answer_holds_no_word_of_the_checks(page: Page, world: World, stage: str) -> None:
    """UI.md check 42."""
    page.goto(world.page(stage))
    answer = page.locator("#partner-answer").inner_text().lower()

    assert world.stage[stage].lower() in answer or "reference" in answer
    assert [word for word in WORDS_NOT_FOR_PARTNERS if word in answer] == []


def test_the_accessibility_tree_says_ends_in_and_no_dots(page: Page, world: World) -> None:
    """UI.md check 46, as the browser tells it to a screen reader."""
    page.goto(world.page("credited"))
    tree = page.locator("#parties").aria_snapshot()

    assert "hidden, ends in" in tree
    assert "•" not in tree
