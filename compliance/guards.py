"""What must hold before a case is released or rejected: asked on the page, by whoever proposes and whoever agrees.

The same sentences everywhere; the one about hits names the hit.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from accounts.models import ApprovalRequest
from compliance.evidence import Evidence, evidence_of
from compliance.models import Case
from transactions.models import Command
from transactions.vocabulary import CommandKind, Stage

if TYPE_CHECKING:
    from accounts.models import User

OBJECT: Final = "compliance.case"
RELEASE: Final = "release"
REJECT: Final = "reject"
CORRECT: Final = "correct_material"
RESCREEN: Final = "rescreen"
DECISIONS: Final = (RELEASE, REJECT)
ABOUT_A_CASE: Final = (*DECISIONS, CORRECT, "whitelist")
_DISAGREED: Final = (ApprovalRequest.State.REJECTED, ApprovalRequest.State.SENT_BACK)


def in_the_way_of(outcome: str, case: Case, *, now: dt.datetime, agreed: ApprovalRequest | None = None) -> str:
    """The first thing that keeps the case from being released, rejected or corrected; "" when nothing does."""
    return (
        _state(case)
        or _other_request(case, agreed)
        or _open_command(case)
        or (why_no_release(evidence_of(case, now=now)) if outcome == RELEASE else "")
    )


def why_no_release(evidence: Evidence) -> str:
    """The hard gate: no release while a hit is undecided, undetermined or a true match, or a party was not screened."""
    return evidence.why_no_release()


def _state(case: Case) -> str:
    if not case.is_open:
        return f"{case.number} is closed."
    if case.is_after_payment:
        return "The payment was made already: it can only be recorded."
    if case.transaction.stage == Stage.COMPLIANCE_REVIEW:
        return ""
    return f"{case.transaction.txn_id} does not wait for compliance now: the platform is working on it."


def _other_request(case: Case, agreed: ApprovalRequest | None) -> str:
    waiting = pending_about(case)
    if waiting is None or (agreed is not None and waiting.pk == agreed.pk):
        return ""
    return f"{waiting.number} of {waiting.maker} waits for a decision about this case already."


def _open_command(case: Case) -> str:
    command = Command.objects.filter(transaction=case.transaction).open().exclude(kind=CommandKind.INQUIRE).first()
    return f"The platform was asked already: {command.get_kind_display()}. Its answer is awaited." if command else ""


def requests_about(case: Case) -> list[ApprovalRequest]:
    """Everything that was asked of a second person about this case, oldest first, with who decided."""
    rows = ApprovalRequest.objects.about(OBJECT, case.number).select_related("maker", "checker")
    return list(rows.order_by("pk"))


def pending_about(case: Case) -> ApprovalRequest | None:
    """What waits for a second person about this case."""
    found: ApprovalRequest | None = (
        ApprovalRequest.objects.about(OBJECT, case.number).pending().select_related("maker").first()
    )
    return found


def disagreements(case_number: str) -> list[ApprovalRequest]:
    """The decisions on this case to which a second person did not agree."""
    rows = ApprovalRequest.objects.about(OBJECT, case_number).filter(state__in=_DISAGREED, operation__in=DECISIONS)
    return list(rows.select_related("maker", "checker").order_by("pk"))


def why_not_a_third_person(request: ApprovalRequest, user: User) -> str:
    """After a disagreement somebody decides who took no part in it; why this person does not, or ""."""
    for earlier in disagreements(request.object_id):
        if user.person_key in (earlier.maker_person, earlier.checker_person):
            return (
                f"{earlier.maker} and {earlier.checker} did not agree on this case ({earlier.number}). "
                "A third person must decide, who took no part in it."
            )
    return ""
