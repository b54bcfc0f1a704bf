"""How the database is reached, from its address and from what this process is."""

from __future__ import annotations

import os
from typing import Any

import dj_database_url

from backoffice.localpg import LocalPg
from backoffice.settings.environment import refuse

PROCESS_NAME = "PROCESS_NAME"  # set by manage.py and the servers themselves: web, worker, or the command's name
SERVED = frozenset({"web", "live"})

# statement, lock and idle-in-transaction timeouts in milliseconds
TIMEOUTS = {
    "web": (15_000, 5_000, 30_000),
    "live": (15_000, 5_000, 30_000),
    "work": (600_000, 10_000, 60_000),
}
COMMAND_TIMEOUTS = (0, 30_000, 300_000)  # a migration or a seed may take its time, but waits for no lock for ever

# Without its database a page answers within two seconds, in words (`timeout`); and when the database is back, the pool
# asks it again within seconds instead of backing off further and further (`reconnect_timeout`).
POOL = {"min_size": 2, "max_size": 12, "timeout": 1.5, "reconnect_timeout": 3.0}


def process_name() -> str:
    return os.environ.get(PROCESS_NAME, "command")


def database(url: str) -> dict[str, Any]:
    """Django's entry for one database; without an address, the embedded server of this checkout."""
    try:
        entry: dict[str, Any] = dict(dj_database_url.parse(url or LocalPg.for_checkout().url_for("app")))
    except (ValueError, KeyError):
        refuse("DATABASE_URL cannot be read; it looks like postgresql://role:password@host:5432/openremit.")
    if entry["ENGINE"] != "django.db.backends.postgresql":
        refuse("DATABASE_URL must name a PostgreSQL database: postgresql://role:password@host:5432/openremit.")
    options = entry.pop("OPTIONS", {})
    entry["HOST"] = options.pop("host", entry["HOST"])  # a socket's folder stands in the address's query
    return entry | _connection(options)


def _connection(options: dict[str, Any]) -> dict[str, Any]:
    process = process_name()
    statement, lock, idle = TIMEOUTS.get(process, COMMAND_TIMEOUTS)
    limits = f"-c statement_timeout={statement} -c lock_timeout={lock} -c idle_in_transaction_session_timeout={idle}"
    ours: dict[str, Any] = {"application_name": f"openremit {process}", "connect_timeout": 5, "options": limits}
    if process in SERVED:
        ours["pool"] = POOL
    return {"OPTIONS": ours | options, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": process in SERVED}
