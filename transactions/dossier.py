"""One transaction as one person reads it: everything its page needs, each thing asked for once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from transactions.answers import Answer, answer_for, key_of
from transactions.discretion import Reader
from transactions.explain import Explanation, explain
from transactions.facts import Facts, Read, facts_about
from transactions.models import Account, AnswerText, Event, Holiday, Note, Party, PurposeCode, ReasonCode, Transaction
from transactions.object_trail import remembered_reason
from transactions.related import Related, related_to
from transactions.stepper import StepShown, steps_of
from transactions.timeline import Timeline, timeline_of
from transactions.vocabulary import EventType, Side

if TYPE_CHECKING:
    from accounts.models import User

REASON_IS_REMEMBERED: Final = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Dossier:
    """A transaction as one person reads it at one moment. Properties ask the database at most once each."""

    transaction: Transaction
    user: User
    now: dt.datetime

    @cached_property
    def reader(self) -> Reader:
        return Reader.of(self.user, self.now)

    @cached_property
    def events(self) -> list[Event]:
        """All events that have arrived, by their numbers."""
        return list(self.transaction.events.in_order())

    @cached_property
    def facts(self) -> Facts:
        """What the guards of deeds look at."""
        accounts = [self.account] if self.account is not None else []
        return facts_about(self.transaction, read=Read(self.events, accounts, self.reasons))

    @cached_property
    def reasons(self) -> dict[str, ReasonCode]:
        """What administrators say about the reason codes of this transaction."""
        codes = {self.transaction.reason_code, *(event.reason_code for event in self.events)} - {""}
        return {reason.code: reason for reason in ReasonCode.objects.filter(code__in=codes)} if codes else {}

    @cached_property
    def holidays(self) -> frozenset[dt.date]:
        """The bank's holidays that may still matter."""
        return frozenset(Holiday.objects.filter(day__gte=self.now.date()).values_list("day", flat=True))

    @cached_property
    def explanation(self) -> Explanation:
        return explain(
            self.transaction,
            reasons=self.reasons,
            holidays=self.holidays,
            reader=self.reader,
            bank_text=self._bank_text(),
        )

    def _bank_text(self) -> str:
        """What the bank wrote when it last gave the present reason."""
        code = self.transaction.reason_code
        said = [event.reason for event in self.events if event.reason_code == code and event.reason]
        return said[-1] if code and said else ""

    @cached_property
    def answer(self) -> Answer:
        """What the partner may be told now."""
        return answer_for(
            self.transaction,
            text=AnswerText.objects.of(key_of(self.transaction)).first(),
            reasons=self.reasons,
            holidays=self.holidays,
            now=self.now,
            zone=self.reader.zone,
        )

    @cached_property
    def steps(self) -> list[StepShown]:
        return steps_of(self.transaction, self.events, self.reader)

    @cached_property
    def timeline(self) -> Timeline:
        return timeline_of(self.transaction, self.events, reasons=self.reasons, reader=self.reader)

    @cached_property
    def parties(self) -> dict[str, Party]:
        """Remitter and beneficiary by side; loaded with the transaction."""
        return {party.side: party for party in self.transaction.parties.all()}

    @property
    def remitter(self) -> Party | None:
        return self.parties.get(Side.REMITTER)

    @property
    def beneficiary(self) -> Party | None:
        return self.parties.get(Side.BENEFICIARY)

    @property
    def account(self) -> Account | None:
        """The beneficiary's account; cash has none."""
        return getattr(self.transaction, "account", None)

    @cached_property
    def instruction(self) -> dict[str, Any]:
        """The instruction's data as the partner sent them; empty while it has not arrived."""
        first = self.events[0] if self.events else None
        return first.data if first is not None and first.type == EventType.RECEIVED else {}

    @property
    def bank_name(self) -> str:
        """The beneficiary's bank by name, where the partner named it."""
        bank = (self.instruction.get("beneficiary") or {}).get("bankDetails") or {}
        return str(bank.get("bankName") or "")

    @property
    def goes_to(self) -> str:
        """Where the money goes, in a word: a bank, or cash at a branch."""
        if self.account is not None:
            return self.bank_name or self.account.bank_code or "an account"
        return f"cash, {self.transaction.branch.name}" if self.transaction.branch else "cash"

    @cached_property
    def purpose(self) -> str:
        """What the remittance is for, in words; a code that nobody described stays as it came."""
        code = self.transaction.purpose_code
        described = PurposeCode.objects.filter(code=code).first() if code else None
        return str(described) if described else code

    @cached_property
    def notes(self) -> list[Note]:
        return list(self.transaction.notes.readable_by(self.user).select_related("author"))

    @cached_property
    def related(self) -> Related:
        return related_to(self.transaction, self.account, self.remitter, self.user)

    @cached_property
    def remembered_reason(self) -> str:
        """Why this reader wanted to see a hidden value of this transaction a moment ago; "" if they did not."""
        return remembered_reason(self.transaction, self.user, self.now, REASON_IS_REMEMBERED)
