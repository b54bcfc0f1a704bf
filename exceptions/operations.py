"""What an agreed deed does, and what is asked once more in the moment before a command is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.utils import timezone

from accounts import maker_checker
from accounts.models import ApprovalRequest
from exceptions import guards
from exceptions.guards import DEEDS
from transactions.commands import queue
from transactions.deeds import Deed, first_obstacle
from transactions.dossier import Dossier
from transactions.facts import Facts, facts_about
from transactions.models import Command, Transaction
from transactions.vocabulary import CommandKind

if TYPE_CHECKING:
    from accounts.models import User

ASK_FIRST: Final = frozenset({CommandKind.REPUSH, CommandKind.MOVE_TO_RTGS})
"""Kinds that pay: the bank is asked first, and only its NOT_SENT lets them be sent."""


def into_outbox(
    deed: Deed,
    facts: Facts,
    *,
    by: User,
    approval: ApprovalRequest | None,
    reason_code: str,
    note: str,
    token: UUID | None = None,
    batch: UUID | None = None,
    payload: Mapping[str, Any] | None = None,
) -> Command:
    """Write the command of a deed; what pays waits for an inquiry, which is asked here where none is open.

    The caller holds the transaction and has asked the guards.
    """
    kind, row = CommandKind(deed.key), facts.transaction
    first: Command | None = None
    if kind in ASK_FIRST:
        first = facts.open_inquiry or queue(
            CommandKind.INQUIRE, row, by=by, reason_code=reason_code, note=f"Before: {kind.label}", batch=batch
        )
    return queue(
        kind, row, by=by, approval=approval, reason_code=reason_code, note=note, payload=payload, waits_for=first,
        batch=batch, token=token,
    )  # fmt: skip


def load_locked(request: ApprovalRequest) -> Transaction | None:
    """The transaction of a request, held; None when there is none."""
    found: Transaction | None = Transaction.objects.called(request.object_id).locked().select_related("partner").first()
    return found


def in_the_way(request: ApprovalRequest, present: Transaction) -> str:
    """What stands in the way of an agreed deed now: the same guards as when it was asked."""
    return first_obstacle(DEEDS[request.operation], facts_about(present, agreed=request))


def carry_out(request: ApprovalRequest, present: Transaction, checker: User) -> str:
    """Put the agreed command into the outbox, in the transaction of the decision; what happened, in words."""
    if request.operation not in guards.COMMAND_OF:
        return "The possible duplicate may be paid."
    deed, facts = DEEDS[request.operation], facts_about(present, agreed=request)
    into_outbox(
        deed, facts, by=request.maker, approval=request, reason_code=request.reason_code, note=request.note,
        batch=request.batch, payload=request.payload,
    )  # fmt: skip
    return f"The platform is asked: {guards.COMMAND_OF[request.operation].label}."


def why_not_send(command: Command, present: Transaction) -> str:
    """Why a command must not be sent now although it was queued, or "". Asked under the lock, before its first sending.

    The guards of its deed are asked once more, and a payment needs the answer of its inquiry: NOT_SENT, newer than
    everything else that was said about the money.
    """
    deed = DEEDS.get(command.kind)
    if deed is None:
        return ""
    facts = facts_about(present, agreed=command.approval)
    for guard in deed.guards:
        if guard.name not in guards.ON_THE_WAY and command.kind != CommandKind.INQUIRE:
            sentence = guard.in_the_way(facts)
            if sentence:
                return sentence
    if command.kind in ASK_FIRST and (command.waits_for is None or not facts.found_not_sent(command.waits_for)):
        answer = command.waits_for.outcome if command.waits_for is not None else ""
        return f"The bank did not confirm that nothing was sent. {answer}".strip()
    return ""


def evidence_of(request: ApprovalRequest, user: User) -> Mapping[str, Any]:
    """What the second person looks at: the transaction as its own page tells it to them, and treasury's files."""
    found = Transaction.objects.visible_to(user).called(request.object_id).for_detail().first()
    if found is None:
        return {}
    dossier = Dossier(found, user, timezone.now())
    proof = request.payload.get("evidence") or {}
    address = f"{found.get_absolute_url()}evidence/{proof.get('sha256', '')}/"
    said = {"RTGS reference": request.payload.get("rtgsReference"), "Settled on": request.payload.get("settledOn")}
    return {
        "dossier": dossier,
        "transaction": found,
        "explanation": dossier.explanation,
        "steps": dossier.steps,
        "section": {"timeline": dossier.timeline, "items": dossier.timeline.items},
        "files": [{"name": proof["name"], "sha256": proof["sha256"], "url": address}] if proof else [],
        "said": [(label, value) for label, value in said.items() if value],
    }


def register() -> None:
    """Make the operations known to the one place for two people. Called when the app is ready."""
    for deed in DEEDS.values():
        if deed.decided_by and deed.key != guards.REVERSE.key:
            maker_checker.register(
                maker_checker.Operation(
                    deed.key,
                    deed.label,
                    propose=deed.permission,
                    decide=deed.decided_by,
                    load=load_locked,
                    guards=in_the_way,
                    execute=carry_out,
                    kind="Treasury" if deed.decided_by == "exceptions.decide_settlement" else "Operations",
                    evidence_template="exceptions/_evidence.html",
                    evidence=evidence_of,
                    url_of=lambda request: f"/transactions/{request.object_id}/",
                )
            )
