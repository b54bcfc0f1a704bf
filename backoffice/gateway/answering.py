"""What the platform's answers make of our commands: each closes its command once, and moves no status.

Called by the intake in the delivery's own transaction, with the transactions locked. A late, repeated or contradictory
answer changes nothing: it stays in the timeline, where the command's own section shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from backoffice.gateway.folding import Outcome
from backoffice.gateway.validator import Envelope
from transactions.commands import close
from transactions.models import Command
from transactions.vocabulary import CommandKind, CommandState, EventStage, EventType, Funds, Result

_SAID: Final = {"SUCCEEDED": CommandState.SUCCEEDED, "FAILED": CommandState.FAILED, "UNKNOWN": CommandState.UNKNOWN}
_DEFINITE: Final = frozenset({Funds.NOT_SENT, Funds.AT_RAIL, Funds.WITH_BENEFICIARY, Funds.RETURNED})
_REACHED: Final = frozenset({Funds.AT_RAIL, Funds.WITH_BENEFICIARY})


def settle(outcomes: Sequence[Outcome], *, at: datetime) -> None:
    """Close the commands that the events of a delivery answer."""
    told = [(one.row["id"], event) for one in outcomes for event in _answers(one)]
    if not told:
        return
    open_now: dict[int, list[Command]] = {}
    for command in _open_of({pk for pk, _ in told}):
        open_now.setdefault(command.transaction_id, []).append(command)
    made = {
        one.pk: one.created_at
        for one in Command.objects.filter(pk__in=filter(None, (_key(event) for _, event in told))).only("created_at")
    }
    for pk, event in told:
        mine = open_now.get(pk, [])
        if mine:
            _take(event, mine, made, at)


def _answers(outcome: Outcome) -> Iterable[Envelope]:
    """The events of a transaction that may answer a command, by their numbers."""
    events = sorted((arrival.event for arrival in outcome.standing.arrivals), key=lambda event: event.sequence)
    return [event for event in events if event.type == EventType.COMMAND or _is_inquiry(event)]


def _is_inquiry(event: Envelope) -> bool:
    said = event.values
    return (
        event.type == EventType.STAGE
        and said.get("stage") == EventStage.INQUIRY
        and said.get("result") == Result.SUCCESS
        and said.get("fundsPosition") in _DEFINITE
    )


def _key(event: Envelope) -> UUID | None:
    try:
        return UUID(str(event.values.get("commandId", "")))
    except ValueError:
        return None


def _take(event: Envelope, mine: list[Command], made: dict[UUID, datetime], at: datetime) -> None:
    own = next((one for one in mine if one.pk == _key(event)), None)
    if event.type == EventType.COMMAND:
        if own is not None:
            _answer(own, event, mine, at)
        return
    if own is not None and own.kind == CommandKind.INQUIRE:
        _close(own, CommandState.SUCCEEDED, _found(event), mine, at)
    asked_at = made.get(_key(event) or UUID(int=0))
    for other in [one for one in mine if one.kind != CommandKind.INQUIRE]:
        if asked_at is not None and other.accepted_at is not None and asked_at > other.accepted_at:
            reached = event.values["fundsPosition"] in _REACHED
            state = CommandState.SUCCEEDED if reached else CommandState.FAILED
            _close(other, state, f"Known from an inquiry. {_found(event)}", mine, at)


def _answer(own: Command, event: Envelope, mine: list[Command], at: datetime) -> None:
    said = event.values
    state = _SAID.get(said.get("outcome", ""))
    if state is None:
        return
    if state is CommandState.UNKNOWN and own.kind == CommandKind.INQUIRE:
        state = CommandState.FAILED
    reason = " ".join(str(said[name]) for name in ("reasonCode", "reason") if said.get(name))
    if own.kind == CommandKind.INQUIRE and state is CommandState.SUCCEEDED:
        outcome = "The bank does not know yet where the money is."
    else:
        outcome = {
            CommandState.SUCCEEDED: "The platform did it.",
            CommandState.FAILED: "The platform did not do it.",
            CommandState.UNKNOWN: "The platform does not know whether it was done.",
        }[state]
    _close(own, state, f"{outcome} {reason}".strip(), mine, at)


def _open_of(transactions: set[int]) -> Iterable[Command]:
    """The open commands of these transactions, locked, each with its transaction."""
    rows = Command.objects.filter(transaction_id__in=transactions).open().locked().select_related("transaction")
    return list(rows)


def _close(command: Command, state: CommandState, outcome: str, mine: list[Command], at: datetime) -> None:
    if state is CommandState.UNKNOWN and command.state == CommandState.UNKNOWN:
        return
    if state is CommandState.UNKNOWN and command.accepted_at is None:
        Command.objects.filter(pk=command.pk).update(accepted_at=at)
        command.accepted_at = at
    close(command, state, at=at, outcome=outcome)
    command.state = state
    if state is not CommandState.UNKNOWN:
        mine.remove(command)


def _found(event: Envelope) -> str:
    return f"The bank says: {Funds(event.values['fundsPosition']).label.lower()}."
