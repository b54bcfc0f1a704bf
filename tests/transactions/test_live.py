"""Telling open pages: what is said with a change, when it is said, and that nothing that could be read is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from accounts.models import Branch, Partner, User
from accounts.permissions import Role
from tests.factories.accounts import PartnerFactory, grant
from tests.gateway import telling
from tests.people import person, signed_in
from transactions import live
from transactions.live import Change
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)


class Listening:
    """A connection of its own that listens as the hub does."""

    def __init__(self) -> None:
        params = connection.get_connection_params()
        self.connection = psycopg.connect(**{**params, "cursor_factory": None, "context": None}, autocommit=True)
        for channel in (live.CHANGES, live.SCOPES):
            self.connection.execute(f"LISTEN {channel}")

    def notices(self) -> list[tuple[str, str]]:
        """What was said since the last time: channel and payload."""
        return [(one.channel, one.payload) for one in self.connection.notifies(timeout=0.3)]


@pytest.fixture
def listening() -> Iterator[Listening]:
    one = Listening()
    yield one
    one.connection.close()


def changes(notices: list[tuple[str, str]]) -> list[list[Any]]:
    return [json.loads(payload) for channel, payload in notices if channel == live.CHANGES]


def scopes(notices: list[tuple[str, str]]) -> list[str]:
    return [payload for channel, payload in notices if channel == live.SCOPES]


def test_a_delivery_is_told_once_whatever_the_number_of_its_events(listening: Listening) -> None:
    PartnerFactory(code="RIA")
    telling.take_in(*(telling.paid(f"T{number}") for number in range(20)))

    (told,) = changes(listening.notices())

    rows = Transaction.objects.order_by("pk").values_list("pk", "partner_id", "branch_id", "version")
    assert sorted(told) == [list(row) for row in rows]


def test_what_is_told_holds_no_reference_and_no_name(listening: Listening) -> None:
    PartnerFactory(code="RIA")
    telling.take_in(telling.paid("SECRET-REFERENCE"))

    (payload,) = [payload for channel, payload in listening.notices() if channel == live.CHANGES]

    assert set(payload) <= set("[]0123456789,nul")


def test_a_delivery_that_is_not_taken_in_is_not_told(listening: Listening) -> None:
    PartnerFactory(code="RIA")
    with transaction.atomic():
        telling.take_in(telling.paid("T1"))
        transaction.set_rollback(True)

    assert listening.notices() == []


def test_an_event_that_moves_nothing_is_told_too(listening: Listening) -> None:
    PartnerFactory(code="RIA")
    telling.take_in(telling.received("T1"), telling.stage("T1", 2, "intake"))
    listening.notices()

    telling.take_in(telling.screened("T1", 3))

    (told,) = changes(listening.notices())
    assert [one[0] for one in told] == [Transaction.objects.get(txn_id="T1").pk]


@pytest.mark.parametrize("highest", [1, 2**62])
def test_a_large_delivery_is_told_in_notices_that_postgresql_takes(listening: Listening, highest: int) -> None:
    all_of_them = [Change(highest + number, highest, highest, 2**31 - 1) for number in range(1_000)]
    with transaction.atomic():
        live.announce(all_of_them)

    told = changes(listening.notices())

    assert [Change(*one) for notice in told for one in notice] == all_of_them
    assert max(map(len, told)) <= 250
    assert all(len(notice) < 8_000 for notice in live.notices(all_of_them))


def test_a_deed_tells_of_the_rows_that_it_changed(listening: Listening) -> None:
    PartnerFactory(code="RIA")
    telling.take_in(telling.received("T1"))
    listening.notices()
    changed = Transaction.objects.get(txn_id="T1")

    with transaction.atomic():
        live.announce([changed])
        assert listening.notices() == [], "not before it is committed"

    assert changes(listening.notices()) == [[[changed.pk, changed.partner_id, None, changed.version]]]


def test_who_may_see_what_is_told_when_it_changes_whichever_way(listening: Listening) -> None:
    hina, partner = person("hina"), PartnerFactory(code="HARBOUR")
    listening.notices()

    grant(hina, partner, "see")
    assert scopes(listening.notices()) == [f"user:{hina.pk}"]
    hina.groups.clear()
    assert scopes(listening.notices()) == [f"user:{hina.pk}"]
    hina.user_permissions.set([])
    assert scopes(listening.notices()) == [f"user:{hina.pk}"]
    role = person("omar").groups.get(name=Role.OPERATIONS_MAKER.value)
    listening.notices()
    role.permissions.remove(role.permissions.first())
    assert scopes(listening.notices()) == ["all"]
    User.objects.filter(pk=hina.pk).update(is_active=False)
    assert scopes(listening.notices()) == ["sessions"]


def test_the_end_of_a_session_is_told_and_its_use_is_not(listening: Listening) -> None:
    client = signed_in(person("hina"))
    listening.notices()

    client.get("/transactions/")
    assert listening.notices() == []
    client.post("/logout/")
    assert "sessions" in scopes(listening.notices())


def test_names_of_organisations_are_nobodys_scope(listening: Listening) -> None:
    PartnerFactory(code="RIA")
    Partner.objects.update(name="Another name")
    Branch.objects.update(name="Another name")

    assert listening.notices() == []
