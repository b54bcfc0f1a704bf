"""Exceptions for auditors, in Django admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.administration import ReadingAdmin
from exceptions.models import ExceptionItem


@admin.register(ExceptionItem)
class ExceptionItemAdmin(ReadingAdmin):
    section = "Transactions"
    to_read: ClassVar[str] = "exceptions.view_exceptions"
    list_display = ("of", "kind", "opened_at", "closed_at")
    list_filter = ("kind",)
    list_select_related = ("transaction",)
    ordering = ("-opened_at", "-id")
    fields = ("own_page", "kind", "opened_at", "reason", "closed_at", "resolution")
    readonly_fields = ("own_page",)

    @admin.display(description="Transaction")
    def of(self, row: ExceptionItem) -> str:
        return row.transaction.txn_id

    @admin.display(description="Transaction")
    def own_page(self, row: ExceptionItem) -> SafeString:
        return format_html('<a href="{}">{}</a>', row.transaction.get_absolute_url(), row.transaction.txn_id)
