"""manage.py appoint_administrator: the first two people of a new installation."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandParser

from accounts import actions
from accounts.errors import Refused


class Command(BaseCommand):
    help = (
        "Make an administrator. Works only while fewer than two people administer; afterwards one proposes and "
        "another agrees in the administration pages. The password is asked for, or read as one line from standard "
        "input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="lower-case letters, digits and dots")
        parser.add_argument("--full-name", required=True)
        parser.add_argument("--reason", default="Administrator of a new installation")

    def handle(self, *args: Any, **options: Any) -> None:
        password = getpass("First password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            person = actions.appoint_administrator(
                options["username"], full_name=options["full_name"], password=password, reason=options["reason"]
            )
        except Refused as refusal:
            sys.exit(refusal.sentence)
        except ValidationError as error:
            sys.exit(" ".join(error.messages))
        self.stdout.write(f"{person.username} is an administrator and chooses an own password at the first sign-in.")
