"""Runs the demo's processes as one: started together, watched, stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from backoffice.demo.dying import die_with_parent
from backoffice.localpg import LocalPg, LocalPgError

CHECKOUT: Final = Path(__file__).resolve().parents[2]
PATIENCE: Final = 8.0
DATABASE_CHECK_SECONDS: Final = 3.0


@dataclass(slots=True)
class Child:
    """A process of the demo; it may die once and is started again."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    deaths: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches us alone; it goes when we go, however that is."""
        inherited = {name: value for name, value in os.environ.items() if name != "PROCESS_NAME"}
        self.process = subprocess.Popen(
            self.command,
            cwd=CHECKOUT,
            env=inherited | self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    @property
    def is_dead(self) -> bool:
        return self.process is not None and self.process.poll() is not None


def children(port: int, backlog: Path) -> list[Child]:
    """The web server, the worker and the platform simulator."""
    manage = [sys.executable, "manage.py"]
    web = [sys.executable, "-m", "uvicorn", "backoffice.asgi:application", "--host", "127.0.0.1", "--port", str(port)]
    quiet = ["--timeout-graceful-shutdown", "3", "--no-access-log", "--log-level", "warning"]
    simulator = ["simulate_platform", "--rate", "1", "--port", str(port + 1), "--backlog", str(backlog)]
    target = ["--target", f"http://127.0.0.1:{port}/gateway/events"]
    commands = {"PLATFORM_URL": os.environ.get("PLATFORM_URL", f"http://127.0.0.1:{port + 1}")}
    return [
        Child("web server", [*web, *quiet], {"PROCESS_NAME": "web", **commands}),
        Child("worker", [*manage, "work"], commands),
        Child("platform simulator", [*manage, *simulator, *target]),
    ]


class Troupe:
    """All processes of the demo. `say` tells the person at the terminal what happens."""

    def __init__(self, members: list[Child], say: Callable[[str], None]) -> None:
        self.members, self.say = members, say
        self.stopping = False

    def obey_signals(self) -> None:
        """From now on Ctrl-C, a closed terminal and SIGTERM end the watch."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)

    def _stop(self, number: int, frame: object) -> None:
        self.stopping = True

    def start(self) -> None:
        """Start whatever does not run yet."""
        for child in self.members:
            if child.process is None:
                child.start()

    def watch(self) -> bool:
        """Keep everything running until told to stop (True) or until something died twice (False)."""
        checked = time.monotonic()
        while not self.stopping:
            time.sleep(0.2)
            for child in self.members:
                if child.is_dead and not self._revived(child):
                    return False
            if time.monotonic() - checked > DATABASE_CHECK_SECONDS:
                checked = time.monotonic()
                self._keep_database()
        return True

    def _revived(self, child: Child) -> bool:
        code = child.process.returncode if child.process is not None else None
        child.deaths += 1
        if self.stopping:
            return True
        if child.deaths > 1:
            self.say(f"The {child.name} stopped a second time (exit code {code}); stopping the demo.")
            return False
        self.say(f"The {child.name} stopped (exit code {code}); starting it again.")
        child.start()
        return True

    def _keep_database(self) -> None:
        """The embedded server is not our child; when somebody killed it, start it again."""
        if not uses_embedded_server():
            return
        server = LocalPg.for_checkout()
        if server.accepting() or self.stopping:
            return
        self.say("The database stopped; starting it again.")
        try:
            server.start()
        except LocalPgError as error:
            self.say(str(error))

    def stop(self) -> None:
        """Stop every process, kindly first; those that will not go are killed."""
        running = [child.process for child in reversed(self.members) if child.process is not None and not child.is_dead]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + PATIENCE
        for process in running:
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def uses_embedded_server() -> bool:
    """Whether the database is this checkout's own server."""
    return not os.environ.get("DATABASE_URL") and not os.environ.get("DATABASE_URL_FILE")


def stop_database() -> None:
    """Stop the embedded server too: Ctrl-C leaves no process behind."""
    if uses_embedded_server():
        LocalPg.for_checkout().stop()
