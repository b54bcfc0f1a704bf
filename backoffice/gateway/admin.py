"""What came in and was not taken, for auditors, in Django admin. Bodies hold personal data and are not shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.access import scope_of
from accounts.administration import ReadingAdmin
from backoffice.gateway.models import Delivery, Verdict, WaitingEvent


class IntakeAdmin(ReadingAdmin):
    """Rows of the intake belong to no transaction yet."""

    section = "Intake"

    def note_reading(self, request: HttpRequest, obj: Model, *, part: str = "") -> None:
        """Nothing of a person is shown here."""


@admin.register(Delivery)
class DeliveryAdmin(IntakeAdmin):
    list_display = ("message_id", "source", "received_at", "accepted", "duplicate", "rejected")
    ordering = ("-received_at",)
    fields = ("message_id", "source", "content_type", "received_at", "accepted", "duplicate", "rejected")

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """A delivery holds events of any partner: it is for people who see everything."""
        rows = rows.defer("body")
        return rows if scope_of(request.user).is_everything else rows.none()


@admin.register(Verdict)
class VerdictAdmin(IntakeAdmin):
    list_display = ("event_id", "subject", "partner", "result", "created_at")
    list_filter = ("result",)
    list_select_related = ("partner",)
    ordering = ("-created_at", "-id")
    fields = ("event_id", "subject", "partner", "result", "position", "created_at")


@admin.register(WaitingEvent)
class WaitingEventAdmin(IntakeAdmin):
    list_display = ("event_id", "subject", "sequence", "received_at")
    ordering = ("-received_at", "-id")
    fields = ("event_id", "subject", "sequence", "received_at")
