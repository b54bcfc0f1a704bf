"""In Django admin: screening as it was received, for auditors, and the reference data that administrators keep."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.access import scope_of
from accounts.administration import ReadingAdmin, ReasonedForm
from compliance.models import DecisionReason, ReportKind, ScreeningCheck, ScreeningHit
from compliance.vocabulary import AppliesTo
from transactions.admin import ReferenceAdmin
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


# -- reference data, for administrators -------------------------------------------------------------------------------


class DecisionReasonForm(ReasonedForm):
    """A rejection is told to the platform by a code of its own; nothing else is."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        applies_to = cleaned.get("applies_to", self.instance.applies_to)
        code = cleaned.get("platform_code", "")
        if applies_to == AppliesTo.REJECT and not code:
            self.add_error("platform_code", "A rejection needs the code that the platform is told")
        if applies_to != AppliesTo.REJECT and code:
            self.add_error("platform_code", "Only a rejection is told to the platform by a code: leave this empty")
        return cleaned


@admin.register(DecisionReason)
class DecisionReasonAdmin(ReferenceAdmin):
    """Why a hit or a payment is decided as it is. Codes are never deleted: decisions name them for ever."""

    form = DecisionReasonForm
    fixed = ("code", "applies_to")
    list_display = ("code", "applies_to", "sentence", "platform_code", "is_offered")
    list_filter = ("applies_to", "is_offered")
    search_fields = ("code", "sentence")
    search_help_text = "Search by code or sentence"
    ordering = ("applies_to", "pk")
    fields = ("code", "applies_to", "sentence", "platform_code", "is_offered")
    helps = "A reason that is not offered any more stays where it was given."


@admin.register(ReportKind)
class ReportKindAdmin(ReferenceAdmin):
    """Which reports there are to the regulator, and how many bank days there are to file one."""

    fixed = ("code",)
    list_display = ("code", "name", "bank_days")
    ordering = ("code",)
    helps = "A report that is begun keeps the day it is due."
