"""The table of the lifecycle row by row, and the fold under everything that can happen to a history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations, product

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories.transactions import TransactionFactory
from tests.proofs.order import LEGAL, STATUS, reference, wanted
from transactions import lifecycle
from transactions.lifecycle import ALLOWED, POSITION, Happening, Verdict, allows, apply, first_state, fold, leads_to
from transactions.models import Transaction
from transactions.vocabulary import EVIDENCE_STAGES, PAID_STAGES, EventStage, Funds, Result, RetryClass, Stage, Status

START = datetime(2026, 11, 20, 9, tzinfo=UTC)


def happening(number: int, stage: str, result: str = "SUCCESS", funds: str = "", **more: object) -> Happening:
    return Happening(number, START + timedelta(minutes=number), stage, result, funds=funds, **more)  # type: ignore[arg-type]


PAID = [
    happening(2, "intake"),
    happening(3, "validation"),
    happening(4, "title_fetch"),
    happening(5, "screening"),
    happening(6, "payment", "STARTED", attempt=1),
    happening(7, "payment", "SUCCESS", "WITH_BENEFICIARY", attempt=1),
]


# -- the table --------------------------------------------------------------------------------------------------------

# CONTRACTS.md section 4: stage result funds retry-class -> where it leads
TABLE = """
intake SUCCESS . . -> received validation
intake FAILED . CORRECT -> pending compliance_review
intake FAILED . NEVER -> failed failed_final
validation SUCCESS . . -> validated title_fetch
validation FAILED . CORRECT -> pending compliance_review
validation FAILED . INQUIRE -> failed failed_final
title_fetch SUCCESS . . -> validated screening
title_fetch SKIPPED . . -> validated screening
title_fetch REVIEW . . -> pending compliance_review
screening SUCCESS . . -> validated ready
screening REVIEW . . -> pending compliance_review
screening TIMEOUT . . -> pending compliance_review
compliance_review STARTED . . -> pending compliance_review
compliance_review SUCCESS . . -> validated ready
compliance_review FAILED . . -> failed rejected_compliance
approval STARTED . . -> pending pending_approval
approval SUCCESS . . -> validated ready
approval FAILED . . -> failed cancelled
payment STARTED . . -> pending payment
payment SUCCESS WITH_BENEFICIARY . -> completed credited
payment SUCCESS AT_RAIL . -> pending settlement
payment FAILED NOT_SENT RETRY -> failed failed_retryable
payment FAILED NOT_SENT INQUIRE -> failed failed_retryable
payment FAILED NOT_SENT CORRECT -> failed failed_retryable
payment FAILED NOT_SENT COMPLIANCE -> failed failed_retryable
payment FAILED NOT_SENT NEVER -> failed failed_final
payment FAILED NOT_SENT RETURN -> failed failed_final
payment FAILED UNKNOWN RETRY -> pending outcome_unknown
payment FAILED AT_RAIL NEVER -> pending outcome_unknown
payment TIMEOUT UNKNOWN . -> pending outcome_unknown
rtgs STARTED . . -> pending rtgs_queue
rtgs SUCCESS AT_RAIL . -> pending settlement
rtgs SUCCESS WITH_BENEFICIARY . -> completed credited
rtgs TIMEOUT . . -> pending outcome_unknown
settlement SUCCESS WITH_BENEFICIARY . -> completed credited
settlement FAILED NOT_SENT RETRY -> failed failed_retryable
settlement FAILED RETURNED . -> failed returned
settlement TIMEOUT . . -> pending outcome_unknown
inquiry SUCCESS WITH_BENEFICIARY . -> completed credited
inquiry SUCCESS AT_RAIL . -> pending settlement
inquiry SUCCESS NOT_SENT . -> failed failed_retryable
inquiry SUCCESS RETURNED . -> failed returned
cash_payout STARTED . . -> pending cash_ready
cash_payout SUCCESS WITH_BENEFICIARY . -> completed cash_paid
cash_payout FAILED . . -> failed failed_final
manual_settlement SUCCESS . . -> completed manually_settled
return SUCCESS . . -> failed returned
cancellation SUCCESS . . -> failed cancelled
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(row[:4]))
def test_an_event_leads_where_the_contract_says(row: list[str]) -> None:
    name, result, funds, retry_class, _, status, stage = (word.replace(".", "") for word in row)
    event = happening(2, name, result, funds, retry_class=retry_class)
    target = leads_to(event)
    assert target is not None
    assert (POSITION[target][0], target) == (status, stage)
    assert any(allows(start, event) for start in Stage), "the table allows it from somewhere"


@pytest.mark.parametrize(
    ("stage", "result"),
    [
        ("inquiry", "FAILED"),
        ("inquiry", "TIMEOUT"),
        ("cancellation", "FAILED"),
        ("payment", "SKIPPED"),
        ("return", "STARTED"),
    ],
)
def test_some_events_move_nothing(stage: str, result: str) -> None:
    assert leads_to(happening(2, stage, result)) is None


def test_a_duplicate_on_a_second_attempt_is_never_final() -> None:
    facts = {"reason_code": "DUPL", "retry_class": "NEVER"}
    first = happening(2, "payment", "FAILED", "NOT_SENT", attempt=1, **facts)
    second = happening(2, "payment", "FAILED", "NOT_SENT", attempt=2, **facts)
    assert leads_to(first) == Stage.FAILED_FINAL
    assert leads_to(second) == Stage.OUTCOME_UNKNOWN


def test_every_stage_stands_in_one_status_with_one_place_of_the_money() -> None:
    assert {stage.value: tuple(map(str, place)) for stage, place in POSITION.items()} == STATUS
    assert set(POSITION) == set(Stage)
    assert len(Stage) == 20


def test_the_table_is_the_reference_table() -> None:
    ours = {
        (step.value, target.value, start.value)
        for step, targets in ALLOWED.items()
        for target, starts in targets.items()
        for start in starts
    }
    assert ours == LEGAL


@pytest.mark.parametrize(("stage", "result"), list(product(EventStage, Result)))
def test_what_an_event_asks_for_is_what_the_reference_says(stage: str, result: str) -> None:
    if stage == EventStage.RECEIVED:
        return
    for funds, retry_class, attempt in product(["", *Funds], ["", *RetryClass], (1, 2)):
        event = happening(2, stage, result, funds, retry_class=retry_class, attempt=attempt, reason_code="DUPL")
        asked, evidence = wanted(event)
        assert (leads_to(event) or "") == asked
        assert lifecycle.is_money_evidence(event) == evidence


def test_no_way_leads_out_of_where_the_money_is_but_evidence() -> None:
    for stage in EVIDENCE_STAGES:
        state = replace(first_state(START), stage=stage)
        for name, result, funds in product(EventStage, Result, ["", *Funds]):
            event = happening(2, name, result, funds)
            after, _ = apply(state, event)
            if stage in PAID_STAGES and not lifecycle.is_money_evidence(event):
                assert after.stage == stage
            assert after.stage in EVIDENCE_STAGES


# -- the fold ---------------------------------------------------------------------------------------------------------


def test_every_order_of_a_paid_lifecycle_ends_the_same() -> None:
    whole = fold(START, PAID)
    assert (whole.state.stage, whole.missing, whole.contradictory) == (Stage.CREDITED, (), ())
    for order in permutations(PAID):
        assert fold(START, [*order, order[0]]) == whole


def test_the_step_and_the_moments_are_those_of_the_events() -> None:
    state = fold(START, PAID[:5]).state
    assert (state.step, state.stage_result, state.attempt) == ("payment", "STARTED", 1)
    assert state.stage_since == START + timedelta(minutes=6)
    assert state.status_since == START + timedelta(minutes=6)


def test_after_evidence_nothing_else_moves() -> None:
    late = [*PAID, happening(8, "payment", "FAILED", "NOT_SENT"), happening(9, "compliance_review", "STARTED")]
    folded = fold(START, late)
    assert folded.state.stage == Stage.CREDITED
    assert folded.verdicts[8] == folded.verdicts[9] == Verdict.AFTER_EVIDENCE


def test_the_highest_evidence_wins() -> None:
    returned = happening(8, "return", "SUCCESS", "RETURNED")
    paid_again = happening(9, "inquiry", "SUCCESS", "WITH_BENEFICIARY")
    assert fold(START, [*PAID, returned]).state.stage == Stage.RETURNED
    assert fold(START, [*PAID, returned, paid_again]).state.stage == Stage.CREDITED


def test_evidence_that_the_table_forbids_applies_and_is_flagged() -> None:
    folded = fold(START, [happening(2, "payment", "SUCCESS", "WITH_BENEFICIARY")])
    assert folded.state.stage == Stage.CREDITED
    assert folded.contradictory == (2,)


def test_a_step_that_the_table_forbids_moves_nothing_unless_something_is_missing_before_it() -> None:
    assert fold(START, [happening(2, "settlement", "TIMEOUT")]).state.stage == Stage.INTAKE
    after_gap = fold(START, [happening(3, "settlement", "TIMEOUT")])
    assert (after_gap.state.stage, after_gap.missing) == (Stage.OUTCOME_UNKNOWN, (2,))


def test_words_that_nobody_knows_move_nothing() -> None:
    folded = fold(START, [happening(2, "teleport"), happening(3, "intake", "PERHAPS")])
    assert (folded.state.stage, folded.state.sequence) == (Stage.INTAKE, 3)
    assert set(folded.verdicts.values()) == {Verdict.NOT_UNDERSTOOD}


def test_the_reason_stands_while_the_trouble_lasts() -> None:
    failed = happening(7, "payment", "FAILED", "NOT_SENT", reason_code="AM04", retry_class="RETRY", attempt=1)
    again = happening(8, "payment", "STARTED", attempt=2)
    assert fold(START, [*PAID[:5], failed]).state.reason_code == "AM04"
    moved_on = fold(START, [*PAID[:5], failed, again]).state
    assert (moved_on.reason_code, moved_on.stage, moved_on.attempt) == ("", Stage.PAYMENT, 2)


def test_very_many_missing_numbers_are_named_only_so_far() -> None:
    assert len(fold(START, [happening(2**31 - 1, "intake")]).missing) == 100


_HAPPENINGS = st.builds(
    Happening,
    sequence=st.integers(2, 12),
    time=st.integers(0, 10_000).map(lambda seconds: START + timedelta(seconds=seconds)),
    stage=st.sampled_from([*[stage.value for stage in EventStage if stage != "received"], "teleport"]),
    result=st.sampled_from([*[result.value for result in Result], "MAYBE"]),
    attempt=st.integers(1, 3),
    funds=st.sampled_from(["", *[funds.value for funds in Funds]]),
    reason_code=st.sampled_from(["", "DUPL", "AC03"]),
    retry_class=st.sampled_from(["", *[one.value for one in RetryClass]]),
)
_HISTORIES = st.lists(_HAPPENINGS, max_size=10, unique_by=lambda one: one.sequence)


@settings(max_examples=400, deadline=None)
@given(_HISTORIES, st.randoms(use_true_random=False), st.sets(st.integers(2, 12), max_size=3))
def test_the_fold_is_the_reference_fold_in_any_order(events: list[Happening], dice: object, others: set[int]) -> None:
    others -= {event.sequence for event in events}
    shuffled = [*events, *events[:2]]
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    folded = fold(START, shuffled, others)
    expected = reference({event.sequence: event for event in events}, others)
    assert (folded.state.stage, folded.missing) == (expected.stage, expected.missing)
    assert frozenset(folded.contradictory) == expected.contradictory
    assert (folded.state.status, folded.state.funds_position) == STATUS[folded.state.stage]


@settings(max_examples=200, deadline=None)
@given(_HISTORIES)
def test_paid_evidence_is_never_hidden(events: list[Happening]) -> None:
    proofs = [event for event in sorted(events, key=lambda one: one.sequence) if lifecycle.is_money_evidence(event)]
    if proofs:
        target = leads_to(proofs[-1])
        assert target is not None
        assert fold(START, events).state.funds_position == POSITION[target][1]


@settings(max_examples=200, deadline=None)
@given(_HISTORIES)
def test_one_more_event_at_the_end_is_one_more_step(events: list[Happening]) -> None:
    ordered = sorted(events, key=lambda one: one.sequence)
    state, last = first_state(START), 1
    for event in ordered:
        state, _ = apply(state, event, after_gap=event.sequence > last + 1)
        last = event.sequence
    assert state == fold(START, events).state


# -- what the database itself refuses ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_database_holds_the_state_triple() -> None:
    held = Transaction.objects.filter(pk=TransactionFactory(stage=Stage.INTAKE).pk)
    for stage, status, funds in product(Stage, Status, Funds):
        wanted_state = {"stage": stage, "status": status, "funds_position": funds}
        if POSITION[stage] == (status, funds):
            with transaction.atomic():
                assert held.update(**wanted_state) == 1
                transaction.set_rollback(True)
            continue
        with pytest.raises(IntegrityError, match="status_stage_and_funds_go_together"), transaction.atomic():
            held.update(**wanted_state)


@pytest.mark.django_db
@pytest.mark.parametrize("stage", list(Stage))
def test_completed_changes_only_to_completed_or_returned(stage: Stage) -> None:
    paid = TransactionFactory(stage=Stage.CREDITED)
    status, funds = POSITION[stage]
    change = Transaction.objects.filter(pk=paid.pk)
    if status == Status.COMPLETED or stage == Stage.RETURNED:
        assert change.update(stage=stage, status=status, funds_position=funds) == 1
        return
    with pytest.raises(IntegrityError, match="completed changes only"), transaction.atomic():
        change.update(stage=stage, status=status, funds_position=funds)
