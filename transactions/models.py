"""The remittance: what was instructed, who the parties are, where it stands and everything that happened to it."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Func, GeneratedField, Q
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from simple_history.models import HistoricalRecords

from audit.history import Traced, TracedApart
from transactions import flags
from transactions import vocabulary as words
from transactions.lifecycle import POSITION
from transactions.querysets import (
    AnswerTextQuerySet,
    CommandQuerySet,
    EventQuerySet,
    InquiryQuerySet,
    NoteQuerySet,
    SavedViewQuerySet,
    TransactionQuerySet,
)

PLAIN_REFERENCE = RegexValidator(r"^[!-~]{1,64}$", "Use 1 to 64 visible characters without spaces.")


class Key(Func):
    """A reference as it is compared: upper case, letters and digits only."""

    function = "reference_key"
    output_field = models.TextField()


def _key(field: str) -> GeneratedField:
    return GeneratedField(
        expression=Key(F(field)), output_field=models.TextField(db_collation="C"), db_persist=True, editable=False
    )


def _reference(**options: Any) -> models.CharField[str, str]:
    return models.CharField(max_length=64, blank=True, default="", **options)


def _amount(**options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=20, decimal_places=4, **options)


def _position_holds() -> Q:
    """The state triple of DECISIONS.md section 1 as a condition of the database."""
    holds = Q()
    for stage, (status, funds) in POSITION.items():
        holds |= Q(stage=stage.value, status=status.value, funds_position=funds.value)
    return holds


class Transaction(models.Model):
    """One remittance. Its state columns are written by the intake alone, from the fold of its events."""

    txn_id = models.CharField("transaction", max_length=100, unique=True, db_collation="C")
    uetr = _reference(verbose_name="UETR")
    end_to_end_id = _reference(verbose_name="end-to-end id")
    request_id = _reference(verbose_name="request id")
    partner_reference = models.CharField(max_length=64)
    bank_reference = _reference()
    rail_reference = _reference()
    rail_reference_kind = models.CharField(
        max_length=10, choices=words.RailReferenceKind.choices, blank=True, default=""
    )

    partner = models.ForeignKey(
        "accounts.Partner", on_delete=models.PROTECT, related_name="transactions", db_index=False
    )
    branch = models.ForeignKey(
        "accounts.Branch", on_delete=models.PROTECT, related_name="transactions", null=True, blank=True, db_index=False
    )
    sub_agent = models.ForeignKey(
        "accounts.SubAgent",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="transactions",
        db_index=False,
    )
    agent_code = models.CharField(max_length=20, blank=True, default="")
    branch_code = models.CharField(max_length=20, blank=True, default="")

    type = models.CharField(max_length=4, choices=words.TransactionType.choices, blank=True, default="")
    payout_method = models.CharField(max_length=7, choices=words.PayoutMethod.choices)
    rail = models.CharField(max_length=16, blank=True, default="")
    sent_amount = _amount(null=True, blank=True)
    sent_currency = models.CharField(max_length=3, blank=True, default="")
    rate = models.DecimalField(max_digits=18, decimal_places=8, null=True, blank=True)
    settled_amount = _amount()
    settled_currency = models.CharField(max_length=3)
    commission_amount = _amount(null=True, blank=True)
    purpose_code = models.CharField(max_length=64, blank=True, default="")
    source_of_funds = models.CharField(max_length=64, blank=True, default="")
    narration = models.CharField(max_length=64, blank=True, default="")
    origin_country = models.CharField(max_length=2, blank=True, default="")
    destination_country = models.CharField(max_length=2, blank=True, default="")
    remitter_name = models.CharField(max_length=64)
    beneficiary_name = models.CharField(max_length=64)
    beneficiary_iban = models.CharField("beneficiary IBAN", max_length=34, blank=True, default="")

    sent_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(help_text="When the platform received the instruction.")
    business_date = models.DateField()
    created_at = models.DateTimeField(help_text="When the instruction reached the Backoffice.")
    updated_at = models.DateTimeField(help_text="When an event of the platform was last taken in.")

    status = models.CharField(max_length=9, choices=words.Status.choices)
    stage = models.CharField(max_length=20, choices=words.Stage.choices)
    step = models.CharField(max_length=20)
    stage_result = models.CharField(max_length=10)
    reason_code = models.CharField(max_length=32, blank=True, default="")
    funds_position = models.CharField(max_length=16, choices=words.Funds.choices)
    status_since = models.DateTimeField()
    stage_since = models.DateTimeField()
    stage_deadline = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    sequence = models.PositiveIntegerField(default=1, help_text="The highest event number taken in.")
    missing_sequences = ArrayField(models.PositiveIntegerField(), default=list, blank=True)
    contradictions = models.PositiveSmallIntegerField(default=0)
    screened_late = models.BooleanField(default=False)
    duplicate_suspect = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)

    txn_key = _key("txn_id")
    partner_key = _key("partner_reference")
    bank_key = _key("bank_reference")
    rail_key = _key("rail_reference")
    uetr_key = _key("uetr")
    end_to_end_key = _key("end_to_end_id")
    request_key = _key("request_id")

    history = HistoricalRecords(
        bases=[TracedApart],
        no_db_index=["txn_id", "partner", "branch", "sub_agent"],
        excluded_fields=["txn_key", "partner_key", "bank_key", "rail_key", "uetr_key", "end_to_end_key", "request_key"],
    )
    objects = TransactionQuerySet.as_manager()

    class Meta:
        ordering = ["-received_at", "-id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "partner_reference"], name="partner_reference_is_unique_per_partner"
            ),
            models.CheckConstraint(condition=_position_holds(), name="status_stage_and_funds_go_together"),
            models.CheckConstraint(condition=Q(settled_amount__gt=0), name="settled_amount_is_positive"),
            models.CheckConstraint(
                condition=Q(sent_amount__isnull=True) | Q(sent_amount__gt=0), name="sent_amount_is_positive"
            ),
        ]
        indexes = [
            models.Index(fields=["txn_key"], name="txn_by_txn_key"),
            models.Index(fields=["partner_key"], name="txn_by_partner_key"),
            models.Index(fields=["bank_key"], name="txn_by_bank_key", condition=~Q(bank_key="")),
            models.Index(fields=["rail_key"], name="txn_by_rail_key", condition=~Q(rail_key="")),
            models.Index(fields=["uetr_key"], name="txn_by_uetr_key", condition=~Q(uetr_key="")),
            models.Index(fields=["end_to_end_key"], name="txn_by_end_to_end_key", condition=~Q(end_to_end_key="")),
            models.Index(fields=["request_key"], name="txn_by_request_key", condition=~Q(request_key="")),
            models.Index(fields=["-received_at", "-id"], name="txn_newest"),
            models.Index(fields=["partner", "-received_at", "-id"], name="txn_newest_of_partner"),
            models.Index(fields=["branch", "-received_at", "-id"], name="txn_newest_of_branch"),
            models.Index(fields=["status", "-received_at", "-id"], name="txn_newest_of_status"),
            models.Index(fields=["settled_amount", "received_at", "id"], name="txn_by_payout"),
            models.Index(fields=["updated_at", "id"], name="txn_open_by_update", condition=~Q(status="completed")),
            models.Index(fields=["updated_at", "id"], name="txn_paid_by_update", condition=Q(status="completed")),
            models.Index(
                fields=["beneficiary_iban", "settled_amount", "received_at"],
                name="txn_by_beneficiary_account",
                condition=~Q(beneficiary_iban=""),
            ),
            models.Index(fields=["beneficiary_name", "-received_at", "-id"], name="txn_by_beneficiary_name"),
            models.Index(fields=["remitter_name", "-received_at", "-id"], name="txn_by_remitter_name"),
            models.Index(
                fields=["-received_at", "-id"],
                include=[
                    *("status", "stage", "stage_since", "stage_deadline", "reason_code"),
                    *("partner", "branch", "type", "rail", "settled_currency", "settled_amount"),
                ],
                name="txn_open_wide",
                condition=~Q(status="completed"),
            ),
            models.Index(
                fields=["reason_code", "-received_at", "-id"], name="txn_by_reason", condition=~Q(reason_code="")
            ),
            models.Index(fields=["-received_at", "-id"], name="txn_duplicates", condition=Q(duplicate_suspect=True)),
            models.Index(fields=["-received_at", "-id"], name="txn_payout_differs", condition=flags.PAYOUT_DIFFERS),
            models.Index(fields=["stage_deadline"], name="txn_by_deadline", condition=Q(stage_deadline__isnull=False)),
            models.Index(fields=["-received_at", "-id"], name="txn_contradicted", condition=Q(contradictions__gt=0)),
            models.Index(fields=["-received_at", "-id"], name="txn_with_gaps", condition=~Q(missing_sequences=[])),
        ]

    def __str__(self) -> str:
        return self.txn_id

    def get_absolute_url(self) -> str:
        return reverse("transactions:detail", args=[self.txn_id])

    @property
    def rail_label(self) -> str:
        """The rail's name; a word that is not one of ours is shown as such."""
        if not self.rail or self.rail in words.Rail.values:
            return str(dict(words.Rail.choices).get(self.rail, ""))
        return f"Unknown ({self.rail})"

    @property
    def trail_name(self) -> str:
        return self.txn_id


class Party(models.Model):
    """The remitter or the beneficiary as the partner described them. Names also stand on the transaction, for lists."""

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="parties")
    side = models.CharField(max_length=11, choices=words.Side.choices)
    full_name = models.CharField(max_length=64)
    id_type = models.CharField(max_length=8, choices=words.IdType.choices, blank=True, default="")
    id_number = models.CharField(max_length=64, blank=True, default="")
    id_issued_on = models.DateField(null=True, blank=True)
    id_expires_on = models.DateField(null=True, blank=True)
    id_issued_at = models.CharField(max_length=64, blank=True, default="")
    nationality = models.CharField(max_length=2, blank=True, default="")
    birth_date = models.DateField(null=True, blank=True)
    birth_country = models.CharField(max_length=2, blank=True, default="")
    mobile = models.CharField(max_length=20, blank=True, default="")
    email = models.CharField(max_length=64, blank=True, default="")
    address_line_1 = models.CharField(max_length=64, blank=True, default="")
    address_line_2 = models.CharField(max_length=64, blank=True, default="")
    city = models.CharField(max_length=64, blank=True, default="")
    district = models.CharField(max_length=64, blank=True, default="")
    postcode = models.CharField(max_length=64, blank=True, default="")
    state = models.CharField(max_length=64, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    relationship = models.CharField(max_length=64, blank=True, default="")

    history = HistoricalRecords(bases=[Traced])

    class Meta:
        verbose_name_plural = "parties"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["transaction", "side"], name="one_party_per_side")]
        indexes = [
            models.Index(fields=["id_number"], name="party_by_id_number", condition=~Q(id_number="")),
            models.Index(fields=["mobile"], name="party_by_mobile", condition=~Q(mobile="")),
        ]

    def __str__(self) -> str:
        return f"{self.get_side_display()} of transaction {self.transaction_id}"


class Account(models.Model):
    """The beneficiary's account as instructed, and the title that the bank gave for it."""

    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="account")
    number = models.CharField(max_length=34, help_text="IBAN or account number without spaces.")
    is_iban = models.BooleanField(default=False)
    bank_code = models.CharField("bank IMD or BIC", max_length=64, blank=True, default="")
    title_given = models.CharField(max_length=64, blank=True, default="")
    title_fetched = models.CharField(max_length=64, blank=True, default="")
    title_match = models.CharField(max_length=8, choices=words.TitleMatch.choices, blank=True, default="")

    history = HistoricalRecords(bases=[Traced])

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["number"], name="account_by_number"),
            models.Index(
                fields=["transaction"],
                name="account_with_another_title",
                condition=Q(title_match="CLOSE") | Q(title_match="NO_MATCH"),
            ),
        ]

    def __str__(self) -> str:
        return f"Account of transaction {self.transaction_id}"


class Event(models.Model):
    """One event of the platform about a transaction, as it came. Append-only: the database refuses any later change."""

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="events", db_index=False)
    sequence = models.PositiveIntegerField()
    event_id = models.CharField(max_length=200, unique=True, db_collation="C")
    source = models.CharField(max_length=200)
    type = models.CharField(max_length=40, choices=words.EventType.choices)
    time = models.DateTimeField(help_text="When it happened, by the platform's clock.")
    received_at = models.DateTimeField(help_text="When it reached the Backoffice.")
    batch = models.UUIDField(
        help_text="The delivery it came with; also the request id of the trail and of history rows."
    )
    digest = models.BinaryField(help_text="SHA-256 of the canonical data, to tell a repeat from a conflict.")
    stage = models.CharField(max_length=64, blank=True, default="")
    channel = models.CharField(max_length=64, blank=True, default="")
    attempt = models.PositiveSmallIntegerField(default=0)
    result = models.CharField(max_length=64, blank=True, default="")
    reason_code = models.CharField(max_length=32, blank=True, default="")
    reason = models.CharField(max_length=500, blank=True, default="")
    retry_class = models.CharField(max_length=10, choices=words.RetryClass.choices, blank=True, default="")
    rail = models.CharField(max_length=16, blank=True, default="")
    rail_reference = _reference()
    rail_reference_kind = models.CharField(max_length=10, blank=True, default="")
    bank_reference = _reference()
    rail_status = models.CharField(max_length=16, blank=True, default="")
    funds_position = models.CharField(max_length=16, blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    command_id = models.CharField(max_length=64, blank=True, default="")
    data = models.JSONField()

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["transaction", "sequence"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["transaction", "sequence"], name="one_event_per_sequence_number")
        ]

    def __str__(self) -> str:
        return f"{self.event_id} ({self.sequence})"


class Note(models.Model):
    """A remark of a person. Never edited; a further note corrects it."""

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(max_length=2000)
    compliance_only = models.BooleanField(
        default=False, help_text="Written by compliance, read by compliance and auditors only."
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = NoteQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"Note {self.pk}"


class Inquiry(models.Model):
    """A partner's question about a transaction and what was answered."""

    class Channel(models.TextChoices):
        PHONE = "phone", "Phone"
        EMAIL = "email", "E-mail"
        CHAT = "chat", "Chat"
        PORTAL = "portal", "Partner portal"
        BRANCH = "branch", "Branch"

    number = models.CharField(max_length=20, unique=True)
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="inquiries")
    partner = models.ForeignKey("accounts.Partner", on_delete=models.PROTECT, related_name="inquiries")
    channel = models.CharField(max_length=6, choices=Channel.choices)
    asked_by = models.CharField("who asked", max_length=120, help_text="The caller at the partner, by name or desk.")
    reference_asked = models.CharField("reference they gave", max_length=100)
    question = models.TextField(max_length=1000, blank=True)
    answer = models.TextField(max_length=2000, help_text="What was told to the partner, word for word.")
    answer_version = models.CharField(max_length=40, blank=True, default="")
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(default=timezone.now)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    closing_note = models.TextField(max_length=1000, blank=True)

    history = HistoricalRecords(bases=[Traced])
    objects = InquiryQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-id"]
        verbose_name_plural = "inquiries"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by__isnull=True)
                | Q(closed_at__isnull=False, closed_by__isnull=False),
                name="an_inquiry_is_closed_by_somebody_at_some_time",
            )
        ]
        indexes = [
            models.Index(
                fields=["partner", "-opened_at"], name="inquiry_open_of_partner", condition=Q(closed_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("transactions:inquiry", args=[self.number])

    @property
    def trail_name(self) -> str:
        return self.number


def new_token() -> str:
    """An address part that cannot be guessed."""
    return secrets.token_urlsafe(18)


def tomorrow() -> datetime:
    """When a search made now is forgotten."""
    return timezone.now() + timedelta(hours=24)


class Search(models.Model):
    """What a person searched for when it must not stand in an address. Its owner alone can open it, for 24 hours."""

    token = models.CharField(max_length=40, primary_key=True, default=new_token)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    text = models.CharField(max_length=40_000)
    expires_at = models.DateTimeField(default=tomorrow, db_index=True)

    class Meta:
        verbose_name_plural = "searches"
        default_permissions = ()

    def __str__(self) -> str:
        return self.token


def new_key() -> str:
    """The public name of a saved view in addresses."""
    return secrets.token_urlsafe(9)


class SavedView(models.Model):
    """A question to the list under a name: its owner's own, or shared with everybody of one role, the team.

    `query` is the canonical query string, relative days unresolved; it never holds a search token, and it runs under
    the scope of whoever opens it. A deleted view can be taken back.
    """

    key = models.CharField(max_length=20, unique=True, default=new_key, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    team = models.ForeignKey("auth.Group", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    query = models.CharField(max_length=2000, blank=True)
    saved_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                "owner", Lower("name"), condition=Q(deleted_at__isnull=True), name="one_view_of_a_name_per_person"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="a_view_has_a_name"),
        ]
        indexes = [models.Index(fields=["team"], name="view_of_team", condition=Q(deleted_at__isnull=True))]

    def __str__(self) -> str:
        return self.name

    @property
    def trail_name(self) -> str:
        return self.key


class ListSettings(models.Model):
    """How one person's list looks: the columns in their order, and the view that it opens with."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="list_settings")
    columns = models.CharField(max_length=400, blank=True, default="")
    default_view = models.CharField(max_length=40, blank=True, default="", help_text="The key of a view.")

    class Meta:
        verbose_name_plural = "list settings"
        default_permissions = ()

    def __str__(self) -> str:
        return f"List settings of {self.owner_id}"


class Name(models.Model):
    """A distinct name of a party, for the name search: a dictionary that the intake feeds."""

    raw = models.CharField(max_length=64, primary_key=True, db_collation="C")
    words = GeneratedField(
        expression=Func(F("raw"), function="name_words", output_field=ArrayField(models.TextField())),
        output_field=ArrayField(models.TextField()),
        db_persist=True,
    )

    class Meta:
        default_permissions = ()
        indexes = [GinIndex(fields=["words"], name="name_by_words")]

    def __str__(self) -> str:
        return self.raw


class NameWord(models.Model):
    """A distinct word of the names: found by itself, by itself with one letter left out, and by its sound."""

    word = models.TextField(primary_key=True, db_collation="C")
    deletions = GeneratedField(
        expression=Func(F("word"), function="word_deletions", output_field=ArrayField(models.TextField())),
        output_field=ArrayField(models.TextField()),
        db_persist=True,
    )
    sound = GeneratedField(
        expression=Func(F("word"), function="word_sound", output_field=models.TextField()),
        output_field=models.TextField(db_collation="C"),
        db_persist=True,
    )

    class Meta:
        default_permissions = ()
        indexes = [
            GinIndex(fields=["deletions"], name="name_word_by_deletions"),
            models.Index(fields=["sound"], name="name_word_by_sound", condition=~Q(sound="")),
        ]

    def __str__(self) -> str:
        return self.word


# -- what we ask the platform for -------------------------------------------------------------------------------------


class Command(models.Model):
    """One thing that we ask the platform to do: the outbox. Its id is the idempotency key of every sending.

    It is written in the database transaction of the deed (transactions.commands.queue), sent by the worker
    (backoffice.gateway.delivery) and closed by the platform's answer (the intake). The database keeps one open command
    per transaction, two people where they are needed, and everything but the delivery's own columns unchanged.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="commands")
    kind = models.CharField(max_length=24, choices=words.CommandKind.choices)
    attempt = models.PositiveSmallIntegerField(help_text="The payment attempt that it is about or asks for.")
    reason_code = models.CharField(max_length=32, blank=True, default="")
    note = models.TextField(max_length=2000, blank=True, default="")
    payload = models.JSONField(default=dict, blank=True)
    waits_for = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="followers",
        help_text="An inquiry whose answer decides whether this is sent.",
    )  # fmt: skip
    batch = models.UUIDField(null=True, blank=True, help_text="Commands of one job share it.")
    token = models.UUIDField(null=True, blank=True, unique=True, help_text="Of the form; the same form counts once.")

    people_required = models.PositiveSmallIntegerField(default=1)
    approval = models.ForeignKey(
        "accounts.ApprovalRequest", on_delete=models.PROTECT, null=True, blank=True, related_name="commands"
    )
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        help_text="Empty: the Backoffice asked by itself.",
    )  # fmt: skip
    maker_person = models.UUIDField(null=True, blank=True, editable=False)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    checker_person = models.UUIDField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)

    state = models.CharField(max_length=9, choices=words.CommandState.choices, default=words.CommandState.QUEUED)
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True, blank=True)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=300, blank=True, default="", help_text="Why the last try brought no answer.")
    closed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=500, blank=True, default="", help_text="The answer, in a sentence.")

    objects = CommandQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["transaction"],
                condition=Q(state__in=words.OPEN_COMMANDS) & ~Q(kind="inquire"),
                name="one_open_command_per_transaction",
            ),
            models.UniqueConstraint(
                fields=["transaction"],
                condition=Q(state__in=words.OPEN_COMMANDS, kind="inquire"),
                name="one_open_inquiry_per_transaction",
            ),
            models.UniqueConstraint(
                fields=["approval", "transaction"],
                condition=Q(approval__isnull=False),
                name="one_command_per_approval_and_transaction",
            ),
            models.CheckConstraint(
                condition=Q(people_required=1)
                | Q(
                    people_required=2,
                    approval__isnull=False,
                    maker__isnull=False,
                    checker__isnull=False,
                    checker_person__isnull=False,
                    maker_person__isnull=False,
                )
                & ~Q(checker_person=F("maker_person")),
                name="a_command_of_two_people_has_two",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=words.ALWAYS_TWO) | Q(people_required=2), name="some_commands_always_need_two"
            ),
            models.CheckConstraint(
                condition=Q(kind="inquire") | Q(maker__isnull=False), name="only_an_inquiry_is_asked_by_nobody"
            ),
            models.CheckConstraint(
                condition=Q(state__in=words.OPEN_COMMANDS, closed_at__isnull=True)
                | ~Q(state__in=words.OPEN_COMMANDS) & Q(closed_at__isnull=False),
                name="a_command_is_open_or_closed_at_some_time",
            ),
        ]
        indexes = [
            models.Index(fields=["next_try_at"], name="command_to_send", condition=Q(state__in=["QUEUED", "SENDING"])),
            models.Index(
                fields=["accepted_at"], name="command_without_answer", condition=Q(state__in=["SENT", "UNKNOWN"])
            ),
            models.Index(fields=["transaction", "-created_at"], name="command_of_transaction"),
            models.Index(fields=["batch"], name="command_by_batch", condition=Q(batch__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def trail_name(self) -> str:
        return str(self.pk)

    @property
    def is_open(self) -> bool:
        return self.state in words.OPEN_COMMANDS


# -- reference data ---------------------------------------------------------------------------------------------------


class ReasonCode(models.Model):
    """Why something did not go through, in a plain sentence; editable by administrators (DOMAIN.md section 2)."""

    code = models.CharField(max_length=32, unique=True)
    sentence = models.CharField(max_length=200, help_text="What happened, in plain words, without the code.")
    helps = models.CharField("what helps", max_length=200, blank=True, help_text="What somebody can do about it.")
    family = models.CharField(max_length=12, choices=words.Family.choices)
    retry_class = models.CharField(max_length=10, choices=words.RetryClass.choices)
    who_acts = models.CharField(max_length=10, choices=words.Actor.choices, blank=True, help_text="Empty: by family.")
    answer = models.CharField(
        "answer for the partner",
        max_length=200,
        blank=True,
        help_text="What a partner may be told. Empty: nothing about the reason.",
    )
    is_api_code = models.BooleanField("code of OpenRemit's API", default=False)

    history = HistoricalRecords(bases=[Traced])

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code

    @property
    def acts(self) -> words.Actor:
        return (
            words.Actor(self.who_acts)
            if self.who_acts
            else words.ACTOR_OF_FAMILY.get(words.Family(self.family), words.Actor.OPERATIONS)
        )


class PurposeCode(models.Model):
    """What a remittance is for, by the code that instructions carry."""

    code = models.CharField(max_length=64, unique=True)
    text = models.CharField(max_length=120)
    history = HistoricalRecords(bases=[Traced])

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


class StageLimit(models.Model):
    """How long a transaction may stay in a stage before it is late. A row for a rail or partner overrides the rest."""

    class Unit(models.TextChoices):
        MINUTES = "minutes", "Minutes"
        BANK_DAYS = "bank_days", "Bank days"

    stage = models.CharField(max_length=20, choices=words.Stage.choices)
    rail = models.CharField(max_length=16, choices=words.Rail.choices, blank=True, default="")
    partner = models.ForeignKey("accounts.Partner", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    step = models.CharField(
        "coming from", max_length=20, blank=True, default="", help_text="Only after this step, for example screening."
    )
    amount = models.PositiveIntegerField()
    unit = models.CharField(max_length=9, choices=Unit.choices, default=Unit.MINUTES)
    history = HistoricalRecords(bases=[Traced])

    class Meta:
        ordering = ["stage", "rail", "step"]
        constraints = [
            models.UniqueConstraint(
                fields=["stage", "rail", "partner", "step"],
                nulls_distinct=False,
                name="one_limit_per_stage_rail_partner_and_step",
            )
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.rail} {self.amount} {self.unit}".replace("  ", " ")


class Holiday(models.Model):
    """A day on which the bank is closed."""

    day = models.DateField(unique=True)
    name = models.CharField(max_length=80)
    history = HistoricalRecords(bases=[Traced])

    class Meta:
        ordering = ["day"]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"


class AnswerText(models.Model):
    """What a partner may be told about a status: the approved words, one version per row, the newest in force.

    The first version comes with the product; every later one is what two people agreed on.

    Placeholders in braces are filled in: {reference}, {amount}, {received}, {paid}, {returned}, {rail},
    {rail_reference}, {reason}, {place}, {next_update}.
    """

    key = models.CharField(max_length=24)
    version = models.PositiveSmallIntegerField(default=1)
    text = models.TextField(max_length=600)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    approval = models.OneToOneField(
        "accounts.ApprovalRequest", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    history = HistoricalRecords(bases=[Traced])
    objects = AnswerTextQuerySet.as_manager()

    class Meta:
        ordering = ["key", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="one_text_per_version"),
            models.CheckConstraint(
                condition=Q(version=1) | Q(approval__isnull=False), name="two_people_agree_on_a_new_text"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"


class MoneyLimit(models.Model):
    """A number that deeds with money keep to: attempts, the least amount for RTGS (DECISIONS.md section 4)."""

    class Key(models.TextChoices):
        ATTEMPTS = "attempts", "Payment attempts at most"
        RTGS_MINIMUM = "rtgs_minimum", "RTGS from this amount"

    key = models.CharField("limit", max_length=16, choices=Key.choices)
    currency = models.CharField(max_length=3, blank=True, default="")
    amount = models.DecimalField(max_digits=20, decimal_places=4)
    history = HistoricalRecords(bases=[Traced])

    class Meta:
        ordering = ["key", "currency"]
        constraints = [
            models.UniqueConstraint(fields=["key", "currency"], name="one_limit_per_key_and_currency"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="money_limit_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.get_key_display()} {self.currency}".strip()

    @property
    def trail_name(self) -> str:
        return f"{self.key} {self.currency}".strip()
