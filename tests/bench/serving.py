"""Servers of a measurement's own with the product's tables, and what is run, timed and compared on them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from backoffice.localpg import LocalPg

ROOT = Path(__file__).parent.parent.parent
Measured = dict[str, tuple[float, float]]
"""The median and the 95th percentile in milliseconds of each thing measured."""


@dataclass(frozen=True)
class Place:
    """One server, by what a process is told to work on it."""

    environment: Mapping[str, str]

    def run(self, *command: str) -> str:
        """What a command says; raises CalledProcessError where it fails."""
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def judged(self, *command: str) -> int:
        """How a command ends that says by itself what it finds."""
        return subprocess.run([sys.executable, *command], cwd=ROOT, env=self.environment, check=False).returncode

    def seed(self, transactions: int) -> None:
        """The people and organisations of the demo, and so many transactions."""
        begun = time.perf_counter()
        self.run("manage.py", "seed", "--transactions", str(transactions))
        print(f"seeded {transactions:,} in {time.perf_counter() - begun:.0f} s", flush=True)


@contextmanager
def serving(how_many: int = 1) -> Iterator[list[Place]]:
    """So many servers, empty but for the product's tables; they are taken away at the end, whatever happened."""
    with ExitStack() as ends:
        yield [_started(ends) for _ in range(how_many)]


def _started(ends: ExitStack) -> Place:
    home = Path(tempfile.mkdtemp(prefix="openremit-bench-"))
    ends.callback(shutil.rmtree, home, ignore_errors=True)
    home.chmod(0o755)  # the server may run as somebody else
    server = LocalPg(home).start(child=True)
    ends.callback(server.destroy)
    settings = {
        "DJANGO_SETTINGS_MODULE": "backoffice.settings.base",
        "DATABASE_URL": server.url_for("app"),
        "DATABASE_OWNER_URL": server.url_for("owner"),
        "EXPORT_DIR": str(home / "exports"),
        "BENCH_PSQL": str(server.bin / "psql"),
    }
    place = Place(os.environ | settings)
    place.run("manage.py", "migrate", "--verbosity", "0")
    return place


def in_turns(places: Sequence[Place], turns: int, *command: str) -> list[Measured]:
    """What a command measures at each place, whose last line is that as JSON: the quietest of several turns, since
    what else the machine does only ever adds.
    """
    runs: list[list[Measured]] = [[] for _ in places]
    for _ in range(turns):
        for place, run in zip(places, runs, strict=True):
            run.append(json.loads(place.run(*command).splitlines()[-1]))
    return [_quietest(run) for run in runs]


def _quietest(runs: Sequence[Measured]) -> Measured:
    return {name: min((run[name] for run in runs), key=lambda times: times[0]) for name in runs[0]}


def timed(
    calls: Sequence[Callable[[], object]], *, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, float]:
    """The median and the 95th percentile in milliseconds, the first few not counted."""
    took = []
    for call in calls:
        begun = clock()
        call()
        took.append((clock() - begun) * 1000)
    counted = took[5:] or took
    return sorted(counted)[len(counted) // 2], quantiles(counted, n=20)[-1]
