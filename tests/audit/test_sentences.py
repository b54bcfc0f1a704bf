"""Entries as sentences: every verb has one, names are people's, values are what pages call them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import trail
from audit.models import AuditEvent
from audit.sentences import Change, lines, sentence
from audit.verbs import Verb
from tests.factories.accounts import PartnerFactory, UserFactory
from tests.factories.audit import AuditEventFactory

pytestmark = pytest.mark.django_db

TRANSACTION = {"object_type": "transactions.transaction", "object_id": "PSL000000045"}
OMAR = {"object_type": "accounts.user", "object_id": "omar"}

EXPORT = {"object_type": "reports.export", "object_id": "X-2026-000007"}
CASE = {"object_type": "compliance.case", "object_id": "C-2026-00412"}
REPORT = {
    "object_type": "compliance.report",
    "object_id": "STR-2026-0001",
    "facts": {"case": "C-2026-00412"},
}
SAID: list[tuple[Verb, dict[str, Any], str]] = [
    (Verb.SIGNED_IN, {}, "Hina Baig signed in"),
    (Verb.SIGNED_OUT, {}, "Hina Baig signed out"),
    (Verb.SIGN_IN_FAILED, OMAR, "A sign-in as Omar Siddiqui failed"),
    (Verb.SIGN_IN_FAILED, OMAR | {"facts": {"because": "locked"}}, "A sign-in as Omar Siddiqui was refused: locked"),
    (Verb.SIGN_IN_LOCKED, OMAR | {"facts": {"minutes": 30}}, "Signing in as Omar Siddiqui was locked for 30 minutes"),
    (Verb.SESSION_ENDED, OMAR | {"facts": {"because": "idle"}}, "The session of Omar Siddiqui was ended: idle"),
    (Verb.SUSPENDED, OMAR, "Hina Baig suspended the sign-in of Omar Siddiqui"),
    (Verb.PASSWORD_CHANGED, OMAR, "Hina Baig changed the password of Omar Siddiqui"),
    (
        Verb.DENIED,
        {"facts": {"path": "/admin/", "permission": "audit.view_trail"}},
        "Hina Baig was denied /admin/: the right to see the whole trail is missing",
    ),
    (Verb.DENIED, {"facts": {"path": "/admin/", "permission": ""}}, "Hina Baig was denied /admin/"),
    (
        Verb.REFUSED,
        TRANSACTION | {"reason": "Too late.", "facts": {"deed": "note_added"}},
        "Hina Baig was refused note added of PSL000000045: Too late",
    ),
    (Verb.VIEWED, TRANSACTION, "Hina Baig viewed PSL000000045"),
    (Verb.VIEWED, TRANSACTION | {"facts": {"part": "timeline"}}, "Hina Baig viewed the timeline of PSL000000045"),
    (
        Verb.SEARCHED,
        {"facts": {"kind": "reference", "text": "ICP1234", "found": 0}},
        "Hina Baig searched for reference ICP1234, 0 found",
    ),
    (
        Verb.SEARCHED_PERSON,
        {"facts": {"kind": "CNIC", "text": "•••• 567-1", "found": 2}},
        "Hina Baig searched for CNIC •••• 567-1, 2 found",
    ),
    (
        Verb.SEARCHED_PERSON,
        {"facts": {"kinds": ["CNIC", "phone number"], "hash": "ab12", "found": 2}, "result": "DENIED"},
        "Hina Baig searched by CNIC or phone number, 2 found, withheld",
    ),
    (
        Verb.REVEALED,
        TRANSACTION | {"facts": {"field": "Beneficiary CNIC"}, "reason": "partner inquiry"},
        "Hina Baig revealed Beneficiary CNIC of PSL000000045, reason: partner inquiry",
    ),
    (Verb.COPIED_ANSWER, TRANSACTION, "Hina Baig copied the answer about PSL000000045"),
    (Verb.READ_TRAIL, TRANSACTION, "Hina Baig read the trail of PSL000000045"),
    (Verb.NOTE_ADDED, TRANSACTION, "Hina Baig added a note to PSL000000045"),
    (
        Verb.NOTE_ADDED,
        TRANSACTION | {"facts": {"compliance_only": True}},
        "Hina Baig added a note for compliance to PSL000000045",
    ),
    (
        Verb.INQUIRY_LOGGED,
        TRANSACTION | {"facts": {"inquiry": "INQ-2026-7", "partner": "Instant Cash"}},
        "Hina Baig recorded inquiry INQ-2026-7 of Instant Cash about PSL000000045",
    ),
    (Verb.INQUIRY_CLOSED, TRANSACTION, "Hina Baig closed an inquiry about PSL000000045"),
    (
        Verb.APPROVAL_ASKED,
        TRANSACTION | {"facts": {"operation": "Move to RTGS", "request": "A-000881"}},
        "Hina Baig asked for a second person: “Move to RTGS” of PSL000000045 (A-000881)",
    ),
    (
        Verb.APPROVAL_GIVEN,
        TRANSACTION
        | {"facts": {"operation": "Cancel", "request": "A-000881", "done": "The platform is asked: Cancel."}},
        "Hina Baig approved “Cancel” of PSL000000045 (A-000881): The platform is asked: Cancel",
    ),
    (
        Verb.APPROVAL_REJECTED,
        TRANSACTION | {"facts": {"operation": "Cancel", "request": "A-000881"}, "reason": "Not yet"},
        "Hina Baig rejected “Cancel” of PSL000000045 (A-000881), reason: Not yet",
    ),
    (
        Verb.APPROVAL_SENT_BACK,
        TRANSACTION | {"facts": {"operation": "Cancel", "request": "A-000881"}},
        "Hina Baig sent back “Cancel” of PSL000000045 (A-000881)",
    ),
    (
        Verb.APPROVAL_WITHDRAWN,
        TRANSACTION | {"facts": {"operation": "Cancel", "request": "A-000881"}},
        "Hina Baig withdrew “Cancel” of PSL000000045 (A-000881)",
    ),
    (
        Verb.APPROVAL_OVERTAKEN,
        TRANSACTION | {"facts": {"operation": "Cancel", "request": "A-000881"}, "reason": "Paid"},
        "Hina Baig could not approve, because it was overtaken, “Cancel” of PSL000000045 (A-000881), reason: Paid",
    ),
    (Verb.APPROVALS_EXPIRED, {"facts": {"count": 2}}, "2 requests ran out without a decision"),
    (
        Verb.COMMAND_ASKED,
        TRANSACTION | {"facts": {"what": "Cancel", "checker": "sana"}},
        "Hina Baig asked the platform: Cancel of PSL000000045, agreed by sana",
    ),
    (
        Verb.COMMAND_SENT,
        TRANSACTION | {"facts": {"what": "Repush", "try": 2}},
        "Hina Baig sent Repush of PSL000000045 to the platform, try 2",
    ),
    (Verb.COMMAND_ANSWERED, TRANSACTION | {"facts": {"what": "Repush"}}, "The platform took Repush of PSL000000045"),
    (
        Verb.COMMAND_ANSWERED,
        TRANSACTION | {"facts": {"what": "Repush", "said": "No answer."}, "result": "FAILED"},
        "The platform did not take Repush of PSL000000045: No answer",
    ),
    (
        Verb.COMMAND_REFUSED,
        TRANSACTION | {"facts": {"what": "Repush", "because": "It is completed."}},
        "Repush of PSL000000045 was refused: It is completed",
    ),
    (
        Verb.INQUIRIES_GIVEN_UP,
        {"facts": {"count": 3}},
        "Hina Baig gave up 3 inquiries that were never answered",
    ),
    (
        Verb.EVENTS_RECEIVED,
        {"by": "platform", "facts": {"count": 5, "accepted": 3, "duplicate": 2, "rejected": 0}},
        "The platform sent 5 events: 3 accepted, 2 duplicate",
    ),
    (
        Verb.FILE_IMPORTED,
        {"facts": {"file": "push.json", "accepted": 1, "rejected": 1}},
        "Hina Baig imported push.json: 1 accepted, 1 rejected",
    ),
    (Verb.DATA_SEEDED, {"by": "system", "facts": {"transactions": 7}}, "The system seeded data: 7 transactions"),
    (Verb.VIEW_SAVED, {"facts": {"name": "Failed"}}, "Hina Baig saved the view Failed"),
    (Verb.VIEW_CHANGED, {"facts": {"name": "Failed"}}, "Hina Baig changed the view Failed"),
    (Verb.VIEW_DELETED, {"facts": {"name": "Failed"}}, "Hina Baig deleted the view Failed"),
    (Verb.VIEW_RESTORED, {"facts": {"name": "Failed"}}, "Hina Baig took the view Failed back"),
    (Verb.LIST_ARRANGED, {}, "Hina Baig arranged their list of transactions"),
    (Verb.PREFERENCES_CHANGED, {}, "Hina Baig changed their preferences"),
    (Verb.NOTIFICATIONS_READ, {"facts": {"count": 2}}, "Hina Baig marked 2 notifications as read"),
    (Verb.ADDED, {"object_type": "accounts.partner", "object_id": "RIA"}, "Hina Baig added partner RIA"),
    (Verb.CHANGED, OMAR | {"reason": "moved"}, "Hina Baig changed Omar Siddiqui, reason: moved"),
    (Verb.DELETED, {"object_type": "transactions.holiday", "object_id": "3"}, "Hina Baig deleted holiday 3"),
    (
        Verb.DELETED,
        {"by": "worker", "object_type": "transactions.search", "facts": {"count": 4, "because": "expired"}},
        "The worker deleted 4 of search (expired)",
    ),
    (
        Verb.GRANTED,
        OMAR | {"facts": {"what": "see and work", "on": "partner RIA"}},
        "Hina Baig granted see and work on partner RIA to Omar Siddiqui",
    ),
    (Verb.REVOKED, OMAR | {"facts": {"on": "partner RIA"}}, "Hina Baig revoked partner RIA from Omar Siddiqui"),
    (Verb.ROLE_GIVEN, OMAR | {"facts": {"role": "Auditor"}}, "Hina Baig gave Omar Siddiqui the role Auditor"),
    (Verb.ROLE_TAKEN, OMAR | {"facts": {"role": "Auditor"}}, "Hina Baig took the role Auditor from Omar Siddiqui"),
    (Verb.CASE_TAKEN, CASE, "Hina Baig took case C-2026-00412"),
    (Verb.CASE_LET_GO, CASE, "Hina Baig let go of case C-2026-00412"),
    (
        Verb.CASE_RETURNED,
        CASE | {"facts": {"of": "Omar Siddiqui"}},
        "Hina Baig put case C-2026-00412 back into the queue: Omar Siddiqui does not work on cases any more",
    ),
    (
        Verb.CASE_SNOOZED,
        CASE | {"facts": {"until": "23 Nov 2026"}, "reason": "The branch answers."},
        "Hina Baig put case C-2026-00412 aside until 23 Nov 2026, reason: The branch answers",
    ),
    (Verb.CASE_WOKEN, CASE, "Hina Baig took case C-2026-00412 up again"),
    (Verb.CASE_HELD, CASE, "Hina Baig put case C-2026-00412 on hold"),
    (Verb.CASE_RESUMED, CASE, "Hina Baig ended the hold of case C-2026-00412"),
    (Verb.CASE_ESCALATED, CASE, "Hina Baig escalated case C-2026-00412 to an officer"),
    (Verb.CASE_ARRANGED, CASE, "Hina Baig changed priority or tags of case C-2026-00412"),
    (Verb.CASE_RECORDED, CASE, "Hina Baig closed case C-2026-00412 as recorded"),
    (
        Verb.CASE_PRINTED,
        CASE | {"facts": {"printed": "CF-2026-00007"}},
        "Hina Baig made the case file CF-2026-00007 of case C-2026-00412",
    ),
    (
        Verb.HITS_DECIDED,
        CASE | {"facts": {"decided": [{"hit": "SDN-1", "party": "remitter", "verdict": "Not the same person"}]}},
        "Hina Baig decided 1 hit of case C-2026-00412 (SDN-1 on the remitter: not the same person)",
    ),
    (Verb.FILE_ADDED, CASE | {"facts": {"file": "a.pdf"}}, "Hina Baig added a.pdf to case C-2026-00412"),
    (Verb.FILE_READ, CASE | {"facts": {"file": "a.pdf"}}, "Hina Baig downloaded a.pdf of case C-2026-00412"),
    (
        Verb.DATA_CORRECTED,
        CASE | {"facts": {"transaction": "PSL1"}},
        "Hina Baig corrected data of PSL1 in case C-2026-00412",
    ),
    (
        Verb.CHECK_ASKED,
        CASE | {"facts": {"transaction": "PSL1"}},
        "Hina Baig asked for a new check of PSL1 in case C-2026-00412",
    ),
    (Verb.RULE_AGREED, CASE | {"facts": {"rule": "W-12"}}, "Hina Baig agreed to rule W-12 of case C-2026-00412"),
    (Verb.RULE_ENDED, CASE | {"facts": {"rule": "W-12"}}, "Hina Baig ended rule W-12 of case C-2026-00412"),
    (Verb.REPORT_BEGUN, REPORT, "Hina Baig began report STR-2026-0001 about case C-2026-00412"),
    (Verb.REPORT_CHANGED, REPORT, "Hina Baig changed report STR-2026-0001 about case C-2026-00412"),
    (
        Verb.REPORT_FILED,
        REPORT | {"facts": {"case": "C-2026-00412", "reference": "FMU-9"}},
        "Hina Baig filed report STR-2026-0001 about case C-2026-00412 as FMU-9",
    ),
    (
        Verb.EXCEPTIONS_OPENED,
        {"by": "worker", "facts": {"count": 2, "kind": "over their limit"}},
        "The worker opened 2 exceptions: over their limit",
    ),
    (
        Verb.EXCEPTION_ASSIGNED,
        TRANSACTION | {"facts": {"to": "Hina Baig"}},
        "Hina Baig took the exceptions of PSL000000045",
    ),
    (
        Verb.EXCEPTION_ASSIGNED,
        TRANSACTION | {"facts": {"to": "Omar Siddiqui"}},
        "Hina Baig gave the exceptions of PSL000000045 to Omar Siddiqui",
    ),
    (
        Verb.EXCEPTION_ASSIGNED,
        TRANSACTION | {"facts": {"to": ""}},
        "Hina Baig gave the exceptions of PSL000000045 back",
    ),
    (
        Verb.EXCEPTION_SNOOZED,
        TRANSACTION | {"reason": "later", "facts": {"until": "22 Nov 2026, 15:00:00 PKT"}},
        "Hina Baig put the exceptions of PSL000000045 aside until 22 Nov 2026, 15:00:00 PKT, reason: later",
    ),
    (Verb.EXCEPTION_WOKEN, TRANSACTION, "Hina Baig brought the exceptions of PSL000000045 back"),
    (
        Verb.EXCEPTION_SETTLED,
        TRANSACTION | {"facts": {"kind": "Conflicting repeat"}},
        "Hina Baig closed an exception of PSL000000045: Conflicting repeat",
    ),
    (
        Verb.BULK_JOB,
        {
            "object_type": "exceptions.bulkjob",
            "object_id": "B-2026-000007",
            "facts": {"did": "confirmed", "what": "Retry 18 transactions"},
        },
        "Hina Baig confirmed bulk job B-2026-000007: Retry 18 transactions",
    ),
    (
        Verb.REPORT_DOWNLOADED,
        {"facts": {"file": "daily-2026-11-24.csv", "report": "Daily operations summary", "asked": "24 Nov 2026 (PKT)"}},
        "Hina Baig downloaded daily-2026-11-24.csv: Daily operations summary, 24 Nov 2026 (PKT)",
    ),
    (
        Verb.SHEET_DOWNLOADED,
        {"facts": {"count": 3, "what": "B-2026-000007"}},
        "Hina Baig downloaded a spreadsheet of 3 rows: B-2026-000007",
    ),
    (
        Verb.EXPORT_ASKED,
        EXPORT | {"facts": {"rows": "2 transactions", "what": "transactions: Status: Failed", "unmasked": True}},
        "Hina Baig asked for export X-2026-000007, unmasked, 2 transactions: transactions: Status: Failed",
    ),
    (
        Verb.EXPORT_STARTED,
        EXPORT | {"facts": {"what": "transactions: Status: Failed", "run": ", run 2"}},
        "The worker began export X-2026-000007 of Hina Baig, run 2: transactions: Status: Failed",
    ),
    (
        Verb.EXPORT_MADE,
        EXPORT | {"facts": {"what": "transactions: Status: Failed", "told": "2 rows"}},
        "The worker made export X-2026-000007 of Hina Baig, 2 rows: transactions: Status: Failed",
    ),
    (
        Verb.EXPORT_MADE,
        EXPORT | {"result": "FAILED", "facts": {"told": "It was interrupted 3 times."}},
        "The worker did not make export X-2026-000007 of Hina Baig: It was interrupted 3 times",
    ),
    (
        Verb.EXPORT_CANCELLED,
        EXPORT | {"facts": {"what": "transactions: Status: Failed"}},
        "Hina Baig cancelled export X-2026-000007: transactions: Status: Failed",
    ),
    (
        Verb.EXPORT_DOWNLOADED,
        EXPORT | {"facts": {"rows": 2, "what": "transactions: Status: Failed"}},
        "Hina Baig downloaded export X-2026-000007, 2 rows: transactions: Status: Failed",
    ),
    (Verb.EXPORT_DELETED, EXPORT, "Hina Baig deleted the file of export X-2026-000007"),
    (
        Verb.EXPORT_DELETED,
        {"object_type": "reports.export", "facts": {"count": 3}},
        "Hina Baig deleted the files of 3 exports whose time was over",
    ),
    (
        Verb.CERTIFICATE_ISSUED,
        TRANSACTION | {"facts": {"certificate": "PRC-2026-0000002", "replaces": "PRC-2026-0000001"}},
        "Hina Baig issued e-PRC PRC-2026-0000002 of PSL000000045 in place of PRC-2026-0000001",
    ),
    (
        Verb.CERTIFICATE_DOWNLOADED,
        TRANSACTION | {"facts": {"certificate": "PRC-2026-0000002"}},
        "Hina Baig downloaded e-PRC PRC-2026-0000002 of PSL000000045",
    ),
    (
        Verb.CERTIFICATE_VERIFIED,
        {"facts": {"number": "PRC-2026-0000002", "answer": "Valid"}},
        "Hina Baig verified e-PRC PRC-2026-0000002: Valid",
    ),
    (
        Verb.CERTIFICATE_VOIDED,
        TRANSACTION | {"facts": {"certificate": "PRC-2026-0000002", "checker": "Sana Malik"}},
        "Hina Baig voided e-PRC PRC-2026-0000002 of PSL000000045, agreed by Sana Malik",
    ),
    (
        Verb.REVERSALS_FILED,
        {
            "object_type": "exceptions.reversalfile",
            "object_id": "R-2026-000007",
            "facts": {"did": "uploaded", "what": "november.xlsx"},
        },
        "Hina Baig uploaded reversal file R-2026-000007: november.xlsx",
    ),
    (
        Verb.CHAIN_CHECK_ASKED,
        {"by": "nadia"},
        "nadia asked for a verification of the trail",
    ),
    (
        Verb.ALARM_RAISED,
        {"by": "worker", "facts": {"sentence": "Nothing has come from RIA."}},
        "The worker raised an alarm: Nothing has come from RIA",
    ),
    (
        Verb.ALARM_ENDED,
        {"by": "worker", "facts": {"sentence": "Nothing has come from RIA."}},
        "The worker ended an alarm: Nothing has come from RIA",
    ),
    (
        Verb.ALARM_SEEN,
        {"facts": {"sentence": "Nothing has come from RIA."}},
        "Hina Baig saw an alarm: Nothing has come from RIA",
    ),
    (
        Verb.CHAIN_VERIFIED,
        {"by": "worker", "facts": {"count": 9, "seq": 9}},
        "The worker verified the trail: 9 events to 9",
    ),
    (
        Verb.CHAIN_BROKEN,
        {"by": "worker", "facts": {"seq": "3", "what": "edited: entry 3"}},
        "The worker found the trail BROKEN at 3: edited: entry 3",
    ),
]


@pytest.fixture(autouse=True)
def people(db: None) -> None:
    UserFactory(username="hina", full_name="Hina Baig")
    UserFactory(username="omar", full_name="Omar Siddiqui")


def written(verb: Verb, details: dict[str, Any]) -> AuditEvent:
    system = details.get("by") in ("system", "worker", "platform")
    with trail.acting(kind="SYSTEM" if system else "USER", actor=details.get("by", "hina")):
        return AuditEventFactory(**({"verb": verb, "by": None, "object_type": "", "object_id": ""} | details))


@pytest.mark.parametrize(("verb", "details", "words"), SAID, ids=[str(verb) for verb, _, _ in SAID])
def test_an_entry_is_a_sentence(verb: Verb, details: dict[str, Any], words: str) -> None:
    assert sentence(written(verb, details)) == words


def test_every_verb_has_its_sentence() -> None:
    assert {verb for verb, _, _ in SAID} == set(Verb)


@pytest.mark.parametrize("verb", Verb)
def test_a_sentence_needs_no_fact_to_be_there(verb: Verb) -> None:
    assert sentence(written(verb, {}))


def test_lines_ask_for_all_names_at_once() -> None:
    for number in range(20):
        AuditEventFactory(by="hina" if number % 2 else "omar")
    with CaptureQueriesContext(connection) as queries:
        read = lines(AuditEvent.objects.newest_first())
    assert len(queries) == 2
    assert {line.who for line in read} == {"Hina Baig", "Omar Siddiqui"}


def test_a_change_is_shown_with_the_labels_of_the_fields() -> None:
    partner = PartnerFactory(code="RIA")
    trail.record(
        Verb.CHANGED,
        by="hina",
        obj=partner,
        before={"mode": "push", "is_active": True, "name": "RIA", "phone": ""},
        after={"mode": "pull", "is_active": False, "name": "RIA", "phone": "+92 •••"},
    )
    (line,) = lines(AuditEvent.objects.of(partner))
    assert line.changes == (
        Change("Active", "yes", "no"),
        Change("Integration mode", "push", "pull"),
        Change("Phone", "empty", "+92 •••"),
    )


def test_who_is_not_signed_in_has_no_name() -> None:
    with trail.acting(kind="ANONYMOUS", actor=""):
        entry = AuditEventFactory(by=None)
    assert sentence(entry).startswith("Somebody not signed in viewed")
