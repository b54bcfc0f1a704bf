"""What needs a person: opened and closed by the intake, worked at the exception desk."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from exceptions.querysets import ExceptionQuerySet
from transactions.models import Transaction


class Kind(models.TextChoices):
    """Why an exception is open (DECISIONS.md section 6)."""

    FAILED = "failed", "Payment failed"
    OUTCOME_UNKNOWN = "outcome_unknown", "Outcome not known"
    CONTRADICTORY = "contradictory", "Contradictory event"
    MISSING_EVENTS = "missing_events", "Events missing"
    UNKNOWN_WORD = "unknown_word", "Unknown stage, status or reason"
    UNKNOWN_PLACE = "unknown_place", "Unknown branch or agent"
    CONFLICT = "conflict", "Conflicting repeat"
    LATE = "late", "Over its limit"
    SCREENED_LATE = "screened_late", "Checked after payment"


class ExceptionItem(models.Model):
    """One open or closed exception of a transaction. At most one of a kind is open at a time.

    Who works on it (`assignee`) and until when it is put aside (`snoozed_until`) belong to people; the rest is the
    intake's. Put aside it comes back at its time, or as soon as the transaction changes (`snoozed_at_version`).
    """

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="exceptions")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    opened_at = models.DateTimeField()
    reason = models.CharField(max_length=300)
    facts = models.JSONField(default=dict, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=120, blank=True, default="")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    assigned_at = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    snooze_reason = models.CharField(max_length=200, blank=True, default="")
    snoozed_at_version = models.PositiveIntegerField(null=True, blank=True)

    objects = ExceptionQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-id"]
        verbose_name = "exception"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["transaction", "kind"], condition=Q(closed_at__isnull=True), name="one_open_exception_of_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(assignee__isnull=True, assigned_at__isnull=True)
                | Q(assignee__isnull=False, assigned_at__isnull=False),
                name="an_exception_is_taken_by_somebody_at_some_time",
            ),
            models.CheckConstraint(
                condition=Q(snoozed_until__isnull=True, snoozed_at_version__isnull=True, snooze_reason="")
                | Q(snoozed_until__isnull=False, snoozed_at_version__isnull=False) & ~Q(snooze_reason=""),
                name="an_exception_is_put_aside_for_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["assignee"], name="exception_open_of", condition=Q(closed_at__isnull=True)),
            models.Index(fields=["-closed_at"], name="exception_closed", condition=Q(closed_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
