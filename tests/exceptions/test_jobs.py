"""Bulk jobs: nothing before the confirmation, one verdict per row, nothing twice, nothing lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from accounts.errors import MissingPermission, Refused
from accounts.models import ApprovalRequest, User
from audit.models import AuditEvent
from audit.verbs import Verb
from exceptions import bulk, handling, jobs
from exceptions.models import BulkJob, BulkRow, ExceptionItem, Kind
from tests.factories.transactions import TransactionFactory
from tests.transactions.pages import read
from transactions.models import Command, Transaction

pytestmark = pytest.mark.django_db

RETRY = "/bulk/new/retry/"
GO = {"do": "confirm", "reason_code": "BANK_BACK"}


def deed(key: str) -> bulk.BulkDeed:
    found = bulk.called(key)
    assert found is not None
    return found


def failed(**options: Any) -> Transaction:
    """A payment of PKR 40,000 that may be retried by one person alone."""
    data = {"transactionDetails": {"payingAmount": "40000.00"}}
    made: Transaction = TransactionFactory(**{"kind": "retryable:TECH", "data": data} | options)
    return made


def job_after(answer: Any) -> BulkJob:
    assert answer.status_code == 302, answer.content.decode()[:3000]
    number = answer["Location"].strip("/").split("/")[1]
    return BulkJob.objects.get(number=number)


def verdicts(job: BulkJob) -> dict[str, str]:
    return {row.transaction.txn_id: row.state for row in job.rows.for_list()}


def test_looking_changes_no_transaction_command_request_or_exception(as_omar: Client) -> None:
    rows = [failed() for _ in range(3)]
    models = (Transaction, Command, ApprovalRequest, ExceptionItem)
    before = {model: list(model.objects.order_by("pk").values()) for model in models}
    job = job_after(as_omar.post(RETRY, {"ref": [row.txn_id for row in rows]}))
    page = read(as_omar.get(job.get_absolute_url())).text
    assert "Retry 3 transactions" in page
    assert "Nothing has happened yet." in page
    assert {model: list(model.objects.order_by("pk").values()) for model in models} == before


def test_each_row_says_before_and_after_what_becomes_of_it(as_omar: Client, omar: User) -> None:
    good, second = failed(), failed()
    unknown, paid = TransactionFactory(stage="outcome_unknown"), TransactionFactory(stage="credited")
    job = job_after(as_omar.post(RETRY, {"ref": [row.txn_id for row in (good, second, unknown, paid)]}))
    assert verdicts(job) == {
        good.txn_id: "will", second.txn_id: "will", unknown.txn_id: "skipped", paid.txn_id: "skipped",
    }  # fmt: skip
    as_omar.post(
        job.get_absolute_url(),
        {**GO, "note": "The bank is back.", "expected": "2"},
    )
    actions_before = Command.objects.count()
    assert actions_before == 0  # the worker has not come yet
    assert jobs.run(job.pk) is False
    job.refresh_from_db()
    assert job.state == BulkJob.State.DONE
    kinds = sorted(Command.objects.values_list("kind", "batch"))
    assert kinds == [("inquire", job.batch)] * 2 + [("repush", job.batch)] * 2
    assert verdicts(job)[good.txn_id] == "done"
    assert AuditEvent.objects.of(good).filter(verb=Verb.COMMAND_ASKED).count() == 2


def test_what_changed_between_the_look_and_the_deed_is_refused_by_its_row(as_omar: Client, omar: User) -> None:
    changed, same, left = failed(), failed(), failed()
    job = job_after(as_omar.post(RETRY, {"ref": [row.txn_id for row in (changed, same, left)]}))
    as_omar.post(job.get_absolute_url(), {**GO, "note": "Again.", "expected": "3"})
    Transaction.objects.filter(pk=changed.pk).update(version=changed.version + 1)
    Command.objects.create(transaction=left, kind="inquire", attempt=1, maker=omar)
    from exceptions import actions

    actions.send_back(left, by=omar, reason_code="", note="Sent back alone.")
    jobs.run(job.pk)
    assert verdicts(job) == {changed.txn_id: "refused", same.txn_id: "done", left.txn_id: "refused"}
    sentences = {row.transaction_id: row.sentence for row in job.rows.all()}
    assert "changed while you were reading" in sentences[changed.pk]
    assert "It is still open." in sentences[left.pk]
    assert Command.objects.filter(transaction=changed).count() == 0


def test_over_the_limits_each_row_is_a_request_of_its_own_in_one_batch(omar: User) -> None:
    rows = [failed() for _ in range(4)]
    Transaction.objects.filter(pk__in=[row.pk for row in rows]).update(settled_amount=1_400_000)
    rows = list(Transaction.objects.filter(pk__in=[row.pk for row in rows]))
    job = jobs.prepare(deed("repush"), rows, by=omar, chosen="4 ticked")
    assert job.rows.asking_a_second().count() == 4
    jobs.confirm(job, by=omar, note="Large ones.")
    jobs.run(job.pk)
    requests = ApprovalRequest.objects.filter(batch=job.batch)
    assert requests.count() == 4
    assert not Command.objects.exists()
    assert all("waits for a second person" in row.sentence for row in job.rows.all())


def test_rows_can_be_left_out_and_the_count_must_be_the_one_that_was_seen(as_omar: Client) -> None:
    rows = [failed() for _ in range(3)]
    job = job_after(as_omar.post(RETRY, {"ref": [row.txn_id for row in rows]}))
    address = job.get_absolute_url()
    answer = as_omar.post(address, {**GO, "note": "Go.", "expected": "7"})
    assert answer.status_code == 409
    assert "3 are now. Nothing was started." in answer.content.decode()
    as_omar.post(address, {"do": "keep", "shown": ["1", "2", "3"], "keep": ["1", "3"]})
    assert "Retry 2 transactions" in read(as_omar.get(address)).text
    as_omar.post(
        address,
        {
            "do": "confirm",
            "reason_code": "BANK_BACK",
            "note": "Go.",
            "expected": "2",
            "shown": ["1", "3"],
            "keep": ["1", "3"],
        },
    )
    jobs.run(job.pk)
    assert sorted(verdicts(job).values()) == ["done", "done", "left_out"]


def test_a_job_is_started_once_however_often_it_is_confirmed(omar: User) -> None:
    job = jobs.prepare(deed("repush"), [failed()], by=omar, chosen="1 ticked")
    for _ in range(3):
        jobs.confirm(job, by=omar, note="Go.")
    jobs.run(job.pk)
    jobs.run(job.pk)
    assert Command.objects.filter(kind="repush").count() == 1
    entries = [entry.said["facts"]["did"] for entry in AuditEvent.objects.filter(verb=Verb.BULK_JOB).order_by("seq")]
    assert entries == ["chose", "confirmed", "started", "ended"]


def test_a_job_pauses_goes_on_and_cancels_what_is_left(omar: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.prepare(deed("assign"), [failed() for _ in range(4)], by=omar, chosen="4 ticked")
    jobs.confirm(job, by=omar, to="omar")
    assert jobs.run(job.pk, seconds=0) is True  # one row, then others have their turn
    jobs.pause(job, by=omar)
    assert jobs.run(job.pk) is False
    assert job.rows.counts() == {"done": 1, "will": 3}
    jobs.resume(job, by=omar)
    assert jobs.run(job.pk, seconds=0) is True
    jobs.cancel(job, by=omar)
    jobs.run(job.pk)
    assert job.rows.counts() == {"done": 2, "cancelled": 2}
    job.refresh_from_db()
    assert (job.state, job.ended_at is not None) == ("cancelled", True)


def test_after_a_crash_it_goes_on_without_doing_a_row_twice(omar: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.prepare(deed("repush"), [failed() for _ in range(3)], by=omar, chosen="3 ticked")
    jobs.confirm(job, by=omar, note="Go.")
    real, calls = BulkRow.save, []

    def dies(self: BulkRow, *args: Any, **kwargs: Any) -> None:
        calls.append(self.place)
        if len(calls) == 2:  # the deed is done, its result is not written
            raise OperationalError("the server closed the connection")
        real(self, *args, **kwargs)

    monkeypatch.setattr(BulkRow, "save", dies)
    with pytest.raises(OperationalError):
        jobs.run(job.pk)
    assert job.rows.counts() == {"done": 1, "will": 2}
    assert Command.objects.filter(kind="repush").count() == 1
    jobs.run(job.pk)
    assert job.rows.counts() == {"done": 3}
    assert Command.objects.filter(kind="repush").count() == 3


def test_an_unforeseen_error_fails_one_row_and_not_the_job(omar: User, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = failed(), failed()
    job = jobs.prepare(deed("assign"), [first, second], by=omar, chosen="2 ticked")
    jobs.confirm(job, by=omar, to="omar")
    real = handling.assign

    def breaks(remittance: Transaction, **options: Any) -> Any:
        if remittance.pk == first.pk:
            raise ZeroDivisionError
        return real(remittance, **options)

    monkeypatch.setattr(handling, "assign", breaks)
    jobs.run(job.pk)
    assert verdicts(job) == {first.txn_id: "failed", second.txn_id: "done"}
    assert "Reference E-" in job.rows.get(place=1).sentence


def test_a_right_that_is_lost_meanwhile_stops_every_row(omar: User) -> None:
    job = jobs.prepare(deed("repush"), [failed(), failed()], by=omar, chosen="2 ticked")
    jobs.confirm(job, by=omar, note="Go.")
    omar.groups.clear()
    jobs.run(job.pk)
    assert job.rows.counts() == {"refused": 2}
    assert not Command.objects.exists()


def test_a_row_that_left_the_scope_meanwhile_is_refused(omar: User) -> None:
    job = jobs.prepare(deed("repush"), [failed()], by=omar, chosen="1 ticked")
    jobs.confirm(job, by=omar, note="Go.")
    omar.user_permissions.clear()
    jobs.run(job.pk)
    assert job.rows.get().sentence == "This transaction is not in your scope any more."


def test_what_was_not_done_can_be_selected_again(as_omar: Client, omar: User) -> None:
    changed, same = failed(), failed()
    job = jobs.prepare(deed("repush"), [changed, same], by=omar, chosen="2 ticked")
    jobs.confirm(job, by=omar, note="Go.")
    Transaction.objects.filter(pk=changed.pk).update(version=9)
    jobs.run(job.pk)
    assert "Select the 1 that was not done" in read(as_omar.get(job.get_absolute_url())).text
    again = job_after(as_omar.post(RETRY, {"job": job.number}))
    assert verdicts(again) == {changed.txn_id: "will"}
    assert again.rows.get().version == 9


def test_all_of_a_group_are_the_filtered_rows_and_no_others(as_omar: Client) -> None:
    mine = [failed(partner="INSTANTCASH") for _ in range(3)]
    failed(partner="RIA")
    code = mine[0].reason_code
    sent = {"all": "1", "group": code, "query": "partner=INSTANTCASH"}
    job = job_after(as_omar.post(RETRY, sent))
    assert set(verdicts(job)) == {row.txn_id for row in mine}
    assert as_omar.post(RETRY, sent | {"query": "colour=red"}).status_code == 400
    assert as_omar.post(RETRY, sent | {"group": "no-such"}).status_code == 404


def test_nothing_chosen_is_said_in_words(as_omar: Client) -> None:
    answer = as_omar.post(RETRY, {"ref": ["PSL-NOWHERE"]})
    assert answer.status_code == 409
    assert "Choose at least one transaction." in answer.content.decode()


def test_jobs_are_seen_by_their_owner_and_by_auditors_alone(
    as_omar: Client, as_sana: Client, as_nadia: Client, omar: User
) -> None:
    job = jobs.prepare(deed("assign"), [failed()], by=omar, chosen="1 ticked")
    address = job.get_absolute_url()
    assert as_omar.get(address).status_code == as_nadia.get(address).status_code == 200
    assert as_sana.get(address).status_code == as_sana.get("/bulk/B-2026-999999/").status_code == 404
    assert as_nadia.post(address, {"do": "confirm", "to": "omar"}).status_code in (403, 409, 422)
    assert job.number in read(as_omar.get("/bulk/")).text
    assert job.number not in read(as_sana.get("/bulk/")).text
    job.refresh_from_db()
    assert job.is_draft


@pytest.mark.parametrize("name", ["sana", "tariq", "adeel", "nadia", "hina"])
def test_who_may_not_retry_alone_may_not_retry_many(name: str, request: pytest.FixtureRequest) -> None:
    row = failed(partner="INSTANTCASH")
    client: Client = request.getfixturevalue(f"as_{name}")
    assert client.post(RETRY, {"ref": [row.txn_id]}).status_code == 403
    with pytest.raises(MissingPermission):
        jobs.prepare(deed("repush"), [row], by=request.getfixturevalue(name), chosen="1 ticked")
    assert not BulkJob.objects.exists()


def test_more_than_a_thousand_rows_are_one_job(as_omar: Client, omar: User) -> None:
    from tests.transactions import rows

    row = failed()
    rows.multiply(row, 1_200)
    copies = Transaction.objects.filter(txn_id__startswith="PSL9")
    copies.update(status="failed", stage="failed_retryable", funds_position="NOT_SENT")
    now = timezone.now()
    ExceptionItem.objects.bulk_create(
        ExceptionItem(transaction=one, kind=Kind.FAILED, opened_at=now, reason="Failed.") for one in copies
    )
    names = " ".join(copies.values_list("txn_id", flat=True))
    job = job_after(as_omar.post("/bulk/new/assign/", {"refs": names}))
    assert job.rows.count() == 1_200
    assert len(read(as_omar.get(job.get_absolute_url())).all("tr")) == 101
    with pytest.raises(Refused, match="10,000 transactions or fewer"):
        jobs.prepare(deed("assign"), list(copies) * 9, by=omar, chosen="many")


@pytest.mark.parametrize("query", ["state=foo", "colour=red", "after=x"])
def test_a_bad_filter_of_a_job_shows_no_rows(as_omar: Client, omar: User, query: str) -> None:
    row = failed()
    job = jobs.prepare(deed("assign"), [row], by=omar, chosen="1 ticked")
    page = as_omar.get(f"{job.get_absolute_url()}?{query}")
    assert page.status_code == 200
    assert row.txn_id not in read(page).text


def test_the_progress_stops_asking_when_the_job_is_over(as_omar: Client, omar: User) -> None:
    job = jobs.prepare(deed("assign"), [failed()], by=omar, chosen="1 ticked")
    jobs.confirm(job, by=omar, to="omar")
    first = as_omar.get(f"{job.get_absolute_url()}progress/")
    assert "HX-Refresh" not in first
    assert 'hx-trigger="every 2s"' in first.content.decode()
    jobs.run(job.pk)
    last = as_omar.get(f"{job.get_absolute_url()}progress/")
    assert last["HX-Refresh"] == "true"
    assert "1 of 1" in read(last).text


def test_a_job_says_why_and_the_code_goes_with_each_command(as_omar: Client, omar: User) -> None:
    row, large = failed(), failed(data={"transactionDetails": {"payingAmount": "900000.00"}})
    job = job_after(as_omar.post(RETRY, {"ref": [row.txn_id, large.txn_id]}))
    for wrong, said in (
        ({}, "Choose a reason"),
        ({"reason_code": "NONSENSE"}, "Select a valid choice"),
        ({"reason_code": "OTHER"}, "Enter a note that says why"),
        ({"reason_code": "FUNDED"}, "Enter a note that says why"),  # one row needs a second person, who reads it
    ):
        answer = as_omar.post(job.get_absolute_url(), {"do": "confirm", "expected": "2"} | wrong)
        assert answer.status_code == 422
        assert said in answer.content.decode()
    fields = {"do": "confirm", "expected": "2", "reason_code": "FUNDED", "note": "Funded at noon."}
    assert as_omar.post(job.get_absolute_url(), fields).status_code == 302
    jobs.run(job.pk)
    assert Command.objects.get(kind="repush").reason_code == "FUNDED"
    assert ApprovalRequest.objects.get().reason_code == "FUNDED"
    entry = AuditEvent.objects.filter(verb=Verb.BULK_JOB, object_id=job.number).order_by("seq")[1]
    assert entry.said["reason"] == "FUNDED: Funded at noon."


def test_what_nobody_confirmed_within_a_week_is_given_up(as_omar: Client, omar: User) -> None:
    old, fresh, started = (job_after(as_omar.post(RETRY, {"ref": [failed().txn_id]})) for _ in range(3))
    jobs.confirm(started, by=omar, note="Go.")
    now = timezone.now() + jobs.DRAFT_IS_KEPT
    BulkJob.objects.filter(pk=fresh.pk).update(created_at=now - timedelta(days=1))
    assert jobs.drop_drafts(now=now + timedelta(minutes=1)) == 1
    states = {one.number: one.state for one in BulkJob.objects.all()}
    assert states == {old.number: "cancelled", fresh.number: "draft", started.number: "waiting"}
    assert not old.rows.exists()
    assert AuditEvent.objects.filter(object_id=old.number, body__contains="gave up").exists()
    assert as_omar.get(old.get_absolute_url()).status_code == 200
    assert as_omar.post(old.get_absolute_url(), {"do": "confirm", "reason_code": "FUNDED"}).status_code == 302
    assert jobs.drop_drafts(now=now + timedelta(minutes=1)) == 0
