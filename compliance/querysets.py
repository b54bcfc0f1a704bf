"""The questions that pages and deeds ask about cases."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q

from accounts.access import has, work_scope_of
from transactions.querysets import ScopedQuerySet, scoped

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class CaseQuerySet(ScopedQuerySet):
    """Questions about cases. A case follows its transaction: who may not see the one does not see the other."""

    to_transaction = "transaction__"

    def called(self, number: str) -> Self:
        """The case with exactly this number; at most one."""
        return self.filter(number=number)

    def open(self) -> Self:
        return self.filter(closed_at__isnull=True)

    def closed(self) -> Self:
        return self.filter(closed_at__isnull=False)

    def waiting(self, now: datetime) -> Self:
        """Open, and nobody has put it aside: neither on hold nor asleep."""
        return self.open().filter(held_since__isnull=True).exclude(snoozed_until__gt=now)

    def on_hold(self) -> Self:
        return self.open().filter(held_since__isnull=False)

    def snoozed(self, now: datetime) -> Self:
        return self.open().filter(snoozed_until__gt=now)

    def assigned_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(assignee=user.pk)

    def unassigned(self) -> Self:
        return self.filter(assignee__isnull=True)

    def escalated(self) -> Self:
        return self.open().filter(escalated_at__isnull=False)

    def overdue(self, now: datetime) -> Self:
        return self.filter(due_at__lt=now, held_since__isnull=True)

    def workable_by(self, user: User) -> Self:
        """Only cases of partners and branches that the person may work on."""
        return self.visible_to(user).filter(scoped(work_scope_of(user), self.to_transaction))

    def for_me_or_my_team(self, user: User | AnonymousUser) -> Self:
        return self.filter(Q(assignee__isnull=True) | Q(assignee=user.pk))

    def for_list(self) -> Self:
        """With what a row of the queue shows, in one query."""
        return self.select_related("transaction__partner", "assignee")

    def for_page(self) -> Self:
        """With what the page of a case begins with, in two queries."""
        return self.select_related(
            "transaction__partner", "transaction__branch", "transaction__sub_agent", "transaction__account", "assignee"
        ).prefetch_related("transaction__parties")

    def soonest_first(self) -> Self:
        """Overdue first, then what has the least time left."""
        return self.order_by("due_at", "pk")

    def locked(self, *, skip: bool = False) -> Self:
        """Locked in primary-key order until commit; `skip` leaves out what others hold."""
        rows = self.select_for_update(of=("self",), skip_locked=skip)
        return rows if skip else rows.order_by("pk")

    def latest_closed(self) -> Any:
        """The case that was closed last, or None."""
        return self.order_by("-closed_at", "-pk").first()

    def of_transaction(self, transaction: Any) -> Self:
        return self.filter(transaction=transaction)


class CaseFileQuerySet(models.QuerySet[Any]):
    """Questions about the documents of cases."""

    def readable_by(self, user: User | AnonymousUser) -> Self:
        """Without the documents of reports for those who may not know of a report."""
        return self if has(user, "compliance.view_str") else self.filter(report__isnull=True)

    def in_case(self, case: Any, sha256: str) -> Any:
        """The document of a case with this SHA-256, or None."""
        return self.filter(case=case, sha256=sha256).select_related("case__transaction", "report").first()

    def of_report(self, report: Any) -> Self:
        return self.filter(report=report).without_content()

    def without_content(self) -> Self:
        """What a list of documents shows: everything but the documents."""
        return self.defer("content").select_related("added_by")


class PrintedCaseQuerySet(models.QuerySet[Any]):
    """Questions about case files that were made."""

    def of_case(self, case: Any) -> Self:
        return self.filter(case=case)

    def readable_by(self, user: User | AnonymousUser) -> Self:
        """Without those that may tell of reports for those who may not know of a report."""
        return self if has(user, "compliance.view_str") else self.filter(tells_of_reports=False)

    def called(self, number: str) -> Self:
        """The case file with exactly this number; at most one."""
        return self.filter(number=number)

    def for_list(self) -> Self:
        """What a list shows: everything but the content and the file."""
        return self.defer("content", "file").select_related("made_by")


class ReportQuerySet(ScopedQuerySet):
    """Questions about reports to the regulator. Only pages for officers and auditors ask them."""

    to_transaction = "case__transaction__"

    def called(self, number: str) -> Self:
        return self.filter(number=number)

    def for_page(self) -> Self:
        return self.select_related("kind", "case__transaction__partner", "begun_by", "filed_by")

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")


class WhitelistQuerySet(ScopedQuerySet):
    """Questions about rules of the whitelist. A rule follows the transaction that it was agreed on."""

    to_transaction = "case__transaction__"

    def in_force(self, now: datetime) -> Self:
        return self.filter(ended_at__isnull=True, expires_at__gt=now)

    def over(self, now: datetime) -> Self:
        return self.exclude(ended_at__isnull=True, expires_at__gt=now)

    def called(self, name: str) -> Self:
        """The rule that is called W-12; at most one."""
        number = name.removeprefix("W-")
        is_number = number.isascii() and number.isdigit() and len(number) < 10
        return self.filter(number=int(number)) if is_number else self.none()

    def for_list(self) -> Self:
        return self.select_related("case__transaction", "requested_by", "agreed_by", "ended_by", "reason")

    def locked(self) -> Self:
        """Locked in primary-key order, until the end of the database transaction."""
        return self.select_for_update(of=("self",)).order_by("pk")
