"""When the bank works: Monday to Friday, 09:00 to 17:00 in Pakistan, but for its holidays (DECISIONS.md section 6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Asia/Karachi")
OPENS: Final = dt.time(9)
CLOSES: Final = dt.time(17)
_SATURDAY: Final = 5


def is_bank_day(day: dt.date, holidays: Container[dt.date]) -> bool:
    """Whether the bank is open on `day`."""
    return day.weekday() < _SATURDAY and day not in holidays


def end_of_bank_day(now: dt.datetime, holidays: Container[dt.date]) -> dt.datetime:
    """When the present bank day ends; outside opening hours, when the next one does."""
    day = now.astimezone(ZONE).date()
    while True:
        closing = dt.datetime.combine(day, CLOSES, ZONE)
        if closing > now and is_bank_day(day, holidays):
            return closing
        day += dt.timedelta(days=1)


def next_update_by(deadline: dt.datetime | None, now: dt.datetime, holidays: Container[dt.date]) -> dt.datetime:
    """When a partner hears more at the latest: at the stage's deadline or at the end of the bank day, what is earlier.

    A deadline that has passed promises nothing any more.
    """
    closing = end_of_bank_day(now, holidays)
    return deadline if deadline is not None and now < deadline < closing else closing
