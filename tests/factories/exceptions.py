"""Exceptions: the intake opens them; the factory makes a transaction that needs a person."""

from __future__ import annotations

from exceptions import models
from tests.factories.transactions import _OfTransaction
from transactions.models import Transaction


class ExceptionItemFactory(_OfTransaction):
    class Meta:
        model = models.ExceptionItem

    stage = "outcome_unknown"

    @classmethod
    def of(cls, transaction: Transaction) -> models.ExceptionItem:
        return models.ExceptionItem.objects.filter(transaction=transaction).latest("pk")
