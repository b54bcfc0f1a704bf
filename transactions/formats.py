"""How amounts, rates, times, durations and references are written: pure functions that return plain text.

The one source of every format of UI.md section 5; templates reach them through backoffice_tags, exports and messages
call them directly. Months are letters so that day and month cannot be swapped; clocks have 24 hours; a currency is
always its code; nothing here depends on a locale setting.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final

import pycountry

from accounts import periods
from transactions.currencies import smallest_amount
from transactions.masking import split_phone
from transactions.vocabulary import Badge, Status

NOT_GIVEN: Final = "Not given"
NO_BREAK_SPACE: Final = "\N{NO-BREAK SPACE}"
MINUS: Final = "\N{MINUS SIGN}"
TIMES: Final = "\N{MULTIPLICATION SIGN}"
FX_TOLERANCE: Final = Decimal("0.005")

_MONTHS: Final = ("", *"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_ZONE_NAMES: Final = {"Asia/Karachi": "Pakistan Time", "UTC": "Coordinated Universal Time"}
_DIRECTION_MARKS: Final = frozenset("LRE RLE LRO RLO PDF LRI RLI FSI PDI".split())
_NATIONAL_GROUPS: Final = {7: (3, 4), 8: (4, 4), 9: (2, 3, 4), 10: (3, 3, 4), 11: (3, 4, 4)}

STATUS_OF_BADGE: Final = {
    Badge.RECEIVED: Status.RECEIVED,
    Badge.VALIDATED: Status.VALIDATED,
    Badge.IN_REVIEW: Status.PENDING,
    Badge.PENDING: Status.PENDING,
    Badge.COMPLETED: Status.COMPLETED,
    Badge.FAILED: Status.FAILED,
    Badge.REJECTED: Status.FAILED,
    Badge.RETURNED: Status.FAILED,
    Badge.CANCELLED: Status.FAILED,
}
"""Which of the five statuses each of the nine badge words stands inside (UI.md section 4)."""


# Money


def amount_text(amount: Decimal, currency: str) -> str:
    """The digits of an amount: thousands commas, the currency's own decimals, no sign. More decimals than that stay."""
    return f"{_at_minor_units(abs(amount), currency):,f}"


def money(amount: Decimal, currency: str) -> str:
    """An amount with its currency's code: "PKR 110,227.00". A minus stands before the code."""
    sign = MINUS if amount < 0 else ""
    return f"{sign}{currency}{NO_BREAK_SPACE}{amount_text(amount, currency)}"


def plain_amount(amount: Decimal, currency: str) -> str:
    """An amount to copy or to export: "110227.00", with a plain hyphen for a minus."""
    return f"{_at_minor_units(amount, currency):f}"


def _at_minor_units(amount: Decimal, currency: str) -> Decimal:
    """The amount with the currency's decimals. An amount that is finer than its currency is shown as it is."""
    shown = amount.quantize(smallest_amount(currency)) if amount.is_finite() else amount
    return shown if shown == amount else amount.normalize()


def rate(value: Decimal, sent_currency: str, settled_currency: str) -> str:
    """An exchange rate with its direction: "1 AED = 77.0000 PKR", four to six decimals."""
    return f"1 {sent_currency} = {rate_text(value)} {settled_currency}"


def rate_text(value: Decimal) -> str:
    """The digits of an exchange rate, four to six decimals."""
    decimals = max(4, min(6, -int(value.normalize().as_tuple().exponent)))
    return f"{value:,.{decimals}f}"


@dataclass(frozen=True)
class FxCheck:
    """Whether the payout is what sent amount and rate make. `line` shows the sum; `warning` is empty when it fits."""

    line: str
    warning: str


def fx_check(
    *,
    sent: Decimal,
    sent_currency: str,
    rate: Decimal,
    settled: Decimal,
    settled_currency: str,
    tolerance: Decimal = FX_TOLERANCE,
) -> FxCheck:
    """The check line of an exchange: sent x rate against the payout. A difference over `tolerance` (a share) warns."""
    expected = (sent * rate).quantize(smallest_amount(settled_currency))
    difference = abs(settled - expected)
    product = f"{amount_text(sent, sent_currency)} {sent_currency} {TIMES} {rate_text(rate)}"
    equals = f"{amount_text(expected, settled_currency)} {settled_currency}"
    line = f"{product} = {equals}; payout {amount_text(settled, settled_currency)}"
    if not difference:
        return FxCheck(f"{line}; no difference", "")
    line = f"{line}; difference {amount_text(difference, settled_currency)}"
    if difference <= tolerance * abs(expected):
        return FxCheck(f"{line} (rounding)" if difference < 1 else f"{line} (within {tolerance:.1%})", "")
    return FxCheck(line, f"Payout differs from amount {TIMES} rate by {money(difference, settled_currency)}")


# Times


def clock(moment: dt.datetime, zone: dt.tzinfo) -> str:
    """ "14:03:22 PKT"."""
    local = moment.astimezone(zone)
    return f"{local:%H:%M:%S} {zone_label(moment, zone)}"


def date(day: dt.date) -> str:
    """ "22 Nov 2026"."""
    return periods.written_day(day)


def when_in_table(moment: dt.datetime, zone: dt.tzinfo, now: dt.datetime) -> str:
    """ "22 Nov 14:03" in the reader's year, "22 Nov 2025 14:03" otherwise. The column's header names the zone."""
    local = moment.astimezone(zone)
    year = "" if local.year == now.astimezone(zone).year else f" {local.year}"
    return f"{local.day} {_MONTHS[local.month]}{year} {local:%H:%M}"


def when_in_detail(moment: dt.datetime, zone: dt.tzinfo) -> str:
    """ "22 Nov 2026, 14:03:22 PKT"."""
    return f"{date(moment.astimezone(zone))}, {clock(moment, zone)}"


def when_in_audit(moment: dt.datetime, zone: dt.tzinfo) -> str:
    """ "22 Nov 2026, 14:03:22.120 PKT (09:03:22.120 UTC)"; a reader in UTC sees it once."""
    text = f"{date(moment.astimezone(zone))}, {_clock_with_milliseconds(moment, zone)}"
    if zone_label(moment, zone) == "UTC":
        return text
    return f"{text} ({_clock_with_milliseconds(moment, dt.UTC)})"


def when_relative(moment: dt.datetime, zone: dt.tzinfo, now: dt.datetime) -> str:
    """ "14:03 PKT, 42 min ago"; on another day "21 Nov 14:03 PKT, 1 d 2 h ago"."""
    local = moment.astimezone(zone)
    same_day = local.date() == now.astimezone(zone).date()
    clock_text = f"{local:%H:%M}" if same_day else when_in_table(moment, zone, now)
    distance = duration(now - moment)
    ago = f"{distance} ago" if moment <= now else f"in {distance}"
    return f"{clock_text} {zone_label(moment, zone)}, {ago}"


def due(moment: dt.datetime, zone: dt.tzinfo, now: dt.datetime) -> str:
    """How a deadline stands: "2 h 14 min left (by 16:17 PKT)" or "25 min over (was due 13:35 PKT)"."""
    local = moment.astimezone(zone)
    same_day = local.date() == now.astimezone(zone).date()
    at = f"{local:%H:%M}" if same_day else when_in_table(moment, zone, now)
    at = f"{at} {zone_label(moment, zone)}"
    if now > moment:
        return f"{duration(now - moment)} over (was due {at})"
    return f"{duration(moment - now)} left (by {at})"


def iso_utc(moment: dt.datetime, *, milliseconds: bool = False) -> str:
    """ "2026-11-22T09:03:22Z", for machines and for the datetime attribute."""
    utc = moment.astimezone(dt.UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S") + (f".{utc.microsecond // 1000:03d}" if milliseconds else "") + "Z"


def zone_label(moment: dt.datetime, zone: dt.tzinfo) -> str:
    """The zone's abbreviation at that moment: "PKT", "UTC"; zones without one read "UTC+04:00"."""
    return periods.zone_label(moment, zone)


def zone_sentence(moment: dt.datetime, zone: dt.tzinfo) -> str:
    """ "Pakistan Time (PKT, UTC+05:00)", for the foot of every page."""
    label, key = zone_label(moment, zone), str(zone)
    name = _ZONE_NAMES.get(key, key.replace("_", " "))
    offset = periods.zone_offset(moment, zone)
    return f"{name} ({label})" if label in (offset, "UTC") else f"{name} ({label}, {offset})"


def duration(span: dt.timedelta) -> str:
    """How long: "0.4 s", "31 s", "2 min 5 s", "42 min", "3 h 10 min", "1 d 2 h". The sign is dropped."""
    seconds = abs(span.total_seconds())
    if seconds < 1:
        return f"{seconds:.1f} s" if seconds else "0 s"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < 10 * _MINUTE:
        return _two(whole // _MINUTE, "min", whole % _MINUTE, "s")
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")
    return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large:,} {large_unit} {small} {small_unit}" if small else f"{large:,} {large_unit}"


def _clock_with_milliseconds(moment: dt.datetime, zone: dt.tzinfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03d} {zone_label(moment, zone)}"


# Names and numbers


def number(value: int) -> str:
    """ "2,431"."""
    return f"{value:,d}"


def country(code: str) -> str:
    """A country as name and code: "Pakistan (PK)"; a code that nobody knows stays as it came."""
    name = _country_names().get(code.upper())
    return f"{name} ({code.upper()})" if name else code


@cache
def _country_names() -> dict[str, str]:
    return {each.alpha_2: getattr(each, "common_name", each.name) for each in pycountry.countries}


def iban(value: str) -> str:
    """An IBAN in groups of four."""
    compact = "".join(value.split()).upper()
    return " ".join(compact[start : start + 4] for start in range(0, len(compact), 4))


def phone(value: str) -> str:
    """A number of E.164 in groups: "+92 300 123 4567". Anything else stays as it came."""
    code, national = split_phone(value)
    sizes = _NATIONAL_GROUPS.get(len(national))
    if not code or sizes is None:
        return value
    groups, start = [], 0
    for size in sizes:
        groups.append(national[start : start + size])
        start += size
    return " ".join([f"+{code}", *groups])


def person_name(value: str) -> str:
    """A person's name as it came, with its spaces collapsed and invisible direction marks taken out."""
    return " ".join("".join(c for c in value if unicodedata.bidirectional(c) not in _DIRECTION_MARKS).split())
