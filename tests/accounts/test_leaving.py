"""What becomes of requests and work of somebody who leaves or loses a right: they end with the right they lived by."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts import maker_checker
from accounts.errors import MissingPermission, Refused
from accounts.models import ApprovalRequest, Notification, User
from accounts.permissions import Role
from audit.models import AuditEvent
from audit.verbs import Verb
from compliance import actions as case_actions
from compliance.actions import Seen
from compliance.models import Case
from exceptions import actions, handling
from exceptions.models import ExceptionItem
from tests.accounts.test_admin import change_person, change_role, said
from tests.factories.accounts import role
from tests.factories.compliance import CaseFactory
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


# -- the work in somebody's hands -------------------------------------------------------------------------------------


def taken(by: User, count: int) -> list[Case]:
    cases = [CaseFactory() for _ in range(count)]
    for case in cases:
        case_actions.claim(case, by=by, seen=Seen(case.revision, case.transaction.version, ""))
    return cases


def without_cases(group: Any) -> list[str]:
    rows = group.permissions.exclude(codename="work_cases")
    return [f"{app}.{name}" for app, name in rows.values_list("content_type__app_label", "codename")]


@pytest.mark.parametrize(
    "lose",
    [
        lambda client: change_person(client, person("adeel"), is_active=None),
        lambda client: change_person(client, person("adeel"), groups=[role(Role.INQUIRY_HANDLER).pk]),
        lambda client: change_role(client, role(Role.COMPLIANCE_ANALYST), without_cases(role(Role.COMPLIANCE_ANALYST))),
    ],
    ids=["deactivated", "another role", "the role lost the right"],
)
def test_the_cases_of_somebody_who_leaves_go_back_to_the_queue(
    as_admin: Client, as_admin2: Client, adeel: User, mehwish: User, lose: Any
) -> None:
    cases, others = taken(adeel, 3), taken(mehwish, 1)
    assert lose(as_admin).status_code == 302
    assert "3 open cases go back to the queue." in said(as_admin2.get(latest().get_absolute_url()))
    assert Case.objects.assigned_to(adeel).count() == 3

    answer = agree(as_admin2)

    assert "It is changed. 3 open cases go back to the queue." in said(answer)
    assert Case.objects.open().unassigned().count() == 3
    assert Case.objects.get(pk=others[0].pk).assignee == mehwish
    entries = AuditEvent.objects.filter(verb=Verb.CASE_RETURNED)
    assert sorted(entry.object_id for entry in entries) == sorted(case.number for case in cases)
    assert {entry.request_id for entry in entries} == {AuditEvent.objects.get(verb=Verb.APPROVAL_GIVEN).request_id}
    past = Case.history.filter(id=cases[0].pk).latest("history_id")
    assert past.history_change_reason == f"{adeel} does not work on cases any more"
    assert case_actions.take_next(Case.objects.all(), by=mehwish) is not None


def test_exceptions_go_back_to_the_desk_with_whoever_had_them(as_admin: Client, as_admin2: Client, omar: User) -> None:
    rows = [TransactionFactory(stage="failed_retryable") for _ in range(2)]
    for row in rows:
        handling.assign(row, by=omar, to=omar, seen="")
    change_person(as_admin, omar, is_active=None)
    assert "2 transactions with exceptions go back to the queue." in said(agree(as_admin2))
    assert not ExceptionItem.objects.open().filter(assignee=omar).exists()
    assert AuditEvent.objects.filter(verb=Verb.EXCEPTION_ASSIGNED, actor="admin").count() == 2


def test_work_of_which_one_piece_cannot_be_returned_stays_where_it_was(
    as_admin: Client, as_admin2: Client, adeel: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(adeel, 2)
    change_person(as_admin, adeel, is_active=None)
    plain, calls = case_actions._changed, []

    def fails_at_the_second(*args: Any, **kwargs: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise RuntimeError("killed")
        plain(*args, **kwargs)

    monkeypatch.setattr(case_actions, "_changed", fails_at_the_second)
    as_admin2.raise_request_exception = False
    assert as_admin2.post(latest().get_absolute_url(), {"decision": "approve"}).status_code == 500
    assert Case.objects.assigned_to(adeel).count() == 2
    assert person("adeel").is_active
    assert not AuditEvent.objects.filter(verb=Verb.CASE_RETURNED).exists()


@pytest.mark.django_db(transaction=True)
def test_nobody_takes_a_case_while_leaving(admin: User, adeel: User) -> None:
    """Whoever takes one at that very moment waits, and is refused."""
    case = CaseFactory()
    outcome: list[object] = []

    def take() -> None:
        try:
            outcome.append(case_actions.take_next(Case.objects.all(), by=adeel))
        except Refused as refusal:
            outcome.append(refusal.sentence)
        finally:
            connection.close()

    with transaction.atomic():
        maker_checker.as_of_now(admin, exclusively=True)
        thread = threading.Thread(target=take)
        thread.start()
        User.objects.filter(pk=adeel.pk).update(is_active=False)
        case_actions.give_back(adeel, admin)
        time.sleep(0.3)  # the other one waits for this to end
        assert outcome == []
    thread.join()
    assert outcome == ["Your account is not active any more."]
    assert Case.objects.get(pk=case.pk).assignee is None


def test_nobody_returns_somebodys_work_without_the_right_to_change_people(adeel: User, omar: User) -> None:
    (case,) = taken(adeel, 1)
    for give_back in (case_actions.give_back, handling.give_back):
        with pytest.raises(MissingPermission):
            give_back(adeel, omar)
    assert Case.objects.get(pk=case.pk).assignee == adeel
