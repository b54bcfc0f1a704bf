"""Many realistic transactions at once, straight into the tables."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.demo.progress import Progress
from backoffice.demo.seeding import seed


class Command(BaseCommand):
    help = "Adds N realistic transactions over 24 months by COPY, deterministic for S. Large seeds lock the tables."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--transactions", type=int, required=True, metavar="N", help="how many")
        parser.add_argument("--seed", type=int, default=1, metavar="S", help="another number, other data (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        total = options["transactions"]
        if not 1 <= total <= 100_000_000:
            raise CommandError("Between 1 and 100,000,000 transactions can be seeded.")
        began = time.monotonic()
        opened = seed(total, seed=options["seed"], progress=Progress(sys.stdout))
        self.stdout.write(
            f"Seeded {total:,} transactions, {opened:,} of them open or unusual, in {time.monotonic() - began:.0f} s."
        )
