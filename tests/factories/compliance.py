"""Screening and cases as the intake makes them with a transaction, and what people add to a case."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import factory
from django.utils import timezone

from compliance import models
from compliance.evidence import evidence_of
from compliance.vocabulary import AppliesTo, Verdict
from tests.factories.accounts import UserFactory
from tests.factories.transactions import _OfTransaction
from transactions.models import Transaction


class ScreeningCheckFactory(_OfTransaction):
    class Meta:
        model = models.ScreeningCheck

    kind = "review:hits"

    @classmethod
    def of(cls, transaction: Transaction) -> models.ScreeningCheck:
        return models.ScreeningCheck.objects.filter(transaction=transaction).order_by("-status", "pk").first()


class ScreeningHitFactory(_OfTransaction):
    class Meta:
        model = models.ScreeningHit

    kind = "review:hits"

    @classmethod
    def of(cls, transaction: Transaction) -> models.ScreeningHit:
        return models.ScreeningHit.objects.filter(check_run__transaction=transaction).first()


class CaseFactory(_OfTransaction):
    """A case that the intake opened with its transaction: `CaseFactory(kind="review:title_close")`."""

    class Meta:
        model = models.Case

    kind = "review:hits"

    @classmethod
    def of(cls, transaction: Transaction) -> models.Case:
        return models.Case.objects.filter(transaction=transaction).latest("pk")


class DecisionReasonFactory(factory.django.DjangoModelFactory[models.DecisionReason]):
    class Meta:
        model = models.DecisionReason
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda n: f"XX-{n}")
    applies_to = AppliesTo.NOT_SAME
    sentence = "Something of its own."


class HitDecisionFactory(factory.django.DjangoModelFactory[models.HitDecision]):
    class Meta:
        model = models.HitDecision

    case = factory.SubFactory(CaseFactory)
    verdict = Verdict.NOT_SAME
    reason = factory.SubFactory(DecisionReasonFactory)
    decided_by = factory.SubFactory(UserFactory)

    @classmethod
    def _create(cls, model_class: type[models.HitDecision], *args: Any, **fields: Any) -> models.HitDecision:
        standing = evidence_of(fields["case"], now=timezone.now()).hits[0]
        return models.HitDecision.objects.create(**standing.as_decided(), **fields)


class CorrectionFactory(factory.django.DjangoModelFactory[models.Correction]):
    class Meta:
        model = models.Correction

    case = factory.SubFactory(CaseFactory)
    field = "beneficiary.city"
    old = "Lahor"
    new = "Lahore"
    is_material = False
    reason = "The partner's letter."
    asked_by = factory.SubFactory(UserFactory)


class CaseFileFactory(factory.django.DjangoModelFactory[models.CaseFile]):
    class Meta:
        model = models.CaseFile

    case = factory.SubFactory(CaseFactory)
    name = "passport.pdf"
    content_type = "application/pdf"
    content = factory.Sequence(lambda n: b"%%PDF-1.4 invented %d" % n)
    size = factory.LazyAttribute(lambda file: len(file.content))
    sha256 = factory.LazyAttribute(lambda file: sha256(file.content).hexdigest())
    added_by = factory.SubFactory(UserFactory)


class ReportKindFactory(factory.django.DjangoModelFactory[models.ReportKind]):
    class Meta:
        model = models.ReportKind
        django_get_or_create = ("code",)

    code = "STR"
    name = "suspicious transaction report"
    bank_days = 7


class ReportFactory(factory.django.DjangoModelFactory[models.Report]):
    class Meta:
        model = models.Report

    number = factory.Sequence(lambda n: f"STR-TEST-{n:04d}")
    case = factory.SubFactory(CaseFactory)
    kind = factory.SubFactory(ReportKindFactory)
    grounds = "The remitter could not say whom he pays."
    due_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=7))
    begun_by = factory.SubFactory(UserFactory)


class WhitelistRuleFactory(factory.django.DjangoModelFactory[models.WhitelistRule]):
    class Meta:
        model = models.WhitelistRule

    number = factory.Sequence(lambda n: 9_000 + n)
    case = factory.SubFactory(CaseFactory)
    reason = factory.SubFactory(DecisionReasonFactory)
    requested_by = factory.SubFactory(UserFactory)
    requested_at = factory.LazyFunction(timezone.now)
    agreed_by = factory.SubFactory(UserFactory)
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=365))

    @classmethod
    def _create(cls, model_class: type[models.WhitelistRule], *args: Any, **fields: Any) -> models.WhitelistRule:
        standing = evidence_of(fields["case"], now=timezone.now()).hits[0]
        return models.WhitelistRule.objects.create(**standing.as_whitelisted(), **fields)


class PrintedCaseFactory(factory.django.DjangoModelFactory[models.PrintedCase]):
    class Meta:
        model = models.PrintedCase

    number = factory.Sequence(lambda n: f"CF-TEST-{n:05d}")
    case = factory.SubFactory(CaseFactory)
    tells_of_reports = False
    content = factory.Sequence(lambda n: f'{{"number":{n}}}')
    sha256 = factory.LazyAttribute(lambda one: sha256(one.content.encode()).hexdigest())
    file = factory.LazyAttribute(lambda one: b"%%PDF-1.4 invented " + one.content.encode())
    file_sha256 = factory.LazyAttribute(lambda one: sha256(one.file).hexdigest())
    made_by = factory.SubFactory(UserFactory)
