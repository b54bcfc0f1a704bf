"""The whole product with invented data in one command; Ctrl-C stops everything it started."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from backoffice.demo.feeding import BACKLOG, feed
from backoffice.demo.people import PASSWORD, PEOPLE, create_organisations, create_people
from backoffice.demo.progress import Progress
from backoffice.demo.running import Troupe, children, stop_database
from backoffice.demo.stories import WHOLE
from backoffice.demo.waiting import leave_something_waiting

READY_SECONDS = 40.0


class Command(BaseCommand):
    help = "Serves the Backoffice with demo people, transactions and a platform simulator."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", type=int, default=int(os.environ.get("PORT") or 8000), help="default $PORT or 8000"
        )
        parser.add_argument(
            "--transactions", type=int, default=WHOLE, help=f"how many to begin with (default {WHOLE:,})"
        )
        folder = Path(settings.LOCAL_DIR) / "demo"
        parser.add_argument("--folder", type=Path, default=folder, help="where the demo remembers how far it came")
        parser.add_argument("--seed", type=int, default=1, help="another number, other people and amounts")

    def handle(self, *args: Any, **options: Any) -> None:
        port: int = options["port"]
        self._refuse_taken(port)
        troupe = Troupe(children(port, options["folder"] / BACKLOG), self.say)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        try:
            self._furnish(options["transactions"], options["seed"], options["folder"])
            troupe.obey_signals()
            troupe.members[0].start()
            self._wait_until_ready(port, troupe)
            troupe.start()
            if not troupe.stopping:
                self._welcome(port)
            orderly = troupe.watch()
        except KeyboardInterrupt:
            orderly = True
        finally:
            self.say("Stopping.")
            troupe.stop()
            stop_database()
        if not orderly:
            raise CommandError("The demo stopped because a part of it did not stay up; its messages stand above.")

    def say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()

    def _refuse_taken(self, port: int) -> None:
        for number in (port, port + 1):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", number))
                except OSError:
                    raise CommandError(
                        f"Port {number} is in use: stop what uses it, or choose another with PORT={port + 100}."
                    ) from None

    def _furnish(self, transactions: int, seed: int, folder: Path) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError("The database is not up to date: run manage.py migrate first; make demo does both.")
        create_organisations()
        create_people()
        feed(transactions, seed=seed, progress=Progress(sys.stdout), folder=folder)
        leave_something_waiting()
        connection.close()

    def _wait_until_ready(self, port: int, troupe: Troupe) -> None:
        """Until the first page answers; a server that cannot start is reported by the watch."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and not troupe.stopping and not troupe.members[0].is_dead:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(0.1)

    def _welcome(self, port: int) -> None:
        width = max(len(person.role) for person in PEOPLE)
        rows = [f"  {person.username:<8} {person.role:<{width}}  {person.scope}" for person in PEOPLE]
        lines = [
            "",
            f"The Backoffice is at http://127.0.0.1:{port}",
            "",
            f"Sign in as (password {PASSWORD}):",
            *rows,
            "",
            "Ctrl-C stops everything.",
            "",
        ]
        self.say("\n".join(lines))
