"""A hostile rail: it lies, times out, breaks, goes away, repeats and reorders, while operators act as fast as they can.

The platform's own book is the judge: nothing is paid twice, nothing has two live attempts, nothing comes back beyond
what was paid, and every unknown outcome is resolved or stands where operators see it. The operators are not careful:
they press every button on every payment, from several hands at once. Then the proof is turned on itself: the guards are
taken away, and the same book must tell on us.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

from django.db import connection
from django.test import override_settings

from accounts import maker_checker
from accounts.errors import MissingPermission, Refused
from accounts.models import ApprovalRequest, User
from audit import trail
from backoffice.demo.people import create_organisations
from backoffice.demo.signing import DEMO_SECRET
from backoffice.demo.simulator import PROFILES, CommandServer, Platform
from backoffice.gateway import delivery
from backoffice.gateway.intake import receive
from exceptions import actions
from exceptions.models import ExceptionItem, Kind
from tests.people import person
from transactions.models import Command, Transaction
from transactions.vocabulary import CommandKind, CommandState, Stage

SIZE = 2_000
PACE = 0.05
FAULTS = replace(PROFILES["deceitful"], pace=PACE, late=0.05, away_seconds=1.0, away=0.08)
HANDS = 3
SECONDS_EACH = 0.12
"""How long the operators go on, per transaction."""


def run(size: int | None = None) -> tuple[int, int]:
    """`size` transactions under all faults. Returns how many there were, and how many went wrong by the book."""
    size = SIZE if size is None else size
    create_organisations()
    broken, counts = _played(size, seed=11, guarded=True)
    print(f"  {counts}", flush=True)
    for what, which in broken.items():
        for txn_id in which[:5]:
            print(f"  {what}: {txn_id}")
    bitten, _ = _played(max(40, size // 20), seed=12, guarded=False)
    told = sum(len(which) for which in bitten.values())
    print(f"  without the guards the book tells on {told} of {max(40, size // 20)}", flush=True)
    return size, sum(len(which) for which in broken.values()) + (not told)


def _played(size: int, *, seed: int, guarded: bool) -> tuple[dict[str, list[str]], dict[str, int]]:
    """One play: the platform, the line, the worker and the operators, until all is quiet; the book's verdict."""
    platform = Platform(rate=0, faults=FAULTS, seed=seed)
    _blind_platforms.append(platform)
    numbers = range(seed * 10_000 + 1, seed * 10_000 + 1 + size)
    begun = [platform.open(number, ("1LINK", "RAAST", "INTERNAL")[number % 3]) for number in numbers]
    with _served(platform), _line(platform), _worker():
        stopping = threading.Event()
        hands = [threading.Thread(target=_operate, args=(number, begun, stopping, guarded)) for number in range(HANDS)]
        for hand in hands:
            hand.start()
        stopping.wait(min(max(SECONDS_EACH * size, 6), 240))
        stopping.set()
        for hand in hands:
            hand.join()
        platform.faults = replace(FAULTS, away=0.0, times_out=0.0, breaks=0.0, late=0.0, lies=0.0, silent=0.0)
        _settle(platform)
    verdict = platform.book.verdict() | {"unknown and unseen": _unseen(begun)}
    rows = Transaction.objects.filter(txn_id__in=begun)
    counts: Counter[str] = Counter(rows.values_list("stage", flat=True))
    sent = Counter(Command.objects.filter(transaction__in=rows).values_list("kind", "state"))
    return verdict, dict(counts) | {f"{kind} {state}": n for (kind, state), n in sorted(sent.items())} | {
        "tries": sum(Command.objects.filter(transaction__in=rows).values_list("tries", flat=True)),
        "paid": sum(platform.book.has_paid(txn_id) for txn_id in begun),
    }


# -- the line ---------------------------------------------------------------------------------------------------------


@contextmanager
def _served(platform: Platform) -> Iterator[None]:
    """The platform's door for commands, and our settings that lead there."""
    server = CommandServer(0, platform, DEMO_SECRET)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    with override_settings(
        PLATFORM_URL=address, PLATFORM_SIGNING_SECRET=DEMO_SECRET, PLATFORM_TIMEOUT_SECONDS=PACE * 6
    ):
        yield
    server.shutdown()
    server.server_close()


@contextmanager
def _background(deed: Callable[[], bool]) -> Iterator[threading.Event]:
    """Does a deed again and again in a thread, with a short pause when it had nothing to do."""
    stopping, troubles = threading.Event(), []

    def go_on() -> None:
        try:
            while not stopping.is_set():
                if not deed():
                    stopping.wait(0.02)
        except BaseException as error:
            troubles.append(error)
            raise
        finally:
            connection.close()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield stopping
    finally:
        stopping.set()
        thread.join()
    if troubles:
        raise troubles[0]


@contextmanager
def _line(platform: Platform) -> Iterator[None]:
    """What the platform says, taken in as it comes."""

    def listen() -> bool:
        events = platform.due()
        if events:
            receive(events, message_id=f"rail-{uuid4().hex}", source="demo")
        return bool(events)

    with _background(listen):
        yield


class _Worker:
    """The worker's delivery, and the moments at which it asks by itself."""

    def __init__(self) -> None:
        self.asks = 0.0

    def __call__(self) -> bool:
        with trail.acting(actor="worker"):
            sent = delivery.deliver_due()
            if time.monotonic() > self.asks:
                self.asks = time.monotonic() + 0.5
                delivery.inquire_by_itself()
        return bool(sent)


@contextmanager
def _worker() -> Iterator[None]:
    with _quickly(), _background(_Worker()):
        yield


@contextmanager
def _quickly() -> Iterator[None]:
    """The same rules with shorter times: an hour of a rail passes in seconds."""
    kept = {
        name: getattr(delivery, name)
        for name in ("LEASE", "WITHOUT_ANSWER", "FIRST_INQUIRY", "OTHER_RAIL", "BACK_OFF_SECONDS")
    }
    seconds = delivery.dt.timedelta(seconds=1.0)
    delivery.LEASE = delivery.WITHOUT_ANSWER = delivery.OTHER_RAIL = seconds  # type: ignore[misc]
    delivery.FIRST_INQUIRY = dict.fromkeys(kept["FIRST_INQUIRY"], seconds)  # type: ignore[misc]
    delivery.BACK_OFF_SECONDS = (0.1, 0.2, 0.4)  # type: ignore[misc,assignment]
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(delivery, name, value)


# -- the operators ----------------------------------------------------------------------------------------------------


def _operate(number: int, begun: list[str], stopping: threading.Event, guarded: bool) -> None:
    """Every button on any payment, again and again; refusals are read and forgotten."""
    dice = random.Random(number)
    try:
        omar, sana = User.objects.get(pk=person("omar").pk), User.objects.get(pk=person("sana").pk)
        while not stopping.is_set():
            row = Transaction.objects.filter(txn_id=dice.choice(begun)).first()
            if row is not None:
                _press(row, omar, sana, dice, guarded=guarded)
    finally:
        connection.close()


def _press(row: Transaction, omar: User, sana: User, dice: random.Random, *, guarded: bool) -> None:
    if not guarded:
        _send_blindly(row, omar)
        return
    deed = dice.choice(
        (actions.repush,) * 5 + (actions.move_to_rtgs, actions.inquire, actions.send_back, actions.cancel)
    )
    try:
        asked: Any = deed(row, by=omar, reason_code="TRIED")
        if isinstance(asked, ApprovalRequest):
            maker_checker.approve(asked, by=sana)
    except (Refused, MissingPermission):
        return


def _send_blindly(row: Transaction, omar: User) -> None:
    """What an operator without this product would do: send it again wherever it says that it failed."""
    if row.stage not in (Stage.FAILED_RETRYABLE, Stage.OUTCOME_UNKNOWN):
        return
    if Command.objects.filter(transaction=row, kind=CommandKind.SEND_BACK).open().exists():
        return
    key = str(uuid4())
    _blind_platforms[-1].obey(key, {"type": "openremit.command.repush", "data": {"transaction": row.txn_id}})


_blind_platforms: list[Platform] = []


# -- the end ----------------------------------------------------------------------------------------------------------


def _settle(platform: Platform, *, seconds: float = 60) -> None:
    """Until the platform has nothing more to say and no command is open, or the time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if platform.is_quiet and not Command.objects.open().exists() and not _open_unknown().exists():
            return
        time.sleep(0.2)


def _open_unknown() -> Any:
    return Transaction.objects.filter(stage=Stage.OUTCOME_UNKNOWN)


def _unseen(begun: list[str]) -> list[str]:
    """Unknown outcomes that stand in no queue, and commands whose outcome is unknown of transactions that moved on."""
    unknown = Transaction.objects.filter(txn_id__in=begun, stage=Stage.OUTCOME_UNKNOWN)
    seen = ExceptionItem.objects.open().filter(kind=Kind.OUTCOME_UNKNOWN).values("transaction")
    lost = Command.objects.filter(transaction__txn_id__in=begun, state__in=[CommandState.SENT, CommandState.UNKNOWN])
    return sorted({*unknown.exclude(pk__in=seen).values_list("txn_id", flat=True),
                   *lost.values_list("transaction__txn_id", flat=True)})  # fmt: skip
