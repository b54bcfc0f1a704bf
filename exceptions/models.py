"""What needs a person: opened and closed by the intake, worked at the exception desk."""

from __future__ import annotations

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
    """One open or closed exception of a transaction. At most one of a kind is open at a time."""

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="exceptions")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    opened_at = models.DateTimeField()
    reason = models.CharField(max_length=300)
    facts = models.JSONField(default=dict, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=120, blank=True, default="")

    objects = ExceptionQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-id"]
        verbose_name = "exception"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["transaction", "kind"], condition=Q(closed_at__isnull=True), name="one_open_exception_of_a_kind"
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
