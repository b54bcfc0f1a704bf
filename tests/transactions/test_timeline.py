"""The timeline: every attempt, every wait, what is missing, what contradicts, and details by an allow-list."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from backoffice.demo.stories import story_of_kind
from backoffice.gateway.intake import receive
from tests.transactions.arriving import NOW, in_stage, of_kind, take_in
from tests.transactions.pages import Node, read
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


def timeline(client: Client, transaction: Transaction, order: str = "") -> Node:
    with time_machine.travel(NOW, tick=False):
        response = client.get(f"{transaction.get_absolute_url()}timeline/{order}")
    assert response.status_code == 200
    return read(response).by_id("timeline")


def titles(node: Node) -> list[str]:
    return [item.all("strong")[0].text for item in node.all("li") if item.attrs.get("id", "").startswith("event-")]


def test_every_event_stands_with_its_result_time_duration_and_place(as_hina: Client) -> None:
    transaction = in_stage("failed_retryable")
    node = timeline(as_hina, transaction)
    assert titles(node)[0] == "Instruction received from Instant Cash: Done"
    assert titles(node)[-1] == "Payment: Failed"
    assert len(titles(node)) == transaction.events.count()
    last = node.by_id(f"event-{transaction.sequence}").text
    assert "18 Nov 2026, 13:59:00 PKT, took" in last
    assert "1LINK" in last
    assert "There was a technical problem. TECH" in last
    assert "Money: Not sent" in last


def test_waits_between_events_are_told(as_hina: Client) -> None:
    assert "Waited" in timeline(as_hina, of_kind("paid:found")).text


def test_each_try_is_told_by_its_number(as_hina: Client) -> None:
    assert [
        title for title in titles(timeline(as_hina, of_kind("blocked:exhausted"))) if title.startswith("Payment")
    ] == [
        "Payment: Started",
        "Payment: Failed",
        "Payment, 2nd try: Started",
        "Payment, 2nd try: Failed",
        "Payment, 3rd try: Started",
        "Payment, 3rd try: Failed",
    ]


def test_missing_numbers_are_named(as_hina: Client) -> None:
    told = story_of_kind("paid", partner="INSTANTCASH", now=NOW)
    transaction = take_in([event for event in told if event["sequence"] not in (4, 5)], at=NOW)
    assert "Events 4 and 5 have not arrived" in timeline(as_hina, transaction).text


def test_what_contradicts_is_marked_and_what_came_after_the_proof_too(as_hina: Client) -> None:
    contradictory = of_kind("contradictory:paid_after_failure", number=1)
    after = of_kind("paid:then_failed", number=2)
    cancelled = of_kind("contradictory:submitted_after_cancelling", number=3)
    assert "It counts all the same" in timeline(as_hina, contradictory).text
    assert "It came after the proof of where the money is." in timeline(as_hina, after).text
    assert "This contradicts what was known before. It changed nothing." in timeline(as_hina, cancelled).text


def test_unknown_words_are_shown_as_they_came(as_hina: Client) -> None:
    transaction = _with_another_event({"stage": "teleport", "result": "BEAMED", "channel": "WORMHOLE"})
    node = timeline(as_hina, transaction)
    assert titles(node)[-1] == "Unknown (teleport): Unknown (BEAMED)"
    assert "Unknown (WORMHOLE)" in node.text


def test_an_event_that_was_overtaken_says_so(as_hina: Client) -> None:
    told = story_of_kind("paid", partner="INSTANTCASH", now=NOW - timedelta(minutes=10))
    transaction = take_in([event for event in told if event["sequence"] != 4], at=NOW - timedelta(minutes=9))
    receive([told[3]], message_id="late", source="demo", received_at=NOW - timedelta(minutes=4))
    assert "reached us after later events, by 5 min" in timeline(as_hina, transaction).by_id("event-4").text


def test_the_order_can_be_turned(as_hina: Client) -> None:
    transaction = in_stage("credited")
    oldest, newest = titles(timeline(as_hina, transaction)), titles(timeline(as_hina, transaction, "?order=newest"))
    assert newest == oldest[::-1]
    assert titles(timeline(as_hina, transaction, "?order=foo")) == oldest


def test_technical_details_are_for_those_who_may_see_them(as_hina: Client, as_omar: Client) -> None:
    transaction = in_stage("failed_retryable")
    assert not timeline(as_hina, transaction).all("details")
    assert "request endpoint /payment" in timeline(as_omar, transaction).text


def test_only_listed_keys_are_shown_and_personal_data_is_masked(as_omar: Client, as_nadia: Client) -> None:
    transaction = _with_another_event(
        {
            "stage": "payment",
            "result": "STARTED",
            "channel": "1LINK",
            "attempt": 1,
            "request": {
                "endpoint": "/payment",
                "accountNumber": "PK36SCBL0000001123456702",
                "beneficiaryName": "Zubaida Canary",
                "secretKey": "canary-secret",
                "narration": "For 3520112345671 and canary@example.com",
            },
            "response": {"responseMessage": "Account PK36SCBL0000001123456702 ok", "titleMatch": "MATCH"},
        }
    )
    for client in (as_omar, as_nadia):
        text = timeline(client, transaction).text
        assert "request endpoint /payment" in text
        assert "request accountNumber PK36 SCBL •••• •••• •••• 6702" in text
        for canary in ("Zubaida", "canary", "3520112345671", "PK36SCBL0000001123456702"):
            assert canary not in text
    assert "titleMatch" not in timeline(as_omar, transaction).text
    assert "titleMatch MATCH" in timeline(as_nadia, transaction).text


def _with_another_event(data: dict[str, Any]) -> Transaction:
    told = story_of_kind("at:ready", partner="INSTANTCASH", now=NOW)
    number = len(told) + 1
    told.append({**told[-1], "id": f"{told[0]['subject']}.{number}", "sequence": number, "data": data})
    return take_in(told, at=NOW)
