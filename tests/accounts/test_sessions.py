"""How long a sign-in lasts, what prolongs it and what ends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts import sessions
from accounts.models import User
from audit.models import AuditEvent
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
MINUTE, HOUR = 60, 3600
BACKGROUND = {"X-Background": "1"}


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


@pytest.fixture
def zara() -> User:
    return UserFactory(username="zara")


@pytest.fixture
def browser_of_zara(zara: User, clock: time_machine.Coordinates) -> Client:
    return signed_in()


def signed_in(username: str = "zara", password: str = PASSWORD) -> Client:
    client = Client()
    assert client.post("/login/", {"login": username, "password": password}).status_code == 302
    return client


def is_in(client: Client, **headers: str) -> bool:
    return client.get("/account/", headers=headers or None).status_code == 200


def test_fifteen_minutes_without_a_request_end_the_session(browser_of_zara: Client, clock) -> None:
    clock.shift(14 * MINUTE + 59)
    assert is_in(browser_of_zara)
    clock.shift(15 * MINUTE + 1)

    answer = browser_of_zara.get("/account/")

    assert answer.headers["Location"] == "/login/?next=/account/"
    page = browser_of_zara.get("/login/").content.decode()
    assert "You were signed out after 15 minutes without activity." in page
    assert "You were signed out" not in browser_of_zara.get("/login/").content.decode()
    assert AuditEvent.objects.get(verb="session_ended").actor == "zara"


def test_what_a_page_asks_by_itself_does_not_prolong_the_session(browser_of_zara: Client, clock) -> None:
    for _ in range(15):
        clock.shift(MINUTE)
        assert is_in(browser_of_zara, **BACKGROUND)
    clock.shift(1)

    assert not is_in(browser_of_zara, **BACKGROUND)
    assert not is_in(browser_of_zara)


def test_what_the_person_asks_does_and_so_does_staying(browser_of_zara: Client, clock) -> None:
    clock.shift(14 * MINUTE)
    assert browser_of_zara.post("/account/stay/", headers={"X-Requested-With": "fetch"}).status_code == 204
    clock.shift(14 * MINUTE)
    assert browser_of_zara.post("/account/stay/", {"next": "/account/"}).headers["Location"] == "/account/"
    clock.shift(14 * MINUTE)
    assert is_in(browser_of_zara)


@pytest.mark.parametrize("where", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", ""])
def test_staying_never_leads_to_another_site(as_hina: Client, where: str) -> None:
    assert as_hina.post("/account/stay/", {"next": where}).headers["Location"] == "/"


def test_twelve_hours_end_the_busiest_session(browser_of_zara: Client, clock) -> None:
    for _ in range(12 * 6):
        clock.shift(10 * MINUTE)
        assert is_in(browser_of_zara)
    clock.shift(1)

    assert not is_in(browser_of_zara)
    assert "12 hours at most" in browser_of_zara.get("/login/").content.decode()


def test_a_deactivated_person_is_out_at_the_next_request(browser_of_zara: Client, zara: User) -> None:
    User.objects.filter(pk=zara.pk).update(is_active=False)

    assert not is_in(browser_of_zara)


def test_htmx_is_told_to_go_to_the_sign_in_page_and_back(browser_of_zara: Client, clock) -> None:
    clock.shift(16 * MINUTE)

    answer = browser_of_zara.get(
        "/account/",
        headers={"HX-Request": "true", "HX-Current-URL": "https://elsewhere.example/transactions/?status=failed"},
    )

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login/?next=/transactions/%3Fstatus%3Dfailed"
    assert answer.content == b""


def test_a_session_that_is_ended_in_the_middle_of_its_own_request_is_over(
    browser_of_zara: Client, zara: User, clock: time_machine.Coordinates
) -> None:
    def asked_while_it_ends(method: str, **headers: str) -> HttpResponse:
        clock.shift(MINUTE)  # so that the request writes into its session when it was seen
        browser_of_zara.force_login(zara, backend="django.contrib.auth.backends.ModelBackend")

        def ending(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            answer = execute(sql, params, many, context)
            if 'FROM "accounts_user"' in sql and Session.objects.exists():
                sessions.end_all_of(zara)
            return answer

        with connection.execute_wrapper(ending):
            return getattr(browser_of_zara, method)("/account/", headers=headers or None)

    assert asked_while_it_ends("get").headers["Location"] == "/login/?next=/account/"
    assert asked_while_it_ends("post").headers["Location"] == "/login/?next=/"
    part = asked_while_it_ends("get", **{"HX-Request": "true", "HX-Current-URL": "http://testserver/transactions/"})
    assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/login/?next=/transactions/")
    assert not is_in(browser_of_zara)


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(zara: User) -> None:
    here, there = signed_in(), signed_in()
    new = "another long passphrase"
    answer = here.post("/account/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})

    assert answer.headers["Location"] == "/account/"
    assert is_in(here)
    assert not is_in(there)
    assert signed_in(password=new)
    event = AuditEvent.objects.get(verb="password_changed")
    assert (event.actor, event.object_id) == ("zara", "zara")
    assert new not in event.body
    row = zara.history.first()
    assert (row.history_user, row.request_id) == (zara, event.request_id)


def test_a_new_password_must_be_long_and_new_and_typed_twice_alike(zara: User) -> None:
    client = signed_in()

    def say(old: str, first: str, second: str) -> str:
        fields = {"old_password": old, "new_password1": first, "new_password2": second}
        answer = client.post("/account/password/", fields)
        assert answer.status_code == 422
        return answer.content.decode()

    assert "The present password is not right." in say("wrong", "another long passphrase", "another long passphrase")
    assert "differ" in say(PASSWORD, "another long passphrase", "another long passphrasf")
    assert "differs from the present one" in say(PASSWORD, PASSWORD, PASSWORD)
    assert "too short" in say(PASSWORD, "short", "short")
    assert signed_in()


def test_the_present_password_cannot_be_guessed_from_an_open_session(zara: User) -> None:
    client = signed_in()
    fields = {"new_password1": "another long passphrase", "new_password2": "another long passphrase"}
    for number in range(5):
        client.post("/account/password/", fields | {"old_password": f"guess {number}"})

    answer = client.post("/account/password/", fields | {"old_password": PASSWORD})

    assert answer.status_code == 422
    assert "Too many tries" in answer.content.decode()
    assert signed_in_fails()


def signed_in_fails() -> bool:
    return Client().post("/login/", {"login": "zara", "password": PASSWORD}).status_code == 422


def test_a_temporary_password_must_be_replaced_before_anything_else(zara: User) -> None:
    User.objects.filter(pk=zara.pk).update(password_is_temporary=True)
    client = signed_in()

    assert client.get("/account/").headers["Location"] == "/account/password/"
    assert client.get("/account/", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/account/password/"
    assert "chosen by an administrator" in client.get("/account/password/").content.decode()

    new = "another long passphrase"
    client.post("/account/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert is_in(client)
