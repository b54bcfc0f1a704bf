"""When we fail: a page that says what was done, a reference that stands in the log, and no word of our insides."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from psycopg_pool import ConnectionPool, PoolTimeout

from accounts.models import Partner
from audit.models import AuditEvent
from backoffice.settings.database import POOL
from tests.pace import quickest
from tests.people import person, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.backoffice.failing_urls")]

REFERENCE = re.compile(r"E-[0-9A-F]{6}")
INSIDES = ("Traceback", "ZeroDivisionError", "secret of the code", "duplicate key", "3520112345671", "psycopg", ".py")


@pytest.fixture
def browser_of_hina() -> Client:
    client = signed_in(person("hina"))
    client.raise_request_exception = False
    return client


@contextlib.contextmanager
def database_down() -> Iterator[None]:
    """Where the database was, nobody listens any more."""
    host = connection.settings_dict["HOST"]
    connection.close()
    connection.settings_dict["HOST"] = "/nonexistent"
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["HOST"] = host


@pytest.mark.parametrize(
    ("what", "method", "status", "says"),
    [
        ("unexpected", "get", 500, "Nothing was done."),
        ("unexpected", "post", 500, "Nothing was done."),
        ("integrity", "post", 500, "Nothing was done."),
        ("operational", "get", 503, "Nothing was done."),
        ("operational", "post", 503, "We do not know whether what you sent was done."),
        ("interface", "post", 503, "We do not know whether what you sent was done."),
    ],
)
def test_our_fault_says_what_was_done_and_gives_a_reference_that_stands_in_the_log(
    browser_of_hina: Client, caplog: pytest.LogCaptureFixture, what: str, method: str, status: int, says: str
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = getattr(browser_of_hina, method)(f"/fails/{what}/")
    page = answer.content.decode()
    references = set(REFERENCE.findall(page))
    assert answer.status_code == status
    assert says in page
    assert len(references) == 1
    assert references.pop() in caplog.text
    assert [word for word in INSIDES if word in page] == []
    assert not Partner.objects.filter(code="HALFDONE").exists()


def test_what_cannot_be_stored_is_a_bad_request_with_a_reference(browser_of_hina: Client) -> None:
    answer = browser_of_hina.get("/fails/unstorable/")
    assert answer.status_code == 400
    assert REFERENCE.search(answer.content.decode())


def test_a_line_of_the_log_cannot_be_forged_by_an_address(
    browser_of_hina: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        browser_of_hina.get("/fails/unexpected%0a2026-01-01 CRITICAL forged/")
        browser_of_hina.post("/fails/operational/?a=%0aforged")
    own = [record.getMessage() for record in caplog.records if record.name == "backoffice.errors"]
    assert own
    assert [message for message in own if "\n" in message] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["get", "post"])
def test_without_its_database_the_product_answers_in_words_within_two_seconds(
    browser_of_hina: Client, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    answers = []
    with database_down(), caplog.at_level(logging.ERROR):
        took = quickest(lambda: answers.append(getattr(browser_of_hina, method)("/transactions/")))
    assert [answer.status_code for answer in answers] == [503] * len(answers)
    assert took < 2
    page = answers[-1].content.decode()
    assert "cannot answer right now" in page
    assert set(REFERENCE.findall(page)).pop() in caplog.text
    assert [word for word in INSIDES if word in page] == []


@pytest.mark.django_db(transaction=True)
def test_after_the_database_is_back_the_same_process_answers_again(browser_of_hina: Client) -> None:
    with database_down():
        assert browser_of_hina.get("/transactions/").status_code == 503
    assert browser_of_hina.get("/transactions/").status_code == 200


def test_an_error_page_is_no_entry_of_the_trail(browser_of_hina: Client) -> None:
    before = AuditEvent.objects.count()
    browser_of_hina.get("/fails/unexpected/")
    assert AuditEvent.objects.count() == before


def test_nobody_signed_in_sees_the_same_error_pages() -> None:
    client = Client(raise_request_exception=False)
    assert client.get("/fails/unexpected/").status_code == 500
    assert client.get("/fails/absent/").status_code == 404
    assert client.post("/fails/refused/").status_code == 409


def test_a_served_page_waits_less_than_two_seconds_for_a_connection() -> None:
    nowhere = ConnectionPool("host=127.0.0.1 port=1 connect_timeout=5", open=False, **POOL)
    nowhere.open()

    def ask() -> None:
        with pytest.raises(PoolTimeout):
            nowhere.getconn()

    assert quickest(ask) < 2
    nowhere.close()


def test_a_form_that_is_not_ours_is_refused_in_words(browser_of_hina: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/login/", {"login": "hina", "password": "x"})
    assert answer.status_code == 403
    assert "<h1" in answer.content.decode()
    assert "CSRF_TRUSTED_ORIGINS" not in answer.content.decode()
