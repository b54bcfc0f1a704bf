"""The demo's processes: started together, one death forgiven, stopped together, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from backoffice.demo.progress import Progress
from backoffice.demo.running import Child, Troupe, children

CHECKOUT = Path(__file__).resolve().parents[2]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"]


def eventually(holds: Callable[[], bool]) -> bool:
    for _ in range(1_200):
        if holds():
            return True
        time.sleep(0.05)
    return False


def is_alive(pid: int) -> bool:
    """Whether the process runs: neither gone nor a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def watched(troupe: Troupe) -> list[bool]:
    """The answer of the watch, once it gives one."""
    answers: list[bool] = []
    threading.Thread(target=lambda: answers.append(troupe.watch()), daemon=True).start()
    return answers


def test_stop_ends_every_process_even_a_stubborn_one() -> None:
    troupe = Troupe([Child("sleeper", SLEEPER), Child("stubborn", STUBBORN)], lambda sentence: None)
    troupe.start()
    pids = [child.process.pid for child in troupe.members if child.process]
    time.sleep(0.3)
    troupe.stop()
    assert not any(map(is_alive, pids))


def test_a_child_that_dies_is_started_once_more_and_then_the_watch_ends() -> None:
    said: list[str] = []
    troupe = Troupe([Child("worker", SLEEPER), Child("web server", SLEEPER)], said.append)
    troupe.start()
    answers = watched(troupe)
    worker = troupe.members[0]
    first = worker.process
    assert first is not None
    first.kill()
    assert eventually(lambda: worker.process is not first)
    second = worker.process
    assert second is not None
    second.kill()
    assert eventually(lambda: bool(answers))
    assert answers == [False]
    troupe.stop()
    assert said[0].startswith("The worker stopped (exit code -9); starting it again.")
    assert "a second time" in said[1]


def test_the_watch_ends_well_when_told_to_stop() -> None:
    troupe = Troupe([Child("sleeper", SLEEPER)], lambda sentence: None)
    troupe.start()
    answers = watched(troupe)
    troupe.stopping = True
    assert eventually(lambda: answers == [True])
    troupe.stop()


def test_children_go_when_their_parent_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    parent = f"""
import sys, time
sys.path.insert(0, {str(CHECKOUT)!r})
from backoffice.demo.running import Child, Troupe
troupe = Troupe([Child("one", {SLEEPER!r}), Child("two", {SLEEPER!r})], print)
troupe.start()
open({str(pids)!r}, "w").write(" ".join(str(child.process.pid) for child in troupe.members))
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", parent], env={**os.environ})
    assert eventually(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    started = [int(pid) for pid in pids.read_text().split()]
    assert all(map(is_alive, started))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert eventually(lambda: not any(map(is_alive, started)))


def test_the_web_server_the_worker_and_the_simulator_know_their_ports() -> None:
    web, worker, simulator = children(9100, Path("backlog.ndjson"))
    assert "9100" in web.command
    assert "--timeout-graceful-shutdown" in web.command
    assert worker.command[-1] == "work"
    assert "9101" in simulator.command
    assert "http://127.0.0.1:9100/gateway/events" in simulator.command
    assert worker.environment["PLATFORM_URL"] == "http://127.0.0.1:9101"


def test_progress_in_a_file_is_three_lines_and_not_a_thousand() -> None:
    out = StringIO()
    progress = Progress(out)
    progress.start("Seeding 1,000 transactions", 1_000)
    for done in range(1_001):
        progress.show(done)
    progress.end()
    lines = out.getvalue().splitlines()
    assert [line.split("]")[1].split()[0] for line in lines] == ["0%", "50%", "100%"]
