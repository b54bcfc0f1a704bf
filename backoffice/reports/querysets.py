"""The questions that pages ask about exports."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Self

from django.db.models import QuerySet

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
