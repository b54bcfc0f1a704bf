"""What people asked about a transaction, as its page tells it: commands to the platform, requests for a second person.

Requests are told to those who may read them; what only compliance asks for is told in neutral words to everybody else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Q

from accounts import maker_checker
from accounts.access import has
from accounts.models import ApprovalRequest
from transactions import flags, formats
from transactions.commands import label_for
from transactions.discretion import REVIEWER
from transactions.models import Command, Event
from transactions.vocabulary import COMPLIANCE_COMMANDS, OPEN_COMMANDS, CommandState, EventType

if TYPE_CHECKING:
    from transactions.dossier import Dossier

_OURS: Final = "exceptions."
"""Requests whose deciders' rights begin so are nobody's secret; a list may filter by them."""


@dataclass(frozen=True)
class ShownCommand:
    """One command as a reader sees it: what was asked, by whom, where it stands, and answers that came too late."""

    label: str
    state: str
    at: dt.datetime
    who: str
    checker: str
    note: str
    trouble: str
    outcome: str
    closed_at: dt.datetime | None
    tries: int
    is_open: bool
    is_undelivered: bool
    other_answers: tuple[str, ...]


def commands_of(dossier: Dossier) -> list[ShownCommand]:
    """Every command of the transaction, newest first."""
    answers = _answers(dossier.events)
    return [_shown(one, dossier, answers.get(str(one.pk), [])) for one in dossier.facts.commands]


def _shown(one: Command, dossier: Dossier, answers: list[Event]) -> ShownCommand:
    hidden = one.kind in COMPLIANCE_COMMANDS and not dossier.reader.sees_compliance
    reads_notes = has(dossier.user, "exceptions.view_exceptions") and not hidden
    who = str(one.maker) if one.maker is not None else "The Backoffice"
    return ShownCommand(
        label=label_for(one, sees_compliance=dossier.reader.sees_compliance),
        state=str(CommandState(one.state).label),
        at=one.created_at,
        who=REVIEWER if hidden else who,
        checker="" if hidden or one.checker is None else str(one.checker),
        note=one.note if reads_notes else "",
        trouble=one.trouble if reads_notes and one.is_open else "",
        outcome="" if hidden else one.outcome,
        closed_at=one.closed_at,
        tries=one.tries,
        is_open=one.is_open,
        is_undelivered=one.state in (CommandState.QUEUED, CommandState.SENDING),
        other_answers=tuple(_said(event, dossier) for event in answers[1:]),
    )


def _answers(events: list[Event]) -> dict[str, list[Event]]:
    """The platform's answers to each command, in the order in which they reached us."""
    found: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda event: (event.received_at, event.sequence)):
        if event.type == EventType.COMMAND and event.command_id:
            found.setdefault(event.command_id, []).append(event)
    return found


def _said(event: Event, dossier: Dossier) -> str:
    at = formats.when_in_detail(event.received_at, dossier.reader.zone)
    return f"Another answer came on {at}: {event.result.lower()}. The first one stands."


def requests_of(dossier: Dossier) -> list[ApprovalRequest]:
    """The requests about the transaction that this reader may read, newest first."""
    readable = maker_checker.operations_for(dossier.user)
    return [one for one in dossier.facts.requests if one.operation in readable]


def section(dossier: Dossier) -> Mapping[str, Any]:
    """The section of the page; none where nothing was ever asked."""
    commands, requests = commands_of(dossier), requests_of(dossier)
    if not commands and not requests:
        return {}
    return {"commands": commands, "requests": requests, "count": len(commands) + len(requests)}


def words(dossier: Dossier) -> list[str]:
    """The flags beside the status: who is awaited, and what was asked and not answered."""
    said = [f"Four eyes waiting: {one.number}" for one in requests_of(dossier) if one.is_pending]
    zone = dossier.reader.zone
    for one in dossier.facts.commands:
        if one.is_open:
            label = label_for(one, sees_compliance=dossier.reader.sees_compliance).lower()
            said.append(f"Asked: {label}, {formats.clock(one.created_at, zone)}")
    return said


def register() -> None:
    """Let lists filter by what is asked. Called when the app is ready."""
    flags.register(flags.Flag("four-eyes", "Four eyes waiting", _waits))
    flags.register(flags.Flag("asked", "Asked, no answer yet", _is_asked))


def _waits(_now: dt.datetime) -> Q:
    keys = [one.key for one in maker_checker.registered() if one.decide.startswith(_OURS)]
    pending = ApprovalRequest.objects.pending().filter(object_type="transactions.transaction", operation__in=keys)
    return Q(txn_id__in=pending.values("object_id"))


def _is_asked(_now: dt.datetime) -> Q:
    shown = Command.objects.filter(state__in=OPEN_COMMANDS).exclude(kind__in=COMPLIANCE_COMMANDS)
    return Q(pk__in=shown.values("transaction"))
