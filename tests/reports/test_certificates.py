"""e-PRCs: one per completed payment, without gaps, the same bytes each time, void by two people or a return."""

from __future__ import annotations

import csv
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client

from accounts import maker_checker
from accounts.errors import MissingPermission, Refused
from accounts.models import ApprovalRequest, User
from audit.models import AuditEvent
from backoffice.reports import certificate_papers, certificates, exporting
from backoffice.reports.certificates import issue, paper_of, propose_void, verify
from backoffice.reports.models import Certificate, CertificateCounter, Export
from tests.factories.accounts import PartnerFactory
from tests.gateway import telling
from tests.gateway.telling import stage, take_in
from tests.people import person, signed_in
from tests.reports.test_exports import words
from tests.transactions.rows import lay
from transactions.models import Transaction

pytestmark = pytest.mark.django_db

CNIC, IBAN = "4210112345671", "PK36SCBL0000001123456702"
URDU = "نعیم اختر قریشی"


@pytest.fixture(autouse=True)
def _place(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.EXPORT_DIR = tmp_path / "exports"
    return


def paid(number: int = 1, **fields: Any) -> Transaction:
    values = {
        "stage": "credited",
        "beneficiary_iban": IBAN,
        "purpose_code": "SALA",
        "origin_country": "AE",
        "rate": "77.0000",
        "remitter": {"id_type": "CNIC", "id_number": CNIC},
        "beneficiary": {},
    }
    return lay(number, **(values | fields))


# -- issuing ----------------------------------------------------------------------------------------------------------


def test_a_certificate_says_everything_that_it_must(omar: User) -> None:
    certificate = issue(paid(beneficiary_name=URDU), by=omar)
    said = certificate.facts
    assert re.fullmatch(r"PRC-\d{4}-0000001", certificate.number)
    assert (said["remitter_name"], said["remitter_id"], said["beneficiary_name"]) == ("Sender aaaaab", CNIC, URDU)
    assert (said["beneficiary_account"], said["institution"], said["country"]) == (
        IBAN,
        PartnerFactory(code="INSTANTCASH").name,
        "AE",
    )
    assert (said["sent_currency"], said["sent_amount"], said["rate"]) == ("AED", "100.00", "77.0000")
    assert (said["settled_currency"], said["settled_amount"]) == ("PKR", "7,700.00")
    assert said["purpose_code"] == "SALA"
    assert said["purpose"]
    assert said["transaction"] == "PSL000000001"
    assert len(certificate.check_code) == 12


def test_the_same_payment_has_one_certificate_and_its_paper_the_same_bytes(omar: User) -> None:
    payment = paid(beneficiary_name=URDU)
    first, second = issue(payment, by=omar), issue(payment, by=omar)
    assert first == second
    printed = paper_of(first)
    certificate_papers._printed.cache_clear()
    assert paper_of(Certificate.objects.get()) == printed
    assert printed.startswith(b"%PDF-")
    assert AuditEvent.objects.filter(verb="certificate_issued").count() == 1


@pytest.mark.parametrize("where", ["settlement", "failed_final", "returned", "cash_ready"])
def test_only_a_completed_payment_has_a_certificate(omar: User, where: str) -> None:
    with pytest.raises(Refused, match="not completed"):
        issue(paid(stage=where), by=omar)
    assert not CertificateCounter.objects.exists()


@pytest.mark.parametrize("name", ["hina", "sana", "adeel", "mehwish", "tariq", "rabia", "nadia", "admin"])
def test_only_operations_and_branches_issue(name: str) -> None:
    payment = paid()
    client = signed_in(person(name))
    assert client.get(f"/transactions/{payment.txn_id}/eprc/").status_code == 403
    assert client.post(f"/transactions/{payment.txn_id}/eprc/").status_code == 403
    with pytest.raises(MissingPermission):
        issue(payment, by=person(name))


def test_a_branch_operator_issues_for_the_own_branch_alone(as_bilal: Client) -> None:
    own, other = paid(1, branch="1003", stage="cash_paid"), paid(2, branch="1017")
    assert as_bilal.post(f"/transactions/{own.txn_id}/eprc/").status_code == 302
    foreign, absent = (as_bilal.post(f"/transactions/{name}/eprc/") for name in (other.txn_id, "PSL000000099"))
    assert (foreign.status_code, absent.status_code) == (404, 404)
    certificate = issue(other, by=person("omar"))
    assert as_bilal.get(f"/eprc/{certificate.number}/").status_code == 404
    assert certificate.number not in as_bilal.get("/eprc/").content.decode()


def test_its_page_masks_what_its_paper_shows(as_omar: Client) -> None:
    payment = paid()
    page = as_omar.get(f"/transactions/{payment.txn_id}/").content.decode()
    assert f"/transactions/{payment.txn_id}/eprc/" in page
    preview = as_omar.get(f"/transactions/{payment.txn_id}/eprc/").content.decode()
    answer = as_omar.post(f"/transactions/{payment.txn_id}/eprc/", follow=True)
    shown = answer.content.decode()
    for text in (preview, shown):
        assert CNIC not in text
        assert IBAN not in text
        assert "567-1" in text
    number = Certificate.objects.get().number
    body = as_omar.get(f"/eprc/{number}/paper/")
    assert body["Content-Type"] == "application/pdf"
    assert body.content == as_omar.get(f"/eprc/{number}/paper/").content
    assert AuditEvent.objects.filter(verb="certificate_downloaded").count() == 2
    assert number in as_omar.get(f"/transactions/{payment.txn_id}/").content.decode()
    assert as_omar.get(f"/transactions/{payment.txn_id}/eprc/").url == f"/eprc/{number}/"  # type: ignore[attr-defined]


@pytest.mark.parametrize("rollback", [False, True])
def test_numbers_follow_each_other_also_after_one_that_failed(omar: User, rollback: bool) -> None:
    issue(paid(1), by=omar)
    with transaction.atomic():
        issue(paid(2), by=omar)
        transaction.set_rollback(rollback)
    last = issue(paid(3), by=omar)
    assert last.number.endswith("2" if rollback else "3")


# -- what the database holds ------------------------------------------------------------------------------------------


def test_what_a_certificate_says_never_changes(omar: User) -> None:
    certificate = issue(paid(), by=omar)
    for change in ({"facts": {}}, {"sha256": "0" * 64}, {"number": "PRC-2026-0000009"}, {"check_code": "A" * 12}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Certificate.objects.filter(pk=certificate.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        certificate.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        CertificateCounter.objects.update(last=7)


def test_one_person_cannot_void_a_certificate_in_the_database(omar: User) -> None:
    certificate = issue(paid(), by=omar)
    forged = {"state": "void", "void_because": "agreed", "voided_at": certificate.issued_at}
    for more in ({}, {"void_maker": omar, "void_checker": omar}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Certificate.objects.filter(pk=certificate.pk).update(**forged, **more)


def test_a_paper_that_is_not_what_was_issued_is_not_handed_out(omar: User, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = issue(paid(), by=omar)
    monkeypatch.setattr(certificates, "paper", lambda *_: b"%PDF-other")
    with pytest.raises(certificates.Altered):
        certificates.take(certificate, by=omar)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_issue_one_certificate_and_leave_no_gap() -> None:
    omar = person("omar")
    payments = [paid(number) for number in range(1, 5)]
    found: list[str] = []
    gate = threading.Barrier(8)

    def issue_at_once(payment: Transaction) -> None:
        try:
            gate.wait(timeout=30)
            found.append(issue(payment, by=omar).number)
        finally:
            connection.close()

    threads = [threading.Thread(target=issue_at_once, args=[payment]) for payment in payments * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(found) == 8
    assert sorted(int(number[-7:]) for number in set(found)) == [1, 2, 3, 4]
    assert Certificate.objects.count() == 4


# -- void -------------------------------------------------------------------------------------------------------------


def test_two_people_void_a_certificate_and_issue_another(as_omar: Client, omar: User, sana: User) -> None:
    old = issue(paid(), by=omar)
    answer = as_omar.post(f"/eprc/{old.number}/", {"note": "The purpose was wrong.", "reissue": "on"})
    assert answer.status_code == 302
    request = ApprovalRequest.objects.get()
    assert verify(old.number, old.check_code, by=omar) == old
    with pytest.raises(MissingPermission):
        maker_checker.approve(request, by=omar)
    evidence = signed_in(sana).get(f"/approvals/{request.number}/").content.decode()
    assert old.number in evidence
    assert CNIC not in evidence
    assert "<dt>Reason</dt><dd><bdi>The purpose was wrong.</bdi></dd>" in evidence
    maker_checker.approve(request, by=sana)
    old.refresh_from_db()
    new = Certificate.objects.issued().get()
    assert (old.state, old.void_because, new.replaces) == ("void", "agreed", old)
    assert new.number != old.number
    assert [one.verb for one in AuditEvent.objects.filter(verb__startswith="certificate").order_by("seq")][-2:] == [
        "certificate_voided",
        "certificate_issued",
    ]
    assert "is void" in words(as_omar, f"/eprc/{old.number}/").lower() or "Void since" in words(
        as_omar, f"/eprc/{old.number}/"
    )
    assert as_omar.get(f"/eprc/{old.number}/paper/").status_code == 409


def test_after_a_void_one_nobody_issues_another_alone(omar: User, sana: User) -> None:
    payment = paid()
    old = issue(payment, by=omar)
    maker_checker.approve(propose_void(old, by=omar, note="Wrong."), by=sana)
    with pytest.raises(Refused, match="needs two people"):
        issue(payment, by=omar)
    old.refresh_from_db()
    maker_checker.approve(propose_void(old, by=omar, note="Right now.", is_reissued=True), by=sana)
    assert Certificate.objects.issued().get().replaces == old
    with pytest.raises(Refused, match="void already"):
        propose_void(old, by=omar, note="Again.")
    with pytest.raises(Refused, match="another certificate that is valid"):
        propose_void(old, by=omar, note="Again.", is_reissued=True)


@pytest.mark.parametrize("name", ["hina", "bilal", "sana", "adeel", "tariq", "nadia", "admin"])
def test_only_operations_makers_ask_for_a_void_one(name: str, omar: User) -> None:
    certificate = issue(paid(branch="1003"), by=omar)
    assert signed_in(person(name)).post(f"/eprc/{certificate.number}/", {"note": "No."}).status_code == 403
    assert not ApprovalRequest.objects.exists()


def test_a_return_voids_a_certificate_by_itself_and_overtakes_the_request(omar: User, sana: User) -> None:
    payment = _told_paid("T7")
    certificate = issue(payment, by=omar)
    request = propose_void(certificate, by=omar, note="Wrong.", is_reissued=True)
    take_in(stage("T7", 9, "return", "SUCCESS", funds="RETURNED"))
    certificate.refresh_from_db()
    assert (certificate.state, certificate.void_because, certificate.void_maker) == ("void", "returned", None)
    entry = AuditEvent.objects.filter(verb="certificate_voided").get()
    assert (entry.actor, entry.object_id) == ("platform", "T7")
    assert entry.request_id == AuditEvent.objects.filter(verb="events_received").latest("seq").request_id
    assert "money came back" in words(signed_in(omar), f"/eprc/{certificate.number}/")
    with pytest.raises(Refused, match="version"):
        maker_checker.approve(request, by=sana)
    assert not Certificate.objects.issued().exists()
    with pytest.raises(Refused):
        issue(payment, by=omar)


def _told_paid(name: str) -> Transaction:
    PartnerFactory(code="RIA")
    take_in(telling.paid(name))
    return Transaction.objects.get(txn_id=name, status="completed")


# -- verifying --------------------------------------------------------------------------------------------------------


def test_anybody_signed_in_verifies_by_number_and_code_and_learns_nothing_else(omar: User) -> None:
    certificate = issue(paid(partner="RIA"), by=omar)
    code = f"{certificate.check_code[:4]} {certificate.check_code[4:8].lower()}-{certificate.check_code[8:]}"
    client = signed_in(person("hina"))  # who sees Instant Cash alone
    page = client.post("/eprc/verify/", {"number": certificate.number.lower(), "code": code}).content.decode()
    assert f"{certificate.number} is valid." in page
    assert "PSL000000001" not in page
    assert f"/eprc/{certificate.number}/" not in page
    for number, wrong in ((certificate.number, "A" * 12), ("PRC-2026-9999999", certificate.check_code), ("?", "x")):
        page = client.post("/eprc/verify/", {"number": number, "code": wrong}).content.decode()
        assert "There is no certificate" in page
    assert client.post("/eprc/verify/", {"number": "", "code": ""}).status_code == 422
    assert Client().get("/eprc/verify/").status_code == 302
    assert AuditEvent.objects.filter(verb="certificate_verified").count() == 4


def test_a_void_certificate_verifies_as_void(as_omar: Client, omar: User, sana: User) -> None:
    certificate = issue(paid(), by=omar)
    maker_checker.approve(propose_void(certificate, by=omar, note="Wrong."), by=sana)
    given = {"number": certificate.number, "code": certificate.check_code}
    assert f"{certificate.number} is void" in as_omar.post("/eprc/verify/", given).content.decode()


def test_the_search_box_leads_to_a_certificate_of_ones_own_scope(as_omar: Client, omar: User) -> None:
    certificate = issue(paid(branch="1017"), by=omar)
    plain = certificate.number.lower().replace("-", " ")
    for client, leads in ((as_omar, True), (signed_in(person("bilal")), False), (signed_in(person("hina")), False)):
        answer = client.post("/search/", {"q": plain})
        assert (answer.url == f"/eprc/{certificate.number}/") is leads  # type: ignore[attr-defined]


# -- many -------------------------------------------------------------------------------------------------------------


def test_many_certificates_come_as_one_zip_with_an_index(as_omar: Client, omar: User) -> None:
    payments = [paid(number) for number in range(1, 4)]
    there = issue(payments[0], by=omar)
    lay(9, stage="settlement")
    page = as_omar.post("/eprc/many/", {"ref": [f"PSL00000000{number}" for number in (1, 2, 3, 9)]}).content.decode()
    assert "Issue and pack 3 e-PRCs" in page
    assert Certificate.objects.count() == 1
    refs = re.search(r'name="refs" value="([^"]*)"', page)
    assert refs
    as_omar.post("/eprc/many/", {"refs": refs[1], "do": "create"})
    export = Export.objects.get()
    Transaction.objects.filter(pk=payments[2].pk).update(status="failed", stage="returned", funds_position="RETURNED")
    exporting.run(export.pk)
    export.refresh_from_db()
    assert (export.state, export.promised, export.rows) == ("ready", 3, 2)
    assert "2 of 3 payments have a certificate here" in words(as_omar, f"/exports/{export.number}/")
    body = b"".join(as_omar.get(f"/exports/{export.number}/file/").streaming_content)  # type: ignore[attr-defined]
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.read(f"{there.number}.pdf") == paper_of(there)
        index = {
            row["Payment"]: row for row in csv.DictReader(io.StringIO(archive.read("index.csv").decode("utf-8-sig")))
        }
        assert len(archive.namelist()) == 3
    assert index["PSL000000003"]["Why there is none"] == certificates.NOT_PAID
    assert index["PSL000000001"]["Certificate"] == there.number


def test_a_zip_begun_anew_issues_nothing_twice(as_bilal: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    paid(1, branch="1003"), paid(2, branch="1003")
    as_bilal.post("/eprc/many/", {"refs": "PSL000000001 PSL000000002", "do": "create"})
    export = Export.objects.get()

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(exporting, "_finish", killed)
        with pytest.raises(Killed):
            exporting.run(export.pk)
    exporting.run(export.pk)
    export.refresh_from_db()
    assert (export.state, export.rows, export.run) == ("ready", 2, 2)
    assert Certificate.objects.count() == 2
    assert export.number in as_bilal.get("/exports/").content.decode()


def test_names_in_urdu_stand_on_the_paper_joined_and_in_their_order(omar: User) -> None:
    from arabic_reshaper import ArabicReshaper  # the letters as they stand beside each other

    certificate = issue(paid(beneficiary_name=URDU, remitter_name="Zahra Qureshi"), by=omar)
    body = paper_of(certificate)
    assert b"NotoNaskhArabic" in body
    assert ArabicReshaper({"language": "Urdu", "support_ligatures": False}).reshape(URDU) != URDU
    assert certificate.sha256 != issue(paid(2, beneficiary_name="Other"), by=omar).sha256
