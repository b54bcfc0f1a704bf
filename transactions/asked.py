"""What people asked about a transaction, as its page tells it: commands to the platform, requests for a second person.

Requests are told to those who may read them; what only compliance asks for is told in neutral words to everybody else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Q

from accounts import maker_checker
from accounts.access import has
from accounts.models import ApprovalRequest
from transactions import flags, formats
from transactions.commands import label_for
from transactions.discretion import REVIEWER
from transactions.models import Command, Event
from transactions.timeline import Entry, Gap
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
    sent_at: dt.datetime | None
    answered_by: tuple[int, ...]
    """The numbers of the events that answered it, the first one first."""


@dataclass(frozen=True, slots=True)
class Step:
    """What we did ourselves, as a line among the platform's events: asked, sent, or ended without an answer."""

    title: str
    at: dt.datetime
    who: str
    icon: str
    tone: str = "plain"
    note: str = ""
    trouble: str = ""
    is_asked: bool = True


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
        sent_at=one.first_sent_at,
        answered_by=tuple(event.sequence for event in answers),
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


def woven(dossier: Dossier, items: Sequence[Entry | Gap]) -> list[Entry | Gap | Step]:
    """The timeline with what we asked, sent and were answered at its place among the events, oldest first."""
    commands = commands_of(dossier)
    titled = {number: one for one in commands for number in one.answered_by}
    first = {one.answered_by[0] for one in commands if one.answered_by}
    found: list[Entry | Gap | Step] = [_titled(item, titled, first) for item in items]
    for step in sorted((step for one in commands for step in _steps(one)), key=lambda step: step.at, reverse=True):
        places = [place for place, item in enumerate(found) if isinstance(item, Entry) and item.at <= step.at]
        found.insert(places[-1] + 1 if places else 0, step)
    return found


def _titled(item: Entry | Gap, titled: Mapping[int, ShownCommand], first: set[int]) -> Entry | Gap:
    """An answer by the name of what it answers; one that came again says that the first one stands."""
    if not isinstance(item, Entry) or (command := titled.get(item.sequence)) is None:
        return item
    said = item.contradiction
    if item.sequence not in first:
        said = " ".join(filter(None, ("Another answer to the same question. The first one stands.", said)))
    return replace(item, title=f"Answer to “{command.label}”", contradiction=said)


def _steps(one: ShownCommand) -> list[Step]:
    who = f"{one.who}, agreed by {one.checker}" if one.checker else one.who
    waits = "It waits to be sent." if one.is_undelivered and one.sent_at is None else ""
    steps = [Step(f"Asked: {one.label}", one.at, who, "person", note=one.note, trouble=waits)]
    if one.sent_at is not None:
        again = f", {one.tries} times under one key" if one.tries > 1 else ""
        awaited = "Its answer is awaited." if one.is_open and not one.trouble else ""
        tone = "wait" if one.is_open else "plain"
        title = f"Sent to the platform{again}: {one.label}"
        steps.append(Step(title, one.sent_at, "The Backoffice", "external", tone, awaited, one.trouble))
    if one.closed_at is not None and not one.answered_by:
        steps.append(Step(f"{one.state}: {one.label}", one.closed_at, "The Backoffice", "warning", "wait", one.outcome))
    return steps


def requests_of(dossier: Dossier) -> list[ApprovalRequest]:
    """The requests about the transaction that this reader may read, newest first."""
    readable = maker_checker.operations_for(dossier.user)
    return [one for one in dossier.facts.requests if one.operation in readable]


def section(dossier: Dossier) -> Mapping[str, Any]:
    """The section of the page; none where nothing was ever asked."""
    commands, requests = commands_of(dossier), requests_of(dossier)
    if not commands and not requests:
        return {}
    waiting = any(one.is_undelivered for one in commands)
    return {"commands": commands, "requests": requests, "count": len(commands) + len(requests), "is_waiting": waiting}


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
