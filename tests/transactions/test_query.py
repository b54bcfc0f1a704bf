"""The query behind every list: one address per question, and never more rows than were asked for."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.models import User
from tests.transactions.rows import NOW, lay
from transactions import paging
from transactions.models import Transaction
from transactions.query import ORDER, TransactionQuery
from transactions.reading import Kind, read
from transactions.vocabulary import Stage

pytestmark = pytest.mark.django_db


def ask(text: str, user: User) -> TransactionQuery:
    return TransactionQuery(QueryDict(text), user, NOW)


def test_an_address_has_one_form(omar: User) -> None:
    lay(1), lay(2, partner="RIA")
    written = (
        "size=25&created=22+Nov+2026..2026-11-22&status=completed&status=failed&status=failed&partner=RIA&sort=-created"
    )
    query = ask(written, omar)
    assert query.address == (
        "/transactions/?status=failed&status=completed&partner=RIA&created=2026-11-22..2026-11-22&size=25"
    )
    assert ask(query.query_string, omar).address == query.address


def test_relative_days_stay_relative_in_the_address(hina: User) -> None:
    for word in ("today", "yesterday", "24h", "7d", "30d", "90d", "month"):
        assert ask(f"created={word}", hina).address == f"/transactions/?created={word}"


def test_a_chip_takes_one_value_away_and_the_page_with_it(hina: User) -> None:
    lay(1), lay(2)
    query = ask("status=failed&status=completed&rail=1LINK&after=PSL000000001&sort=created", hina)
    assert [(chip.label, chip.remove_url) for chip in query.chips] == [
        ("Status: Failed", "/transactions/?status=completed&rail=1LINK&sort=created"),
        ("Status: Completed", "/transactions/?status=failed&rail=1LINK&sort=created"),
        ("Rail: 1LINK", "/transactions/?status=failed&status=completed&sort=created"),
    ]
    assert query.clear_url == "/transactions/?sort=created"


def test_what_is_not_sound_has_no_rows_no_count_and_no_page(hina: User) -> None:
    lay(1)
    query = ask("status=foo", hina)
    assert not query.is_sound
    assert (list(query.rows), query.count.number, list(query.page.rows)) == ([], 0, [])
    (problem,) = query.problems
    assert problem.sentence == 'There is no status "foo". Remove it to see results.'
    assert (problem.parameter, problem.value, problem.remove_url) == ("status", "foo", "/transactions/")


def test_no_combination_of_filters_widens_or_breaks(as_hina: Client, hina: User) -> None:
    """Two hundred addresses by chance, half of their words wrong: never an error, never a row too many."""
    dice = random.Random(11)
    for number, stage in enumerate(Stage, start=1):
        lay(
            number,
            stage=stage,
            rail=dice.choice(["1LINK", "RAAST", ""]),
            received_at=NOW - dt.timedelta(hours=9 * number),
        )
        lay(100 + number, stage=stage, partner="RIA")
    mine = set(Transaction.objects.visible_to(hina).values_list("txn_id", flat=True))
    words = {
        "status": ["failed", "completed", "pending", "foo"],
        "stage": ["checks", "payment", "screening", "returned"],
        "partner": ["INSTANTCASH", "RIA"],
        "branch": ["1003", "1"],
        "rail": ["1LINK", "SWIFT"],
        "flag": ["late", "missing", "x"],
        "created": ["today", "7d", "..", "2026-11-20..", "1.1.1"],
        "amount_min": ["1", "9e9", "x", "-0"],
        "amount_max": ["7700", "٣"],
        "currency": ["PKR", "pkr", "ZZZ"],
        "sort": ["created", "-created", "amount"],
        "size": ["25", "26"],
        "after": ["PSL000000003", "PSL000000103"],
        "before": ["PSL000000009"],
        "bogus": ["1"],
    }
    sound = 0
    for _ in range(200):
        params = QueryDict(mutable=True)
        for name in dice.sample(sorted(words), dice.randint(1, 4)):
            params.setlist(name, dice.sample(words[name], dice.randint(1, min(2, len(words[name])))))
        response = as_hina.get(f"/transactions/?{params.urlencode()}")
        assert response.status_code == 200, params
        query = TransactionQuery(params, hina, NOW)
        rows = {row.txn_id for row in query.page.rows}
        assert rows <= mine
        assert query.is_sound or not rows
        sound += query.is_sound
        for row in query.rows if query.is_sound else ():
            assert not params.getlist("status") or row.status in params.getlist("status")
            assert not params.getlist("rail") or row.rail in params.getlist("rail")
        assert set(params) <= set(ORDER) or not query.is_sound
    assert 20 < sound < 180


def test_a_count_stops_at_ten_thousand() -> None:
    assert str(paging.Count(10_000)) == "10,000"
    assert str(paging.Count(10_001)) == "10,000+"
    assert paging.Count(10_001).is_capped


@pytest.mark.parametrize(
    ("text", "kinds", "is_plain"),
    [
        ("PSL000000045", [Kind.REFERENCE], True),
        ("PSL 000 000 045", [Kind.REFERENCE], True),
        ("482913", [Kind.REFERENCE], True),
        ("8d5b0c1e-2f0d-4f63-9a51-0c7a34b1a0de", [Kind.REFERENCE], True),
        ("Farhan 42101-1234567-1", [Kind.REFERENCE], False),
        ("House 5 Street 9", [Kind.REFERENCE], False),
        ("ali 03001234567", [Kind.REFERENCE], False),
        ("PK36SCBL0000001123456702", [Kind.REFERENCE, Kind.IBAN], False),
        ("FT26326000000045", [Kind.REFERENCE], True),
        ("42101-1234567-1", [Kind.REFERENCE, Kind.CNIC], False),
        ("٤٢١٠١١٢٣٤٥٦٧١", [Kind.REFERENCE, Kind.CNIC], False),
        ("00923001234567", [Kind.REFERENCE, Kind.ACCOUNT, Kind.PHONE], False),
        ("+44 20 7946 0958", [Kind.REFERENCE, Kind.PHONE], False),
        ("a.b@example.com", [Kind.EMAIL], False),
        ("ab1234567", [Kind.REFERENCE], False),
        ("C 01X00T47", [Kind.REFERENCE], True),
        ("passport AB-1234567", [Kind.REFERENCE], False),
        ("Ahmed", [Kind.REFERENCE, Kind.NAME], False),
        ("عائشہ", [Kind.NAME], False),
        ("😀", [], False),
    ],
)
def test_what_was_typed_is_read_as_what_it_may_be(text: str, kinds: list[Kind], is_plain: bool) -> None:
    reading = read(text)
    assert (list(reading.kinds), reading.is_plain) == (kinds, is_plain)
