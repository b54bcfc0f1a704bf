"""`manage.py import_transactions FILE`: takes in NDJSON, CSV and push bodies through the one path of the intake."""

from __future__ import annotations

import hashlib
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from audit import trail
from audit.verbs import Verb
from backoffice.gateway.files import Chunk, Origin, UnreadableFile, chunks
from backoffice.gateway.intake import Receipt, receive, rehearse
from backoffice.gateway.judging import Result, Word

_TROUBLE = frozenset({Word.CONFLICT, Word.REJECTED})


class Command(BaseCommand):
    help = (
        "Takes in a file of events or instructions (NDJSON, CSV, OpenRemit push body) and says what became of each row."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--partner", default="", help="the partner of instructions that name none")
        parser.add_argument("--dry-run", action="store_true", help="say what would become of each row, and do nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        origin = Origin(path.name, options["partner"], timezone.now())
        try:
            parts = self._dry_run(path, origin) if options["dry_run"] else self._take_in(path, origin)
        except UnreadableFile as unreadable:
            raise CommandError(f"{path.name}: {unreadable}") from None
        self._conclude(parts, dry_run=options["dry_run"])

    def _take_in(self, path: Path, origin: Origin) -> Counter[str]:
        counts: Counter[str] = Counter()
        digest = hashlib.sha256()
        for number, chunk in enumerate(chunks(path, origin), 1):
            self._warn(chunk)
            receipt = receive(
                chunk.events,
                message_id=f"{path.name}#{number}",
                source="file",
                body=chunk.body,
                content_type="text/csv" if path.suffix.lower() == ".csv" else "application/json",
            )
            digest.update(chunk.body)
            self._show(chunk, receipt, counts)
        with transaction.atomic(), trail.acting(actor="import_transactions"):
            facts = {"sha256": digest.hexdigest(), "partner": origin.partner, **counts}
            trail.record(Verb.FILE_IMPORTED, object_type="gateway.file", object_id=path.name, facts=facts)
        return counts

    def _dry_run(self, path: Path, origin: Origin) -> Counter[str]:
        """The whole file at once, so that a later row knows of an earlier one; nothing is written."""
        counts: Counter[str] = Counter()
        parts = list(chunks(path, origin))
        for chunk in parts:
            self._warn(chunk)
        rows = [row for chunk in parts for row in chunk.rows]
        whole = Chunk(rows, [event for chunk in parts for event in chunk.events], b"")
        self._show(whole, rehearse(whole.events), counts)
        return counts

    def _warn(self, chunk: Chunk) -> None:
        if chunk.warning:
            self.stderr.write(f"Warning: {chunk.warning}")

    def _show(self, chunk: Chunk, receipt: Receipt, counts: Counter[str]) -> None:
        """One line per row, and how far it has come."""
        if not counts:
            self.stdout.write(f"{'Row':>7}  {'Verdict':<9}  {'Transaction':<40}  Why")
        for row, result in zip(chunk.rows, receipt.events, strict=True):
            self.stdout.write(_line(row, result))
            counts[result.result.value] += 1
        self.stderr.write(f"{sum(counts.values()):,} rows")

    def _conclude(self, counts: Counter[str], *, dry_run: bool) -> None:
        told = ", ".join(f"{count:,} {word}" for word, count in sorted(counts.items())) or "no rows"
        self.stdout.write(f"{'Nothing was done; would be: ' if dry_run else ''}{told}")
        if any(counts[word.value] for word in _TROUBLE):
            raise SystemExit(1)


def _line(row: int, result: Result) -> str:
    why = " ".join(error["message"] for error in result.errors)
    return f"{row:>7}  {result.result.value:<9}  {result.subject:<40}  {why}".rstrip()
