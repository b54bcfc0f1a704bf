"""kill -9 of web, worker and PostgreSQL at random moments under load: nothing asked is lost, nothing is done twice.

Web, worker and database are processes of their own; the platform keeps its book beside them. Hands retry and inquire
through the pages all the while. Afterwards: every retry that a page accepted stands in the outbox, every command is
closed or stands where operators see it, the book knows of nothing paid twice, the trail verifies, and after PostgreSQL
came back a good page was there within ten seconds, the web process not started anew.
"""

from __future__ import annotations

import logging
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from uuid import uuid4

from django.db import Error, connection

from accounts.models import ApprovalRequest
from audit import verification
from backoffice.demo.people import create_organisations
from backoffice.demo.signing import DEMO_SECRET
from backoffice.demo.simulator import PROFILES, CommandServer, Platform, Sender
from backoffice.demo.simulator import run as speak
from tests.people import person
from tests.proofs.serving import CHECKOUT, Hand, Web, environment, free_port, start_web, wait_until_it_answers
from transactions.models import Command, Transaction
from transactions.vocabulary import CommandKind, CommandState, Stage

SIZE = 30
FAULTS = replace(PROFILES["none"], fails=0.5, pace=0.3, repeated=0.05, reordered=0.05)
PATIENCE = 10.0
PER_KILL = 6
VICTIMS = ("web", "worker", "postgres")


@dataclass
class Running:
    """What runs: the web process, the worker, the platform, and what the hands were told."""

    web: Web
    worker: subprocess.Popen[bytes]
    platform: Platform
    accepted: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


def run(size: int | None = None) -> tuple[int, int]:
    """`size` kills. Returns how many, and what broke."""
    logging.getLogger("simulator").setLevel(logging.CRITICAL)  # that nobody answers is what is tried
    size, dice = SIZE if size is None else size, random.Random(13)
    with connection.cursor() as cursor:  # the tests' server is lazy about what it has promised; here it must not be
        cursor.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = on")
    create_organisations()
    hand = Hand(person("omar"))
    with _stage() as stage, _speaking(stage), _hands(stage, hand):
        begun = [stage.platform.open(500_000 + number, "1LINK") for number in range(size * PER_KILL)]
        for number in range(size):
            time.sleep(dice.uniform(0.5, 2.0))
            victim = VICTIMS[number % 3] if size <= 3 else dice.choice(VICTIMS)
            _kill(victim, stage)
            stage.counts[f"killed {victim}"] += 1
            print(f"  {number + 1} of {size}: {victim}", flush=True)
        _settle(stage)
    _judge(stage, begun)
    for sentence in stage.broken[:20]:
        print(f"  {sentence}")
    print(f"  {dict(stage.counts)}", flush=True)
    return size, len(stage.broken)


# -- the processes ----------------------------------------------------------------------------------------------------


@contextmanager
def _stage() -> Iterator[Running]:
    platform = Platform(rate=0, faults=FAULTS, seed=21)
    server = CommandServer(0, platform, DEMO_SECRET)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    variables = {"PLATFORM_URL": f"http://127.0.0.1:{server.server_port}", "PLATFORM_SIGNING_SECRET": DEMO_SECRET}
    os.environ.update(variables)
    stage = Running(start_web(free_port()), _start_worker(), platform)
    try:
        wait_until_it_answers(stage.web.port)
        yield stage
    finally:
        stage.web.process.terminate()
        stage.worker.terminate()
        stage.web.process.wait(15)
        stage.worker.wait(15)
        server.shutdown()
        server.server_close()
        for name in variables:
            os.environ.pop(name, None)


def _start_worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "work"],
        cwd=CHECKOUT,
        env=environment("work"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def _speaking(stage: Running) -> Iterator[None]:
    """The platform's events to the web process; what is not acknowledged is sent again."""
    stopping = threading.Event()
    sender = Sender(f"http://127.0.0.1:{stage.web.port}/gateway/events", DEMO_SECRET, stopping)
    thread = threading.Thread(target=speak, args=(stage.platform, sender, stopping), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(15)


@contextmanager
def _hands(stage: Running, hand: Hand) -> Iterator[None]:
    """Retries and inquiries through the pages, whatever happens meanwhile."""
    stopping = threading.Event()

    def press() -> None:
        dice = random.Random(4)
        while not stopping.is_set():
            known = list(stage.platform.transactions)
            if known:
                _press(stage, hand, dice.choice(known), dice.choice(("repush", "repush", "inquire")))
            stopping.wait(0.05)

    threads = [threading.Thread(target=press, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join(30)


def _press(stage: Running, hand: Hand, txn_id: str, deed: str) -> None:
    """The form as the page gives it, sent once; a token that was answered 302 must stand in the outbox."""
    address = f"/transactions/{txn_id}/do/{deed}/"
    page = hand.get(stage.web.port, address)
    version = re.search(r'name="deed-version" value="(\d+)"', page.text)
    if page.status != 200 or version is None:
        return
    token = str(uuid4())
    said = hand.post(
        stage.web.port,
        address,
        deed__reason_code="OTHER",
        deed__note="Under load.",
        deed__version=version[1],
        deed__token=token,
    )
    stage.counts[f"answered {said.status}"] += 1
    if said.status == 302:
        stage.accepted.add(token)


def _kill(victim: str, stage: Running) -> None:
    if victim == "web":
        stage.web.kill()
        stage.web = start_web(stage.web.port)
        wait_until_it_answers(stage.web.port)
    elif victim == "worker":
        stage.worker.send_signal(signal.SIGKILL)
        stage.worker.wait()
        stage.worker = _start_worker()
    else:
        _kill_postgres(stage)


def _kill_postgres(stage: Running) -> None:
    """The postmaster dies, is started again, and the same web process must answer with a good page in time."""
    from backoffice.settings import test

    server = getattr(test, "_server", None)
    if server is None:  # a parallel run: its server is another process's too, and only web and worker are killed
        return
    pid = server.pid()
    assert pid is not None
    connection.close()
    os.kill(pid, signal.SIGKILL)
    server.start(child=True)
    try:
        took = wait_until_it_answers(stage.web.port, path="/readyz", patience=60)
    except RuntimeError as error:
        stage.broken.append(str(error))
        return
    stage.counts["slowest return in tenths of a second"] = max(
        stage.counts["slowest return in tenths of a second"], round(took * 10)
    )
    if took > PATIENCE:
        stage.broken.append(f"the first good page came {took:.1f} s after PostgreSQL was back")


# -- the end ----------------------------------------------------------------------------------------------------------


def _settle(stage: Running, *, seconds: float = 150) -> None:
    """Until the platform has said everything and no command waits to be sent any more."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            waiting = Command.objects.undelivered().exists()
        except Error:
            connection.close()
            waiting = True
        if stage.platform.is_quiet and not waiting:
            return
        time.sleep(0.5)


def _judge(stage: Running, begun: list[str]) -> None:
    connection.close()
    kept = {
        str(token)
        for model in (Command, ApprovalRequest)
        for token in model.objects.filter(token__isnull=False).values_list("token", flat=True)
    }
    stage.broken += [f"a command that a page accepted is lost: {token}" for token in sorted(stage.accepted - kept)]
    ours = {str(pk) for pk in Command.objects.values_list("pk", flat=True)}
    strange = set(stage.platform.commands) - ours
    stage.broken += [f"the platform knows a command that we do not: {key}" for key in sorted(strange)]
    for what, which in stage.platform.book.verdict().items():
        stage.broken += [f"{what}: {txn_id}" for txn_id in which]
    left = Command.objects.undelivered().count()
    if left:
        stage.broken.append(f"{left} commands were never delivered")
    result = verification.verify_live()
    if result.broken:
        stage.broken.append(f"the trail is broken: {result.broken.sentence}")
    stage.counts["entries verified"] = result.verified
    stage.counts["commands"] = len(ours)
    stage.counts["repushes done"] = Command.objects.filter(
        kind=CommandKind.REPUSH, state=CommandState.SUCCEEDED
    ).count()
    rows = Transaction.objects.filter(txn_id__in=begun)
    stage.counts["completed"] = rows.exclude(stage=Stage.FAILED_RETRYABLE).count()
    stage.counts["transactions"] = rows.count()
