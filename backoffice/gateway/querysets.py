"""The questions that pages ask about what came in and was not taken, or waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db import models

from accounts.access import scope_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class VerdictQuerySet(models.QuerySet[Any]):
    """Questions about verdicts."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Of partners in the person's scope. Verdicts belong to no branch, so all branches are needed; those of no
        known partner are for people who see everything."""
        scope = scope_of(user)
        if not scope.all_branches:
            return self.none()
        return self if scope.all_partners else self.filter(partner_id__in=sorted(scope.partner_ids))

    def for_list(self) -> Self:
        return self.select_related("partner", "delivery").defer("delivery__body")


class WaitingQuerySet(models.QuerySet[Any]):
    """Questions about events that wait for their instruction."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Nobody knows yet whose they are, so they are for people who see everything."""
        return self if scope_of(user).is_everything else self.none()

    def for_list(self) -> Self:
        return self.defer("envelope")
