"""What reports keep."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import factory

from backoffice.reports.models import Grain, Rollup, RollupDelta
from tests.factories.accounts import PartnerFactory

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
