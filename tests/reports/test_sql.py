"""What the database writes into a file is what the pages write: masks, amounts, times and guarded texts."""

from __future__ import annotations

import datetime as dt
import random
import string
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import CharField, DateField, DateTimeField, DecimalField, F, Value

from accounts.models import Partner
from backoffice.reports import sql, writing
from tests.factories.accounts import PartnerFactory
from transactions import formats, masking

pytestmark = pytest.mark.django_db

HOSTILE = ["=1", "+1", "-1", "@a", "\t", "\rx", "'", "", "a=1", "ü", " =1"]
PHONES = [
    "+923001234567",
    "03001234567",
    "+14155550100",
    "+97150123456",
    "+2",
    "+",
    "12345",
    "+99912345678",
    "+92 300-1234567 ",
]
EMAILS = ["amna@example.org", "a@example.org", "@example.org", "amna@", "a.b@c@example.org", "amna", " amna@x.org "]


def made(expression: Any) -> Any:
    """What the database makes of an expression."""
    PartnerFactory() if not Partner.objects.exists() else None
    return Partner.objects.annotate(made=expression).values_list("made", flat=True)[0]


def text(value: str) -> Value:
    return Value(value, output_field=CharField())


def words(seed: int) -> list[str]:
    dice = random.Random(seed)
    letters = string.ascii_letters + string.digits * 4 + " -/+@.\u0627\u0661\u2022"
    return ["".join(dice.choices(letters, k=dice.randint(0, 26))) for _ in range(120)]


NUMBERS = [
    "4210112345671",
    "42101-1234567-1",
    "PK36SCBL0000001123456702",
    "pk36 scbl 0000 0011 2345 6702",
    "AB1234567",
    "12",
]


@pytest.mark.parametrize(
    ("in_sql", "in_python"),
    [
        (sql.mask_cnic, masking.mask_cnic),
        (sql.mask_id, masking.mask_id),
        (sql.mask_iban, masking.mask_iban),
        (sql.mask_account, masking.mask_account),
        (sql.mask_phone, masking.mask_phone),
        (sql.mask_email, masking.mask_email),
    ],
)
def test_a_mask_of_the_database_is_the_mask_of_the_pages(
    in_sql: Callable[[Any], sql.Sql], in_python: Callable[[str], masking.Masked]
) -> None:
    values = [*NUMBERS, *PHONES, *EMAILS, *words(1)]
    PartnerFactory()
    given = {f"v{at}": in_sql(text(value)) for at, value in enumerate(values)}
    found = Partner.objects.values(**given)[0]
    for at, value in enumerate(values):
        expected = str(in_python(value)) if value else ""
        assert found[f"v{at}"] == expected, value


def test_dates_of_birth_and_addresses_are_masked_alike() -> None:
    day = dt.date(1988, 2, 29)
    assert made(sql.mask_birth_date(Value(day, output_field=DateField()))) == str(masking.mask_birth_date(day))
    where = {"city": "Lahore", "country": "PK"}
    assert made(sql.mask_address(text("Lahore"), text("PK"), text("House 7, Lahore"))) == str(
        masking.mask_address(where)
    )
    assert made(sql.mask_address(text(""), text(""), text("House 7"))) == str(masking.mask_address("House 7"))
    assert made(sql.mask_address(text(""), text(""), text(""))) == ""


@pytest.mark.parametrize("value", HOSTILE)
def test_a_text_is_guarded_as_the_reports_guard_it(value: str) -> None:
    rows = Partner.objects.annotate(column=text(value))
    ways = {
        "word": sql.guarded(text(value)),
        "stored": sql.guarded(F("column")),
        "worked_out": sql.guarded(sql.Sql("{0} || ''", "column")),
        "chosen": sql.guarded(sql.worded("code", {"NONE": "="}, F("column"))),
        "chosen_word": sql.guarded(sql.worded("code", {"ABC": value}, "-")),
    }
    PartnerFactory(code="ABC")
    found = rows.annotate(**ways).values(*ways)[0]
    assert found == dict.fromkeys(ways, writing.guarded(value))


@pytest.mark.parametrize("currency", ["PKR", "JPY", "KWD", "CLF", "XXX"])
@pytest.mark.parametrize("amount", ["110227.0000", "0.5000", "12.3450", "12.3456", "7.0000"])
def test_an_amount_is_written_as_a_copy_of_the_page_writes_it(currency: str, amount: str) -> None:
    value = Value(Decimal(amount), output_field=DecimalField(max_digits=20, decimal_places=4))
    assert made(sql.amount(value, text(currency))) == formats.plain_amount(Decimal(amount), currency)


@pytest.mark.parametrize("zone", ["Asia/Karachi", "UTC", "America/New_York"])
def test_a_time_carries_the_offset_of_the_zone(zone: str) -> None:
    from zoneinfo import ZoneInfo

    for at in (dt.datetime(2026, 7, 1, 22, 3, 22, tzinfo=dt.UTC), dt.datetime(2026, 11, 22, 9, 3, 22, tzinfo=dt.UTC)):
        with transaction.atomic(), connection.cursor() as cursor:
            PartnerFactory()
            cursor.execute("SELECT set_config('TimeZone', %s, true)", [zone])
            found = made(sql.moment(Value(at, output_field=DateTimeField())))
            cursor.execute("SELECT set_config('TimeZone', 'UTC', true)")
            transaction.set_rollback(True)
        assert found == writing.text_of(at, ZoneInfo(zone))


def test_a_word_without_a_wording_stays_what_it_is() -> None:
    PartnerFactory(code="ABC")
    assert made(sql.worded("code", {"XYZ": "Another"}, F("code"))) == "ABC"
    assert made(sql.worded("code", {"ABC": "This 100 % one"})) == "This 100 % one"
