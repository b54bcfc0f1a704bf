"""The questions that pages ask about transactions. Rows come through `visible_to`; views never filter by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q

from accounts.access import Scope, has, scope_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


def scoped(scope: Scope, prefix: str = "") -> Q:
    """The condition that keeps rows inside `scope`; `prefix` leads to the transaction, for example "transaction__"."""
    inside = Q()
    if not scope.all_partners:
        inside &= Q(**{f"{prefix}partner_id__in": sorted(scope.partner_ids)})
    if not scope.all_branches:
        inside &= Q(**{f"{prefix}branch_id__in": sorted(scope.branch_ids)})
    return inside


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

    def for_list(self) -> Self:
        """With what a list row shows, in one query."""
        return self.select_related("partner", "branch")

    def for_detail(self) -> Self:
        """With what the detail page shows beside its own panels."""
        return self.select_related("partner", "branch", "sub_agent", "account").prefetch_related("parties")

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")


class EventQuerySet(models.QuerySet[Any]):
    """Questions about the platform's events."""

    def in_order(self) -> Self:
        return self.order_by("sequence")


class NoteQuerySet(ScopedQuerySet):
    """Questions about notes."""

    to_transaction = "transaction__"

    def readable_by(self, user: User | AnonymousUser) -> Self:
        """Without compliance's own notes for everybody outside compliance."""
        return self if has(user, "compliance.view_cases") else self.filter(compliance_only=False)


class InquiryQuerySet(ScopedQuerySet):
    """Questions about partners' inquiries."""

    to_transaction = "transaction__"

    def open(self) -> Self:
        return self.filter(closed_at__isnull=True)

    def for_list(self) -> Self:
        return self.select_related("transaction", "partner", "opened_by", "closed_by")
