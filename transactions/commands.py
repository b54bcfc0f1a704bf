"""Asking the platform: the one way to put a command into the outbox, and what the platform's answers make of it.

`queue` writes the row in the caller's database transaction; nothing is sent here. The worker sends what it finds there
(backoffice.gateway.delivery), under the command's id as idempotency key; the intake closes it when the answer comes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.errors import Refused
from accounts.maker_checker import clock
from audit import trail
from audit.verbs import Verb
from transactions.discretion import REVIEWER
from transactions.live import announce
from transactions.models import Command, Transaction
from transactions.vocabulary import (
    ALWAYS_TWO,
    COMPLIANCE_COMMANDS,
    OPEN_COMMANDS,
    CommandKind,
    CommandState,
)

if TYPE_CHECKING:
    from accounts.models import ApprovalRequest, User

__all__ = ["Command", "CommandKind", "CommandState", "queue"]

PAYING: Final = (CommandKind.REPUSH, CommandKind.MOVE_TO_RTGS)
"""The kinds that begin a payment attempt of their own."""
LATELY: Final = dt.timedelta(days=1)


def queue(
    kind: CommandKind | str,
    remittance: Transaction,
    *,
    by: User | None,
    reason_code: str = "",
    note: str = "",
    payload: Mapping[str, Any] | None = None,
    approval: ApprovalRequest | None = None,
    people_required: int = 1,
    waits_for: Command | None = None,
    batch: UUID | None = None,
    token: UUID | None = None,
) -> Command:
    """Write a command into the outbox, in the caller's database transaction, and record it in the trail.

    The caller has checked the right, locked the transaction and asked its guards; this is its last step. With an
    approval the maker and the checker are the approval's, whoever calls. `by` is None only for an inquiry that the
    Backoffice makes by itself. `waits_for` is an inquiry whose answer decides whether this one is sent at all.

    Refused while another command of the transaction is open, and when the same form was received before. The database
    refuses a command that needs two people and has one.
    """
    kind = CommandKind(kind)
    maker = approval.maker if approval is not None else by
    checker = approval.checker if approval is not None else None
    now = timezone.now()
    command = Command(
        id=uuid4(),
        transaction=remittance,
        kind=kind,
        attempt=remittance.attempt + 1 if kind in PAYING else max(remittance.attempt, 1),
        reason_code=reason_code,
        note=note,
        payload=dict(payload or {}),
        waits_for=waits_for,
        batch=batch,
        token=token,
        people_required=2 if kind in ALWAYS_TWO or approval is not None else people_required,
        approval=approval,
        maker=maker,
        checker=checker,
        created_at=now,
        next_try_at=now,
    )
    try:
        with transaction.atomic():
            command.save(force_insert=True)
    except IntegrityError as error:
        raise _taken(error, command) from error
    facts: dict[str, Any] = {"command": str(command.pk), "kind": kind.value, "what": str(kind.label)}
    if kind in COMPLIANCE_COMMANDS:
        facts["compliance_only"] = True
    if checker is not None and approval is not None:
        facts |= {"checker": checker.username, "request": approval.number}
    reason = ": ".join(part for part in (reason_code, note) if part)
    announce([remittance])
    trail.record(Verb.COMMAND_ASKED, by=maker, obj=remittance, facts=facts, reason=reason)
    return command


def _taken(error: IntegrityError, command: Command) -> Exception:
    """Who was first, as a refusal; the error itself where nobody was."""
    twin = Command.objects.filter(token=command.token).first() if command.token else None
    if twin is not None:
        return _refused(already_received(twin.created_at), command)
    same = Command.objects.filter(transaction=command.transaction_id).open().for_list()
    inquiries = command.kind == CommandKind.INQUIRE
    rival = next((one for one in same if (one.kind == CommandKind.INQUIRE) == inquiries), None)
    if rival is None:
        return error
    return _refused(f"{already_asked(rival)} Nothing more was sent.", command)


def already_received(at: dt.datetime) -> str:
    """What somebody reads whose form came twice."""
    return f"Your decision was already received at {clock(at)}. It was counted once."


def already_asked(command: Command) -> str:
    """Who asked the platform for what, and since when its answer is awaited.

    Everybody may read it, so what only compliance asks for names neither the deed nor the person.
    """
    if command.kind in COMPLIANCE_COMMANDS:
        return f"{REVIEWER} asked the platform at {clock(command.created_at)}. Its answer is awaited."
    who = str(command.maker) if command.maker is not None else "The Backoffice"
    return f"{who} asked the platform at {clock(command.created_at)}: {command.get_kind_display()}. It is still open."


def label_for(command: Command, *, sees_compliance: bool) -> str:
    """The kind in words; what only compliance asks for is "Review" to everybody else."""
    hidden = command.kind in COMPLIANCE_COMMANDS and not sees_compliance
    return "Review" if hidden else str(command.get_kind_display())


def _refused(sentence: str, command: Command) -> Refused:
    row = command.transaction
    return Refused(sentence, verb=str(command.kind), object_type=row._meta.label_lower, object_id=row.txn_id)


# -- the platform's silence -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Away:
    """Nothing reaches the platform: since when, and how many commands wait to be sent."""

    since: dt.datetime
    waiting: int


def platform_away() -> Away | None:
    """Whether nothing reaches the platform: a command was tried twice without an answer, and none was taken since."""
    since = Command.objects.in_vain().order_by("first_sent_at").values_list("first_sent_at", flat=True).first()
    if since is None or Command.objects.filter(accepted_at__gt=since, created_at__gt=since - LATELY).exists():
        return None
    return Away(since, Command.objects.undelivered().count())


# -- closing ----------------------------------------------------------------------------------------------------------


def close(command: Command, state: CommandState, *, at: dt.datetime, outcome: str) -> bool:
    """Close an open command with the answer; False when another answer came first: that one stands.

    A condition in one statement: whoever comes second changes nothing. UNKNOWN keeps it open for an inquiry.
    """
    open_still = Command.objects.filter(pk=command.pk, state__in=OPEN_COMMANDS)
    closed_at = None if state in OPEN_COMMANDS else at
    changed = open_still.update(state=state, closed_at=closed_at, outcome=outcome[:500], leased_until=None, trouble="")
    if changed:
        announce([command.transaction])
    return bool(changed)
