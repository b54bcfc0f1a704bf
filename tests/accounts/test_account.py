"""One's own account: preferences, and nothing that one may not give oneself."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from accounts.models import User
from audit.models import AuditEvent

CHOSEN = {
    "time_zone": "Europe/London",
    "theme": "dark",
    "density": "compact",
    "page_size": "100",
    "announcements": "on",
}


def test_preferences_are_kept_and_recorded(as_hina: Client, hina: User) -> None:
    answer = as_hina.post("/account/", CHOSEN)

    assert answer.headers["Location"] == "/account/"
    hina.refresh_from_db()
    assert (hina.time_zone, hina.theme, hina.density, hina.page_size) == ("Europe/London", "dark", "compact", 100)
    assert (hina.single_keys, hina.announcements) == (False, True)
    body = json.loads(AuditEvent.objects.get(verb="preferences_changed").body)
    assert body["before"]["time_zone"] == "Asia/Karachi"
    assert body["after"]["time_zone"] == "Europe/London"
    assert "announcements" not in body["after"]
    page = as_hina.get("/account/").content.decode()
    assert 'data-bs-theme="dark"' in page
    assert "Your preferences are saved." in page


def test_saving_what_is_there_already_records_nothing(as_hina: Client, hina: User) -> None:
    as_hina.post("/account/", CHOSEN)
    rows = hina.history.count()
    as_hina.post("/account/", CHOSEN)

    assert AuditEvent.objects.filter(verb="preferences_changed").count() == 1
    assert hina.history.count() == rows


@pytest.mark.parametrize(
    ("field", "value"), [("time_zone", "Moon/Base"), ("theme", "pink"), ("page_size", "1000000"), ("density", "")]
)
def test_a_value_outside_the_choices_is_refused_at_its_field(
    as_hina: Client, hina: User, field: str, value: str
) -> None:
    answer = as_hina.post("/account/", CHOSEN | {field: value})

    assert answer.status_code == 422
    assert "There is a problem" in answer.content.decode()
    hina.refresh_from_db()
    assert hina.theme == "system"


def test_the_account_form_gives_nobody_more_rights(as_hina: Client, hina: User) -> None:
    more = {
        "is_superuser": "on",
        "is_staff": "on",
        "is_active": "",
        "username": "root",
        "groups": "1",
        "user_permissions": "1",
        "person_key": "00000000-0000-0000-0000-000000000000",
        "password": "x",
    }
    before = User.objects.filter(pk=hina.pk).values().get()
    groups, own = set(hina.groups.all()), set(hina.user_permissions.all())
    as_hina.post("/account/", CHOSEN | more)

    after = User.objects.filter(pk=hina.pk).values().get()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"time_zone", "theme", "density", "page_size", "single_keys"}
    assert (set(hina.groups.all()), set(hina.user_permissions.all())) == (groups, own)


def test_the_page_says_whose_rows_one_sees_and_what_one_may_do(as_hina: Client) -> None:
    page = as_hina.get("/account/").content.decode()

    assert "You see: Instant Cash" in page
    assert "Search by name, IBAN, CNIC or phone" in page
    assert "Inquiry handler" in page


@pytest.mark.parametrize("path", ["/account/", "/account/password/"])
def test_the_pages_need_a_sign_in(path: str, db: None) -> None:
    assert Client().get(path).headers["Location"] == f"/login/?next={path}"
    assert Client().post(path).headers["Location"] == "/login/?next=/"
