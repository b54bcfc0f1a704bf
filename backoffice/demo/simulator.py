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
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import urlsplit

from backoffice.demo.ledger import Entry, Ledger
from backoffice.demo.obeying import (
    NOT_SENT,
    OBEY,
    RETURNED,
    UNKNOWN,
    WITH_BENEFICIARY,
    Act,
    Faults,
    Plan,
    Remittance,
    known_beside,
    remembered_line,
    truth_of,
)
from backoffice.demo.signing import signed_headers, verifies
from backoffice.demo.stories import instruct, tell
from backoffice.demo.telling import COMMAND_DONE, STAGE, Step, Teller, render
from backoffice.demo.world import Instruction, Json, World

log = logging.getLogger("simulator")

EPOCH: Final = datetime(2025, 1, 1, tzinfo=UTC)
BATCH: Final = 1_000
KEEP_SECONDS: Final = 5.0
REPORT_SECONDS: Final = 3_600.0
EVENTS_PER_STORY: Final = 9.2
FIRST_NUMBER: Final = 100_000
"""The live stories' rail references begin beyond those of the demo's first transactions."""
MAXIMUM_BODY: Final = 65_536
REMEMBERED: Final = 100_000
"""Of how many remittances the platform knows the rest; the oldest are forgotten."""
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


PROFILES: Final = {
    "none": Faults(),
    "realistic": Faults(late=0.01, repeated=0.01, reordered=0.01, lost=0.0005),
    "hostile": Faults(late=0.1, repeated=0.15, reordered=0.2, lost=0.02),
    "deceitful": Faults(
        late=0.05,
        repeated=0.15,
        reordered=0.2,
        lies=0.25,
        silent=0.2,
        times_out=0.1,
        breaks=0.1,
        away=0.1,
        away_seconds=60,
        fails=0.45,
    ),
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
class Due:
    """Something to be said or done: an event that is written already, a step of a story, or an act of a command."""

    event: Json | None = None
    remittance: Remittance | None = None
    step: Step | None = None
    act: Act | None = None
    key: str = ""


class Platform:
    """Tells new stories at a rate, keeps what is due in order of time, carries out commands and keeps the book."""

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
        self.book = Ledger()
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
        remittance = self._take(instruction, now.timestamp())
        for step in tell(kind, instruction, self.world):
            self._at(now.timestamp() + (step.begun if step.ended is None else step.ended), remittance, step)

    def open(self, number: int, rail: str) -> str:
        """One new remittance comes in now on this rail, passes its checks and is paid as the faults say; its id."""
        now = datetime.fromtimestamp(self.clock(), UTC)
        txn_id = f"PSL{self.run}{number:05d}"
        instruction = self.world.instruction(number, now, txn_id=txn_id, rail=rail)
        remittance = self._take(instruction, now.timestamp())
        for step in Teller(instruction, self.world).checked().steps:
            self._put(now.timestamp(), Due(remittance=remittance, step=step))
        with self._lock:
            plan = Plan(remittance, "", self.book, self.chance, self.faults, self.clock())
            self._schedule(plan.pay(rail))
        return txn_id

    def _take(self, instruction: Instruction, began: float) -> Remittance:
        one = Remittance(
            instruction.txn_id, began, number=instruction.number, rail=instruction.rail, amount=instruction.paying
        )
        with self._lock:
            self.transactions[one.txn_id] = one
            while len(self.transactions) > REMEMBERED:
                del self.transactions[next(iter(self.transactions))]
        return one

    def remember(self, known: Iterable[Json]) -> None:
        """Go on with remittances that were told before this run: their numbers, and where their money really is.

        What nobody knows yet is decided now and known from a while later on; what waits for treasury waits on.
        """
        for said in known:
            one = Remittance(**{**said, "amount": Decimal(str(said["amount"]))})
            self.transactions[one.txn_id] = one
            if one.truth == WITH_BENEFICIARY:
                self.book.write(Entry(one.txn_id, "paid", one.amount, one.rail, one.attempt, "", one.began))
            if one.truth == UNKNOWN and one.rail != "RTGS":
                self._decide_later(one)

    def known(self) -> list[Json]:
        """Every remittance of this run, for another run to go on with."""
        with self._lock:
            return [remembered_line(one) for one in self.transactions.values()]

    def continue_with(self, events: Iterable[Json]) -> None:
        """Sends `events` that were written before, each at its own time or now when that has passed."""
        for event in events:
            self._put(datetime.fromisoformat(event["time"]).timestamp(), Due(event=event))

    def unsaid(self) -> list[Json]:
        """Everything on the agenda as events, for another run to continue with. Commands are asked about again."""
        with self._lock:
            ahead: dict[str, int] = {}
            events: list[Json] = []
            for _, _, due in sorted(self._agenda, key=lambda entry: entry[:2]):
                if due.event is not None:
                    events.append(due.event)
                elif due.remittance is not None and due.step is not None and not due.remittance.commanded:
                    one = due.remittance
                    number = ahead.get(one.txn_id, one.next_sequence)
                    ahead[one.txn_id] = number + 1
                    events.append(render(due.step, txn_id=one.txn_id, sequence=number, start=_start(one)))
            return events

    def _at(self, due: float, remittance: Remittance, step: Step) -> None:
        self._put(due, Due(remittance=remittance, step=step))

    def _put(self, at: float, due: Due) -> None:
        with self._lock:
            heapq.heappush(self._agenda, (at, next(self._order), due))

    def _schedule(self, plan: Plan) -> None:
        """Put a plan on the agenda. Its events are numbered when they are said."""
        now = self.clock()
        for act in plan.acts:
            self._put(now + act.after, Due(remittance=plan.one, act=act, key=plan.key))

    def _say(self, due: Due) -> list[Json]:
        one = due.remittance
        if one is None:
            return []
        if due.step is not None:
            return [] if one.commanded else [self._said(one, due.step)]
        if due.act is None:
            return []
        if due.act.deed is not None:
            due.act.deed()
            return []
        return [self._told(one, due.act, due.key)]

    def _said(self, remittance: Remittance, step: Step) -> Json:
        """The event of a story's step, numbered at the moment it is said; the story tells the truth."""
        if step.type == STAGE:
            self._believe(remittance, step.data)
        return self._rendered(remittance, step)

    def _told(self, one: Remittance, act: Act, key: str) -> Json:
        """The event of a command's act. Only an inquiry's answer is looked up in the book, and is true."""
        at = self.clock() - one.began
        if act.is_command_done:
            return self._rendered(one, Step(COMMAND_DONE, dict(act.data or {}), at, at))
        data = dict(act.data or {})
        if data == {"stage": "inquiry"}:
            data |= {"channel": one.rail or "PLATFORM", "attempt": one.attempt, "result": "SUCCESS"}
            data |= {"rail": one.rail, "fundsPosition": truth_of(one), "commandId": key}
        started = data["result"] == "STARTED"
        return self._rendered(one, Step(STAGE, data, at, None if started else at))

    def _rendered(self, one: Remittance, step: Step) -> Json:
        sequence, one.next_sequence = one.next_sequence, one.next_sequence + 1
        return render(step, txn_id=one.txn_id, sequence=sequence, start=_start(one))

    def _believe(self, one: Remittance, data: Json) -> None:
        """What a story's own step makes true."""
        one.rail, one.attempt = data.get("rail", one.rail), max(one.attempt, data.get("attempt", 1))
        funds = data.get("fundsPosition", "")
        if data["result"] == "STARTED" and data["stage"] in ("payment", "rtgs"):
            one.busy = 1
            self.book.begin(one.txn_id)
        elif data["result"] == "TIMEOUT" and data["stage"] in ("payment", "rtgs", "settlement"):
            self._decide_later(one)
        elif funds:
            self._settle(one, funds)

    def _settle(self, one: Remittance, funds: str) -> None:
        if one.busy:
            one.busy = 0
            self.book.end(one.txn_id)
        if funds == WITH_BENEFICIARY and one.truth != WITH_BENEFICIARY:
            self.book.write(Entry(one.txn_id, "paid", one.amount, one.rail, one.attempt, "", self.clock()))
        if funds == RETURNED and self.book.has_paid(one.txn_id):
            self.book.write(Entry(one.txn_id, "returned", one.amount, one.rail, one.attempt, "", self.clock()))
        one.truth = funds

    def _decide_later(self, one: Remittance) -> None:
        """Nobody knows now; from some seconds later on the rail knows, and half of them were paid."""
        one.busy = 1
        funds = self.chance.choice((WITH_BENEFICIARY, NOT_SENT))
        one.truth = NOT_SENT
        act = Act(0.0, deed=lambda: self._settle(one, funds))
        self._put(self.clock() + self.chance.uniform(5, 45), Due(remittance=one, act=act))

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
                events += self._written(due.event) if due.event is not None else self._disturbed(self._say(due))
        return events

    def _written(self, event: Json) -> list[Json]:
        """An event that was written before. Of a known remittance it takes the next number that is free."""
        was_numbered = event.pop("said", False)
        one = self.transactions.get(event.get("subject", ""))
        if one is None or was_numbered:
            return [event]
        if one.commanded:
            return []
        if event["type"] == STAGE:
            self._believe(one, event["data"])
        event["sequence"], one.next_sequence = one.next_sequence, one.next_sequence + 1
        event["id"] = f"{one.txn_id}.{event['sequence']}"
        return [event]

    def _disturbed(self, said: list[Json]) -> list[Json]:
        """What becomes of events on a bad line: now, later, twice or never."""
        now = self.clock()
        kept: list[Json] = []
        for event in said:
            if self.chance.random() < self.faults.lost:
                continue
            slow = self.faults.pace
            delay = self.chance.uniform(5, 120) * slow if self.chance.random() < self.faults.late else 0.0
            if not delay and self.chance.random() < self.faults.reordered:
                delay = self.chance.uniform(0.5, 4) * slow
            if self.chance.random() < self.faults.repeated:
                self._put(now + self.chance.uniform(0.2, 60) * slow, Due(event=event | {"said": True}))
            if delay:
                self._put(now + delay, Due(event=event | {"said": True}))
            else:
                kept.append(event)
        return kept

    def pause(self) -> float:
        """Seconds until something is due, at most a quarter of one."""
        with self._lock:
            soonest = min([self._next_story if self.rate else 1e18, *[due for due, _, _ in self._agenda[:1]]])
        return min(max(soonest - self.clock(), 0.0), 0.25)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is on the agenda any more."""
        with self._lock:
            return not self._agenda

    # -- commands -----------------------------------------------------------------------------------------------------

    @property
    def is_away(self) -> bool:
        """Whether nobody answers at this time: for a share of each stretch of time, at its end."""
        if not self.faults.away:
            return False
        stretch = self.faults.away_seconds / self.faults.away
        return self.clock() % stretch > stretch - self.faults.away_seconds

    def obey(self, key: str, command: Json) -> tuple[int, Json]:
        """Takes a command once: 202, or 409 when its key is known. What follows is carried out as time passes."""
        kind = str(command.get("type", "")).removeprefix("openremit.command.")
        data = command.get("data")
        txn_id = str(data.get("transaction") or command.get("subject") or "") if isinstance(data, dict) else ""
        if not key or not txn_id:
            return 400, {"detail": "A command needs an Idempotency-Key and names its transaction."}
        with self._lock:
            if key in self.commands:
                return 409, {"detail": "This command is known already.", "commandId": key}
            if kind not in OBEY:
                return 422, {"detail": f"This platform does not know the command {kind!r}."}
            one = self.transactions.get(txn_id)
            if one is None:
                return 404, {"detail": f"This platform does not know the transaction {txn_id}."}
            self.commands[key] = command
            self._carry_out(kind, one, key, data.get("payload") if isinstance(data, dict) else None)
        return 202, {"commandId": key}

    def _carry_out(self, kind: str, one: Remittance, key: str, payload: object) -> None:
        if kind != "inquire":
            one.commanded = True  # the rest of its story is over: from here on people decide
        plan = Plan(one, key, self.book, self.chance, self.faults, self.clock())
        OBEY[kind](plan, payload if isinstance(payload, dict) else {})
        self._schedule(plan)


def _start(one: Remittance) -> datetime:
    return datetime.fromtimestamp(one.began, UTC)


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
        platform = self.server.platform
        if platform.is_away:
            self.close_connection = True
            return
        status, answer = self._taken()
        if status in (202, 409) and platform.chance.random() < platform.faults.times_out:
            time.sleep(platform.faults.pace * 15)
            self.close_connection = True
            return
        if status in (202, 409) and platform.chance.random() < platform.faults.breaks:
            status, answer = 500, {"detail": "Something broke after the command was taken."}
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
    with the stories of this one; beside it stands what the platform knows of its remittances.
    """
    if backlog:
        platform.remember(read_backlog(known_beside(backlog)))
        platform.continue_with(read_backlog(backlog))
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
            keep_backlog(known_beside(backlog), platform.known())
        if now - said_at > REPORT_SECONDS:
            said_at = now
            log.info("%d events sent", sent)
    if backlog:
        keep_backlog(backlog, [event | {"said": True} for event in unsent] + platform.unsaid())
        keep_backlog(known_beside(backlog), platform.known())
    sender.close()
    return sent


def _report_rejected(answer: Json) -> None:
    if answer.get("rejected"):
        refused = [one for one in answer.get("events", []) if one.get("result") in ("rejected", "conflict")]
        log.warning("%d events rejected, for example %s", answer["rejected"], json.dumps(refused[:2]))
