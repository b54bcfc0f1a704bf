"""People, organisations and the grants that tie them together."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, Group, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase
from simple_history import register
from simple_history.models import HistoricalRecords

from accounts.inbox import ApprovalQuerySet
from accounts.told import NotificationQuerySet
from audit.history import Traced

CODE = RegexValidator(r"^[A-Z0-9][A-Z0-9._-]*$", "Use capital letters, digits, dots, dashes and underscores.")
USERNAME = RegexValidator(r"^[a-z0-9][a-z0-9.]*$", "Use lower-case letters, digits and dots.")


class UserManager(BaseUserManager["User"]):
    """Makes people. There is no self-registration: administrators and the demo call this."""

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(username=username.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> User:
        """A technical superuser for `createsuperuser`. It opens no page of ours: rights come from roles only."""
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. Roles are groups; linked accounts of one human being share `person_key`."""

    class Theme(models.TextChoices):
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"
        SYSTEM = "system", "System"

    class Density(models.TextChoices):
        COMFORTABLE = "comfortable", "Comfortable"
        COMPACT = "compact", "Compact"

    username = models.CharField("user name", max_length=60, unique=True, validators=[USERNAME])
    full_name = models.CharField(max_length=120)
    email = models.EmailField(blank=True)
    person_key = models.UUIDField(default=uuid.uuid4, db_index=True, help_text="Accounts of the same person share it.")
    is_active = models.BooleanField("active", default=True)
    is_staff = models.BooleanField("may open Django admin", default=False)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    last_login_ip = models.GenericIPAddressField(null=True, blank=True, editable=False)
    password_is_temporary = models.BooleanField(
        default=False, editable=False, help_text="An administrator chose it; the person must choose one at once."
    )

    time_zone = models.CharField(max_length=60, default="Asia/Karachi")
    theme = models.CharField(max_length=6, choices=Theme.choices, default=Theme.SYSTEM)
    density = models.CharField(max_length=11, choices=Density.choices, default=Density.COMFORTABLE)
    page_size = models.PositiveSmallIntegerField(default=50)
    single_keys = models.BooleanField("single-key shortcuts", default=True)
    announcements = models.BooleanField("announce changes to screen readers", default=True)
    quiet_kinds = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, editable=False,
        help_text="The kinds of notifications that this person does not want.",
    )  # fmt: skip

    objects = UserManager()
    history = HistoricalRecords(
        bases=[Traced],
        excluded_fields=[
            "password",
            "last_login",
            "last_login_ip",
            "password_is_temporary",
            "theme",
            "density",
            "page_size",
            "single_keys",
            "announcements",
            "quiet_kinds",
        ],
        m2m_fields=["groups", "user_permissions"],
    )

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]

    class Meta:
        ordering = ["username"]
        verbose_name = "person"
        verbose_name_plural = "people"
        permissions = [
            ("all_partners", "Sees and works with all partners"),
            ("all_branches", "Sees and works with all branches"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(username__regex=r"^[a-z0-9][a-z0-9.]*$"), name="user_name_is_lower_case"
            )
        ]

    def __str__(self) -> str:
        return self.full_name or self.username

    @property
    def trail_name(self) -> str:
        return self.username

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return self.username


register(Group, app="accounts", bases=[Traced], m2m_fields=["permissions"])


class Partner(models.Model):
    """A money transfer operator that sends us remittances."""

    class Mode(models.TextChoices):
        PUSH = "push", "Push"
        PULL = "pull", "Pull"
        HYBRID = "hybrid", "Hybrid"

    code = models.CharField(max_length=20, unique=True, validators=[CODE])
    name = models.CharField(max_length=80)
    mode = models.CharField("integration mode", max_length=6, choices=Mode.choices, default=Mode.PUSH)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166 code of two letters.")
    address = models.TextField(blank=True)
    contact_name = models.CharField(max_length=120, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=20, blank=True)
    settlement_account = models.CharField(max_length=34, blank=True)
    settlement_account_title = models.CharField(max_length=120, blank=True)
    allows_otc = models.BooleanField("OTC allowed", default=True)
    allows_ft = models.BooleanField("FT allowed", default=True)
    allows_ibft = models.BooleanField("IBFT allowed", default=True)
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = HistoricalRecords(bases=[Traced])

    class Meta:
        ordering = ["name"]
        permissions = [("see_partner", "Sees this partner's rows"), ("work_partner", "Works on this partner's rows")]

    def __str__(self) -> str:
        return self.name

    @property
    def trail_name(self) -> str:
        return self.code


class Branch(models.Model):
    """A paying branch of the bank."""

    code = models.CharField(max_length=20, unique=True, validators=[CODE])
    name = models.CharField(max_length=80)
    city = models.CharField(max_length=60, blank=True)
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = HistoricalRecords(bases=[Traced])

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "branches"
        permissions = [("see_branch", "Sees this branch's rows"), ("work_branch", "Works on this branch's rows")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    @property
    def trail_name(self) -> str:
        return self.code


class SubAgent(models.Model):
    """A paying outlet that is not a branch of the bank, known by its agent code."""

    agent_code = models.CharField(max_length=20, unique=True, validators=[CODE])
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True)
    head_office_address = models.TextField(blank=True)
    contact_name = models.CharField(max_length=120, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=20, blank=True)
    settlement_account = models.CharField(max_length=34, blank=True)
    settlement_account_title = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = HistoricalRecords(bases=[Traced])

    class Meta:
        ordering = ["agent_code"]
        verbose_name = "sub-agent"

    def __str__(self) -> str:
        return f"{self.agent_code} {self.name}"

    @property
    def trail_name(self) -> str:
        return self.agent_code


class PartnerUserPermission(UserObjectPermissionBase):
    """A person's grant on a partner. guardian reads it through a direct foreign key."""

    content_object = models.ForeignKey(
        Partner, on_delete=models.PROTECT, related_name="user_grants", verbose_name="partner"
    )
    history = HistoricalRecords(bases=[Traced])

    class Meta(UserObjectPermissionBase.Meta):
        verbose_name = "grant on a partner to a person"
        verbose_name_plural = "grants on partners to people"


class PartnerGroupPermission(GroupObjectPermissionBase):
    """A role's grant on a partner."""

    content_object = models.ForeignKey(
        Partner, on_delete=models.PROTECT, related_name="group_grants", verbose_name="partner"
    )
    history = HistoricalRecords(bases=[Traced])

    class Meta(GroupObjectPermissionBase.Meta):
        verbose_name = "grant on a partner to a role"
        verbose_name_plural = "grants on partners to roles"


class BranchUserPermission(UserObjectPermissionBase):
    """A person's grant on a branch."""

    content_object = models.ForeignKey(
        Branch, on_delete=models.PROTECT, related_name="user_grants", verbose_name="branch"
    )
    history = HistoricalRecords(bases=[Traced])

    class Meta(UserObjectPermissionBase.Meta):
        verbose_name = "grant on a branch to a person"
        verbose_name_plural = "grants on branches to people"


class BranchGroupPermission(GroupObjectPermissionBase):
    """A role's grant on a branch."""

    content_object = models.ForeignKey(
        Branch, on_delete=models.PROTECT, related_name="group_grants", verbose_name="branch"
    )
    history = HistoricalRecords(bases=[Traced])

    class Meta(GroupObjectPermissionBase.Meta):
        verbose_name = "grant on a branch to a role"
        verbose_name_plural = "grants on branches to roles"


class SignInFailure(models.Model):
    """How often signing in failed lately, by user name or by address; kept for names that do not exist too."""

    key = models.CharField(max_length=100, primary_key=True, help_text='"user:<name>" or "ip:<address>"')
    failures = models.PositiveSmallIntegerField(default=0)
    first_at = models.DateTimeField(default=timezone.now)
    locked_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.key


# -- two people -------------------------------------------------------------------------------------------------------


class ApprovalRequest(models.Model):
    """What one person asks and another must agree to (DECISIONS.md section 4).

    It names its object by type and public reference and is bound to the version that the maker saw. Who may decide and
    what happens then is the operation's (accounts.maker_checker). The database computes the keys of both human beings
    from their accounts, refuses a decision by the maker, and lets nothing change once it is decided.
    """

    class State(models.TextChoices):
        PENDING = "PENDING", "Waiting"
        APPROVED = "APPROVED", "Approved"
        REJECTED = "REJECTED", "Rejected"
        SENT_BACK = "SENT_BACK", "Sent back"
        WITHDRAWN = "WITHDRAWN", "Withdrawn"
        EXPIRED = "EXPIRED", "Expired"
        STALE = "STALE", "Overtaken"

    number = models.CharField(max_length=20, unique=True, editable=False)
    operation = models.CharField(max_length=40)
    object_type = models.CharField(max_length=80)
    object_id = models.CharField(max_length=200)
    object_version = models.PositiveIntegerField(default=0, help_text="The version that the maker saw.")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    summary = models.CharField(max_length=300, help_text="What is asked, as a sentence without personal data.")
    consequence = models.CharField(max_length=500, blank=True, default="")
    amount = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    payload = models.JSONField(default=dict, blank=True, help_text="What the operation needs to be carried out.")
    reason_code = models.CharField(max_length=32, blank=True, default="")
    note = models.TextField(max_length=2000, blank=True, default="")
    batch = models.UUIDField(null=True, blank=True, help_text="Requests of one job share it.")
    token = models.UUIDField(null=True, blank=True, unique=True, help_text="Of the form; the same form counts once.")

    maker = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    maker_person = models.UUIDField(editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    checker = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    checker_person = models.UUIDField(null=True, blank=True, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_code = models.CharField(max_length=32, blank=True, default="")
    decision_note = models.TextField(max_length=2000, blank=True, default="")
    outcome = models.CharField(max_length=500, blank=True, default="", help_text="Why it was overtaken, in a sentence.")

    objects = ApprovalQuerySet.as_manager()

    done: str = ""
    """What carrying it out did, in a sentence: on the instance that `approve` answers, to tell the second person."""

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "request"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["object_type", "object_id", "operation"],
                condition=Q(state="PENDING"),
                name="one_pending_request_per_object_and_operation",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["APPROVED", "REJECTED", "SENT_BACK"])
                | Q(checker__isnull=False, checker_person__isnull=False) & ~Q(checker_person=F("maker_person")),
                name="a_request_is_decided_by_another_person",
            ),
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | ~Q(checker_person=F("maker_person")),
                name="no_checker_is_the_maker",
            ),
            models.CheckConstraint(
                condition=Q(state="PENDING", decided_at__isnull=True)
                | ~Q(state="PENDING") & Q(decided_at__isnull=False),
                name="a_request_waits_or_ended_at_some_time",
            ),
        ]
        indexes = [
            models.Index(fields=["operation", "expires_at"], name="request_pending", condition=Q(state="PENDING")),
            models.Index(fields=["maker_person", "-created_at"], name="request_by_maker"),
            models.Index(fields=["object_type", "object_id", "-created_at"], name="request_by_object"),
            models.Index(fields=["-decided_at"], name="request_decided", condition=~Q(state="PENDING")),
            models.Index(fields=["batch"], name="request_by_batch", condition=Q(batch__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("accounts:request", args=[self.number])

    @property
    def trail_name(self) -> str:
        return self.number

    @property
    def is_pending(self) -> bool:
        return self.state == self.State.PENDING


class ApprovalPolicy(models.Model):
    """When an operation needs a second person, and how long its request waits; editable by two administrators.

    The row of the currency counts, else the row without one; with neither, two people are always needed and a
    request waits 24 hours.
    """

    class Rule(models.TextChoices):
        NEVER = "never", "One person"
        ABOVE = "above", "Two people above the limit"
        ALWAYS = "always", "Two people always"

    operation = models.CharField(max_length=40)
    currency = models.CharField(max_length=3, blank=True, default="", help_text="Empty: for every other currency.")
    rule = models.CharField("people", max_length=6, choices=Rule.choices, default=Rule.ALWAYS)
    limit = models.DecimalField(
        "limit of one transaction", max_digits=20, decimal_places=4, null=True, blank=True,
        help_text="One person up to this amount.",
    )  # fmt: skip
    job_rows = models.PositiveIntegerField(
        "rows of a job", null=True, blank=True, help_text="A job over this many rows needs two people for each row."
    )
    job_limit = models.DecimalField(
        "limit of a job", max_digits=20, decimal_places=4, null=True, blank=True,
        help_text="So does a job over this amount in all.",
    )  # fmt: skip
    hours = models.PositiveSmallIntegerField("hours until a request expires", default=24)
    history = HistoricalRecords(bases=[Traced])

    class Meta:
        ordering = ["operation", "currency"]
        verbose_name = "approval policy"
        verbose_name_plural = "approval policies"
        constraints = [
            models.UniqueConstraint(fields=["operation", "currency"], name="one_policy_per_operation_and_currency"),
            models.CheckConstraint(
                condition=~Q(rule="above") | Q(limit__isnull=False), name="a_limit_is_given_where_it_counts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.currency}".strip()

    @property
    def trail_name(self) -> str:
        return str(self)


class Notification(models.Model):
    """Something that waits for one person, or that this person waited for. Only they read it, and only in the product.

    Whoever loses `right`, the partner or the branch does not read of it any more. About one object a person is told
    once as long as it is unread. It ends by itself where it stops waiting: then it is not unread any more.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    recipient = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=40)
    object_type = models.CharField(max_length=80)
    object_id = models.CharField(max_length=200)
    url = models.CharField(max_length=300)
    sentence = models.CharField(max_length=500, help_text="What it is about, without personal data.")
    right = models.CharField(max_length=100, blank=True, default="", help_text="Needed to read it; empty: none.")
    partner = models.ForeignKey(
        Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    branch = models.ForeignKey(
        Branch, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    is_of_everything = models.BooleanField(default=False, help_text="Only who sees every partner and branch reads it.")
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it stopped waiting by itself.")

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "kind", "object_type", "object_id"],
                condition=Q(read_at__isnull=True, ended_at__isnull=True),
                name="told_once_as_long_as_unread",
            )
        ]
        indexes = [
            models.Index(fields=["recipient", "-created_at", "-id"], name="notification_newest"),
            models.Index(
                fields=["object_type", "object_id"],
                name="notification_unread",
                condition=Q(read_at__isnull=True, ended_at__isnull=True),
            ),
            models.Index(fields=["created_at"], name="notification_by_age"),
        ]

    def __str__(self) -> str:
        return self.sentence

    @property
    def trail_name(self) -> str:
        return str(self.key)

    @property
    def is_unread(self) -> bool:
        return self.read_at is None and self.ended_at is None
