"""Seeing a hidden value: who may, one at a time, with a reason, on the record first, thirty an hour."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from audit.models import AuditEvent
from audit.verbs import Verb
from tests.database import owner_connection
from tests.people import person, signed_in
from tests.transactions.arriving import NOW, in_stage
from tests.transactions.pages import read
from transactions import actions, formats
from transactions.models import Party, Transaction
from transactions.reveals import FIELDS, hidden

WHY = {"reason": "partner_inquiry"}


def post(client: Client, transaction: Transaction, field: str, **data: Any) -> Any:
    return client.post(f"{transaction.get_absolute_url()}reveal/", {"field": field, **(data or WHY)})


def reveals(transaction: Transaction) -> list[AuditEvent]:
    return list(AuditEvent.objects.of(transaction).filter(verb=Verb.REVEALED))


def whole_values(transaction: Transaction) -> list[str]:
    """Every value that must not stand on a page unless somebody revealed it, in the ways it could be written."""
    values = []
    for key, field in FIELDS.items():
        value = hidden(key, transaction).value
        if value is not None and key.split("_", 1)[1] != "address":
            values += [str(value), field.written(value)]
    return values


ROLES = {
    "transactions.reveal_identity": {"adeel", "mehwish", "bilal", "nadia"},
    "transactions.reveal_account": {"omar", "sana", "adeel", "mehwish", "tariq", "rabia", "nadia"},
    "transactions.reveal_contact": {"omar", "adeel", "mehwish", "nadia"},
}
READERS = ["hina", "omar", "sana", "adeel", "mehwish", "tariq", "rabia", "bilal", "nadia"]
ONE_OF_EACH = [
    "beneficiary_id_number",
    "remitter_birth_date",
    "account_number",
    "beneficiary_mobile",
    "remitter_address",
]


@pytest.mark.django_db
@pytest.mark.parametrize("username", READERS)
def test_each_role_reveals_what_the_matrix_gives_it_and_nothing_else(username: str) -> None:
    transaction = in_stage("credited", branch="1003")
    client = signed_in(person(username))
    for field in ONE_OF_EACH:
        may = username in ROLES[FIELDS[field].permission]
        answer = post(client, transaction, field)
        assert answer.status_code == (200 if may else 403), field
        value = FIELDS[field].written(hidden(field, transaction).value)
        assert (value in answer.content.decode()) is may, field
    assert len(reveals(transaction)) == sum(username in ROLES[FIELDS[field].permission] for field in ONE_OF_EACH)


@pytest.mark.django_db
@pytest.mark.parametrize("username", READERS)
def test_no_page_holds_a_whole_value_before_somebody_reveals_it(username: str) -> None:
    transaction = in_stage("credited", branch="1003")
    client = signed_in(person(username))
    for part in ("", "timeline/", "notes/", "related/", "audit/"):
        page = client.get(f"{transaction.get_absolute_url()}{part}").content.decode()
        assert not [value for value in whole_values(transaction) if value in page], part


@pytest.mark.django_db
def test_the_trail_says_who_saw_which_field_and_why_but_not_the_value(as_adeel: Client) -> None:
    transaction = in_stage("credited")
    post(as_adeel, transaction, "beneficiary_id_number", reason="other", words="Caller 3520112345671 asks")
    (entry,) = reveals(transaction)
    assert entry.actor == "adeel"
    assert entry.said["facts"]["field"] == "Beneficiary identity number"
    assert "asks" in entry.said["reason"]
    assert "3520112345671" not in entry.body
    assert hidden("beneficiary_id_number", transaction).value not in entry.body


@pytest.mark.django_db
def test_the_value_is_shown_for_a_minute_in_its_place_and_says_until_when(as_adeel: Client) -> None:
    transaction = in_stage("credited")
    with time_machine.travel(NOW, tick=False):
        answer = post(as_adeel, transaction, "account_number")
    page, value = read(answer), formats.iban(transaction.account.number)
    shown = next(node for node in page.walk() if "data-reveal-seconds" in node.attrs)
    assert shown.attrs["data-reveal-seconds"] == "60"
    assert value in shown.text
    assert "Shown until 14:01:00 PKT" in page.by_id("account").text
    assert value not in page.all("title")[0].text
    assert value not in as_adeel.get(transaction.get_absolute_url()).content.decode()


@pytest.mark.django_db
def test_without_a_reason_nothing_is_shown_and_the_form_says_so(as_adeel: Client) -> None:
    transaction = in_stage("credited")
    answer = post(as_adeel, transaction, "account_number", reason="")
    assert answer.status_code == 422
    assert "Choose a reason" in read(answer).text
    assert read(answer).all("title")[0].text.startswith("Error:")
    assert not reveals(transaction)


@pytest.mark.django_db
def test_another_reason_needs_words(as_adeel: Client) -> None:
    transaction = in_stage("credited")
    answer = post(as_adeel, transaction, "account_number", reason="other")
    assert answer.status_code == 422
    assert "Say in words why you need it" in read(answer).text


@pytest.mark.django_db
def test_a_reason_is_remembered_for_ten_minutes_for_the_same_transaction(as_adeel: Client) -> None:
    first, second = in_stage("credited", number=1), in_stage("credited", number=2)
    post(as_adeel, first, "account_number")
    again = post(as_adeel, first, "beneficiary_id_number", again="yes", reason="")
    assert again.status_code == 200
    assert [entry.said["reason"] for entry in reveals(first)] == ["Partner inquiry", "Partner inquiry"]
    assert post(as_adeel, second, "account_number", again="yes", reason="").status_code == 422


@pytest.mark.django_db
def test_a_remembered_reason_is_forgotten_after_ten_minutes(as_adeel: Client) -> None:
    transaction = in_stage("credited")
    with time_machine.travel(NOW, tick=False):
        post(as_adeel, transaction, "account_number")
    with time_machine.travel(NOW + timedelta(minutes=11), tick=False):
        assert post(as_adeel, transaction, "account_number", again="yes", reason="").status_code == 422


@pytest.mark.django_db
def test_a_field_that_was_not_given_or_does_not_exist_is_refused(as_adeel: Client) -> None:
    transaction = in_stage("credited")
    Party.objects.filter(transaction=transaction).update(email="")
    assert post(as_adeel, transaction, "beneficiary_email").status_code == 409
    assert post(as_adeel, transaction, "beneficiary_full_name").status_code == 422
    assert post(as_adeel, transaction, "").status_code == 422
    assert not reveals(transaction)


@pytest.mark.django_db
def test_another_partners_value_is_as_absent_as_one_that_does_not_exist() -> None:
    transaction = in_stage("credited", partner="RIA", branch="1004")
    client = signed_in(person("bilal"))
    assert post(client, transaction, "beneficiary_id_number").status_code == 404
    assert client.post("/transactions/NOTHING/reveal/", {"field": "beneficiary_id_number", **WHY}).status_code == 404
    assert not reveals(transaction)


@pytest.mark.django_db
def test_only_compliance_is_offered_the_checks_as_a_reason(as_omar: Client, as_adeel: Client) -> None:
    transaction = in_stage("credited")
    assert "Checking the parties" in as_adeel.get(transaction.get_absolute_url()).content.decode()
    assert "Checking the parties" not in as_omar.get(transaction.get_absolute_url()).content.decode()
    assert post(as_omar, transaction, "account_number", reason="checks").status_code == 422


@pytest.mark.django_db
def test_get_reveals_nothing(as_adeel: Client) -> None:
    transaction = in_stage("credited")
    answer = as_adeel.get(f"{transaction.get_absolute_url()}reveal/?field=account_number&reason=partner_inquiry")
    assert answer.status_code == 302
    assert answer["Location"] == transaction.get_absolute_url()
    assert not reveals(transaction)


@pytest.mark.django_db
def test_the_thirty_first_reveal_in_an_hour_is_refused_until_a_named_time(as_adeel: Client) -> None:
    transaction = in_stage("credited")
    adeel = person("adeel")
    with time_machine.travel(NOW, tick=False):
        for _ in range(actions.REVEALS_PER_HOUR):
            actions.reveal(transaction, by=adeel, field="account_number", reason="Correction")
        answer = post(as_adeel, transaction, "account_number")
    assert answer.status_code == 429
    assert "You revealed 30 values this hour. The next is possible at 15:00:00 PKT." in read(answer).text
    assert formats.iban(transaction.account.number) not in answer.content.decode()
    with time_machine.travel(NOW + timedelta(minutes=61), tick=False):
        assert post(signed_in(adeel), transaction, "account_number").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_thirty_one_reveals_at_once_one_is_refused() -> None:
    transaction, adeel = in_stage("credited"), person("adeel")
    answers: list[int] = []
    start = threading.Barrier(actions.REVEALS_PER_HOUR + 1)
    client = signed_in(adeel)

    def press() -> None:
        own = Client()
        own.cookies = client.cookies
        start.wait()
        try:
            answers.append(post(own, transaction, "account_number").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(actions.REVEALS_PER_HOUR + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] * actions.REVEALS_PER_HOUR + [429]
    assert len(reveals(transaction)) == actions.REVEALS_PER_HOUR


@pytest.mark.django_db(transaction=True)
def test_when_the_trail_cannot_be_written_nothing_is_revealed_and_a_plain_page_says_so() -> None:
    transaction, client = in_stage("credited"), signed_in(person("adeel"))
    number = formats.iban(transaction.account.number)
    with owner_connection(autocommit=True) as owner:
        owner.execute("REVOKE INSERT ON audit_auditevent FROM openremit_app")
    try:
        refused, page = post(client, transaction, "account_number"), client.get(transaction.get_absolute_url())
    finally:
        with owner_connection(autocommit=True) as owner:
            owner.execute("GRANT INSERT ON audit_auditevent TO openremit_app")
    assert refused.status_code == 503
    assert number not in refused.content.decode()
    assert page.status_code == 200
    assert "Reading is not being recorded" in page.content.decode()
