"""The stories of the demo: what they end in, how they are mixed, and that chance is repeatable."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.demo.recipes import KIND_FOR_STAGE, RECIPES
from backoffice.demo.stories import KARACHI, Story, demo_stories, mix, story_for_stage, story_of_kind
from backoffice.demo.world import BRANCHES, PARTNERS, iban
from backoffice.gateway import validator
from transactions.lifecycle import Folded, Happening, fold
from transactions.reference import DATA
from transactions.vocabulary import Stage

NOW = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
SHAPE = {"specversion", "id", "source", "type", "subject", "time", "sequence", "datacontenttype", "data"}
with (DATA / "reason_codes.csv").open(encoding="utf-8") as lines:
    RETRY_CLASS = {row["code"]: row["retry_class"] for row in csv.DictReader(lines)}


def folded(events: list[dict[str, Any]]) -> Folded:
    """What the product makes of a story."""
    happenings, others = [], []
    for event in events[1:]:
        data = event["data"]
        if not event["type"].endswith(".stage"):
            others.append(event["sequence"])
            continue
        happenings.append(
            Happening(
                sequence=event["sequence"],
                time=datetime.fromisoformat(event["time"]),
                stage=data["stage"],
                result=data["result"],
                attempt=data["attempt"],
                funds=data.get("fundsPosition", ""),
                reason_code=data.get("reasonCode", ""),
                retry_class=RETRY_CLASS[data["reasonCode"]] if "reasonCode" in data else "",
                rail=data.get("rail", ""),
            )
        )
    return fold(datetime.fromisoformat(events[0]["time"]), happenings, others)


@pytest.fixture(scope="module")
def demo() -> list[Story]:
    return list(demo_stories(2_000, now=NOW, seed=7))


@pytest.mark.parametrize("stage", Stage.values)
def test_there_is_a_canonical_story_for_every_stage(stage: str) -> None:
    events = story_for_stage(stage, number=3, now=NOW)
    outcome = folded(events)
    assert outcome.state.stage == stage
    assert not outcome.missing
    assert not outcome.contradictory
    assert events[-1]["time"] <= NOW.isoformat()


@pytest.mark.parametrize("kind", sorted(RECIPES))
def test_every_kind_of_story_ends_where_it_says(kind: str) -> None:
    for number in range(1, 6):
        outcome = folded(story_of_kind(kind, number=number, now=NOW))
        assert outcome.state.stage == RECIPES[kind].ends
        assert bool(outcome.contradictory) == kind.startswith("contradictory:")
        assert bool(outcome.missing) == bool(RECIPES[kind].lost)


def test_every_event_wears_the_same_envelope_and_counts_up_without_gaps(demo: list[Story]) -> None:
    for story in demo:
        events = [*story.events, *story.rest]
        assert all(set(event) == SHAPE for event in events)
        numbers = [event["sequence"] for event in events]
        if not RECIPES.get(story.kind, RECIPES["paid"]).lost:
            assert numbers == list(range(1, len(numbers) + 1))
        assert {event["subject"] for event in events} == {story.txn_id}
        assert [event["time"] for event in events] == sorted(event["time"] for event in events)


def test_no_event_holds_an_empty_text_or_a_null(demo: list[Story]) -> None:
    for story in demo:
        text = json.dumps(story.events)
        assert '""' not in text
        assert "null" not in text


def test_what_was_sent_times_the_rate_is_what_is_paid_but_for_the_one_mismatch(demo: list[Story]) -> None:
    off = []
    for story in demo:
        details = story.events[0]["data"]["transactionDetails"]
        expected = Decimal(details["settlementAmount"]) * Decimal(details["settlementRate"])
        if abs(expected - Decimal(details["payingAmount"])) > Decimal("0.01"):
            off.append(story.kind)
    assert off == ["paid:fx_mismatch"]


def test_ibans_have_correct_check_digits(demo: list[Story]) -> None:
    from stdnum import iban as standard

    assert standard.is_valid(iban("UNIL", "0000001234567890"))
    banks = [story.events[0]["data"]["beneficiary"].get("bankDetails", {}) for story in demo]
    numbers = [bank["accountNumber"] for bank in banks if bank]
    assert all(standard.is_valid(number) for number in numbers if number.startswith("PK"))
    assert any(number.isdigit() for number in numbers)


def test_the_mix_of_twenty_thousand_is_the_promised_one() -> None:
    counts = mix(20_000)
    by_end: Counter[str] = Counter()
    for kind, count in counts.items():
        by_end["flow" if kind == "flow" else RECIPES[kind].ends] += count
    assert sum(counts.values()) == 20_000
    assert by_end["credited"] + by_end["cash_paid"] + by_end["manually_settled"] == 18_600
    assert by_end["returned"] + by_end["cancelled"] == 200
    assert by_end["failed_retryable"] == 40
    assert by_end["failed_retryable"] + by_end["failed_final"] + by_end["rejected_compliance"] == 700
    assert by_end["compliance_review"] == 60
    assert by_end["outcome_unknown"] == 15
    assert by_end["rtgs_queue"] == 20
    assert by_end["cash_ready"] == 30
    stuck = sum(by_end[stage] for stage in ("title_fetch", "screening", "ready", "payment", "settlement"))
    assert stuck == 10
    assert by_end["flow"] + by_end["pending_approval"] == 365
    assert sum(count for kind, count in counts.items() if kind.startswith("contradictory:")) == 3
    assert sum(count for kind, count in counts.items() if RECIPES.get(kind) and RECIPES[kind].lost) == 2
    assert counts["paid:duplicate"] == 5
    assert len({kind for kind in counts if kind.startswith(("failed:", "retryable:"))}) >= 12


@pytest.mark.parametrize("n", [1, 10, 100, 1_000, 20_001])
def test_any_size_comes_out_exactly(n: int) -> None:
    assert sum(mix(n).values()) == n


def test_a_third_is_of_the_last_three_days_and_each_hour_of_today_has_some(demo: list[Story]) -> None:
    received = [datetime.fromisoformat(story.events[0]["time"]) for story in demo]
    recent = sum(at > NOW - timedelta(days=3) for at in received) / len(received)
    assert 0.3 < recent < 0.4
    assert min(received) > NOW - timedelta(days=31)
    today = NOW.astimezone(KARACHI)
    hours = {at.astimezone(KARACHI).hour for at in received if at.astimezone(KARACHI).date() == today.date()}
    assert hours == set(range(today.hour + 1))
    assert max(event["time"] for story in demo for event in story.events) <= "2026-11-22T14:30:00.000Z"


def test_references_are_unique(demo: list[Story]) -> None:
    assert len({story.txn_id for story in demo}) == len(demo)
    instructions = [story.events[0]["data"] for story in demo]
    for name in ("uetr", "endToEndId", "requestId"):
        assert len({data[name] for data in instructions}) == len(demo)
    assert len({(data["partner"], data["transactionDetails"]["partnerReference"]) for data in instructions}) == len(
        demo
    )
    rails = {(event["data"]["rail"], event["data"]["railReference"], story.txn_id)
             for story in demo for event in story.events if "railReference" in event["data"]}  # fmt: skip
    assert len({(rail, reference) for rail, reference, _ in rails}) == len(rails)


def test_the_same_seed_tells_the_same_stories() -> None:
    first, again, other = (list(demo_stories(60, now=NOW, seed=seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_partners_have_their_shares_and_names_many_scripts(demo: list[Story]) -> None:
    partners = Counter(story.events[0]["data"]["partner"] for story in demo)
    assert len(partners) == len(PARTNERS) == 12
    assert 0.26 < partners["INSTANTCASH"] / len(demo) < 0.34
    assert 0.17 < partners["RIA"] / len(demo) < 0.23
    assert {"1003", "1004", "2001"} < {branch.code for branch in BRANCHES}
    sides = [story.events[0]["data"][side]["fullName"] for story in demo for side in ("remitter", "beneficiary")]
    scripts = {unicodedata.name(letter).split()[0] for letter in "".join(sides) if letter.isalpha()}
    assert {"LATIN", "ARABIC", "BENGALI", "CJK", "DEVANAGARI", "TAMIL"} <= scripts
    assert any(unicodedata.normalize("NFD", letter) != letter for letter in "".join(sides))
    assert max(map(len, sides)) <= 64


def test_what_is_on_its_way_goes_on_to_a_good_end(demo: list[Story]) -> None:
    flowing = [story for story in demo if story.kind == "flow"]
    assert flowing
    for story in flowing:
        assert folded(story.events).state.status in ("received", "validated", "pending")
        assert folded([*story.events, *story.rest]).state.status == "completed"
        assert all(event["time"] >= "2026-11-22T14:29" for event in story.rest)


def test_partner_and_branch_can_be_named() -> None:
    for stage in KIND_FOR_STAGE:
        data = story_for_stage(stage, number=9, now=NOW, partner="RIA", branch="1003")[0]["data"]
        assert (data["partner"], data["branchCode"]) == ("RIA", "1003")


def test_the_products_validator_finds_nothing_wrong(demo: list[Story]) -> None:
    for story in demo:
        for event in [*story.events, *story.rest]:
            read = validator.read(event)
            assert isinstance(read, validator.Envelope), (story.kind, read)
