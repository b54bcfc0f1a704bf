"""The platform simulator: stories as time passes, faults on request, and commands taken once."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from backoffice.demo.obeying import Remittance, known_beside
from backoffice.demo.signing import DEMO_SECRET, signed_headers
from backoffice.demo.simulator import (
    PROFILES,
    CommandServer,
    Platform,
    Sender,
    keep_backlog,
    read_backlog,
    run,
)
from tests.demo.test_stories import NOW, folded

CHECKOUT = Path(__file__).resolve().parents[2]


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


def told(platform: Platform, clock: Clock, seconds: int) -> list[dict[str, Any]]:
    """All that the platform sends in that many seconds."""
    events: list[dict[str, Any]] = []
    for _ in range(seconds):
        clock.now += 1
        while said := platform.due():
            events += said
    return events


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_it_sends_about_as_many_events_as_asked_for(clock: Clock) -> None:
    platform = Platform(rate=5, faults=PROFILES["none"], seed=1, clock=clock)
    events = told(platform, clock, 1_500)
    assert 3.5 < len(events) / 1_500 < 6


def test_each_story_is_numbered_from_one_and_ends_in_a_state(clock: Clock) -> None:
    platform = Platform(rate=5, faults=PROFILES["none"], seed=2, clock=clock)
    stories: dict[str, list[dict[str, Any]]] = {}
    for event in told(platform, clock, 1_000):
        stories.setdefault(event["subject"], []).append(event)
    assert len(stories) > 300
    for events in stories.values():
        assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
        assert not folded(events).contradictory


def test_two_runs_share_no_identifier(clock: Clock) -> None:
    first = told(Platform(rate=20, faults=PROFILES["none"], seed=1, clock=clock), clock, 60)
    again = told(Platform(rate=20, faults=PROFILES["none"], seed=1, clock=clock), clock, 60)
    assert {event["id"] for event in first}.isdisjoint(event["id"] for event in again)


def test_a_hostile_platform_is_late_repeats_reorders_and_loses(clock: Clock) -> None:
    platform = Platform(rate=20, faults=PROFILES["hostile"], seed=3, clock=clock)
    events = told(platform, clock, 300)
    ids = Counter(event["id"] for event in events)
    assert any(count > 1 for count in ids.values())
    place: dict[str, int] = {}
    numbers: dict[str, set[int]] = {}
    out_of_order = 0
    for event in events:
        out_of_order += event["sequence"] < place.get(event["subject"], 0)
        place[event["subject"]] = max(place.get(event["subject"], 0), event["sequence"])
        numbers.setdefault(event["subject"], set()).add(event["sequence"])
    assert out_of_order > 10
    assert any(len(seen) < max(seen) for seen in numbers.values())


def test_another_run_goes_on_where_this_one_stopped(clock: Clock, tmp_path: Path) -> None:
    first = Platform(rate=5, faults=PROFILES["none"], seed=6, clock=clock)
    stories: dict[str, list[dict[str, Any]]] = {}
    said = told(first, clock, 100)
    keep_backlog(tmp_path / "backlog.ndjson", first.unsaid())
    keep_backlog(known_beside(tmp_path / "backlog.ndjson"), first.known())
    second = Platform(rate=0, faults=PROFILES["none"], clock=clock)
    second.remember(read_backlog(known_beside(tmp_path / "backlog.ndjson")))
    second.continue_with(read_backlog(tmp_path / "backlog.ndjson"))
    for event in said + told(second, clock, 12 * 3_600):
        stories.setdefault(event["subject"], []).append(event)
    assert not second.unsaid()
    for events in stories.values():
        assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))


def test_an_inquiry_is_answered_once_and_truthfully(clock: Clock) -> None:
    platform = Platform(rate=5, faults=PROFILES["none"], seed=4, clock=clock)
    stories: dict[str, list[dict[str, Any]]] = {}
    for event in told(platform, clock, 600):
        stories.setdefault(event["subject"], []).append(event)
    paid = next(txn for txn, events in stories.items() if folded(events).state.status == "completed")
    command = {"type": "openremit.command.inquire", "subject": paid, "data": {"transaction": paid}}
    assert platform.obey("key-1", command)[0] == 202
    assert platform.obey("key-1", command)[0] == 409
    answers = [event for event in told(platform, clock, 5) if event["subject"] == paid]
    assert [event["type"].rpartition("openremit.")[2] for event in answers] == [
        "transaction.stage",
        "command.completed",
    ]
    assert answers[0]["data"]["fundsPosition"] == "WITH_BENEFICIARY"
    assert answers[0]["data"]["commandId"] == answers[1]["data"]["commandId"] == "key-1"
    assert answers[0]["sequence"] == len(stories[paid]) + 1


def test_a_command_of_another_kind_is_refused(clock: Clock) -> None:
    platform = Platform(rate=0, faults=PROFILES["none"], seed=4, clock=clock)
    assert platform.obey("k", {"type": "openremit.command.lend", "data": {"transaction": "PSL1"}})[0] == 422
    assert platform.obey("k", {"type": "openremit.command.repush", "data": {"transaction": "PSL1"}})[0] == 404
    assert platform.obey("", {"type": "openremit.command.inquire", "data": {"transaction": "PSL1"}})[0] == 400
    assert platform.obey("k", {"type": "openremit.command.inquire", "data": "x"})[0] == 400


def failed_one(platform: Platform, clock: Clock) -> str:
    """A remittance whose first attempt failed, really."""
    txn_id = platform.open(1, "1LINK")
    assert told(platform, clock, 30)[-1]["data"]["result"] == "FAILED"
    assert platform.transactions[txn_id].truth == "NOT_SENT"
    return txn_id


def test_a_retry_is_paid_once_and_written_into_the_book(clock: Clock) -> None:
    platform = Platform(rate=0, faults=replace(PROFILES["none"], fails=1.0), seed=5, clock=clock)
    txn_id = failed_one(platform, clock)
    platform.faults = replace(PROFILES["none"], fails=0.0)
    command = {"type": "openremit.command.repush", "subject": txn_id, "data": {"transaction": txn_id, "attempt": 2}}
    assert [platform.obey("key-1", command)[0] for _ in range(3)] == [202, 409, 409]
    events = told(platform, clock, 30)
    assert [event["data"].get("result", event["data"].get("outcome")) for event in events] == [
        "STARTED",
        "SUCCESS",
        "SUCCEEDED",
    ]
    assert {event["data"]["commandId"] for event in events} == {"key-1"}
    assert [entry.kind for entry in platform.book.entries] == ["paid"]
    assert not any(platform.book.verdict().values())


def test_the_book_tells_on_a_platform_that_was_made_to_pay_twice(clock: Clock) -> None:
    platform = Platform(rate=0, faults=replace(PROFILES["none"], fails=0.0), seed=5, clock=clock)
    txn_id = platform.open(1, "1LINK")
    for key in ("key-1", "key-2"):
        platform.obey(key, {"type": "openremit.command.repush", "data": {"transaction": txn_id}})
    told(platform, clock, 30)
    assert platform.book.verdict()["paid twice"] == [txn_id]
    assert platform.book.verdict()["two live attempts"] == [txn_id]


def test_a_lie_is_told_about_a_payment_that_the_book_has_and_an_inquiry_finds_it(clock: Clock) -> None:
    platform = Platform(rate=0, faults=replace(PROFILES["none"], fails=0.0, lies=1.0), seed=5, clock=clock)
    txn_id = platform.open(1, "RAAST")
    assert told(platform, clock, 60)[-1]["data"]["result"] == "FAILED"
    assert platform.book.has_paid(txn_id)
    platform.obey("ask", {"type": "openremit.command.inquire", "data": {"transaction": txn_id}})
    assert told(platform, clock, 10)[0]["data"]["fundsPosition"] == "WITH_BENEFICIARY"


# -- over HTTP --------------------------------------------------------------------------------------------------------


class Backoffice(ThreadingHTTPServer):
    """An intake that verifies with the library and remembers; its first answers can be made failures."""

    daemon_threads = True

    def __init__(self, *, failures: list[int] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Intake)
        self.events: list[dict[str, Any]] = []
        self.failures = failures or []
        self.message_ids: list[str] = []


class _Intake(BaseHTTPRequestHandler):
    server: Backoffice
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.message_ids.append(self.headers["webhook-id"])
        events = Webhook(DEMO_SECRET).verify(body, dict(self.headers))
        status = self.server.failures.pop(0) if self.server.failures else 200
        if status == 200:
            self.server.events += events
        answer = json.dumps({"accepted": len(events), "duplicate": 0, "rejected": 0, "events": []}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def backoffice() -> Iterator[Backoffice]:
    server = Backoffice()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_batch_that_failed_is_sent_again_under_the_same_message_id(backoffice: Backoffice) -> None:
    backoffice.failures = [503, 500]
    sender = Sender(f"http://127.0.0.1:{backoffice.server_port}/gateway/events", DEMO_SECRET, threading.Event())
    answer = sender.send([{"id": "1"}])
    sender.close()
    assert answer is not None
    assert backoffice.events == [{"id": "1"}]
    assert len(backoffice.message_ids) == 3
    assert len(set(backoffice.message_ids)) == 1


def test_a_batch_refused_for_good_is_not_repeated(backoffice: Backoffice) -> None:
    backoffice.failures = [401]
    sender = Sender(f"http://127.0.0.1:{backoffice.server_port}/", DEMO_SECRET, threading.Event())
    assert sender.send([{"id": "1"}]) is None
    sender.close()
    assert len(backoffice.message_ids) == 1


def test_the_backlog_is_sent_and_its_file_goes(backoffice: Backoffice, tmp_path: Path) -> None:
    backlog = tmp_path / "backlog.ndjson"
    backlog.write_text('{"id":"a","time":"2026-01-01T00:00:00.000Z"}\n{"id":"b","time":"2026-01-01T00:00:01.000Z"}\n')
    stopping = threading.Event()
    sender = Sender(f"http://127.0.0.1:{backoffice.server_port}/", DEMO_SECRET, stopping)
    platform = Platform(rate=0, faults=PROFILES["none"])
    worker = threading.Thread(target=run, args=(platform, sender, stopping), kwargs={"backlog": backlog})
    worker.start()
    for _ in range(200):
        if not backlog.exists():
            break
        stopping.wait(0.05)
    stopping.set()
    worker.join()
    assert not backlog.exists()
    assert [event["id"] for event in backoffice.events] == ["a", "b"]


@pytest.fixture
def command_server() -> Iterator[CommandServer]:
    platform = Platform(rate=0, faults=PROFILES["none"])
    platform.transactions["PSL000000045"] = Remittance("PSL000000045", 0.0)
    server = CommandServer(0, platform, DEMO_SECRET)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def post(server: CommandServer, path: str, body: bytes, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.request("POST", path, body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_signed_command_is_taken_once(command_server: CommandServer) -> None:
    body = json.dumps({"type": "openremit.command.inquire", "data": {"transaction": "PSL000000045"}}).encode()
    headers = {"Idempotency-Key": "k1", **signed_headers(body, DEMO_SECRET)}
    assert post(command_server, "/commands", body, headers) == 202
    assert post(command_server, "/commands", body, headers) == 409


def test_an_unsigned_or_unreadable_command_is_refused(command_server: CommandServer) -> None:
    assert post(command_server, "/commands", b"{}", {"Idempotency-Key": "k1"}) == 401
    assert post(command_server, "/other", b"{}", {}) == 404
    for body in (b"[]", b"{", b"[" * 60_000, b"\xff"):
        assert post(command_server, "/commands", body, signed_headers(body, DEMO_SECRET)) == 400
    assert post(command_server, "/commands", b" " * 70_000, {}) == 413


def test_the_command_starts_sends_and_stops_on_sigterm(backoffice: Backoffice) -> None:
    words = ["--rate", "400", "--port", "0", "--target", f"http://127.0.0.1:{backoffice.server_port}/gateway/events"]
    process = subprocess.Popen(
        [sys.executable, "manage.py", "simulate_platform", *words, "--settings", "backoffice.settings.test"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    waiting = threading.Event()
    for _ in range(1_200):
        if len(backoffice.events) > 20:
            break
        waiting.wait(0.1)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert len(backoffice.events) > 20
    assert "stopped after" in output
