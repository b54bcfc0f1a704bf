"""e-PRCs, electronic proceeds realisation certificates: issued once for each completed payment, never edited.

What a certificate says is frozen when it is issued, with the version of its template and the SHA-256 of its bytes; the
paper is made anew each time and must have that SHA-256. It is void when two people agree on it, and by itself when the
money comes back. Source: SBP, FE Manual chapter 10 paragraph 2A, annexures V-148 and V-149.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from accounts import maker_checker
from accounts.access import check, check_work
from accounts.errors import Refused
from accounts.models import ApprovalRequest, User
from audit import trail
from audit.verbs import Verb
from backoffice.reports.certificate_papers import TEMPLATE, paper
from backoffice.reports.models import Certificate
from transactions import formats
from transactions.bank_days import ZONE
from transactions.discretion import without_numbers
from transactions.models import Event, Party, PurposeCode, Transaction
from transactions.vocabulary import Side, Status

State, Because = Certificate.State, Certificate.Because
ISSUE: Final = "reports.issue_eprc"
VOID: Final = "void_eprc"
READERS: Final = (ISSUE, "reports.propose_eprc_void", "reports.decide_eprc_void", "audit.view_trail")
"""Who holds one of these reads certificates, personal data masked."""
LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""The letters of a check code: none that is misread for another."""
CODE_LENGTH: Final = 12
NOT_PAID: Final = "An e-PRC certifies that the beneficiary has the money. This payment is not completed."


class Altered(Exception):
    """A certificate whose paper is not what was issued: what it was made of was changed behind the product's back."""


# -- issuing ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def issue(payment: Transaction, *, by: User) -> Certificate:
    """Issue the certificate of a completed payment. Where it has one, that one is answered: it is issued once.

    Refused for a payment that is not completed, and where one was void before: a new one needs two people.
    """
    check(by, ISSUE)
    present: Transaction = Transaction.objects.locked().select_related("partner").get(pk=payment.pk)
    check_work(by, present)
    issued = Certificate.objects.of(present).issued().first()
    if issued is not None:
        return issued  # type: ignore[no-any-return]
    if sentence := why_not_issue(present):
        raise _refused(sentence, present)
    return _issue(present, by=by)


def why_not_issue(payment: Transaction) -> str:
    """Why one person cannot issue a certificate of this payment now, or ""."""
    if payment.status != Status.COMPLETED:
        return NOT_PAID
    void = Certificate.objects.of(payment).void().newest_first().first()
    if void is not None and not Certificate.objects.of(payment).issued().exists():
        return f"{void.number} of this payment is void. A new one needs two people: ask on the page of {void.number}."
    return ""


def _issue(payment: Transaction, *, by: User, replaces: Certificate | None = None) -> Certificate:
    """The caller holds the payment and has asked what is in the way."""
    now = timezone.now()
    number = _next_number(now)
    code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    said = facts_of(payment) | {
        "number": number,
        "date": now.astimezone(ZONE).date().isoformat(),
        "code": code,
        "replaces": replaces.number if replaces else "",
    }
    certificate = Certificate(
        number=number,
        transaction=payment,
        check_code=code,
        facts=said,
        template=TEMPLATE,
        sha256=hashlib.sha256(paper(said, TEMPLATE)).hexdigest(),
        issued_at=now,
        issued_by=by,
        replaces=replaces,
    )
    certificate.save(force_insert=True)
    facts = {"certificate": number, "sha256": certificate.sha256}
    trail.record(Verb.CERTIFICATE_ISSUED, by=by, obj=payment, facts=facts | _replacing(replaces))
    return certificate


def _replacing(old: Certificate | None) -> dict[str, Any]:
    return {"replaces": old.number} if old else {}


def _next_number(now: dt.datetime) -> str:
    """The next number of the year, without a gap: the counter stands or falls with the certificate."""
    year = now.astimezone(ZONE).year
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reports_certificatecounter (year, last) VALUES (%s, 1)"
            " ON CONFLICT (year) DO UPDATE SET last = reports_certificatecounter.last + 1 RETURNING last",
            [year],
        )
        (last,) = cursor.fetchone()
    return f"PRC-{year}-{last:07d}"


def facts_of(payment: Transaction) -> dict[str, str]:
    """Everything that a certificate says of a payment (DOMAIN.md section 5), as texts, in the bank's zone."""
    parties = {party.side: party for party in Party.objects.filter(transaction=payment)}
    account = getattr(payment, "account", None)
    remitter = parties.get(Side.REMITTER)
    purpose = PurposeCode.objects.filter(code=payment.purpose_code).first() if payment.purpose_code else None
    return {
        "transaction": payment.txn_id,
        "partner_reference": payment.partner_reference,
        "rail_reference": payment.rail_reference or payment.bank_reference,
        "remitter_name": payment.remitter_name,
        "remitter_id_type": remitter.get_id_type_display() if remitter else "",
        "remitter_id": remitter.id_number if remitter else "",
        "beneficiary_name": payment.beneficiary_name,
        "beneficiary_bank": _bank_of(payment),
        "beneficiary_account": account.number if account else "",
        "institution": payment.partner.name,
        "country": payment.origin_country,
        "realised_on": payment.status_since.astimezone(ZONE).date().isoformat(),
        "sent_amount": _plain(payment.sent_amount, payment.sent_currency),
        "sent_currency": payment.sent_currency,
        "rate": formats.rate_text(payment.rate) if payment.rate is not None else "",
        "settled_amount": _plain(payment.settled_amount, payment.settled_currency),
        "settled_currency": payment.settled_currency,
        "purpose_code": payment.purpose_code,
        "purpose": purpose.text if purpose else "",
    }


def _plain(amount: Any, currency: str) -> str:
    return formats.amount_text(amount, currency) if amount is not None else ""


def _bank_of(payment: Transaction) -> str:
    """The beneficiary's bank by name where the partner named it, and by its code."""
    account = getattr(payment, "account", None)
    if account is None:
        return f"Cash at {payment.branch.name}" if payment.branch else "Cash"
    first = Event.objects.filter(transaction=payment, sequence=1).first()
    bank = ((first.data if first else {}).get("beneficiary") or {}).get("bankDetails") or {}
    return " ".join(
        filter(None, [str(bank.get("bankName") or ""), f"({account.bank_code})" if account.bank_code else ""])
    )


# -- the paper --------------------------------------------------------------------------------------------------------


def paper_of(certificate: Certificate) -> bytes:
    """The certificate as PDF, the same bytes each time. Raises Altered where they are not those that were issued."""
    made = paper(certificate.facts, certificate.template)
    if hashlib.sha256(made).hexdigest() != certificate.sha256:
        raise Altered(certificate.number)
    return made


@transaction.atomic
def take(certificate: Certificate, *, by: User) -> bytes:
    """The paper for somebody who may issue it; that it is taken is recorded, since it shows personal data clear."""
    check(by, ISSUE)
    present: Certificate = Certificate.objects.locked().select_related("transaction").get(pk=certificate.pk)
    if present.state != State.ISSUED:
        raise _refused(f"{present.number} is void. There is no paper of it any more.", present.transaction)
    made = paper_of(present)
    trail.record(Verb.CERTIFICATE_DOWNLOADED, by=by, obj=present.transaction, facts={"certificate": present.number})
    return made


@transaction.atomic
def verify(number: str, code: str, *, by: User) -> Certificate | None:
    """The certificate of this number, where the code is its own; None otherwise, whatever was wrong."""
    plain = "".join(filter(str.isalnum, code.upper()))
    found: Certificate | None = Certificate.objects.called(number.strip().upper().replace("\x00", "")).first()
    fits = secrets.compare_digest(plain.encode(), (found.check_code if found else "-").encode())
    known = found if fits else None
    told = {"number": number.strip()[:40], "answer": known.get_state_display() if known else "Not known"}
    trail.record(Verb.CERTIFICATE_VERIFIED, by=by, object_type="reports.certificate", facts=told)
    return known


# -- voiding ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def propose_void(certificate: Certificate, *, by: User, note: str, is_reissued: bool = False) -> ApprovalRequest:
    """Ask a second person to void a certificate, or to issue a new one in the place of one that is void."""
    present = _held(certificate.number)
    assert present is not None  # noqa: S101 - certificates are never deleted
    check(by, "reports.propose_eprc_void")
    check_work(by, present.transaction)
    if sentence := why_not_void(present, is_reissued=is_reissued):
        raise _refused(sentence, present.transaction)
    deed = "Reissue" if present.state == State.VOID else "Void and reissue" if is_reissued else "Void"
    row = present.transaction
    return maker_checker.request(
        VOID,
        present,
        by=by,
        summary=f"{deed} {present.number} of {row.txn_id}",
        consequence=_consequence(present, is_reissued=is_reissued),
        note=note,
        payload={"reissue": is_reissued},
        amount=row.settled_amount,
        currency=row.settled_currency,
        partner_id=row.partner_id,
        branch_id=row.branch_id,
    )


def _consequence(certificate: Certificate, *, is_reissued: bool) -> str:
    void = "" if certificate.state == State.VOID else f"{certificate.number} verifies as void from then on."
    new = "A new certificate with a number of its own takes its place." if is_reissued else ""
    return " ".join(filter(None, [void, new]))


def why_not_void(certificate: Certificate, *, is_reissued: bool) -> str:
    """What is in the way of voiding, or of a new one, now; "" where nothing is. The caller holds the payment."""
    row = certificate.transaction
    if certificate.state == State.VOID and not is_reissued:
        return f"{certificate.number} is void already."
    if is_reissued and row.status != Status.COMPLETED:
        return f"{NOT_PAID} No new one can be issued."
    if certificate.state == State.VOID and Certificate.objects.of(row).issued().exists():
        return "This payment has another certificate that is valid. Nothing needs to be issued."
    return ""


def _held(number: str) -> Certificate | None:
    """The certificate of this number, its payment held first, as the intake does."""
    found = Certificate.objects.called(number).only("transaction_id").first()
    if found is None:
        return None
    Transaction.objects.locked().only("pk").get(pk=found.transaction_id)
    held: Certificate = Certificate.objects.locked().for_page().get(pk=found.pk)
    return held


def load(request: ApprovalRequest) -> Certificate | None:
    """The certificate that a request is about, held; None when there is none."""
    return _held(request.object_id)


def in_the_way(request: ApprovalRequest, certificate: Certificate) -> str:
    """The same guards as when it was asked."""
    return why_not_void(certificate, is_reissued=bool(request.payload.get("reissue")))


def carry_out(request: ApprovalRequest, certificate: Certificate, checker: User) -> str:
    """Void what two people agreed on, and issue a new one where they agreed on that."""
    done = []
    if certificate.state == State.ISSUED:
        _void(certificate, Because.AGREED, timezone.now(), request=request, checker=checker)
        facts = {"certificate": certificate.number, "checker": str(checker)}
        reason = without_numbers(request.note)
        trail.record(Verb.CERTIFICATE_VOIDED, by=request.maker, obj=certificate.transaction, reason=reason, facts=facts)
        done.append(f"{certificate.number} is void.")
    if request.payload.get("reissue"):
        new = _issue(certificate.transaction, by=request.maker, replaces=certificate)
        done.append(f"{new.number} is issued in its place.")
    return " ".join(done)


def _void(certificate: Certificate, because: str, at: dt.datetime, *, request: ApprovalRequest, checker: User) -> None:
    certificate.state, certificate.void_because, certificate.voided_at = State.VOID, because, at
    certificate.approval, certificate.version = request, certificate.version + 1
    certificate.void_maker, certificate.void_maker_person = request.maker, request.maker_person
    certificate.void_checker, certificate.void_checker_person = checker, checker.person_key
    certificate.save(
        update_fields=[
            "state", "void_because", "voided_at", "approval", "version", "void_maker", "void_maker_person",
            "void_checker", "void_checker_person",
        ]
    )  # fmt: skip


def void_returned(keys: Sequence[int], at: dt.datetime) -> None:
    """Void the certificates of payments whose money came back. The intake calls this; it holds the payments."""
    held = list(Certificate.objects.locked().issued().of_any(keys).select_related("transaction"))
    for certificate in held:
        certificate.state, certificate.void_because, certificate.voided_at = State.VOID, Because.RETURNED, at
        certificate.version += 1
        certificate.save(update_fields=["state", "void_because", "voided_at", "version"])
    for certificate in held:
        trail.record(
            Verb.CERTIFICATE_VOIDED,
            obj=certificate.transaction,
            facts={"certificate": certificate.number, "because": "the money came back"},
        )


def _refused(sentence: str, payment: Transaction) -> Refused:
    return Refused(sentence, verb="e-PRC", object_type=payment._meta.label_lower, object_id=payment.txn_id)
