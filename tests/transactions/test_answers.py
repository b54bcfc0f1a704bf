"""What a partner may be told: the approved words, and never a word that tips off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from accounts.models import Branch, Partner
from audit.models import AuditEvent
from audit.verbs import Verb
from tests.factories.transactions import AnswerTextFactory
from tests.transactions.arriving import NOW, in_stage, of_kind
from tests.transactions.pages import read
from transactions.answers import answer_for, key_of
from transactions.lifecycle import POSITION
from transactions.models import AnswerText, ReasonCode, Transaction
from transactions.vocabulary import Stage

pytestmark = pytest.mark.django_db

KARACHI = ZoneInfo("Asia/Karachi")
NEVER = ("screening", "compliance", "sanction", "aml", "match", "review", "suspicious", "hold")


def unsaved(stage: Stage, code: str = "") -> Transaction:
    status, funds = POSITION[stage]
    return Transaction(
        txn_id="PSL000000045",
        partner_reference="IC2611220045",
        partner=Partner(code="INSTANTCASH", name="Instant Cash"),
        branch=Branch(code="1003", name="Lahore Gulberg"),
        settled_amount=Decimal("110227.00"),
        settled_currency="PKR",
        sent_amount=Decimal("1450.00"),
        sent_currency="AED",
        rail="RAAST",
        rail_reference="ORMB1",
        status=status,
        stage=stage,
        step="payment",
        stage_result="FAILED",
        funds_position=funds,
        reason_code=code,
        received_at=NOW - timedelta(hours=1),
        status_since=NOW,
        stage_since=NOW,
    )


def told(transaction: Transaction) -> str:
    text = AnswerText.objects.filter(key=key_of(transaction)).order_by("-version").first()
    reasons = {reason.code: reason for reason in ReasonCode.objects.all()}
    return answer_for(transaction, text=text, reasons=reasons, holidays=(), now=NOW, zone=KARACHI).text


def test_no_stage_and_no_reason_ever_yields_a_word_that_tips_off() -> None:
    reasons = {reason.code: reason for reason in ReasonCode.objects.all()}
    texts = {text.key: text for text in AnswerText.objects.order_by("version")}
    assert len(reasons) > 50
    for stage in Stage:
        for code in ["", "73", *reasons]:
            transaction = unsaved(stage, code)
            text = texts.get(key_of(transaction))
            answer = answer_for(transaction, text=text, reasons=reasons, holidays=(), now=NOW, zone=KARACHI).text
            assert answer
            assert not [word for word in NEVER if word in answer.lower()], (stage, code, answer)
            assert "{" not in answer
            assert code == "" or not code.isalpha() or code not in answer, (code, answer)


def test_an_edited_text_with_a_forbidden_word_gives_way_to_the_neutral_one() -> None:
    AnswerTextFactory(key="pending", version=2, text="{reference} is in compliance review.")
    assert "It is being processed." in told(unsaved(Stage.COMPLIANCE_REVIEW))


def test_an_edited_reason_with_a_forbidden_word_is_left_out() -> None:
    ReasonCode.objects.filter(code="AC04").update(answer="The account is on hold.")
    assert told(unsaved(Stage.FAILED_FINAL, "AC04")).endswith("The money was not sent.")


def test_the_newest_version_of_a_text_answers() -> None:
    AnswerTextFactory(key="cancelled", version=2, text="{reference} was called off.")
    assert told(unsaved(Stage.CANCELLED)) == "PSL000000045 (your reference IC2611220045) was called off."


def test_a_review_reads_like_any_other_wait() -> None:
    review, payment = told(unsaved(Stage.COMPLIANCE_REVIEW, "BE01")), told(unsaved(Stage.PAYMENT))
    assert review == payment


def test_a_placeholder_that_reaches_into_objects_stays_empty() -> None:
    AnswerTextFactory(key="pending", version=2, text="{reference} {reference.__class__} {secret} goes on.")
    assert told(unsaved(Stage.PAYMENT)).endswith("{reference.__class__} goes on.")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (datetime(2026, 11, 18, 9, 0, tzinfo=UTC), "17:00 PKT today"),
        (datetime(2026, 11, 18, 12, 0, tzinfo=UTC), "17:00 PKT on 19 Nov 2026"),
        (datetime(2026, 11, 20, 13, 0, tzinfo=UTC), "17:00 PKT on 23 Nov 2026"),
    ],
)
def test_the_next_update_is_due_by_the_end_of_the_bank_day(now: datetime, said: str) -> None:
    transaction = unsaved(Stage.PAYMENT)
    text = AnswerText.objects.get(key="pending")
    assert said in answer_for(transaction, text=text, reasons={}, holidays=(), now=now, zone=KARACHI).text


def test_a_holiday_is_no_bank_day() -> None:
    transaction, text = unsaved(Stage.PAYMENT), AnswerText.objects.get(key="pending")
    holidays = {NOW.date()}
    answer = answer_for(transaction, text=text, reasons={}, holidays=holidays, now=NOW, zone=KARACHI)
    assert "17:00 PKT on 19 Nov 2026" in answer.text


def test_no_personal_data_stands_in_the_answer(as_hina: Client) -> None:
    for number, kind in enumerate(("paid", "failed:AC04", "review:hits", "returned:after_credit"), 1):
        transaction = of_kind(kind, number=number)
        answer = read(as_hina.get(transaction.get_absolute_url())).by_id("partner-answer").text
        for party in transaction.parties.all():
            for value in (party.full_name, party.id_number, party.mobile, party.email, party.address_line_1):
                assert not value or value not in answer
        assert not transaction.beneficiary_iban or transaction.beneficiary_iban not in answer


def test_copying_the_answer_is_recorded_with_its_version(as_hina: Client) -> None:
    transaction = in_stage("failed_final")
    answer = as_hina.post(f"{transaction.get_absolute_url()}answer/copied/")
    assert answer.status_code == 204
    entry = AuditEvent.objects.of(transaction).get(verb=Verb.COPIED_ANSWER)
    assert entry.actor == "hina"
    assert entry.said["facts"] == {"answer": "failed v1"}


def test_a_copy_cannot_be_reported_by_reading(as_hina: Client) -> None:
    assert as_hina.get(f"{in_stage('payment').get_absolute_url()}answer/copied/").status_code == 405
