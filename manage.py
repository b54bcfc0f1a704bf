#!/usr/bin/env python
"""Django's command line, and the rule which commands act as the owner of the database."""

from __future__ import annotations

import os
import sys

OWNER_COMMANDS = frozenset({"migrate", "seed", "localdb", "flush", "sqlflush", "remove_stale_contenttypes"})
WITHOUT_DATABASE = frozenset(
    {"", "help", "version", "--help", "--version", "localdb", "collectstatic", "findstatic", "simulate_platform"}
)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings.base")
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    os.environ.setdefault("PROCESS_NAME", command or "command")
    if command not in WITHOUT_DATABASE and uses_base_settings():
        ensure_database()
    if command in OWNER_COMMANDS:
        become_owner()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


def uses_base_settings() -> bool:
    """The tests start a server of their own and production names its database."""
    named = any(word.startswith("--settings") for word in sys.argv)
    return not named and os.environ["DJANGO_SETTINGS_MODULE"] == "backoffice.settings.base"


def ensure_database() -> None:
    """Start the embedded server of this checkout where no other database was named."""
    from backoffice.localpg import LocalPgError, ensure

    try:
        ensure()
    except LocalPgError as error:
        sys.exit(str(error))


def become_owner() -> None:
    """Let the command connect as the owner of the tables instead of the application role."""
    from backoffice.settings.environment import Environment

    environment = Environment()
    if owner := environment.text("DATABASE_OWNER_URL"):
        os.environ["DATABASE_URL"] = owner
    elif environment.text("DATABASE_URL"):
        sys.exit("DATABASE_OWNER_URL must be set for this command: it acts as the owner of the tables.")
    else:
        from backoffice.localpg import LocalPg

        os.environ["DATABASE_URL"] = LocalPg.for_checkout().url_for("owner")


if __name__ == "__main__":
    main()
