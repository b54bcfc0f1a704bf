"""The emergency stop: one administrator ends a person's sign-in at once, on the record; two let the person in again."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.test import Client

from accounts.models import ApprovalRequest, User
from accounts.permissions import Role
from audit.models import AuditEvent
from audit.verbs import Verb
from tests.accounts.test_admin import change_person, said
from tests.factories.accounts import ApprovalRequestFactory, UserFactory
from tests.people import PASSWORD, person, signed_in

pytestmark = pytest.mark.django_db
WHY = "Account stolen, ticket 4711"


def suspend(client: Client, user: User, reason: str = WHY, **how: Any) -> Any:
    return client.post(f"/admin/accounts/user/{user.pk}/suspend/", {"reason": reason}, **how)


def is_active(user: User) -> bool:
    return User.objects.get(pk=user.pk).is_active


def entries() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(verb=Verb.SUSPENDED))


def third_administrator(**fields: Any) -> User:
    made: User = UserFactory(username="amna", roles=[Role.ADMINISTRATOR], is_staff=True, **fields)
    return made


def test_one_administrator_ends_a_sign_in_at_once_and_nothing_else(
    as_admin: Client, as_hina: Client, omar: User, as_omar: Client
) -> None:
    phone, waits = signed_in(omar), ApprovalRequestFactory(maker=omar)
    roles = list(omar.groups.all())
    address = f"/admin/accounts/user/{omar.pk}/suspend/"
    assert address in said(as_admin.get(f"/admin/accounts/user/{omar.pk}/change/"))
    page = said(as_admin.get(address))
    assert "signed out everywhere within five seconds" in page
    assert "1 request of theirs waits on; nobody can agree to it meanwhile" in page

    answer = suspend(as_admin, omar, follow=True)

    assert "Omar Gondal cannot sign in any more; 2 sessions ended" in said(answer)
    for browser in (as_omar, phone):
        assert browser.get("/transactions/").headers["Location"].startswith("/login/")
    assert "User name or password is not right" in said(
        Client().post("/login/", {"login": "omar", "password": PASSWORD})
    )
    assert as_hina.get("/transactions/").status_code == 200
    (entry,) = entries()
    assert (entry.actor, entry.object_id, entry.said["reason"]) == ("admin", "omar", WHY)
    past = omar.history.latest()
    assert (past.is_active, past.history_user.username, past.history_change_reason) == (False, "admin", WHY)
    assert list(User.objects.get(pk=omar.pk).groups.all()) == roles
    assert list(ApprovalRequest.objects.all()) == [waits]
    assert ApprovalRequest.objects.get().is_pending


def test_two_let_the_person_in_again_and_no_session_comes_back(
    as_admin: Client, as_admin2: Client, omar: User, as_omar: Client
) -> None:
    suspend(as_admin, omar)
    assert "cannot sign in. To change that, tick “Active”" in said(
        as_admin.get(f"/admin/accounts/user/{omar.pk}/change/")
    )
    assert change_person(as_admin, User.objects.get(pk=omar.pk), is_active="on").status_code == 302
    asked = ApprovalRequest.objects.get()
    assert as_admin.post(asked.get_absolute_url(), {"decision": "approve"}).status_code == 403
    assert not is_active(omar)

    as_admin2.post(asked.get_absolute_url(), {"decision": "approve"})

    assert is_active(omar)
    assert as_omar.get("/transactions/").headers["Location"].startswith("/login/")
    assert Client().post("/login/", {"login": "omar", "password": PASSWORD}).headers["Location"] == "/start/"


@pytest.mark.parametrize("reason", ["", "   ", "gone"])
def test_it_needs_a_reason(as_admin: Client, omar: User, reason: str) -> None:
    answer = suspend(as_admin, omar, reason)
    assert answer.status_code == 422
    assert is_active(omar)
    assert not entries()


@pytest.mark.parametrize("who", ["omar", "sana", "mehwish", "nadia", "hina"])
def test_nobody_but_an_administrator_does_it(who: str) -> None:
    victim = UserFactory(username="zara")
    client = signed_in(person(who))
    assert suspend(client, victim).status_code == 403
    assert suspend(client, User(pk=999_999)).status_code == 403
    assert is_active(victim)


def test_a_superuser_without_the_role_does_not_do_it(omar: User) -> None:
    assert suspend(signed_in(User.objects.create_superuser("root", "x", full_name="Root")), omar).status_code == 403
    assert is_active(omar)


def test_an_administrator_without_one_of_the_two_rights_does_not_do_it(as_admin: Client, omar: User) -> None:
    group = person("admin").groups.get()
    group.permissions.remove(group.permissions.get(codename="decide_people"))
    assert suspend(as_admin, omar).status_code == 403
    assert is_active(omar)


def test_nobody_suspends_oneself_through_no_account(as_admin: Client, admin: User, admin2: User) -> None:
    third_administrator()
    other = UserFactory(username="admin.too", person_key=admin.person_key)
    for own in (admin, other):
        assert "You cannot suspend your own sign-in" in said(as_admin.get(f"/admin/accounts/user/{own.pk}/suspend/"))
        answer = suspend(as_admin, own)
        assert answer.status_code == 409
        assert "You cannot suspend your own sign-in" in said(answer)
        assert is_active(own)
    assert AuditEvent.objects.filter(verb=Verb.REFUSED).count() == 2


def test_two_must_be_left_who_could_undo_it(as_admin: Client, admin: User, admin2: User) -> None:
    """So the stolen account of one administrator cannot lock the others out."""
    third_administrator(person_key=admin.person_key)  # another account of the same human being is nobody else
    answer = suspend(as_admin, admin2)
    assert answer.status_code == 409
    assert "Fewer than two people would be left who administer" in said(answer)
    assert is_active(admin2)

    User.objects.filter(username="amna").update(person_key=UserFactory().person_key)
    assert suspend(as_admin, admin2).status_code == 302
    assert not is_active(admin2)


def test_who_cannot_sign_in_already_is_not_suspended_again(as_admin: Client, omar: User) -> None:
    suspend(as_admin, omar)
    answer = suspend(as_admin, omar)
    assert answer.status_code == 409
    assert "cannot sign in already" in said(answer)
    assert len(entries()) == 1


def test_another_account_of_the_person_is_named(as_admin: Client, omar: User) -> None:
    UserFactory(username="omar.two", person_key=omar.person_key)
    assert "still has another account: omar.two" in said(suspend(as_admin, omar, follow=True))


def test_what_cannot_be_recorded_does_not_happen(
    as_admin: Client, as_omar: Client, omar: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("killed")

    as_admin.raise_request_exception = False
    sessions = Session.objects.count()
    with monkeypatch.context() as broken:
        broken.setattr("accounts.actions.trail.record", fails)
        assert suspend(as_admin, omar).status_code == 500
    assert is_active(omar)
    assert Session.objects.count() == sessions
    assert omar.history.filter(is_active=False).count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_suspend_each_other_at_the_same_moment() -> None:
    one, two = person("admin"), person("admin2")
    third_administrator()
    ready, answers = threading.Barrier(2), []

    def stop(by: User, other: User) -> None:
        client = signed_in(by)
        ready.wait()
        try:
            answers.append(suspend(client, other).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=stop, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers)[0] == 302
    assert sorted(answers)[1] in (302, 400, 403)  # signed out before, during or under the lock
    assert [is_active(one), is_active(two)].count(True) == 1
    assert len(entries()) == 1


def test_whoever_runs_the_server_suspends_the_other_of_two_administrators(admin: User, admin2: User) -> None:
    said_, browser = io.StringIO(), signed_in(admin2)
    call_command("suspend_person", "admin2", "--reason", WHY, stdout=said_)
    assert "admin2 cannot sign in any more; sessions ended: 1" in said_.getvalue()
    assert browser.get("/admin/").headers["Location"].startswith("/login/")
    assert entries()[0].said["reason"] == WHY

    with pytest.raises(SystemExit, match="Nobody would be left who administers"):
        call_command("suspend_person", "admin", "--reason", WHY)
    with pytest.raises(SystemExit, match="There is no person nobody"):
        call_command("suspend_person", "nobody", "--reason", WHY)
    assert is_active(admin)
