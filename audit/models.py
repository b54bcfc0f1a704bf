"""The trail's one table. Only audit.trail writes it; the database refuses every change to a row that is there."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.db.models import F, Func, JSONField, Q, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.functional import cached_property

from audit.querysets import AuditEventQuerySet, VerificationQuerySet


class Instant(Func):
    """Text like 2026-11-22T09:03:22.120456Z as a moment; the function in the database is immutable, the cast is not."""

    function = "trail_instant"
    output_field = models.DateTimeField()


def _from_body(key: str) -> KeyTextTransform:
    return KeyTextTransform(key, Cast(F("body"), JSONField()))


def _text(key: str) -> models.GeneratedField:
    return models.GeneratedField(expression=_from_body(key), output_field=TextField(null=True), db_persist=True)


class AuditEvent(models.Model):
    """One entry: who did what to which object, when, from where, why and with which result.

    `body` holds the exact text that is hashed; every other column but the hashes is generated from it, so that
    no filter can show what the chain does not vouch for.
    """

    seq = models.BigIntegerField(primary_key=True)
    body = models.TextField()
    prev_hash = models.BinaryField()
    hash = models.BinaryField()

    at = models.GeneratedField(
        expression=Instant(_from_body("at")), output_field=models.DateTimeField(), db_persist=True
    )
    verb = _text("verb")
    actor = _text("actor")
    object_type = _text("object_type")
    object_id = _text("object_id")
    request_id = _text("request_id")
    result = _text("result")

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["seq"]
        verbose_name = "trail entry"
        verbose_name_plural = "trail entries"
        indexes = [
            models.Index(fields=["object_type", "object_id", "seq"], name="audit_by_object"),
            models.Index(fields=["actor", "verb", "at"], name="audit_by_actor"),
            models.Index(fields=["request_id"], name="audit_by_request"),
            models.Index(fields=["at"], name="audit_by_time"),
            # one for each filter of the explorer, in its order: the number comes last
            models.Index(fields=["actor", "seq"], name="audit_by_doer"),
            models.Index(fields=["verb", "seq"], name="audit_by_verb"),
            models.Index(fields=["object_type", "seq"], name="audit_by_kind"),
            models.Index(fields=["result", "seq"], name="audit_not_done", condition=~Q(result="OK")),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.verb}"

    @cached_property
    def said(self) -> dict[str, Any]:
        """Everything the entry says, read from the text that is hashed."""
        read: dict[str, Any] = json.loads(self.body)
        return read


class Verification(models.Model):
    """One reading of the whole trail by the worker: how far it is, and how it ended. A notice for the page; the proof
    is the trail itself, and anybody who has its key can read it again (audit/verify_trail.py).
    """

    asked_by = models.CharField(max_length=60, blank=True, default="", help_text="Empty: the worker, by the clock.")
    asked_at = models.DateTimeField(default=timezone.now)
    beat_at = models.DateTimeField(default=timezone.now, help_text="When the worker last said how far it is.")
    to_check = models.BigIntegerField(default=0)
    checked = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_seq = models.BigIntegerField(default=0, help_text="The last entry that was found in order.")
    anchor_seq = models.BigIntegerField(null=True, blank=True, help_text="The newest anchor that it was held against.")
    broken_seq = models.BigIntegerField(null=True, blank=True)
    broken_kind = models.CharField(max_length=20, blank=True, default="")
    broken_sentence = models.CharField(max_length=500, blank=True, default="")
    expected_hash = models.CharField(max_length=64, blank=True, default="")
    actual_hash = models.CharField(max_length=64, blank=True, default="")

    objects = VerificationQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "-id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["finished_at"],
                nulls_distinct=False,
                condition=Q(finished_at__isnull=True),
                name="one_verification_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"verification of {self.asked_at:%Y-%m-%d %H:%M}"

    @property
    def is_broken(self) -> bool:
        return bool(self.broken_kind)
