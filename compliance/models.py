"""Screening as the platform reports it. Cases and decisions are built on these rows."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from transactions.models import Event, Transaction


class ScreeningCheck(models.Model):
    """One run of one party against one list. Append-only: it stands as it came."""

    class Subject(models.TextChoices):
        SENDER = "SENDER", "Remitter"
        RECEIVER = "RECEIVER", "Beneficiary"

    class Timing(models.TextChoices):
        PRE = "PRE", "Before payment"
        POST = "POST", "After payment"

    class Status(models.TextChoices):
        NOT_SCREENED = "NOT_SCREENED", "Not screened"
        CLEAR = "CLEAR", "Clear"
        HITS = "HITS", "Possible match"
        ERROR = "ERROR", "Could not run"

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="screening_checks")
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="screening_check")
    subject = models.CharField(max_length=8, choices=Subject.choices)
    timing = models.CharField(max_length=4, choices=Timing.choices)
    status = models.CharField(max_length=12, choices=Status.choices)
    list_name = models.CharField(max_length=64, blank=True, default="")
    list_version = models.CharField(max_length=64, blank=True, default="")
    list_fetched_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField()

    class Meta:
        ordering = ["transaction", "completed_at", "id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.subject} {self.status}"


class ScreeningHit(models.Model):
    """One list entry that the platform matched to a party. Append-only: decisions are rows of their own."""

    check_run = models.ForeignKey(ScreeningCheck, on_delete=models.PROTECT, related_name="hits")
    entity_id = models.CharField(max_length=64)
    score = models.DecimalField(max_digits=5, decimal_places=4)
    threshold = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
    names = ArrayField(models.CharField(max_length=200), default=list)
    aliases = ArrayField(models.CharField(max_length=200), default=list)
    birth_date = models.CharField(
        max_length=32, blank=True, default="", help_text="As the list has it, often only a year."
    )
    nationality = models.CharField(max_length=64, blank=True, default="")
    programme = models.CharField(max_length=120, blank=True, default="")
    fields = models.JSONField(default=list, help_text="Per field: ours, theirs and how they agree.")

    class Meta:
        ordering = ["check_run", "-score", "id"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.entity_id
