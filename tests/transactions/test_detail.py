"""The detail page as people read it over HTTP."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.transactions.arriving import NOW, in_stage
from transactions.vocabulary import Stage

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("stage", Stage.values)
def test_the_page_opens_in_every_stage(as_hina: Client, stage: str, time_machine: object) -> None:
    transaction = in_stage(stage)
    page = as_hina.get(transaction.get_absolute_url())
    assert page.status_code == 200
    assert transaction.txn_id in page.content.decode()
