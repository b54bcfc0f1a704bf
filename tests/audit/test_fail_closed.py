"""When the trail cannot be written: nothing is done, nothing personal is shown, and plain reading says so."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client

from tests.audit.deeds import DEEDS, Deed, World, world
from tests.audit.test_every_change_is_recorded import NOT_A_DEED
from tests.database import TABLES, owner_connection
from tests.people import PASSWORD
from transactions.models import Party

STRIP = "Reading is not being recorded"
ROWS = "SELECT coalesce(sum(hashtextextended(t::text, 0)), 0), count(*) FROM public.{} AS t"


@contextlib.contextmanager
def unwritable() -> Iterator[None]:
    """The application role may no longer add to the trail."""
    with owner_connection(autocommit=True) as owner:
        owner.execute("REVOKE INSERT ON audit_auditevent FROM openremit_app")
    try:
        yield
    finally:
        connection.close()
        with owner_connection(autocommit=True) as owner:
            owner.execute("GRANT INSERT ON audit_auditevent TO openremit_app")


@pytest.fixture
def here(transactional_db: None) -> Iterator[World]:
    """The world when the trail cannot be written."""
    made = world()
    with unwritable():
        yield made


def fingerprint() -> dict[str, tuple[int, int]]:
    """What every table holds, but those that hold no deed."""
    with owner_connection() as owner:
        tables = [name for (name,) in owner.execute(TABLES, ["public"]).fetchall() if name not in NOT_A_DEED]
        return {name: owner.execute(ROWS.format(name).encode()).fetchone() for name in tables}  # type: ignore[misc]


REFUSED = [deed for deed in DEEDS if deed.name != "sign out"]


@pytest.mark.parametrize("deed", REFUSED, ids=[deed.name for deed in REFUSED])
def test_nothing_is_done_unrecorded(transactional_db: None, deed: Deed, caplog: pytest.LogCaptureFixture) -> None:
    made = world()
    deed.before(made)
    before = fingerprint()
    with unwritable(), caplog.at_level(logging.ERROR):
        answer = deed.do(made)
    page = answer.content.decode()
    assert answer.status_code == 503
    assert "Nothing was done" in page or "Nothing was taken in" in page
    assert "Traceback" not in page
    assert {name for name, rows in fingerprint().items() if rows != before[name]} - {"accounts_user"} == set()
    assert "cannot be written" in caplog.text


def test_who_wants_to_leave_may_and_the_alarm_is_raised(here: World, caplog: pytest.LogCaptureFixture) -> None:
    client = here.of("hina")
    with caplog.at_level(logging.CRITICAL):
        assert client.post("/logout/").headers["Location"] == "/login/"
    assert client.get("/account/").headers["Location"].startswith("/login/")
    assert "cannot be written" in caplog.text


@pytest.mark.parametrize("part", ["", "timeline/", "notes/", "related/"])
def test_a_plain_page_answers_and_says_that_reading_is_not_recorded(
    here: World, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        answer = here.of("hina").get(f"{here.page}{part}")
    assert answer.status_code == 200
    assert STRIP in answer.content.decode()
    assert "cannot be written" in caplog.text


def test_pages_that_record_nothing_answer_as_ever(here: World) -> None:
    for address in ("/transactions/", "/inquiries/", "/help/statuses/", "/search/"):
        answer = here.of("hina").get(address)
        assert (answer.status_code, STRIP in answer.content.decode()) == (200, False), address


def test_a_reference_is_still_found(here: World) -> None:
    answer = here.of("hina").post("/search/", {"q": here.transaction.txn_id}, follow=True)
    assert answer.status_code == 200


@pytest.mark.parametrize("text", ["35201-1234567-1", "+92 300 1234567", "PK36SCBL0000001123456702", "Sana Malik"])
def test_a_search_by_a_persons_data_is_refused(here: World, text: str) -> None:
    answer = here.of("hina").post("/search/", {"q": text}, follow=True)
    assert answer.status_code == 503
    assert here.transaction.txn_id not in answer.content.decode()


def test_what_is_revealed_is_not_in_the_answer(here: World) -> None:
    values = [text for text in Party.objects.values_list("id_number", flat=True) if text]
    answer = here.of("adeel").post(f"{here.page}reveal/", {"field": "beneficiary_id_number", "reason": "checks"})
    assert answer.status_code == 503
    assert [value for value in values if value in answer.content.decode()] == []


def test_a_missing_right_is_missing_all_the_same(here: World) -> None:
    answer = here.of("hina").post(f"{here.page}reveal/", {"field": "beneficiary_id_number", "reason": "checks"})
    assert answer.status_code == 403


def test_nobody_is_signed_in_unrecorded(here: World) -> None:
    client = Client(raise_request_exception=False)
    assert client.post("/login/", {"login": "hina", "password": PASSWORD}).status_code == 503
    assert client.get("/account/").headers["Location"].startswith("/login/")
