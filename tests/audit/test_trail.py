"""Writing the trail: in the deed's own transaction, whatever the text, and never without being noticed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.conf import settings
from django.db import close_old_connections, connection, transaction
from django.db.models import Max

from accounts.models import Partner
from audit import chain, trail, verification
from audit.models import AuditEvent
from audit.verbs import Verb
from tests.database import owner_connection
from tests.factories.accounts import PartnerFactory, UserFactory
from tests.factories.audit import AuditEventFactory

THREADS, EACH = 8, 200


@pytest.mark.django_db
def test_an_entry_says_who_did_what_to_which_object_and_why() -> None:
    hina = UserFactory(username="hina")
    partner = PartnerFactory(code="RIA")
    with trail.acting(request_id="request-1", kind="USER", actor="hina", ip="10.0.0.7"):
        written = trail.record(
            Verb.CHANGED, by=hina, obj=partner, before={"name": "R"}, after={"name": "RIA"}, reason="typing error"
        )
    entry = AuditEvent.objects.get(seq=written.seq)
    assert (entry.verb, entry.actor, entry.object_type, entry.object_id, entry.request_id, entry.result) == (
        "changed",
        "hina",
        "accounts.partner",
        "RIA",
        "request-1",
        "OK",
    )
    assert entry.said["before"] == {"name": "R"}
    assert entry.said["reason"] == "typing error"
    assert entry.said["ip"] == "10.0.0.7"
    assert abs(entry.at - datetime.now(UTC)).total_seconds() < 60
    assert list(AuditEvent.objects.of(partner)) == [entry]
    assert list(AuditEvent.objects.of_request("request-1")) == [entry]


@pytest.mark.django_db
def test_of_a_session_only_a_digest_is_kept() -> None:
    with trail.acting(kind="ANONYMOUS", actor=""):
        trail.identify("hina", "a-session-key-that-opens-the-door")
        entry = AuditEventFactory()
    assert len(entry.said["session"]) == 16
    assert "door" not in entry.body


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text",
    ["nul \x00 here", "lone \ud83d surrogate", "long " * 5_000, "حنا بیگ", 'quote " and \\ backslash\n', "\u2028"],
    ids=["nul", "surrogate", "long", "urdu", "quotes", "line separator"],
)
def test_no_text_keeps_an_entry_out(text: str) -> None:
    with trail.acting(kind="ANONYMOUS", actor=text, ip=text, request_id=text):
        entry = AuditEventFactory(
            by=None, object_id=text, reason=text, facts={text: [text, Decimal("1.10"), None, True, 7]}
        )
    assert entry.said["reason"]
    assert chain.verify(verification._entries(1, lambda seq: None), settings.AUDIT_HMAC_KEY.encode()).broken is None


@pytest.mark.django_db
def test_an_unknown_verb_is_refused() -> None:
    with pytest.raises(ValueError, match="frobnicated"):
        trail.record("frobnicated")  # type: ignore[arg-type]


@pytest.mark.django_db
def test_a_deed_that_is_rolled_back_leaves_no_entry_and_no_gap() -> None:
    first = AuditEventFactory()
    with transaction.atomic():
        AuditEventFactory()
        transaction.set_rollback(True)
    assert AuditEventFactory().seq == first.seq + 1


@pytest.mark.django_db(transaction=True)
def test_many_writers_make_one_chain_without_forks_or_gaps() -> None:
    start = threading.Barrier(THREADS)

    def write(number: int) -> None:
        start.wait()
        for turn in range(EACH):
            with transaction.atomic(), trail.acting(actor=f"writer {number}"):
                trail.record(Verb.VIEWED, object_type="transactions.transaction", object_id=f"{number}-{turn}")
        connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result = verification.verify_live()
    assert (result.verified, result.last_seq, result.broken) == (THREADS * EACH, THREADS * EACH, None)
    assert AuditEvent.objects.values("object_id").distinct().count() == THREADS * EACH
    assert AuditEvent.objects.values("prev_hash").distinct().count() == THREADS * EACH


# -- when the trail cannot be written ---------------------------------------------------------------------------------


@pytest.fixture
def unwritable(transactional_db: None) -> Iterator[None]:
    """The application role may not add to the trail any more."""
    with owner_connection(autocommit=True) as owner:
        owner.execute("REVOKE INSERT ON audit_auditevent FROM openremit_app")
    yield
    close_old_connections()
    with owner_connection(autocommit=True) as owner:
        owner.execute("GRANT INSERT ON audit_auditevent TO openremit_app")


def deed() -> None:
    with transaction.atomic():
        PartnerFactory(code="NEW")
        trail.record(Verb.ADDED, object_type="accounts.partner", object_id="NEW")


def test_a_deed_that_cannot_be_recorded_is_not_done(unwritable: None) -> None:
    with pytest.raises(trail.CannotRecord):
        deed()
    assert not Partner.objects.filter(code="NEW").exists()


def test_whoever_holds_the_error_back_cannot_do_the_deed_unrecorded_either(unwritable: None) -> None:
    with transaction.atomic():
        PartnerFactory(code="NEW")
        with suppress(trail.CannotRecord):
            trail.record(Verb.ADDED, object_type="accounts.partner", object_id="NEW")
    assert not Partner.objects.filter(code="NEW").exists()


def test_plain_reading_goes_on_is_marked_and_raises_the_alarm(
    unwritable: None, caplog: pytest.LogCaptureFixture
) -> None:
    with trail.acting(kind="USER", actor="hina") as context, caplog.at_level(logging.CRITICAL):
        with transaction.atomic():
            assert trail.record_reading(Verb.VIEWED, object_id="PSL1") is False
            assert Partner.objects.count() >= 0  # the page's own transaction goes on
        assert context.unrecorded_readings == ["viewed"]
    assert "the trail cannot be written" in caplog.text


@pytest.mark.parametrize("verb", [Verb.REVEALED, Verb.SEARCHED_PERSON, Verb.COPIED_ANSWER])
def test_nothing_personal_is_shown_unrecorded(unwritable: None, verb: Verb) -> None:
    with trail.acting(kind="USER", actor="hina"), pytest.raises(trail.CannotRecord):
        trail.record_reading(verb, object_id="PSL1")


def test_a_request_that_may_change_something_does_not_even_read_unrecorded(unwritable: None) -> None:
    with trail.acting(kind="USER", actor="hina", may_change=True), pytest.raises(trail.CannotRecord):
        trail.record_reading(Verb.VIEWED, object_id="PSL1")


def test_a_refusal_stands_even_unrecorded(unwritable: None) -> None:
    with trail.acting(kind="USER", actor="hina", may_change=True):
        assert trail.record_denial(Verb.DENIED, facts={"path": "/x/"}) is False


def test_after_the_trail_is_back_everything_goes_on(unwritable: None) -> None:
    with pytest.raises(trail.CannotRecord):
        deed()
    with owner_connection(autocommit=True) as owner:
        owner.execute("GRANT INSERT ON audit_auditevent TO openremit_app")
    deed()
    assert AuditEvent.objects.aggregate(last=Max("seq"))["last"] == 1
