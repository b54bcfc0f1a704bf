"""What people do with a transaction at the inquiry desk: note, record and close an inquiry, copy an answer, reveal.

Each deed is one database transaction: check the right, lock, look at the guards, change, record last.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction
from django.utils import timezone

from accounts.access import check, check_work
from accounts.errors import Refused, Throttled
from audit import trail
from audit.models import AuditEvent
from audit.verbs import Verb
from transactions import formats
from transactions.bank_days import ZONE
from transactions.discretion import without_numbers
from transactions.models import Inquiry, Note, Transaction
from transactions.reveals import FIELDS

if TYPE_CHECKING:
    from accounts.models import User

REVEALS_PER_HOUR: Final = 30
REVEAL_LOCK: Final = 4_711_002
SAID_TWICE_WITHIN: Final = dt.timedelta(minutes=1)
"""The same words by the same person about the same transaction within this time are one deed, sent twice."""


@transaction.atomic
def add_note(remittance: Transaction, *, by: User, text: str, compliance_only: bool = False) -> Note:
    """Add a remark to the transaction's journal. It is never edited; sent twice, it stands once.

    `compliance_only` hides it from everybody outside compliance and needs the right to work on cases.
    """
    check(by, "transactions.add_note")
    check_work(by, remittance)
    if compliance_only:
        check(by, "compliance.work_cases")
    _locked(remittance)
    now = timezone.now()
    twin: Note | None = remittance.notes.filter(author=by, text=text, created_at__gte=now - SAID_TWICE_WITHIN).first()
    if twin is not None:
        return twin
    note = Note.objects.create(
        transaction=remittance, author=by, text=text, compliance_only=compliance_only, created_at=now
    )
    facts = {"compliance_only": True} if compliance_only else None
    trail.record(Verb.NOTE_ADDED, by=by, obj=remittance, facts=facts)
    return note


@transaction.atomic
def log_inquiry(
    remittance: Transaction,
    *,
    by: User,
    channel: str,
    asked_by: str,
    reference_asked: str,
    answer: str,
    question: str = "",
    answer_version: str = "",
    is_answered: bool = False,
) -> Inquiry:
    """Record who asked about the transaction and what was answered; sent twice, it is recorded once.

    `is_answered` closes it at once. The number comes from the database: INQ-2026-000123.
    """
    check(by, "transactions.log_inquiry")
    check_work(by, remittance)
    _locked(remittance)
    now = timezone.now()
    twin: Inquiry | None = remittance.inquiries.filter(
        opened_by=by, asked_by=asked_by, answer=answer, opened_at__gte=now - SAID_TWICE_WITHIN
    ).first()
    if twin is not None:
        return twin
    inquiry = Inquiry.objects.create(
        number=_next_number(now),
        transaction=remittance,
        partner_id=remittance.partner_id,
        channel=channel,
        asked_by=asked_by,
        reference_asked=reference_asked,
        question=question,
        answer=answer,
        answer_version=answer_version,
        opened_by=by,
        opened_at=now,
        **({"closed_by": by, "closed_at": now, "closing_note": "Answered at once."} if is_answered else {}),
    )
    trail.record(Verb.INQUIRY_LOGGED, by=by, obj=remittance, facts=_facts(inquiry))
    return inquiry


@transaction.atomic
def close_inquiry(inquiry: Inquiry, *, by: User, note: str) -> Inquiry:
    """Close an inquiry with a note on how it ended. Refused when somebody closed it before."""
    check(by, "transactions.log_inquiry")
    check_work(by, inquiry.transaction)
    present: Inquiry = Inquiry.objects.locked().select_related("transaction", "partner").get(pk=inquiry.pk)
    if present.closed_at is not None:
        raise Refused(
            _closed_before(present, by),
            verb=Verb.INQUIRY_CLOSED,
            object_type=inquiry.transaction._meta.label_lower,
            object_id=inquiry.transaction.txn_id,
        )
    present.closed_at, present.closed_by, present.closing_note = timezone.now(), by, note
    present.save(update_fields=["closed_at", "closed_by", "closing_note"])
    trail.record(Verb.INQUIRY_CLOSED, by=by, obj=present.transaction, facts=_facts(present))
    return present


@transaction.atomic
def note_copied_answer(remittance: Transaction, *, by: User, version: str) -> None:
    """Record that the answer for the partner was copied, and which version of it."""
    check(by, "transactions.view_transactions")
    trail.record(Verb.COPIED_ANSWER, by=by, obj=remittance, facts={"answer": version})


@transaction.atomic
def reveal(remittance: Transaction, *, by: User, field: str, reason: str) -> Any:
    """The value of a hidden field, once the trail says who sees it and why; at most thirty an hour for each person.

    Raises MissingPermission, Throttled when the hour is used up, Refused when nothing was given, and CannotRecord
    when the trail cannot be written: then nothing is shown.
    """
    hidden = FIELDS[field]
    check(by, hidden.permission)
    value = hidden.value(remittance)
    if value is None:
        raise Refused(f"{hidden.label} was not given, so there is nothing to reveal.", object_id=remittance.txn_id)
    _lock_reveals_of(by)
    _check_hour(by, remittance)
    facts = {"field": hidden.label, "key": field}
    trail.record(Verb.REVEALED, by=by, obj=remittance, reason=without_numbers(reason), facts=facts)
    return value


# -- guards and locks ----------------------------------------------------------------------------------------------


def _locked(remittance: Transaction) -> None:
    """Hold the transaction's row until the deed is done; who sends the same words twice waits here."""
    Transaction.objects.locked().only("pk").get(pk=remittance.pk)


def _lock_reveals_of(person: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [REVEAL_LOCK, person.pk % 2**31])


def _check_hour(person: User, remittance: Transaction) -> None:
    now = timezone.now()
    recent = AuditEvent.objects.filter(
        actor=person.username, verb=Verb.REVEALED, result="OK", at__gt=now - dt.timedelta(hours=1)
    )
    moments = list(recent.order_by("-at").values_list("at", flat=True)[:REVEALS_PER_HOUR])
    if len(moments) < REVEALS_PER_HOUR:
        return
    again = formats.clock(moments[-1] + dt.timedelta(hours=1), timezone.get_current_timezone())
    raise Throttled(
        f"You revealed {REVEALS_PER_HOUR} values this hour. The next is possible at {again}. "
        "Ask your team lead if you need more.",
        verb=Verb.REVEALED,
        object_type=remittance._meta.label_lower,
        object_id=remittance.txn_id,
    )


def _next_number(now: dt.datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('transactions_inquiry_number')")
        (number,) = cursor.fetchone()
    return f"INQ-{now.astimezone(ZONE).year}-{number:06d}"


def _facts(inquiry: Inquiry) -> dict[str, str]:
    return {
        "inquiry": inquiry.number,
        "partner": inquiry.partner.name,
        "channel": Inquiry.Channel(inquiry.channel).label,
    }


def _closed_before(inquiry: Inquiry, by: User) -> str:
    closed_at = inquiry.closed_at or timezone.now()
    who = "You" if inquiry.closed_by_id == by.pk else str(inquiry.closed_by)
    at = formats.when_in_detail(closed_at, timezone.get_current_timezone())
    return f"{who} closed {inquiry.number} on {at}. Your note was not recorded."
