"""The desk's deeds themselves: the right, the scope, once only, and nothing without its entry in the trail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from accounts.errors import MissingPermission, Refused
from audit.models import AuditEvent
from audit.verbs import Verb
from tests.database import owner_connection
from tests.people import person, signed_in
from tests.transactions.arriving import in_stage
from tests.transactions.pages import read
from transactions import actions
from transactions.models import Inquiry, Note, Transaction

SAID = {"channel": "phone", "asked_by": "Farah", "reference_asked": "IC1", "answer": "It goes on."}


def add_note(transaction: Transaction, username: str) -> Any:
    return actions.add_note(transaction, by=person(username), text="Called the bank.")


def log_inquiry(transaction: Transaction, username: str) -> Any:
    return actions.log_inquiry(transaction, by=person(username), **SAID)


def reveal(transaction: Transaction, username: str) -> Any:
    return actions.reveal(transaction, by=person(username), field="account_number", reason="Correction")


DEEDS: list[tuple[Callable[[Transaction, str], Any], set[str]]] = [
    (add_note, {"hina", "omar", "sana", "adeel", "mehwish", "tariq", "rabia", "bilal"}),
    (log_inquiry, {"hina", "omar", "sana", "bilal"}),
    (reveal, {"omar", "sana", "adeel", "mehwish", "tariq", "rabia", "nadia"}),
]
EVERYBODY = ["hina", "omar", "sana", "adeel", "mehwish", "tariq", "rabia", "bilal", "nadia", "admin"]


@pytest.mark.django_db
@pytest.mark.parametrize("username", EVERYBODY)
@pytest.mark.parametrize(("deed", "may"), DEEDS, ids=["add_note", "log_inquiry", "reveal"])
def test_only_the_roles_of_the_matrix_may(
    deed: Callable[[Transaction, str], Any], may: set[str], username: str
) -> None:
    transaction = in_stage("payment", branch="1003")
    before = AuditEvent.objects.count()
    if username in may:
        assert deed(transaction, username)
        assert AuditEvent.objects.count() == before + 1
    else:
        with pytest.raises(MissingPermission):
            deed(transaction, username)
        assert (Note.objects.count(), Inquiry.objects.count(), AuditEvent.objects.count()) == (0, 0, before)


@pytest.mark.django_db
@pytest.mark.parametrize("deed", [add_note, log_inquiry])
def test_nobody_works_outside_the_own_partners_and_branches(deed: Callable[[Transaction, str], Any]) -> None:
    for transaction, username in (
        (in_stage("payment", partner="RIA", number=1), "hina"),
        (in_stage("payment", branch="1004", number=2), "bilal"),
    ):
        with pytest.raises(Refused) as refusal:
            deed(transaction, username)
        assert refusal.value.status == 403
    assert (Note.objects.count(), Inquiry.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_only_who_works_on_cases_writes_a_note_for_compliance_alone() -> None:
    transaction = in_stage("payment")
    with pytest.raises(MissingPermission):
        actions.add_note(transaction, by=person("omar"), text="x", compliance_only=True)
    assert actions.add_note(transaction, by=person("adeel"), text="x", compliance_only=True).compliance_only


@pytest.mark.django_db
def test_the_same_words_sent_twice_are_one_note() -> None:
    transaction = in_stage("payment")
    assert add_note(transaction, "hina") == add_note(transaction, "hina")
    assert add_note(transaction, "omar").author == person("omar")
    assert Note.objects.count() == 2
    assert AuditEvent.objects.filter(verb=Verb.NOTE_ADDED).count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deed", [add_note, log_inquiry, reveal])
def test_a_deed_that_cannot_be_recorded_is_not_done(deed: Callable[[Transaction, str], Any]) -> None:
    transaction, omar = in_stage("payment"), person("omar")
    with owner_connection(autocommit=True) as owner:
        owner.execute("REVOKE INSERT ON audit_auditevent FROM openremit_app")
    try:
        with pytest.raises(DatabaseError):
            deed(transaction, omar.username)
    finally:
        with owner_connection(autocommit=True) as owner:
            owner.execute("GRANT INSERT ON audit_auditevent TO openremit_app")
    assert (Note.objects.count(), Inquiry.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_a_note_is_added_from_the_page_and_read_by_the_next(as_hina: Client, as_omar: Client) -> None:
    transaction = in_stage("payment")
    response = as_hina.post(f"{transaction.get_absolute_url()}notes/", {"note-text": "Called the bank."})
    assert response.status_code == 302
    assert "Called the bank." in read(as_omar.get(transaction.get_absolute_url())).by_id("notes").text


@pytest.mark.django_db
def test_an_empty_note_is_refused_by_name(as_hina: Client) -> None:
    transaction = in_stage("payment")
    response = as_hina.post(f"{transaction.get_absolute_url()}notes/", {"note-text": "  "})
    assert response.status_code == 422
    assert "Enter a note" in read(response).text


@pytest.mark.django_db
def test_compliances_own_note_exists_for_compliance_and_auditors_only() -> None:
    transaction = in_stage("compliance_review", branch="1003")
    adeel = signed_in(person("adeel"))
    adeel.post(
        f"{transaction.get_absolute_url()}notes/", {"note-text": "Born 1961, not ours.", "note-compliance_only": "on"}
    )
    for username in EVERYBODY[:-1]:
        client = signed_in(person(username))
        pages = "".join(
            client.get(f"{transaction.get_absolute_url()}{part}").content.decode() for part in ("", "notes/", "audit/")
        )
        assert ("Born 1961" in pages) is (username in {"adeel", "mehwish", "nadia"}), username
        if username not in {"adeel", "mehwish", "nadia"}:
            assert "a note for compliance" not in pages, username


@pytest.mark.django_db
def test_an_operator_cannot_smuggle_in_a_note_for_compliance(as_omar: Client) -> None:
    transaction = in_stage("payment")
    as_omar.post(f"{transaction.get_absolute_url()}notes/", {"note-text": "x", "note-compliance_only": "on"})
    assert not Note.objects.get().compliance_only
