"""The case file: all the evidence and deeds of a case on paper, for those who may see the case, kept by its hash."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.test import Client

from accounts import maker_checker
from accounts.errors import MissingPermission
from accounts.models import User
from audit.models import AuditEvent
from compliance import actions, casefile
from compliance.actions import Seen
from compliance.models import Case, PrintedCase, ReportKind
from tests.compliance.test_two_people import proposed
from tests.compliance.test_views import NOTE, text, waiting
from tests.factories.accounts import PartnerFactory
from tests.factories.compliance import CaseFactory
from tests.gateway.telling import IBAN
from tests.people import person, signed_in
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
URDU = "محمد علی ٹوانہ"


def made_by(client: Client, case: Case) -> PrintedCase:
    """The case file that this person makes on the page of the case."""
    answer = client.post(f"{case.get_absolute_url()}printed/")
    assert answer.status_code == 302, text(answer)  # type: ignore[arg-type]
    return PrintedCase.objects.latest("pk")


def words_of(printed: PrintedCase) -> str:
    """Everything a case file says, on one line."""
    return json.dumps(json.loads(printed.content), ensure_ascii=False)


def test_the_file_tells_the_whole_case(as_adeel: Client, adeel: User, mehwish: User) -> None:
    case = waiting("T1", "SDN-1", remitter={"fullName": URDU, "dateOfBirth": "1983-02-04"})
    asked = proposed(case, adeel)
    maker_checker.approve(asked, by=mehwish, note="The passport is another person's.")
    printed = made_by(as_adeel, case)
    told = words_of(printed)
    for part in (
        case.number,
        "T1",
        "SDN-1",
        "OFAC SDN",
        "2026-11-19",
        "0.91 (limit 0.85)",
        "Not the same person",
        str(asked.number),
        NOTE,
        "The passport is another person's.",
        str(adeel),
        str(mehwish),
        "Only ours",
        URDU,
        "•• ••• 1983",
        "Release",
        "approved “Release a payment”",
    ):
        assert part in told, part
    assert IBAN not in told
    assert "1983-02-04" not in told
    assert bytes(printed.file).startswith(b"%PDF-")


def test_its_hash_is_that_of_its_content_and_stands_in_the_record_and_in_the_trail(as_adeel: Client) -> None:
    printed = made_by(as_adeel, waiting())
    assert printed.sha256 == sha256(printed.content.encode()).hexdigest()
    assert printed.file_sha256 == sha256(bytes(printed.file)).hexdigest()
    entry = AuditEvent.objects.get(verb="case_printed")
    assert entry.said["facts"]["sha256"] == printed.sha256
    assert entry.said["facts"]["printed"] == printed.number
    assert entry.object_id == printed.case.number


def test_the_same_content_gives_the_same_bytes_and_another_content_others(as_adeel: Client) -> None:
    printed = made_by(as_adeel, waiting())
    assert casefile.pdf_of(printed.content) == bytes(printed.file)
    assert casefile.pdf_of(printed.content.replace("SDN-1", "SDN-2")) != bytes(printed.file)


def test_a_file_is_downloaded_as_it_was_made_and_that_is_recorded(as_adeel: Client) -> None:
    case = waiting()
    printed = made_by(as_adeel, case)
    answer = as_adeel.get(f"{case.get_absolute_url()}printed/{printed.number}/")
    assert answer.content == bytes(printed.file)
    assert answer["Content-Type"] == "application/pdf"
    assert printed.number in answer["Content-Disposition"]
    entry = AuditEvent.objects.get(verb="file_read")
    assert (entry.object_id, entry.said["facts"]["file"]) == (case.number, printed.number)
    assert as_adeel.get(f"{case.get_absolute_url()}printed/CF-2026-99999/").status_code == 404
    other = CaseFactory()
    assert as_adeel.get(f"{other.get_absolute_url()}printed/{printed.number}/").status_code == 404


def test_a_file_that_was_touched_is_found_out(as_adeel: Client) -> None:
    case = waiting()
    printed = made_by(as_adeel, case)
    whole = bytes(printed.file)

    def check(content: bytes) -> str:
        given = SimpleUploadedFile("given.pdf", content)
        return text(as_adeel.post(f"{case.get_absolute_url()}printed/check/", {"file": given}, follow=True))  # type: ignore[arg-type]

    assert f"This is {printed.number}, unchanged." in check(whole)
    assert f"This is no case file of {case.number} as it was made." in check(whole[:-1] + b" ")
    assert "Choose a file" in text(as_adeel.post(f"{case.get_absolute_url()}printed/check/"))  # type: ignore[arg-type]


def test_the_file_of_an_analyst_says_nothing_of_a_report_and_that_of_an_officer_does(
    as_adeel: Client, as_mehwish: Client, as_nadia: Client, mehwish: User
) -> None:
    case = waiting()
    kind = ReportKind.objects.get(code="STR")
    report = actions.begin_report(case, by=mehwish, kind=kind, grounds="Canary grounds of a report.")
    of_analyst, of_officer, of_auditor = (made_by(one, case) for one in (as_adeel, as_mehwish, as_nadia))
    hints = re.compile(r"regulator|report|canary|\bSTR\b", re.I)
    assert hints.search(words_of(of_analyst)) is None
    for printed in (of_officer, of_auditor):
        assert report.number in words_of(printed)
        assert "Canary grounds" in words_of(printed)
        address = f"{case.get_absolute_url()}printed/{printed.number}/"
        assert as_adeel.get(address).status_code == 404, "byte for byte like one that is not there"
        assert address not in text(as_adeel.get(case.get_absolute_url()))  # type: ignore[arg-type]
        given = SimpleUploadedFile("given.pdf", bytes(printed.file))
        answer = as_adeel.post(f"{case.get_absolute_url()}printed/check/", {"file": given}, follow=True)
        assert "This is no case file" in text(answer)  # type: ignore[arg-type]


def test_a_later_file_of_an_analyst_does_not_tell_that_an_officers_held_a_report(
    as_adeel: Client, as_mehwish: Client, mehwish: User
) -> None:
    """An officer's file is one for officers whether or not there is a report, so its being hidden says nothing."""
    case = waiting()
    without = made_by(as_mehwish, case)
    actions.begin_report(case, by=mehwish, kind=ReportKind.objects.get(code="STR"), grounds="Canary grounds.")
    with_report = made_by(as_mehwish, case)
    assert without.tells_of_reports is with_report.tells_of_reports is True
    told = words_of(made_by(as_adeel, case))
    assert without.number in told and with_report.number in told  # noqa: PT018 - the two are alike
    assert "anary" not in told


def test_nobody_outside_compliance_makes_or_reads_one(as_adeel: Client) -> None:
    case = waiting()
    printed = made_by(as_adeel, case)
    for name in ("hina", "omar", "sana", "tariq", "rabia", "bilal", "admin"):
        client = signed_in(person(name))
        for answer in (
            client.post(f"{case.get_absolute_url()}printed/"),
            client.get(f"{case.get_absolute_url()}printed/{printed.number}/"),
            client.post(f"{case.get_absolute_url()}printed/check/"),
        ):
            assert answer.status_code == 403
        with pytest.raises(MissingPermission):
            actions.print_case(case, by=person(name))
    assert PrintedCase.objects.count() == 1


def test_the_record_cannot_be_changed_or_taken_away(as_adeel: Client) -> None:
    printed = made_by(as_adeel, waiting())
    for statement in (
        "UPDATE compliance_printedcase SET sha256 = 'x' WHERE id = %s",
        "DELETE FROM compliance_printedcase WHERE id = %s",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [printed.pk])


def test_where_the_trail_cannot_be_written_no_file_is_made(as_adeel: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    case = waiting()

    def broken(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("the trail is away")

    monkeypatch.setattr("audit.trail.record", broken)
    as_adeel.raise_request_exception = False
    assert as_adeel.post(f"{case.get_absolute_url()}printed/").status_code >= 500
    assert not PrintedCase.objects.exists()


@pytest.mark.parametrize("kind", ["review:title_close", "review:unavailable", "review:fields", "review:hits"])
def test_every_kind_of_case_can_be_printed(as_adeel: Client, kind: str) -> None:
    PartnerFactory(code="RIA")
    made_by(as_adeel, CaseFactory(kind=kind))


def test_hundreds_of_hits_and_hostile_names_are_printed_as_they_are(as_adeel: Client) -> None:
    case = waiting("T1", *[f"SDN-{number} <b>& &amp; </para>" for number in range(casefile.HITS_COMPARED + 3)])
    told = words_of(made_by(as_adeel, case))
    assert f"SDN-{casefile.HITS_COMPARED + 2} <b>& &amp; </para>" in told


def test_seen_is_kept_by_making_a_file(as_adeel: Client, adeel: User) -> None:
    """Making one changes nothing in the case: a form that was read before it is still good."""
    case = waiting()
    Case.objects.filter(pk=case.pk).update(assignee=adeel)
    case.refresh_from_db()
    seen = Seen(case.revision, Transaction.objects.get().version, "")
    made_by(as_adeel, case)
    actions.let_go(case, by=adeel, seen=seen)
