"""A transaction, a partner and a person as they stood at a moment: what was known, decided and allowed then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.periods import moment
from audit.models import AuditEvent
from audit.verbs import Verb
from tests.accounts.test_admin import change_partner
from tests.factories.accounts import PartnerFactory
from tests.factories.audit import AuditEventFactory
from tests.factories.transactions import NoteFactory, TransactionFactory
from tests.people import person, seconded, signed_in
from tests.transactions.pages import read
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


def at(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def shown(client: Client, reference: str, t: str) -> str:
    answer = client.get(f"/transactions/{reference}/at/", {"t": t})
    assert answer.status_code == 200
    return read(answer).text


def test_a_transaction_is_shown_as_it_stood_before_and_after_a_change(as_nadia: Client) -> None:
    story: Transaction = TransactionFactory(stage="payment")
    row = story.history.latest("history_id")
    before = row.history_date
    changed = before + timedelta(minutes=5)
    story.rail_reference = "RAIL-NEW-1"
    with time_machine.travel(changed, tick=False):
        story.save()
    now = changed + timedelta(minutes=5)
    with time_machine.travel(now, tick=False):
        then, after = (shown(signed_in(person("nadia")), story.txn_id, at(t)) for t in (before, changed))
    assert "RAIL-NEW-1" not in then
    assert "RAIL-NEW-1" in after
    assert "As it was at" in then


def test_only_what_had_been_received_and_written_by_then_is_shown(as_nadia: Client) -> None:
    story: Transaction = TransactionFactory(stage="credited")
    last = story.events.latest("received_at").received_at
    begins = story.history.earliest("history_id").history_date
    note = NoteFactory(transaction=story, text="Called the desk.")
    note_at = note.created_at
    told = shown(as_nadia, story.txn_id, at(max(note_at, last, begins)))
    assert "Called the desk." in told
    if note_at > begins:
        assert "Called the desk." not in shown(
            as_nadia, story.txn_id, at(max(begins, note_at - timedelta(microseconds=1)))
        )


def test_what_each_actor_was_entitled_to_then_is_told_to_readers_of_the_trail(
    as_nadia: Client, as_hina: Client
) -> None:
    story: Transaction = TransactionFactory(stage="payment", partner="INSTANTCASH")
    AuditEventFactory(by="hina", object_id=story.txn_id)
    page = as_nadia.get(f"/transactions/{story.txn_id}/at/", {"t": at(timezone.now())})
    (hina,) = [one for one in page.context["then"].people if one.username == "hina"]
    assert (hina.roles, hina.saw, hina.worked) == (("Inquiry handler",), "yes", "yes")
    assert "see transactions" in hina.rights
    assert "approve" not in " ".join(hina.rights)
    assert "Who had acted" not in shown(as_hina, story.txn_id, at(timezone.now()))


@pytest.mark.parametrize(
    ("t", "said"),
    [
        ("soon", '"soon" is not a moment. Enter a date and a time like 22 Nov 2026 14:05.'),
        ("2026-11-22", "Enter a date and a time like 22 Nov 2026 14:05."),
        ("2026-02-31 10:00", "Enter a date like 22 Nov 2026."),
        ("2026-11-22 25:00", "Enter a time like 14:05."),
        ("2099-01-01 10:00", "That moment has not come yet."),
        ("1999-01-01 10:00", "Nothing is known of {ref} at that moment: its record begins"),
        ("0001-01-01T00:00:00+14:00", "Nothing is known"),
        ("9999-12-31T23:59:59-14:00", "That moment has not come yet."),
    ],
)
def test_a_moment_that_cannot_be_shown_is_refused_in_words(as_nadia: Client, t: str, said: str) -> None:
    story: Transaction = TransactionFactory(stage="payment")
    text = shown(as_nadia, story.txn_id, t)
    assert said.format(ref=story.txn_id) in text
    assert "Where it stood" not in text


def test_without_a_moment_the_page_asks_for_one_and_names_those_of_changes(as_nadia: Client) -> None:
    story: Transaction = TransactionFactory(stage="payment")
    answer = as_nadia.get(f"/transactions/{story.txn_id}/at/")
    text = read(answer).text
    assert "Choose a moment" in text
    link = next(a for a in read(answer).all("a") if "?t=" in a.attrs.get("href", ""))
    assert "As it was at" in read(as_nadia.get(link.attrs["href"])).text
    strange = as_nadia.get(f"/transactions/{story.txn_id}/at/?when=now")
    assert 'There is no filter "when".' in read(strange).text


def test_the_reader_s_own_scope_and_masks_hold(as_hina: Client, as_nadia: Client) -> None:
    foreign: Transaction = TransactionFactory(partner="RIA")
    mine: Transaction = TransactionFactory(partner="INSTANTCASH", stage="compliance_review")
    t = at(timezone.now())
    assert as_hina.get(f"/transactions/{foreign.txn_id}/at/", {"t": t}).status_code == 404
    assert as_hina.get("/transactions/PSLNOBODY/at/", {"t": t}).status_code == 404
    text = shown(as_hina, mine.txn_id, t)
    for word in ("screening", "compliance", "sanction", "review"):
        assert word not in text.lower(), word
    assert "Screening then" in shown(as_nadia, mine.txn_id, t)
    assert "Remitter" in text
    for party in mine.parties.all():
        assert not party.id_number or party.id_number not in shown(as_nadia, mine.txn_id, t)


def test_that_a_past_state_was_read_is_recorded(as_nadia: Client) -> None:
    story: Transaction = TransactionFactory(stage="payment")
    shown(as_nadia, story.txn_id, at(timezone.now()))
    entry = AuditEvent.objects.filter(verb=Verb.VIEWED, actor="nadia").latest("seq")
    assert entry.said["facts"]["part"].startswith("state at ")


def test_a_partner_is_shown_as_it_stood(as_nadia: Client, admin: User) -> None:
    partner = PartnerFactory(code="RIA", name="RIA")
    before = timezone.now()
    change_partner(seconded(admin), partner, name="RIA Money")
    old, new = (
        read(as_nadia.get("/audit/o/accounts.partner/RIA/at/", {"t": at(t)})).text for t in (before, timezone.now())
    )
    assert "Name RIA Money" not in old
    assert "Name RIA Money" in new
    early = as_nadia.get("/audit/o/accounts.partner/RIA/at/?t=1999-01-01T10:00")
    assert "Nothing is known of Partner RIA at that moment" in read(early).text
    assert as_nadia.get("/audit/o/accounts.partner/NOBODY/at/").status_code == 404


def test_a_person_s_roles_are_shown_as_they_were(as_nadia: Client, hina: User) -> None:
    text = read(as_nadia.get("/audit/o/accounts.user/hina/at/", {"t": at(timezone.now())})).text
    assert "Inquiry handler" in text
    assert "Password" not in text


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("22 Nov 2026 14:05", "2026-11-22T09:05:00"),
        ("2026-11-22T14:05:30", "2026-11-22T09:05:30"),
        ("22/11/2026, 9:05", "2026-11-22T04:05:00"),
        ("2026-11-22T14:05:30.120456Z", "2026-11-22T14:05:30.120456"),
        ("2026-11-22T14:05+05:00", "2026-11-22T09:05:00"),
    ],
)
def test_a_moment_is_read_as_people_and_machines_write_it(text: str, utc: str) -> None:
    from zoneinfo import ZoneInfo

    assert moment(text, ZoneInfo("Asia/Karachi")) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_the_detail_page_and_the_trail_lead_there(as_nadia: Client) -> None:
    story: Transaction = TransactionFactory(stage="payment")
    entry = AuditEventFactory(object_id=story.txn_id)
    address = f"/transactions/{story.txn_id}/at/"
    assert address in as_nadia.get(story.get_absolute_url()).content.decode()
    assert f"{address}?t=" in as_nadia.get(f"/audit/e/{entry.seq}/").content.decode()
    assert address in as_nadia.get(f"/audit/o/transactions.transaction/{story.txn_id}/").content.decode()
