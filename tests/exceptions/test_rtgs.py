"""The RTGS desk: what waits there, the longest first, and what treasury can do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from tests.factories.accounts import UserFactory
from tests.factories.transactions import TransactionFactory
from tests.people import signed_in
from tests.transactions.pages import read
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


def test_what_is_on_rtgs_is_listed_with_the_longest_waiting_first(as_tariq: Client) -> None:
    young = TransactionFactory(stage="rtgs_queue", age=timedelta(minutes=5))
    old = TransactionFactory(stage="rtgs_queue", age=timedelta(hours=5))
    settling = TransactionFactory(stage="settlement", age=timedelta(hours=1))
    elsewhere = TransactionFactory(stage="settlement", age=timedelta(hours=1))
    Transaction.objects.filter(pk=settling.pk).update(rail="RTGS")
    Transaction.objects.filter(pk=elsewhere.pk).update(rail="1LINK")
    page = read(as_tariq.get("/rtgs/"))
    assert [row.attrs["data-id"] for row in page.all("tr")[1:]] == [old.txn_id, settling.txn_id, young.txn_id]
    assert "Mark as manually settled" in page.text
    assert "Mark as reversed" in page.text


def test_others_read_why_they_can_do_nothing_or_only_ask(as_rabia: Client, as_nadia: Client) -> None:
    TransactionFactory(stage="rtgs_queue")
    assert "Mark as manually settled" not in read(as_rabia.get("/rtgs/")).all("tbody")[0].text
    assert "Ask the bank" in read(as_rabia.get("/rtgs/")).text
    assert "This needs the right to" in read(as_nadia.get("/rtgs/")).text


def test_rows_stay_inside_the_scope_and_bad_filters_show_none(as_tariq: Client) -> None:
    made = TransactionFactory(stage="rtgs_queue")
    outsider = signed_in(UserFactory(roles=["Treasury maker"]))
    assert "Nothing is on RTGS." in read(outsider.get("/rtgs/")).text
    for query in ("stage=foo", "colour=red", "partner=NOBODY"):
        page = read(as_tariq.get(f"/rtgs/?{query}")).text
        assert made.txn_id not in page
        assert "There is no" in page
    assert made.txn_id not in read(as_tariq.get("/rtgs/?after=NOWHERE")).text
