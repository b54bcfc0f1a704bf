"""Periods and days as people write and read them: "today", "7d", "1 Nov 2026 to 22 Nov 2026", in a reader's zone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict

RELATIVE: Final = {
    "today": "Today",
    "yesterday": "Yesterday",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "90d": "Last 90 days",
    "month": "This month",
}
_SPANS: Final = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
_NAMES: Final = ("", *"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())
_MONTHS: Final = {name.lower(): at for at, name in enumerate(_NAMES) if name}
_YEARS: Final = range(1990, 2100)
_DAY: Final = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"|(?P<first_day>[0-9]{1,2})(?:[/.](?P<number>[0-9]{1,2})[/.]|\s+(?P<word>[a-z]{3})[a-z]*\s+)(?P<last_year>[0-9]{4})"
)


@dataclass(frozen=True)
class Span:
    """The moments from `start` until before `end`; either may be open. `text` is its one form in an address."""

    text: str
    label: str
    start: datetime | None
    end: datetime | None

    def on(self, field: str) -> Q:
        """The condition that the moment in `field` is inside."""
        inside = Q()
        if self.start is not None:
            inside &= Q(**{f"{field}__gte": self.start})
        if self.end is not None:
            inside &= Q(**{f"{field}__lt": self.end})
        return inside


def span(text: str, *, now: datetime, zone: ZoneInfo) -> Span:
    """Read "today", "7d" or "2026-11-01..2026-11-22" (both days included) in `zone`. Raises ValidationError."""
    today = now.astimezone(zone).date()
    if text in _SPANS:
        return Span(text, RELATIVE[text], now - _SPANS[text], None)
    if text in RELATIVE:
        first = {"today": today, "yesterday": today - timedelta(days=1), "month": today.replace(day=1)}[text]
        end = _midnight(today, zone) if text == "yesterday" else None
        return Span(text, RELATIVE[text], _midnight(first, zone), end)
    first_text, dots, last_text = text.partition("..")
    begin = _moment(first_text) if first_text else None
    last = (_moment(last_text) if last_text else None) if dots else begin
    if begin is None and last is None:
        raise ValidationError(f'There is no period "{text}".')
    if begin and last and _opens(begin, zone) >= _closes(last, zone):
        raise ValidationError('"From" must be before "to".')
    return Span(
        f"{_written(begin)}..{_written(last)}",
        _in_words(begin, last, zone, now),
        _opens(begin, zone) if begin else None,
        _closes(last, zone) if last else None,
    )


def folded(params: QueryDict, *names: str) -> QueryDict:
    """What a form with these periods sends, as an address says it: two dates are one period."""
    sent = [name for name in names if f"{name}_from" in params or f"{name}_to" in params]
    if not sent:
        return params
    plain = params.copy()
    for name in sent:
        first, last = (params.get(f"{name}_{side}", "").strip() for side in ("from", "to"))
        for side in ("from", "to"):
            plain.pop(f"{name}_{side}", None)
        plain[name] = f"{first}..{last}" if first or last else plain.get(name, "")
    return plain


def ends_of(text: str) -> tuple[str, str]:
    """The first and the last day of a period given by days, as people write them; blank for a relative one."""
    first, dots, last = text.partition("..")
    return (first.replace("T", " "), last.replace("T", " ")) if dots else ("", "")


_Moment = tuple[date, time | None]
_WITH_CLOCK: Final = re.compile(
    r"(?P<day>.+?)[T\s]\s*(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<part>[0-9]{6}))?)?",
    re.DOTALL,
)


def _moment(text: str) -> _Moment:
    """A day, or a day and a time of it: "22 Nov 2026", "2026-11-22 14:30". Raises ValidationError."""
    found = _WITH_CLOCK.fullmatch(text.strip())
    if found is None:
        return day(text), None
    try:
        hour, minute, second, part = (int(found[name] or 0) for name in ("hour", "minute", "second", "part"))
        return day(found["day"]), time(hour, minute, second, part)
    except ValueError:
        raise ValidationError("Enter a time like 14:30.") from None


def _opens(moment: _Moment, zone: ZoneInfo) -> datetime:
    return datetime.combine(moment[0], moment[1] or time(), tzinfo=zone)


def _closes(moment: _Moment, zone: ZoneInfo) -> datetime:
    """A day is included to its end; a time is where the period ends."""
    return _midnight(moment[0] + timedelta(days=1), zone) if moment[1] is None else _opens(moment, zone)


def _written(moment: _Moment | None) -> str:
    if moment is None:
        return ""
    return f"{moment[0]}" if moment[1] is None else f"{moment[0]}T{_clock(moment[1])}"


def _clock(of_day: time) -> str:
    """ "14:30"; seconds only where there are some."""
    is_whole = not (of_day.second or of_day.microsecond)
    return of_day.isoformat("minutes" if is_whole else "seconds" if not of_day.microsecond else "microseconds")


def exactly(start: datetime | None, end: datetime | None, zone: tzinfo) -> str:
    """How an address names the moments from `start` until before `end`, to the microsecond."""
    ends = (None if moment is None else moment.astimezone(zone) for moment in (start, end))
    return "..".join("" if local is None else _written((local.date(), local.time())) for local in ends)


def day(text: str) -> date:
    """A day as people write it: 22 Nov 2026, 22/11/2026 (day first) or 2026-11-22. Raises ValidationError."""
    found = _DAY.fullmatch(text.strip().lower())
    try:
        if found is None:
            raise ValueError
        part = found.groupdict()
        year = int(part["year"] or part["last_year"])
        month = int(part["month"] or part["number"] or _MONTHS.get(part["word"], 0))
        if year not in _YEARS:
            raise ValueError
        return date(year, month, int(part["day"] or part["first_day"]))
    except ValueError:
        raise ValidationError("Enter a date like 22 Nov 2026.") from None


def _midnight(when: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(when, time(), tzinfo=zone)


def _in_words(begin: _Moment | None, last: _Moment | None, zone: ZoneInfo, now: datetime) -> str:
    label = zone_label(now, zone)
    if begin and last:
        if begin == last:
            return f"{_named(begin)} ({label})"
        days = ", both days included" if begin[1] is None and last[1] is None else ""
        return f"{_named(begin)} to {_named(last)} ({label}{days})"
    return f"from {_named(begin)} ({label})" if begin else f"until {_named(last)} ({label})" if last else ""


def _named(moment: _Moment) -> str:
    when, clock = moment
    return written_day(when) if clock is None else f"{written_day(when)}, {clock:%H:%M:%S}".removesuffix(":00")


def written_day(when: date) -> str:
    """ "22 Nov 2026": the month in letters, so that day and month cannot be swapped."""
    return f"{when.day} {_NAMES[when.month]} {when.year}"


def zone_label(moment: datetime, zone: tzinfo) -> str:
    """The zone's abbreviation at that moment: "PKT", "UTC"; zones without one read "UTC+04:00"."""
    name = moment.astimezone(zone).tzname() or ""
    return name if name.isalpha() else zone_offset(moment, zone)


def zone_offset(moment: datetime, zone: tzinfo) -> str:
    """How far the zone is from UTC at that moment: "UTC+05:00"."""
    minutes = int((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


# -- one moment -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """The moment that an address asks for, and the word in which an address names it to everybody."""

    moment: datetime

    @property
    def text(self) -> str:
        return self.moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class Refusal:
    """Why there is nothing to show for what an address asks; "" as long as no moment was chosen."""

    sentence: str
    typed: str = ""


_TIME: Final = re.compile(
    r"(?P<day>.+?)[T\s,]\s*(?P<clock>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)", re.DOTALL
)


def moment(text: str, zone: tzinfo) -> datetime:
    """A moment as people write it: "22 Nov 2026 14:05", "2026-11-22 14:05:30" in `zone`; with an offset or Z as
    machines do. Raises ValidationError.
    """
    typed = text.strip()
    try:
        exact = datetime.fromisoformat(typed)
        return exact if exact.tzinfo else _with_clock(typed, zone)
    except (ValueError, OverflowError):
        return _with_clock(typed, zone)


def _with_clock(typed: str, zone: tzinfo) -> datetime:
    found = _TIME.fullmatch(typed)
    if found is None:
        raise ValidationError("Enter a date and a time like 22 Nov 2026 14:05.")
    try:
        clock = time.fromisoformat(found["clock"] if found["clock"][1] != ":" else f"0{found['clock']}")
    except ValueError:
        raise ValidationError("Enter a time like 14:05.") from None
    return datetime.combine(day(found["day"]), clock, tzinfo=zone)


def moment_asked(
    params: Mapping[str, str], *, now: datetime, begins: datetime | None, zone: tzinfo, what: str
) -> Asked | Refusal:
    """The moment `t` of an address, or why there is none: it is not understood, not come yet, or before the record of
    `what` begins.
    """
    typed = params.get("t", "").replace("\x00", "")
    if strange := next((name for name in params if name != "t"), ""):
        return Refusal(f'There is no filter "{strange[:60]}". Remove it to see results.', typed)
    if not typed:
        return Refusal("", typed)
    try:
        asked = moment(typed, zone)
    except ValidationError as error:
        return Refusal(f'"{typed[:60]}" is not a moment. {error.messages[0]}', typed)
    if asked > now:
        return Refusal(f"That moment has not come yet. It is now {_written_moment(now, zone)}.", typed)
    if begins is None or asked < begins:
        since = f"begins {_written_moment(begins, zone)}" if begins else "is empty"
        return Refusal(f"Nothing is known of {what} at that moment: its record {since}.", typed)
    return Asked(asked)


def _written_moment(when: datetime, zone: tzinfo) -> str:
    local = when.astimezone(zone)
    return f"{written_day(local.date())}, {local:%H:%M:%S} {zone_label(when, zone)}"
