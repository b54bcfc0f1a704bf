"""Leaves something waiting in each inbox of the demo: requests that its makers could have made this morning."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from django.core.files.uploadedfile import SimpleUploadedFile

from accounts import proposals
from accounts.errors import Refused
from accounts.models import ApprovalPolicy, ApprovalRequest, User
from exceptions import actions, proofs
from transactions.models import Transaction
from transactions.vocabulary import Stage

EVIDENCE: Final = b"%PDF-1.4\n% An invented confirmation of the demo.\n"
AMOUNT: Final = 500_000


def leave_something_waiting() -> int:
    """Make requests for every second person who has none waiting; returns how many were made."""
    omar, tariq, admin = (User.objects.filter(username=name).first() for name in ("omar", "tariq", "admin"))
    made = 0
    if omar is not None and not _waits("cancel", "repush"):
        made += _ask(_in(Stage.CASH_READY), 3, lambda row: _cancel(row, omar))
        large = _in(Stage.FAILED_RETRYABLE).filter(settled_amount__gt=AMOUNT)
        made += _ask(large, 2, lambda row: _repush(row, omar))
    if tariq is not None and not _waits("mark_manually_settled"):
        made += _ask(_in(Stage.RTGS_QUEUE), 2, lambda row: _settled(row, tariq))
    if admin is not None and not _waits("reference"):
        made += _lower_limit(admin)
    return made


def _waits(*operations: str) -> bool:
    return ApprovalRequest.objects.pending().filter(operation__in=operations).exists()


def _in(stage: Stage) -> Any:
    return Transaction.objects.filter(stage=stage, missing_sequences=[]).order_by("-received_at", "-pk")


def _ask(rows: Iterable[Transaction], how_many: int, deed: Callable[[Transaction], Any]) -> int:
    """The deed on the first rows that allow it."""
    made = 0
    for row in rows:
        if made == how_many:
            break
        try:
            deed(row)
        except Refused:
            continue
        made += 1
    return made


def _cancel(row: Transaction, by: User) -> Any:
    return actions.cancel(row, by=by, reason_code="CUST", note="The sender asked by telephone to have it cancelled.")


def _repush(row: Transaction, by: User) -> Any:
    return actions.repush(row, by=by, reason_code="FUNDED", note="The settlement account was funded this morning.")


def _settled(row: Transaction, by: User) -> Any:
    typed = {
        "reason_code": "SETTLED",
        "note": "Confirmed by the RTGS desk.",
        "rtgs_reference": f"RTGS{row.pk:09d}",
        "settled_on": row.received_at.date(),
        "evidence": SimpleUploadedFile("confirmation.pdf", EVIDENCE),
    }
    return proofs.with_evidence(actions.mark_manually_settled, row, by=by, typed=typed)


def _lower_limit(by: User) -> int:
    policy = ApprovalPolicy.objects.filter(operation="repush", currency="PKR").first()
    if policy is None or policy.limit is None:
        return 0
    rows = {"rule": policy.rule, "job_rows": str(policy.job_rows or ""), "job_limit": str(policy.job_limit or "")}
    lower = {"limit": str(policy.limit / 2), "hours": str(policy.hours)}
    proposals.propose(policy, by=by, reason="The risk committee asked for a lower limit.", **rows, **lower)
    return 1
