"""Signing in: one failure text, the pause after five tries, the trail, and where one lands."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from accounts.models import SignInFailure, User
from audit.models import AuditEvent
from tests.factories.accounts import PASSWORD, UserFactory
from tests.people import person

pytestmark = pytest.mark.django_db
ONE_TEXT = "User name or password is not right."


def sign_in(username: str, password: str = PASSWORD, client: Client | None = None, **more: Any) -> Any:
    return (client or Client()).post("/login/", {"login": username, "password": password, **more})


def trail(verb: str) -> list[dict[str, Any]]:
    return [json.loads(entry.body) for entry in AuditEvent.objects.filter(verb=verb).order_by("seq")]


def test_the_right_password_opens_a_session_and_leaves_a_trail_entry() -> None:
    user = UserFactory(username="zara")
    client = Client()

    answer = sign_in("zara", client=client)

    assert answer.status_code == 302
    assert answer.headers["Location"] == "/start/"
    assert client.session["_auth_user_id"] == str(user.pk)
    assert [entry["actor"] for entry in trail("signed_in")] == ["zara"]


def test_a_user_name_is_taken_in_any_case_and_with_spaces_around() -> None:
    UserFactory(username="zara")

    assert sign_in("  ZARA ").status_code == 302


def test_every_failure_has_one_text_and_looks_the_same() -> None:
    UserFactory(username="zara")
    UserFactory(username="left", is_active=False)
    pages = {
        sign_in(name, "not the password").content.replace(name.encode(), b"NAME") for name in ("zara", "nobody", "left")
    }
    pages |= {sign_in("left", PASSWORD).content.replace(b"left", b"NAME")}

    texts = {ONE_TEXT.encode() in page for page in pages}
    assert texts == {True}
    assert len({without_tokens(page) for page in pages}) == 1


@pytest.mark.parametrize(
    ("name", "password"), [("a" * 61, "x"), ("nul\x00", "x"), ("zara", "nul\x00"), ("\ud800", "x")]
)
def test_what_cannot_be_a_name_or_password_fails_with_the_same_text(name: str, password: str) -> None:
    UserFactory(username="zara")

    answer = Client().post("/login/", {"login": name.encode("utf-8", "surrogatepass"), "password": password})

    assert answer.status_code == 422
    assert ONE_TEXT in answer.content.decode()


def test_nothing_typed_is_said_at_the_field() -> None:
    page = sign_in("", "").content.decode()

    assert "Enter your user name" in page
    assert "Enter your password" in page
    assert ONE_TEXT not in page


def test_the_page_warns_from_the_third_failure() -> None:
    UserFactory(username="zara")
    pages = [sign_in("zara", "wrong").content.decode() for _ in range(5)]

    assert ["before a 30-minute pause" in page for page in pages] == [False, False, True, True, False]
    assert "2 more tries before a 30-minute pause" in pages[2]
    assert "1 more try before a 30-minute pause" in pages[3]
    assert "No tries are left" in pages[4]


@pytest.mark.parametrize("username", ["zara", "nobody"])
def test_five_failures_pause_a_name_that_exists_and_one_that_does_not(username: str) -> None:
    UserFactory(username="zara")
    for _ in range(5):
        sign_in(username, "wrong")

    page = sign_in(username, PASSWORD)

    assert page.status_code == 422
    assert ONE_TEXT in page.content.decode()
    assert SignInFailure.objects.get(key=f"user:{username}").locked_until is not None
    assert len(trail("sign_in_locked")) == 1


def test_a_pause_ends_after_thirty_minutes_and_not_before() -> None:
    UserFactory(username="zara")
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        for _ in range(5):
            sign_in("zara", "wrong")
        clock.shift(29 * 60 + 59)
        assert sign_in("zara").status_code == 422
        clock.shift(2)
        assert sign_in("zara").status_code == 302


def test_failures_older_than_half_an_hour_are_forgotten() -> None:
    UserFactory(username="zara")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(4):
            sign_in("zara", "wrong")
        clock.shift(31 * 60)
        for _ in range(4):
            sign_in("zara", "wrong")
        assert sign_in("zara").status_code == 302


def test_a_success_forgets_the_failures_of_the_name_but_not_of_the_address() -> None:
    UserFactory(username="zara")
    for _ in range(4):
        sign_in("zara", "wrong")
    sign_in("zara")

    assert not SignInFailure.objects.filter(key="user:zara").exists()
    assert SignInFailure.objects.get(key="ip:127.0.0.1").failures == 4


def test_fifty_failures_from_one_address_pause_the_address_for_every_name() -> None:
    UserFactory(username="zara")
    for number in range(50):
        sign_in(f"guess{number}", "wrong")

    assert sign_in("zara").status_code == 422
    assert Client(REMOTE_ADDR="10.0.0.9").post("/login/", {"login": "zara", "password": PASSWORD}).status_code == 302


def test_what_was_typed_as_an_unknown_name_is_not_kept_in_the_trail() -> None:
    sign_in("my-password-typed-here", "wrong")

    assert "my-password-typed-here" not in AuditEvent.objects.get(verb="sign_in_failed").body


@pytest.mark.parametrize(
    ("asked", "landed"),
    [
        ("/transactions/?status=failed", "/transactions/?status=failed"),
        ("https://elsewhere.example/", "/start/"),
        ("//elsewhere.example/", "/start/"),
        ("/\\elsewhere.example/", "/start/"),
        ("javascript:alert(1)", "/start/"),
        ("http://127.0.0.1/", "/start/"),
    ],
)
def test_after_signing_in_one_stays_on_this_site(asked: str, landed: str) -> None:
    UserFactory(username="zara")

    assert sign_in("zara", next=asked).headers["Location"] == landed


def test_signing_in_changes_the_session_key() -> None:
    UserFactory(username="zara")
    client = Client()
    planted = client.session
    planted["planted"] = "by somebody"
    planted.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted.session_key

    sign_in("zara", client=client)

    assert client.session.session_key != planted.session_key
    assert not Session.objects.filter(session_key=planted.session_key).exists()


def test_the_last_sign_in_is_shown_and_leaves_no_history_row() -> None:
    user = UserFactory(username="zara")
    rows = user.history.count()
    with time_machine.travel("2026-11-22T05:44:00Z", tick=False):
        Client(REMOTE_ADDR="10.0.0.7").post("/login/", {"login": "zara", "password": PASSWORD})
    with time_machine.travel("2026-11-22T09:00:00Z", tick=False):
        client = Client()
        sign_in("zara", client=client)
        page = client.get("/account/").content.decode()

    assert "Signed in before: 22 Nov 2026, 10:44 PKT from 10.0.0.7." in page
    assert user.history.count() == rows
    assert user.history.filter(history_type="~").count() == rows - 1


def test_the_first_sign_in_says_so() -> None:
    UserFactory(username="zara")
    client = Client()
    sign_in("zara", client=client)

    assert "This is your first sign-in." in client.get("/account/").content.decode()


def test_signing_out_is_a_post_and_recorded(as_hina: Client) -> None:
    assert as_hina.get("/logout/").status_code == 405
    assert "_auth_user_id" in as_hina.session

    assert as_hina.post("/logout/").headers["Location"] == "/login/"
    assert "_auth_user_id" not in as_hina.session
    assert [entry["actor"] for entry in trail("signed_out")] == ["hina"]


def test_nobody_signs_in_unrecorded_and_everybody_can_leave(monkeypatch: pytest.MonkeyPatch, as_hina: Client) -> None:
    UserFactory(username="zara")

    def broken(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("the trail cannot be written")

    monkeypatch.setattr("audit.trail._append", broken)
    client = Client(raise_request_exception=False)

    assert sign_in("zara", client=client).status_code == 503
    assert "_auth_user_id" not in client.session
    assert client.get("/account/").headers["Location"].startswith("/login/")
    assert as_hina.post("/logout/").headers["Location"] == "/login/"
    assert "_auth_user_id" not in as_hina.session


def test_somebody_signed_in_is_not_asked_again(as_hina: Client) -> None:
    assert as_hina.get("/login/").headers["Location"] == "/start/"


def test_production_hashes_passwords_with_argon2() -> None:
    from backoffice.settings import base

    assert base.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    assert "argon2" in __import__("django.contrib.auth.hashers", fromlist=["x"]).Argon2PasswordHasher().encode(
        "x", "saltsaltsalt"
    )


@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/accounts/signup/", "/signup/", "/password/reset/", "/accounts/email/"]
)
def test_none_of_allauths_other_pages_is_there(path: str) -> None:
    assert Client().get(path).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_guesses_sent_at_the_same_moment_are_not_more_than_five() -> None:
    person("hina")
    looked_at: list[str] = []
    ready = threading.Barrier(12)

    def guess() -> None:
        ready.wait()
        try:
            with_count = sign_in("hina", "wrong guess")
            looked_at.append(str(with_count.status_code))
        finally:
            connection.close()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    results = [entry["result"] for entry in trail("sign_in_failed")]
    assert looked_at == ["422"] * 12
    assert results.count("FAILED") == 5
    assert results.count("DENIED") == 7
    assert User.objects.get(username="hina").last_login is None


def without_tokens(page: bytes) -> str:
    import re

    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page.decode())
    return re.sub(r"<time[^>]*>[^<]*</time>", "", text)
