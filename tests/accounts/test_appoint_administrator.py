"""The first two administrators of an installation: no more than two, on the record."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from accounts.permissions import MATRIX, Role
from audit.models import AuditEvent
from tests.factories.accounts import UserFactory
from tests.people import person

pytestmark = pytest.mark.django_db
FIRST = "a first pass phrase"


@pytest.fixture
def appoint(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    def run(username: str = "amna", password: str = FIRST) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        said = io.StringIO()
        call_command("appoint_administrator", username, "--full-name", "Amna Soomro", stdout=said)
        return said.getvalue()

    return run


def test_the_first_administrator_signs_in_and_chooses_a_password(appoint: Callable[..., str]) -> None:
    assert "amna is an administrator" in appoint()
    browser = Client()
    browser.post("/login/", {"login": "amna", "password": FIRST})
    assert browser.get("/admin/").headers["Location"] == "/account/password/"
    own = "an own pass phrase"
    browser.post("/account/password/", {"old_password": FIRST, "new_password1": own, "new_password2": own})
    assert browser.get("/admin/accounts/user/add/").status_code == 200

    amna = User.objects.get(username="amna")
    assert not amna.is_superuser
    bodies = [json.loads(body) for body in AuditEvent.objects.filter(object_id="amna").values_list("body", flat=True)]
    assert [one["verb"] for one in bodies[:2]] == ["added", "role_given"]
    assert amna.history.earliest().history_change_reason == "Administrator of a new installation"
    assert MATRIX[Role.ADMINISTRATOR]


def test_the_second_administrator_is_appointed_too_and_then_two_people_decide(appoint: Callable[..., str]) -> None:
    admin = person("admin")
    UserFactory(username="admin.too", person_key=admin.person_key, roles=[Role.ADMINISTRATOR], is_staff=True)
    assert "amna is an administrator" in appoint()
    with pytest.raises(SystemExit, match="Two people administer already"):
        appoint("zara")
    assert not User.objects.filter(username="zara").exists()


@pytest.mark.parametrize(("username", "password"), [("amna", "short"), ("Amna Soomro!", FIRST), ("amna", "")])
def test_a_name_or_password_that_will_not_do_is_refused_in_words(
    appoint: Callable[..., str], username: str, password: str
) -> None:
    with pytest.raises(SystemExit) as refused:
        appoint(username, password)
    assert isinstance(refused.value.code, str)
    assert not User.objects.exists()
