"""Each alarm is raised within a minute of what is wrong, and the page says so in words: by the clock, with a worker and
a web process of their own.

A partner goes silent, the feed stalls, a stage passes its limit with nothing failed, all at one moment; then the worker
is killed. From each moment it is measured how long it takes until a page says so. A size of 1 does not wait for
the clock: the watch is asked for at once, and the killed worker's last sign of life is set back by most of its time.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils import timezone
from procrastinate.exceptions import AlreadyEnqueued

from accounts.models import Notification
from backoffice import heartbeat, worker
from backoffice.demo.people import create_organisations
from backoffice.models import WorkerHeartbeat
from backoffice.reports.health import LEAST_SILENCE
from tests.factories.gateway import DeliveryFactory
from tests.people import person
from tests.proofs.serving import CHECKOUT, Hand, Web, environment, free_port, start_web, wait_until_it_answers
from tests.transactions.rows import lay

WITHIN = 60.0
PATIENCE = 150.0
AHEAD = timedelta(seconds=2)
ARRIVALS = 12
SILENT = "Nothing has come from RIA"
STALLED = "The platform sends nothing"
OVER = "Payment on 1LINK is over its limit, and nothing failed"
DEAD = "No worker gives a sign of life since"


def run(size: int | None = None) -> tuple[int, int]:
    """Returns how many alarms were looked for, and how many came late, without words or to nobody."""
    is_short = size == 1
    create_organisations()
    hand, found = Hand(person("omar")), {}
    with _stage() as (web, process):
        _wait_for(lambda: bool(heartbeat.signs_of_life()))
        wrong_at = _lay(timezone.now() + (timedelta() if is_short else AHEAD))
        if is_short:
            with contextlib.suppress(AlreadyEnqueued):
                worker.watch.configure().defer(timestamp=0)
        for words in (SILENT, STALLED, OVER):
            found[words] = _seconds_until(hand, web, words, since=wrong_at)
        told = set(Notification.objects.filter(recipient=hand.user, kind="alarm").values_list("sentence", flat=True))
        process.kill()
        process.wait()
        killed_at = timezone.now()
        if is_short:
            WorkerHeartbeat.objects.update(beat_at=killed_at - heartbeat.ALIVE_WITHIN + timedelta(seconds=1))
        found[DEAD] = _seconds_until(hand, web, DEAD, since=killed_at)
    late = [words for words, seconds in found.items() if seconds > WITHIN]
    untold = [words for words in (SILENT, STALLED, OVER) if not any(one.startswith(words) for one in told)]
    for words, seconds in found.items():
        print(f"  {seconds:5.1f} s until the page said: {words}")
    for words in untold:
        print(f"  nobody was notified: {words}")
    return len(found), len(late) + len(untold)


@contextmanager
def _stage() -> Iterator[tuple[Web, subprocess.Popen[bytes]]]:
    web = start_web(free_port())
    process = subprocess.Popen(
        [sys.executable, "manage.py", "work"],
        cwd=CHECKOUT,
        env=environment("work"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_it_answers(web.port)
        yield web, process
    finally:
        web.process.terminate()
        process.kill()
        web.process.wait(15)
        process.wait(15)


def _lay(wrong_at: datetime) -> datetime:
    """What is well until this moment and wrong from it on: a partner, the feed, a stage."""
    last = wrong_at - LEAST_SILENCE
    for number in range(ARRIVALS):
        lay(number + 1, partner="RIA", stage="credited", received_at=last - timedelta(seconds=20 * number))
        DeliveryFactory(received_at=last - timedelta(seconds=number))
    lay(ARRIVALS + 1, stage="payment", received_at=last, stage_deadline=wrong_at)
    return wrong_at


def _seconds_until(hand: Hand, web: Web, words: str, *, since: datetime) -> float:
    """How long after `since` the reader's radar says so; more than a minute where it never does."""
    with contextlib.suppress(TimeoutError):
        _wait_for(lambda: words in hand.get(web.port, "/radar/").text)
        return (timezone.now() - since).total_seconds()
    return PATIENCE


def _wait_for(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.2)
