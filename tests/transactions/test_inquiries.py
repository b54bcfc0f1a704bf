"""The inquiry desk: recorded from the transaction's page, listed while open, closed with a note, read by few."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from audit.models import AuditEvent
from audit.verbs import Verb
from tests.people import person, signed_in
from tests.transactions.arriving import NOW, in_stage
from tests.transactions.pages import read
from transactions.models import Inquiry, Transaction

ASKED = {
    "inquiry-channel": "phone",
    "inquiry-asked_by": "Farah, night desk",
    "inquiry-reference_asked": "IC26110045",
    "inquiry-question": "Where is it?",
    "inquiry-answer": "It is being processed.",
    "inquiry-state": "open",
}


def record(client: Client, transaction: Transaction, **changes: str) -> Any:
    data = ASKED | {f"inquiry-{name}": value for name, value in changes.items()}
    return client.post(f"{transaction.get_absolute_url()}inquiries/", data)


def recorded(username: str = "hina", **changes: str) -> Inquiry:
    transaction = Transaction.objects.first() or in_stage("payment", branch="1003")
    record(signed_in(person(username)), transaction, **changes)
    return Inquiry.objects.latest("pk")


@pytest.mark.django_db
def test_the_form_stands_on_the_page_with_everything_we_know_filled_in(as_hina: Client) -> None:
    transaction = in_stage("failed_final")
    page = read(as_hina.get(transaction.get_absolute_url()))
    answer = page.by_id("partner-answer").text
    assert page.by_id("id_inquiry-answer").text == answer
    assert page.by_id("id_inquiry-reference_asked").attrs["value"] == transaction.partner_reference


@pytest.mark.django_db
def test_an_inquiry_stands_open_under_its_partner_until_somebody_closes_it(as_hina: Client) -> None:
    transaction = in_stage("payment")
    assert record(as_hina, transaction).status_code == 302
    inquiry = Inquiry.objects.get()
    assert re.fullmatch(r"INQ-\d{4}-\d{6}", inquiry.number)
    assert inquiry.partner.code == "INSTANTCASH"
    assert inquiry.number in shown(as_hina, "partner=INSTANTCASH")
    as_hina.post(f"/inquiries/{inquiry.number}/close/", {"note": "Told by e-mail that it was paid."})
    inquiry.refresh_from_db()
    assert (inquiry.closed_by, inquiry.closing_note) == (person("hina"), "Told by e-mail that it was paid.")
    assert inquiry.number not in shown(as_hina, "")
    assert inquiry.number in shown(as_hina, "state=closed")


@pytest.mark.django_db
def test_recording_and_closing_stand_in_the_trail_of_the_transaction_without_the_words(as_hina: Client) -> None:
    inquiry = recorded()
    as_hina.post(f"/inquiries/{inquiry.number}/close/", {"note": "Told Farah."})
    own = AuditEvent.objects.of(inquiry.transaction)
    entries = [own.get(verb=verb) for verb in (Verb.INQUIRY_LOGGED, Verb.INQUIRY_CLOSED)]
    for entry in entries:
        assert entry.actor == "hina"
        assert entry.said["facts"]["inquiry"] == inquiry.number
        assert "Farah" not in entry.body


@pytest.mark.django_db
def test_an_answer_told_as_approved_keeps_its_version_and_a_changed_one_says_so(as_hina: Client) -> None:
    transaction = in_stage("failed_final")
    approved = read(as_hina.get(transaction.get_absolute_url())).by_id("partner-answer").text
    record(as_hina, transaction, answer=approved)
    assert Inquiry.objects.latest("pk").answer_version == "failed v1"
    record(as_hina, transaction, answer="Please send it to another account.")
    assert Inquiry.objects.latest("pk").answer_version == "failed v1, in other words"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "word", ["screening", "Compliance", "sanctions", "AML", "match", "review", "suspicious", "on hold"]
)
def test_an_answer_that_tips_off_is_not_recorded_and_what_was_typed_stays(as_hina: Client, word: str) -> None:
    transaction = in_stage("compliance_review")
    response = record(as_hina, transaction, answer=f"It waits for {word}.")
    assert response.status_code == 422
    assert "A partner must not be told" in read(response).text
    assert read(response).by_id("id_inquiry-answer").text == f"It waits for {word}."
    assert not Inquiry.objects.exists()


@pytest.mark.django_db
def test_missing_fields_are_named_and_nothing_typed_is_lost(as_hina: Client) -> None:
    transaction = in_stage("payment")
    response = record(as_hina, transaction, asked_by="", question="Where is it today?")
    page = read(response)
    assert response.status_code == 422
    assert page.all("title")[0].text.startswith("Error:")
    assert "Enter who asked" in page.text
    assert page.by_id("id_inquiry-question").text == "Where is it today?"


@pytest.mark.django_db
def test_an_inquiry_can_be_recorded_as_answered_at_once(as_hina: Client) -> None:
    inquiry = recorded(state="closed")
    assert inquiry.closed_by == person("hina")
    assert "Answered at once." in as_hina.get(f"/inquiries/{inquiry.number}/").content.decode()


@pytest.mark.django_db
def test_an_auditor_reads_who_was_told_what(as_nadia: Client) -> None:
    inquiry = recorded()
    page = read(as_nadia.get(f"/inquiries/{inquiry.number}/")).text
    for words in ("Farah, night desk", "It is being processed.", "Hina Lashari", "Phone"):
        assert words in page
    assert inquiry.number in as_nadia.get(inquiry.transaction.get_absolute_url()).content.decode()
    assert as_nadia.post(f"/inquiries/{inquiry.number}/close/", {"note": "x"}).status_code == 403


@pytest.mark.django_db
def test_a_branch_operator_does_not_read_who_was_told_what_even_of_the_own_branch(as_bilal: Client) -> None:
    inquiry = recorded()
    assert inquiry.transaction.branch is not None
    assert inquiry.transaction.branch.code == "1003"
    for address in ("/inquiries/?state=all", inquiry.transaction.get_absolute_url()):
        page = as_bilal.get(address)
        assert page.status_code == 200
        assert inquiry.number not in page.content.decode()
        assert "Farah" not in page.content.decode()
    foreign, absent = as_bilal.get(f"/inquiries/{inquiry.number}/"), as_bilal.get("/inquiries/INQ-2026-999999/")
    assert (foreign.status_code, absent.status_code) == (404, 404)
    assert as_bilal.post(f"/inquiries/{inquiry.number}/close/", {"note": "x"}).status_code == 404


@pytest.mark.django_db
def test_a_branch_operator_reads_the_inquiries_recorded_at_the_own_counter(as_bilal: Client) -> None:
    inquiry = recorded("bilal", channel="branch")
    assert inquiry.number in as_bilal.get("/inquiries/").content.decode()
    assert as_bilal.get(f"/inquiries/{inquiry.number}/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("username", ["adeel", "mehwish", "tariq", "rabia", "admin"])
def test_others_record_and_read_no_inquiries(username: str) -> None:
    inquiry, client = recorded(), signed_in(person(username))
    assert client.get("/inquiries/").status_code == 403
    assert client.get(f"/inquiries/{inquiry.number}/").status_code == 403
    assert client.get("/inquiries/INQ-2026-999999/").status_code == 403
    assert record(client, inquiry.transaction).status_code == 403
    assert Inquiry.objects.count() == 1


@pytest.mark.django_db
def test_another_partners_transaction_takes_no_inquiry(as_hina: Client) -> None:
    transaction = in_stage("payment", partner="RIA")
    assert record(as_hina, transaction).status_code == 404
    assert not Inquiry.objects.exists()


@pytest.mark.django_db
def test_who_may_see_but_not_work_is_told_so_and_keeps_what_was_typed() -> None:
    from accounts.models import PartnerUserPermission

    transaction, hina = in_stage("payment"), person("hina")
    PartnerUserPermission.objects.filter(user=hina, permission__codename="work_partner").delete()
    response = record(signed_in(person("hina")), transaction, question="Typed before")
    assert response.status_code == 403
    assert "You may see this transaction but not work on it." in read(response).text
    assert read(response).by_id("id_inquiry-question").text == "Typed before"
    assert not Inquiry.objects.exists()


@pytest.mark.django_db
def test_closing_needs_a_note(as_hina: Client) -> None:
    inquiry = recorded()
    response = as_hina.post(f"/inquiries/{inquiry.number}/close/", {"note": " "})
    assert response.status_code == 422
    assert "Enter how it ended" in read(response).text


@pytest.mark.django_db
def test_a_bad_filter_shows_nothing_and_says_which(as_hina: Client) -> None:
    inquiry = recorded()
    for query, said in {
        "state=foo": "There is no state “foo”.",
        "colour=red": "There is no filter “colour”.",
        "partner=RIA": "There is no partner “RIA”.",
        "since=yesterday": "There is no day “yesterday”.",
        "after=INQ-1": "This page of the list is not there any more.",
    }.items():
        response = as_hina.get(f"/inquiries/?{query}")
        assert response.status_code == 200
        assert said in response.content.decode(), query
        assert inquiry.number not in response.content.decode(), query


@pytest.mark.django_db
def test_the_list_narrows_by_person_partner_and_day(as_omar: Client) -> None:
    with time_machine.travel(NOW - timedelta(days=2), tick=False):
        old = recorded("hina", answer="First.")
    with time_machine.travel(NOW, tick=False):
        new = recorded("omar", answer="Second.")
        client = signed_in(person("omar"))
        assert shown(client, "") == {old.number, new.number}
        assert shown(client, "whose=me") == {new.number}
        assert shown(client, "since=2026-11-17") == {new.number}
        assert shown(client, "until=2026-11-16") == {old.number}


def shown(client: Client, query: str) -> set[str]:
    """The numbers that the list shows; the line about what just happened is left aside."""
    client.get("/account/")
    return set(re.findall(r"INQ-\d{4}-\d{6}", client.get(f"/inquiries/?{query}").content.decode()))


@pytest.mark.django_db
def test_older_inquiries_follow_on_the_next_page(as_hina: Client) -> None:
    first = recorded()
    for number in range(52):
        Inquiry.objects.create(
            number=f"INQ-2025-{number:06d}",
            transaction=first.transaction,
            partner=first.partner,
            channel="phone",
            asked_by="x",
            reference_asked="x",
            answer="x",
            opened_by=person("hina"),
            opened_at=NOW + timedelta(days=1, seconds=number),
        )
    page = as_hina.get("/inquiries/").content.decode()
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older is not None
    following = as_hina.get(f"/inquiries/{older[1]}").content.decode()
    assert len(shown(as_hina, "") | set(re.findall(r"INQ-\d{4}-\d{6}", following))) == 53


@pytest.mark.django_db(transaction=True)
def test_of_two_who_close_the_same_inquiry_one_is_told_who_was_quicker() -> None:
    inquiry = recorded()
    people = [signed_in(person("hina")), signed_in(person("omar"))]
    answers: list[Any] = []
    start = threading.Barrier(2)

    def press(client: Client) -> None:
        start.wait()
        try:
            answers.append(client.post(f"/inquiries/{inquiry.number}/close/", {"note": "My own words"}))
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=[client]) for client in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [302, 409]
    loser = next(answer for answer in answers if answer.status_code == 409)
    inquiry.refresh_from_db()
    assert f"{inquiry.closed_by} closed {inquiry.number} on" in read(loser).text
    assert "Your note was not recorded." in read(loser).text
    assert read(loser).by_id("kept").text == "My own words"
    assert AuditEvent.objects.filter(verb=Verb.INQUIRY_CLOSED).count() == 1
    assert AuditEvent.objects.filter(verb=Verb.REFUSED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_five_presses_of_one_button_record_one_inquiry() -> None:
    transaction, client = in_stage("payment"), signed_in(person("hina"))
    start = threading.Barrier(5)

    def press() -> None:
        own = Client()
        own.cookies = client.cookies
        start.wait()
        try:
            record(own, transaction)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Inquiry.objects.count() == 1
    assert AuditEvent.objects.filter(verb=Verb.INQUIRY_LOGGED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_numbers_are_never_given_twice() -> None:
    transaction = in_stage("payment")
    clients = [signed_in(person(name)) for name in ("hina", "omar", "sana")]
    start = threading.Barrier(3)

    def press(client: Client) -> None:
        start.wait()
        try:
            record(client, transaction)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(Inquiry.objects.values_list("number", flat=True))) == 3
