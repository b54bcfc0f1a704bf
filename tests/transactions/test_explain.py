"""What an inquiry handler reads about a transaction in each of the twenty stages, against an expectation file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
import yaml
from django.test import Client

from tests.transactions.arriving import NOW, in_stage, of_kind, take_in
from tests.transactions.pages import Node, read
from transactions.models import ReasonCode, Transaction
from transactions.vocabulary import Stage

pytestmark = pytest.mark.django_db

EXPECTATIONS = Path(__file__).parent / "data" / "expectations"
STAGES: dict[str, Any] = yaml.safe_load((EXPECTATIONS / "stages.yaml").read_text(encoding="utf-8"))
LATE: dict[str, Any] = yaml.safe_load((EXPECTATIONS / "late.yaml").read_text(encoding="utf-8"))
LATE_AFTER = {
    stage: timedelta(days=26)
    if stage == "cash_ready"
    else timedelta(hours=9)
    if stage == "compliance_review"
    else timedelta(hours=6)
    for stage in LATE
}


def page_of(client: Client, transaction: Transaction) -> Node:
    with time_machine.travel(NOW, tick=False):
        response = client.get(transaction.get_absolute_url())
    assert response.status_code == 200
    return read(response)


def read_in_short(page: Node) -> dict[str, str]:
    """The header, the explanation, the short facts and the step, as an inquiry handler reads them."""
    headline = next(node for node in page.walk() if node.attrs.get("class") == "headline")
    badge = next(node for node in headline.walk() if node.attrs.get("class", "").startswith("st "))
    steps = [node.text for node in page.by_id("progress").all("li") if node.attrs["class"] in ("now", "bad")]
    return {
        "badge": badge.text,
        "place": headline.text.partition(badge.text)[2].partition("Money:")[0].strip(),
        "step": steps[0] if steps else "Completed",
        "explanation": page.by_id("explanation").text,
        **page.by_id("short").facts(),
    }


def test_there_is_an_expectation_for_each_of_the_twenty_stages() -> None:
    assert set(STAGES) == set(Stage.values)


@pytest.mark.parametrize("stage", STAGES)
def test_an_inquiry_handler_reads_what_the_expectation_says(as_hina: Client, stage: str) -> None:
    transaction = in_stage(stage, number=list(Stage.values).index(stage) + 1)
    assert transaction.stage == stage
    assert read_in_short(page_of(as_hina, transaction)) == STAGES[stage]


@pytest.mark.parametrize("stage", LATE)
def test_a_late_one_says_how_long_it_waited_and_its_limit(as_hina: Client, stage: str) -> None:
    transaction = in_stage(stage, age=LATE_AFTER[stage], number=list(Stage.values).index(stage) + 1)
    read_now = read_in_short(page_of(as_hina, transaction))
    assert {key: read_now[key] for key in LATE[stage]} == LATE[stage]


@pytest.mark.parametrize("stage", ["credited", "cash_paid", "manually_settled"])
def test_a_completed_one_shows_rail_reference_and_when_it_was_settled(as_hina: Client, stage: str) -> None:
    transaction = in_stage(stage)
    short = page_of(as_hina, transaction).by_id("short").facts()
    assert short["Settled at"]
    assert short["Paid by"]
    assert (transaction.rail_reference or transaction.bank_reference) in " ".join(short.values())


def test_an_unknown_reason_code_shows_the_code_and_the_banks_words_to_those_who_see_details(
    as_hina: Client, as_omar: Client
) -> None:
    transaction = _failed_with("73", "Kontonummer gesperrt")
    handler, operator = page_of(as_hina, transaction), page_of(as_omar, transaction)
    assert "Unknown (73)." in handler.by_id("explanation").text
    assert "Kontonummer gesperrt" not in handler.text
    assert "Kontonummer gesperrt" in operator.by_id("explanation").text


def test_an_edited_sentence_of_a_reason_is_what_the_page_says(as_hina: Client) -> None:
    transaction = _failed_with("AC04", "Account closed")
    reason = ReasonCode.objects.get(code="AC04")
    reason.sentence = "The account was closed last year."
    reason.save(update_fields=["sentence"])
    assert "The account was closed last year." in page_of(as_hina, transaction).by_id("explanation").text


def test_missing_and_contradictory_events_are_said_with_the_explanation(as_hina: Client) -> None:
    missing = of_kind("paid:missing", number=1)
    assert "Event 5 has not arrived" in page_of(as_hina, missing).by_id("explanation").text
    contradictory = of_kind("contradictory:paid_after_failure", number=2)
    assert "contradict each other" in page_of(as_hina, contradictory).by_id("explanation").text


def test_a_third_try_is_said(as_hina: Client) -> None:
    transaction = of_kind("blocked:exhausted")
    assert "3rd try" in page_of(as_hina, transaction).by_id("progress").text


def _failed_with(code: str, words: str) -> Transaction:
    from backoffice.demo.stories import story_of_kind

    told = story_of_kind("failed:AC04", partner="INSTANTCASH", now=NOW)
    told[-1]["data"] |= {"reasonCode": code, "reason": words}
    return take_in(told, at=NOW)
