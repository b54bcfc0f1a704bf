"""Reversal files: one verdict per row, two people, nothing undone twice and never more than was paid."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts import maker_checker
from accounts.errors import MissingPermission, Refused
from accounts.models import ApprovalRequest, User
from exceptions import jobs, reversals
from exceptions.models import BulkJob, ReversalFile
from exceptions.spreadsheets import csv_text, xlsx
from tests.factories.transactions import TransactionFactory
from tests.transactions.pages import read
from transactions.commands import close
from transactions.models import Command, Transaction
from transactions.vocabulary import CommandState

pytestmark = pytest.mark.django_db

ADDRESS = "/reversals/"


def payment(stage: str = "credited", **options: Any) -> Transaction:
    """A payment by RAAST to an IBAN that fits."""
    made = TransactionFactory(stage=stage, **options)
    number = made.pk % 10_000
    iban = _iban(f"SCBL{number:016d}")
    Transaction.objects.filter(pk=made.pk).update(
        rail="RAAST", rail_reference=f"MSG-{made.pk}", bank_reference=f"FT{made.pk}", beneficiary_iban=iban
    )
    made.refresh_from_db()
    return made


def _iban(rest: str) -> str:
    digits = "".join(str(int(sign, 36)) for sign in f"{rest}PK00")
    return f"PK{98 - int(digits) % 97:02d}{rest}"


def row_of(one: Transaction, **changes: str) -> list[str]:
    told = {
        "date": one.business_date.isoformat(),
        "rail": one.rail,
        "partner": one.partner.name,
        "amount": format(one.settled_amount, "f"),
        "cbs": "",
        "reference": one.rail_reference,
        "iban": one.beneficiary_iban,
        "name": "Receiver",
    } | changes
    return list(told.values())


def upload(by: User, rows: list[list[str]], name: str = "reversals.csv") -> ReversalFile:
    body = csv_text(reversals.HEADER, rows) if name.endswith("csv") else xlsx("R", reversals.HEADER, rows)
    return reversals.upload(name, body, by=by)


def verdicts(file: ReversalFile) -> list[str]:
    return list(file.rows.order_by("number").values_list("state", flat=True))


def test_a_file_with_one_row_of_each_state(omar: User) -> None:
    good, twin_a, twin_b, returned = payment(), payment(), payment(), payment("returned")
    pending = payment("outcome_unknown")
    Transaction.objects.filter(pk=twin_b.pk).update(
        rail_reference=twin_a.rail_reference, beneficiary_iban=twin_a.beneficiary_iban, partner=twin_a.partner,
        business_date=twin_a.business_date,
    )  # fmt: skip
    other = payment()
    file = upload(
        omar,
        [
            row_of(good),
            row_of(good, reference="NOWHERE"),
            row_of(twin_a),
            row_of(other, amount="1.00"),
            row_of(returned),
            row_of(pending),
            row_of(good, iban="PK36BIPL0000001234567890"),
            row_of(good),
        ],
    )
    assert verdicts(file) == [
        "matched", "not_found", "ambiguous", "amount_differs", "reversed", "not_eligible", "invalid", "duplicate",
    ]  # fmt: skip
    messages = list(file.rows.order_by("number").values_list("message", flat=True))
    assert "check digits do not match" in messages[6]
    assert messages[7] == "Row 2 names the same payment."
    assert "We do not know yet" in messages[5]
    assert not Command.objects.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"date": "22/11/2026"}, "is not a date like 2026-11-22"),
        ({"rail": "SWIFT"}, "is not a rail"),
        ({"partner": "Nobody Remit"}, "There is no partner"),
        ({"amount": "1e5"}, "is not an amount"),
        ({"amount": "NaN"}, "is not an amount"),
        ({"reference": ""}, "The reference of the rail is missing."),
        ({"iban": "PK3600001234567890123456"}, "4 letters of the bank"),
        ({"date": "2020-01-01"}, "A payment has this reference, but the date differs."),
    ],
)
def test_what_is_wrong_with_a_row_is_said(omar: User, changes: dict[str, str], message: str) -> None:
    file = upload(omar, [row_of(payment(), **changes)])
    assert message in file.rows.get().message


def test_the_same_file_is_recognised(as_omar: Client, omar: User) -> None:
    body = csv_text(reversals.HEADER, [row_of(payment())])
    first = as_omar.post(ADDRESS, {"file": SimpleUploadedFile("one.csv", body)})
    assert first.status_code == 302
    again = as_omar.post(ADDRESS, {"file": SimpleUploadedFile("renamed.csv", body)})
    assert again.status_code == 409
    assert "uploaded this very file on" in again.content.decode()
    assert ReversalFile.objects.count() == 1


def test_two_people_reverse_what_matched_and_nobody_alone(omar: User, sana: User) -> None:
    good, second, odd = payment(), payment(), payment()
    file = upload(omar, [row_of(good), row_of(second), row_of(odd, amount="1.00")])
    asked = reversals.propose(file, by=omar, note="Sent by mistake.", version=file.version)
    with pytest.raises((Refused, MissingPermission)):
        maker_checker.approve(asked, by=omar)
    assert not Command.objects.exists()
    maker_checker.approve(asked, by=sana)
    reversals.carry_out(file.pk, asked.pk)
    reversals.carry_out(file.pk, asked.pk)
    job = BulkJob.objects.get()
    jobs.run(job.pk)
    commands = list(Command.objects.order_by("pk"))
    assert {one.transaction_id for one in commands} == {good.pk, second.pk}
    assert {(one.kind, one.maker, one.checker) for one in commands} == {("reverse", omar, sana)}


def test_nothing_is_reversed_twice_by_another_file(omar: User, sana: User) -> None:
    good = payment()
    for place, name in enumerate(("first", "second")):
        file = upload(omar, [row_of(good, name=name)])
        if place:
            assert verdicts(file) == ["reversed"]
            break
        asked = reversals.propose(file, by=omar, note="Again.", version=file.version)
        maker_checker.approve(asked, by=sana)
        reversals.carry_out(file.pk, asked.pk)
        jobs.run(BulkJob.objects.get().pk)
    assert Command.objects.filter(kind="reverse").count() == 1


def test_the_database_refuses_a_second_reversal_and_another_amount(omar: User, sana: User) -> None:
    good = payment()
    asked, other = (_agreed(omar, sana, number) for number in ("A-T1", "A-T2"))
    whole = {"amount": str(good.settled_amount), "currency": "PKR"}
    common = {"transaction": good, "kind": "reverse", "attempt": 1, "maker": omar, "checker": sana}
    for payload in ({"amount": str(good.settled_amount + 1)}, {"amount": "1"}, {}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Command.objects.create(**common, approval=asked, people_required=2, payload=payload)
    first = Command.objects.create(**common, approval=asked, people_required=2, payload=whole)
    assert close(first, CommandState.SUCCEEDED, at=timezone.now(), outcome="Done.")
    with pytest.raises(IntegrityError, match="one_live_reversal"), transaction.atomic():
        Command.objects.create(**common, approval=other, people_required=2, payload=whole)


def _agreed(maker: User, checker: User, number: str) -> ApprovalRequest:
    asked = ApprovalRequest.objects.create(
        number=number, operation="reverse", object_type="exceptions.reversalfile", object_id=number, summary="Reverse",
        maker=maker, maker_person=maker.person_key, expires_at="2030-01-01T00:00Z",
    )  # fmt: skip
    asked.state, asked.checker, asked.checker_person = "APPROVED", checker, checker.person_key
    asked.decided_at = timezone.now()
    asked.save()
    return asked


def test_a_payment_that_changed_after_the_check_is_left_alone(omar: User, sana: User) -> None:
    good = payment()
    file = upload(omar, [row_of(good)])
    asked = reversals.propose(file, by=omar, note="Sent by mistake.", version=file.version)
    maker_checker.approve(asked, by=sana)
    Transaction.objects.filter(pk=good.pk).update(version=good.version + 1)
    reversals.carry_out(file.pk, asked.pk)
    job = BulkJob.objects.get()
    jobs.run(job.pk)
    assert job.rows.get().state == "refused"
    assert not Command.objects.exists()


def test_a_file_whose_request_was_rejected_can_be_sent_again(omar: User, sana: User) -> None:
    file = upload(omar, [row_of(payment())])
    asked = reversals.propose(file, by=omar, note="Sent by mistake.", version=file.version)
    with pytest.raises(Refused):
        reversals.propose(file, by=omar, note="Again.", version=file.version)
    maker_checker.reject(asked, by=sana, note="Not these.")
    file.refresh_from_db()
    assert reversals.state_of(file) == "checked"
    reversals.propose(file, by=omar, note="These.", version=file.version)


def test_a_stale_page_sends_nothing(as_omar: Client, omar: User) -> None:
    file = upload(omar, [row_of(payment())])
    answer = as_omar.post(file.get_absolute_url(), {"do": "propose", "note": "Kept words.", "version": "9"})
    assert answer.status_code == 409
    assert "Kept words." in answer.content.decode()
    assert not ApprovalRequest.objects.exists()


@pytest.mark.parametrize("name", ["sana", "tariq", "adeel", "nadia", "hina"])
def test_only_makers_of_operations_upload(name: str, request: pytest.FixtureRequest) -> None:
    client: Client = request.getfixturevalue(f"as_{name}")
    body = csv_text(reversals.HEADER, [row_of(payment())])
    assert client.post(ADDRESS, {"file": SimpleUploadedFile("x.csv", body)}).status_code == 403
    with pytest.raises(MissingPermission):
        reversals.upload("x.csv", body, by=request.getfixturevalue(name))
    assert not ReversalFile.objects.exists()


def test_a_large_file_is_checked_by_the_worker_and_shows_how_far_it_is(as_omar: Client, omar: User) -> None:
    good = payment()
    rows = [row_of(good)] + [row_of(good, reference=f"NO{n}") for n in range(600)]
    file = upload(omar, rows, name="large.xlsx")
    assert "0 of 601 rows are checked" in read(as_omar.get(file.get_absolute_url())).text
    assert reversals.check_rows(file.pk, seconds=0) is True
    assert "250 of 601 rows are checked" in read(as_omar.get(file.get_absolute_url())).text
    while reversals.check_rows(file.pk):
        pass
    assert file.rows.counts() == {"matched": 1, "not_found": 600}


def test_hostile_uploads_are_answered_in_words_and_keep_nothing(as_omar: Client) -> None:
    for name, body in (("x.xlsx", b"no"), ("x.csv", b"a,b\n1,2\n"), ("..%2f..%2fx.exe", b"MZ"), ("x.csv", b"")):
        answer = as_omar.post(ADDRESS, {"file": SimpleUploadedFile(name, body)})
        assert answer.status_code == 422, name
        assert "There is a problem" in answer.content.decode()
    assert as_omar.post(ADDRESS, {}).status_code == 422
    assert not ReversalFile.objects.exists()


def test_the_template_is_what_the_upload_takes(as_omar: Client, omar: User) -> None:
    for kind in ("xlsx", "csv"):
        answer = as_omar.get(f"/reversals/template/{kind}/")
        assert f'filename="transaction_reversal_bulk_upload_template.{kind}"' in answer["Content-Disposition"]
    page = read(as_omar.get(ADDRESS)).text
    assert "Original Txn Date (YYYY-MM-DD)" in page


def test_no_whole_iban_stands_on_the_page(as_omar: Client, omar: User) -> None:
    good = payment()
    file = upload(omar, [row_of(good)])
    assert good.beneficiary_iban not in as_omar.get(file.get_absolute_url()).content.decode()


def test_a_file_that_nobody_proposed_within_a_week_is_given_up_with_what_it_held(omar: User) -> None:
    given_up, proposed = (upload(omar, [row_of(payment())]) for _ in range(2))
    reversals.propose(proposed, by=omar, note="Paid by mistake.", version=proposed.version)
    later = timezone.now() + jobs.DRAFT_IS_KEPT + timedelta(minutes=1)
    assert reversals.drop_unproposed(now=later - timedelta(days=1)) == 0
    assert reversals.drop_unproposed(now=later) == 1
    given_up.refresh_from_db()
    assert (given_up.state, bytes(given_up.body), given_up.rows.count()) == ("dropped", b"", 0)
    assert ReversalFile.objects.get(pk=proposed.pk).rows.count() == 1
