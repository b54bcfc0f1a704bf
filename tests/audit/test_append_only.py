"""What stands as it came is changed by nobody: not by the application, and not by the owner while the guards are on."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection
from psycopg import sql

from accounts.models import Partner
from tests.database import owner_connection
from tests.factories.accounts import PartnerFactory
from tests.factories.audit import AuditEventFactory

APP = "openremit_app"
LEDGERS = frozenset(
    {
        "audit_auditevent",
        "transactions_event",
        "transactions_note",
        "gateway_delivery",
        "gateway_verdict",
        "compliance_screeningcheck",
        "compliance_screeninghit",
    }
)
HISTORIES = frozenset(
    model._meta.db_table
    for model in apps.get_models(include_auto_created=True)
    if model._meta.model_name.startswith("historical")
)
TABLES = sorted(LEDGERS | HISTORIES)

CHANGES = (
    "UPDATE {table} SET {column} = {column}",
    "DELETE FROM {table}",
    "TRUNCATE {table} CASCADE",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} ADD COLUMN more text",
    "ALTER TABLE {table} OWNER TO CURRENT_USER",
    "DROP TRIGGER {append_only} ON {table}",
    "DROP TRIGGER {no_truncate} ON {table}",
    "DROP TABLE {table} CASCADE",
    "CREATE TRIGGER away BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE RULE away AS ON INSERT TO {table} DO INSTEAD NOTHING",
)

GUARDS = """
    SELECT tgname, tgtype, tgenabled FROM pg_trigger
    WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgfoid = 'refuse_change'::regproc
"""
BEFORE, FOR_EACH_ROW, DELETE, UPDATE, TRUNCATE = 2, 1, 8, 16, 32


@pytest.fixture
def application(db: None) -> Iterator[psycopg.Connection[Any]]:
    """A plain connection as the application's role, past Django."""
    entry = connection.settings_dict
    with psycopg.connect(
        host=entry["HOST"] or None, port=entry["PORT"] or None, dbname=entry["NAME"], user=entry["USER"]
    ) as plain:
        yield plain
        plain.rollback()


def first_column(plain: psycopg.Connection[Any], table: str) -> str:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1"
    row = plain.execute(query, [table]).fetchone()
    assert row is not None
    return str(row[0])


def test_the_tests_run_as_the_application_role(application: psycopg.Connection[Any]) -> None:
    query = "SELECT current_user, rolsuper, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    assert application.execute(query).fetchone() == (APP, False, False, False)


@pytest.mark.django_db
def test_every_history_table_is_among_those_tested() -> None:
    assert {"transactions_historicaltransaction", "accounts_historicaluser_groups"} <= HISTORIES
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    assert {table for table in tables if "_historical" in table} == HISTORIES


@pytest.mark.parametrize("table", TABLES)
def test_the_application_role_cannot_change_what_stands(application: psycopg.Connection[Any], table: str) -> None:
    names = {
        "table": sql.Identifier(table),
        "column": sql.Identifier(first_column(application, table)),
        "append_only": sql.Identifier(f"{table}_append_only"[:63]),
        "no_truncate": sql.Identifier(f"{table}_no_truncate"[:63]),
    }
    assert [one for one in CHANGES if not is_refused(application, sql.SQL(one).format(**names))] == []


def is_refused(plain: psycopg.Connection[Any], statement: sql.Composed) -> bool:
    try:
        with plain.transaction(force_rollback=True):
            plain.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        "SET ROLE openremit_owner",
        "SET SESSION AUTHORIZATION openremit_owner",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "DROP FUNCTION refuse_change() CASCADE",
        "CREATE TABLE public.another (id int)",
        "ALTER ROLE openremit_app SUPERUSER",
        "SET allow_system_table_mods = on",
    ],
)
def test_the_application_role_cannot_take_the_guards_away(application: psycopg.Connection[Any], statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute(statement.encode())


@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES)
def test_every_table_that_may_only_grow_has_both_guards_and_no_right_too_many(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(GUARDS, [table])
        guards = {(kind, enabled) for _, kind, enabled in cursor.fetchall()}
        cursor.execute(
            "SELECT privilege_type FROM information_schema.role_table_grants WHERE table_name = %s AND grantee = %s",
            [table, APP],
        )
        rights = {right for (right,) in cursor.fetchall()}
        cursor.execute(
            "SELECT count(*) FROM information_schema.column_privileges"
            " WHERE table_name = %s AND grantee = %s AND privilege_type = 'UPDATE'",
            [table, APP],
        )
        columns_to_update = cursor.fetchone()[0]
    assert guards == {(BEFORE | FOR_EACH_ROW | UPDATE | DELETE, "O"), (BEFORE | TRUNCATE, "O")}
    assert rights == {"SELECT", "INSERT"}
    assert columns_to_update == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("statement", ["UPDATE {} SET body = body", "DELETE FROM {}", "TRUNCATE {}"])
def test_even_the_owner_is_refused_while_the_guards_are_on(statement: str) -> None:
    AuditEventFactory()
    with owner_connection() as owner, pytest.raises(psycopg.errors.InsufficientPrivilege, match="is append-only"):
        owner.execute(sql.SQL(statement).format(sql.Identifier("audit_auditevent")))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("command", "options"),
    [("clean_old_history", {"auto": True, "days": 0}), ("clean_duplicate_history", {"auto": True})],
)
def test_the_commands_that_tidy_history_up_take_nothing_away(command: str, options: dict[str, Any]) -> None:
    partner = PartnerFactory(code="OLD")
    for _ in range(3):
        partner.save()
    before = Partner.history.count()
    assert before >= 4
    with pytest.raises(DatabaseError, match="permission denied"):
        call_command(command, stdout=StringIO(), **options)
    assert Partner.history.count() == before
