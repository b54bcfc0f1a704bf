"""The page of the chain: its three honest states, asking for a verification, and the alarm where the chain broke."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.errors import MissingPermission, Refused
from accounts.models import User
from audit import actions, anchors, checking, verification
from audit.models import AuditEvent, Verification
from audit.verbs import Verb
from backoffice import worker
from tests.factories.audit import AuditEventFactory, VerificationFactory
from tests.people import person, signed_in
from tests.transactions.pages import read

KEY = django_settings.AUDIT_ANCHOR_KEY.encode()


@pytest.fixture(autouse=True)
def anchor_folder(settings: Any, tmp_path: Path) -> Path:
    settings.AUDIT_ANCHOR_DIR = tmp_path
    return tmp_path


def said(client: Client, page: str = "/audit/chain/") -> str:
    answer = client.get(page)
    assert answer.status_code == 200
    return read(answer).text


@pytest.mark.django_db
def test_before_anybody_verified_the_page_says_so(as_nadia: Client) -> None:
    assert "Not verified yet." in said(as_nadia)


@pytest.mark.django_db
def test_verify_now_is_a_job_of_the_worker_with_an_outcome_on_the_page(as_nadia: Client) -> None:
    AuditEventFactory()
    verification.drop_anchor()
    assert as_nadia.post("/audit/chain/verify/").status_code == 302
    assert ProcrastinateJob.objects.filter(task_name=checking.JOB).count() == 1
    assert "Checking. 0 of" in said(as_nadia)
    assert AuditEvent.objects.filter(verb=Verb.CHAIN_CHECK_ASKED, actor="nadia").count() == 1
    worker.verify_when_asked()
    text = said(as_nadia)
    assert "Verified to event" in text
    assert "asked by nadia" in text
    assert "against anchors up to event" in text
    assert AuditEvent.objects.filter(verb=Verb.CHAIN_VERIFIED, actor="worker").count() == 1


@pytest.mark.django_db
def test_one_verification_runs_at_a_time_and_a_lost_one_makes_way(nadia: User, hina: User) -> None:
    actions.ask_verification(by=nadia)
    with pytest.raises(Refused, match="being verified already"):
        actions.ask_verification(by=nadia)
    with pytest.raises(MissingPermission):
        actions.ask_verification(by=hina)
    assert checking.begin() is None
    Verification.objects.update(beat_at=timezone.now() - timedelta(minutes=5))
    assert checking.begin() is not None
    assert Verification.objects.count() == 1


@pytest.mark.django_db
def test_a_long_verification_says_how_far_it_is(as_nadia: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(7):
        AuditEventFactory()
    heard: list[int] = []
    monkeypatch.setattr(verification, "BATCH", 3)
    reading = checking.begin()
    assert reading is not None
    result = verification.verify_live(tell=lambda seq: heard.append(seq) or checking._tell(reading, seq))
    assert (result.verified, heard) == (7, [3, 6, 7])
    assert "7 of 7 events read" in said(as_nadia)


@pytest.fixture
def administrator(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    """A superuser of the database with every trigger switched off."""
    entry = connection.settings_dict
    with psycopg.connect(host=entry["HOST"], dbname=entry["NAME"], user="openremit_admin", autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        yield admin


def test_a_broken_chain_stands_on_the_page_with_the_event_the_hashes_and_the_kind(
    administrator: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    made = [AuditEventFactory() for _ in range(5)]
    broken = made[2].seq
    administrator.execute(
        f"UPDATE audit_auditevent SET body = replace(body, 'hina', 'omar') WHERE seq = {broken}".encode()
    )
    with caplog.at_level(logging.CRITICAL):
        worker.verify_trail(0)
    assert f"THE TRAIL IS BROKEN at {broken}" in caplog.text
    as_nadia = signed_in(person("nadia"))
    text = said(as_nadia)
    assert (
        f"Audit chain is broken at event {broken}. Tell the security officer now. Nothing after it is proven." in text
    )
    assert "Looks like Edited" in text
    assert bytes(made[2].hash).hex() in text
    assert Verification.objects.newest().expected_hash not in ("", bytes(made[2].hash).hex())
    assert "Verified to" not in text
    for name, page, warned in (
        ("nadia", "/audit/", True),
        ("nadia", "/transactions/", True),
        ("admin", "/account/", True),
        ("admin", "/admin/", True),
        ("hina", "/transactions/", False),
    ):
        shown = signed_in(person(name)).get(page).content.decode()
        assert ("chain is broken" in shown) is warned, (name, page)


@pytest.mark.django_db
def test_anchors_that_do_not_stand_are_a_broken_chain(as_nadia: Client, anchor_folder: Path) -> None:
    AuditEventFactory()
    verification.drop_anchor()
    file = anchor_folder / anchors.FILE
    file.write_text(file.read_text().replace('"seq":1', '"seq":2'))
    worker.verify_trail(0)
    assert "The anchors of the audit chain do not stand. Tell the security officer now." in said(as_nadia)


@pytest.mark.django_db
def test_a_later_good_verification_takes_the_alarm_away(as_nadia: Client) -> None:
    VerificationFactory(broken_kind="edited", broken_seq=1, finished_at=timezone.now() - timedelta(days=1))
    assert "Broken." in said(as_nadia)
    worker.verify_trail(0)
    assert "Verified to event" in said(as_nadia)
    assert "Broken." not in said(as_nadia)


# -- how old the newest anchor may be --------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_hundred_entries_are_anchored_at_once_and_fewer_after_half_a_minute(anchor_folder: Path) -> None:
    now = timezone.now()
    AuditEventFactory()
    assert verification.drop_due_anchor(now) is not None
    for _ in range(99):
        AuditEventFactory()
    assert verification.drop_due_anchor(now) is None
    late = verification.drop_due_anchor(now + timedelta(seconds=31))
    assert (late.seq if late else 0) == 100
    assert verification.drop_due_anchor(now + timedelta(days=1)) is None
    for _ in range(100):
        AuditEventFactory()
    assert verification.drop_due_anchor(now) is not None


@pytest.mark.django_db
def test_after_a_pause_every_hundredth_entry_is_anchored(anchor_folder: Path) -> None:
    first = AuditEventFactory().seq
    verification.drop_anchor()
    for _ in range(250):
        last = AuditEventFactory()
    verification.drop_anchor()
    kept = anchors.read(anchor_folder / anchors.FILE, KEY)
    assert sorted(kept) == [first, first + 100, first + 200, last.seq]
    assert kept[first + 100] == bytes(AuditEvent.objects.get(seq=first + 100).hash)
