"""What becomes of the requests of somebody who leaves or loses a right: they end with the right they were made by."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts import maker_checker
from accounts.errors import Refused
from accounts.models import ApprovalRequest, Notification, User
from accounts.permissions import Role
from audit.models import AuditEvent
from audit.verbs import Verb
from exceptions import actions
from tests.accounts.test_admin import change_person, change_role, said
from tests.factories.accounts import role
from tests.factories.transactions import TransactionFactory
from tests.people import person
from transactions.models import Command
from transactions.vocabulary import Stage

pytestmark = pytest.mark.django_db
State = ApprovalRequest.State


@pytest.fixture
def of_omar(omar: User) -> ApprovalRequest:
    made = actions.cancel(TransactionFactory(stage=Stage.CASH_READY), by=omar, reason_code="CUST", note="Asked for.")
    assert isinstance(made, ApprovalRequest)
    return made


def latest() -> ApprovalRequest:
    return ApprovalRequest.objects.latest("pk")


def agree(client: Client) -> Any:
    return client.post(latest().get_absolute_url(), {"decision": "approve"}, follow=True)


def without_proposing(group: Any) -> list[str]:
    rows = group.permissions.exclude(codename="propose_operations")
    return [f"{app}.{name}" for app, name in rows.values_list("content_type__app_label", "codename")]


LOSSES = {
    "deactivated": lambda client: change_person(client, person("omar"), is_active=None),
    "another role": lambda client: change_person(client, person("omar"), groups=[role(Role.INQUIRY_HANDLER).pk]),
    "the role lost the right": lambda client: change_role(
        client, role(Role.OPERATIONS_MAKER), without_proposing(role(Role.OPERATIONS_MAKER))
    ),
}


@pytest.mark.parametrize("how", LOSSES)
def test_who_may_not_ask_any_more_has_nothing_waiting_any_more(
    as_admin: Client, as_admin2: Client, as_sana: Client, of_omar: ApprovalRequest, how: str
) -> None:
    answer = LOSSES[how](as_admin)
    assert answer.status_code == 302, said(answer)
    assert "1 pending approval is withdrawn." in said(as_admin.get("/admin/"))
    assert "1 pending approval is withdrawn." in said(as_admin2.get(latest().get_absolute_url()))
    assert ApprovalRequest.objects.get(pk=of_omar.pk).state == State.PENDING

    answer = agree(as_admin2)

    assert "It is changed. 1 pending approval is withdrawn." in said(answer)
    ended = ApprovalRequest.objects.get(pk=of_omar.pk)
    assert (ended.state, ended.checker) == (State.WITHDRAWN, None)
    entry = AuditEvent.objects.get(verb=Verb.APPROVAL_WITHDRAWN)
    assert (entry.actor, entry.said["facts"]["request"]) == ("admin", of_omar.number)
    assert entry.request_id == AuditEvent.objects.get(verb=Verb.APPROVAL_GIVEN).request_id
    assert not Notification.objects.unread().filter(recipient=person("sana")).exists()
    page = said(as_sana.get(of_omar.get_absolute_url()))
    assert "This was withdrawn at" in page
    assert "any more" in page
    late = as_sana.post(of_omar.get_absolute_url(), {"decision": "approve"})
    assert late.status_code == 409
    assert not Command.objects.exists()


def test_what_the_person_may_still_ask_for_waits_on(
    as_admin: Client, as_admin2: Client, of_omar: ApprovalRequest, omar: User
) -> None:
    change_person(as_admin, omar, full_name="Omar G.")
    assert "withdrawn" not in said(as_admin.get("/admin/"))
    assert "withdrawn" not in said(agree(as_admin2))
    assert ApprovalRequest.objects.get(pk=of_omar.pk).state == State.PENDING


def test_an_approval_that_fails_withdraws_nothing(
    as_admin: Client, as_admin2: Client, of_omar: ApprovalRequest, omar: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_person(as_admin, omar, is_active=None)

    def fails(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("killed")

    as_admin2.raise_request_exception = False
    monkeypatch.setattr("accounts.maker_checker._tell_of_ends", fails)
    assert as_admin2.post(latest().get_absolute_url(), {"decision": "approve"}).status_code == 500
    assert ApprovalRequest.objects.get(pk=of_omar.pk).state == State.PENDING
    assert person("omar").is_active
    assert not AuditEvent.objects.filter(verb=Verb.APPROVAL_WITHDRAWN).exists()


@pytest.mark.parametrize("taken", ["activity", "roles"])
def test_nobody_agrees_to_what_its_maker_could_not_ask_for_now(
    of_omar: ApprovalRequest, omar: User, sana: User, taken: str
) -> None:
    """However the right was lost: the request is overtaken at the decision."""
    if taken == "activity":
        User.objects.filter(pk=omar.pk).update(is_active=False)
    else:
        omar.groups.clear()
    with pytest.raises(Refused, match="Somebody who may can ask again"):
        maker_checker.approve(of_omar, by=sana)
    assert ApprovalRequest.objects.get(pk=of_omar.pk).state == State.STALE
    assert not Command.objects.exists()
