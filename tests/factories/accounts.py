"""People, organisations and grants that a test makes up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import factory
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from accounts import models
from accounts.permissions import Role

PASSWORD = "correct horse battery"


class RoleFactory(factory.django.DjangoModelFactory[Group]):
    """A role of somebody's own. The ten seeded ones are there already: `role(Role.AUDITOR)`."""

    class Meta:
        model = Group
        django_get_or_create = ("name",)

    name = factory.Sequence(lambda n: f"Desk {n}")


class UserFactory(factory.django.DjangoModelFactory[models.User]):
    """A person without any role or grant. `roles=[Role.AUDITOR]` gives roles, `everything=True` the grants on all."""

    class Meta:
        model = models.User
        django_get_or_create = ("username",)
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    full_name = factory.Faker("name")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    password = factory.django.Password(PASSWORD)

    @factory.post_generation
    def roles(self: Any, create: bool, extracted: list[Role | str] | None, **kwargs: Any) -> None:
        self.groups.add(*[role(name) for name in extracted or []])

    @factory.post_generation
    def everything(self: Any, create: bool, extracted: bool | None, **kwargs: Any) -> None:
        if extracted:
            self.user_permissions.add(permission("accounts.all_partners"), permission("accounts.all_branches"))


class PartnerFactory(factory.django.DjangoModelFactory[models.Partner]):
    class Meta:
        model = models.Partner
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda n: f"PARTNER{n}")
    name = factory.Sequence(lambda n: f"Partner {n}")
    country = "AE"


class BranchFactory(factory.django.DjangoModelFactory[models.Branch]):
    class Meta:
        model = models.Branch
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda n: f"{5000 + n}")
    name = factory.Sequence(lambda n: f"Branch {n}")
    city = "Lahore"


class SubAgentFactory(factory.django.DjangoModelFactory[models.SubAgent]):
    class Meta:
        model = models.SubAgent
        django_get_or_create = ("agent_code",)

    agent_code = factory.Sequence(lambda n: f"AGENT-{n:03d}")
    name = factory.Sequence(lambda n: f"Outlet {n}")


class PartnerUserPermissionFactory(factory.django.DjangoModelFactory[models.PartnerUserPermission]):
    class Meta:
        model = models.PartnerUserPermission

    user = factory.SubFactory(UserFactory)
    content_object = factory.SubFactory(PartnerFactory)
    permission = factory.LazyFunction(lambda: permission("accounts.see_partner"))


class PartnerGroupPermissionFactory(factory.django.DjangoModelFactory[models.PartnerGroupPermission]):
    class Meta:
        model = models.PartnerGroupPermission

    group = factory.SubFactory(RoleFactory)
    content_object = factory.SubFactory(PartnerFactory)
    permission = factory.LazyFunction(lambda: permission("accounts.see_partner"))


class BranchUserPermissionFactory(factory.django.DjangoModelFactory[models.BranchUserPermission]):
    class Meta:
        model = models.BranchUserPermission

    user = factory.SubFactory(UserFactory)
    content_object = factory.SubFactory(BranchFactory)
    permission = factory.LazyFunction(lambda: permission("accounts.see_branch"))


class BranchGroupPermissionFactory(factory.django.DjangoModelFactory[models.BranchGroupPermission]):
    class Meta:
        model = models.BranchGroupPermission

    group = factory.SubFactory(RoleFactory)
    content_object = factory.SubFactory(BranchFactory)
    permission = factory.LazyFunction(lambda: permission("accounts.see_branch"))


class SignInFailureFactory(factory.django.DjangoModelFactory[models.SignInFailure]):
    class Meta:
        model = models.SignInFailure

    key = factory.Sequence(lambda n: f"user:person{n}")
    failures = 1
    first_at = factory.LazyFunction(timezone.now)


class NotificationFactory(factory.django.DjangoModelFactory[models.Notification]):
    """Something unread that needs no right."""

    class Meta:
        model = models.Notification

    recipient = factory.SubFactory(UserFactory)
    kind = "approval_waits"
    object_type = "accounts.approvalrequest"
    object_id = factory.Sequence(lambda n: f"A-TEST-{n:06d}")
    url = "/approvals/"
    sentence = factory.Sequence(lambda n: f"Somebody asks: something, number {n}")


def role(name: Role | str) -> Group:
    """The seeded role of this name."""
    return Group.objects.get(name=str(name))


def permission(name: str) -> Permission:
    """The permission "app.codename"."""
    app, _, codename = name.partition(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def grant(user: models.User, where: models.Partner | models.Branch, *verbs: str) -> None:
    """Give `user` the `see_` and `work_` grants (or only `verbs`) on a partner or branch."""
    kind = where._meta.model_name
    model = models.PartnerUserPermission if isinstance(where, models.Partner) else models.BranchUserPermission
    for verb in verbs or ("see", "work"):
        codename = permission(f"accounts.{verb}_{kind}")
        model.objects.get_or_create(user=user, permission=codename, content_object=where)


class ApprovalPolicyFactory(factory.django.DjangoModelFactory[models.ApprovalPolicy]):
    class Meta:
        model = models.ApprovalPolicy
        django_get_or_create = ("operation", "currency")

    operation = "repush"
    currency = "AED"


class ApprovalRequestFactory(factory.django.DjangoModelFactory[models.ApprovalRequest]):
    """A request that waits. Who decided it, and how, is the decision's own: `maker_checker.approve` and its like."""

    class Meta:
        model = models.ApprovalRequest

    number = factory.Sequence(lambda n: f"A-TEST-{n:06d}")
    operation = "move_to_rtgs"
    object_type = "transactions.transaction"
    object_id = factory.Sequence(lambda n: f"PSL{n:09d}")
    summary = "Move to RTGS"
    maker = factory.SubFactory(UserFactory)
    maker_person = factory.SelfAttribute("maker.person_key")
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(hours=24))
