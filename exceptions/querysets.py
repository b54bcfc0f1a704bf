"""The questions that pages ask about exceptions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from django.db.models import Case, Count, DateTimeField, F, Min, Q, QuerySet, Sum, When

from accounts.access import has, scope_of
from transactions.querysets import ScopedQuerySet, scoped
from transactions.vocabulary import Stage

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User
    from transactions.models import Transaction

STANDING = ("failed", "outcome_unknown", "late")
TOLD_BETTER = (Stage.FAILED_RETRYABLE, Stage.OUTCOME_UNKNOWN)
"""Stages that open an exception of their own: that they are over their limit is told with that one."""


class ExceptionQuerySet(ScopedQuerySet):
    """Questions about exceptions."""

    to_transaction = "transaction__"

    def open(self) -> Self:
        return self.filter(closed_at__isnull=True)

    def readable_by(self, user: User | AnonymousUser) -> Self:
        """Inside the person's scope, and outside compliance without what hints that somebody is checked."""
        inside = self.visible_to(user)
        if has(user, "compliance.view_cases"):
            return inside
        return inside.exclude(kind="screened_late").exclude(
            kind="late", transaction__stage=Stage.COMPLIANCE_REVIEW.value
        )

    def of(self, transaction: Any) -> Self:
        """Those of one transaction."""
        return self.filter(transaction=transaction)

    def of_any(self, transactions: Any) -> Self:
        """Those of any of these transactions."""
        return self.filter(transaction__in=transactions)

    def numbered(self, pk: int) -> Self:
        """The exception with this key; at most one."""
        return self.filter(pk=pk)

    def on_the_desk(self) -> Self:
        """The open ones, each transaction's troubles told once; `since` is how long it has been so."""
        since = Case(
            When(kind__in=STANDING, then=F("transaction__stage_since")),
            default=F("opened_at"),
            output_field=DateTimeField(),
        )
        return self.open().exclude(kind="late", transaction__stage__in=TOLD_BETTER).annotate(since=since)

    def aside(self, now: dt.datetime) -> Self:
        """Put aside, and not back yet."""
        return self.filter(self._is_aside(now))

    def awake(self, now: dt.datetime) -> Self:
        """Not put aside, or back again: its time came, or the transaction changed."""
        return self.exclude(self._is_aside(now))

    def _is_aside(self, now: dt.datetime) -> Q:
        return Q(snoozed_until__gt=now, snoozed_at_version=F("transaction__version"))

    def over_limit(self, now: dt.datetime) -> Self:
        """Those whose transaction is over the limit of its stage."""
        return self.filter(transaction__stage_deadline__lt=now).exclude(transaction__status="completed")

    def latest_closed(self) -> Any:
        """The exception that was closed last, or None."""
        return self.filter(closed_at__isnull=False).order_by("-closed_at").first()

    def for_list(self) -> Self:
        """With what a row of the desk shows, in one query."""
        return self.select_related("transaction", "transaction__partner", "assignee")

    def sums(self, *by: str) -> Any:
        """How many there are, their value and since when, per currency and per each of `by`."""
        return (
            self.order_by()
            .values(*by, "transaction__settled_currency")
            .annotate(number=Count("pk"), value=Sum("transaction__settled_amount"), oldest=Min("since"))
        )

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")


class JobQuerySet(QuerySet[Any]):
    """Questions about bulk jobs."""

    def readable_by(self, user: User | AnonymousUser) -> Self:
        """One's own jobs; auditors read everybody's."""
        return self if has(user, "audit.view_trail") else self.filter(owner=user.pk)

    def called(self, number: str) -> Self:
        """The job with exactly this number; at most one."""
        return self.filter(number=number)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def unconfirmed(self, before: dt.datetime, deeds: Iterable[str]) -> Self:
        """Those of these deeds that were chosen before this moment and never confirmed."""
        return self.filter(state="draft", created_at__lt=before, deed__in=list(deeds))

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")


class BulkRowQuerySet(ScopedQuerySet):
    """Questions about the rows of a job."""

    to_transaction = "transaction__"

    def in_state(self, *states: str) -> Self:
        return self.filter(state__in=states)

    def needing_two(self) -> Self:
        """Rows that need a second person."""
        return self.filter(needs_second=True)

    def of_places(self, places: Any) -> Self:
        return self.filter(place__in=places)

    def after(self, place: int) -> Self:
        """What follows this place of the job."""
        return self.filter(place__gt=place)

    def for_list(self) -> Self:
        return self.select_related("transaction", "transaction__partner").order_by("place")

    def asking_a_second(self) -> Self:
        """Rows on which a second person must agree."""
        return self.filter(needs_second=True)

    def counts(self) -> dict[str, int]:
        """How many rows stand in each state."""
        return dict(self.order_by().values("state").annotate(number=Count("pk")).values_list("state", "number"))

    def worth(self) -> dict[str, Decimal]:
        """The value of the rows per currency."""
        sums = (
            self.order_by().values("transaction__settled_currency").annotate(value=Sum("transaction__settled_amount"))
        )
        return dict(
            sums.order_by("transaction__settled_currency").values_list("transaction__settled_currency", "value")
        )


class ReversalFileQuerySet(QuerySet[Any]):
    """Questions about reversal files."""

    def readable_by(self, user: User | AnonymousUser) -> Self:
        """Who proposes or decides operations deeds, and auditors, read them all; their rows follow the scope."""
        may = ("exceptions.propose_operations", "exceptions.decide_operations", "audit.view_trail")
        return self if any(has(user, right) for right in may) else self.none()

    def called(self, number: str) -> Self:
        """The file with exactly this number; at most one."""
        return self.filter(number=number)

    def same_as(self, sha256: str) -> Self:
        """The file with these very bytes, unless it was dropped."""
        return self.filter(sha256=sha256).exclude(state="dropped")

    def unproposed(self, before: dt.datetime) -> Self:
        """Those that were uploaded before this moment and never proposed."""
        return self.filter(state__in=["checking", "checked"], uploaded_at__lt=before)

    def for_list(self) -> Self:
        return self.select_related("uploaded_by", "job").defer("body")

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).defer("body").order_by("pk")


class ReversalRowQuerySet(ScopedQuerySet):
    """Questions about the rows of reversal files."""

    to_transaction = "transaction__"

    def readable_by(self, user: User | AnonymousUser) -> Self:
        """Rows that name no payment, and those whose payment is in the person's scope."""
        return self.filter(Q(transaction__isnull=True) | scoped(scope_of(user), self.to_transaction))

    def in_state(self, *states: str) -> Self:
        return self.filter(state__in=states)

    def after(self, number: int) -> Self:
        """What follows this row of the file."""
        return self.filter(number__gt=number)

    def for_list(self) -> Self:
        return self.select_related("transaction").order_by("number")

    def counts(self) -> dict[str, int]:
        """How many rows stand in each state."""
        return dict(self.order_by().values("state").annotate(number_=Count("pk")).values_list("state", "number_"))


class EvidenceQuerySet(ScopedQuerySet):
    """Questions about the files that prove what treasury did."""

    to_transaction = "transaction__"

    def of(self, remittance: Transaction) -> Self:
        return self.filter(transaction=remittance)

    def called(self, digest: str) -> Self:
        """The file with exactly this SHA-256; at most one per transaction."""
        return self.filter(sha256=digest)
