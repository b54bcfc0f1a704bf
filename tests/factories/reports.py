"""What reports keep."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import factory

from backoffice.reports.models import Export, Grain, Rollup, RollupDelta
from tests.factories.accounts import PartnerFactory, UserFactory

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
