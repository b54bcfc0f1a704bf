"""How far a transaction came: seven steps in words, with times, tries and what was skipped."""

from __future__ import annotations

import pytest
import time_machine
from django.test import Client

from tests.transactions.arriving import NOW, in_stage, of_kind
from tests.transactions.pages import read
from transactions.models import Transaction

pytestmark = pytest.mark.django_db

NAMES = ["Received", "Validated", "Checks", "Routing", "Payment", "Settlement", "Completed"]


def steps(client: Client, transaction: Transaction) -> list[tuple[str, str]]:
    """The steps as (style, text)."""
    with time_machine.travel(NOW, tick=False):
        page = read(client.get(transaction.get_absolute_url()))
    return [(item.attrs["class"], item.text) for item in page.by_id("progress").all("li")]


def states(client: Client, transaction: Transaction) -> list[str]:
    return [state for state, _ in steps(client, transaction)]


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("intake", "now todo todo todo todo todo todo"),
        ("validation", "done now todo todo todo todo todo"),
        ("title_fetch", "done done now todo todo todo todo"),
        ("screening", "done done now todo todo todo todo"),
        ("compliance_review", "done done now todo todo todo todo"),
        ("ready", "done done done now todo todo todo"),
        ("pending_approval", "done done done now todo todo todo"),
        ("payment", "done done done done now todo todo"),
        ("rtgs_queue", "done done done done now todo todo"),
        ("outcome_unknown", "done done done done now todo todo"),
        ("cash_ready", "done done done done now todo todo"),
        ("settlement", "done done done done done now todo"),
        ("failed_retryable", "done done done done bad todo todo"),
        ("rejected_compliance", "done done bad todo todo todo todo"),
        ("cancelled", "done done bad todo todo todo todo"),
        ("returned", "done done done done done skip-step bad"),
        ("credited", "done done done done done skip-step done"),
        ("manually_settled", "done done done done done done done"),
    ],
)
def test_each_stage_shows_how_far_it_came(as_hina: Client, stage: str, expected: str) -> None:
    shown = steps(as_hina, in_stage(stage, number=18))
    assert [text.split(" ")[0] for _, text in shown] == NAMES
    assert " ".join(state for state, _ in shown) == expected


def test_every_step_says_its_state_in_words_and_when(as_hina: Client) -> None:
    for state, text in steps(as_hina, in_stage("failed_retryable")):
        word = {"done": "Done 18 Nov", "bad": "Failed 18 Nov", "todo": "Not reached"}[state]
        assert word in text


def test_a_second_try_is_counted(as_hina: Client) -> None:
    payment = steps(as_hina, of_kind("paid:second_attempt"))[4][1]
    assert "2nd try" in payment


def test_a_settlement_that_took_its_time_is_a_step_of_its_own(as_hina: Client) -> None:
    assert states(as_hina, in_stage("settlement"))[5] == "now"


def test_checks_after_payment_are_flagged_for_compliance_only(as_adeel: Client, as_hina: Client) -> None:
    transaction = of_kind("paid:screened_after")
    assert "Checked after payment" in steps(as_adeel, transaction)[2][1]
    assert "after payment" not in " ".join(text for _, text in steps(as_hina, transaction)).lower()


def test_a_payment_that_moved_to_rtgs_shows_its_third_try(as_hina: Client) -> None:
    assert "3rd try" in steps(as_hina, of_kind("paid:moved_to_rtgs"))[4][1]


def test_steps_stand_even_where_events_are_missing(as_hina: Client) -> None:
    assert states(as_hina, of_kind("paid:missing")).count("done") >= 6
