"""The product served by processes of its own on the proof's database, and people who send it requests by hand."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.db import connection
from django.test import Client

from accounts.models import User

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0
CSRF = "a" * 32


@dataclass
class Web:
    """One web process: where it listens, and the process."""

    port: int
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """As the power does it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def environment(process: str) -> dict[str, str]:
    """What a process needs to work on the proof's database as the application role."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    name = connection.settings_dict["NAME"]
    url = urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))
    return {
        **os.environ,
        "DATABASE_URL": url,
        "PROCESS_NAME": process,
        "DJANGO_SETTINGS_MODULE": "backoffice.settings.test",
        "PYTHONWARNINGS": "ignore",
    }


def start_web(port: int | None = None) -> Web:
    """A web process on a free port, or on this one; it does not wait until it answers."""
    port = port or free_port()
    words = [sys.executable, "-m", "uvicorn", "backoffice.asgi:application", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [*words, "--no-access-log", "--log-level", "critical"],
        cwd=CHECKOUT,
        env=environment("web"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return Web(port, process)


@contextmanager
def web_processes(how_many: int) -> Iterator[list[Web]]:
    """So many web processes, all answering; stopped at the end."""
    webs = [start_web() for _ in range(how_many)]
    try:
        for web in webs:
            wait_until_it_answers(web.port)
        yield webs
    finally:
        for web in webs:
            web.process.terminate()
        for web in webs:
            web.process.wait(10)


def wait_until_it_answers(port: int, *, path: str = "/healthz", patience: float = PATIENCE) -> float:
    """Seconds until a good answer. Raises when there is none in time."""
    began = time.monotonic()
    while time.monotonic() - began < patience:
        try:
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            line.request("GET", path)
            if line.getresponse().status == 200:
                return time.monotonic() - began
        except (OSError, http.client.HTTPException):
            pass
        finally:
            line.close()
        time.sleep(0.05)
    raise RuntimeError(f"The server on port {port} did not answer {path} within {patience} s.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Said:
    """What the server answered; status 0 where there was no answer."""

    status: int
    text: str = ""


class Hand:
    """A signed-in person who sends requests to any of the web processes."""

    def __init__(self, user: User) -> None:
        browser = Client()
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        session = browser.cookies[settings.SESSION_COOKIE_NAME].value
        self.user = user
        self.headers = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={CSRF}",
            "X-CSRFToken": CSRF,
        }

    def get(self, port: int, path: str) -> Said:
        return self._ask(port, "GET", path, "", {})

    def post(self, port: int, path: str, **fields: object) -> Said:
        body = urlencode({name.replace("__", "-"): str(value) for name, value in fields.items()})
        return self._ask(port, "POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def _ask(self, port: int, method: str, path: str, body: str, more: dict[str, str]) -> Said:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            line.request(method, path, body, {**self.headers, **more})
            answer = line.getresponse()
            return Said(answer.status, answer.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException):
            return Said(0)
        finally:
            line.close()
