"""What reports keep: sums that pages read instead of counting every row, alarms, exports and certificates."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from backoffice.reports.querysets import AlarmQuerySet, CertificateQuerySet, ExportQuerySet
from transactions.models import Transaction


class Grain(models.TextChoices):
    """How far a row of the rollup sums up. Days and months are Karachi's; the hour is the truth (DECISIONS.md §8)."""

    HOUR = "hour", "Hour (UTC) by partner and branch"
    DAY = "day", "Day by partner, branch and corridor"
    MONTH = "month", "Month by partner, branch and corridor"
    PARTNER_DAY = "p-day", "Day by partner"
    PARTNER_MONTH = "p-month", "Month by partner"


class _Summed(models.Model):
    partner = models.ForeignKey(
        "accounts.Partner", on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    branch = models.ForeignKey(
        "accounts.Branch", on_delete=models.PROTECT, related_name="+", null=True, db_index=False, db_constraint=False
    )
    stage = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    corridor = models.CharField(max_length=5)
    number = models.BigIntegerField()
    worth = models.DecimalField(max_digits=26, decimal_places=4)

    class Meta:
        abstract = True
        default_permissions = ()


class RollupDelta(_Summed):
    """What one statement changed in the sums of an hour. Appended by triggers of the database on transactions, taken
    away by the worker, which adds it to the rollup: whoever reads adds both.
    """

    hour = models.DateTimeField()

    class Meta(_Summed.Meta):
        pass

    def __str__(self) -> str:
        return f"{self.number:+d} in {self.stage} at {self.hour:%Y-%m-%d %H}h"


class Rollup(_Summed):
    """How many transactions of a time stand in a stage, and their payouts. A coarser grain leaves branch and corridor
    empty where it sums over them.
    """

    grain = models.CharField(max_length=7, choices=Grain.choices)
    starts_at = models.DateTimeField()

    class Meta(_Summed.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["grain", "starts_at", "partner", "branch", "stage", "currency", "corridor"],
                nulls_distinct=False,
                name="one_row_of_the_rollup",
            )
        ]
        indexes = [
            models.Index(fields=["grain", "starts_at"], name="rollup_empty", condition=models.Q(number=0)),
        ]

    def __str__(self) -> str:
        return f"{self.number} in {self.stage}, {self.grain} {self.starts_at:%Y-%m-%d %H}h"


class Export(models.Model):
    """Rows that somebody asked for as a file: the question, how far the worker is, and the file while it is kept.

    The question is frozen with its moment; who asked is looked at again when the file is made and when it is taken.
    """

    class Source(models.TextChoices):
        TRANSACTIONS = "transactions", "Transactions"
        TRAIL = "trail", "Trail entries"
        CERTIFICATES = "certificates", "e-PRCs"

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "XLSX"
        ZIP = "zip", "ZIP"

    class State(models.TextChoices):
        ASKED = "asked", "Waiting for a second person"
        WAITING = "waiting", "Waiting for the worker"
        RUNNING = "running", "Being made"
        READY = "ready", "Ready"
        CANCELLED = "cancelled", "Cancelled"
        REFUSED = "refused", "Not made"
        EXPIRED = "expired", "Deleted"

    number = models.CharField(max_length=20, unique=True)
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False, help_text="Names the file; never shown.")
    source = models.CharField(max_length=12, choices=Source.choices)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    query = models.TextField(max_length=4000, blank=True, default="", help_text="The list's own parameters.")
    references = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    moment = models.DateTimeField(help_text="What came in afterwards is not part of it.")
    asked = models.CharField(max_length=1000, help_text="What was asked for, in words.")
    columns = ArrayField(models.CharField(max_length=40))
    format = models.CharField(max_length=4, choices=Format.choices)
    zone = models.CharField(max_length=64, help_text="The zone whose offset its times carry.")
    access = models.CharField(max_length=64, help_text="SHA-256 of what its owner might see when it was asked for.")
    promised = models.PositiveIntegerField(help_text="As many rows as were counted when it was asked for.")

    is_unmasked = models.BooleanField(default=False)
    reason = models.TextField(max_length=2000, blank=True, default="", help_text="Why personal data are needed clear.")
    version = models.PositiveIntegerField(default=1)
    approval = models.ForeignKey(
        "accounts.ApprovalRequest", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    owner_person = models.UUIDField(editable=False)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    checker_person = models.UUIDField(null=True, blank=True, editable=False)

    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    run = models.PositiveSmallIntegerField(default=0, help_text="How often the worker began; one that was lost counts.")
    done = models.PositiveIntegerField(default=0, help_text="Rows that the present run has written so far.")
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When the present run last gave a sign of life.")
    sentence = models.CharField(max_length=500, blank=True, default="", help_text="Why not, or why other rows.")
    rows = models.PositiveIntegerField(null=True, blank=True)
    size = models.PositiveBigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    sidecar = models.JSONField(default=dict, blank=True)
    downloads = models.PositiveIntegerField(default=0)
    downloaded_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(is_unmasked=False)
                | Q(state__in=["asked", "cancelled", "refused"])
                | Q(approval__isnull=False, checker__isnull=False, checker_person__isnull=False)
                & ~Q(checker=F("owner"))
                & ~Q(checker_person=F("owner_person")),
                name="an_unmasked_export_is_made_by_two_people",
            ),
            models.CheckConstraint(
                condition=Q(is_unmasked=True) & ~Q(reason="") | Q(is_unmasked=False) & ~Q(state="asked"),
                name="an_unmasked_export_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["asked", "waiting", "running"], ended_at__isnull=True)
                | ~Q(state__in=["asked", "waiting", "running"]) & Q(ended_at__isnull=False),
                name="an_export_ended_at_some_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="ready")
                | Q(rows__isnull=False, size__isnull=False, expires_at__isnull=False) & ~Q(sha256=""),
                name="a_ready_export_has_a_whole_file",
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="export_of_owner"),
            models.Index(fields=["expires_at"], name="export_to_delete", condition=Q(state="ready")),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("reports:export", args=[self.number])

    @property
    def trail_name(self) -> str:
        return self.number

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it by itself."""
        return self.state in (self.State.READY, self.State.CANCELLED, self.State.REFUSED, self.State.EXPIRED)

    @property
    def is_ready(self) -> bool:
        return self.state == self.State.READY

    @property
    def name(self) -> str:
        """The name under which it is downloaded."""
        day = timezone.localtime(self.created_at)
        return f"{self.source}-{day:%Y%m%d}-{self.number}.{self.format}"

    @property
    def path(self) -> Path:
        """Where the whole file is, once it is there. Before that it has another name."""
        return Path(settings.EXPORT_DIR) / f"{self.key.hex}.{self.format}"

    def part_of(self, run: int) -> Path:
        """Where the file of one run grows."""
        return Path(settings.EXPORT_DIR) / f"{self.key.hex}.{run}.part"


class CertificateCounter(models.Model):
    """The last certificate number of a year, held until its certificate stands: numbers have no gaps."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"


class Certificate(models.Model):
    """An e-PRC. What it says is frozen when it is issued, and the database refuses every change of that; one of a
    payment is valid at a time.
    """

    class State(models.TextChoices):
        ISSUED = "issued", "Valid"
        VOID = "void", "Void"

    class Because(models.TextChoices):
        AGREED = "agreed", "Two people agreed"
        RETURNED = "returned", "The money came back"

    number = models.CharField(max_length=20, unique=True, db_collation="C")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="certificates")
    check_code = models.CharField(max_length=16)
    facts = models.JSONField(help_text="What it says, as it was when it was issued.")
    template = models.PositiveSmallIntegerField(help_text="The version of the paper.")
    sha256 = models.CharField("SHA-256", max_length=64, help_text="Of its bytes.")
    issued_at = models.DateTimeField()
    issued_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="replaced_by")

    version = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=6, choices=State.choices, default=State.ISSUED)
    void_because = models.CharField(max_length=8, choices=Because.choices, blank=True, default="")
    voided_at = models.DateTimeField(null=True, blank=True)
    approval = models.ForeignKey(
        "accounts.ApprovalRequest", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    void_maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    void_maker_person = models.UUIDField(null=True, blank=True, editable=False)
    void_checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    void_checker_person = models.UUIDField(null=True, blank=True, editable=False)

    objects = CertificateQuerySet.as_manager()

    class Meta:
        ordering = ["-issued_at", "-id"]
        verbose_name = "e-PRC"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["transaction"], condition=Q(state="issued"), name="one_valid_certificate_per_payment"
            ),
            models.CheckConstraint(
                condition=Q(state="issued", void_because="", voided_at__isnull=True)
                | Q(state="void", voided_at__isnull=False) & ~Q(void_because=""),
                name="a_void_certificate_is_void_since_some_time",
            ),
            models.CheckConstraint(
                condition=~Q(void_because="agreed")
                | Q(
                    approval__isnull=False,
                    void_maker__isnull=False,
                    void_checker__isnull=False,
                    void_maker_person__isnull=False,
                    void_checker_person__isnull=False,
                )
                & ~Q(void_maker=F("void_checker"))
                & ~Q(void_maker_person=F("void_checker_person")),
                name="two_people_void_a_certificate",
            ),
        ]
        indexes = [models.Index(fields=["-issued_at", "-id"], name="certificate_newest")]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("reports:certificate", args=[self.number])

    @property
    def trail_name(self) -> str:
        return self.number

    @property
    def is_valid(self) -> bool:
        return self.state == self.State.ISSUED


class Alarm(models.Model):
    """Something is wrong that no transaction shows by itself. Raised and ended by the worker, seen by people."""

    class Kind(models.TextChoices):
        PARTNER_SILENT = "partner_silent", "Partner silent"
        FEED_STALLED = "feed_stalled", "Feed stalled"
        WORKER_DEAD = "worker_dead", "Worker without a sign of life"
        STAGE_OVER = "stage_over", "Over the limit, nothing failed"
        CHAIN_BROKEN = "chain_broken", "Audit chain broken"
        NUMBERS_DIFFER = "numbers_differ", "Sums differed from the transactions"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    about = models.CharField(max_length=80, help_text="What it is about; one alarm of a kind is open about one thing.")
    sentence = models.CharField(max_length=300)
    partner = models.ForeignKey("accounts.Partner", on_delete=models.PROTECT, null=True, related_name="+")
    since = models.DateTimeField(help_text="Since when it is so.")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    objects = AlarmQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "about"],
                condition=models.Q(closed_at__isnull=True),
                name="one_open_alarm_about_one_thing",
            )
        ]
        indexes = [
            models.Index(fields=["-closed_at"], name="alarm_closed", condition=models.Q(closed_at__isnull=False))
        ]

    def __str__(self) -> str:
        return self.sentence

    @property
    def trail_name(self) -> str:
        return f"{self.kind} {self.about}".strip()


class AlarmSeen(models.Model):
    """Who has seen an alarm, and when: the first time counts."""

    alarm = models.ForeignKey(Alarm, on_delete=models.PROTECT, related_name="seen")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["alarm", "person"], name="an_alarm_is_seen_once_by_a_person")]

    def __str__(self) -> str:
        return f"{self.person_id} saw {self.alarm_id}"


class Sample(models.Model):
    """How much stood in a stage on a rail at a moment, for a partner: what the radar's trend is measured against."""

    at = models.DateTimeField()
    stage = models.CharField(max_length=20)
    rail = models.CharField(max_length=16)
    partner = models.ForeignKey(
        "accounts.Partner", on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    number = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["at"], name="sample_by_time")]

    def __str__(self) -> str:
        return f"{self.number} in {self.stage} at {self.at:%H:%M}"
