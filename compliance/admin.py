"""Screening as it was received, for auditors, in Django admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.access import scope_of
from accounts.administration import ReadingAdmin
from compliance.models import ScreeningCheck, ScreeningHit
from transactions.models import Transaction
from transactions.querysets import scoped


class ScreeningAdmin(ReadingAdmin):
    """What the lists said about the parties of one transaction."""

    section = "Transactions"
    to_read: ClassVar[str] = "compliance.view_cases"
    to_transaction: ClassVar[str] = "transaction__"
    ordering: ClassVar[Any] = ("-pk",)
    readonly_fields: ClassVar[Any] = ("own_page",)

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(scoped(scope_of(request.user), self.to_transaction))

    def transaction_of(self, row: Any) -> Transaction:
        found: Transaction = row.transaction
        return found

    @admin.display(description="Transaction")
    def of(self, row: Any) -> str:
        return self.transaction_of(row).txn_id

    @admin.display(description="Transaction")
    def own_page(self, row: Any) -> SafeString:
        found = self.transaction_of(row)
        return format_html('<a href="{}">{}</a>', found.get_absolute_url(), found.txn_id)

    def note_reading(self, request: HttpRequest, obj: Model, *, part: str = "") -> None:
        super().note_reading(request, self.transaction_of(obj), part=part or str(self.opts.verbose_name))


@admin.register(ScreeningCheck)
class ScreeningCheckAdmin(ScreeningAdmin):
    list_display = ("of", "subject", "timing", "status", "list_name", "completed_at")
    list_filter = ("subject", "timing", "status")
    list_select_related = ("transaction",)
    fields = (
        "own_page",
        "subject",
        "timing",
        "status",
        "list_name",
        "list_version",
        "list_fetched_at",
        "completed_at",
    )


@admin.register(ScreeningHit)
class ScreeningHitAdmin(ScreeningAdmin):
    """The entry of the list. What it says of our party stands on the transaction's own page, masked."""

    to_transaction = "check_run__transaction__"
    list_display = ("of", "entity_id", "score", "programme")
    list_select_related = ("check_run__transaction",)
    fields = (
        "own_page",
        "entity_id",
        "score",
        "threshold",
        "names",
        "aliases",
        "birth_date",
        "nationality",
        "programme",
    )

    def transaction_of(self, row: Any) -> Transaction:
        found: Transaction = row.check_run.transaction
        return found
