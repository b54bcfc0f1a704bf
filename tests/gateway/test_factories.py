"""Every factory saves rows that hold."""

from __future__ import annotations

import pytest
from django.db import models as django_models

from tests.factories import compliance, exceptions, gateway, transactions
from transactions.vocabulary import Stage

pytestmark = pytest.mark.django_db

FACTORIES = [
    factory
    for module in (transactions, compliance, exceptions, gateway)
    for name, factory in vars(module).items()
    if name.endswith("Factory") and factory.__module__ == module.__name__
]


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda factory: factory.__name__)
def test_a_factory_saves_a_valid_row(factory: type) -> None:
    for row in (factory(), factory()):
        assert isinstance(row, django_models.Model)
        assert row.pk
        row.full_clean()


def test_every_model_of_these_rooms_has_a_factory() -> None:
    from django.apps import apps

    made = {factory._meta.model for factory in FACTORIES}
    rooms = ("transactions", "compliance", "exceptions", "gateway")
    wanted = {
        model
        for room in rooms
        for model in apps.get_app_config(room).get_models()
        if not model.__name__.startswith("Historical")
    }
    assert wanted <= made


@pytest.mark.parametrize("stage", list(Stage))
def test_a_transaction_can_be_had_in_every_stage(stage: Stage) -> None:
    transaction = transactions.TransactionFactory(stage=stage, partner="XPRESS", txn_id="WANTED-1", reference="R-1")
    assert (transaction.stage, transaction.partner.code) == (stage, "XPRESS")
    assert (transaction.txn_id, transaction.partner_reference) == ("WANTED-1", "R-1")
