"""The questions that pages ask about notifications."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class NotificationQuerySet(models.QuerySet[Any]):
    """Questions about notifications. What one was told stays hidden once one may not read of it any more."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """One's own, of which the rights and the scope of this moment still let one read."""
        from accounts.access import permissions_of, scope_of  # it reads the models, and they name this class

        scope, inside = scope_of(user), Q()
        if not scope.all_partners:
            inside &= Q(partner__isnull=True) | Q(partner_id__in=sorted(scope.partner_ids))
        if not scope.all_branches:
            inside &= Q(partner__isnull=True) | Q(branch_id__in=sorted(scope.branch_ids))
        if not scope.is_everything:
            inside &= Q(is_of_everything=False)
        return self.filter(inside, recipient_id=user.pk, right__in=["", *sorted(permissions_of(user))])

    def unread(self) -> Self:
        """Neither read nor ended by itself."""
        return self.filter(read_at__isnull=True, ended_at__isnull=True)

    def about(self, object_type: str, object_ids: Collection[str]) -> Self:
        """About one of these objects, by public reference."""
        return self.filter(object_type=object_type, object_id__in=object_ids)

    def called(self, key: UUID) -> Self:
        """The one with this key; at most one."""
        return self.filter(key=key)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def elder_than(self, one: Any) -> Self:
        """What follows `one` in a list that is newest first."""
        return self.filter(Q(created_at__lt=one.created_at) | Q(created_at=one.created_at, pk__lt=one.pk))

    def over(self, *, settled_before: dt.datetime, made_before: dt.datetime) -> Self:
        """What nobody needs any more: read or ended before the one moment, or made before the other."""
        settled = Q(read_at__lt=settled_before) | Q(ended_at__lt=settled_before)
        return self.filter(settled | Q(created_at__lt=made_before))

    def free(self) -> Self:
        """Locked until the transaction ends, without those that somebody else holds at this moment: nobody waits."""
        return self.select_for_update(skip_locked=True, of=("self",))
