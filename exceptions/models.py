"""What needs a person: opened and closed by the intake, worked at the exception desk."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from exceptions.querysets import (
    BulkRowQuerySet,
    EvidenceQuerySet,
    ExceptionQuerySet,
    JobQuerySet,
    ReversalFileQuerySet,
    ReversalRowQuerySet,
)
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


# -- many at once -----------------------------------------------------------------------------------------------------


class BulkJob(models.Model):
    """One deed on many transactions: chosen and checked first, confirmed, then done row by row by the worker.

    Ids and versions of the rows are frozen when they are chosen. A job is read by its owner and by auditors.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Not started"
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    number = models.CharField(max_length=20, unique=True)
    deed = models.CharField(max_length=24)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    chosen = models.CharField(max_length=200, help_text="How the rows were chosen, in words.")
    note = models.TextField(max_length=2000, blank=True, default="")
    parameters = models.JSONField(default=dict, blank=True)
    batch = models.UUIDField(unique=True, default=uuid.uuid4, help_text="Commands and requests of the job carry it.")
    approval = models.ForeignKey(
        "accounts.ApprovalRequest", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=9, choices=State.choices, default=State.DRAFT)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "bulk job"
        default_permissions = ()
        indexes = [models.Index(fields=["owner", "-created_at"], name="bulk_job_of_owner")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["done", "cancelled"], ended_at__isnull=False)
                | ~Q(state__in=["done", "cancelled"]) & Q(ended_at__isnull=True),
                name="a_bulk_job_ended_at_some_time",
            )
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("exceptions:job", args=[self.number])

    @property
    def trail_name(self) -> str:
        return self.number

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT

    @property
    def is_over(self) -> bool:
        return self.state in (self.State.DONE, self.State.CANCELLED)


class BulkRow(models.Model):
    """One transaction of a job, with the version it had when it was chosen, and what became of it."""

    class State(models.TextChoices):
        WILL = "will", "Waiting"
        LEFT_OUT = "left_out", "Left out"
        SKIPPED = "skipped", "Skipped"
        DONE = "done", "Done"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    job = models.ForeignKey(BulkJob, on_delete=models.PROTECT, related_name="rows")
    place = models.PositiveIntegerField()
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="+")
    version = models.PositiveIntegerField()
    data = models.JSONField(default=dict, blank=True, help_text="What the deed needs of this row beside its version.")
    state = models.CharField(max_length=9, choices=State.choices, default=State.WILL)
    sentence = models.CharField(max_length=500, blank=True, default="")
    needs_second = models.BooleanField(default=False)
    done_at = models.DateTimeField(null=True, blank=True)

    objects = BulkRowQuerySet.as_manager()

    class Meta:
        ordering = ["job", "place"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["job", "transaction"], name="a_transaction_once_in_a_job"),
            models.UniqueConstraint(fields=["job", "place"], name="one_row_at_a_place_of_a_job"),
        ]
        indexes = [models.Index(fields=["job", "state", "place"], name="bulk_row_by_state")]

    def __str__(self) -> str:
        return f"{self.job_id} row {self.place}"


# -- reversals --------------------------------------------------------------------------------------------------------


class ReversalFile(models.Model):
    """A list of payments to be undone, as somebody brought it (DOMAIN.md section 5). The same bytes count once."""

    class State(models.TextChoices):
        CHECKING = "checking", "Being checked"
        CHECKED = "checked", "Checked"
        PROPOSED = "proposed", "Waiting for a second person"
        APPROVED = "approved", "Approved"
        COMMITTED = "committed", "Being carried out"
        DROPPED = "dropped", "Dropped"

    number = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    body = models.BinaryField(help_text="The file as it came: the evidence of what was asked.")
    state = models.CharField(max_length=9, choices=State.choices, default=State.CHECKING)
    version = models.PositiveIntegerField(default=1)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(null=True, blank=True)
    job = models.ForeignKey(BulkJob, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects = ReversalFileQuerySet.as_manager()

    class Meta:
        ordering = ["-uploaded_at", "-id"]
        verbose_name = "reversal file"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["sha256"], condition=~Q(state="dropped"), name="the_same_reversal_file_counts_once"
            )
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("exceptions:reversal", args=[self.number])

    @property
    def trail_name(self) -> str:
        return self.number


class ReversalRow(models.Model):
    """One row of a reversal file: what it says, whether it names exactly one payment, and which."""

    class State(models.TextChoices):
        WAITING = "waiting", "Not checked yet"
        MATCHED = "matched", "Matched"
        NOT_FOUND = "not_found", "Not found"
        AMBIGUOUS = "ambiguous", "Ambiguous"
        AMOUNT_DIFFERS = "amount_differs", "Amount differs"
        REVERSED = "reversed", "Already reversed"
        NOT_ELIGIBLE = "not_eligible", "Not eligible"
        INVALID = "invalid", "Invalid"
        DUPLICATE = "duplicate", "Duplicate in file"

    file = models.ForeignKey(ReversalFile, on_delete=models.PROTECT, related_name="rows")
    number = models.PositiveIntegerField(help_text="Of the row in the file; the header is row 1.")
    date = models.CharField(max_length=300, blank=True, default="")
    rail = models.CharField(max_length=300, blank=True, default="")
    partner = models.CharField(max_length=300, blank=True, default="")
    amount = models.CharField(max_length=300, blank=True, default="")
    cbs_reference = models.CharField(max_length=300, blank=True, default="")
    reference = models.CharField(max_length=300, blank=True, default="")
    iban = models.CharField(max_length=300, blank=True, default="")
    receiver = models.CharField(max_length=300, blank=True, default="")
    state = models.CharField(max_length=14, choices=State.choices, default=State.WAITING)
    message = models.CharField(max_length=400, blank=True, default="")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    version = models.PositiveIntegerField(null=True, blank=True)

    objects = ReversalRowQuerySet.as_manager()

    class Meta:
        ordering = ["file", "number"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["file", "number"], name="one_row_of_a_number_in_a_file"),
            models.UniqueConstraint(
                fields=["file", "transaction"], condition=Q(state="matched"), name="a_payment_once_in_a_reversal_file"
            ),
            models.CheckConstraint(
                condition=~Q(state="matched") | Q(transaction__isnull=False, version__isnull=False),
                name="what_matches_names_its_payment",
            ),
        ]
        indexes = [models.Index(fields=["file", "state", "number"], name="reversal_row_by_state")]

    def __str__(self) -> str:
        return f"{self.file_id} row {self.number}"


class Evidence(models.Model):
    """A file that proves what treasury did by hand, exactly as it was given. Append-only."""

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="evidence")
    name = models.CharField(max_length=120)
    content = models.BinaryField()
    content_type = models.CharField(max_length=60)
    sha256 = models.CharField(max_length=64)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        ordering = ["added_at", "id"]
        verbose_name_plural = "evidence"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["transaction", "sha256"], name="one_file_per_transaction")]

    def __str__(self) -> str:
        return self.name

    @property
    def file_name(self) -> str:
        """The name under which it is downloaded: plain letters only, whatever it was called."""
        plain = (letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in self.name)
        stem = "".join(plain)
        return stem.lstrip(".") or "evidence"
