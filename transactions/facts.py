"""What guards look at: the facts about transactions, loaded once, in the same number of queries for one and a thousand.

The page's "why not?" and the deed itself ask the same guards with the same facts; the deed loads them again under its
lock.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Max, OuterRef, Q
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.maker_checker import Policies
from accounts.models import ApprovalRequest
from transactions.models import Account, Command, Event, MoneyLimit, Party, ReasonCode, Transaction
from transactions.vocabulary import (
    CommandKind,
    CommandState,
    EventStage,
    EventType,
    Funds,
    Rail,
    Result,
    Stage,
)

if TYPE_CHECKING:
    from accounts.models import User

OBJECT: Final = "transactions.transaction"
EXCLUSIVE: Final = (Rail.ONE_LINK, Rail.RAAST)
"""The two rails of which either may hold the money while the other is tried (DOMAIN.md section 5)."""
_PAYING: Final = (EventStage.PAYMENT, EventStage.RTGS, EventStage.SETTLEMENT, EventStage.INQUIRY)
_CHECKING: Final = (EventStage.SCREENING, EventStage.COMPLIANCE_REVIEW)
_WORD: Final = ("sequence", "time", "stage", "result", "rail", "funds_position", "attempt", "command_id")
_word: Final = attrgetter(*_WORD)


@dataclass(frozen=True)
class MoneyWord:
    """One event about the money: what a rail, or the platform asking it, said."""

    sequence: int
    time: dt.datetime
    stage: str
    result: str
    rail: str
    funds: str
    attempt: int
    command_id: str

    @property
    def is_inquiry(self) -> bool:
        return self.stage == EventStage.INQUIRY

    @property
    def frees(self) -> bool:
        """Whether it says definitely that this rail does not have the money."""
        if self.stage == EventStage.INQUIRY:
            return self.result == Result.SUCCESS and self.funds in (Funds.NOT_SENT, Funds.RETURNED)
        return self.result == Result.FAILED and self.funds in (Funds.NOT_SENT, Funds.RETURNED)


@dataclass(frozen=True)
class Limits:
    """The limits of deeds with money, as administrators set them."""

    rows: Mapping[tuple[str, str], Decimal]

    @property
    def attempts(self) -> int:
        """How many payment attempts there may be."""
        return int(self.rows.get((MoneyLimit.Key.ATTEMPTS, ""), Decimal(1)))

    def rtgs_minimum(self, currency: str) -> Decimal | None:
        """The least amount that RTGS takes; None for a currency that it does not take."""
        return self.rows.get((MoneyLimit.Key.RTGS_MINIMUM, currency))


@dataclass(frozen=True)
class Facts:
    """What is known of one transaction at one moment. `user` is who asks, None for the Backoffice itself.

    `agreed` is the approval that is being carried out: it does not stand in its own way.
    """

    transaction: Transaction
    now: dt.datetime
    reason: ReasonCode | None = None
    commands: Sequence[Command] = ()
    requests: Sequence[ApprovalRequest] = ()
    money: Sequence[MoneyWord] = ()
    limits: Limits = field(default_factory=lambda: Limits({}))
    policies: Policies = field(default_factory=lambda: Policies({}))
    has_account: bool = False
    is_iban: bool = False
    checked_at: dt.datetime | None = None
    data_changed_at: dt.datetime | None = None
    agreed: ApprovalRequest | None = None

    @property
    def stage(self) -> Stage:
        return Stage(self.transaction.stage)

    @property
    def open_command(self) -> Command | None:
        """The open command that is no inquiry; there is at most one."""
        return next((one for one in self.commands if one.is_open and one.kind != CommandKind.INQUIRE), None)

    @property
    def open_inquiry(self) -> Command | None:
        return next((one for one in self.commands if one.is_open and one.kind == CommandKind.INQUIRE), None)

    @property
    def pending(self) -> list[ApprovalRequest]:
        """The requests that wait for a second person, but for the one that is being carried out."""
        carried_out = self.agreed.pk if self.agreed else None
        return [one for one in self.requests if one.is_pending and one.pk != carried_out]

    def pending_of(self, operation: str) -> ApprovalRequest | None:
        return next((one for one in self.pending if one.operation == operation), None)

    @property
    def is_duplicate_overridden(self) -> bool:
        """Whether two people agreed that this is no duplicate."""
        approved = ApprovalRequest.State.APPROVED
        return any(one.operation == "override_duplicate" and one.state == approved for one in self.requests)

    @property
    def last_money_word(self) -> MoneyWord | None:
        """The newest event about the money, by the platform's numbers."""
        return self.money[-1] if self.money else None

    def rail_may_hold(self, rail: str) -> bool:
        """Whether this rail was used and has not said definitely since that it does not have the money.

        A payment that was begun on it and failed with funds unknown, timed out, or is at the rail, counts.
        """
        words = [word for word in self.money if word.rail == rail]
        return bool(words) and not words[-1].frees

    def has_rejected(self, rail: str) -> bool:
        """Whether this rail was used and its last word is a definite no."""
        words = [word for word in self.money if word.rail == rail]
        return bool(words) and words[-1].frees

    @property
    def attempts_used(self) -> int:
        return self.transaction.attempt

    @property
    def data_changed_since_checks(self) -> bool:
        """Whether a party's or the account's data changed after the checks were last passed."""
        if self.data_changed_at is None:
            return False
        return self.checked_at is None or self.data_changed_at > self.checked_at

    def last_answer(self, kind: CommandKind) -> Command | None:
        return next((one for one in self.commands if one.kind == kind and not one.is_open), None)

    def found_not_sent(self, inquiry: Command) -> bool:
        """Whether this inquiry brought NOT_SENT, and nothing about the money was said after it."""
        last = self.last_money_word
        return (
            last is not None
            and last.is_inquiry
            and last.result == Result.SUCCESS
            and last.funds == Funds.NOT_SENT
            and last.command_id == str(inquiry.pk)
            and inquiry.state == CommandState.SUCCEEDED
        )


@dataclass(frozen=True)
class Read:
    """What a page has read of one transaction before it asks for its facts: read once, not twice."""

    events: Iterable[Event]
    accounts: Iterable[Account]
    reasons: Mapping[str, ReasonCode]
    changed: Mapping[int, dt.datetime | None]


def facts_of(
    transactions: Iterable[Transaction],
    *,
    now: dt.datetime | None = None,
    agreed: ApprovalRequest | None = None,
    read: Read | None = None,
) -> list[Facts]:
    """The facts of these transactions, in their order, in eight queries for however many there are.

    For one transaction four are enough if its page has `read` the rest.
    """
    rows = list(transactions)
    ids, names = [row.pk for row in rows], [row.txn_id for row in rows]
    now = now or timezone.now()
    read = read or _read(ids, {row.reason_code for row in rows} - {""})
    commands, requests = _commands(ids), _requests(names)
    money, checked = _told(read.events)
    accounts = {account.transaction_id: account.is_iban for account in read.accounts}
    limits, policies = limits_now(), Policies.now()
    return [
        Facts(
            transaction=row,
            now=now,
            reason=read.reasons.get(row.reason_code),
            commands=commands[row.pk],
            requests=requests[row.txn_id],
            money=money[row.pk],
            limits=limits,
            policies=policies,
            has_account=row.pk in accounts,
            is_iban=accounts.get(row.pk, False),
            checked_at=checked.get(row.pk),
            data_changed_at=read.changed.get(row.pk),
            agreed=agreed,
        )
        for row in rows
    ]


def facts_about(transaction: Transaction, *, agreed: ApprovalRequest | None = None, read: Read | None = None) -> Facts:
    """The facts of one transaction now."""
    (facts,) = facts_of([transaction], agreed=agreed, read=read)
    return facts


def limits_now() -> Limits:
    """The limits in force."""
    return Limits({(key, currency): amount for key, currency, amount in
                   MoneyLimit.objects.values_list("key", "currency", "amount")})  # fmt: skip


def _read(ids: Collection[int], reasons: Collection[str]) -> Read:
    passed = Q(stage__in=_CHECKING, result=Result.SUCCESS)
    events = Event.objects.filter(Q(stage__in=_PAYING) | passed, transaction_id__in=ids, type=EventType.STAGE)
    return Read(
        events=events.order_by("sequence").only("transaction_id", "received_at", "type", *_WORD),
        accounts=Account.objects.filter(transaction_id__in=ids).only("transaction_id", "is_iban"),
        reasons={one.code: one for one in ReasonCode.objects.filter(code__in=reasons)} if reasons else {},
        changed=dict(Transaction.objects.filter(pk__in=ids).values_list("pk", data_changed_at())),
    )


def _commands(ids: Collection[int]) -> defaultdict[int, list[Command]]:
    found: defaultdict[int, list[Command]] = defaultdict(list)
    for one in Command.objects.filter(transaction_id__in=ids).for_list().newest_first():
        found[one.transaction_id].append(one)
    return found


def _requests(names: Collection[str]) -> defaultdict[str, list[ApprovalRequest]]:
    found: defaultdict[str, list[ApprovalRequest]] = defaultdict(list)
    rows = ApprovalRequest.objects.filter(object_type=OBJECT, object_id__in=names).for_list()
    for one in rows.order_by("-created_at", "-pk"):
        found[one.object_id].append(one)
    return found


def _told(events: Iterable[Event]) -> tuple[defaultdict[int, list[MoneyWord]], dict[int, dt.datetime]]:
    """What the events said about the money, by their numbers; and when the checks were last passed, by screening or by
    a person's release.
    """
    money: defaultdict[int, list[MoneyWord]] = defaultdict(list)
    checked: dict[int, dt.datetime] = {}
    for event in events:
        pk, at = event.transaction_id, event.received_at
        if event.type != EventType.STAGE:
            continue
        if event.stage in _PAYING:
            money[pk].append(MoneyWord(*_word(event)))
        elif event.stage in _CHECKING and event.result == Result.SUCCESS:
            checked[pk] = max(at, checked.get(pk, at))
    return money, checked


def data_changed_at() -> Greatest:
    """When a person last changed a party or the account of a transaction, for a question about transactions.

    What the platform adds to them is no change of data.
    """
    pasts: list[Any] = [Party.history, Account.history]
    return Greatest(
        *(
            past.filter(transaction_id=OuterRef("pk"), history_type="~")
            .exclude(history_change_reason="platform")
            .order_by()
            .values("transaction_id")
            .annotate(at=Max("history_date"))
            .values("at")
            for past in pasts
        )
    )


def people_of(user: User | None) -> str:
    """How a sentence names somebody; the Backoffice itself where nobody asked."""
    return str(user) if user is not None else "The Backoffice"
