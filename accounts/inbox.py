"""The questions that pages ask about requests for a second person."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class ApprovalQuerySet(models.QuerySet[Any]):
    """Questions about requests. What belongs to a partner follows the reader's scope, like its transaction."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Requests that the person may propose, decide or audit, inside their partners and branches; and their own."""
        from accounts import maker_checker  # it reads the models, and they name this class
        from accounts.access import scope_of

        keys = maker_checker.operations_for(user)
        scope, inside = scope_of(user), Q()
        if not scope.all_partners:
            inside &= Q(partner__isnull=True) | Q(partner_id__in=sorted(scope.partner_ids))
        if not scope.all_branches:
            inside &= Q(partner__isnull=True) | Q(branch_id__in=sorted(scope.branch_ids))
        return self.filter(inside, operation__in=sorted(keys))

    def called(self, number: str) -> Self:
        """The request with exactly this number; at most one."""
        return self.filter(number=number)

    def about(self, object_type: str, object_id: str) -> Self:
        """Requests about one object, by its public reference."""
        return self.filter(object_type=object_type, object_id=object_id)

    def pending(self) -> Self:
        return self.filter(state="PENDING")

    def decided(self) -> Self:
        """Everything that waits for nobody any more, whatever became of it."""
        return self.exclude(state="PENDING")

    def over(self, now: dt.datetime) -> Self:
        """Requests whose time has run out without a decision."""
        return self.pending().filter(expires_at__lte=now)

    def waiting_for(self, user: User | AnonymousUser) -> Self:
        """What this person could decide now: pending, inside their rights and scope, asked by another human being."""
        from accounts import maker_checker
        from accounts.access import work_scope_of

        scope, inside = work_scope_of(user), Q()
        if not scope.all_partners:
            inside &= Q(partner__isnull=True) | Q(partner_id__in=sorted(scope.partner_ids))
        if not scope.all_branches:
            inside &= Q(partner__isnull=True) | Q(branch_id__in=sorted(scope.branch_ids))
        decidable = sorted(maker_checker.operations_decided_by(user))
        mine = self.visible_to(user).pending().filter(inside, operation__in=decidable)
        key = getattr(user, "person_key", None)
        return mine.exclude(maker_person=key).exclude(maker__person_key=key)

    def asked_by(self, user: User | AnonymousUser) -> Self:
        """What this human being asked for, through whichever account."""
        return self.filter(maker_person=getattr(user, "person_key", None))

    def of_batch(self, batch: UUID) -> Self:
        """The requests of one job."""
        return self.filter(batch=batch).order_by("pk")

    def makers(self) -> list[tuple[str, str]]:
        """Who asked, by user name and full name."""
        people = self.model._meta.get_field("maker").related_model.objects
        asked = people.filter(Exists(self.filter(maker=OuterRef("pk"))))  # one look per person, not per request
        return list(asked.order_by("username").values_list("username", "full_name"))

    def elder_than(self, one: Any) -> Self:
        """What follows `one` in a list that is newest first."""
        return self.filter(Q(created_at__lt=one.created_at) | Q(created_at=one.created_at, pk__lt=one.pk))

    def younger_than(self, one: Any) -> Self:
        """What follows `one` in a list that is oldest first."""
        return self.filter(Q(created_at__gt=one.created_at) | Q(created_at=one.created_at, pk__gt=one.pk))

    def beside(self, one: Any) -> Self:
        """All the others."""
        return self.exclude(pk=one.pk)

    def for_list(self) -> Self:
        return self.select_related("maker", "checker", "partner")

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")
