"""The live stream's heart: one for each process, with one listening connection for all pages that are open.

It hears of changes from PostgreSQL (live.py), keeps the newest of them, and wakes the streams; each stream takes from
there what its reader may see and has not yet been told. So nothing waits in a queue of its own: a reader who is slow
falls behind and is told to fetch everything anew (`resync`), and one who takes nothing at all is let go.

Everything here runs in the event loop of the process, but for questions to the database: these are asked in one thread,
one after the other, each with a connection of the pool that goes straight back. Grants, roles and sessions are read
again as soon as they change, before anything that was said later is passed on, and in any case every few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

import psycopg
from django.db import DatabaseError, connection

from accounts.access import NOTHING, Scope, has, scope_of
from accounts.sessions import still_signed_in
from transactions.live import CHANGES, SCOPES, Change, read
from transactions.models import Event, Transaction

log = logging.getLogger(__name__)

RIGHT: Final = "transactions.view_transactions"
BEAT: Final = 15.0  # seconds between signs of life
COALESCE: Final = 0.25  # seconds; what happens within them is told at once
CHECK: Final = 3.0  # seconds between looks at sessions: a person who was signed out is cut off within five
KEPT: Final = 4_096  # changes that a page may have missed and still be told one by one
MOST_AT_ONCE: Final = 500  # more than these, and a page fetches everything
PATIENCE: Final = 20.0  # seconds that a reader may take for what was sent
MARGIN: Final = 5.0  # seconds; a page was put together a little before it says
AGAIN: Final = 1.0  # seconds until the listening connection is tried again
MOST_STREAMS: Final = 1_000
MOST_OF_ONE_PERSON: Final = 16

T = TypeVar("T")
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Full(Exception):
    """There is no place for another stream; says so in a sentence, with the status of the answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


@dataclass(frozen=True, slots=True)
class Heard:
    """A change with its number, the moment it was heard of, and the words that tell it."""

    number: int
    at: float
    change: Change
    words: bytes


@dataclass(eq=False)
class Listener:
    """One open stream: whose it is, what they see, and up to which change they were told.

    `last_id` is the browser's Last-Event-ID; `since` is the moment of the page, in seconds, where it has heard nothing.
    """

    user_id: int
    session_key: str
    last_id: str = ""
    since: float = 0.0
    scope: Scope = NOTHING
    told: int = 0
    needs_everything: bool = False
    is_over: bool = False
    is_lost: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Hub:
    """All streams of this process. `listen` keeps one open; the places are counted before that, in any thread."""

    def __init__(self) -> None:
        self._seats = threading.Lock()
        self._seated: dict[Listener, None] = {}
        self._listeners: set[Listener] = set()
        self._kept: deque[Heard] = deque(maxlen=KEPT)
        self._fresh: dict[int, Change] = {}
        self._stirred = asyncio.Event()
        self._reading = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="live")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._era, self._number = "", 0
        self._began = 0.0
        self._platform_at = 0.0

    # Places

    def take_seat(self, listener: Listener) -> None:
        """Count `listener` in. Raises Full when the process or the person has as many streams as they may."""
        with self._seats:
            if len(self._seated) >= MOST_STREAMS:
                raise Full(503, f"All {MOST_STREAMS:,} places for live pages are taken. This page asks by itself.")
            own = sum(other.user_id == listener.user_id for other in self._seated)
            if own >= MOST_OF_ONE_PERSON:
                raise Full(429, f"You have {own} live pages open. Close some of them; this page asks by itself.")
            self._seated[listener] = None

    def leave_seat(self, listener: Listener) -> None:
        with self._seats:
            self._seated.pop(listener, None)

    # A stream

    async def listen(self, listener: Listener) -> AsyncGenerator[bytes, None]:
        """What one stream says, from now until its reader leaves or may no longer listen."""
        if not await self._is_listening():
            return
        self._listeners.add(listener)
        try:
            await self._look([listener], scopes=True)
            self._find_place(listener)
            yield self._greeting()
            beat_at = time.monotonic() + BEAT
            while not (listener.is_over or listener.is_lost):
                if words := self._words_for(listener):
                    yield words
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(listener.wake.wait(), beat_at - time.monotonic())
                listener.wake.clear()
                if time.monotonic() >= beat_at:
                    beat_at = time.monotonic() + BEAT
                    yield self._beat()
            if listener.is_over:
                yield b"event: over\ndata: {}\n\n"
        finally:
            self._listeners.discard(listener)

    def _find_place(self, listener: Listener) -> None:
        """Where the stream goes on: after the last change that the page knows, or from here with everything anew."""
        era, _, number = listener.last_id.partition("-")
        listener.told = self._number
        if era == self._era and number.isascii() and number.isdigit() and self._first <= int(number) + 1:
            listener.told = min(int(number), self._number)
        elif not listener.last_id and listener.since - MARGIN >= self._began:
            known = [heard.number for heard in self._kept if heard.at < listener.since - MARGIN]
            listener.told = known[-1] if known else self._first - 1
            listener.needs_everything = not known and self._first > 1
        else:
            listener.needs_everything = True

    @property
    def _first(self) -> int:
        """The number of the oldest change that is kept, or of the next one."""
        return self._kept[0].number if self._kept else self._number + 1

    def _words_for(self, listener: Listener) -> bytes:
        """What this reader was not told yet of what they may see; or that they must fetch everything."""
        if listener.told + 1 < self._first:
            listener.needs_everything = True
        new: list[bytes] = []
        for heard in reversed(self._kept):
            if heard.number <= listener.told or len(new) > MOST_AT_ONCE:
                break
            if listener.scope.admits(heard.change.partner, heard.change.branch):
                new.append(heard.words)
        listener.told = self._number
        if listener.needs_everything or len(new) > MOST_AT_ONCE:
            listener.needs_everything = False
            return f"id: {self._id}\nevent: resync\ndata: {{}}\n\n".encode()
        return b"".join(reversed(new))

    def _greeting(self) -> bytes:
        """The first words: how soon to come back after a break, not all at the same moment, and a sign of life."""
        return b"retry: %d\n\n" % random.randint(1_000, 3_000) + self._beat()  # noqa: S311, spreads them, hides nothing

    def _beat(self) -> bytes:
        """A sign of life: the time here, and when the platform last told us anything, in milliseconds."""
        said = json.dumps({"now": int(time.time() * 1000), "platform": int(self._platform_at * 1000)})
        return f"id: {self._id}\nevent: beat\ndata: {said}\n\n".encode()

    @property
    def _id(self) -> str:
        return f"{self._era}-{self._number}"

    # Hearing

    async def _is_listening(self) -> bool:
        """Start listening where nobody does yet, and wait until it has begun; False where the database is away."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop or self._task is None or self._task.done():
            self._forget()
            self._loop, self._task = loop, loop.create_task(self._run())
        for _ in range(100):
            if self._era:
                return True
            await asyncio.sleep(0.05)
        return False

    def _forget(self) -> None:
        self._stirred, self._reading = asyncio.Event(), asyncio.Lock()
        self._listeners.clear()
        self._lose()

    def _lose(self) -> None:
        """The connection is gone: end all streams, for a page must not take silence for peace. They come back."""
        self._era, self._number = "", 0
        self._kept.clear()
        self._fresh.clear()
        for listener in self._listeners:
            listener.is_lost = True
            listener.wake.set()

    async def _run(self) -> None:
        """Listen, for as long as the process lives; a broken connection is made anew."""
        while True:
            try:
                async with await _connect() as conn:
                    await self._work(conn)
            except (psycopg.Error, DatabaseError, OSError) as error:
                log.warning("the live stream cannot listen and tries again: %s", error)
            except Exception:
                log.exception("the live stream broke and begins anew")
            finally:
                self._lose()
            await asyncio.sleep(AGAIN)

    async def _work(self, conn: psycopg.AsyncConnection[Any]) -> None:
        """Listen, tell and watch until one of the three fails: none of them is worth anything without the others."""
        for channel in (CHANGES, SCOPES):
            await conn.execute(f"LISTEN {channel}")
        self._platform_at = await self._ask(_platform_heard_at)
        self._began = time.time()
        self._era = secrets.token_hex(4)
        tasks = [asyncio.create_task(one) for one in (self._hear_all(conn), self._tell(), self._watch())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _hear_all(self, conn: psycopg.AsyncConnection[Any]) -> None:
        while True:
            async for notice in conn.notifies(timeout=BEAT):
                await self._hear(notice)
            await conn.execute("SELECT 1")  # a connection that died in silence says so here

    async def _hear(self, notice: psycopg.Notify) -> None:
        """One notice. A new scope is in force before anything that was said after it is heard."""
        if notice.channel == CHANGES:
            self._fresh |= {change.pk: change for change in read(notice.payload)}
            self._stirred.set()
            return
        kind, _, key = notice.payload.partition(":")
        of_whom = [one for one in self._listeners if kind != "user" or one.user_id == int(key)]
        await self._look(of_whom, scopes=kind != "sessions")

    async def _tell(self) -> None:
        """The first change at once, what follows within a quarter of a second together."""
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            fresh, self._fresh = self._fresh, {}
            references = await self._ask(partial(_references, list(fresh)))
            now = time.time()
            for change in fresh.values():
                if change.pk in references:
                    self._number += 1
                    words = f"id: {self._id}\ndata: {json.dumps([references[change.pk], change.version])}\n\n"
                    self._kept.append(Heard(self._number, now, change, words.encode()))
            for listener in self._listeners:
                listener.wake.set()
            await asyncio.sleep(COALESCE)

    # Looking after who listens

    async def _watch(self) -> None:
        """Every few seconds: whose session is over, and when the platform last told anything."""
        while True:
            await asyncio.sleep(CHECK)
            await self._look(self._listeners)
            self._platform_at = await self._ask(_platform_heard_at)

    async def _look(self, listeners: Iterable[Listener], *, scopes: bool = False) -> None:
        """Read the sessions of these streams again, and what their people may see where `scopes` changed."""
        async with self._reading:
            listeners = list(listeners)
            if not listeners:
                return
            keys = {listener.session_key for listener in listeners}
            question: Callable[[], Mapping[str, object]] = partial(_scopes if scopes else still_signed_in, keys)
            found = await self._ask(question)
            for listener in listeners:
                if listener.session_key not in found:
                    listener.is_over, listener.scope = True, NOTHING
                    listener.wake.set()
                elif isinstance(scope := found[listener.session_key], Scope):
                    listener.scope = scope

    async def _ask(self, question: Callable[[], T]) -> T:
        """Ask the database in the hub's one thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _with_connection, question)


hub: Final = Hub()
"""The hub of this process."""


async def send_all(words: AsyncGenerator[bytes, None], send: Send) -> None:
    """Send a stream's words. Raises TimeoutError when the reader takes nothing for too long."""
    async with contextlib.aclosing(words) as chunks:
        async for chunk in chunks:
            await asyncio.wait_for(send({"type": "http.response.body", "body": chunk, "more_body": True}), PATIENCE)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _connect() -> psycopg.AsyncConnection[Any]:
    """The listening connection: of its own, since it waits for as long as the process lives."""
    params = connection.get_connection_params()
    for name in ("cursor_factory", "context"):
        params.pop(name, None)
    params["application_name"] = f"{params.get('application_name', 'openremit')} listening"
    return await psycopg.AsyncConnection.connect(**params, autocommit=True)


def _with_connection(question: Callable[[], T]) -> T:
    try:
        return question()
    finally:
        connection.close()


def _references(changes: Iterable[int]) -> dict[int, str]:
    return dict(Transaction.objects.filter(pk__in=list(changes)).values_list("pk", "txn_id"))


def _platform_heard_at() -> float:
    """When the platform's newest event reached us, in seconds; 0 when none ever did."""
    at = Event.objects.order_by("-pk").values_list("received_at", flat=True).first()
    return at.timestamp() if at else 0.0


def _scopes(keys: Iterable[str]) -> dict[str, Scope]:
    """What the people of these sessions see, of those who may still listen."""
    scopes: dict[int, Scope | None] = {}
    found = still_signed_in(keys)
    for person in found.values():
        if person.pk not in scopes:
            scopes[person.pk] = scope_of(person) if has(person, RIGHT) else None
    return {key: scope for key, person in found.items() if (scope := scopes[person.pk]) is not None}
