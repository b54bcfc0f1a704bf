"""What people do with a payment that failed, is stuck or is settled by hand. One function for one, for fifty, for two.

Each is one database transaction: rights as they are now, lock, guards, then either a request for a second person or the
command to the platform, whose row and trail entry are the last thing written. Nobody sets a status here: the platform
answers by an event. A job calls the same function for each of its rows, with `job`, one database transaction a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from accounts import maker_checker
from accounts.access import check, check_work
from accounts.errors import Refused
from accounts.maker_checker import ALONE, Job
from accounts.models import ApprovalRequest
from exceptions import guards
from exceptions.guards import DEEDS
from exceptions.operations import into_outbox
from transactions.commands import already_received, queue
from transactions.deeds import Deed, check_guards
from transactions.errors import ChangedMeanwhile
from transactions.facts import Facts, facts_about
from transactions.live import announce
from transactions.models import Command, Transaction
from transactions.vocabulary import CommandKind

if TYPE_CHECKING:
    from accounts.models import User

Asked = Command | ApprovalRequest
"""What a deed leaves behind: a command in the outbox, or a request that waits for a second person."""


@transaction.atomic
def repush(
    remittance: Transaction,
    *,
    by: User,
    reason_code: str,
    note: str = "",
    version: int | None = None,
    token: UUID | None = None,
    job: Job = ALONE,
) -> Asked:
    """Pay again by the original rail. The bank is asked first; only its NOT_SENT lets the payment be sent."""
    return _ask("repush", remittance, by=by, reason_code=reason_code, note=note, version=version, token=token, job=job)


@transaction.atomic
def inquire(
    remittance: Transaction,
    *,
    by: User,
    reason_code: str = "",
    note: str = "",
    version: int | None = None,
    token: UUID | None = None,
    job: Job = ALONE,
) -> Asked:
    """Ask the bank where the money is. It moves nothing and needs no second person."""
    return _ask("inquire", remittance, by=by, reason_code=reason_code, note=note, version=version, token=token, job=job)


@transaction.atomic
def move_to_rtgs(
    remittance: Transaction,
    *,
    by: User,
    reason_code: str,
    note: str = "",
    version: int | None = None,
    token: UUID | None = None,
    job: Job = ALONE,
) -> Asked:
    """Pay by RTGS instead, once no other rail may hold the money. Always two people; the bank is asked first."""
    return _ask(
        "move_to_rtgs", remittance, by=by, reason_code=reason_code, note=note, version=version, token=token, job=job
    )


@transaction.atomic
def send_back(
    remittance: Transaction,
    *,
    by: User,
    reason_code: str,
    note: str = "",
    version: int | None = None,
    token: UUID | None = None,
    job: Job = ALONE,
) -> Asked:
    """Send a failed payment back to be corrected and checked again."""
    return _ask(
        "send_back", remittance, by=by, reason_code=reason_code, note=note, version=version, token=token, job=job
    )


@transaction.atomic
def cancel(
    remittance: Transaction,
    *,
    by: User,
    reason_code: str,
    note: str = "",
    version: int | None = None,
    token: UUID | None = None,
    job: Job = ALONE,
) -> Asked:
    """Withdraw a remittance before it is paid. Always two people."""
    return _ask("cancel", remittance, by=by, reason_code=reason_code, note=note, version=version, token=token, job=job)


@transaction.atomic
def override_duplicate(
    remittance: Transaction,
    *,
    by: User,
    reason_code: str,
    note: str = "",
    version: int | None = None,
    token: UUID | None = None,
    job: Job = ALONE,
) -> Asked:
    """Say that a possible duplicate is none. Always two people; the approved request is what the guards look at."""
    return _ask(
        "override_duplicate", remittance, by=by, reason_code=reason_code, note=note, version=version, token=token,
        job=job,
    )  # fmt: skip


@transaction.atomic
def mark_manually_settled(
    remittance: Transaction,
    *,
    by: User,
    reason_code: str,
    note: str = "",
    rtgs_reference: str,
    settled_on: str,
    evidence: Mapping[str, str],
    version: int | None = None,
    token: UUID | None = None,
) -> Asked:
    """Say that treasury paid by hand. Always two people; `evidence` names the file by `name` and `sha256`.

    `settled_on` is an ISO date.
    """
    payload = {"rtgsReference": rtgs_reference, "settledOn": settled_on, "evidence": dict(evidence)}
    return _ask(
        "mark_manually_settled", remittance, by=by, reason_code=reason_code, note=note, version=version, token=token,
        payload=payload,
    )  # fmt: skip


@transaction.atomic
def mark_reversed(
    remittance: Transaction,
    *,
    by: User,
    reason_code: str,
    note: str = "",
    evidence: Mapping[str, str],
    version: int | None = None,
    token: UUID | None = None,
) -> Asked:
    """Say that the money of an RTGS payment came back. Always two people; `evidence` as for mark_manually_settled."""
    return _ask(
        "mark_reversed", remittance, by=by, reason_code=reason_code, note=note, version=version, token=token,
        payload={"evidence": dict(evidence)},
    )  # fmt: skip


@transaction.atomic
def reverse(
    remittance: Transaction,
    *,
    approval: ApprovalRequest,
    amount: Decimal,
    currency: str,
    reason_code: str = "",
    note: str = "",
    row: Mapping[str, Any] | None = None,
    batch: UUID | None = None,
) -> Command:
    """Undo a payment that one row of an approved reversal file matches exactly. `row` says which, for the platform.

    Called while the file's request is carried out: the maker and the checker are the request's. Refused when the
    amount differs, when it was undone before or is about to be, and while its outcome is not known.
    """
    check(approval.maker, guards.REVERSE.permission)
    present = _locked(remittance)
    check_work(approval.maker, present)
    facts = facts_about(present, agreed=approval)
    check_guards(guards.REVERSE, facts)
    if (amount, currency) != (present.settled_amount, present.settled_currency):
        raise _refused("The amount of the file differs from what was paid. Nothing was reversed.", "reverse", present)
    payload = {"amount": str(amount), "currency": currency, **dict(row or {})}
    return queue(
        CommandKind.REVERSE, present, by=approval.maker, approval=approval, reason_code=reason_code, note=note,
        payload=payload, batch=batch,
    )  # fmt: skip


# -- what they share --------------------------------------------------------------------------------------------------


def _ask(
    key: str,
    remittance: Transaction,
    *,
    by: User,
    reason_code: str,
    note: str,
    version: int | None,
    token: UUID | None,
    job: Job = ALONE,
    payload: Mapping[str, Any] | None = None,
) -> Asked:
    """Rights, lock, guards; then the second person's request or the command."""
    deed = DEEDS[key]
    by = maker_checker.as_of_now(by)
    check(by, deed.permission)
    check_work(by, remittance)
    present = _locked(remittance)
    check_work(by, present)
    _refuse_twins(token, key, present)
    if version is not None and version != present.version:
        raise ChangedMeanwhile(present, seen=version, verb=key)
    facts = facts_about(present)
    check_guards(deed, facts)
    if deed.decided_by and deed.two_people(facts, job):
        return _ask_second_person(
            deed, facts, by=by, reason_code=reason_code, note=note, token=token, job=job, payload=payload
        )
    return into_outbox(
        deed, facts, by=by, approval=None, reason_code=reason_code, note=note, token=token, batch=job.batch,
        payload=payload,
    )  # fmt: skip


def _ask_second_person(
    deed: Deed,
    facts: Facts,
    *,
    by: User,
    reason_code: str,
    note: str,
    token: UUID | None,
    job: Job,
    payload: Mapping[str, Any] | None,
) -> ApprovalRequest:
    row = facts.transaction
    announce([row])
    return maker_checker.request(
        deed.key,
        row,
        by=by,
        summary=f"{deed.label}: {row.txn_id}",
        consequence=deed.consequence_of(facts),
        reason_code=reason_code,
        note=note,
        payload=payload,
        amount=row.settled_amount,
        currency=row.settled_currency,
        partner_id=row.partner_id,
        branch_id=row.branch_id,
        batch=job.batch,
        token=token,
    )


def _locked(remittance: Transaction) -> Transaction:
    """The transaction as it is now, held until the deed is done. The intake waits, or was first."""
    present: Transaction = Transaction.objects.locked().select_related("partner").get(pk=remittance.pk)
    return present


def _refuse_twins(token: UUID | None, key: str, present: Transaction) -> None:
    """The same form twice is one deed: who comes second is told when the first was received."""
    if token is None:
        return
    twin = Command.objects.filter(token=token).first() or ApprovalRequest.objects.filter(token=token).first()
    if twin is not None:
        raise _refused(already_received(twin.created_at), key, present)


def _refused(sentence: str, key: str, present: Transaction) -> Refused:
    return Refused(sentence, verb=key, object_type=present._meta.label_lower, object_id=present.txn_id)
