"""By when a stage should be over."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.factories.transactions import HolidayFactory, PartnerFactory, StageLimitFactory
from transactions import deadlines
from transactions.deadlines import Deadlines, Limit, after_bank_days

KARACHI = ZoneInfo("Asia/Karachi")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KARACHI)


@pytest.mark.parametrize(
    ("since", "days", "due"),
    [
        ("2026-11-16T10:00", 1, "2026-11-17T10:00"),  # Monday to Tuesday
        ("2026-11-20T16:00", 1, "2026-11-23T16:00"),  # Friday to Monday
        ("2026-11-20T16:00", 2, "2026-11-24T16:00"),
        ("2026-11-21T12:00", 1, "2026-11-23T17:00"),  # Saturday: Monday's whole day
        ("2026-11-20T20:00", 1, "2026-11-23T17:00"),
        ("2026-11-16T09:00", 1, "2026-11-16T17:00"),
        ("2026-11-16T03:00", 1, "2026-11-16T17:00"),
    ],
)
def test_a_bank_day_is_eight_bank_hours(since: str, days: int, due: str) -> None:
    assert after_bank_days(moment(since), days) == moment(due)


def test_holidays_do_not_count() -> None:
    monday = {date(2026, 11, 23)}
    assert after_bank_days(moment("2026-11-20T16:00"), 1, monday) == moment("2026-11-24T16:00")


def test_the_narrowest_limit_wins() -> None:
    limits = Deadlines(
        [
            Limit("settlement", "", None, "", 60, in_bank_days=False),
            Limit("settlement", "RAAST", None, "", 5, in_bank_days=False),
            Limit("settlement", "", 7, "", 30, in_bank_days=False),
            Limit("compliance_review", "", None, "screening", 240, in_bank_days=False),
        ]
    )
    since = moment("2026-11-16T10:00")
    assert limits.due("settlement", since) == since + timedelta(minutes=60)
    assert limits.due("settlement", since, rail="RAAST") == since + timedelta(minutes=5)
    assert limits.due("settlement", since, rail="RAAST", partner_id=7) == since + timedelta(minutes=30)
    assert limits.due("compliance_review", since, step="title_fetch") is None
    assert limits.due("credited", since) is None


@pytest.mark.django_db
def test_the_reference_data_is_read_in_two_queries(django_assert_num_queries: object) -> None:
    partner = PartnerFactory()
    StageLimitFactory(stage="settlement", partner=partner, amount=1, unit="bank_days")
    HolidayFactory(day=date(2026, 11, 23))
    with django_assert_num_queries(2):  # type: ignore[operator]
        loaded = deadlines.load()
    due = loaded.due("settlement", moment("2026-11-20T16:00"), rail="RAAST", partner_id=partner.pk)
    assert due == moment("2026-11-24T16:00")
