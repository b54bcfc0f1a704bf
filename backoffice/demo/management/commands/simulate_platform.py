"""Runs the platform simulator: posts signed events and takes commands, in a process of its own."""

from __future__ import annotations

import logging
import os
import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.demo.dying import die_with_parent
from backoffice.demo.signing import DEMO_SECRET, key_of
from backoffice.demo.simulator import PROFILES, CommandServer, Platform, Sender, run


class Command(BaseCommand):
    help = "The platform in its own process: posts signed events, answers commands."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--rate", type=float, default=1.0, help="events a second (default 1; 0 sends no new transactions)"
        )
        parser.add_argument(
            "--faults", choices=sorted(PROFILES), default="none", help="late, repeated, reordered and lost events"
        )
        parser.add_argument("--port", type=int, default=8001, help="where it takes commands (default 8001)")
        parser.add_argument("--target", default="http://127.0.0.1:8000/gateway/events", help="where its events go")
        parser.add_argument("--backlog", type=Path, help="a file of events that are still to be sent, one a line")
        parser.add_argument(
            "--with-parent", action="store_true", help="stop when the process that started this one goes"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["with_parent"]:
            die_with_parent()
        logging.basicConfig(level=logging.INFO, format="simulator: %(message)s")
        stopping = threading.Event()

        def stop(number: int, frame: FrameType | None) -> None:
            stopping.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        platform = Platform(rate=max(options["rate"], 0.0), faults=PROFILES[options["faults"]])
        try:
            secrets = _secret("INTAKE_SIGNING_SECRETS"), _secret("PLATFORM_SIGNING_SECRET")
            sender = Sender(options["target"], secrets[0], stopping)
            server = CommandServer(options["port"], platform, secrets[1])
        except (OSError, ValueError) as error:
            raise CommandError(f"The simulator cannot start: {error}") from None
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
        thread.start()
        self.stdout.write(
            f"simulator: {options['rate']:g} events/s to {options['target']}, commands at http://127.0.0.1:{options['port']}/commands"
        )
        try:
            sent = run(platform, sender, stopping, backlog=options["backlog"])
        finally:
            server.shutdown()
            server.server_close()
        self.stdout.write(f"simulator: stopped after {sent} events")


def _secret(name: str) -> str:
    """The first signing secret of a setting, as the simulator would have been given it; the demo's own by default."""
    file = os.environ.get(f"{name}_FILE")
    text = Path(file).read_text(encoding="utf-8") if file else os.environ.get(name, "")
    secret = text.replace(",", " ").split()[0] if text.strip() else DEMO_SECRET
    try:
        key_of(secret)
    except ValueError:
        raise ValueError(f"{name} is not a secret of the form whsec_<base64>") from None
    return secret
