"""Screening as the platform reports it, and the cases in which people decide on it."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from simple_history.models import HistoricalRecords

from audit.history import Traced
from compliance.querysets import (
    CaseFileQuerySet,
    CaseQuerySet,
    PrintedCaseQuerySet,
    ReportQuerySet,
    WhitelistQuerySet,
)
from compliance.vocabulary import QUEUE_OF, AppliesTo, Outcome, Priority, Queue, Trigger, Verdict
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


class Case(models.Model):
    """One question to compliance about a transaction. The intake opens and closes it; people work on it in between.

    `version` rises with the evidence (hits, decisions, the transaction's state): an approval is bound to it.
    `revision` rises with every change: a form that was read before the last one is refused.
    """

    number = models.CharField(max_length=20, unique=True)
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="cases")
    trigger = models.CharField(max_length=21, choices=Trigger.choices)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    hit_count = models.PositiveIntegerField(default=0)
    top_score = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
    lists = ArrayField(models.CharField(max_length=64), default=list, blank=True)

    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    held_since = models.DateTimeField(null=True, blank=True)
    hold_reason = models.CharField(max_length=300, blank=True, default="")
    snoozed_until = models.DateTimeField(null=True, blank=True)
    snooze_reason = models.CharField(max_length=300, blank=True, default="")
    escalated_at = models.DateTimeField(null=True, blank=True)
    escalation_reason = models.CharField(max_length=300, blank=True, default="")
    tags = ArrayField(models.CharField(max_length=24), default=list, blank=True)

    closed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=9, choices=Outcome.choices, blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    revision = models.PositiveIntegerField(default=1)
    last_key = models.CharField(max_length=36, blank=True, default="", editable=False)
    last_key_at = models.DateTimeField(null=True, blank=True, editable=False)

    history = HistoricalRecords(bases=[Traced], excluded_fields=["last_key", "last_key_at"])
    objects = CaseQuerySet.as_manager()

    class Meta:
        ordering = ["due_at", "id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["transaction", "trigger"],
                condition=Q(closed_at__isnull=True),
                name="one_open_case_of_a_trigger",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, outcome="") | Q(closed_at__isnull=False) & ~Q(outcome=""),
                name="a_closed_case_has_an_outcome",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                name="case_open_by_due",
                condition=Q(closed_at__isnull=True),
                include=["lists", "assignee", "snoozed_until", "held_since", "number"],  # what the queue counts by
            ),
            models.Index(fields=["due_at", "id"], name="case_by_due"),
            models.Index(fields=["-closed_at", "-id"], name="case_closed", condition=Q(closed_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("compliance:case", args=[self.number])

    @property
    def trail_name(self) -> str:
        return self.number

    @property
    def queue(self) -> Queue:
        return QUEUE_OF[Trigger(self.trigger)]

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def is_on_hold(self) -> bool:
        return self.is_open and self.held_since is not None

    @property
    def is_after_payment(self) -> bool:
        """Whether there is nothing left to release or reject: only what is known can be recorded."""
        return self.trigger == Trigger.SCREENING_POST


class DecisionReason(models.Model):
    """Why a hit or a payment is decided as it is: a code with its sentence, for one kind of decision.

    `platform_code` is the reason code that the platform is told with a rejection.
    """

    code = models.CharField(max_length=32, unique=True)
    applies_to = models.CharField(max_length=16, choices=AppliesTo.choices)
    sentence = models.CharField(max_length=160)
    platform_code = models.CharField(max_length=32, blank=True, default="")
    is_offered = models.BooleanField("offered in forms", default=True)
    history = HistoricalRecords(bases=[Traced])

    class Meta:
        ordering = ["applies_to", "id"]

    def __str__(self) -> str:
        return self.sentence

    @property
    def trail_name(self) -> str:
        return self.code


class HitDecision(models.Model):
    """What one person said of one hit, with what it was said of. Append-only: a newer one stands in its place.

    It stands while the list's entry and the party's data are what they were: `entry_hash` and `party_hash` say so.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="hit_decisions")
    hit = models.ForeignKey(ScreeningHit, on_delete=models.PROTECT, related_name="decisions")
    subject = models.CharField(max_length=8, choices=ScreeningCheck.Subject.choices)
    list_name = models.CharField(max_length=64, blank=True, default="")
    entity_id = models.CharField(max_length=64)
    person_key = models.CharField(max_length=64)
    party_hash = models.CharField(max_length=64)
    entry_hash = models.CharField(max_length=64)
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    reason = models.ForeignKey(DecisionReason, on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        indexes = [models.Index(fields=["person_key", "entity_id"], name="hit_decision_of_pair")]

    def __str__(self) -> str:
        return f"{self.entity_id}: {self.get_verdict_display()}"


class Correction(models.Model):
    """One field of a party or an account that compliance corrects: what it was, what it becomes, who asked and why.

    `material` ones change who is paid or where, and wait for a second person; `applied_at` says when it took effect.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="corrections")
    field = models.CharField(max_length=40)
    old = models.CharField(max_length=64, blank=True, default="")
    new = models.CharField(max_length=64)
    is_material = models.BooleanField()
    reason = models.CharField(max_length=300)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True, blank=True)
    history = HistoricalRecords(bases=[Traced])

    class Meta:
        ordering = ["id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.field} in {self.case_id}"


class ReportKind(models.Model):
    """A kind of report to the regulator and how many bank days there are to file one."""

    code = models.CharField(max_length=8, unique=True)
    name = models.CharField(max_length=80)
    bank_days = models.PositiveSmallIntegerField(help_text="From the day the report is begun.")
    history = HistoricalRecords(bases=[Traced])

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.code}, {self.name}"

    @property
    def trail_name(self) -> str:
        return self.code


class Report(models.Model):
    """A report to the regulator about what a case found. Only officers and auditors know that there is one."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        FILED = "FILED", "Filed"

    number = models.CharField(max_length=20, unique=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="reports")
    kind = models.ForeignKey(ReportKind, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=5, choices=State.choices, default=State.DRAFT)
    grounds = models.TextField(max_length=4000, help_text="What was found and why it is suspicious.")
    due_at = models.DateTimeField(help_text="By when the regulator must have it.")
    begun_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    begun_at = models.DateTimeField(default=timezone.now)
    reference = models.CharField(max_length=64, blank=True, default="", help_text="The regulator's own.")
    filed_at = models.DateTimeField(null=True, blank=True)
    filed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    revision = models.PositiveIntegerField(default=1)
    history = HistoricalRecords(bases=[Traced])
    objects = ReportQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(state="DRAFT", filed_at__isnull=True)
                | Q(state="FILED", filed_at__isnull=False, filed_by__isnull=False) & ~Q(reference=""),
                name="a_filed_report_has_its_reference",
            )
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("compliance:report", args=[self.number])

    @property
    def trail_name(self) -> str:
        return self.number


class WhitelistRule(models.Model):
    """A person and a list entry that two people found not to be the same. It clears that pair and nothing else.

    It holds while the entry, the person's data and the fields that are compared stay what they were, until it expires
    or is ended.
    """

    number = models.PositiveIntegerField(unique=True)
    hit = models.ForeignKey(ScreeningHit, on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="rules")
    subject = models.CharField(max_length=8, choices=ScreeningCheck.Subject.choices)
    person_name = models.CharField(max_length=64)
    list_name = models.CharField(max_length=64, blank=True, default="")
    entity_id = models.CharField(max_length=64)
    person_key = models.CharField(max_length=64)
    party_hash = models.CharField(max_length=64)
    entry_hash = models.CharField(max_length=64)
    fields = ArrayField(models.CharField(max_length=64), default=list)
    reason = models.ForeignKey(DecisionReason, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(max_length=2000, blank=True, default="")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    agreed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    agreed_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    end_reason = models.CharField(max_length=300, blank=True, default="")
    history = HistoricalRecords(bases=[Traced])
    objects = WhitelistQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=~Q(agreed_by=models.F("requested_by")), name="two_people_agree_on_a_rule"),
            models.UniqueConstraint(
                fields=["person_key", "list_name", "entity_id"],
                condition=Q(ended_at__isnull=True),
                name="one_rule_in_force_for_a_pair",
            ),
        ]

    def __str__(self) -> str:
        return f"W-{self.number}"

    @property
    def trail_name(self) -> str:
        return str(self)


class CaseFile(models.Model):
    """A document that somebody added to a case: kept whole in the database, by its SHA-256. Append-only.

    One that belongs to a report to the regulator is seen by those alone who may see the report.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="files")
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="files", null=True, blank=True)
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField()
    sha256 = models.CharField("SHA-256", max_length=64)
    content = models.BinaryField()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    objects = CaseFileQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["case", "report", "sha256"], nulls_distinct=False, name="one_file_of_a_content_in_a_case"
            )
        ]

    def __str__(self) -> str:
        return self.name


class PrintedCase(models.Model):
    """One making of a case file: its content word for word, the PDF, and the fingerprints of both. Append-only.

    `sha256` is of the content and printed in the file, `file_sha256` of the PDF to the last byte. What an officer or
    an auditor made may tell of reports to the regulator (`tells_of_reports`); those who may not know of any do not
    see that it was made for others.
    """

    number = models.CharField(max_length=20, unique=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="printed")
    tells_of_reports = models.BooleanField()
    content = models.TextField()
    sha256 = models.CharField("SHA-256 of the content", max_length=64)
    file = models.BinaryField()
    file_sha256 = models.CharField("SHA-256 of the file", max_length=64)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)

    objects = PrintedCaseQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        verbose_name = "case file"

    def __str__(self) -> str:
        return self.number
