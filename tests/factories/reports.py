"""What reports keep."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal

import factory

from backoffice.reports.certificate_papers import paper
from backoffice.reports.certificates import facts_of
from backoffice.reports.models import (
    Alarm,
    AlarmSeen,
    Certificate,
    CertificateCounter,
    Export,
    Grain,
    Rollup,
    RollupDelta,
    Sample,
)
from tests.factories.accounts import PartnerFactory, UserFactory
from tests.factories.transactions import TransactionFactory

HOUR = datetime(2026, 11, 22, 9, tzinfo=UTC)


class RollupDeltaFactory(factory.django.DjangoModelFactory[RollupDelta]):
    """What a statement that let one transaction in appended."""

    class Meta:
        model = RollupDelta

    hour = HOUR
    partner = factory.SubFactory(PartnerFactory)
    stage = "payment"
    currency = "PKR"
    corridor = "AE-PK"
    number = 1
    worth = Decimal("7700.00")


class RollupFactory(factory.django.DjangoModelFactory[Rollup]):
    """One transaction in an hour."""

    class Meta:
        model = Rollup

    grain = Grain.HOUR
    starts_at = HOUR
    partner = factory.SubFactory(PartnerFactory)
    stage = "payment"
    currency = "PKR"
    corridor = ""
    number = 1
    worth = Decimal("7700.00")


class ExportFactory(factory.django.DjangoModelFactory[Export]):
    """An export that waits for the worker."""

    class Meta:
        model = Export

    number = factory.Sequence(lambda n: f"X-TEST-{n:06d}")
    source = "transactions"
    owner = factory.SubFactory(UserFactory)
    owner_person = factory.SelfAttribute("owner.person_key")
    moment = factory.LazyFunction(lambda: datetime.now(UTC))
    asked = "Everything that you see"
    columns = ["reference", "status"]
    format = "csv"
    zone = "Asia/Karachi"
    access = "0" * 64
    promised = 1


class CertificateFactory(factory.django.DjangoModelFactory[Certificate]):
    """A valid certificate of a completed payment; its paper is made of what the payment says."""

    class Meta:
        model = Certificate

    number = factory.Sequence(lambda n: f"PRC-1999-{n:07d}")
    transaction = factory.SubFactory(TransactionFactory, stage="credited")
    check_code = "ABCDEFGH2345"
    template = 1
    issued_at = factory.LazyFunction(lambda: datetime.now(UTC))
    issued_by = factory.SubFactory(UserFactory)
    facts = factory.LazyAttribute(
        lambda one: (
            facts_of(one.transaction)
            | {"number": one.number, "date": "1999-12-31", "code": one.check_code, "replaces": ""}
        )
    )
    sha256 = factory.LazyAttribute(lambda one: hashlib.sha256(paper(one.facts, one.template)).hexdigest())


class CertificateCounterFactory(factory.django.DjangoModelFactory[CertificateCounter]):
    class Meta:
        model = CertificateCounter

    year = 1999
    last = 0


class AlarmFactory(factory.django.DjangoModelFactory[Alarm]):
    """A partner is silent."""

    class Meta:
        model = Alarm

    kind = Alarm.Kind.PARTNER_SILENT
    about = "RIA"
    sentence = "Nothing has come from RIA; usually instructions come every 20 s."
    partner = factory.SubFactory(PartnerFactory, code="RIA")
    since = HOUR
    opened_at = HOUR


class AlarmSeenFactory(factory.django.DjangoModelFactory[AlarmSeen]):
    """Somebody has seen an alarm."""

    class Meta:
        model = AlarmSeen

    alarm = factory.SubFactory(AlarmFactory)
    person = factory.SubFactory(UserFactory)
    at = HOUR


class SampleFactory(factory.django.DjangoModelFactory[Sample]):
    """What stood in a place of the radar."""

    class Meta:
        model = Sample

    at = HOUR
    stage = "payment"
    rail = "1LINK"
    partner = factory.SubFactory(PartnerFactory)
    number = 3
