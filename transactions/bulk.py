"""Rows in bulk: numbers drawn ahead, rows written by COPY, many rows changed by one statement, history filled in.

What people do goes through the models; the intake writes a thousand events at once and goes through here. Table and
column names come from the models, never from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models
from django.db.models import GeneratedField


def table_of(model: type[models.Model]) -> str:
    return model._meta.db_table


def columns_of(model: type[models.Model], *, with_pk: bool = True) -> list[str]:
    """The names of the columns that can be written, in the model's order."""
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, GeneratedField)]
    return [str(field.column) for field in fields if with_pk or not field.primary_key]


def next_ids(model: type[models.Model], how_many: int) -> list[int]:
    """Fresh primary keys, drawn from the table's own sequence."""
    if not how_many:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [table_of(model), model._meta.pk.column, how_many],
        )
        return [number for (number,) in cursor.fetchall()]


def copy_in(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows by COPY. JSON goes in as text."""
    names = ", ".join(f'"{name}"' for name in columns)
    with (
        connection.wrap_database_errors,  # a copy passes Django by: its errors become Django's here
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{table_of(model)}" ({names}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row(row)


def change(model: type[models.Model], columns: dict[str, str], rows: Sequence[Sequence[Any]]) -> None:
    """Set `columns` (name → PostgreSQL type) of many rows at once. Each row is the primary key, then the values.

    The value of a column that is an array is given as text: "{1,2}".
    """
    if not rows:
        return
    key = model._meta.pk.column
    names = list(columns)
    is_array = {name for name, type_ in columns.items() if type_.endswith("[]")}
    types = [("text" if name in is_array else columns[name]) for name in names]
    parameters = ", ".join(["%s::bigint[]", *(f"%s::{type_}[]" for type_ in types)])
    given = ", ".join(f'"{name}"' for name in ["__key", *names])
    sets = ", ".join(
        f'"{name}" = given."{name}"' + (f"::{columns[name]}" if name in is_array else "") for name in names
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{table_of(model)}" held SET {sets} FROM unnest({parameters}) AS given({given})'  # noqa: S608
            f' WHERE held."{key}" = given.__key',
            [list(column) for column in zip(*rows, strict=True)],
        )


def keep_history(
    model: type[models.Model],
    ids: Sequence[int],
    *,
    kind: str,
    at: datetime,
    reason: str,
    trace_id: str,
    only_first: bool = False,
) -> None:
    """Add a history row to each of these rows as it stands now, in simple-history's own table.

    `kind` is "+" or "~"; `trace_id` joins the rows to the trail's entry of the same delivery. With
    `only_first` rows that have a history already get none.
    """
    if not ids:
        return
    history: type[models.Model] = model.history.model  # type: ignore[attr-defined]
    key = model._meta.pk.column
    own = set(columns_of(history, with_pk=False))
    shared = ", ".join(f'"{name}"' for name in columns_of(model) if name in own)
    trace = "trace_id" if "trace_id" in own else "request_id"
    first = (
        f' AND NOT EXISTS (SELECT FROM "{table_of(history)}" old WHERE old."{key}" = held."{key}")'
        if only_first
        else ""
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table_of(history)}" ({shared},'  # noqa: S608
            f" history_date, history_type, history_change_reason, {trace})"
            f' SELECT {shared}, %s, %s, %s, %s FROM "{table_of(model)}" held WHERE held."{key}" = ANY(%s){first}'
            f' ORDER BY held."{key}"',
            [at, kind, reason, trace_id, list(ids)],
        )
