"""The log holds no personal data, whatever an error quotes."""

from __future__ import annotations

import logging
import logging.config

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from backoffice.logs import Line, without_personal_data

PERSONAL = [
    "3520112345671",
    "35201-1234567-1",
    "+92 300 1234567",
    "+923001234567",
    "PK36SCBL0000001123456702",
    "PK36 SCBL 0000 0011 2345 6702",
    "hina.baig@example.com",
    "0011234567890",
]
PLAIN = [
    "PSL000000045",
    "E-1A2B3C",
    "2026-11-22 23:58:27,237",
    "2026-11-22T23:58:27.123456+00:00",
    "0123456789abcdef0123456789abcdef",
    "/transactions/PSL000000045/notes/",
    "line 293, in handle",
    "10.0.0.7",
    "HTTP 503",
    "1,000,000 events",
]


@pytest.mark.parametrize("text", PERSONAL)
def test_personal_data_is_taken_out(text: str) -> None:
    assert without_personal_data(f"saw {text} here") == "saw ••• here"
    assert text not in without_personal_data(f"data={{'number': '{text}'}}")


@pytest.mark.parametrize("text", PLAIN)
def test_references_and_times_stay_readable(text: str) -> None:
    assert without_personal_data(f"saw {text} here") == f"saw {text} here"


def test_the_log_is_written_by_it() -> None:
    formatters = {name: made["()"] for name, made in settings.LOGGING["formatters"].items()}
    assert set(formatters.values()) == {"backoffice.logs.Line"}


@pytest.mark.django_db
def test_an_error_of_the_database_keeps_the_row_to_itself() -> None:
    line = Line("%(message)s")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE parties (full_name text PRIMARY KEY CHECK (full_name <> 'Sana Malik'))")
        for value in ("Sana Malik", "Zoe Lukasz"):
            with pytest.raises(IntegrityError) as caught, transaction.atomic():
                cursor.execute("INSERT INTO parties VALUES (%s), (%s)", [value, value])
            error = caught.value
            record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", None, (type(error), error, None))
            said = line.format(record)
            assert value not in said
            assert "IntegrityError" in said
