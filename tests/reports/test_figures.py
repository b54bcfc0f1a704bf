"""A number on a page of figures and the list behind it mean the same rows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from accounts.models import User
from backoffice.reports.figures import Ground, snapshot
from backoffice.reports.templatetags.report_tags import figure, worth
from tests.transactions.rows import lay
from transactions.models import ReasonCode

pytestmark = pytest.mark.django_db


def ground(address: str, user: User, now: datetime | None = None, **more: Any) -> Ground:
    return Ground(QueryDict(address.partition("?")[2]), user, now or timezone.now(), path="/somewhere/", **more)


def rows_behind(browser: Client, url: str) -> int:
    found = re.search(r'<h1>Transactions(?: <span class="count">([\d,]+)</span>)?', browser.get(url).content.decode())
    assert found
    return int((found[1] or "0").replace(",", ""))


def test_a_figure_has_exactly_the_rows_of_its_list(sana: User, as_sana: Client) -> None:
    now = timezone.now()
    for number in range(3):
        lay(number, received_at=now, stage="failed_final", reason_code="AC01")
    lay(4, received_at=now, branch="")
    lay(5, received_at=now - timedelta(days=40))
    asked = ground("?range=30d", sana, now)
    found = asked.counted({"all": {}, "failed": {"status": "failed"}, "nowhere": {"branch": "none"}})
    assert {name: one.number for name, one in found.items()} == {"all": 4, "failed": 3, "nowhere": 1}
    assert {name: rows_behind(as_sana, one.url) for name, one in found.items()} == {"all": 4, "failed": 3, "nowhere": 1}


def test_the_addresses_of_figures_have_one_order_of_parameters(sana: User) -> None:
    lay(1)
    asked = ground("?partner=INSTANTCASH&range=7d", sana)
    assert (
        asked.url(currency="PKR", status=["failed", "received"])
        == "/transactions/?status=failed&status=received&partner=INSTANTCASH&created=7d&currency=PKR"
    )
    assert asked.address(branch="1003") == "/somewhere/?range=7d&partner=INSTANTCASH&branch=1003"


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("?range=foo", 'Created "foo": Enter a date like 22 Nov 2026.'),
        ("?partner=NOBODY", 'There is no partner "NOBODY".'),
        ("?colour=red", 'There is no filter "colour".'),
        ("?created=today", 'There is no filter "created".'),
        ("?status=failed", 'There is no filter "status".'),
    ],
)
def test_a_parameter_that_is_not_known_is_refused_by_name_and_never_widens(
    sana: User, address: str, fault: str
) -> None:
    lay(1, received_at=timezone.now())
    asked = ground(address, sana)
    assert not asked.is_sound
    assert [trouble.fault for trouble in asked.troubles] == [fault]
    assert asked.troubles[0].remove_url == "/somewhere/"


def test_a_partner_outside_the_scope_is_refused_like_one_that_does_not_exist(hina: User) -> None:
    lay(1, partner="RIA")
    faults = [ground(f"?partner={code}", hina).troubles[0].fault for code in ("RIA", "NIX")]
    assert faults == ['There is no partner "RIA".', 'There is no partner "NIX".']


def test_two_days_of_the_control_are_one_period_in_the_readers_zone(sana: User) -> None:
    sana.time_zone = "Asia/Karachi"
    asked = ground("?range=&range_from=1+Nov+2026&range_to=2026-11-02", sana)
    assert asked.period == "1 Nov 2026 to 2 Nov 2026 (PKT, both days included)"
    assert asked.span.start == datetime(2026, 10, 31, 19, tzinfo=UTC)
    assert asked.chosen == ""
    assert ground("", sana).period == "Today (PKT)"


def test_outside_compliance_what_was_not_accepted_is_one_reason(omar: User, mehwish: User) -> None:
    now = timezone.now()
    ReasonCode.objects.update_or_create(
        code="RR04", defaults={"sentence": "Regulatory reason", "family": "compliance", "retry_class": "COMPLIANCE"}
    )
    lay(1, received_at=now, stage="rejected_compliance", reason_code="AC01")
    lay(2, received_at=now, stage="failed_final", reason_code="RR04")
    lay(3, received_at=now, stage="failed_final", reason_code="AC01")
    lay(4, received_at=now, stage="failed_final", reason_code="ZZ99")
    lay(5, received_at=now, stage="failed_final")
    words = ["AC01", "not-known", "none"]
    questions = {word: {"reason": word, "status": "failed"} for word in words}
    outside = ground("", omar, now).counted({**questions, "not": {"reason": "not-accepted", "status": "failed"}})
    inside = ground("", mehwish, now).counted({**questions, "RR04": {"reason": "RR04", "status": "failed"}})
    assert [one.number for one in outside.values()] == [1, 1, 1, 2]
    assert [one.number for one in inside.values()] == [2, 1, 1, 1]
    assert not ground("", omar, now).asked_at("/transactions/?reason=RR04").is_sound
    assert not ground("", mehwish, now).asked_at("/transactions/?reason=not-accepted").is_sound


def test_a_corridor_is_two_countries(sana: User) -> None:
    now = timezone.now()
    lay(1, received_at=now, origin_country="AE", destination_country="PK")
    lay(2, received_at=now, destination_country="PK")
    asked = ground("", sana, now)
    found = asked.counted({"AE-PK": {"corridor": "AE-PK"}, "-PK": {"corridor": "-PK"}})
    assert [one.number for one in found.values()] == [1, 1]
    (problem,) = asked.asked_at("/transactions/?corridor=Emirates").problems
    assert problem.fault == 'There is no corridor "EMIRATES". Write two countries like AE-PK.'


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_does_not_see_what_comes_in_meanwhile(sana: User) -> None:
    import threading

    from django.db import connection

    from transactions.models import Transaction

    def comes_in() -> None:
        lay(2)
        connection.close()

    lay(1)
    with snapshot():
        assert Transaction.objects.count() == 1
        other = threading.Thread(target=comes_in)
        other.start()
        other.join()
        assert Transaction.objects.count() == 1
    assert Transaction.objects.count() == 2


def test_a_number_is_written_as_the_link_to_its_rows(sana: User) -> None:
    asked = ground("", sana)
    assert figure(asked.figure(2431, status="failed"), "failed") == (
        '<a class="fig" data-figure="2431" href="/transactions/?status=failed&amp;created=today">2,431'
        '<span class="visually-hidden"> failed</span></a>'
    )


def test_amounts_may_be_short_and_keep_the_whole_amount() -> None:
    from decimal import Decimal

    assert worth([("PKR", Decimal("412600000.0000"))]) == (
        '<data class="money" value="PKR 412600000.00">PKR\N{NO-BREAK SPACE}412.6M</data>'
    )
    assert "KWD\N{NO-BREAK SPACE}12.345" in worth([("KWD", Decimal("12.3450"))])
