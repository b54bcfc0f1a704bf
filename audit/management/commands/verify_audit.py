"""manage.py verify_audit: does the trail stand as it was written?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from audit import verification, verify_trail


class Command(BaseCommand):
    help = (
        "Verify the trail of the database, or of a dump. Exit 0 and “verified N events to SEQ”, "
        "or exit 1 and the first broken event with what was done to it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dump", nargs="?", type=Path, help="a plain pg_dump, or the trail's table as COPY text")
        parser.add_argument("--from", dest="first", type=int, default=1, metavar="SEQ", help="begin at this entry")
        parser.add_argument(
            "--anchors", type=Path, help="a file of anchors that must stand in the trail; else this installation's own"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        dump, first = options["dump"], options["first"]
        try:
            if dump:
                kept = verification.kept_anchors(options["anchors"]) if options["anchors"] else {}
                key = settings.AUDIT_HMAC_KEY.encode()
                result = verify_trail.verify_dump(dump, key, first=first, kept=kept)
            else:
                kept = verification.kept_anchors(options["anchors"])
                result = verification.verify_live(first=first, kept=kept)
        except (OSError, ValueError) as error:
            sys.exit(f"cannot verify: {error}")
        self.stdout.write(verify_trail.sentence(result))
        if result.broken:
            sys.exit(1)
