"""The inbox of the second person: what it shows to whom, and what a decision leaves behind."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.test import Client

from accounts import maker_checker
from accounts.maker_checker import Job
from accounts.models import ApprovalRequest, User
from audit.models import AuditEvent
from audit.verbs import Verb
from exceptions import actions
from tests.exceptions.test_actions import failed
from transactions.models import Command, Transaction
from transactions.vocabulary import CommandKind

pytestmark = pytest.mark.django_db
State = ApprovalRequest.State


@pytest.fixture
def asked(omar: User) -> ApprovalRequest:
    made = actions.repush(failed(amount="600000.00"), by=omar, reason_code="FUNDED", note="Funded at noon.")
    assert isinstance(made, ApprovalRequest)
    return made


def now_of(asked: ApprovalRequest) -> ApprovalRequest:
    return ApprovalRequest.objects.get(pk=asked.pk)


def test_the_second_person_sees_the_evidence_the_consequence_and_decides(
    as_sana: Client, asked: ApprovalRequest
) -> None:
    assert asked.number in as_sana.get("/approvals/").content.decode()
    page = as_sana.get(asked.get_absolute_url()).content.decode()
    for part in ("Funded at noon.", "The bank is asked first", asked.object_id, "Timeline", "Runs out"):
        assert part in page
    answer = as_sana.post(asked.get_absolute_url(), {"decision": "approve", "note": ""}, follow=True)
    assert "is approved" in answer.content.decode()
    assert now_of(asked).state == State.APPROVED
    assert Command.objects.filter(kind=CommandKind.REPUSH).count() == 1


def test_the_maker_finds_no_form_but_the_reason_and_a_direct_post_is_refused_and_recorded(
    as_omar: Client, asked: ApprovalRequest
) -> None:
    page = as_omar.get(asked.get_absolute_url()).content.decode()
    assert "You asked for this. Someone else with role Operations checker must decide." in page
    assert 'name="decision"' not in page
    answer = as_omar.post(asked.get_absolute_url(), {"decision": "approve"})
    assert answer.status_code == 403
    assert now_of(asked).state == State.PENDING
    assert not Command.objects.exists()


def test_the_maker_withdraws(as_omar: Client, asked: ApprovalRequest) -> None:
    as_omar.post(f"{asked.get_absolute_url()}withdraw/")
    assert now_of(asked).state == State.WITHDRAWN


def test_who_comes_second_is_told_who_was_first_and_keeps_the_note(
    as_sana: Client, asked: ApprovalRequest, sana: User
) -> None:
    maker_checker.approve(asked, by=sana)
    answer = as_sana.post(asked.get_absolute_url(), {"decision": "reject", "note": "I have doubts."})
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "You approved this at" in html
    assert "I have doubts." in html
    assert AuditEvent.objects.filter(verb=Verb.REFUSED, object_id=asked.object_id).exists()


def test_a_request_that_was_overtaken_says_so_before_anybody_decides(as_sana: Client, asked: ApprovalRequest) -> None:
    Transaction.objects.filter(txn_id=asked.object_id).update(version=9)
    assert "which is now version 9" in as_sana.get(asked.get_absolute_url()).content.decode()
    assert as_sana.post(asked.get_absolute_url(), {"decision": "approve"}).status_code == 409
    assert now_of(asked).state == State.STALE


def test_a_rejection_needs_a_note(as_sana: Client, asked: ApprovalRequest) -> None:
    answer = as_sana.post(asked.get_absolute_url(), {"decision": "reject"})
    assert answer.status_code == 422
    assert "<title>Error:" in answer.content.decode()


def test_a_job_is_decided_row_by_row(as_sana: Client, omar: User) -> None:
    batch = uuid4()
    made = [
        actions.repush(failed(), by=omar, reason_code="FUNDED", note="All funded.", job=Job(rows=101, batch=batch))
        for _ in range(3)
    ]
    numbers = [one.number for one in made if isinstance(one, ApprovalRequest)]
    assert len(numbers) == 3
    page = as_sana.get(f"/approvals/batches/{batch}/").content.decode()
    assert all(number in page for number in numbers)
    posted = {"decision": "approve", "row": numbers[:2]}
    answer = as_sana.post(f"/approvals/batches/{batch}/", posted).content.decode()
    assert answer.count("It is approved.") == 2
    states = list(ApprovalRequest.objects.order_by("pk").values_list("state", flat=True))
    assert states == [State.APPROVED, State.APPROVED, State.PENDING]


def test_nobody_else_sees_the_request_or_that_it_is_there(
    as_mehwish: Client, as_rabia: Client, as_hina: Client, asked: ApprovalRequest
) -> None:
    for browser in (as_mehwish, as_rabia):
        assert asked.number not in browser.get("/approvals/").content.decode()
        assert browser.get(asked.get_absolute_url()).status_code == 404
    assert as_hina.get("/approvals/").status_code == 403


def test_the_menu_counts_what_waits(as_sana: Client, as_omar: Client, asked: ApprovalRequest) -> None:
    pages = [browser.get("/account/").content.decode() for browser in (as_sana, as_omar)]
    entries = [re.search(r"Approvals.*?</li>", html, re.DOTALL) for html in pages]
    assert ["waiting" in entry[0] for entry in entries if entry] == [True, False]


def test_a_filter_that_is_none_shows_nothing_and_says_so(as_sana: Client, asked: ApprovalRequest) -> None:
    html = as_sana.get("/approvals/?kind=foo").content.decode()
    assert "There is no kind “foo”." in html
    assert asked.number not in html


def test_the_period_in_which_it_was_asked_is_chosen_or_typed_as_everywhere(
    as_sana: Client, asked: ApprovalRequest
) -> None:
    html = as_sana.get("/approvals/?tab=todo&asked=today").content.decode()
    assert '<option value="today" selected>Today</option>' in html
    assert 'name="asked_to" size="11" placeholder="22 Nov 2026"' in html
    assert asked.number in html
    before = as_sana.get("/approvals/?tab=todo&asked=&asked_from=&asked_to=1+Nov+2020").content.decode()
    assert asked.number not in before
    assert 'value="1 Nov 2020"' in before


def test_a_page_that_considers_learns_by_itself_that_somebody_decided(
    as_sana: Client, as_omar: Client, asked: ApprovalRequest, sana: User
) -> None:
    page = as_sana.get(asked.get_absolute_url()).content.decode()
    address = f"{asked.get_absolute_url()}state/"
    assert f'hx-get="{address}"' in page
    waiting = as_sana.get(address).content.decode()
    assert f'hx-get="{address}"' in waiting
    assert "disabled" not in waiting
    maker_checker.reject(asked, by=sana, note="Not today.")
    for client in (as_sana, as_omar):
        told = client.get(address).content.decode()
        assert "rejected this at" in told
        assert 'id="decide" disabled hx-swap-oob="true"' in told
        assert "hx-get" not in told
    assert f'hx-get="{address}"' not in as_sana.get(asked.get_absolute_url()).content.decode()


@pytest.mark.parametrize("decision", ["approve", "send_back", "reject"])
def test_who_turned_out_to_be_the_maker_by_another_account_does_not_decide(
    as_sana: Client, asked: ApprovalRequest, sana: User, omar: User, decision: str
) -> None:
    User.objects.filter(pk=omar.pk).update(person_key=sana.person_key)
    answer = as_sana.post(asked.get_absolute_url(), {"decision": decision, "note": "Looked at."})
    assert answer.status_code == 403
    assert "You asked for this." in answer.content.decode()
    assert now_of(asked).state == State.PENDING
    assert asked not in ApprovalRequest.objects.waiting_for(sana)
