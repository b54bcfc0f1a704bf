"""manage.py work: the worker. It runs the jobs that pages and intake left behind, and those that time asks for."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from procrastinate.contrib.django import app

STOP_SECONDS = 10.0  # how long a job may go on after a stop was asked for; it is taken up again later


class Command(BaseCommand):
    help = "Run the jobs that wait, and go on until stopped. Jobs are the functions of each app's tasks.py."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="stop when no job waits any more")
        parser.add_argument("--name", default="worker", help="how this worker is called in the log")

    def handle(self, *args: Any, **options: Any) -> None:
        with app.replace_connector(app.connector.get_worker_connector()) as worker:  # type: ignore[attr-defined]
            worker.run_worker(
                name=options["name"],
                wait=not options["once"],
                delete_jobs="successful",
                shutdown_graceful_timeout=STOP_SECONDS,
            )
