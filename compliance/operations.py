"""What two people decide together at the compliance desk, and what an agreed decision asks of the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils import timezone

from accounts import maker_checker
from accounts.maker_checker import Operation
from compliance import actions, answering, guards, whitelisting
from compliance.dossier import CaseDossier
from compliance.models import Case, Correction
from compliance.whitelisting import Subject
from transactions import commands
from transactions.models import Transaction
from transactions.vocabulary import CommandKind

if TYPE_CHECKING:
    from accounts.models import ApprovalRequest, User

PROPOSE: Final = "compliance.propose_case"
DECIDE: Final = "compliance.decide_case"
KIND: Final = "Compliance"
_COMMAND: Final = {guards.RELEASE: CommandKind.RELEASE, guards.REJECT: CommandKind.REJECT}


def locked_case(request: ApprovalRequest) -> Case | None:
    """The case that a request is about, its transaction held first, as the intake does; None when there is none."""
    return _locked(request.object_id)


def _locked(number: str) -> Case | None:
    found: Case | None = Case.objects.called(number).only("transaction_id").first()
    if found is None:
        return None
    Transaction.objects.locked().only("pk").get(pk=found.transaction_id)
    case: Case = Case.objects.locked().for_page().get(pk=found.pk)
    return case


def in_the_way(request: ApprovalRequest, case: Case) -> str:
    """What stands in the way now: the same guards as when it was asked."""
    return guards.in_the_way_of(request.operation, case, now=timezone.now(), agreed=request)


def carry_out(request: ApprovalRequest, case: Case, checker: User) -> str:
    """Ask the platform for what two people agreed on."""
    kind = _COMMAND[request.operation]
    commands.queue(
        kind,
        case.transaction,
        by=request.maker,
        approval=request,
        reason_code=str(request.payload.get("platform_code") or request.reason_code),
        note=request.note,
        payload={"case": case.number},
    )
    return f"The platform is asked: {kind.label}."


def correct(request: ApprovalRequest, case: Case, checker: User) -> str:
    """Let the correction take effect that two people agreed on."""
    correction = Correction.objects.get(pk=request.payload["correction"])
    actions.apply_correction(case, correction, by=request.maker, agreed=request)
    return "The data are corrected and the platform checks again."


def evidence_for(request: ApprovalRequest, user: User) -> Mapping[str, Any]:
    """The same evidence that the first person had, for whoever decides or reads."""
    case = Case.objects.visible_to(user).called(_number_in(request)).for_page().first()
    if case is None:
        return {}
    dossier = CaseDossier(case, user, timezone.now())
    return {"dossier": dossier, "case": case, "transaction": case.transaction, "evidence": dossier.evidence}


def address_of(request: ApprovalRequest) -> str:
    return reverse("compliance:case", args=[_number_in(request)])


def _number_in(request: ApprovalRequest) -> str:
    """The case's number: a request for a rule names it in its payload."""
    return str(request.payload.get("case") or request.object_id)


def subject_of_rule(request: ApprovalRequest) -> Subject | None:
    """What a request for a rule of the whitelist rests on: its case, held like any other."""
    case = _locked(str(request.payload.get("case", "")))
    return Subject(case) if case is not None else None


def register() -> None:
    """Make the desk's operations known. Called when the app is ready."""
    maker_checker.register(
        Operation(
            whitelisting.OPERATION,
            "Whitelist a person and a list entry",
            propose=PROPOSE,
            decide=DECIDE,
            load=subject_of_rule,
            guards=whitelisting.in_the_way,
            execute=whitelisting.agree,
            kind=KIND,
            effect="Settings",
            evidence=evidence_for,
            evidence_template="compliance/_evidence.html",
            url_of=address_of,
        )
    )
    maker_checker.register(
        Operation(
            answering.OPERATION,
            "Change what partners are told",
            propose=PROPOSE,
            decide=DECIDE,
            load=answering.text_of,
            guards=answering.in_the_way,
            execute=answering.agree,
            kind=KIND,
            effect="Settings",
            url_of=lambda request: reverse("compliance:answer", args=[request.object_id]),
        )
    )
    for key, label, execute in (
        (guards.RELEASE, "Release a payment", carry_out),
        (guards.REJECT, "Reject a payment", carry_out),
        (guards.CORRECT, "Correct who is paid or where", correct),
    ):
        maker_checker.register(
            Operation(
                key,
                label,
                propose=PROPOSE,
                decide=DECIDE,
                load=locked_case,
                guards=in_the_way,
                execute=execute,
                kind=KIND,
                evidence=evidence_for,
                evidence_template="compliance/_evidence.html",
                why_not_decide=guards.why_not_a_third_person,
                folds_reason=True,
                url_of=address_of,
            )
        )
