"""A note for many transactions: what was chosen, what it is worth, and one verdict per row."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from audit.models import AuditEvent
from tests.transactions.rows import NOW, lay, multiply
from transactions import actions, bulk_deeds, selection
from transactions.models import Note, Transaction

pytestmark = pytest.mark.django_db

LIST, NOTE = "/transactions/", "/transactions/bulk/note/"


@pytest.fixture(autouse=True)
def _now() -> object:
    with time_machine.travel(NOW, tick=False):
        yield


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the bulk form of a page."""
    found = re.findall(r'<input type="hidden" name="(query|moment|all|refs|told)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


def rows_of(page: str) -> dict[str, str]:
    return dict(re.findall(r">(PSL\w+)</a></th><td[^>]*>([^<]+)</td>", page))


def everything(client: Client, query: str = "") -> dict[str, str]:
    """What the list's bar sends with "Select all matching" ticked."""
    page = client.get(f"{LIST}?{query}").content.decode()
    assert "matching</label>" in page
    return {**hidden(page.split('id="bulk"')[1]), "all": "1"}


def test_boxes_are_there_for_those_who_may_do_something(as_hina: Client, as_nadia: Client) -> None:
    lay(1)
    assert as_hina.get(LIST).content.decode().count('name="ref"') == 1
    page = as_nadia.get(LIST).content.decode()
    assert re.findall(r'formaction="[^"]*">([^<]+)', page) == ["Export selected"]


def test_the_preview_says_which_and_what_they_are_worth_and_adds_nothing(as_omar: Client) -> None:
    lay(1), lay(2, settled_amount=1000), lay(3, settled_currency="USD", settled_amount=5), lay(4)
    page = as_omar.post(
        NOTE, {"ref": ["PSL000000001", "PSL000000002", "PSL000000003", "PSL000000099"]}
    ).content.decode()
    assert "<h1>Add a note to 3 transactions</h1>" in page
    plain = re.sub(r"<[^>]+>", "", page).replace("&nbsp;", " ")
    assert "2 with payouts of PKR 8,700.00" in plain
    assert "1 with payouts of USD 5.00" in plain
    assert "1 not found" in plain
    assert not Note.objects.exists()


def test_each_row_has_its_verdict(as_hina: Client, hina: User) -> None:
    from accounts.models import PartnerUserPermission

    lay(1), lay(2)
    refs = "PSL000000002 PSL000000001 PSL000000099"
    answer = as_hina.post(NOTE, {"refs": refs, "text": "Called the partner.", "told": "2"})
    page = answer.content.decode()
    assert rows_of(page) == {
        "PSL000000002": "Note added",
        "PSL000000001": "Note added",
        "PSL000000099": "Left out: Not found.",
    }
    assert Note.objects.filter(text="Called the partner.", author=hina).count() == 2
    entries = [entry.said["object_id"] for entry in AuditEvent.objects.all() if entry.said["verb"] == "note_added"]
    assert sorted(entries) == ["PSL000000001", "PSL000000002"]
    again = as_hina.post(NOTE, {"refs": refs, "text": "Called the partner.", "told": "2"}).content.decode()
    assert rows_of(again)["PSL000000001"] == "Left out: This note was there already."
    assert Note.objects.count() == 2
    PartnerUserPermission.objects.filter(user=hina, permission__codename="work_partner").delete()
    page = as_hina.post(NOTE, {"refs": refs, "text": "Once more.", "told": "2"}).content.decode()
    assert "You may see this transaction but not work on it." in rows_of(page)["PSL000000001"]
    assert Note.objects.count() == 2


def test_a_foreign_reference_answers_like_a_missing_one(as_hina: Client) -> None:
    lay(1), lay(2, partner="RIA")
    page = as_hina.post(
        NOTE, {"refs": "PSL000000001 PSL000000002 PSL000000099", "text": "Hello.", "told": "1"}
    ).content.decode()
    assert rows_of(page)["PSL000000002"] == rows_of(page)["PSL000000099"] == "Left out: Not found."
    assert not Note.objects.filter(transaction__txn_id="PSL000000002").exists()


def test_all_matching_are_the_filtered_rows_of_that_moment_and_no_others(as_hina: Client) -> None:
    for number in range(1, 31):
        lay(number, stage="failed_final" if number % 3 == 0 else "payment")
    lay(40, stage="failed_final", partner="RIA")
    sent = everything(as_hina, "status=failed&size=25")
    lay(50, stage="failed_final", created_at=NOW + dt.timedelta(minutes=1))
    preview = as_hina.post(NOTE, sent).content.decode()
    assert "<h1>Add a note to 10 transactions</h1>" in preview
    assert "10 with payouts of" in re.sub(r"<[^>]+>", "", preview)
    done = as_hina.post(NOTE, hidden(preview.split("The note")[1]) | {"text": "All of them.", "told": "10"})
    assert len(rows_of(done.content.decode())) == 10
    noted = set(Note.objects.values_list("transaction__txn_id", flat=True))
    assert noted == {f"PSL{number:09d}" for number in range(3, 31, 3)}


def test_the_server_counts_again_before_it_does_anything(as_hina: Client) -> None:
    for number in (1, 2, 3):
        lay(number, stage="failed_final")
    sent = everything(as_hina, "status=failed")
    Transaction.objects.filter(txn_id="PSL000000003").update(
        status="completed", stage="credited", funds_position="WITH_BENEFICIARY"
    )
    answer = as_hina.post(NOTE, sent | {"text": "All.", "told": "3"})
    assert answer.status_code == 409
    assert "3 matched when you looked; 2 do now. Nothing was added." in answer.content.decode()
    assert not Note.objects.exists()


@pytest.mark.parametrize(
    ("sent", "status", "sentence"),
    [
        ({}, 409, "Choose at least one transaction"),
        ({"ref": ["PSL000000099"]}, 409, "None of the chosen transactions can be found"),
        ({"all": "1", "query": "", "moment": ""}, 409, "This list is not of today."),
        ({"all": "1", "query": "", "moment": "2026-11-20T09:03:22.000000+0000"}, 409, "This list is not of today."),
        ({"all": "1", "query": "", "moment": "2027-11-20T09:03:22.000000+0000"}, 409, "This list is not of today."),
        ({"all": "1", "query": "status=foo", "moment": "2026-11-22T09:03:22.000000+0000"}, 400, "There is no status"),
        ({"refs": "PSL000000001", "text": "", "told": "1"}, 422, "Enter a note"),
        ({"refs": "PSL000000001", "text": "x" * 2001, "told": "1"}, 422, "Keep the note to 2,000 characters"),
        ({"refs": "PSL\x00000000001", "text": "Note.", "told": "1"}, 409, "cannot be read. Go back to the list"),
    ],
)
def test_what_cannot_be_done_says_so_and_adds_nothing(
    as_hina: Client, sent: dict[str, Any], status: int, sentence: str
) -> None:
    lay(1)
    answer = as_hina.post(NOTE, sent)
    assert (answer.status_code, sentence in answer.content.decode()) == (status, True)
    assert not Note.objects.exists()


def test_more_than_a_thousand_ticks_are_refused_and_never_cut(as_hina: Client) -> None:
    lay(1)
    answer = as_hina.post(NOTE, {"ref": [f"PSL{number:09d}" for number in range(1_001)], "text": "Note.", "told": "1"})
    assert answer.status_code == 400
    assert not Note.objects.exists()


def test_a_deed_on_more_than_two_thousand_rows_is_refused_with_a_sentence(
    as_hina: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "MOST", 3)
    for number in range(1, 5):
        lay(number)
    answer = as_hina.post(NOTE, {"refs": " ".join(f"PSL{number:09d}" for number in range(1, 5))})
    assert answer.status_code == 409
    assert "Choose 3 transactions or fewer." in answer.content.decode()


def test_a_thousand_rows_and_more_get_their_note(as_hina: Client) -> None:
    multiply(lay(1), 1_100)
    preview = as_hina.post(NOTE, everything(as_hina)).content.decode()
    assert "Add note to 1,101 transactions" in preview
    sent = hidden(preview.split("The note")[1]) | {"text": "A thousand.", "told": "1101"}
    page = as_hina.post(NOTE, sent).content.decode()
    assert "Note added to 1,101 of 1,101 transactions" in page
    assert page.count("Note added</td>") == 1_101
    assert Note.objects.filter(text="A thousand.").count() == 1_101


def test_without_the_right_nothing_is_added(as_nadia: Client, nadia: User) -> None:
    from accounts.errors import MissingPermission

    row = lay(1)
    assert as_nadia.post(NOTE, {"refs": row.txn_id, "text": "Note.", "told": "1"}).status_code == 403
    with pytest.raises(MissingPermission):
        actions.add_notes([row], by=nadia, text="Note.")
    assert not Note.objects.exists()


def test_another_room_can_register_a_deed(as_hina: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_deeds, "_deeds", dict(bulk_deeds._deeds))
    bulk_deeds.register(
        bulk_deeds.BulkDeed("mark", "Mark them", "transactions.log_inquiry", "transactions:bulk-note", order=1)
    )
    lay(1)
    page = as_hina.get(LIST).content.decode()
    assert re.findall(r'formaction="[^"]+">([^<]+)<', page) == ["Mark them", "Add note"]
