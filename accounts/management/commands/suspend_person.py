"""manage.py suspend_person: the emergency stop for whoever runs the server, when no other administrator is at hand."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts import actions
from accounts.errors import Refused
from accounts.models import User


class Command(BaseCommand):
    help = (
        "End a person's sign-in and all their sessions at once. Roles and grants stay; two administrators let the "
        "person in again. Refused for the last administrator; appoint_administrator makes a second one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", required=True, help="kept in the trail")

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(username=options["username"].lower()).first()
        if person is None:
            sys.exit(f"There is no person {options['username']}.")
        try:
            ended = actions.suspend(person, by=None, reason=options["reason"])
        except Refused as refusal:
            sys.exit(refusal.sentence)
        self.stdout.write(f"{person.username} cannot sign in any more; sessions ended: {ended}.")
