"""The questions that pages ask about exports and certificates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from django.db.models import Q, QuerySet

from transactions.querysets import ScopedQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class ExportQuerySet(QuerySet[Any]):
    """Questions about exports."""

    def of(self, user: User | AnonymousUser) -> Self:
        """One's own: nobody else reads, watches or downloads them."""
        return self.filter(owner=user.pk)

    def called(self, number: str) -> Self:
        """The export with exactly this number; at most one."""
        return self.filter(number=number)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def for_list(self) -> Self:
        return self.select_related("owner", "approval", "approval__checker")

    def unfinished(self) -> Self:
        """Those that wait for a second person or the worker, or are being made."""
        return self.filter(ended_at__isnull=True)

    def over(self, now: dt.datetime) -> Self:
        """Those whose file is to be deleted."""
        return self.filter(state="ready", expires_at__lte=now)

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")


class CertificateQuerySet(ScopedQuerySet):
    """Questions about e-PRCs."""

    to_transaction = "transaction__"

    def called(self, number: str) -> Self:
        """The certificate with exactly this number; at most one."""
        return self.filter(number=number)

    def of(self, payment: Any) -> Self:
        """Those of one payment, void ones too."""
        return self.filter(transaction=payment)

    def of_any(self, keys: Sequence[int]) -> Self:
        """Those of the payments with these keys."""
        return self.filter(transaction_id__in=keys)

    def replacing(self, certificate: Any) -> Self:
        """The one that was issued in the place of this one; at most one."""
        return self.filter(replaces=certificate)

    def older_than(self, certificate: Any) -> Self:
        """What follows it in a list that is newest first."""
        same_moment = Q(issued_at=certificate.issued_at, pk__lt=certificate.pk)
        return self.filter(Q(issued_at__lt=certificate.issued_at) | same_moment)

    def issued(self) -> Self:
        """Those that are valid."""
        return self.filter(state="issued")

    def void(self) -> Self:
        return self.filter(state="void")

    def newest_first(self) -> Self:
        return self.order_by("-issued_at", "-pk")

    def for_page(self) -> Self:
        """With what a page shows of them."""
        return self.select_related(
            "transaction__partner", "issued_by", "void_maker", "void_checker", "replaces", "approval"
        )

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")
