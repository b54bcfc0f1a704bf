"""Two hundred addresses of the list, good and bad: a bad one is named, shows no rows, and never breaks (check 8)."""

from __future__ import annotations

import html
import random
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.browser.world import World
from tests.people import signed_in

pytestmark = pytest.mark.browser

GOOD: dict[str, list[str]] = {
    "status": ["failed", "completed", "pending", "received", "validated"],
    "stage": ["payment", "checks", "credited", "outcome_unknown"],
    "partner": ["INSTANTCASH"],
    "rail": ["1LINK", "RAAST", "CASH"],
    "type": ["IBFT", "OTC", "FT"],
    "created": ["today", "7d", "2026-11-01..2026-11-22", "1 Nov 2026..22/11/2026", "month", "..2027-01-01"],
    "amount_min": ["0", "1000", "1000.50"],
    "amount_max": ["99999999"],
    "currency": ["PKR", "pkr"],
    "updated": ["today", "30d"],
    "age_over": ["1m", "2 h"],
    "age_under": ["3650d"],
    "attention": ["1"],
    "cols": ["age", "funds,status,reason,flags"],
    "sort": ["created", "-created", "updated", "-updated", "payout", "-payout", "age", "-age"],
    "size": ["25", "100"],
    "": [""],
}
BAD: dict[str, list[str]] = {
    "status": ["foo", "FAILED", "0", "null", "<b>", "failed'", "\u202efailed", "a" * 500],
    "stage": ["screening_", "compliance_review", "-1"],
    "partner": ["RIA", "NOBODY", "%", "INSTANTCASH,RIA"],
    "branch": ["9999", "ویب"],
    "rail": ["SWIFT"],
    "type": ["XX"],
    "reason": ["ZZ99"],
    "flag": ["nothing"],
    "created": ["soon", "2026-13-01..", "2026-11-22..2026-11-01", "0d", "99999999d", "..", "1e9", "2026-11-01..x"],
    "amount_min": ["lots", "-5", "NaN", "1e400", "Infinity", "--1"],
    "amount_max": ["1,2,3,4", "0x10"],
    "currency": ["ZZZ", "€"],
    "updated": ["soon", "2026-11-22T99:99.."],
    "age_over": ["old", "0m", "9" * 9 + "d"],
    "attention": ["yes"],
    "cols": ["colour", "age,", ","],
    "view": ["mine"],
    "sort": ["biggest", "created;drop"],
    "size": ["51", "0", "-1", "1e3", "9" * 40],
    "after": ["PSL999999999", "' OR 1=1 --", "1"],
    "before": ["nothing"],
    "s": ["no-such-token", "../../etc/passwd"],
    "colour": ["red"],
    "status[]": ["failed"],
    "__proto__": ["x"],
}


def combinations(count: int) -> list[tuple[dict[str, list[str]], set[str]]]:
    """Addresses with one to four parameters, and which of them are bad."""
    dice = random.Random(20_261_122)
    made = []
    for number in range(count):
        params = {name: [dice.choice(GOOD[name])] for name in dice.sample(sorted(GOOD), dice.randint(0, 3)) if name}
        bad: set[str] = set()
        if number % 4:
            name = dice.choice(sorted(BAD))
            params[name] = [dice.choice(BAD[name])]
            bad.add(name)
        made.append((params, bad))
    return made


def test_two_hundred_addresses_of_the_list(world: World) -> None:
    client = signed_in(User.objects.get(username="hina"))
    wrong = [trouble for params, bad in combinations(200) for trouble in _troubles(client, params, bad)]
    assert wrong == []


def _troubles(client: Client, params: dict[str, list[str]], bad: set[str]) -> list[Any]:
    answer = client.get("/transactions/", params, follow=True)
    text = answer.content.decode()
    found = []
    if answer.status_code != 200:
        found.append(("status", answer.status_code, params))
    if bad and "<tr data-id" in text:
        found.append(("shows rows", params))
    if bad and "Remove it</a>" not in text:
        found.append(("is not named", params))
    for name in bad:
        said = html.unescape(text)
        value = params[name][0][:60]
        if name in GOOD or name in ("branch", "reason", "flag", "after", "before"):
            if value not in said:
                found.append(("value not named", params))
        elif name != "s" and name not in said:
            found.append(("name not named", params))
    if not bad and "Remove it</a>" in text:
        found.append(("is refused", params))
    return found


def test_removing_what_is_bad_leads_back_to_rows(page: Any) -> None:
    page.goto("/transactions/?status=foo&size=25")
    assert page.locator("tr[data-id]").count() == 0

    page.get_by_role("link", name="Remove it").click()

    assert page.url.endswith("/transactions/?size=25")
    assert page.locator("tr[data-id]").count() == 25


@pytest.mark.parametrize(
    "address",
    [
        "/inquiries/?state=foo",
        "/inquiries/?since=soon",
        "/inquiries/?until=9999-12-31",
        "/gateway/problems/?colour=red",
        "/gateway/problems/?since=0001-01-01",
    ],
)
def test_other_lists_name_what_they_do_not_know(world: World, address: str) -> None:
    client = signed_in(User.objects.get(username="omar"))

    answer = client.get(address)

    assert answer.status_code == 200
    assert "Remove it" in answer.content.decode()
    assert "<tbody>" not in answer.content.decode()
