"""Amounts, rates, times, durations and codes as people read them (UI.md section 5)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactions import formats
from transactions.currencies import CURRENCIES, is_currency, minor_units, smallest_amount
from transactions.vocabulary import Badge, Stage, Status, badge_of

KARACHI = ZoneInfo("Asia/Karachi")
UTC = ZoneInfo("UTC")
DUBAI = ZoneInfo("Asia/Dubai")
LONDON = ZoneInfo("Europe/London")
NOW = dt.datetime(2026, 11, 22, 9, 3, 22, 120_456, tzinfo=dt.UTC)
NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("110227", "PKR", "PKR 110,227.00"),
        ("0", "PKR", "PKR 0.00"),
        ("1431.5200", "AED", "AED 1,431.52"),
        ("31.25", "KWD", "KWD 31.250"),
        ("5", "BHD", "BHD 5.000"),
        ("120000", "JPY", "JPY 120,000"),
        ("1.2345", "CLF", "CLF 1.2345"),
        ("-12.5", "USD", "\N{MINUS SIGN}USD 12.50"),
        ("0.005", "PKR", "PKR 0.005"),
        ("99999999.99", "PKR", "PKR 99,999,999.99"),
    ],
)
def test_an_amount_has_its_currencys_code_and_decimals(amount: str, currency: str, text: str) -> None:
    assert formats.money(Decimal(amount), currency) == text.replace(" ", NBSP)


def test_an_amount_to_copy_is_a_plain_number() -> None:
    assert formats.plain_amount(Decimal("110227"), "PKR") == "110227.00"
    assert formats.plain_amount(Decimal("-1200"), "JPY") == "-1200"
    assert formats.plain_amount(Decimal("31.25"), "KWD") == "31.250"


@given(
    st.decimals(min_value=-(10**15), max_value=10**15, places=4, allow_nan=False), st.sampled_from(sorted(CURRENCIES))
)
def test_no_amount_is_rounded_away_on_its_way_to_the_screen(amount: Decimal, currency: str) -> None:
    shown = Decimal(formats.amount_text(amount, currency).replace(",", ""))
    assert shown == abs(amount)
    assert Decimal(formats.plain_amount(amount, currency)) == amount


def test_currencies_know_their_decimals() -> None:
    assert [minor_units(code) for code in ("PKR", "JPY", "KWD", "CLF", "ISK", "TND", "UYW")] == [2, 0, 3, 4, 0, 3, 4]
    assert smallest_amount("PKR") == Decimal("0.01")
    assert smallest_amount("JPY") == Decimal(1)
    assert is_currency("PKR")
    assert not is_currency("XXX")
    assert not is_currency("pkr")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("77", "1 AED = 77.0000 PKR"),
        ("76.01862069", "1 AED = 76.018621 PKR"),
        ("0.00412", "1 AED = 0.00412 PKR"),
        ("1234.5", "1 AED = 1,234.5000 PKR"),
    ],
)
def test_a_rate_says_its_direction_with_four_to_six_decimals(value: str, text: str) -> None:
    assert formats.rate(Decimal(value), "AED", "PKR") == text


def check(settled: str, rate: str = "77") -> formats.FxCheck:
    return formats.fx_check(
        sent=Decimal("1431.52"),
        sent_currency="AED",
        rate=Decimal(rate),
        settled=Decimal(settled),
        settled_currency="PKR",
    )


def test_the_fx_line_names_a_rounding_difference() -> None:
    assert check("110227") == formats.FxCheck(
        "1,431.52 AED \N{MULTIPLICATION SIGN} 77.0000 = 110,227.04 PKR; payout 110,227.00; difference 0.04 (rounding)",
        "",
    )


def test_the_fx_line_says_when_there_is_no_difference() -> None:
    assert check("110227.04").line.endswith("payout 110,227.04; no difference")


def test_a_difference_inside_the_tolerance_is_not_called_rounding() -> None:
    fitting = check("110300")
    assert fitting.line.endswith("difference 72.96 (within 0.5%)")
    assert fitting.warning == ""


def test_a_payout_that_is_not_what_the_rate_makes_warns() -> None:
    assert check("33229.04").warning == f"Payout differs from amount × rate by PKR{NBSP}76,998.00"


def test_times_read_the_same_clock_everywhere() -> None:
    assert formats.when_in_table(NOW, KARACHI, NOW) == "22 Nov 14:03"
    assert formats.when_in_detail(NOW, KARACHI) == "22 Nov 2026, 14:03:22 PKT"
    assert formats.when_in_audit(NOW, KARACHI) == "22 Nov 2026, 14:03:22.120 PKT (09:03:22.120 UTC)"
    assert formats.clock(NOW, KARACHI) == "14:03:22 PKT"
    assert formats.iso_utc(NOW) == "2026-11-22T09:03:22Z"
    assert formats.iso_utc(NOW, milliseconds=True) == "2026-11-22T09:03:22.120Z"


def test_a_reader_in_utc_is_not_told_utc_twice() -> None:
    assert formats.when_in_audit(NOW, UTC) == "22 Nov 2026, 09:03:22.120 UTC"
    assert formats.zone_sentence(NOW, UTC) == "Coordinated Universal Time (UTC)"


def test_another_year_is_written_out_as_the_reader_counts_years() -> None:
    new_year_in_karachi = dt.datetime(2025, 12, 31, 20, 0, tzinfo=dt.UTC)
    assert formats.when_in_table(new_year_in_karachi, KARACHI, NOW) == "1 Jan 01:00"
    assert formats.when_in_table(new_year_in_karachi, UTC, NOW) == "31 Dec 2025 20:00"


def test_a_zone_without_an_abbreviation_shows_its_offset() -> None:
    assert formats.zone_label(NOW, DUBAI) == "UTC+04:00"
    assert formats.zone_sentence(NOW, DUBAI) == "Asia/Dubai (UTC+04:00)"
    assert formats.zone_sentence(NOW, KARACHI) == "Pakistan Time (PKT, UTC+05:00)"
    assert formats.zone_sentence(NOW, LONDON) == "Europe/London (GMT, UTC+00:00)"
    assert formats.zone_label(NOW, ZoneInfo("America/St_Johns")) == "NST"


def test_relative_times_never_stand_alone() -> None:
    assert formats.when_relative(NOW - dt.timedelta(minutes=42), KARACHI, NOW) == "13:21 PKT, 42 min ago"
    assert formats.when_relative(NOW - dt.timedelta(hours=26), KARACHI, NOW) == "21 Nov 12:03 PKT, 1 d 2 h ago"
    assert formats.when_relative(NOW + dt.timedelta(minutes=30), KARACHI, NOW) == "14:33 PKT, in 30 min"


def test_a_deadline_says_how_long_is_left_and_when_it_is() -> None:
    assert formats.due(NOW + dt.timedelta(hours=2, minutes=14), KARACHI, NOW) == "2 h 14 min left (by 16:17 PKT)"
    assert formats.due(NOW - dt.timedelta(minutes=25), KARACHI, NOW) == "25 min over (was due 13:38 PKT)"
    assert formats.due(NOW + dt.timedelta(days=2), KARACHI, NOW) == "2 d left (by 24 Nov 14:03 PKT)"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.42, "0.4 s"),
        (31.9, "31 s"),
        (125, "2 min 5 s"),
        (300, "5 min"),
        (2520, "42 min"),
        (11400, "3 h 10 min"),
        (7200, "2 h"),
        (93600, "1 d 2 h"),
        (-125, "2 min 5 s"),
        (86400 * 1200, "1,200 d"),
    ],
)
def test_durations_have_at_most_two_units(seconds: float, text: str) -> None:
    assert formats.duration(dt.timedelta(seconds=seconds)) == text


def test_codes_and_numbers_are_grouped_for_reading() -> None:
    assert formats.iban("pk94unil0109000275521486") == "PK94 UNIL 0109 0002 7552 1486"
    assert formats.phone("+923001234567") == "+92 300 123 4567"
    assert formats.phone("+971501234567") == "+971 50 123 4567"
    assert formats.phone("03001234567") == "03001234567"
    assert formats.number(2431) == "2,431"
    assert formats.country("pk") == "Pakistan (PK)"
    assert formats.country("QQ") == "QQ"


def test_a_name_keeps_its_letters_and_loses_invisible_direction_marks() -> None:
    assert formats.person_name("  Umair \u202e  Shaikh ") == "Umair Shaikh"
    assert formats.person_name("محمد احمد") == "محمد احمد"


def test_each_badge_stands_inside_the_status_of_every_stage_that_shows_it() -> None:
    from transactions.lifecycle import POSITION

    assert set(formats.STATUS_OF_BADGE) == set(Badge)
    for stage in Stage:
        inside = POSITION[stage][0]
        for sees_compliance in (True, False):
            badge = badge_of(inside, stage, sees_compliance=sees_compliance)
            assert formats.STATUS_OF_BADGE[badge] == Status(inside)
