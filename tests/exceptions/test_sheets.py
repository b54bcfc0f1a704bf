"""Sheets of rows that were not done: taken with versions, filled in, and only what did not change is prepared."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from accounts.models import User
from audit.models import AuditEvent
from audit.verbs import Verb
from exceptions import bulk, jobs
from exceptions.models import BulkJob
from exceptions.sheets import HEADER
from exceptions.spreadsheets import xlsx
from tests.exceptions.test_jobs import deed, failed, verdicts
from tests.transactions.pages import read
from transactions.models import Command, Transaction

pytestmark = pytest.mark.django_db

BRING = "/bulk/new/sheet/"


def cells(body: bytes) -> list[list[str]]:
    rows = load_workbook(io.BytesIO(body)).worksheets[0].iter_rows(values_only=True)
    return [["" if value is None else str(value) for value in row] for row in rows]


def bring(client: Client, rows: list[list[Any]]) -> Any:
    return client.post(BRING, {"file": SimpleUploadedFile("back.xlsx", xlsx("Rows", HEADER, rows))})


def test_a_group_is_taken_with_versions_filled_in_and_brought_back(as_omar: Client) -> None:
    stale, fresh, asked = failed(), failed(), failed()
    answer = as_omar.get(f"/exceptions/{fresh.reason_code}/sheet/")
    header, *rows = cells(answer.content)
    assert header == list(HEADER)
    assert AuditEvent.objects.filter(verb=Verb.SHEET_DOWNLOADED).count() == 1
    for row in rows:
        row[6] = "ask the bank" if row[0] == asked.txn_id else "Retry"
        row[7] = "Filled in."
    Transaction.objects.filter(pk=stale.pk).update(version=stale.version + 1)
    answer = bring(as_omar, rows)
    assert answer.status_code == 302
    retry = BulkJob.objects.get(deed="repush")
    assert verdicts(retry) == {stale.txn_id: "skipped", fresh.txn_id: "will"}
    sentence = retry.rows.get(transaction=stale).sentence
    assert f"{stale.txn_id} changed since the sheet was made" in sentence
    assert verdicts(BulkJob.objects.get(deed="inquire")) == {asked.txn_id: "will"}
    assert not Command.objects.exists()


def test_what_a_job_did_not_do_is_taken_with_why(as_omar: Client, omar: User) -> None:
    changed = failed()
    job = jobs.prepare(deed("repush"), [changed], by=omar, chosen="1 ticked")
    jobs.confirm(job, by=omar, note="Go.")
    Transaction.objects.filter(pk=changed.pk).update(version=7)
    jobs.run(job.pk)
    _, row = cells(as_omar.get(f"{job.get_absolute_url()}sheet/").content)
    assert row[:2] == [changed.txn_id, "7"]
    assert "changed while you were reading" in row[5]


def test_single_rows_that_cannot_be_read_are_named(as_omar: Client) -> None:
    one = failed()
    good = [one.txn_id, one.version, "", "", "", "", "retry", ""]
    answer = bring(as_omar, [good, good, ["NOWHERE", 1, "", "", "", "", "retry", ""], [*good[:6], "pay twice", ""]])
    page = read(as_omar.get(answer["Location"])).text
    assert "Row 3: " in page
    assert "twice" in page
    assert "Row 4: NOWHERE is not found." in page
    assert "Row 5: “pay twice” is not one of" in page


def test_a_sheet_that_asks_for_nothing_is_refused_in_words(as_omar: Client) -> None:
    one = failed()
    answer = bring(as_omar, [[one.txn_id, one.version, "", "", "", "", "", ""]])
    assert answer.status_code == 409
    assert "No row says what to do" in answer.content.decode()
    assert as_omar.post(BRING, {"file": SimpleUploadedFile("x.csv", b"a,b\n1,2\n")}).status_code == 422
    assert not BulkJob.objects.exists()


@pytest.mark.parametrize("name", ["nadia", "adeel", "hina"])
def test_who_may_not_work_takes_and_brings_nothing(name: str, request: pytest.FixtureRequest) -> None:
    one = failed(partner="INSTANTCASH")
    client: Client = request.getfixturevalue(f"as_{name}")
    assert client.get(f"/exceptions/{one.reason_code}/sheet/").status_code == 403
    assert client.get(BRING).status_code == 403
    assert bulk.called("repush") is not None
