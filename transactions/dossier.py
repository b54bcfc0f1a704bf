"""One transaction as one person reads it: everything its page needs, each thing asked for once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Subquery

from accounts.access import has
from transactions.answers import Answer, answer_for, key_of
from transactions.discretion import Reader, Reason, reason_for
from transactions.explain import Explanation, explain
from transactions.facts import Facts, Read, data_changed_at, facts_about
from transactions.models import Account, AnswerText, Event, Holiday, Note, Party, PurposeCode, ReasonCode, Transaction
from transactions.object_trail import entries_of, remembered_reason, reveals_by
from transactions.related import Related, related_to
from transactions.stepper import StepShown, steps_of
from transactions.timeline import Timeline, timeline_of
from transactions.vocabulary import EventType, Side

if TYPE_CHECKING:
    from accounts.models import User
    from audit.models import AuditEvent
    from transactions.querysets import TransactionQuerySet

REASON_IS_REMEMBERED: Final = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Dossier:
    """A transaction as one person reads it at one moment. Properties ask the database at most once each.

    `of` reads what stands beside the transaction's row with it; a dossier of a row that was read already asks once.
    """

    transaction: Transaction
    user: User
    now: dt.datetime

    @classmethod
    def of(cls, rows: TransactionQuerySet, user: User, now: dt.datetime) -> Dossier | None:
        """The one transaction among `rows` as this person reads it now; None where there is none."""
        found = rows.for_detail().annotate(**_standing_beside(now)).first()
        return cls(found, user, now) if found is not None else None

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
        changed = {self.transaction.pk: self._beside("data_changed_at")}
        return facts_about(self.transaction, read=Read(self.events, accounts, self.reasons, changed))

    @cached_property
    def reasons(self) -> dict[str, ReasonCode]:
        """What administrators say about the reason codes of this transaction."""
        codes = {self.transaction.reason_code, *(event.reason_code for event in self.events)} - {""}
        return {reason.code: reason for reason in ReasonCode.objects.filter(code__in=codes)} if codes else {}

    @cached_property
    def holidays(self) -> frozenset[dt.date]:
        """The bank's holidays that may still matter."""
        return frozenset(self._beside("holidays_ahead"))

    @property
    def reason(self) -> Reason | None:
        """What the platform gave as the reason for the present stage, as far as this reader may know it."""
        return reason_for(
            self.transaction.reason_code,
            self.reasons,
            self.reader,
            bank_text=self._bank_text(),
            stage=self.transaction.stage,
        )

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
        return f"{self.transaction.purpose_code} {self._beside('purpose_text') or ''}".strip()

    @cached_property
    def notes(self) -> list[Note]:
        return list(self.transaction.notes.readable_by(self.user).select_related("author"))

    @cached_property
    def related(self) -> Related:
        return related_to(self.transaction, self.account, self.remitter, self.user)

    @cached_property
    def trail(self) -> list[AuditEvent]:
        """What the trail says about the transaction: the newest entries, and everyone who saw personal data."""
        return entries_of(self.transaction)

    @cached_property
    def remembered_reason(self) -> str:
        """Why this reader wanted to see a hidden value of this transaction a moment ago; "" if they did not."""
        since = self.now - REASON_IS_REMEMBERED
        reads_trail = has(self.user, "audit.view_object_trail")
        entries = self.trail if reads_trail else reveals_by(self.user, self.transaction, since=since)
        return remembered_reason(entries, self.user, since=since)

    def _beside(self, name: str) -> Any:
        row = self.transaction
        if name not in row.__dict__:
            row.__dict__ |= Transaction.objects.numbered(row.pk).values(**_standing_beside(self.now)).get()
        return row.__dict__[name]


def _standing_beside(now: dt.datetime) -> dict[str, Any]:
    """What a page says of a transaction out of single values of other tables."""
    purposes = PurposeCode.objects.filter(code=OuterRef("purpose_code"))
    holidays = Holiday.objects.filter(day__gte=now.date())
    return {
        "purpose_text": Subquery(purposes.values("text")),
        "holidays_ahead": ArraySubquery(holidays.values("day")),
        "data_changed_at": data_changed_at(),
    }
