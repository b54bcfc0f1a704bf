"""Exports: who gets which rows in which words, whole files or none, two people for personal data, all recorded."""

from __future__ import annotations

import csv
import hashlib
import html
import io
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.http import QueryDict
from django.test import Client
from openpyxl import load_workbook

from accounts import maker_checker
from accounts.errors import MissingPermission, Refused
from accounts.models import ApprovalRequest, Notification, PartnerUserPermission, User
from audit import sentences
from audit.models import AuditEvent
from backoffice.reports import exporting
from backoffice.reports.models import Export
from backoffice.reports.sources import SOURCES
from tests.people import person, signed_in
from tests.transactions.rows import NOW, lay, multiply
from transactions.models import Transaction

pytestmark = pytest.mark.django_db

NEW = "/exports/new/"
CNIC, IBAN, PHONE = "4210112345671", "PK36SCBL0000001123456702", "+923001234567"


@pytest.fixture(autouse=True)
def _place(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.EXPORT_DIR = tmp_path / "exports"
    with time_machine.travel(NOW, tick=False):
        yield


def hidden(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="(query|moment|all|refs|expected)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


def asked(client: Client, query: str = "", **given: Any) -> Export:
    """What the form of an export makes of a question."""
    page = client.get(f"{NEW}?{query}").content.decode()
    form = {**hidden(page), "do": "create", "which": "screen", "format": "csv", **given}
    answer = client.post(NEW, form)
    assert answer.status_code == 302, answer.content.decode()
    number = answer.url.rstrip("/").rpartition("/")[2]
    return Export.objects.get(number=number)


def made(client: Client, query: str = "", **given: Any) -> Export:
    export = asked(client, query, **given)
    exporting.run(export.pk)
    export.refresh_from_db()
    return export


def body_of(client: Client, export: Export) -> bytes:
    answer = client.get(f"/exports/{export.number}/file/")
    assert answer.status_code == 200, answer.content.decode()
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def rows_of(client: Client, export: Export) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body_of(client, export).decode("utf-8-sig"), newline="")))


def party(**facts: Any) -> dict[str, Any]:
    return {"id_type": "CNIC", "id_number": CNIC, "mobile": PHONE, "city": "Lahore", "country": "PK"} | facts


def words(client: Client, address: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", client.get(address).content.decode()).split())


# -- which rows -------------------------------------------------------------------------------------------------------


def test_the_file_holds_exactly_the_rows_that_the_list_shows(as_omar: Client) -> None:
    for number in range(1, 8):
        lay(number, stage="failed_final" if number % 2 else "settlement")
    page = as_omar.get("/transactions/?status=failed").content.decode()
    assert f'href="{NEW}?status=failed">Export 4 rows</a>' in page
    export = made(as_omar, "status=failed")
    assert (export.state, export.promised, export.rows) == ("ready", 4, 4)
    assert [row["Reference"] for row in rows_of(as_omar, export)] == re.findall(r'data-id="(PSL\d+)"', page)


def test_ticked_rows_are_the_rows_of_the_file(as_omar: Client) -> None:
    lay(1), lay(2), lay(3), lay(4, partner="RIA")
    page = as_omar.post(NEW, {"ref": ["PSL000000003", "PSL000000001", "PSL000000099"]}).content.decode()
    assert "Export 2 transactions" in page
    answer = as_omar.post(NEW, {**hidden(page), "do": "create", "which": "screen", "format": "csv"})
    export = Export.objects.get(number=answer.url.split("/")[-2])  # type: ignore[attr-defined]
    exporting.run(export.pk)
    export.refresh_from_db()
    assert {row["Reference"] for row in rows_of(as_omar, export)} == {"PSL000000001", "PSL000000003"}


def test_the_order_of_the_list_is_the_order_of_the_file(as_omar: Client) -> None:
    for number, amount in ((1, 500), (2, 900), (3, 100)):
        lay(number, settled_amount=amount)
    amounts = [row["Payout amount"] for row in rows_of(as_omar, made(as_omar, "sort=-payout"))]
    assert amounts == ["900.00", "500.00", "100.00"]


@pytest.mark.parametrize("query", ["status=foo", "colour=red", "partner=NOBODY", "created=yesteryear", "amount_min=x"])
def test_a_bad_or_unknown_filter_is_refused_and_never_widened(as_omar: Client, query: str) -> None:
    lay(1)
    assert as_omar.get(f"{NEW}?{query}").status_code == 400
    given = {
        "all": "1",
        "query": query,
        "moment": f"{NOW:%Y-%m-%dT%H:%M:%S.%f%z}",
        "do": "create",
        "which": "all",
        "format": "csv",
    }
    assert as_omar.post(NEW, given).status_code == 400
    assert not Export.objects.exists()


def test_a_file_holds_nothing_of_a_partner_outside_the_scope(as_omar: Client, omar: User) -> None:
    lay(1), lay(2, partner="RIA")
    omar.user_permissions.clear()
    _see_only(omar, "INSTANTCASH")
    client = signed_in(User.objects.get(pk=omar.pk))
    export = made(client, which="all")
    assert [row["Reference"] for row in rows_of(client, export)] == ["PSL000000001"]
    assert client.get(f"{NEW}?partner=RIA").status_code == 400


def _see_only(user: User, code: str) -> None:
    from accounts.models import Partner
    from tests.factories.accounts import grant, permission

    grant(user, Partner.objects.get(code=code))
    user.user_permissions.add(permission("accounts.all_branches"))


def test_a_scope_that_was_taken_away_meanwhile_makes_no_file(as_omar: Client, omar: User) -> None:
    lay(1), lay(2, partner="RIA")
    export = asked(as_omar)
    omar.user_permissions.clear()
    _see_only(omar, "INSTANTCASH")
    exporting.run(export.pk)
    export.refresh_from_db()
    assert (export.state, export.sentence) == ("refused", exporting.CHANGED)
    assert list(Path(export.path.parent).glob("*")) == [] if export.path.parent.exists() else True


def test_a_file_made_under_another_scope_is_not_handed_out(as_omar: Client, omar: User) -> None:
    lay(1)
    export = made(as_omar)
    omar.user_permissions.clear()
    answer = as_omar.get(f"/exports/{export.number}/file/")
    assert answer.status_code == 409
    assert exporting.CHANGED in answer.content.decode()
    assert not AuditEvent.objects.filter(verb="export_downloaded").exists()


def test_a_person_without_the_right_any_more_gets_no_file(as_omar: Client, omar: User) -> None:
    lay(1)
    export = asked(as_omar)
    omar.groups.clear()
    exporting.run(export.pk)
    export.refresh_from_db()
    assert export.state == "refused"
    omar.is_active = False
    omar.save()
    assert "not active" in exporting.why_not_now(export, User.objects.get(pk=omar.pk))


def test_nobody_else_sees_the_export_or_its_file(as_omar: Client) -> None:
    lay(1)
    export = made(as_omar)
    for name in ("sana", "nadia", "mehwish"):
        other = signed_in(person(name))
        foreign = other.get(f"/exports/{export.number}/")
        assert foreign.status_code == 404
        for page in ("file/", "sidecar/", "progress/"):
            assert other.get(f"/exports/{export.number}/{page}").status_code == 404
        assert export.number not in other.get("/exports/").content.decode()
        with pytest.raises(Refused):
            exporting.take(export, by=person(name))
    assert signed_in(person("hina")).get(f"/exports/{export.number}/").status_code == 403
    assert Client().get(f"/exports/{export.number}/file/").status_code == 302


def test_what_changed_between_asking_and_making_is_told(as_omar: Client) -> None:
    lay(1, stage="failed_final"), lay(2, stage="failed_final")
    export = asked(as_omar, "status=failed")
    Transaction.objects.filter(txn_id="PSL000000002").update(
        status="completed", stage="credited", funds_position="WITH_BENEFICIARY"
    )
    exporting.run(export.pk)
    export.refresh_from_db()
    assert export.rows == 1 == len(rows_of(as_omar, export))
    assert "2 matched when you asked, 1 when the file was made" in words(as_omar, f"/exports/{export.number}/")
    assert export.sidecar["difference"] == export.sentence


def test_what_came_in_after_the_question_is_no_part_of_it(as_omar: Client) -> None:
    lay(1)
    export = asked(as_omar)
    lay(2, created_at=NOW.replace(hour=23))
    exporting.run(export.pk)
    export.refresh_from_db()
    assert export.rows == 1


def test_another_number_than_was_shown_starts_nothing(as_omar: Client) -> None:
    lay(1)
    form = hidden(as_omar.get(NEW).content.decode())
    lay(2)
    answer = as_omar.post(NEW, {**form, "do": "create", "which": "screen", "format": "csv"})
    assert answer.status_code == 409
    assert "1 transaction matched when you looked; 2 do now." in answer.content.decode()
    assert not Export.objects.exists()


def test_more_than_the_limit_is_refused_in_words(as_omar: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(1), lay(2), lay(3)
    monkeypatch.setattr("backoffice.reports.sources.MOST", 2)
    monkeypatch.setattr("backoffice.reports.exporting.MOST", 2)
    monkeypatch.setattr("backoffice.reports.views.exports.MOST", 2)
    form = hidden(as_omar.get(NEW).content.decode())
    answer = as_omar.post(
        NEW,
        {
            "all": "1",
            "query": "",
            "moment": f"{NOW:%Y-%m-%dT%H:%M:%S.%f%z}",
            "do": "create",
            "which": "all",
            "format": "csv",
        },
    )
    assert answer.status_code == 409
    assert "more than 2 rows, which is the limit" in answer.content.decode()
    assert not form


# -- in which words ---------------------------------------------------------------------------------------------------


def test_personal_data_are_masked_by_the_database(as_omar: Client) -> None:
    lay(1, remitter=party(email="amna@example.org"), beneficiary=party(birth_date="1988-02-29"), beneficiary_iban=IBAN)
    body = body_of(as_omar, made(as_omar, which="all")).decode()
    for clear in (CNIC, IBAN, PHONE, "amna@", "1988-02-29", "42101"):
        assert clear not in body
    row = next(csv.DictReader(io.StringIO(body.removeprefix("\ufeff"), newline="")))
    assert row["Remitter identity number"] == "•••••-••••567-1"
    assert row["Remitter phone"] == "'+92 ••• ••• 4567"
    assert row["Beneficiary date of birth"] == "•• ••• 1988"
    assert row["Remitter address"] == "••••••, Lahore, PK"
    assert row["Account number"].endswith("6702")


def test_a_text_that_looks_like_a_formula_is_guarded_and_an_amount_stays_a_number(as_omar: Client) -> None:
    lay(1, beneficiary_name='=HYPERLINK("http://x")', partner_reference="+1-2", remitter_name="@SUM(1)")
    row = rows_of(as_omar, made(as_omar, which="all"))[0]
    assert row["Beneficiary"] == '\'=HYPERLINK("http://x")'
    assert (row["Partner reference"], row["Remitter"], row["Payout amount"]) == ("'+1-2", "'@SUM(1)", "7700.00")
    book = load_workbook(io.BytesIO(body_of(as_omar, made(as_omar, which="all", format="xlsx"))))
    cells = [cell for line in book.worksheets[0].iter_rows() for cell in line]
    assert not [cell for cell in cells if cell.data_type == "f"]
    values = [cell.value for cell in cells]
    assert '=HYPERLINK("http://x")' in values
    assert 7700 in values


def test_times_carry_the_offset_of_the_readers_zone(as_omar: Client, omar: User) -> None:
    lay(0)
    assert rows_of(as_omar, made(as_omar))[0]["Created"] == "2026-11-22T14:03:22+05:00"
    User.objects.filter(pk=omar.pk).update(time_zone="UTC")
    assert rows_of(as_omar, made(as_omar))[0]["Created"] == "2026-11-22T09:03:22+00:00"


def test_the_words_of_a_row_are_those_of_the_page(as_omar: Client) -> None:
    lay(1, stage="failed_final", step="payment", reason_code="AC04", rail="FAST", purpose_code="X9")
    lay(2, stage="returned", step="return", reason_code="ZZ99")
    lay(3, stage="credited", payout_method="CASH", branch="")
    rows = {row["Reference"]: row for row in rows_of(as_omar, made(as_omar, which="all"))}
    one, two, three = (rows[f"PSL00000000{number}"] for number in (1, 2, 3))
    assert (one["Status"], one["Stage"], one["Rail"], one["Purpose"]) == ("Failed", "Payment", "Unknown (FAST)", "X9")
    assert one["Failure reason"]
    assert (two["Status"], two["Stage"], two["Failure reason"]) == ("Returned (failed)", "Return", "Unknown (ZZ99).")
    assert (three["Status"], three["Branch"], three["Money"]) == ("Completed", "", "With beneficiary")


@pytest.mark.parametrize("name", ["omar", "sana", "tariq", "rabia"])
def test_nothing_in_a_file_hints_at_a_check_outside_compliance(name: str) -> None:
    lay(1, stage="compliance_review", step="screening", reason_code="FR01")
    lay(2, stage="rejected_compliance", step="compliance_review", reason_code="FR01")
    lay(3, stage="failed_final", step="payment", reason_code="AM07")
    client = signed_in(person(name))
    export = made(client, which="all")
    body = body_of(client, export).decode()
    assert not re.search(r"screen|complian|sanction|review|fraud|FR01|AM07|Title|reject", body, re.I)
    assert {row["Status"] for row in rows_of(client, export)} == {"Pending", "Failed"}
    page = client.get(NEW).content.decode()
    assert "Title match" not in page


def test_compliance_reads_its_own_words(as_adeel: Client) -> None:
    lay(1, stage="compliance_review", step="screening", reason_code="FR01")
    row = rows_of(as_adeel, made(as_adeel, which="all"))[0]
    assert row["Status"] == "In review (pending)"
    assert row["Reason code"] == "FR01"
    assert "Title match" in row


def test_only_the_ticked_columns_are_in_the_file(as_omar: Client) -> None:
    lay(1)
    export = made(as_omar, which="chosen", columns=["partner", "reference", "payout_amount"])
    assert list(rows_of(as_omar, export)[0]) == ["Reference", "Partner", "Payout amount"]
    form = hidden(as_omar.get(NEW).content.decode())
    answer = as_omar.post(NEW, {**form, "do": "create", "which": "chosen", "format": "csv"})
    assert answer.status_code == 422
    assert "Tick at least one column." in answer.content.decode()


# -- whole files ------------------------------------------------------------------------------------------------------


def test_the_sidecar_says_what_the_file_is(as_omar: Client) -> None:
    lay(1), lay(2)
    export = made(as_omar, "status=pending")
    body = body_of(as_omar, export)
    said = json.loads(as_omar.get(f"/exports/{export.number}/sidecar/").content)
    assert said["sha256"] == hashlib.sha256(body).hexdigest() == export.sha256
    assert (said["rows"], said["bytes"], said["asked_by"], said["filters"]) == (
        2,
        len(body),
        "omar",
        ["Status: Pending"],
    )
    assert said["personal_data"] == "masked"
    assert "apostrophe" in said["note"]
    assert said["columns"][0] == {"name": "reference", "heading": "Reference", "kind": "text", "masked": False}


def test_each_step_is_recorded(as_omar: Client) -> None:
    lay(1)
    export = made(as_omar, "status=pending")
    body_of(as_omar, export)
    entries = AuditEvent.objects.filter(object_type="reports.export", object_id=export.number).order_by("seq")
    assert [entry.verb for entry in entries] == ["export_asked", "export_started", "export_made", "export_downloaded"]
    assert {entry.actor for entry in entries} == {"omar"}
    assert entries[2].said["facts"]["sha256"] == export.sha256
    assert entries[0].said["facts"]["what"] == "transactions: Status: Pending"
    assert "Downloaded" in words(as_omar, f"/exports/{export.number}/")


def test_an_interrupted_export_is_told_as_such_and_has_no_file(
    as_omar: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(1)
    export = asked(as_omar)

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(exporting, "_finish", killed)
        with pytest.raises(Killed):
            exporting.run(export.pk)
    export.refresh_from_db()
    assert export.state == "running"
    assert not export.path.exists()
    assert as_omar.get(f"/exports/{export.number}/file/").status_code == 409
    with time_machine.travel(NOW.replace(minute=10), tick=False):
        page = words(as_omar, f"/exports/{export.number}/")
        assert "Interrupted after 0 of 1 rows" in page
        assert exporting.look_after() == 1
        exporting.run(export.pk)
        export.refresh_from_db()
        assert (export.state, export.run, export.rows) == ("ready", 2, 1)
        assert len(rows_of(as_omar, export)) == 1


def test_what_a_killed_worker_left_behind_is_never_taken_for_the_file(as_omar: Client) -> None:
    lay(1)
    export = asked(as_omar)
    Export.objects.filter(pk=export.pk).update(state="running", run=1, seen_at=NOW)
    export.path.parent.mkdir()
    export.part_of(1).write_bytes(b"half a file")
    exporting.run(export.pk)
    export.refresh_from_db()
    assert [file.name for file in export.path.parent.iterdir()] == [export.path.name]
    assert b"half" not in body_of(as_omar, export)


def test_an_export_that_kills_its_worker_again_and_again_is_given_up(as_omar: Client) -> None:
    lay(1)
    export = asked(as_omar)
    Export.objects.filter(pk=export.pk).update(state="running", run=3, seen_at=NOW)
    exporting.run(export.pk)
    export.refresh_from_db()
    assert (export.state, export.sentence) == ("refused", "It was interrupted 3 times. Ask for a smaller part.")


def test_a_cancelled_export_leaves_no_file(as_omar: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(1)
    export = asked(as_omar)
    plain = exporting._finish

    def cancelled_before(*args: Any) -> None:
        as_omar.post(f"/exports/{export.number}/", {"do": "cancel"})
        plain(*args)

    monkeypatch.setattr(exporting, "_finish", cancelled_before)
    exporting.run(export.pk)
    export.refresh_from_db()
    assert export.state == "cancelled"
    assert list(export.path.parent.iterdir()) == []
    exporting.run(export.pk)
    assert not export.path.exists()


def again(page: str) -> tuple[str, dict[str, str]]:
    """Where the page of an export that is over asks for it once more, and with what."""
    form = re.search(r'<form[^>]*action="([^"]+)"[^>]*>(?:(?!</form>).)*Ask for it again', page, re.S)
    assert form, page
    given = re.findall(r'name="(again|refs)" value="([^"]*)"', form[0])
    return form[1], {name: html.unescape(value) for name, value in given}


def test_a_cancelled_export_is_asked_for_again_with_its_question_columns_and_format(as_omar: Client) -> None:
    lay(1, stage="credited")
    lay(2, stage="failed_final")
    first = asked(as_omar, "status=failed", which="chosen", columns=["reference", "status"], format="xlsx")
    assert "Ask for it again" not in as_omar.get(first.get_absolute_url()).content.decode()
    as_omar.post(first.get_absolute_url(), {"do": "cancel"})
    lay(3, stage="failed_final")
    address, given = again(as_omar.get(first.get_absolute_url()).content.decode())
    page = as_omar.post(address, given).content.decode()
    assert "Export 2 transactions" in page
    ticked = re.findall(r'name="columns" value="(\w+)"[^>]*checked', page)
    assert (ticked, re.findall(r'name="format" value="(\w+)"[^>]*checked', page)) == (["reference", "status"], ["xlsx"])
    form = {**hidden(page), "do": "create", "which": "chosen", "columns": ticked, "format": "csv"}
    as_omar.post(address, form)
    second = Export.objects.newest_first().first()
    exporting.run(second.pk)
    second.refresh_from_db()
    assert (second.query, second.columns, second.rows) == (first.query, first.columns, 2)


def test_ticked_rows_are_asked_for_again(as_omar: Client) -> None:
    rows = [lay(number, stage="credited") for number in (1, 2, 3)]
    page = as_omar.post(NEW, {"ref": [rows[0].txn_id, rows[2].txn_id]}).content.decode()
    as_omar.post(NEW, {**hidden(page), "do": "create", "which": "screen", "format": "csv"})
    first = Export.objects.get()
    as_omar.post(first.get_absolute_url(), {"do": "cancel"})
    page = as_omar.post(*again(as_omar.get(first.get_absolute_url()).content.decode())).content.decode()
    assert "Export 2 transactions" in page
    assert set(hidden(page)["refs"].split()) == {rows[0].txn_id, rows[2].txn_id}


def test_an_export_of_somebody_else_is_not_asked_for_again(as_omar: Client) -> None:
    lay(1, stage="credited")
    theirs = asked(as_omar)
    answers = [signed_in(person("sana")).post(NEW, {"again": number}) for number in (theirs.number, "X-2026-999999")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert as_omar.post("/exports/new/trail/", {"again": theirs.number}).status_code in (403, 404)


def test_a_fault_of_ours_ends_in_a_sentence_with_a_reference(as_omar: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(1)
    export = asked(as_omar)
    monkeypatch.setattr(exporting, "_write", lambda *_: 1 / 0)
    exporting.run(export.pk)
    export.refresh_from_db()
    assert export.state == "refused"
    assert re.search(r"Reference E-[0-9A-F]{6}", export.sentence)
    assert list(export.path.parent.iterdir()) == []


def test_a_file_that_was_cut_is_not_handed_out(as_omar: Client) -> None:
    lay(1)
    export = made(as_omar)
    export.path.write_bytes(export.path.read_bytes()[:-3])
    answer = as_omar.get(f"/exports/{export.number}/file/")
    assert answer.status_code == 409
    assert "not whole" in answer.content.decode()


def test_a_file_is_deleted_when_its_time_is_over(as_omar: Client) -> None:
    lay(1)
    export = made(as_omar)
    assert export.path.stat().st_mode & 0o077 == 0
    with time_machine.travel(NOW.replace(day=30), tick=False):
        assert exporting.delete_old() == 1
    export.refresh_from_db()
    assert (export.state, export.path.exists()) == ("expired", False)
    assert as_omar.get(f"/exports/{export.number}/file/").status_code == 409
    assert as_omar.get(f"/exports/{export.number}/sidecar/").status_code == 200


def test_its_owner_deletes_a_file_before_its_time(as_omar: Client) -> None:
    lay(1)
    export = made(as_omar)
    as_omar.post(f"/exports/{export.number}/", {"do": "delete"})
    export.refresh_from_db()
    assert (export.state, export.path.exists()) == ("expired", False)


def test_five_exports_at_a_time_are_enough(as_omar: Client) -> None:
    lay(1)
    for _ in range(5):
        asked(as_omar)
    form = hidden(as_omar.get(NEW).content.decode())
    answer = as_omar.post(NEW, {**form, "do": "create", "which": "screen", "format": "csv"})
    assert answer.status_code == 409
    assert "5 exports under way" in answer.content.decode()


def test_the_database_keeps_half_files_from_being_ready(as_omar: Client) -> None:
    lay(1)
    export = asked(as_omar)
    with pytest.raises(IntegrityError), transaction.atomic():
        Export.objects.filter(pk=export.pk).update(state="ready", ended_at=NOW)


def test_two_workers_at_one_export_make_one_whole_file(as_omar: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was taken for lost and is not meets the one that began anew."""
    lay(1), lay(2)
    export = asked(as_omar)
    plain, begun = exporting._finish, []

    def slow(*args: Any) -> None:
        if not begun:
            begun.append(1)
            exporting.run(export.pk)
        plain(*args)

    monkeypatch.setattr(exporting, "_finish", slow)
    exporting.run(export.pk)
    export.refresh_from_db()
    assert (export.state, export.run, export.rows) == ("ready", 2, 2)
    assert [file.name for file in export.path.parent.iterdir()] == [export.path.name]
    assert AuditEvent.objects.filter(verb="export_made").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_is_cancelled_while_its_rows_come(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    omar = person("omar")
    multiply(lay(1, remitter={}, beneficiary={}), 400)
    export = asked(signed_in(omar), format=kind)
    monkeypatch.setattr(exporting, "SIGN_SECONDS", 0.0)
    monkeypatch.setattr(exporting, "BUFFER", 1)
    monkeypatch.setattr(exporting, "LOOK_EVERY", 10)
    plain = exporting.Signs.of_life

    def cancelling(self: exporting.Signs, rows: int) -> None:
        plain(self, rows)
        if rows >= 100:
            thread = threading.Thread(target=_cancel, args=[export.pk])
            thread.start()
            thread.join(timeout=30)

    monkeypatch.setattr(exporting.Signs, "of_life", cancelling)
    exporting.run(export.pk)
    export.refresh_from_db()
    assert (export.state, export.rows) == ("cancelled", None)
    assert 100 <= export.done < 400
    assert list(export.path.parent.iterdir()) == []


def _cancel(key: int) -> None:
    try:
        exporting.cancel(Export.objects.get(pk=key), by=User.objects.get(username="omar"))
    finally:
        connection.close()


def test_its_owner_is_told_when_it_is_ready(as_omar: Client, omar: User) -> None:
    lay(1)
    export = made(as_omar)
    told = Notification.objects.get(recipient=omar)
    assert told.sentence == f"{export.number} is ready: 1 transaction. It is deleted on 29 Nov 2026."
    assert told.url == f"/exports/{export.number}/"


# -- two people -------------------------------------------------------------------------------------------------------


def unmasked(client: Client, **more: Any) -> Export:
    return asked(client, which="all", unmasked="on", reason="The regulator asked by letter.", **more)


def test_personal_data_leave_clear_only_when_another_officer_agreed(as_mehwish: Client, mehwish: User) -> None:
    lay(1, remitter=party(address_line_1="House 7"), beneficiary_iban=IBAN)
    export = unmasked(as_mehwish)
    exporting.run(export.pk)
    export.refresh_from_db()
    assert export.state == "asked"
    request = ApprovalRequest.objects.get()
    with pytest.raises(Refused):
        maker_checker.approve(request, by=mehwish)
    page = signed_in(person("yusuf")).get(f"/approvals/{request.number}/").content.decode()
    assert "Remitter identity number" in page
    assert CNIC not in page
    maker_checker.approve(request, by=person("yusuf"))
    exporting.run(export.pk)
    export.refresh_from_db()
    row = rows_of(as_mehwish, export)[0]
    assert (row["Remitter identity number"], row["Account number"]) == (CNIC, IBAN)
    assert (row["Remitter phone"], row["Remitter address"]) == (f"'{PHONE}", "House 7, Lahore, PK")
    assert export.sidecar["agreed_by"] == "yusuf"
    assert export.expires_at == NOW.replace(day=23)


def test_an_operations_checker_gets_clear_only_what_the_role_reveals(as_sana: Client) -> None:
    lay(1, remitter=party(), beneficiary_iban=IBAN)
    export = unmasked(as_sana)
    maker_checker.approve(ApprovalRequest.objects.get(), by=person("mehwish"))
    exporting.run(export.pk)
    export.refresh_from_db()
    row = rows_of(as_sana, export)[0]
    assert (row["Account number"], row["Remitter identity number"]) == (IBAN, "•••••-••••567-1")


def test_who_may_not_ask_for_clear_data_is_not_even_offered_it(as_omar: Client, omar: User) -> None:
    lay(1, beneficiary_iban=IBAN)
    assert "unmasked" not in as_omar.get(NEW).content.decode()
    export = asked(as_omar, which="all", unmasked="on", reason="Because.")
    assert not export.is_unmasked
    source = SOURCES["transactions"]
    question = source.ask(QueryDict(), (), omar, NOW)
    clear = {"columns": ["account_number"], "kind": "csv", "is_unmasked": True, "reason": "Because."}
    with pytest.raises(MissingPermission, match="request_unmasked"):
        exporting.ask(source, question, by=omar, **clear)  # type: ignore[arg-type]


def test_a_request_without_a_reason_keeps_what_was_chosen(as_mehwish: Client) -> None:
    lay(1)
    form = hidden(as_mehwish.get(NEW).content.decode())
    answer = as_mehwish.post(NEW, {**form, "do": "create", "which": "all", "format": "xlsx", "unmasked": "on"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Enter why the personal data are needed clear." in page
    assert re.search(r'value="xlsx"[^>]*checked', page)


@pytest.mark.parametrize("how", ["reject", "withdraw", "cancel", "expire"])
def test_without_the_second_person_there_is_no_file(as_mehwish: Client, mehwish: User, how: str) -> None:
    lay(1, beneficiary_iban=IBAN)
    export, request = unmasked(as_mehwish), ApprovalRequest.objects.get()
    if how == "reject":
        maker_checker.reject(request, by=person("yusuf"), note="No.")
    elif how == "withdraw":
        maker_checker.withdraw(request, by=mehwish)
    elif how == "cancel":
        as_mehwish.post(f"/exports/{export.number}/", {"do": "cancel"})
        request.refresh_from_db()
        assert request.state == "WITHDRAWN"
    else:
        maker_checker.expire(now=NOW.replace(day=24))
    exporting.look_after()
    exporting.run(export.pk)
    export.refresh_from_db()
    assert export.state in ("refused", "cancelled")
    assert not export.path.exists()


def test_an_agreement_is_overtaken_when_the_rights_of_who_asked_changed(as_sana: Client, sana: User) -> None:
    lay(1, beneficiary_iban=IBAN)
    unmasked(as_sana)
    sana.user_permissions.clear()
    with pytest.raises(Refused, match="What you may see has changed"):
        maker_checker.approve(ApprovalRequest.objects.get(), by=person("mehwish"))


def test_the_database_refuses_an_unmasked_export_of_one_person(as_mehwish: Client, mehwish: User) -> None:
    lay(1, beneficiary_iban=IBAN)
    export = unmasked(as_mehwish)
    for forged in (
        {"state": "waiting"},
        {"state": "running", "checker": mehwish, "checker_person": mehwish.person_key},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Export.objects.filter(pk=export.pk).update(**forged)


# -- the trail --------------------------------------------------------------------------------------------------------


def test_an_auditor_exports_what_the_explorer_shows(as_nadia: Client, as_omar: Client) -> None:
    lay(1)
    as_omar.get("/transactions/PSL000000001/")
    page = as_nadia.get("/audit/?action=viewed").content.decode()
    assert "/exports/new/trail/?action=viewed" in page
    form = hidden(as_nadia.get("/exports/new/trail/?action=viewed").content.decode())
    answer = as_nadia.post("/exports/new/trail/", {**form, "do": "create", "which": "all", "format": "csv"})
    export = Export.objects.get(number=answer.url.split("/")[-2])  # type: ignore[attr-defined]
    exporting.run(export.pk)
    export.refresh_from_db()
    rows = rows_of(as_nadia, export)
    assert [(row["Who"], row["Did"], row["Object"]) for row in rows] == [("omar", "viewed", "PSL000000001")]
    assert rows[0]["What happened"] == sentences.sentence(AuditEvent.objects.get(verb="viewed"))
    assert rows[0]["When"].endswith("+05:00")
    assert len(rows[0]["Hash"]) == 64
    assert as_nadia.get("/exports/new/trail/?action=nothing").status_code == 400
    assert as_omar.get("/exports/new/trail/").status_code == 403


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_trail_that_left_the_house_holds_no_personal_data(as_nadia: Client, as_omar: Client, kind: str) -> None:
    row = lay(1, beneficiary=party(), remitter=party())
    for field in ("beneficiary_mobile", "account_number"):
        as_omar.post(f"/transactions/{row.txn_id}/reveal/", {"field": field, "reason": "partner_inquiry"})
    as_omar.post("/search/", {"q": row.beneficiary_name})
    form = hidden(as_nadia.get("/exports/new/trail/").content.decode())
    answer = as_nadia.post("/exports/new/trail/", {**form, "do": "create", "which": "all", "format": kind})
    export = Export.objects.get(number=answer.url.split("/")[-2])  # type: ignore[attr-defined]
    exporting.run(export.pk)
    body = body_of(as_nadia, export)
    if kind == "xlsx":
        sheet = load_workbook(io.BytesIO(body), read_only=True).worksheets[0]
        body = "\n".join(str(cell.value) for line in sheet for cell in line).encode()
    text = body.decode()
    assert text.count("revealed") >= 2
    for secret in (CNIC, PHONE, row.beneficiary_iban, row.beneficiary_name):
        assert secret not in text


def test_a_person_whose_scope_is_narrow_exports_no_trail(as_nadia: Client, nadia: User) -> None:
    PartnerUserPermission.objects.filter(user=nadia).delete()
    nadia.user_permissions.clear()
    page = signed_in(User.objects.get(pk=nadia.pk)).get("/exports/new/trail/").content.decode()
    assert "Nothing matches" in page
