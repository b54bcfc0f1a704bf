"""The questions that pages ask about exports, certificates and alarms."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from django.db.models import Q, QuerySet

from accounts.access import permissions_of, scope_of
from accounts.permissions import PROPOSE_PEOPLE
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


# -- alarms ------------------------------------------------------------------------------------------------------------

_DESKS: Final = frozenset({"exceptions.work_exceptions", "audit.view_trail"})
READERS: Final[dict[str, frozenset[str]]] = {
    "partner_silent": _DESKS,
    "feed_stalled": _DESKS | {PROPOSE_PEOPLE},
    "worker_dead": _DESKS | {PROPOSE_PEOPLE},
    "stage_over": _DESKS,
    "chain_broken": frozenset({"audit.view_trail"}),
    "numbers_differ": frozenset({"audit.view_trail"}),
}
"""Who must act on an alarm of each kind, or vouch for it: one of these rights lets a person read it."""
BEHIND: Final = "compliance_review"
INSIDE: Final = "compliance.view_cases"
EVERY_READER: Final = frozenset({INSIDE}).union(*READERS.values())
"""Whom an alarm of any kind can concern."""


def readers_of(kind: str, about: str) -> frozenset[str]:
    """The rights of which one lets a person read an alarm: that compliance is late is read by compliance."""
    return frozenset({INSIDE}) if kind == "stage_over" and about.startswith(BEHIND) else READERS[kind]


class AlarmQuerySet(QuerySet[Any]):
    """Questions about alarms."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those of the person's work and scope. An alarm is about all rows of what it names, so who sees only a part
        of them reads none; that compliance is late is read by compliance.
        """
        rights, scope = permissions_of(user), scope_of(user)
        kinds = [kind for kind, readers in READERS.items() if not readers.isdisjoint(rights)]
        inside = Q(kind__in=kinds)
        if INSIDE in rights:
            inside |= Q(kind="stage_over", about__startswith=BEHIND)
        else:
            inside &= ~Q(kind="stage_over", about__startswith=BEHIND)
        if not scope.is_everything:
            own = Q(partner_id__in=sorted(scope.partner_ids) if scope.all_branches else [])
            inside &= ~Q(kind="stage_over") & (~Q(kind="partner_silent") | own)
        return self.filter(inside)

    def open(self) -> Self:
        return self.filter(closed_at__isnull=True)

    def closed(self) -> Self:
        """The ended ones, the latest first."""
        return self.filter(closed_at__isnull=False).order_by("-closed_at", "-pk")

    def unseen_by(self, user: User | AnonymousUser) -> Self:
        return self.exclude(seen__person=user.pk)

    def numbered(self, pk: int) -> Self:
        """The alarm with this key; at most one."""
        return self.filter(pk=pk)

    def for_page(self) -> Self:
        """With who has seen them."""
        return self.prefetch_related("seen__person")

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")
