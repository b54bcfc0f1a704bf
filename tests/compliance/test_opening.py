"""Cases are opened, brought up to date and closed by the intake, in the transaction of the event that causes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.models import Case
from compliance.opening import Found, outcome_of, trigger_of
from compliance.vocabulary import Outcome, Trigger
from tests.factories.accounts import PartnerFactory
from tests.factories.transactions import TransactionFactory
from tests.gateway.telling import at, paid, received, screened, stage, take_in
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
FOUND = Found(hits=1)


@pytest.fixture(autouse=True)
def _partner() -> None:
    PartnerFactory(code="RIA")


def waiting(subject: str = "T1", **facts: Any) -> list[dict[str, Any]]:
    """A story that ends in review because a check found somebody."""
    return [
        received(subject),
        stage(subject, 2, "intake"),
        stage(subject, 3, "validation"),
        stage(subject, 4, "title_fetch"),
        screened(subject, 5, status="HITS", **facts),
        stage(subject, 6, "screening", "REVIEW"),
    ]


def again(subject: str, sequence: int, *entities: str, **facts: Any) -> list[dict[str, Any]]:
    """A new check that finds these entries, and the platform's word on it."""
    hits = [{"entityId": one, "score": "0.95", "threshold": "0.85", "names": ["Zoe Lukasz"]} for one in entities]
    found: dict[str, Any] = {"hits": hits} if hits else {}
    check = screened(subject, sequence + 1, status="HITS" if hits else "CLEAR", **(found | facts))
    return [
        stage(subject, sequence, "screening", "STARTED"),
        check,
        stage(subject, sequence + 2, "screening", "REVIEW" if hits else "SUCCESS"),
    ]


@pytest.mark.parametrize(
    ("kind", "trigger"),
    [
        ("review:hits", Trigger.SCREENING_HITS),
        ("review:unavailable", Trigger.SCREENING_UNAVAILABLE),
        ("review:title_close", Trigger.TITLE),
        ("review:title_no_data", Trigger.TITLE),
        ("review:fields", Trigger.FIELDS),
        ("review:posting", Trigger.POSTING),
        ("paid:screened_after", Trigger.SCREENING_POST),
    ],
)
def test_the_step_before_the_review_says_why_a_case_is_open(kind: str, trigger: Trigger) -> None:
    transaction = TransactionFactory(kind=kind)
    case = Case.objects.get()
    assert (case.transaction, case.trigger, case.is_open) == (transaction, trigger, True)
    assert case.number.startswith("C-20")
    if trigger != Trigger.SCREENING_POST:
        assert (case.opened_at, case.due_at) == (transaction.stage_since, transaction.stage_deadline)


@pytest.mark.parametrize("kind", ["paid", "paid:hits_released", "rejected:hits", "at:settlement", "failed:AC04"])
def test_what_does_not_wait_for_compliance_opens_none(kind: str) -> None:
    TransactionFactory(kind=kind)
    assert not Case.objects.exists()


def test_a_case_says_how_many_hits_on_which_list_and_the_best_score() -> None:
    take_in(waiting())
    case = Case.objects.get()
    assert (case.hit_count, str(case.top_score), case.lists) == (1, "0.9100", ["OFAC SDN"])
    assert case.history.get().history_change_reason == "platform"


def test_what_waits_for_a_check_after_the_payment_has_the_limit_of_a_name_match() -> None:
    take_in(paid(), screened("T1", 9, status="HITS", timing="POST"))
    case = Case.objects.get()
    assert case.trigger == Trigger.SCREENING_POST
    assert case.due_at.isoformat() == "2026-11-20T13:00:09+00:00"


def test_the_same_events_again_open_nothing_again() -> None:
    story = waiting()
    take_in(story)
    take_in(story)
    assert Case.objects.count() == 1


def test_a_new_check_updates_the_case_and_raises_its_version() -> None:
    take_in(waiting())
    before = Case.objects.get()
    take_in(again("T1", 7, "SDN-1", "SDN-2"))
    case = Case.objects.get()
    assert case.is_open
    assert (case.hit_count, str(case.top_score)) == (2, "0.9500")
    assert case.version > before.version
    assert case.due_at == before.due_at
    assert case.history.count() == 2


def test_a_case_stays_open_while_its_transaction_is_checked_again() -> None:
    take_in(waiting())
    take_in(stage("T1", 7, "screening", "STARTED"))
    assert Transaction.objects.get().stage == "screening"
    assert Case.objects.get().is_open


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([stage("T1", 7, "compliance_review")], Outcome.RELEASED),
        ([stage("T1", 7, "compliance_review"), stage("T1", 8, "payment", "STARTED", rail="RAAST")], Outcome.RELEASED),
        ([stage("T1", 7, "compliance_review", "FAILED", code="FR01")], Outcome.REJECTED),
        (again("T1", 7), Outcome.PASSED),
        ([stage("T1", 7, "cancellation")], Outcome.CANCELLED),
        ([stage("T1", 7, "settlement", funds="WITH_BENEFICIARY")], Outcome.OVERTAKEN),
    ],
)
def test_the_intake_closes_the_case_when_the_platform_moves_on(events: list[Any], outcome: Outcome) -> None:
    take_in(waiting())
    take_in(events)
    case = Case.objects.get()
    assert case.closed_at is not None
    assert case.outcome == outcome
    assert case.history.count() == 2


def test_another_check_that_stops_it_opens_a_case_of_its_own() -> None:
    take_in(waiting()[:3], stage("T1", 4, "title_fetch", "REVIEW"))
    assert Case.objects.get().trigger == Trigger.TITLE
    take_in(
        stage("T1", 5, "title_fetch", "STARTED"),
        stage("T1", 6, "title_fetch"),
        screened("T1", 7, status="HITS"),
        stage("T1", 8, "screening", "REVIEW"),
    )
    title, hits = Case.objects.order_by("pk")
    assert (title.outcome, hits.trigger, hits.is_open) == (Outcome.REPLACED, Trigger.SCREENING_HITS, True)


def test_a_payment_sent_back_from_its_failure_is_a_posting_case() -> None:
    story = paid()[:7]
    take_in(story, stage("T1", 8, "payment", "FAILED", funds="NOT_SENT", code="AC01"))
    take_in(stage("T1", 9, "compliance_review", "STARTED", head={"time": at(900)}))
    assert Case.objects.get().trigger == Trigger.POSTING


def test_review_reached_out_of_order_opens_the_case_when_the_gap_closes() -> None:
    story = waiting()
    take_in(story[:5])
    assert not Case.objects.exists()
    take_in(story[5])
    assert Case.objects.get().trigger == Trigger.SCREENING_HITS


def test_the_rules_need_no_database() -> None:
    assert trigger_of([("validation", "FAILED")], Found()) is Trigger.FIELDS
    assert trigger_of([("screening", "REVIEW")], FOUND) is Trigger.SCREENING_HITS
    assert trigger_of([("screening", "REVIEW")], Found()) is Trigger.SCREENING_UNAVAILABLE
    assert trigger_of([("screening", "TIMEOUT"), ("compliance_review", "STARTED")], FOUND) is (
        Trigger.SCREENING_UNAVAILABLE
    )
    assert trigger_of([], Found()) is Trigger.POSTING
    assert outcome_of("ready", [("compliance_review", "SUCCESS")]) is Outcome.RELEASED
    assert outcome_of("credited", []) is Outcome.OVERTAKEN


def test_a_delivery_of_many_costs_a_handful_of_statements_for_all_its_cases() -> None:
    take_in(waiting("A1"))
    with CaptureQueriesContext(connection) as few:
        take_in(waiting("B1"))
    with CaptureQueriesContext(connection) as many:
        take_in([event for number in range(20) for event in waiting(f"C{number}")])
    assert len(many) <= len(few) + 2
    assert Case.objects.count() == 22


def test_two_cases_never_share_a_number() -> None:
    for number in range(3):
        take_in_story_of(number)
    numbers = list(Case.objects.values_list("number", flat=True))
    assert len(set(numbers)) == len(numbers) == 3


def take_in_story_of(number: int) -> None:
    TransactionFactory(kind="review:hits", age=timedelta(minutes=number + 1))
