"""What came through the door: raw bodies, verdicts that need an eye, and events that wait for their instruction."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from backoffice.gateway.querysets import VerdictQuerySet, WaitingQuerySet


class Delivery(models.Model):
    """One signed request or one imported file, with its body exactly as it came. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    message_id = models.CharField("webhook-id", max_length=200, db_index=True)
    source = models.CharField(max_length=20, help_text='"webhook", "file" or "demo"')
    content_type = models.CharField(max_length=100, blank=True, default="")
    body = models.BinaryField()
    digest = models.BinaryField(help_text="SHA-256 of the body.")
    received_at = models.DateTimeField(default=timezone.now)
    accepted = models.PositiveIntegerField(default=0)
    duplicate = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-received_at"]
        verbose_name_plural = "deliveries"
        default_permissions = ()

    def __str__(self) -> str:
        return self.message_id


class Verdict(models.Model):
    """An event that was rejected or is in conflict, kept so that operators see it. Append-only."""

    class Result(models.TextChoices):
        CONFLICT = "conflict", "Conflict"
        REJECTED = "rejected", "Rejected"

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="verdicts")
    position = models.PositiveIntegerField(help_text="Which event of the delivery, from 1.")
    event_id = models.CharField(max_length=200, blank=True, default="")
    subject = models.CharField(max_length=100, blank=True, default="", db_index=True)
    partner = models.ForeignKey("accounts.Partner", on_delete=models.PROTECT, null=True, related_name="+")
    result = models.CharField(max_length=8, choices=Result.choices)
    errors = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = VerdictQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.event_id} {self.result}"


class WaitingEvent(models.Model):
    """An event whose transaction is not known yet. It moves to the timeline when the instruction comes."""

    subject = models.CharField(max_length=100, db_index=True)
    sequence = models.PositiveIntegerField()
    event_id = models.CharField(max_length=200, unique=True, db_collation="C")
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="waiting")
    digest = models.BinaryField()
    envelope = models.JSONField()
    received_at = models.DateTimeField(default=timezone.now)

    objects = WaitingQuerySet.as_manager()

    class Meta:
        ordering = ["received_at", "id"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.event_id
