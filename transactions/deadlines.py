"""By when a stage should be over: the limits of DECISIONS.md section 6 as reference data, and the bank's hours.

The rules are pure; `load` reads the reference data once for as many transactions as are asked about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from transactions.bank_days import CLOSES, OPENS, ZONE, end_of_bank_day
from transactions.models import Holiday, StageLimit


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a stage may last: minutes by the clock, or bank days of eight hours. Empty narrows nothing."""

    stage: str
    rail: str
    partner_id: int | None
    step: str
    amount: int
    in_bank_days: bool


class Deadlines:
    """Answers by when a stage should be over, from limits and holidays read once."""

    def __init__(self, limits: Iterable[Limit], holidays: Collection[date] = frozenset()) -> None:
        self._by_stage: dict[str, list[Limit]] = {}
        for limit in limits:
            self._by_stage.setdefault(limit.stage, []).append(limit)
        self._holidays = frozenset(holidays)

    def limit_of(self, stage: str, *, rail: str = "", partner_id: int | None = None, step: str = "") -> Limit | None:
        """The narrowest limit that fits: the partner's before the rail's before the step's before the general one."""
        fitting = [
            limit
            for limit in self._by_stage.get(stage, [])
            if limit.rail in ("", rail) and limit.step in ("", step) and limit.partner_id in (None, partner_id)
        ]
        return max(fitting, key=_narrowness, default=None)

    def due(
        self, stage: str, since: datetime, *, rail: str = "", partner_id: int | None = None, step: str = ""
    ) -> datetime | None:
        """When the stage, entered at `since` from `step`, passes its limit; None for a stage without a limit."""
        limit = self.limit_of(stage, rail=rail, partner_id=partner_id, step=step)
        if limit is None:
            return None
        if limit.in_bank_days:
            return after_bank_days(since, limit.amount, self._holidays)
        return since + timedelta(minutes=limit.amount)


def _narrowness(limit: Limit) -> tuple[bool, bool, bool]:
    return limit.partner_id is not None, bool(limit.rail), bool(limit.step)


def load() -> Deadlines:
    """The limits and holidays in force now, in two queries."""
    rows = StageLimit.objects.values_list("stage", "rail", "partner_id", "step", "amount", "unit")
    limits = [
        Limit(stage, rail, partner_id, step, amount, unit == StageLimit.Unit.BANK_DAYS)
        for stage, rail, partner_id, step, amount, unit in rows
    ]
    return Deadlines(limits, frozenset(Holiday.objects.values_list("day", flat=True)))


def holidays_from(now: datetime) -> frozenset[date]:
    """The bank's holidays that are still to come."""
    return frozenset(Holiday.objects.filter(day__gte=now.astimezone(ZONE).date()).values_list("day", flat=True))


def after_bank_days(since: datetime, days: int, holidays: Collection[date] = frozenset()) -> datetime:
    """`days` times eight bank hours after `since`: from Friday 16:00 one bank day leads to Monday 16:00."""
    left = days * (datetime.combine(date.min, CLOSES) - datetime.combine(date.min, OPENS))
    at, holidays = since.astimezone(ZONE), frozenset(holidays)
    while True:
        closes = end_of_bank_day(at, holidays)
        opens = datetime.combine(closes.date(), OPENS, ZONE)
        at = max(at, opens)
        if at + left <= closes:
            return (at + left).astimezone(since.tzinfo)
        left -= closes - at
        at = closes
