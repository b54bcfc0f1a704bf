"""manage.py work: the worker. It runs the jobs that pages and intake left behind, and those that time asks for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection
from django.utils import timezone
from procrastinate import App
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException

from audit import trail, verification
from backoffice import heartbeat
from backoffice.gateway import delivery
from backoffice.reports import alarms
from backoffice.worker import ACTOR

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 10.0  # how long a job may go on after a stop was asked for; it is taken up again later
AGAIN_SECONDS: Final = 2.0  # how long to wait before asking a database again that went away
ANCHOR_SECONDS: Final = 1.0  # how often the end of the trail is looked at
ANCHOR_AGAIN_SECONDS: Final = 15.0  # a folder that cannot be written is no reason to fill the log
DELIVERY_SECONDS: Final = 0.5  # how often the outbox is looked at
CONCURRENCY: Final = 4  # a long verification must not hold up the anchors


class Command(BaseCommand):
    help = "Run the jobs that wait, and go on until stopped. What runs by the clock stands in backoffice/worker.py."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="stop when no job waits any more")
        parser.add_argument("--name", default="worker", help="how this worker is called in the log")

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(work(options["name"], once=options["once"]))


async def work(name: str, *, once: bool) -> None:
    """Work until SIGTERM or SIGINT; when the database goes away, begin again as soon as it is back."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    while not stopping.is_set():
        try:
            await sync_to_async(_hang_up)()  # a connection that is broken would stay broken
            await _work_until(stopping, name, once=once)
        except (ConnectorException, Error):
            log.exception("the worker lost its database and begins again")
        if once:
            break
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), AGAIN_SECONDS)
    with contextlib.suppress(Error):
        await sync_to_async(_once)(heartbeat.rest, name)


async def _work_until(stopping: asyncio.Event, name: str, *, once: bool) -> None:
    ours: App = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]
    async with ours.open_async():
        working = asyncio.create_task(_run(ours, name, once=once))
        others = [asyncio.create_task(stopping.wait()), asyncio.create_task(_beat(name))]
        if not once:
            others += [asyncio.create_task(_deliver()), asyncio.create_task(_anchor())]
        try:
            await asyncio.wait([working, others[0]], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, *others):
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            with contextlib.suppress(asyncio.CancelledError):
                await working


async def _run(ours: App, name: str, *, once: bool) -> None:
    await ours.run_worker_async(
        name=name,
        wait=not once,
        concurrency=CONCURRENCY,
        delete_jobs="successful",
        shutdown_graceful_timeout=STOP_SECONDS,
        install_signal_handlers=False,
    )


async def _beat(name: str) -> None:
    """Give the sign of life from beside the jobs, in a thread of its own: a long job does not silence it.

    The first one after a silence leaves the alarm that nobody was there to raise.
    """
    while True:
        try:
            await sync_to_async(_once, thread_sensitive=False)(_note_silence, name)
            await sync_to_async(_once, thread_sensitive=False)(heartbeat.beat, name)
        except Error:
            log.exception("the worker cannot give its sign of life")
        await asyncio.sleep(heartbeat.EVERY_SECONDS)


async def _deliver() -> None:
    """Send the commands to the platform as they come, in threads of their own: a platform that is down holds nothing.

    The rows of the outbox are the truth; nothing has to be told that one was written.
    """
    while True:
        try:
            sent = await sync_to_async(_delivered, thread_sensitive=False)()
        except Error:
            log.exception("commands cannot be delivered; trying again")
            sent = 0
        await asyncio.sleep(0 if sent else DELIVERY_SECONDS)


async def _anchor() -> None:
    """Keep the end of the trail outside the database: at most 100 entries and some seconds of it are unanchored."""
    while True:
        pause = ANCHOR_SECONDS
        try:
            await sync_to_async(_anchored, thread_sensitive=False)()
        except (Error, OSError):
            log.exception("the trail cannot be anchored; trying again")
            pause = ANCHOR_AGAIN_SECONDS
        await asyncio.sleep(pause)


def _note_silence(name: str) -> None:
    now, last = timezone.now(), dict(heartbeat.signs_of_life()).get(name)
    if last is not None and now - last > heartbeat.ALIVE_WITHIN:
        with trail.acting(actor=ACTOR):
            alarms.note_gap(name, last, now=now)


def _anchored() -> None:
    try:
        verification.drop_due_anchor(timezone.now())
    finally:
        connection.close()


def _delivered() -> int:
    """One round of delivery, in the worker's name."""
    try:
        with trail.acting(actor=ACTOR):
            return delivery.deliver_due()
    finally:
        connection.close()


def _hang_up() -> None:
    connection.close()


def _once(deed: Callable[[str], None], name: str) -> None:
    """Do something with a database connection that is given back afterwards."""
    try:
        deed(name)
    finally:
        connection.close()
