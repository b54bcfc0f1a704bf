"""Makes a table append-only: for the application role by its rights, for everybody by a trigger."""

from __future__ import annotations

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
"""


def append_only(*tables: str) -> list[migrations.RunSQL]:
    """Migration operations that refuse every UPDATE, DELETE and TRUNCATE on `tables`."""
    return [migrations.RunSQL(_forward(table), _backward(table)) for table in tables]


def _forward(table: str) -> str:
    return f"""
    {FUNCTION}
    CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'openremit_app') THEN
            REVOKE UPDATE, DELETE, TRUNCATE, TRIGGER ON {table} FROM openremit_app;
        END IF;
    END $$;
    """  # noqa: S608 - table names are ours


def _backward(table: str) -> str:
    return f"""
    DROP TRIGGER {table}_append_only ON {table};
    DROP TRIGGER {table}_no_truncate ON {table};
    """
