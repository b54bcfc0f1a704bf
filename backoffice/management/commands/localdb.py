"""manage.py localdb: the embedded PostgreSQL of this checkout."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import anchors
from backoffice.localpg import LocalPg, LocalPgError

CLIENTS = {"psql": "psql", "dump": "pg_dump"}


class Command(BaseCommand):
    help = "Start, stop, look at, dump or reset the embedded PostgreSQL of this checkout."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=["start", "stop", "status", "psql", "dump", "reset", "destroy"])
        parser.add_argument(
            "--role", choices=["app", "owner", "admin"], default="owner", help="who psql and dump connect as"
        )
        parser.add_argument("arguments", nargs="*", help="handed on to psql or pg_dump, after --")

    def handle(self, *args: Any, **options: Any) -> None:
        verb: str = options["verb"]
        server = LocalPg.for_checkout()
        try:
            if verb in CLIENTS:
                self.become_client(server, CLIENTS[verb], options["arguments"], options["role"])
            else:
                getattr(self, verb)(server)
        except LocalPgError as error:
            raise CommandError(str(error)) from None

    def start(self, server: LocalPg) -> None:
        server.start()
        self.status(server)

    def stop(self, server: LocalPg) -> None:
        self.stdout.write("PostgreSQL is stopped." if server.stop() else "PostgreSQL was not running.")

    def status(self, server: LocalPg) -> None:
        if not server.accepting():
            self.stdout.write(f"PostgreSQL is not running; its folder is {server.home}.")
            return
        self.stdout.write(f"PostgreSQL {server.server_version()} runs, process {server.pid()}, in {server.home}.")
        self.stdout.write(f"DATABASE_URL={server.url_for('app')}\nDATABASE_OWNER_URL={server.url_for('owner')}")

    def reset(self, server: LocalPg) -> None:
        """Start again with an empty database."""
        self.destroy(server)
        server.start()
        self.stdout.write("The database is empty; manage.py migrate makes its tables.")

    def destroy(self, server: LocalPg) -> None:
        """Stop the server and remove its data; the anchors of a trail that is gone are set aside."""
        server.destroy()
        anchored = Path(settings.AUDIT_ANCHOR_DIR) / anchors.FILE
        if anchored.exists():
            kept = anchored.rename(anchored.with_stem(f"{anchored.stem}-until-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))
            self.stdout.write(f"The anchors of its trail are kept in {kept}.")

    def become_client(self, server: LocalPg, program: str, arguments: list[str], role: str) -> None:
        """Go on as psql or pg_dump, so that its terminal, signals and exit code are ours."""
        server.start()
        command = server.client_command(program, *arguments, role=role)
        os.execv(command[0], command)  # noqa: S606, the program of our own server
