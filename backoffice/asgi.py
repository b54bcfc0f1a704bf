"""What uvicorn serves: the pages through a pool of threads, and the live stream beside them.

Pages are synchronous: as WSGI in threads they answer about twice as many requests as through Django's asynchronous
handler. A stream stays open for hours and must hold neither a thread nor a connection, so it branches off here, once
its page has said that this person may listen.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

from a2wsgi import WSGIMiddleware

from backoffice.wsgi import application as wsgi  # sets Django up, so what follows may import models

# isort: split
from accounts.sessions import STREAM
from transactions.hub import hub, send_all
from transactions.views.live import LISTENER

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

THREADS = 8  # below the pool's size, so that no thread waits for a connection

pages = WSGIMiddleware(cast("Any", wsgi), workers=THREADS)


async def application(scope: Message, receive: Receive, send: Send) -> None:
    """Answer a request: a stream or a page."""
    is_stream = scope["type"] == "http" and scope["path"] == STREAM
    await (_stream if is_stream else cast("Any", pages))(scope, receive, send)


async def _stream(scope: Message, receive: Receive, send: Send) -> None:
    """Ask the stream's page whether this person may listen, and keep the line open if so; else send its answer."""
    answer: list[Message] = []

    async def keep(message: Message) -> None:
        answer.append(message)

    try:
        await cast("Any", pages)(scope, receive, keep)
        if LISTENER not in scope:
            for message in answer:
                await send(message)
            return
        await send({**answer[0], "headers": _without_length(answer[0])})
        await _until_left(receive, send_all(hub.listen(scope[LISTENER]), send))
    except TimeoutError:
        log.info("a reader of the live stream took nothing for too long and was let go")
    finally:
        if LISTENER in scope:
            hub.leave_seat(scope[LISTENER])


def _without_length(start: Message) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]


async def _until_left(receive: Receive, sending: Awaitable[None]) -> None:
    """Send until there is nothing more to say or the browser has gone."""
    tasks = {asyncio.ensure_future(sending), asyncio.ensure_future(_left(receive))}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
