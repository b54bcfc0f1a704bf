"""A transaction as it stood at a moment: its record, the events received until then, what was asked and agreed, and
what the people who acted on it were entitled to.

The record is simple-history's row of that moment (Transaction, Party, Account); everything else carries its own times.
Other rooms add what they knew then from their app's `ready`; the page knows none of them by name. The reader's present
scope and masks hold: what somebody may not see now is not seen as it was either.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from accounts import histories
from accounts.access import has
from accounts.models import ApprovalRequest, User
from accounts.rights_then import PersonThen, people_at
from audit.models import AuditEvent
from transactions.changes import record_of
from transactions.discretion import Reader
from transactions.models import Account, Command, Event, Note, ReasonCode, Transaction
from transactions.timeline import Timeline, timeline_of
from transactions.vocabulary import CommandKind, CommandState

if TYPE_CHECKING:
    from transactions.changes import Field

MOST_PEOPLE: Final = 20
REVIEWERS_COMMANDS: Final = (
    CommandKind.RELEASE,
    CommandKind.REJECT,
    CommandKind.RESCREEN,
    CommandKind.SEND_BACK,
    CommandKind.CORRECT,
)
"""What only reviewers ask for: outside compliance that it was asked would tell of the checks."""


@dataclass(frozen=True)
class Part:
    """What another room knew: a heading, a template and what it is filled with; nothing where `context` is empty."""

    key: str
    title: str
    template: str
    context: Callable[[Then], Mapping[str, Any]]
    permission: str = ""


@dataclass(frozen=True)
class Decision:
    """A request for a second person, or a command, as it stood then."""

    what: str
    number: str
    state: str
    by: str
    at: dt.datetime
    second: str = ""
    second_at: dt.datetime | None = None


_parts: dict[str, Part] = {}


def register(part: Part) -> None:
    """Add what another room knew at a moment. A key that is there already is replaced."""
    _parts[part.key] = part


@dataclass(frozen=True)
class Then:
    """One transaction at one moment, as one person reads it."""

    transaction: Transaction
    user: User
    moment: dt.datetime
    now: dt.datetime

    @cached_property
    def reader(self) -> Reader:
        return Reader.of(self.user, self.now)

    @cached_property
    def state(self) -> Any:
        """The transaction's own row as it was."""
        row = histories.row_at(self.transaction, self.moment)
        return row.instance if row is not None else None

    @cached_property
    def events(self) -> list[Event]:
        """The events that had reached us, by their numbers."""
        return list(self.transaction.events.received_until(self.moment).in_order())

    @cached_property
    def reasons(self) -> dict[str, ReasonCode]:
        codes = {self.state.reason_code, *(event.reason_code for event in self.events)} - {""}
        return {reason.code: reason for reason in ReasonCode.objects.filter(code__in=codes)} if codes else {}

    @cached_property
    def timeline(self) -> Timeline:
        return timeline_of(self.state, self.events, reasons=self.reasons, reader=self.reader)

    @cached_property
    def records(self) -> list[tuple[str, list[Field]]]:
        """The transaction's, the parties' and the account's fields as they were, personal data masked."""
        account = Account.objects.filter(transaction=self.transaction).first()
        named = [
            ("Transaction", self.transaction),
            *((str(party.get_side_display()), party) for party in self.transaction.parties.order_by("pk")),
            *([("Account", account)] if account else []),
        ]
        rows = [(name, histories.instance_at(one, self.moment)) for name, one in named]
        return [(name, record_of(row, self.reader)) for name, row in rows if row is not None]

    @cached_property
    def notes(self) -> list[Note]:
        rows = self.transaction.notes.readable_by(self.user).filter(created_at__lte=self.moment)
        return list(rows.select_related("author").order_by("created_at"))

    @cached_property
    def approvals(self) -> list[Decision]:
        """Requests for a second person, as far as they had come."""
        rows = ApprovalRequest.objects.visible_to(self.user).about("transactions.transaction", self.transaction.txn_id)
        asked = rows.filter(created_at__lte=self.moment).select_related("maker", "checker").order_by("created_at")
        return [self._approval(one) for one in asked]

    def _approval(self, one: ApprovalRequest) -> Decision:
        decided = one.decided_at is not None and one.decided_at <= self.moment
        return Decision(
            what=one.summary,
            number=one.number,
            state=str(one.get_state_display()) if decided else "Waiting",
            by=str(one.maker),
            at=one.created_at,
            second=str(one.checker or "") if decided else "",
            second_at=one.decided_at if decided else None,
        )

    @cached_property
    def commands(self) -> list[Decision]:
        """What the platform had been asked, and whether it had answered."""
        rows = Command.objects.filter(transaction=self.transaction, created_at__lte=self.moment)
        if not self.reader.sees_compliance:
            rows = rows.exclude(kind__in=REVIEWERS_COMMANDS)
        return [self._command(one) for one in rows.select_related("maker", "checker").order_by("created_at")]

    def _command(self, one: Command) -> Decision:
        state = CommandState.QUEUED
        if one.closed_at and one.closed_at <= self.moment:
            state = CommandState(one.state)
        elif one.first_sent_at and one.first_sent_at <= self.moment:
            state = CommandState.SENT
        return Decision(
            what=str(one.get_kind_display()),
            number="",
            state=str(state.label),
            by=str(one.maker or "The Backoffice by itself"),
            at=one.created_at,
            second=str(one.checker or ""),
        )

    @cached_property
    def people(self) -> list[PersonThen]:
        """Who had acted on it until then, with the roles and grants that each had at that moment.

        For readers of the trail only: who may do what is nobody else's to read.
        """
        if not (has(self.user, "audit.view_trail") or has(self.user, "audit.view_object_trail")):
            return []
        own = AuditEvent.objects.of(self.transaction).filter(at__lte=self.moment).newest_first()
        names = list(dict.fromkeys(own.values_list("actor", flat=True)[:500]))[:MOST_PEOPLE]
        found = people_at(names, self.moment, partner=self.transaction.partner, branch=self.transaction.branch)
        if self.reader.sees_compliance:
            return found
        outside = [one for one in found if not one.reviews]
        return [replace(one, rights=tuple(filter(self.reader.may_read, one.rights))) for one in outside]

    @property
    def parts(self) -> list[tuple[Part, Mapping[str, Any]]]:
        """What other rooms knew, for those who may read it."""
        mine = [part for part in _parts.values() if not part.permission or has(self.user, part.permission)]
        filled = [(part, part.context(self)) for part in mine]
        return [(part, context) for part, context in filled if context]
