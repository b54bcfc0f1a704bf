"""The tests' database: set up and emptied by its owner, used as the application role, like everywhere else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import dj_database_url
import psycopg
from django.db import OperationalError, connection
from django.test.utils import teardown_databases
from psycopg import sql

TRIES = 5
PRISTINE = "pristine"  # the schema that holds what every table contained after the migrations

TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relkind = 'r' ORDER BY c.relname
"""
COLUMNS = """
    SELECT attname FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
TRUNCATE_GUARDS = """
    SELECT t.tgrelid::regclass::text, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND t.tgtype & 32 <> 0 AND c.relkind IN ('r', 'p')
"""
SEQUENCES = """
    SELECT c.relname, a.attname, pg_get_serial_sequence(quote_ident(c.relname), a.attname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity <> ''
    WHERE c.relkind = 'r' AND c.relname = ANY(%s)
"""


@contextlib.contextmanager
def as_owner() -> Iterator[None]:
    """Within the block Django's connection is the owner's; afterwards it is the application role's again."""
    entry = connection.settings_dict
    application = {key: entry[key] for key in ("USER", "PASSWORD")}
    connection.close()
    entry.update(owner_credentials())
    try:
        yield
    finally:
        connection.close()
        entry.update(application)


def owner_credentials() -> dict[str, str]:
    url = os.environ.get("DATABASE_OWNER_URL")
    if not url:
        raise RuntimeError("DATABASE_URL is set for the tests, so DATABASE_OWNER_URL must be set too.")
    owner = dj_database_url.parse(url)
    return {"USER": str(owner["USER"]), "PASSWORD": str(owner.get("PASSWORD") or "")}


def owner_connection(*, autocommit: bool = False) -> psycopg.Connection[Any]:
    """A connection of its own, as the owner, to the database the tests use right now."""
    entry = connection.settings_dict
    owner = owner_credentials()
    return psycopg.connect(
        host=entry["HOST"] or None,
        port=entry["PORT"] or None,
        dbname=entry["NAME"],
        user=owner["USER"],
        password=owner["PASSWORD"] or None,
        autocommit=autocommit,
    )


def end_other_sessions() -> None:
    """End what the application role still has open: a server's thread whose browser went away keeps its connection.

    Django holds one connection for this thread and one more while Playwright's loop runs in it; whichever of the two
    asks here ends the other, so it starts with a new one.
    """
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
        )


def take_down(databases: Any) -> None:
    """Drop the tests' database, though a thread that nobody waits for may come back to it once more."""
    for _ in range(TRIES - 1):
        end_other_sessions()
        with contextlib.suppress(OperationalError), as_owner():
            teardown_databases(databases, verbosity=0)
            return
    end_other_sessions()
    with as_owner():
        teardown_databases(databases, verbosity=0)


def keep_pristine() -> None:
    """Copy what the migrations put into the tables, to be put back whenever a test emptied them."""
    with owner_connection() as owner:
        owner.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(PRISTINE)))
        for (table,) in owner.execute(TABLES, ["public"]).fetchall():
            filled = sql.SQL("SELECT 1 FROM public.{} LIMIT 1").format(sql.Identifier(table))
            if table != "django_migrations" and owner.execute(filled).fetchone():
                copy = "CREATE TABLE {}.{} AS TABLE public.{}"
                names = [sql.Identifier(PRISTINE), sql.Identifier(table), sql.Identifier(table)]
                owner.execute(sql.SQL(copy).format(*names))


def empty_tables(statements: list[str]) -> None:
    """Run Django's flush as the owner, past the triggers that forbid it, and put the pristine rows back."""
    with owner_connection() as owner:
        guards = owner.execute(TRUNCATE_GUARDS).fetchall()
        _switch(owner, guards, "DISABLE")
        for statement in statements:
            owner.execute(statement.encode())
        _empty_jobs(owner)
        _switch(owner, guards, "ENABLE")
        _put_back(owner)


def _switch(owner: psycopg.Connection[Any], guards: list[tuple[str, str]], what: str) -> None:
    statement = "ALTER TABLE {} {} TRIGGER {}"
    for table, trigger in guards:
        owner.execute(sql.SQL(statement).format(sql.SQL(table), sql.SQL(what), sql.Identifier(trigger)))


def _empty_jobs(owner: psycopg.Connection[Any]) -> None:
    """The job tables are procrastinate's own: Django does not manage them and leaves them out of a flush."""
    tables = [name for (name,) in owner.execute(TABLES, ["public"]).fetchall() if name.startswith("procrastinate_")]
    if tables:
        names = sql.SQL(", ").join(sql.Identifier(table) for table in tables)
        owner.execute(sql.SQL("TRUNCATE {}").format(names))


def _put_back(owner: psycopg.Connection[Any]) -> None:
    tables = [name for (name,) in owner.execute(TABLES, [PRISTINE]).fetchall()]
    for table in tables:
        columns = sql.SQL(", ").join(sql.Identifier(name) for (name,) in owner.execute(COLUMNS, [f'public."{table}"']))
        values = sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(PRISTINE, table))
        target = sql.SQL("INSERT INTO {} ({}) ").format(sql.Identifier("public", table), columns)
        owner.execute(target + values)
    for table, column, sequence in owner.execute(SEQUENCES, [tables]).fetchall():
        highest = sql.SQL("SELECT setval(%s, greatest(max({}), nextval(%s))) FROM {}")
        owner.execute(highest.format(sql.Identifier(column), sql.Identifier("public", table)), [sequence, sequence])
