"""What the worker does by the clock, how it stops, and that a job survives its worker."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued

from accounts.models import SignInFailure
from audit import anchors
from audit.models import AuditEvent
from audit.verbs import Verb
from backoffice import worker
from backoffice.models import WorkerHeartbeat
from exceptions.models import ExceptionItem, Kind
from tests.database import owner_connection
from tests.factories.audit import AuditEventFactory
from tests.factories.transactions import TransactionFactory
from tests.people import person
from transactions.models import Search, Transaction
from transactions.vocabulary import Stage

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def anchor_folder(settings: Any, tmp_path: Path) -> Path:
    settings.AUDIT_ANCHOR_DIR = tmp_path
    return tmp_path


def entries(verb: Verb) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(verb=verb))


# -- by the clock -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_end_of_the_trail_is_anchored_when_there_is_something_new(anchor_folder: Path) -> None:
    worker.anchor_trail(0)
    assert anchors.newest(anchor_folder) is None
    for _ in range(3):
        last = AuditEventFactory()
    worker.anchor_trail(0)
    worker.anchor_trail(0)
    kept = anchors.read(anchor_folder / anchors.FILE, django_settings.AUDIT_ANCHOR_KEY.encode())
    assert kept == {last.seq: bytes(last.hash)}


@pytest.mark.django_db
def test_a_trail_that_stands_is_recorded_as_verified() -> None:
    first = AuditEventFactory()
    worker.verify_trail(0)
    (entry,) = entries(Verb.CHAIN_VERIFIED)
    assert (entry.actor, entry.said["kind"], entry.said["facts"]) == (
        "worker",
        "SYSTEM",
        {"count": 1, "seq": first.seq},
    )


@pytest.mark.django_db
def test_a_trail_that_does_not_stand_is_recorded_and_loud(
    anchor_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    AuditEventFactory()
    anchors.write(anchor_folder, django_settings.AUDIT_ANCHOR_KEY.encode(), seq=99, own_hash=bytes(32))
    with caplog.at_level(logging.CRITICAL):
        worker.verify_trail(0)
    (entry,) = entries(Verb.CHAIN_BROKEN)
    assert entry.said["facts"]["what"].startswith("cut tail")
    assert "THE TRAIL IS BROKEN at 2" in caplog.text


@pytest.mark.django_db
def test_anchors_that_were_edited_are_a_broken_trail(anchor_folder: Path) -> None:
    AuditEventFactory()
    worker.anchor_trail(0)
    file = anchor_folder / anchors.FILE
    file.write_text(file.read_text().replace('"seq":1', '"seq":2'))
    worker.verify_trail(0)
    assert "anchor 1" in entries(Verb.CHAIN_BROKEN)[0].said["facts"]["what"]


@pytest.mark.django_db
def test_a_transaction_over_its_limit_gets_one_exception_and_one_entry() -> None:
    late = TransactionFactory(stage=Stage.PAYMENT.value)
    Transaction.objects.filter(pk=late.pk).update(stage_deadline=timezone.now() - timedelta(minutes=1))
    ExceptionItem.objects.filter(kind=Kind.LATE).delete()
    worker.open_exceptions_of_late_ones(0)
    worker.open_exceptions_of_late_ones(0)
    assert ExceptionItem.objects.filter(transaction=late, kind=Kind.LATE).count() == 1
    (entry,) = entries(Verb.EXCEPTIONS_OPENED)
    assert (entry.actor, entry.said["facts"]["count"]) == ("worker", 1)


@pytest.mark.django_db
def test_what_expired_is_forgotten_and_nothing_else() -> None:
    hina, now = person("hina"), timezone.now()
    for token, hours in (("old", -1), ("new", 1)):
        moment = now + timedelta(hours=hours)
        Search.objects.create(token=token, owner=hina, text="x", expires_at=moment)
        Session.objects.create(session_key=token, session_data="x", expire_date=moment)
    for key, days in (("user:old", 3), ("user:new", 0)):
        SignInFailure.objects.create(key=key, failures=1, first_at=now - timedelta(days=days))
    worker.forget_what_expired(0)
    assert list(Search.objects.values_list("token", flat=True)) == ["new"]
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]
    assert list(SignInFailure.objects.values_list("key", flat=True)) == ["user:new"]
    assert [entry.said["facts"]["count"] for entry in entries(Verb.DELETED)] == [1]


def test_the_anchors_are_never_older_than_a_minute_and_no_alarm_waits_for_one() -> None:
    app.perform_import_paths()
    times = {task.name: cron for (task, _), cron in _periodic_tasks()}
    assert times["backoffice.anchor_trail"] == "* * * * *"
    assert times["backoffice.take_up_again"] == "* * * * *"
    assert times["backoffice.watch"] == "* * * * * */30"
    assert set(times) == {
        "backoffice.anchor_trail",
        "backoffice.verify_trail",
        "backoffice.open_exceptions_of_late_ones",
        "backoffice.end_requests_that_ran_out",
        "backoffice.ask_about_what_is_unknown",
        "backoffice.fold_rollup",
        "backoffice.give_up_what_nobody_confirmed",
        "backoffice.recount_rollup",
        "backoffice.look_after_exports",
        "backoffice.delete_old_exports",
        "backoffice.watch",
        "backoffice.forget_what_expired",
        "backoffice.take_up_again",
        "backoffice.forget_old_jobs",
    }


def _periodic_tasks() -> list[tuple[tuple[Any, str], str]]:
    registry = app.periodic_registry.periodic_tasks
    return [((periodic.task, name), periodic.cron) for name, periodic in registry.items()]


# -- as a process -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def running_worker() -> Iterator[subprocess.Popen[str]]:
    """`manage.py work` in a process of its own, on the database of the test."""
    entry = connection.settings_dict
    url = f"postgresql://{entry['USER']}@/{entry['NAME']}?host={quote(entry['HOST'], safe='')}"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "backoffice.settings.test",
        "DATABASE_URL": url,
        "PROCESS_NAME": "work",
    }
    command = [sys.executable, str(ROOT / "manage.py"), "work"]
    process = subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def eventually(holds: Callable[[], bool], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_gives_signs_of_life_and_stops_in_good_order(number: int) -> None:
    with running_worker() as process:
        eventually(WorkerHeartbeat.objects.exists)
        process.send_signal(number)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert not WorkerHeartbeat.objects.exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_job_whose_worker_was_killed_runs_again() -> None:
    late = TransactionFactory(stage=Stage.PAYMENT.value)
    Transaction.objects.filter(pk=late.pk).update(stage_deadline=datetime(2026, 1, 1, tzinfo=UTC))
    ExceptionItem.objects.filter(kind=Kind.LATE).delete()
    with owner_connection() as holding, running_worker() as process:
        holding.execute("LOCK TABLE exceptions_exceptionitem IN EXCLUSIVE MODE")  # the job cannot come to its end
        with contextlib.suppress(AlreadyEnqueued):
            worker.open_exceptions_of_late_ones.configure().defer(timestamp=0)
        eventually(lambda: "doing" in _status_of_late_ones())
        process.kill()
        process.wait()
        holding.rollback()
    assert "doing" in _status_of_late_ones()
    _let_time_pass()
    with contextlib.suppress(AlreadyEnqueued):
        worker.take_up_again.configure().defer(timestamp=0)
    eventually(_is_worked_off)
    assert ExceptionItem.objects.filter(transaction=late, kind=Kind.LATE).count() == 1
    assert len(entries(Verb.EXCEPTIONS_OPENED)) == 1


def _is_worked_off() -> bool:
    call_command("work", "--once")
    return _status_of_late_ones() == set()


def _status_of_late_ones() -> set[str]:
    name = "backoffice.open_exceptions_of_late_ones"
    return set(ProcrastinateJob.objects.filter(task_name=name).values_list("status", flat=True))


def _let_time_pass() -> None:
    """As if the killed worker had been silent for a minute."""
    with owner_connection() as owner:
        owner.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_worker_begins_again_when_its_database_comes_back() -> None:
    entry = connection.settings_dict
    with running_worker() as process:
        eventually(WorkerHeartbeat.objects.exists)
        with psycopg.connect(host=entry["HOST"], dbname="postgres", user="openremit_admin", autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'openremit work%%' AND datname = %s",
                [entry["NAME"]],
            )
        WorkerHeartbeat.objects.all().delete()
        eventually(WorkerHeartbeat.objects.exists)
        worker.verify_trail.configure().defer(timestamp=0)
        eventually(lambda: bool(entries(Verb.CHAIN_VERIFIED)))
        assert process.poll() is None
