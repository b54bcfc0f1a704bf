"""Exceptions: the intake opens them; the factory makes a transaction that needs a person."""

from __future__ import annotations

import factory

from exceptions import models
from tests.factories.accounts import UserFactory
from tests.factories.transactions import TransactionFactory, _OfTransaction
from transactions.models import Transaction


class ExceptionItemFactory(_OfTransaction):
    class Meta:
        model = models.ExceptionItem

    stage = "outcome_unknown"

    @classmethod
    def of(cls, transaction: Transaction) -> models.ExceptionItem:
        return models.ExceptionItem.objects.filter(transaction=transaction).latest("pk")


class BulkJobFactory(factory.django.DjangoModelFactory[models.BulkJob]):
    """A job that is chosen and not started."""

    class Meta:
        model = models.BulkJob

    number = factory.Sequence(lambda n: f"B-TEST-{n:06d}")
    deed = "assign"
    owner = factory.SubFactory(UserFactory)
    chosen = "1 ticked"


class BulkRowFactory(factory.django.DjangoModelFactory[models.BulkRow]):
    class Meta:
        model = models.BulkRow

    job = factory.SubFactory(BulkJobFactory)
    place = factory.Sequence(lambda n: n + 1)
    transaction = factory.SubFactory(TransactionFactory, stage="failed_retryable")
    version = factory.SelfAttribute("transaction.version")


class ReversalFileFactory(factory.django.DjangoModelFactory[models.ReversalFile]):
    """A file that was uploaded and not checked."""

    class Meta:
        model = models.ReversalFile

    number = factory.Sequence(lambda n: f"R-TEST-{n:06d}")
    name = "reversals.csv"
    sha256 = factory.Sequence(lambda n: f"{n:064x}")
    size = 1
    body = b"x"
    uploaded_by = factory.SubFactory(UserFactory)


class ReversalRowFactory(factory.django.DjangoModelFactory[models.ReversalRow]):
    class Meta:
        model = models.ReversalRow

    file = factory.SubFactory(ReversalFileFactory)
    number = factory.Sequence(lambda n: n + 2)


class EvidenceFactory(factory.django.DjangoModelFactory[models.Evidence]):
    class Meta:
        model = models.Evidence

    transaction = factory.SubFactory(TransactionFactory)
    name = "confirmation.pdf"
    content = b"%PDF-1.7 confirmed"
    content_type = "application/pdf"
    sha256 = factory.Sequence(lambda n: f"{n:064x}")
    added_by = factory.SubFactory(UserFactory)
