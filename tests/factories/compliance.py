"""Screening as the platform reported it: the rows come with a transaction whose screening found something."""

from __future__ import annotations

from compliance import models
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
