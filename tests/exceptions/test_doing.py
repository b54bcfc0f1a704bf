"""The page of one deed: what it says, what it keeps, and what it answers when something is in the way."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import ApprovalRequest, User
from exceptions.models import Evidence
from tests.exceptions.test_actions import failed
from tests.factories.transactions import TransactionFactory
from tests.gateway.test_delivery import say
from transactions.models import Command, Transaction
from transactions.vocabulary import CommandKind, Stage

pytestmark = pytest.mark.django_db


def address(row: Transaction, deed: str) -> str:
    return f"{row.get_absolute_url()}do/{deed}/"


def filled(browser: Client, row: Transaction, deed: str, **typed: Any) -> dict[str, Any]:
    """The form as the page gave it, with what a person types."""
    html = browser.get(address(row, deed)).content.decode()
    hidden = dict(re.findall(r'name="(deed-(?:version|token))" value="([^"]+)"', html))
    return hidden | {f"deed-{name}": value for name, value in typed.items()}


def test_the_page_follows_its_transaction_and_its_form_warns_when_that_changes(as_omar: Client) -> None:
    row = failed()
    html = as_omar.get(address(row, "repush")).content.decode()
    assert f'data-id="{row.txn_id}" data-version="{row.version}"' in html
    assert re.search(r'<form [^>]*action="[^"]*/do/repush/"[^>]* data-watch', html)


def test_the_page_says_what_will_happen_and_who_else_must_agree(as_omar: Client) -> None:
    html = as_omar.get(address(failed(amount="600000.00"), "repush")).content.decode()
    assert "The bank is asked first" in html
    assert "A second person must agree: Operations checker" in html
    assert "PKR" in html


def test_a_retry_is_asked_for_and_the_page_of_the_transaction_shows_it(as_omar: Client) -> None:
    row = failed()
    answer = as_omar.post(address(row, "repush"), filled(as_omar, row, "repush", reason_code="FUNDED"), follow=True)
    html = answer.content.decode()
    assert Command.objects.filter(kind=CommandKind.REPUSH).count() == 1
    assert "Asked: repush" in html
    assert "the platform is asked about" in html


def test_the_same_form_twice_is_answered_with_when_it_was_received(as_omar: Client) -> None:
    row = failed()
    form = filled(as_omar, row, "repush", reason_code="FUNDED")
    assert as_omar.post(address(row, "repush"), form).status_code == 302
    answer = as_omar.post(address(row, "repush"), form)
    assert answer.status_code == 409
    assert "already received" in answer.content.decode()
    assert Command.objects.filter(kind=CommandKind.REPUSH).count() == 1


def test_a_transaction_that_changed_meanwhile_says_what_changed_and_keeps_the_note(as_omar: Client) -> None:
    row = failed()
    form = filled(as_omar, row, "repush", reason_code="FUNDED", note="The bank called at noon.")
    say(row, "transaction.stage", stage="inquiry", result="SUCCESS", fundsPosition="WITH_BENEFICIARY", attempt=1)
    answer = as_omar.post(address(row, "repush"), form)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "changed while you were reading" in html
    assert "was <del>Failed</del>, is now <ins>Completed</ins> by" in html
    assert "The bank called at noon." in html
    assert not Command.objects.exists()


def test_a_mistake_in_the_form_keeps_everything_and_names_the_field(as_omar: Client) -> None:
    row = failed(amount="600000.00")
    answer = as_omar.post(address(row, "repush"), filled(as_omar, row, "repush", reason_code="FUNDED"))
    assert answer.status_code == 422
    assert "Enter a note that says why" in answer.content.decode()
    assert not ApprovalRequest.objects.exists()


def test_treasury_proves_with_a_file_and_the_second_person_reads_it(as_tariq: Client, as_rabia: Client) -> None:
    row = TransactionFactory(stage=Stage.RTGS_QUEUE)
    typed = {"reason_code": "SETTLED", "note": "Confirmed.", "rtgs_reference": "RTGS12345"}
    form = filled(as_tariq, row, "mark-manually-settled", **typed, settled_on=timezone.localdate().isoformat())
    form["deed-evidence"] = SimpleUploadedFile("../confir mation.pdf", b"%PDF-1.7 confirmed")
    answer = as_tariq.post(address(row, "mark-manually-settled"), form)
    assert answer.status_code == 302, answer.content.decode()
    asked = ApprovalRequest.objects.get()
    page = as_rabia.get(asked.get_absolute_url()).content.decode()
    assert "RTGS12345" in page
    kept = Evidence.objects.get()
    file = as_rabia.get(f"{row.get_absolute_url()}evidence/{kept.sha256}/")
    assert file.content == b"%PDF-1.7 confirmed"
    assert "/" not in file["Content-Disposition"].partition("filename=")[2]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.pdf", b"", "empty"),
        ("a.pdf", b"MZ not a picture", "neither a PDF"),
        ("a.pdf", b"%PDF-" + b"x" * 2_000_001, "larger than 2 MB"),
    ],
)
def test_a_file_that_proves_nothing_is_refused_in_words(
    as_tariq: Client, name: str, content: bytes, sentence: str
) -> None:
    row = TransactionFactory(stage=Stage.RTGS_QUEUE)
    form = filled(as_tariq, row, "mark-reversed", reason_code="RETURNED", note="Back.")
    form["deed-evidence"] = SimpleUploadedFile(name, content)
    answer = as_tariq.post(address(row, "mark-reversed"), form)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_who_lacks_the_right_learns_nothing_of_the_transaction(as_hina: Client) -> None:
    row = failed()
    assert as_hina.get(address(row, "repush")).status_code == 403
    assert as_hina.get("/transactions/NOT-THERE/do/repush/").status_code == 403


def test_there_is_no_page_of_a_deed_that_is_none(as_omar: Client) -> None:
    assert as_omar.get(address(failed(), "pay-me")).status_code == 404
    assert as_omar.get(address(failed(), "reverse")).status_code == 404


# -- the transaction's page -------------------------------------------------------------------------------------------


def test_the_page_lists_what_is_not_possible_now_and_why(as_omar: Client) -> None:
    html = as_omar.get(TransactionFactory(kind="paid").get_absolute_url()).content.decode()
    assert "Retry is possible only after a failure. This transaction is Completed." in html
    assert "Not possible now" in html


def test_a_deed_of_another_role_is_shown_with_the_role_that_could(as_hina: Client) -> None:
    row = failed(partner="INSTANTCASH")
    html = as_hina.get(row.get_absolute_url()).content.decode()
    assert 'aria-disabled="true" aria-describedby="why-repush"' in html
    assert "Operations maker" in html


def test_the_flag_of_a_waiting_request_stands_beside_the_status(as_omar: Client, as_sana: Client, omar: User) -> None:
    row = failed(amount="600000.00")
    form = filled(as_omar, row, "repush", reason_code="FUNDED", note="Funded.")
    as_omar.post(address(row, "repush"), form)
    asked = ApprovalRequest.objects.get()
    assert f"Four eyes waiting: {asked.number}" in as_sana.get(row.get_absolute_url()).content.decode()
    listed = as_sana.get("/transactions/?flag=four-eyes").content.decode()
    assert row.txn_id in listed
