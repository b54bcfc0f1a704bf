"""Correct a field and check again: what it was is kept, who is paid takes two people, the platform is told."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from accounts import maker_checker
from accounts.errors import MissingPermission, Refused
from accounts.models import ApprovalRequest, User
from audit.models import AuditEvent
from compliance import actions
from compliance.evidence import evidence_of
from compliance.models import Case, Correction
from tests.compliance.test_two_people import seen
from tests.compliance.test_views import post, taken, text, waiting
from tests.factories.compliance import CaseFactory, HitDecisionFactory
from tests.gateway.telling import stage, take_in
from transactions.models import Command, Transaction

pytestmark = pytest.mark.django_db
WHY = "The partner sent a copy of the passport."
OTHER_IBAN = "PK24SCBL0000001171495101"


def test_a_correction_keeps_what_was_there_before_and_asks_the_platform(as_adeel: Client, adeel: User) -> None:
    case = taken(waiting(), adeel)
    answer = post(as_adeel, case, "correct", field="remitter.birth_date", value="4 Feb 1983", reason=WHY)
    assert answer.status_code == 302
    party = Transaction.objects.get().parties.get(side="remitter")
    assert str(party.birth_date) == "1983-02-04"
    before, after = party.history.order_by("history_id")
    assert (before.birth_date, str(after.birth_date), after.history_change_reason) == (None, "1983-02-04", "Correction")
    command = Command.objects.get()
    assert (command.kind, command.people_required, command.maker) == ("correct", 1, adeel)
    assert command.payload == {
        "case": case.number,
        "fields": {"remitter.dateOfBirth": "1983-02-04"},
        "rerun": "screening",
    }
    entry = AuditEvent.objects.filter(verb="data_corrected").get()
    assert "1983-02-04" not in str(entry.said["after"]), "personal data is masked in the trail"
    assert "1983" in str(entry.said["after"])


def test_outside_compliance_nobody_reads_who_corrected_it_and_why(
    as_adeel: Client, as_omar: Client, adeel: User
) -> None:
    case = taken(waiting(), adeel)
    post(as_adeel, case, "correct", field="remitter.city", value="Fujairah", reason=WHY)
    inside, outside = (text(client.get("/transactions/T1/")) for client in (as_adeel, as_omar))
    assert "Fujairah" in outside
    assert "Reviewer" in outside
    assert str(adeel) not in outside
    assert WHY not in outside
    assert str(adeel) in inside


def test_a_correction_voids_what_was_said_of_that_partys_hits(as_adeel: Client, adeel: User) -> None:
    case = taken(waiting(), adeel)
    HitDecisionFactory(case=case, decided_by=adeel)
    assert not evidence_of(case, now=timezone.now()).pending
    post(as_adeel, case, "correct", field="remitter.birth_date", value="1983-02-04", reason=WHY)
    assert len(evidence_of(Case.objects.get(), now=timezone.now()).pending) == 1


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("beneficiary.full_name", "Sana A. Malik", {"beneficiary.fullName": "Sana A. Malik"}),
        ("account.number", OTHER_IBAN, {"beneficiary.bankDetails.accountNumber": OTHER_IBAN}),
    ],
)
def test_who_is_paid_and_where_needs_a_second_person(
    as_adeel: Client, adeel: User, mehwish: User, field: str, value: str, told: dict[str, str]
) -> None:
    case = taken(waiting(), adeel)
    before = Transaction.objects.get()
    assert post(as_adeel, case, "correct", field=field, value=value, reason=WHY).status_code == 302
    assert not Command.objects.exists()
    row = Transaction.objects.get()
    assert (row.beneficiary_name, row.beneficiary_iban) == (before.beneficiary_name, before.beneficiary_iban)
    asked = ApprovalRequest.objects.get()
    assert asked.operation == "correct_material"
    assert OTHER_IBAN not in f"{asked.before}{asked.after}{asked.payload}{asked.summary}"
    with pytest.raises(MissingPermission):
        maker_checker.approve(asked, by=adeel)
    maker_checker.approve(asked, by=mehwish)
    command = Command.objects.get()
    assert (command.kind, command.checker) == ("correct", mehwish)
    assert command.payload["fields"] == told
    assert command.payload["rerun"] == "title_fetch"
    row = Transaction.objects.get()
    assert value in (row.beneficiary_name, row.beneficiary_iban)
    assert row.version == before.version + 1
    assert row.history.count() == 2
    assert Correction.objects.get().applied_at is not None


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("account.number", "PK00SCBL0000001171495101", "check digits"),
        ("remitter.birth_date", "tomorrow", "Enter a date"),
        ("remitter.birth_date", "2090-01-01", "lies in the past"),
        ("remitter.nationality", "Atlantis", "country"),
        ("", "x", "Choose what is wrong"),
        ("remitter.city", "", "Enter the right value"),
    ],
)
def test_a_wrong_value_is_refused_in_words(
    as_adeel: Client, adeel: User, field: str, value: str, sentence: str
) -> None:
    case = taken(waiting(), adeel)
    answer = post(as_adeel, case, "correct", field=field, value=value, reason=WHY)
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert not Correction.objects.exists()


def test_what_is_right_already_or_not_there_is_refused(adeel: User) -> None:
    case = taken(waiting(), adeel)
    with pytest.raises(Refused, match="is that already"):
        actions.correct(case, by=adeel, seen=seen(case), field="remitter.full_name", value="Zoë Łukasz", reason=WHY)
    case = taken(waiting("T2", cash=True), adeel)
    with pytest.raises(Refused, match="nothing to correct"):
        actions.correct(case, by=adeel, seen=seen(case), field="account.number", value=OTHER_IBAN, reason=WHY)


def test_an_outage_is_made_up_for_by_a_new_check(as_adeel: Client, adeel: User) -> None:
    case = taken(CaseFactory(kind="review:unavailable"), adeel)
    assert post(as_adeel, case, "check", reason="The list is back.").status_code == 302
    command = Command.objects.get()
    assert (command.kind, command.people_required) == ("rescreen", 1)
    again = post(as_adeel, case, "check", reason="Once more.")
    assert again.status_code == 409
    assert "The platform was asked already" in text(again)
    row = Transaction.objects.get()
    head = {"time": timezone.now().isoformat()}
    take_in(
        stage(row.txn_id, row.sequence + 1, "screening", "STARTED", head=head),
        stage(row.txn_id, row.sequence + 2, "screening", head=head),
    )
    case.refresh_from_db()
    assert case.outcome == "passed"


def test_the_auditor_and_the_desks_outside_correct_nothing(as_nadia: Client, as_omar: Client, as_hina: Client) -> None:
    case = waiting()
    for client in (as_nadia, as_omar, as_hina):
        fields = {"field": "remitter.city", "value": "Dubai", "reason": WHY}
        assert post(client, case, "correct", **fields).status_code == 403
        assert post(client, case, "check", reason=WHY).status_code == 403
