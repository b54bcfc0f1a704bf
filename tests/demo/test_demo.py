"""The whole demo in one command: from an empty database to a sign-in page; Ctrl-C leaves nothing behind."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
OURS = ("DATABASE_URL", "DATABASE_OWNER_URL", "DJANGO_SETTINGS_MODULE", "PROCESS_NAME")


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for an embedded server of this test alone, open to the user that the server runs as."""
    folder = Path(tempfile.mkdtemp(prefix="openremit-demo-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def environment(home: Path) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name not in OURS}
    return plain | {"LOCALPG_HOME": str(home / "postgres"), "PYTHONWARNINGS": "ignore"}


def manage(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, cwd=CHECKOUT, env=environment(home), capture_output=True, text=True, timeout=600)


def free_port() -> int:
    """A free port with a free one after it, of those that the system gives to nobody who asks for just any."""
    for _ in range(50):
        port = random.randrange(20_000, 30_000, 2)
        with contextlib.suppress(OSError), socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", port))
            two.bind(("127.0.0.1", port + 1))
            return port
    pytest.fail("no two free ports")


def processes_of(home: Path) -> list[str]:
    """The command lines of every process whose command line or environment names this test's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            known = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(home).encode() in known and int(process.name) != os.getpid():
            found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


def page(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    assert response.status == 200, (response.status, body[:500])
    return body


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_from_an_empty_database_to_the_sign_in_page_and_nothing_left_after_ctrl_c(home: Path) -> None:
    migrated = manage(home, "migrate", "--verbosity", "0")
    assert migrated.returncode == 0, migrated.stderr
    port = free_port()
    words = ["--transactions", "120", "--port", str(port), "--folder", str(home / "demo")]
    log = home / "log"
    with log.open("w") as output:
        demo = subprocess.Popen(
            [sys.executable, "manage.py", "demo", *words],
            cwd=CHECKOUT,
            env=environment(home),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 600
        while "Ctrl-C stops everything" not in log.read_text() and demo.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        assert f"The Backoffice is at http://127.0.0.1:{port}" in log.read_text()
        assert "hina" in page(port, "/login/")
        taken = manage(home, "demo", *words)
        assert f"Port {port} is in use" in taken.stderr
        demo.send_signal(signal.SIGINT)
        assert demo.wait(120) == 0, log.read_text()
        assert processes_of(home) == []
    finally:
        demo.kill()
        demo.wait()
        manage(home, "localdb", "stop")
