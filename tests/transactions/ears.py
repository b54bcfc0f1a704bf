"""Readers of the live stream for tests: each is a socket with a session's cookie and a thread that writes down."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from accounts.models import User
from tests.people import signed_in


@dataclass(frozen=True)
class Said:
    """One event of the stream: its kind ("message" for a change), what it says, its id and when it was heard."""

    kind: str
    data: Any
    id: str
    at: float


class Ear:
    """One open stream. `said` grows while it is open; `ended` is when the server closed it."""

    def __init__(self, url: str, cookie: str, *, query: str = "", last_id: str = "") -> None:
        self.said: list[Said] = []
        self.head = ""
        self.ended: float | None = None
        self._event: dict[str, str] = {}
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)
        known = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        asked = f"GET /live/{query} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: gzip\r\nCookie: {cookie}\r\n"
        self._socket.sendall(f"{asked}{known}\r\n".encode())
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def status(self) -> int:
        """What the server answered; waits for it."""
        until(lambda: self.head, "an answer")
        return int(self.head.split(" ", 2)[1])

    @property
    def heard(self) -> list[str]:
        """The references of which this stream has told, in order."""
        return [one.data[0] for one in self.said if one.kind == "message"]

    def kinds(self) -> list[str]:
        return [one.kind for one in self.said]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _read(self) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while chunk := self._socket.recv(65_536):
                rest += chunk
                if not self.head and b"\r\n\r\n" in rest:
                    head, _, rest = rest.partition(b"\r\n\r\n")
                    self.head = head.decode()
                *lines, rest = rest.split(b"\n")
                for line in lines:
                    self._take(line.decode(errors="replace").rstrip("\r"))
                if rest.strip() == b"0" or any(line.strip() == b"0" for line in lines):
                    break
        self.ended = time.monotonic()

    def _take(self, line: str) -> None:
        """A line of the stream; the lengths of the chunks between them are none."""
        name, colon, value = line.partition(":")
        if colon and name in ("id", "event", "data", "retry"):
            self._event[name] = value.strip()
        elif not line and "data" in self._event:
            kind, data = self._event.get("event", "message"), json.loads(self._event["data"])
            self.said.append(Said(kind, data, self._event.get("id", ""), time.monotonic()))
            self._event = {}


def cookie_of(user: User) -> str:
    """The cookie of a browser in which this person has just signed in."""
    client = signed_in(user)
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


def until(happens: Any, what: str, *, seconds: float = 10) -> float:
    """Wait until something is so; how long it took. Fails with `what` when it never is."""
    began = time.monotonic()
    while not happens():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.01)
    return time.monotonic() - began
