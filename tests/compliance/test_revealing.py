"""Hidden values on the page of a case: one at a time, with a reason, by role, on the record before they are seen."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from audit.models import AuditEvent
from compliance.models import Case
from tests.compliance.test_views import text, waiting
from tests.gateway.telling import IBAN
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db
CNIC, MOBILE = "3520212345671", "+923001234567"
PARTY = {
    "fullName": "Zoë Łukasz",
    "dateOfBirth": "1983-02-04",
    "idDetails": {"idType": "CNIC", "idNumber": CNIC},
    "mobileNumber": MOBILE,
}
WRITTEN = {
    "remitter_id_number": CNIC,
    "remitter_birth_date": "4 Feb 1983",
    "remitter_mobile": "+92 300 123 4567",
    "account_number": "PK36 SCBL 0000 0011 2345 6702",
}


def ask(client: Client, case: Case, field: str, **typed: str) -> Any:
    return client.post(f"{case.get_absolute_url()}reveal/", {"field": field, **(typed or {"reason": "checks"})})


@pytest.mark.parametrize("name", ["adeel", "mehwish", "nadia"])
def test_each_group_is_revealed_to_those_who_may_and_recorded_first(name: str) -> None:
    case, client = waiting("T1", remitter=PARTY), signed_in(person(name))
    page = text(client.get(case.get_absolute_url()))  # type: ignore[arg-type]
    assert not [value for value in (*WRITTEN.values(), IBAN, MOBILE) if value in page]
    for number, (field, written) in enumerate(WRITTEN.items(), 1):
        answer = ask(client, case, field)
        assert answer.status_code == 200
        page = text(answer)
        assert written in page
        assert sum(value in page for value in WRITTEN.values()) == 1, "one field at a time"
        entries = AuditEvent.objects.filter(verb="revealed", actor=name, object_id="T1")
        assert entries.count() == number
        assert entries.latest("seq").said["facts"]["key"] == field
    assert WRITTEN["account_number"] not in text(client.get(case.get_absolute_url()))  # type: ignore[arg-type]


def test_without_a_reason_nothing_is_revealed(as_adeel: Client) -> None:
    case = waiting("T1", remitter=PARTY)
    answer = ask(as_adeel, case, "remitter_id_number", reason="other")
    assert answer.status_code == 422
    assert "Say in words why you need it" in text(answer)
    assert CNIC not in text(answer)
    assert not AuditEvent.objects.filter(verb="revealed").exists()


def test_nobody_outside_compliance_reveals_here(as_omar: Client) -> None:
    assert ask(as_omar, waiting("T1", remitter=PARTY), "account_number").status_code == 403


def test_the_inbox_leads_to_the_case_for_it(as_mehwish: Client) -> None:
    from tests.compliance.test_two_people import proposed

    asked = proposed(waiting("T1", remitter=PARTY), person("adeel"))
    page = text(as_mehwish.get(asked.get_absolute_url()))  # type: ignore[arg-type]
    assert "Hidden values are revealed on the page of" in page
    assert CNIC not in page
