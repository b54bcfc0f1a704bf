"""What becomes of events: verdicts, timelines, states, exceptions, history and the trail."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Partner
from audit.models import AuditEvent
from backoffice.gateway.models import Delivery, Verdict, WaitingEvent
from compliance.models import ScreeningCheck, ScreeningHit
from exceptions.models import ExceptionItem
from tests.factories.accounts import PartnerFactory
from tests.gateway.telling import IBAN, OTHER_IBAN, START, at, event, paid, received, screened, stage, take_in, words
from transactions.models import Account, Event, Name, Transaction

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ria")]


def transaction(txn_id: str = "T1") -> Transaction:
    return Transaction.objects.get(txn_id=txn_id)


def open_kinds(txn_id: str = "T1") -> set[str]:
    return set(ExceptionItem.objects.open().filter(transaction__txn_id=txn_id).values_list("kind", flat=True))


# -- the plain way ----------------------------------------------------------------------------------------------------


def test_a_whole_story_in_one_delivery_makes_a_paid_transaction() -> None:
    receipt = take_in(paid())
    assert receipt.as_json()["accepted"] == 8
    held = transaction()
    assert (held.status, held.stage, held.funds_position) == ("completed", "credited", "WITH_BENEFICIARY")
    assert (held.rail, held.rail_reference, held.rail_reference_kind) == ("RAAST", "MSGT1", "MESSAGE_ID")
    assert (held.bank_reference, held.sequence, held.missing_sequences, held.version) == ("FTT1", 8, [], 1)
    assert (held.settled_amount, held.settled_currency) == (Decimal("110227.0000"), "PKR")
    assert held.stage_deadline is None
    assert not open_kinds()


def test_the_same_story_in_single_deliveries_ends_in_the_same_state() -> None:
    take_in(paid("A"))
    for one in paid("B"):
        assert words(take_in(one)) == ["accepted"]
    a, b = transaction("A"), transaction("B")
    for name in ("status", "stage", "step", "stage_result", "funds_position", "status_since", "stage_since", "attempt"):
        assert getattr(a, name) == getattr(b, name)
    assert b.history.count() == 8
    assert b.version == 7  # every stage it went through but not the screening result


def test_an_instruction_is_kept_with_its_parties_account_and_names() -> None:
    take_in(
        received(
            branchCode="1003",
            agentCode="RI-001",
            type="IBFT",
            uetr="8d5b0c1e-2f0d-4f63-9a51-0c7a34b1a0de",
            requestId="REQ-1",
            details={
                "settlementAmount": "1450.00",
                "settlementCurrency": "AED",
                "settlementRate": "76.01862069",
                "commissionAmount": "15.00",
                "sentAt": at(-60),
            },
            remitter={
                "nationality": "Pakistan",
                "idDetails": {"idType": "CNIC", "idNumber": "35201-1234567-1", "issueDate": "2019-02-01"},
                "mobileNumber": "050 123 4567",
                "address": {"country": "ARE", "city": "Dubai"},
            },
            beneficiary={"mobileNumber": "0300 1234567"},
        )
    )
    held = transaction()
    assert (held.partner.code, held.branch.code, held.sub_agent.agent_code) == ("RIA", "1003", "RI-001")
    assert (held.sent_amount, held.sent_currency, held.rate) == (Decimal(1450), "AED", Decimal("76.01862069"))
    assert (held.origin_country, held.destination_country) == ("AE", "PK")
    remitter, beneficiary = held.parties.get(side="remitter"), held.parties.get(side="beneficiary")
    assert (remitter.id_number, remitter.nationality, remitter.full_name) == ("3520112345671", "PK", "Zoë Łukasz")
    assert beneficiary.mobile == "+923001234567"
    account = held.account
    assert (account.number, account.is_iban, held.beneficiary_iban) == (IBAN, True, IBAN)
    assert set(Name.objects.values_list("raw", flat=True)) == {"Zoë Łukasz", "Sana Malik"}
    assert held.stage_deadline == START + timedelta(minutes=2)


def test_everything_is_kept_as_it_was_sent() -> None:
    body = json.dumps([received(beneficiary={"unheard": [1, {"of": None}]})]).encode()
    take_in(json.loads(body), body=body)
    delivery = Delivery.objects.get()
    assert bytes(delivery.body) == body
    held = Event.objects.get()
    assert held.data == json.loads(body)[0]["data"]
    assert held.batch == delivery.pk
    assert bytes(delivery.digest).hex() in AuditEvent.objects.get(verb="events_received").body


def test_a_title_answer_that_comes_later_changes_the_account_with_history() -> None:
    take_in(received())
    take_in(stage("T1", 2, "intake"), stage("T1", 3, "validation"))
    version = transaction().version
    take_in(stage("T1", 4, "title_fetch", "REVIEW", response={"accountTitle": "S MALIK", "titleMatch": "CLOSE"}))
    account = Account.objects.get()
    assert (account.title_fetched, account.title_match) == ("S MALIK", "CLOSE")
    assert list(account.history.order_by("history_id").values_list("title_match", "history_type")) == [
        ("", "+"),
        ("CLOSE", "~"),
    ]
    assert transaction().version == version + 1


# -- verdicts ---------------------------------------------------------------------------------------------------------


def test_a_repeat_is_a_duplicate_and_changes_nothing() -> None:
    take_in(paid())
    before = Transaction.history.count()
    receipt = take_in(paid())
    assert (receipt.accepted, receipt.duplicate, receipt.rejected) == (0, 8, 0)
    assert Transaction.history.count() == before
    assert Event.objects.count() == 8


def test_a_repeat_inside_one_delivery_is_a_duplicate() -> None:
    assert words(take_in(received(), received(), stage("T1", 2, "intake"), stage("T1", 2, "intake"))) == [
        "accepted",
        "duplicate",
        "accepted",
        "duplicate",
    ]


def test_an_event_comes_before_its_instruction_in_one_delivery() -> None:
    assert words(take_in(list(reversed(paid())))) == ["accepted"] * 8
    assert transaction().stage == "credited"


def test_the_same_id_with_another_body_is_a_conflict_that_operators_see() -> None:
    take_in(paid())
    receipt = take_in(stage("T1", 8, "payment", "FAILED", code="AC03", funds="NOT_SENT"))
    assert words(receipt) == ["conflict"]
    assert receipt.rejected == 1
    assert "id" in receipt.events[0].errors[0]["field"]
    assert open_kinds() == {"conflict"}
    verdict = Verdict.objects.get()
    assert (verdict.result, verdict.partner.code, verdict.subject) == ("conflict", "RIA", "T1")
    assert transaction().stage == "credited"


def test_a_number_that_is_taken_by_another_event_is_a_conflict() -> None:
    take_in(received(), stage("T1", 2, "intake"))
    receipt = take_in(stage("T1", 2, "intake", "FAILED", head={"id": "other"}))
    assert words(receipt) == ["conflict"]
    assert words(take_in(stage("T1", 2, "intake", head={"id": "again"}))) == ["duplicate"]
    assert open_kinds() == {"conflict"}


def test_an_id_used_for_another_transaction_is_a_conflict_even_with_the_same_data() -> None:
    take_in(received("A"), received("B"), stage("A", 2, "intake"))
    assert words(take_in(stage("B", 2, "intake", head={"id": "A.2"}))) == ["conflict"]
    assert open_kinds("A") == {"conflict"}


def test_a_conflict_between_two_partners_is_shown_to_neither() -> None:
    PartnerFactory(code="XPRESS")
    take_in(received("A"), received("B", partner="XPRESS"), stage("A", 2, "intake"))
    take_in(stage("B", 2, "intake", head={"id": "A.2"}))
    assert Verdict.objects.get().partner is None


def test_a_partner_reference_comes_again_under_another_transaction() -> None:
    take_in(received("A", details={"partnerReference": "R"}))
    same = received("B", details={"partnerReference": "R"}, requestId="another request")
    other = received("C", details={"partnerReference": "R", "payingAmount": "110228.00"})
    assert words(take_in(same, other)) == ["duplicate", "conflict"]
    item = ExceptionItem.objects.get(transaction__txn_id="A")
    assert item.facts["changed"] == ["data.transactionDetails.payingAmount"]
    assert Transaction.objects.count() == 1


def test_two_partners_may_use_the_same_reference() -> None:
    PartnerFactory(code="XPRESS")
    first = received("A", details={"partnerReference": "R"})
    second = received("B", partner="XPRESS", details={"partnerReference": "R"})
    assert words(take_in(first, second)) == ["accepted", "accepted"]


def test_amounts_written_differently_are_the_same_amount() -> None:
    take_in(received(details={"payingAmount": "110227.00"}))
    assert words(take_in(received(details={"payingAmount": "110227"}))) == ["duplicate"]


@pytest.mark.parametrize("partner", ["NOBODY", "GONE"])
def test_an_unknown_or_inactive_partner_is_refused_and_nothing_is_made(partner: str) -> None:
    PartnerFactory(code="GONE", is_active=False)
    receipt = take_in(received(partner=partner))
    assert words(receipt) == ["rejected"]
    assert receipt.events[0].errors[0]["field"] == "data.partner"
    assert not Transaction.objects.exists()
    assert Verdict.objects.get().result == "rejected"


def test_an_event_of_an_unknown_transaction_waits_and_joins_when_the_instruction_comes() -> None:
    first, *rest = paid()
    early = take_in(rest[3:], received_at=START + timedelta(hours=1))
    assert words(early) == ["waiting"] * 4
    assert early.accepted == 4
    assert WaitingEvent.objects.count() == 4
    assert words(take_in(rest[3:])) == ["duplicate"] * 4
    take_in(first, rest[:3])
    held = transaction()
    assert (held.stage, held.missing_sequences, held.sequence) == ("credited", [], 8)
    assert not WaitingEvent.objects.exists()
    assert held.events.get(sequence=8).received_at == START + timedelta(hours=1)
    assert ScreeningCheck.objects.count() == 1


def test_a_waiting_event_that_changes_is_a_conflict() -> None:
    take_in(stage("T1", 2, "intake"))
    assert words(take_in(stage("T1", 2, "intake", "FAILED"))) == ["conflict"]
    assert words(take_in(stage("T1", 2, "validation", head={"id": "x"}))) == ["conflict"]


def test_one_bad_event_takes_no_other_with_it_and_the_counts_add_up() -> None:
    bad = received("B", details={"payingAmount": "12,5"})
    receipt = take_in(received("A"), bad, "nonsense", stage("A", 2, "intake"), stage("Z", 2, "intake"))
    assert words(receipt) == ["accepted", "rejected", "rejected", "accepted", "waiting"]
    assert receipt.accepted + receipt.duplicate + receipt.rejected == 5
    delivery = Delivery.objects.get()
    assert (delivery.accepted, delivery.duplicate, delivery.rejected) == (3, 0, 2)
    assert list(Verdict.objects.order_by("position").values_list("position", "event_id")) == [(2, "B.1"), (3, "")]


# -- order, gaps and contradictions -----------------------------------------------------------------------------------


def test_missing_events_are_named_until_they_come() -> None:
    events = paid()
    take_in(events[:3], events[6:])
    assert transaction().missing_sequences == [4, 5, 6]
    assert open_kinds() == {"missing_events"}
    take_in(events[4])
    assert transaction().missing_sequences == [4, 6]
    take_in(events[3], events[5])
    held = transaction()
    assert (held.missing_sequences, held.stage, held.contradictions) == ([], "credited", 0)
    assert not open_kinds()
    assert ExceptionItem.objects.get(kind="missing_events").resolution


def test_a_late_event_never_moves_a_paid_transaction_back() -> None:
    take_in(paid())
    take_in(stage("T1", 9, "payment", "FAILED", code="AC03", funds="NOT_SENT"))
    held = transaction()
    assert (held.stage, held.sequence) == ("credited", 9)


def test_a_return_moves_a_paid_transaction() -> None:
    take_in(paid())
    take_in(stage("T1", 9, "return", code="CUST", funds="RETURNED"))
    held = transaction()
    assert (held.status, held.stage, held.funds_position) == ("failed", "returned", "RETURNED")


def test_paid_evidence_that_contradicts_is_applied_and_flagged() -> None:
    take_in(received(), stage("T1", 2, "intake"))
    take_in(stage("T1", 3, "payment", funds="WITH_BENEFICIARY"))
    held = transaction()
    assert (held.stage, held.contradictions) == ("credited", 1)
    assert open_kinds() == {"contradictory"}


def test_an_exception_is_opened_for_a_failure_and_closed_when_it_moves_on() -> None:
    take_in(paid()[:7])
    take_in(stage("T1", 8, "payment", "FAILED", code="AM04", funds="NOT_SENT"))
    assert open_kinds() == {"failed"}
    take_in(stage("T1", 9, "payment", "STARTED", attempt=2))
    assert not open_kinds()
    take_in(stage("T1", 10, "payment", "TIMEOUT", attempt=2, funds="UNKNOWN"))
    assert open_kinds() == {"outcome_unknown"}
    assert transaction().attempt == 2


def test_a_transaction_that_waits_for_a_person_gets_its_deadline_from_where_it_came() -> None:
    take_in(paid()[:4], screened("T1", 5, status="HITS"), stage("T1", 6, "screening", "REVIEW"))
    held = transaction()
    assert held.stage_deadline == held.stage_since + timedelta(hours=4)
    assert ScreeningHit.objects.get().score == Decimal("0.9100")


# -- what nobody knows ------------------------------------------------------------------------------------------------


def test_unknown_words_are_kept_and_open_an_exception() -> None:
    take_in(received(), stage("T1", 2, "teleport", "MAYBE", code="QQ99", rail="PIGEON", funds="LIMBO"))
    held = Event.objects.get(sequence=2)
    assert (held.stage, held.result, held.reason_code, held.rail, held.retry_class) == (
        "teleport",
        "MAYBE",
        "QQ99",
        "PIGEON",
        "INQUIRE",
    )
    item = ExceptionItem.objects.get()
    assert item.kind == "unknown_word"
    assert set(item.facts["words"]) == {"stage", "result", "reasonCode", "rail", "fundsPosition"}
    assert transaction().stage == "intake"


def test_an_unknown_branch_or_agent_keeps_its_text_and_opens_an_exception() -> None:
    take_in(received(branchCode="9999", agentCode="NO-1"))
    held = transaction()
    assert (held.branch, held.branch_code, held.sub_agent, held.agent_code) == (None, "9999", None, "NO-1")
    assert open_kinds() == {"unknown_place"}


def test_a_screening_result_with_an_unknown_word_stays_in_the_timeline() -> None:
    take_in(received(), screened("T1", 2, status="PERHAPS"))
    assert not ScreeningCheck.objects.exists()
    assert open_kinds() == {"unknown_word"}
    assert Event.objects.filter(sequence=2).exists()


def test_a_party_checked_only_after_the_payment_is_flagged_in_any_order() -> None:
    events = [*paid(), screened("T1", 9, status="HITS", timing="POST")]
    take_in(events)
    assert transaction().screened_late
    assert open_kinds() == {"screened_late"}
    others = [*paid("B")[:7], screened("B", 9, head={"time": at(9000)})]
    take_in(others)
    assert not transaction("B").screened_late
    take_in(paid("B")[7])
    assert transaction("B").screened_late


# -- possible duplicates ----------------------------------------------------------------------------------------------


def test_the_same_amount_to_the_same_account_within_three_days_marks_both() -> None:
    take_in(received("A"))
    take_in(received("B", head={"time": (START + timedelta(hours=71)).isoformat()}))
    take_in(received("C", beneficiary={"bankDetails": {"bankCode": "X", "accountNumber": OTHER_IBAN}}))
    take_in(received("D", details={"payingAmount": "110227.01"}))
    take_in(received("E", head={"time": (START - timedelta(hours=73)).isoformat()}))
    assert set(Transaction.objects.filter(duplicate_suspect=True).values_list("txn_id", flat=True)) == {"A", "B"}
    assert transaction("A").history.count() == 2
    assert transaction("A").version == 1


def test_two_alike_in_one_delivery_are_both_marked() -> None:
    take_in(received("A"), received("B"))
    assert Transaction.objects.filter(duplicate_suspect=True).count() == 2


# -- history and the trail --------------------------------------------------------------------------------------------


def test_each_delivery_leaves_one_history_row_per_changed_transaction_and_one_trail_entry() -> None:
    events = paid()
    take_in(events[:4], received("B"))
    take_in(events[4:])
    rows = transaction().history.order_by("history_id")
    assert [row.history_type for row in rows] == ["+", "~"]
    entries = [
        json.loads(body) for body in AuditEvent.objects.filter(verb="events_received").values_list("body", flat=True)
    ]
    assert [entry["request_id"] for entry in entries] == [row.trace_id for row in rows]
    assert {row.history_change_reason for row in rows} == {"platform"}
    assert {row.history_user_id for row in rows} == {None}
    assert entries[0]["facts"]["accepted"] == 5
    assert (entries[0]["kind"], entries[0]["actor"]) == ("SYSTEM", "platform")


def test_history_as_of_a_moment_is_what_was_known_then() -> None:
    events, noon = paid(), datetime(2026, 11, 21, 12, tzinfo=UTC)
    for number, one in enumerate(events):
        take_in(one, received_at=noon + timedelta(minutes=number))
    stages = [
        Transaction.history.as_of(noon + timedelta(minutes=number, seconds=30)).get(txn_id="T1").stage
        for number in range(8)
    ]
    assert stages == [
        "intake",
        "validation",
        "title_fetch",
        "screening",
        "screening",
        "ready",
        "payment",
        "credited",
    ]


def test_a_command_answer_joins_the_timeline_and_moves_nothing() -> None:
    answer = {"commandId": "c1", "outcome": "SUCCEEDED", "railReference": "482913"}
    take_in(received(), event("T1", 2, "openremit.command.completed", answer))
    held = Event.objects.get(sequence=2)
    assert (held.command_id, held.result, held.attempt) == ("c1", "SUCCEEDED", 0)
    assert (transaction().stage, transaction().sequence) == ("intake", 2)


def test_what_the_database_refuses_is_one_rejected_event_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from backoffice.gateway import storing

    plain = storing._event_row

    def spoilt(arrival: Any, reference: Any) -> dict[str, Any]:
        row = plain(arrival, reference)
        return row | {"channel": "x" * 100} if arrival.event.sequence == 3 else row

    monkeypatch.setattr(storing, "_event_row", spoilt)
    assert words(take_in(paid()[:4])) == ["accepted", "accepted", "rejected", "accepted"]
    assert transaction().missing_sequences == [3]


def test_the_partner_sees_no_event_of_another(ria: Partner) -> None:
    take_in(received())
    assert transaction().partner == ria


# -- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("Umair null Shaikh", "Umair Shaikh"), ("N/A Kamran  Null", "Kamran Null"), ("Ana Ní Bhriain", "Ana Ní Bhriain")],
)
def test_a_word_of_a_program_is_no_part_of_a_name(sent: str, kept: str) -> None:
    assert words(take_in([received(remitter={"fullName": sent})])) == ["accepted"]
    assert transaction().remitter_name == kept


def test_a_name_of_nothing_but_such_words_is_refused_with_its_field() -> None:
    receipt = take_in([received(beneficiary={"fullName": "null - null"})])
    assert words(receipt) == ["rejected"]
    assert any("beneficiary.fullName" in error["field"] for error in receipt.events[0].errors)
