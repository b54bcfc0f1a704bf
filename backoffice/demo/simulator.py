"""The platform simulator: a stranger in its own process. Only signed HTTP goes between it and us.

It tells stories as time passes, repeats what was not acknowledged, and on request behaves as badly as platforms do.
"""

from __future__ import annotations

import heapq
import http.client
import itertools
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import urlsplit

from backoffice.demo.signing import signed_headers, verifies
from backoffice.demo.stories import instruct, tell
from backoffice.demo.telling import COMMAND_DONE, STAGE, Step, render
from backoffice.demo.world import Json, World

log = logging.getLogger("simulator")

EPOCH: Final = datetime(2025, 1, 1, tzinfo=UTC)
BATCH: Final = 1_000
KEEP_SECONDS: Final = 3.0
REPORT_SECONDS: Final = 3_600.0
EVENTS_PER_STORY: Final = 9.2
FIRST_NUMBER: Final = 100_000
"""The live stories' rail references begin beyond those of the demo's first transactions."""
MAXIMUM_BODY: Final = 65_536
REFERENCES: Final = ("rail", "railReference", "railReferenceKind", "bankReference")
KINDS: Final[tuple[tuple[str, int], ...]] = (
    ("paid", 700),
    ("paid:cash", 150),
    ("paid:second_attempt", 15),
    ("paid:hits_released", 12),
    ("paid:title_released", 10),
    ("paid:found", 12),
    ("review:hits", 5),
    ("review:title_close", 4),
    ("review:fields", 3),
    ("retryable:TECH", 5),
    ("retryable:AM04", 3),
    ("failed:AC04", 14),
    ("failed:AC07", 8),
    ("failed:DUPL", 3),
    ("unknown:1LINK", 4),
    ("cancelled:early", 4),
    ("returned:by_rail", 4),
)
"""What the live stories are about, in parts."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How badly the platform behaves: the share of events that come late, twice, after a later one, or never."""

    late: float = 0.0
    repeated: float = 0.0
    reordered: float = 0.0
    lost: float = 0.0


PROFILES: Final = {
    "none": Faults(),
    "realistic": Faults(late=0.01, repeated=0.01, reordered=0.01, lost=0.0005),
    "hostile": Faults(late=0.1, repeated=0.15, reordered=0.2, lost=0.02),
}


# -- sending ----------------------------------------------------------------------------------------------------------


class Sender:
    """Posts signed batches and does not give up: no connection, 429 and 5xx are tried again with back-off."""

    def __init__(self, target: str, secret: str, stopping: threading.Event) -> None:
        parts = urlsplit(target)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{target} is not an http:// address")
        self.host, self.port, self.path = parts.hostname, parts.port or 80, parts.path or "/"
        self.secret, self.stopping = secret, stopping
        self._connection: http.client.HTTPConnection | None = None

    def send(self, events: list[Json]) -> Json | None:
        """The Backoffice's answer to a batch; None when it was refused for good or we are stopping."""
        body = json.dumps(events, ensure_ascii=False, separators=(",", ":")).encode()
        headers = signed_headers(body, self.secret)
        pause = 0.5
        while not self.stopping.is_set():
            try:
                status, answer = self._post(body, headers)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                log.info("No answer from the Backoffice (%r); trying again in %.0f s", error, pause)
            else:
                if status == 200:
                    return dict(json.loads(answer))
                if status != 429 and status < 500:
                    detail = answer[:300].decode(errors="replace")
                    log.error("The Backoffice refused a batch of %d with %d: %s", len(events), status, detail)
                    return None
                log.info("The Backoffice answered %d; trying again in %.0f s", status, pause)
            self.stopping.wait(pause)
            pause = min(pause * 2, 30.0)
            headers = signed_headers(body, self.secret, message_id=headers["webhook-id"])
        return None

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        self._connection.request(
            "POST", self.path, body, {"Content-Type": "application/cloudevents-batch+json", **headers}
        )
        response = self._connection.getresponse()
        return response.status, response.read()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


# -- the platform -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Remittance:
    """What the platform knows of one of its transactions: its numbering and, truthfully, where the money is."""

    txn_id: str
    start: datetime
    next_sequence: int = 1
    funds: str = "NOT_SENT"
    open_attempt: bool = False
    facts: Json = field(default_factory=dict)


@dataclass(slots=True)
class Due:
    """Something to be said: an event that is written already, a step of a remittance, or the answer to a question."""

    event: Json | None = None
    remittance: Remittance | None = None
    step: Step | None = None
    asked: str = ""


class Platform:
    """Tells new stories at a rate, keeps what is due in order of time, and answers commands."""

    def __init__(
        self, *, rate: float, faults: Faults, seed: int | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.rate, self.faults, self.clock = rate, faults, clock
        run = int(clock() - EPOCH.timestamp())
        self.run = f"{run:09d}"
        self.world = World(run if seed is None else seed)
        self.chance = Random(self.world.rng.random())
        self.transactions: dict[str, Remittance] = {}
        self.commands: dict[str, Json] = {}
        self._agenda: list[tuple[float, int, Due]] = []
        self._order = itertools.count()
        self._numbers = itertools.count(1)
        self._next_story = clock()
        self._lock = threading.RLock()

    # -- stories ------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """One new remittance comes in now; the rest of its story is put on the agenda."""
        kind = self.world.rng.choices([one for one, _ in KINDS], [weight for _, weight in KINDS])[0]
        now = datetime.fromtimestamp(self.clock(), UTC)
        number = next(self._numbers)
        txn_id = f"PSL{self.run}{number:05d}"
        instruction = instruct(
            kind, FIRST_NUMBER + int(self.run) * 13 % 890_000 + number, now, self.world, txn_id=txn_id
        )
        remittance = self.transactions[txn_id] = Remittance(txn_id, now)
        self._forget_old()
        for step in tell(kind, instruction, self.world):
            self._at(now.timestamp() + (step.begun if step.ended is None else step.ended), remittance, step)

    def continue_with(self, events: Iterable[Json]) -> None:
        """Sends `events` that were written before, each at its own time or now when that has passed."""
        for event in events:
            self._put(datetime.fromisoformat(event["time"]).timestamp(), Due(event=event))

    def unsaid(self) -> list[Json]:
        """Everything on the agenda as events, for another run to continue with. Questions are not answered twice."""
        with self._lock:
            ahead: dict[str, int] = {}
            events: list[Json] = []
            for _, _, due in sorted(self._agenda, key=lambda entry: entry[:2]):
                if due.event is not None:
                    events.append(due.event)
                elif due.remittance is not None and due.step is not None:
                    one = due.remittance
                    number = ahead.get(one.txn_id, one.next_sequence)
                    ahead[one.txn_id] = number + 1
                    events.append(render(due.step, txn_id=one.txn_id, sequence=number, start=one.start))
            return events

    def _at(self, due: float, remittance: Remittance, step: Step) -> None:
        self._put(due, Due(remittance=remittance, step=step))

    def _put(self, at: float, due: Due) -> None:
        with self._lock:
            heapq.heappush(self._agenda, (at, next(self._order), due))

    def _say(self, due: Due) -> list[Json]:
        if due.remittance is None:
            return []
        if due.step is None:
            return self._answer(due.remittance, due.asked)
        return [self._said(due.remittance, due.step)]

    def _said(self, remittance: Remittance, step: Step) -> Json:
        """The event of a step, numbered at the moment it is said."""
        sequence, remittance.next_sequence = remittance.next_sequence, remittance.next_sequence + 1
        if step.type == STAGE:
            remittance.funds = step.data.get("fundsPosition", remittance.funds)
            remittance.open_attempt = step.data["result"] == "STARTED" and step.data["stage"] in ("payment", "rtgs")
            remittance.facts |= {name: step.data[name] for name in REFERENCES if name in step.data}
        return render(step, txn_id=remittance.txn_id, sequence=sequence, start=remittance.start)

    def _forget_old(self) -> None:
        while len(self.transactions) > 50_000:
            del self.transactions[next(iter(self.transactions))]

    # -- what is due --------------------------------------------------------------------------------------------------

    def due(self, limit: int = BATCH) -> list[Json]:
        """The events to send now, at most `limit`, with this profile's faults; new stories begin when it is time."""
        now = self.clock()
        with self._lock:
            while self.rate and self._next_story <= now:
                self.begin()
                self._next_story = max(self._next_story, now - 5) + EVENTS_PER_STORY / self.rate
            events: list[Json] = []
            while self._agenda and self._agenda[0][0] <= now and len(events) < limit:
                due = heapq.heappop(self._agenda)[2]
                events += [due.event] if due.event is not None else self._disturbed(self._say(due))
        return events

    def _disturbed(self, said: list[Json]) -> list[Json]:
        """What becomes of events on a bad line: now, later, twice or never."""
        now = self.clock()
        kept: list[Json] = []
        for event in said:
            if self.chance.random() < self.faults.lost:
                continue
            delay = self.chance.uniform(5, 120) if self.chance.random() < self.faults.late else 0.0
            delay = self.chance.uniform(0.5, 4) if not delay and self.chance.random() < self.faults.reordered else delay
            if self.chance.random() < self.faults.repeated:
                self._put(now + self.chance.uniform(0.2, 60), Due(event=event))
            if delay:
                self._put(now + delay, Due(event=event))
            else:
                kept.append(event)
        return kept

    def pause(self) -> float:
        """Seconds until something is due, at most a quarter of one."""
        with self._lock:
            soonest = min([self._next_story if self.rate else 1e18, *[due for due, _, _ in self._agenda[:1]]])
        return min(max(soonest - self.clock(), 0.0), 0.25)

    # -- commands -----------------------------------------------------------------------------------------------------

    def obey(self, key: str, command: Json) -> tuple[int, Json]:
        """Takes a command once: 202, or 409 when its key is known. An inquiry is answered with the truth."""
        kind = str(command.get("type", "")).removeprefix("openremit.command.")
        data = command.get("data")
        txn_id = str(data.get("transaction") or command.get("subject") or "") if isinstance(data, dict) else ""
        if not key or not txn_id:
            return 400, {"detail": "A command needs an Idempotency-Key and names its transaction."}
        with self._lock:
            if key in self.commands:
                return 409, {"detail": "This command is known already.", "commandId": key}
            if kind != "inquire":
                return 422, {"detail": f"This platform does not take the command {kind!r} yet."}
            self.commands[key] = command
            self._answer_inquiry(key, txn_id)
        return 202, {"commandId": key}

    def _answer_inquiry(self, key: str, txn_id: str) -> None:
        remittance = self.transactions.get(txn_id)
        if remittance is None:
            log.info("Asked about %s, which this platform does not know", txn_id)
            return
        self._put(self.clock() + self.chance.uniform(0.5, 2.5), Due(remittance=remittance, asked=key))

    def _answer(self, remittance: Remittance, key: str) -> list[Json]:
        """Where the money is at this moment, and that the command is done."""
        at = self.clock() - remittance.start.timestamp()
        funds = "UNKNOWN" if remittance.open_attempt else remittance.funds
        facts = {
            "stage": "inquiry",
            "channel": remittance.facts.get("rail", "PLATFORM"),
            "attempt": 1,
            "result": "SUCCESS",
        }
        found = Step(STAGE, {**facts, **remittance.facts, "fundsPosition": funds, "commandId": key}, at - 0.5, at)
        done = Step(COMMAND_DONE, {"commandId": key, "outcome": "SUCCEEDED"}, at, at)
        return [self._said(remittance, found), self._said(remittance, done)]


# -- the door for commands --------------------------------------------------------------------------------------------


class CommandServer(ThreadingHTTPServer):
    """POST /commands on loopback: signature first, then the platform."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, platform: Platform, secret: str) -> None:
        super().__init__(("127.0.0.1", port), CommandHandler)
        self.platform, self.secret = platform, secret


class CommandHandler(BaseHTTPRequestHandler):
    """One request: read a small body, check its signature, answer JSON."""

    server: CommandServer
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_POST(self) -> None:
        status, answer = self._taken()
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def _taken(self) -> tuple[int, Json]:
        if self.path != "/commands":
            return 404, {"detail": "Only /commands is here."}
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAXIMUM_BODY:
            return 413, {"detail": f"A command has at most {MAXIMUM_BODY} bytes and says how many."}
        body = self.rfile.read(int(length))
        if not verifies({name.lower(): value for name, value in self.headers.items()}, body, self.server.secret):
            return 401, {"detail": "The signature does not verify."}
        try:
            command = json.loads(body)
        except (ValueError, RecursionError):
            return 400, {"detail": "The body is not JSON."}
        if not isinstance(command, dict):
            return 400, {"detail": "The body is not one command."}
        return self.server.platform.obey(self.headers.get("Idempotency-Key", ""), command)

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


# -- running ----------------------------------------------------------------------------------------------------------


def read_backlog(path: Path) -> list[Json]:
    """Events, one JSON object a line, that were announced and not sent yet; empty when there is no such file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as lines:
        return [dict(json.loads(line)) for line in lines if line.strip()]


def keep_backlog(path: Path, events: list[Json]) -> None:
    """Write down what is still to be sent, as a whole; nothing left, no file."""
    if not events:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text("".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events), encoding="utf-8")
    part.replace(path)


def run(platform: Platform, sender: Sender, stopping: threading.Event, *, backlog: Path | None = None) -> int:
    """Sends what is due until `stopping`; returns how many events were acknowledged.

    What `backlog` holds is sent first. It is kept up to date with what is still to come, so that another run goes on
    with the stories of this one.
    """
    platform.continue_with(read_backlog(backlog) if backlog else [])
    sent, kept_at, said_at = 0, time.monotonic(), time.monotonic()
    unsent: list[Json] = []
    while not stopping.is_set():
        unsent = platform.due()
        if unsent:
            answer = sender.send(unsent)
            if answer is not None:
                sent += len(unsent)
                _report_rejected(answer)
            if not stopping.is_set() or answer is not None:
                unsent = []
        else:
            stopping.wait(platform.pause() or 0.01)
        now = time.monotonic()
        if backlog and now - kept_at > KEEP_SECONDS:
            kept_at = now
            keep_backlog(backlog, platform.unsaid())
        if now - said_at > REPORT_SECONDS:
            said_at = now
            log.info("%d events sent", sent)
    if backlog:
        keep_backlog(backlog, unsent + platform.unsaid())
    sender.close()
    return sent


def _report_rejected(answer: Json) -> None:
    if answer.get("rejected"):
        refused = [one for one in answer.get("events", []) if one.get("result") in ("rejected", "conflict")]
        log.warning("%d events rejected, for example %s", answer["rejected"], json.dumps(refused[:2]))
