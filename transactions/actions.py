"""What people do with transactions: note one or many, record and close an inquiry, copy an answer, reveal a value,
and arrange their list: save views, choose columns.

Each deed is one database transaction: check the right, lock, look at the guards, change, record last.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.access import check, check_work, may_work_on
from accounts.errors import Refused, Throttled
from audit import trail
from audit.models import AuditEvent
from audit.verbs import Verb
from transactions import formats
from transactions.bank_days import ZONE
from transactions.deeds import OUT_OF_WORK
from transactions.discretion import without_numbers
from transactions.models import Inquiry, ListSettings, Note, SavedView, Transaction
from transactions.reveals import FIELDS

if TYPE_CHECKING:
    from accounts.models import User

REVEALS_PER_HOUR: Final = 30
REVEAL_LOCK: Final = 4_711_002
SAID_TWICE_WITHIN: Final = dt.timedelta(minutes=1)
"""The same words by the same person about the same transaction within this time are one deed, sent twice."""
NOTED_AT_ONCE: Final = 100


@dataclass(frozen=True)
class Verdict:
    """What became of one row of a deed on many; `why_not` is empty when it was done."""

    reference: str
    why_not: str = ""

    @property
    def is_done(self) -> bool:
        return not self.why_not


@transaction.atomic
def add_note(remittance: Transaction, *, by: User, text: str, compliance_only: bool = False) -> Note:
    """Add a remark to the transaction's journal. It is never edited; sent twice, it stands once.

    `compliance_only` hides it from everybody outside compliance and needs the right to work on cases.
    """
    check(by, "transactions.add_note")
    check_work(by, remittance)
    if compliance_only:
        check(by, "compliance.work_cases")
    note, _ = _note(remittance, by=by, text=text, compliance_only=compliance_only)
    return note


def add_notes(remittances: Sequence[Transaction], *, by: User, text: str) -> list[Verdict]:
    """Add the same remark to many transactions, with one verdict each, in their order.

    One that the person may not work on is left out and says so; the others go on. A hundred are one database
    transaction, so that nobody else waits long for the trail.
    """
    check(by, "transactions.add_note")
    in_order = sorted(remittances, key=lambda one: one.pk)
    verdicts: dict[int, Verdict] = {}
    for start in range(0, len(in_order), NOTED_AT_ONCE):
        with transaction.atomic():
            for remittance in in_order[start : start + NOTED_AT_ONCE]:
                verdicts[remittance.pk] = _verdict(remittance, by=by, text=text)
    return [verdicts[remittance.pk] for remittance in remittances]


def _verdict(remittance: Transaction, *, by: User, text: str) -> Verdict:
    if not may_work_on(by, remittance):
        return Verdict(remittance.txn_id, OUT_OF_WORK)
    _, is_new = _note(remittance, by=by, text=text)
    return Verdict(remittance.txn_id) if is_new else Verdict(remittance.txn_id, "This note was there already.")


def _note(remittance: Transaction, *, by: User, text: str, compliance_only: bool = False) -> tuple[Note, bool]:
    _locked(remittance)
    now = timezone.now()
    twin: Note | None = remittance.notes.filter(author=by, text=text, created_at__gte=now - SAID_TWICE_WITHIN).first()
    if twin is not None:
        return twin, False
    note = Note.objects.create(
        transaction=remittance, author=by, text=text, compliance_only=compliance_only, created_at=now
    )
    facts = {"compliance_only": True} if compliance_only else None
    trail.record(Verb.NOTE_ADDED, by=by, obj=remittance, facts=facts)
    return note, True


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


# -- the list ------------------------------------------------------------------------------------------------------


@transaction.atomic
def save_view(name: str, *, by: User, query: str, team: int | None = None) -> SavedView:
    """Keep a question to the list under a name; with a team, everybody of that role sees it, under their own scope.

    `team` is the key of one of the person's roles, `query` is canonical (TransactionQuery.to_save). Refused when the
    person has a view of this name, also where two tabs save it at once.
    """
    check(by, "transactions.view_transactions")
    _check_team(team, by)
    with _names_of_views_differ(name):
        view = SavedView.objects.create(owner=by, name=name, team_id=team, query=query)
    trail.record(Verb.VIEW_SAVED, by=by, obj=view, after=_of_view(view), facts={"name": name})
    return view


@transaction.atomic
def change_view(view: SavedView, *, by: User, name: str, team: int | None = None) -> None:
    """Rename one's view, or share it with another team or nobody."""
    check(by, "transactions.view_transactions")
    _check_team(team, by)
    present = _own_view(view, by)
    before = _of_view(present)
    present.name, present.team_id = name, team
    with _names_of_views_differ(name):
        present.save(update_fields=["name", "team"])
    trail.record(
        Verb.VIEW_CHANGED, by=by, obj=present, before=before, after=_of_view(present), facts={"name": present.name}
    )


@transaction.atomic
def delete_view(view: SavedView, *, by: User) -> None:
    """Take one's view off every list; `restore_view` takes it back."""
    check(by, "transactions.view_transactions")
    present = _own_view(view, by)
    if present.deleted_at is not None:
        return
    present.deleted_at = timezone.now()
    present.save(update_fields=["deleted_at"])
    trail.record(Verb.VIEW_DELETED, by=by, obj=present, before=_of_view(present), facts={"name": present.name})


@transaction.atomic
def restore_view(view: SavedView, *, by: User) -> None:
    """Take a deleted view back. Refused when its name was given to another one meanwhile."""
    check(by, "transactions.view_transactions")
    present = _own_view(view, by)
    if present.deleted_at is None:
        return
    present.deleted_at = None
    with _names_of_views_differ(present.name):
        present.save(update_fields=["deleted_at"])
    trail.record(Verb.VIEW_RESTORED, by=by, obj=present, after=_of_view(present), facts={"name": present.name})


@transaction.atomic
def arrange_list(*, by: User, **chosen: str) -> bool:
    """Keep the person's own `columns` or `default_view`; False when nothing differs from before."""
    check(by, "transactions.view_transactions")
    ListSettings.objects.get_or_create(owner=by)
    settings = ListSettings.objects.select_for_update().get(owner=by)
    before = {name: getattr(settings, name) for name, value in chosen.items() if getattr(settings, name) != value}
    if not before:
        return False
    after = {name: chosen[name] for name in before}
    for name, value in after.items():
        setattr(settings, name, value)
    settings.save(update_fields=list(after))
    trail.record(Verb.LIST_ARRANGED, by=by, obj=by, before=before, after=after)
    return True


def _own_view(view: SavedView, by: User) -> SavedView:
    present: SavedView = SavedView.objects.locked().select_related("team").get(pk=view.pk)
    if present.owner_id != by.pk:
        raise Refused("This view is somebody else's. Save one of your own.", status=403)
    return present


def _check_team(team: int | None, by: User) -> None:
    if team is not None and not by.groups.filter(pk=team).exists():
        raise Refused("You can share a view with a role that you have.", status=403)


@contextmanager
def _names_of_views_differ(name: str) -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise Refused(f"You have a view “{name}” already. Choose another name.") from error


def _of_view(view: SavedView) -> dict[str, str]:
    return {"name": view.name, "team": view.team.name if view.team else "", "query": view.query}


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
