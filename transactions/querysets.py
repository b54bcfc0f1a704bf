"""The questions that pages ask about transactions. Rows come through `visible_to`; views never filter by themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Self

from django.db import models
from django.db.models import Q

from accounts.access import Scope, has, scope_of
from transactions.vocabulary import OPEN_COMMANDS, CommandState, Rail, Side, Stage, Status

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User
    from transactions.flags import Flag


LIST_COLUMNS: Final = (
    "txn_id",
    "partner_reference",
    "bank_reference",
    "rail_reference",
    "uetr",
    "end_to_end_id",
    "request_id",
    "received_at",
    "updated_at",
    "remitter_name",
    "beneficiary_name",
    "beneficiary_iban",
    "type",
    "sent_amount",
    "sent_currency",
    "settled_amount",
    "settled_currency",
    "status",
    "stage",
    "step",
    "stage_deadline",
)
"""What the list and the search results show of a transaction."""


def scoped(scope: Scope, prefix: str = "") -> Q:
    """The condition that keeps rows inside `scope`; `prefix` leads to the transaction, for example "transaction__"."""
    inside = Q()
    if not scope.all_partners:
        inside &= Q(**{f"{prefix}partner_id__in": sorted(scope.partner_ids)})
    if not scope.all_branches:
        inside &= Q(**{f"{prefix}branch_id__in": sorted(scope.branch_ids)})
    return inside


def scoped_sql(scope: Scope) -> tuple[str, list[Any]]:
    """The same condition for a query written by hand over the transactions' own columns, with its parameters."""
    conditions, parameters = ["TRUE"], []
    if not scope.all_partners:
        conditions.append("partner_id = ANY(%s::bigint[])")
        parameters.append(sorted(scope.partner_ids))
    if not scope.all_branches:
        conditions.append("branch_id = ANY(%s::bigint[])")
        parameters.append(sorted(scope.branch_ids))
    return " AND ".join(conditions), parameters


class ScopedQuerySet(models.QuerySet[Any]):
    """Rows that belong to a transaction, directly or through `transaction`."""

    to_transaction = ""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Only rows whose partner is in the person's first axis and whose branch is in the second."""
        return self.filter(scoped(scope_of(user), self.to_transaction))


class TransactionQuerySet(ScopedQuerySet):
    """Questions about transactions."""

    def called(self, reference: str) -> Self:
        """The transaction with exactly this transaction id; at most one."""
        return self.filter(txn_id=reference)

    def among(self, references: Sequence[str]) -> Self:
        """The transactions with these transaction ids."""
        return self.filter(txn_id__in=references)

    def newer_than(self, moment: dt.datetime, pk: int = 0) -> Self:
        """What stands above a row, or above a moment, in a list that is newest first."""
        return self.filter(Q(received_at__gt=moment) | Q(received_at=moment, pk__gt=pk), received_at__gte=moment)

    def here_at(self, moment: dt.datetime) -> Self:
        """Those whose instruction had reached the Backoffice at that moment."""
        return self.filter(created_at__lte=moment)

    def with_rail_keys(self, keys: Iterable[str]) -> Self:
        """Those whose rail reference, compared as references are, is one of these."""
        return self.filter(~Q(rail_key=""), rail_key__in=sorted(keys))

    def on_rtgs(self) -> Self:
        """In the queue of RTGS, or at RTGS and not settled yet."""
        return self.filter(Q(stage=Stage.RTGS_QUEUE) | Q(stage=Stage.SETTLEMENT, rail=Rail.RTGS), status=Status.PENDING)

    def longest_waiting_first(self) -> Self:
        return self.order_by("stage_since", "pk")

    def waiting_after(self, among: Self, reference: str) -> Self:
        """What follows this transaction in a list with the longest waiting first; nothing if it is not `among`."""
        place = among.called(reference).values_list("stage_since", "pk").first()
        if place is None:
            return self.none()
        return self.filter(Q(stage_since__gt=place[0]) | Q(stage_since=place[0], pk__gt=place[1]))

    def numbered(self, pk: int) -> Self:
        """The transaction with this key; at most one."""
        return self.filter(pk=pk)

    def to_iban(self, iban: str) -> Self:
        """Rows whose beneficiary's account is this IBAN (upper case, without spaces)."""
        return self.filter(~Q(beneficiary_iban=""), beneficiary_iban=iban)

    def of_person(self, **one_of: Sequence[str]) -> Self:
        """Rows with a party whose `id_number` or `mobile` is one of the given; `matched_side` says which party.

        A row stands twice if both parties fit.
        """
        ((field, values),) = one_of.items()
        return self.filter(**{f"parties__{field}__in": values}).annotate(matched_side=models.F("parties__side"))

    def for_rows(self, *more: str) -> Self:
        """With what a row of the list shows, the fields of optional columns too, and nothing else, in one query."""
        related = ["partner", *({field.partition("__")[0] for field in more if "__" in field} - {"partner"})]
        return self.select_related(*related).only(*LIST_COLUMNS, "partner__code", "partner__name", *more)

    def with_flags(self, shown: Iterable[Flag], now: dt.datetime) -> Self:
        """With each of these flags as an attribute, `flag_late` for example."""
        found = {flag.value: flag.condition(now) for flag in shown}
        return self.annotate(
            **{f"flag_{word}": models.ExpressionWrapper(q, models.BooleanField()) for word, q in found.items()}
        )

    def for_list(self) -> Self:
        """With what a list row shows, in one query."""
        return self.select_related("partner", "branch")

    def for_detail(self) -> Self:
        """With what the detail page shows beside its own panels."""
        return self.select_related("partner", "branch", "sub_agent", "account").prefetch_related("parties")

    def place_of(self, reference: str, fields: Sequence[str]) -> tuple[Any, ...] | None:
        """The values by which a list is ordered, for this transaction: the place of its row."""
        return self.called(reference).values_list(*fields).first()

    def newest_first(self) -> Self:
        return self.order_by("-received_at", "-pk")

    def to_account(self, number: str) -> Self:
        """Paid, or to be paid, to this account number or IBAN."""
        return self.filter(account__number=number)

    def paying_the_same(self, transaction: Any, number: str, within: dt.timedelta) -> Self:
        """The same settled amount to the same account, at most `within` before or after: possible duplicates."""
        return self.to_account(number).filter(
            settled_amount=transaction.settled_amount,
            settled_currency=transaction.settled_currency,
            received_at__range=(transaction.received_at - within, transaction.received_at + within),
        )

    def of_remitter(self, id_number: str, around: dt.datetime, within: dt.timedelta) -> Self:
        """Sent by whoever holds this identity document, at most `within` before or after `around`."""
        return self.filter(
            parties__side=Side.REMITTER,
            parties__id_number=id_number,
            received_at__range=(around - within, around + within),
        )

    def worth(self) -> list[tuple[str, int, Decimal]]:
        """Currency, number of rows and sum of their payouts, for each currency."""
        rows = self.order_by().values_list("settled_currency")
        return list(rows.annotate(models.Count("pk"), models.Sum("settled_amount")).order_by("settled_currency"))

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")


class EventQuerySet(models.QuerySet[Any]):
    """Questions about the platform's events."""

    def in_order(self) -> Self:
        return self.order_by("sequence")

    def received_until(self, moment: dt.datetime) -> Self:
        """Those that had reached the Backoffice at `moment`."""
        return self.filter(received_at__lte=moment)


class NoteQuerySet(ScopedQuerySet):
    """Questions about notes."""

    to_transaction = "transaction__"

    def readable_by(self, user: User | AnonymousUser) -> Self:
        """Without compliance's own notes for everybody outside compliance."""
        return self if has(user, "compliance.view_cases") else self.filter(compliance_only=False)


class InquiryQuerySet(ScopedQuerySet):
    """Questions about partners' inquiries."""

    to_transaction = "transaction__"

    def readable_by(self, user: User | AnonymousUser) -> Self:
        """What the person may read of what partners were told.

        Inquiries are read by those who record them and by auditors, inside their scope. Somebody whose scope is a few
        branches speaks with customers at a counter: of partners' inquiries they read only those they recorded.
        """
        inside = self.visible_to(user)
        if has(user, "audit.view_trail"):
            return inside
        if not has(user, "transactions.log_inquiry"):
            return inside.none()
        return inside if scope_of(user).all_branches else inside.filter(opened_by=user.pk)

    def called(self, number: str) -> Self:
        """The inquiry with exactly this number; at most one."""
        return self.filter(number=number)

    def open(self) -> Self:
        return self.filter(closed_at__isnull=True)

    def closed(self) -> Self:
        return self.filter(closed_at__isnull=False)

    def older_than(self, inquiry: Any) -> Self:
        """What follows `inquiry` in a list that is newest first."""
        same_moment = Q(opened_at=inquiry.opened_at, pk__lt=inquiry.pk)
        return self.filter(Q(opened_at__lt=inquiry.opened_at) | same_moment)

    def for_list(self) -> Self:
        return self.select_related("transaction", "transaction__branch", "partner", "opened_by", "closed_by")

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")


class CommandQuerySet(ScopedQuerySet):
    """Questions about commands to the platform."""

    to_transaction = "transaction__"

    def open(self) -> Self:
        """Commands that are not closed: to be sent, being sent, without an answer, or of unknown outcome."""
        return self.filter(state__in=OPEN_COMMANDS)

    def to_send(self, now: dt.datetime) -> Self:
        """What the worker may send now: waiting ones whose time has come, and those whose sender did not come back.

        A command that waits for an inquiry is among them only when the inquiry is closed.
        """
        free = Q(state=CommandState.QUEUED) | Q(state=CommandState.SENDING, leased_until__lt=now)
        is_free = Q(waits_for__isnull=True) | ~Q(waits_for__state__in=OPEN_COMMANDS)
        return self.filter(free, is_free, next_try_at__lte=now).order_by("next_try_at", "created_at")

    def undelivered(self) -> Self:
        """Commands that have not reached the platform yet."""
        return self.filter(state__in=[CommandState.QUEUED, CommandState.SENDING])

    def in_vain(self) -> Self:
        """Those of them that were tried twice without an answer."""
        return self.undelivered().filter(tries__gte=2).exclude(trouble="")

    def for_list(self) -> Self:
        return self.select_related("maker", "checker", "approval")

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")


class SavedViewQuerySet(models.QuerySet[Any]):
    """Questions about saved views."""

    def readable_by(self, user: User, teams: Sequence[int]) -> Self:
        """One's own and those of one's roles (their keys), without the deleted ones."""
        mine = Q(owner=user.pk) | Q(team__in=teams)
        return self.filter(mine, deleted_at__isnull=True).select_related("owner", "team").order_by("name", "pk")

    def of(self, user: User) -> Self:
        """One's own, the deleted ones too."""
        return self.filter(owner=user.pk)

    def called(self, key: str) -> Self:
        return self.filter(key=key)

    def deleted_since(self, moment: dt.datetime) -> Self:
        """Deleted no longer ago: what can still be taken back from the page."""
        return self.filter(deleted_at__gte=moment).order_by("-deleted_at")

    def locked(self) -> Self:
        """Locked until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")


class AnswerTextQuerySet(models.QuerySet[Any]):
    """Questions about the texts for partners."""

    def of(self, key: str) -> Self:
        """Every version of one text, the newest first."""
        return self.filter(key=key).order_by("-version")

    def in_force(self) -> Self:
        """The newest version of every text."""
        return self.order_by("key", "-version").distinct("key")

    def for_list(self) -> Self:
        return self.select_related("approval__maker", "approval__checker")

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")
