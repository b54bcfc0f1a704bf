"""The embedded PostgreSQL survives what a developer's machine does to it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from backoffice.localpg import CHECKOUT, TEST_FOLDER, TEST_SETTINGS, LocalPg, LocalPgError

START = "import sys, pathlib; from backoffice.localpg import LocalPg, TEST_SETTINGS as fast; "
START += "print(LocalPg(pathlib.Path(sys.argv[1]), settings=fast).start().pid())"
START_AS_CHILD = "import sys, time, pathlib; from backoffice.localpg import LocalPg, TEST_SETTINGS as fast; "
START_AS_CHILD += "LocalPg(pathlib.Path(sys.argv[1]), settings=fast).start(child=True); "
START_AS_CHILD += "print('up', flush=True); time.sleep(60)"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder the server's user can enter, even when the tests run as root."""
    made = Path(tempfile.mkdtemp(prefix=TEST_FOLDER))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def server(folder: Path) -> Iterator[LocalPg]:
    made = LocalPg(folder / "pg", settings=TEST_SETTINGS)
    yield made
    made.destroy()


def python(code: str, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, str(home)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_four_cold_starts_at_once_make_one_server_that_all_can_use(server: LocalPg) -> None:
    starts = [python(START, server.home) for _ in range(4)]
    pids = {start.communicate(timeout=120)[0].strip() for start in starts}
    assert [start.returncode for start in starts] == [0, 0, 0, 0]
    assert pids == {str(server.pid())}
    with psycopg.connect(server.url_for("app")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("openremit_app",)


def test_a_killed_server_comes_back_with_its_data(server: LocalPg) -> None:
    server.settings = {}  # as safe as the demo's: the tests' own servers trade that for speed
    server.start()
    with psycopg.connect(server.url_for("owner")) as owner:
        owner.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
    killed = server.pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert wait_for(lambda: not server.accepting())
    server.start()
    assert server.pid() != killed
    with psycopg.connect(server.url_for("app")) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_stale_lock_files_that_name_another_living_program_do_not_stop_a_start(server: LocalPg) -> None:
    server.start()
    assert server.stop()
    stale = f"{os.getpid()}\n{server.data}\n"
    (server.data / "postmaster.pid").write_text(stale)
    (server.socket_folder / ".s.PGSQL.5432.lock").write_text(stale)
    assert not server.accepting()
    server.start()
    assert server.accepting()
    assert server.pid() != os.getpid()


def test_a_path_too_long_for_a_socket_is_served_from_a_short_one(folder: Path) -> None:
    server = LocalPg(folder / ("long" * 20) / ("path" * 20) / "pg", settings=TEST_SETTINGS)
    try:
        server.start()
        assert len(str(server.socket_folder)) < 100
        with psycopg.connect(server.url_for("app")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.destroy()
    assert not server.socket_folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a child ask for a signal at its parent's death")
def test_a_test_server_goes_with_its_killed_parent(server: LocalPg) -> None:
    parent = python(START_AS_CHILD, server.home)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "up\n"
    assert server.accepting()
    parent.kill()
    parent.communicate()
    assert wait_for(lambda: not server.accepting())


def test_the_application_role_uses_what_the_owner_makes_and_makes_nothing_itself(server: LocalPg) -> None:
    server.start()
    with psycopg.connect(server.url_for("owner")) as owner:
        owner.execute("CREATE TABLE ledger (id bigint GENERATED ALWAYS AS IDENTITY, amount numeric)")
    with psycopg.connect(server.url_for("app"), autocommit=True) as application:
        application.execute("INSERT INTO ledger (amount) VALUES (1), (2)")
        application.execute("UPDATE ledger SET amount = 3 WHERE amount = 2")
        application.execute("DELETE FROM ledger WHERE amount = 3")
        for forbidden in (
            "CREATE TABLE own (id int)",
            "TRUNCATE ledger",
            "DROP TABLE ledger",
            "ALTER TABLE ledger ADD COLUMN extra int",
            "ALTER TABLE ledger DISABLE TRIGGER ALL",
            "SET session_replication_role = replica",
            "CREATE ROLE friend",
            "CREATE DATABASE own",
            "SET ROLE openremit_owner",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute(forbidden.encode())


def test_names_in_every_script_have_trigrams(server: LocalPg) -> None:
    server.start()
    with psycopg.connect(server.url_for("owner")) as owner:
        owner.execute("CREATE EXTENSION pg_trgm")
        for name in ("محمد", "রহমান", "Đặng", "王"):
            assert owner.execute("SELECT cardinality(show_trgm(%s)) > 0", [name]).fetchone() == (True,)


def test_data_of_another_major_version_is_refused_with_a_sentence(server: LocalPg) -> None:
    server.start()
    server.stop()
    (server.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(LocalPgError, match="was made by PostgreSQL 15 and the installed one is 18"):
        server.start()
