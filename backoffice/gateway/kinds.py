"""What a single value of an event may be: each kind reads one JSON value, or says what is wrong and what to send."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

import phonenumbers
import pycountry
from stdnum import iban
from stdnum.exceptions import ValidationError

from backoffice.gateway.strict_json import is_storable
from transactions.currencies import is_currency, minor_units

LARGEST_SEQUENCE: Final = 2**31 - 1
LARGEST_ATTEMPT: Final = 32_767
ABSENT: Final = frozenset({"", "null", "n/a"})
"""Words that partners send when they have nothing to say; read as if the field were not there."""


class Wrong(ValueError):
    """A value is not what its field may hold. `sentence` goes on after the field's name: "is not a date. Send …"."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Kind:
    """A kind of value: how it is read, and how OpenAPI describes it."""

    read: Callable[[Any], Any]
    schema: dict[str, Any]


def is_absent(value: object) -> bool:
    """Whether a value says nothing: null, or one of the words that stand for it."""
    if value is None:
        return True
    if not isinstance(value, str):
        return False
    return not value or (value[0] in _MAY_BE_ABSENT and len(value) < 16 and value.strip().casefold() in ABSENT)


_MAY_BE_ABSENT: Final = frozenset(" \t\r\nnN")


# -- text -------------------------------------------------------------------------------------------------------------

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SUBJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+%-]*", re.ASCII)


def text(most: int) -> Kind:
    """Text of at most `most` characters, without spaces around it."""

    def read(value: Any) -> str:
        held = _text(value).strip()
        if len(held) > most:
            raise Wrong(f"is {len(held)} characters long. Send at most {most}.")
        return held

    return Kind(read, {"type": "string", "maxLength": most})


def line(most: int) -> Kind:
    """Text of at most `most` characters on one line: a name, a code, a reference."""
    plain = text(most)

    def read(value: Any) -> str:
        if value.__class__ is str and len(value) <= most and value.isascii() and value.isprintable():
            return str(value.strip())
        held: str = plain.read(value)
        if _CONTROL.search(held):
            raise Wrong("holds a control character. Send it as one line of plain text.")
        return held

    return Kind(read, plain.schema)


def person_name(most: int) -> Kind:
    """A name on one line. A partner that joins empty parts sends "Umair null Khan": its program's word is dropped.

    Only words that are nobody's name: a person may well be called Na or None.
    """
    plain = line(most)

    def read(value: Any) -> str:
        held: str = plain.read(value)
        if not _NO_NAME & set(held.split(" ")):
            return held
        kept = " ".join(part for part in held.split() if part not in _NO_NAME)
        if not any(char.isalpha() for char in kept):
            raise Wrong("holds no name. Send the whole name.")
        return kept

    return Kind(read, plain.schema)


_NO_NAME: Final = frozenset({"null", "N/A", "undefined"})


def words(most: int, longest: int) -> Kind:
    """A list of at most `most` texts."""
    item = line(longest)

    def read(value: Any) -> list[str]:
        if not isinstance(value, list):
            raise Wrong("is not a list. Send a list of texts.")
        if len(value) > most:
            raise Wrong(f"holds {len(value)} texts. Send at most {most}.")
        return [item.read(one) for one in value if not is_absent(one)]

    return Kind(read, {"type": "array", "maxItems": most, "items": item.schema})


def one_of(*allowed: str) -> Kind:
    """One of a fixed set of words. Where unknown words are kept, the kind is `line`."""

    def read(value: Any) -> str:
        held = _text(value).strip()
        if held not in allowed:
            raise Wrong(f"is {_quoted(held)}. Send {_either(allowed)}.")
        return held

    return Kind(read, {"type": "string", "enum": list(allowed)})


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong(f"is {_described(value)}, not text. Send it in quotation marks.")
    if not value.isascii() and not is_storable(value):
        raise Wrong("holds half of a surrogate pair. Send whole characters.")
    if "\x00" in value:
        raise Wrong("holds a NUL character. Remove it.")
    return value


def _described(value: Any) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | Decimal() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "something else"


def _quoted(value: str) -> str:
    return f"“{value[:40]}”"


def _either(options: tuple[str, ...]) -> str:
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"


def _read_subject(value: Any) -> str:
    held = _text(value)
    if len(held) > 100 or not _SUBJECT.fullmatch(held):
        raise Wrong(
            "is not a transaction id. Send 1 to 100 letters, digits and . _ : + % - starting with a letter or digit."
        )
    return held


SUBJECT: Final = Kind(_read_subject, {"type": "string", "maxLength": 100, "pattern": f"^{_SUBJECT.pattern}$"})


# -- numbers ----------------------------------------------------------------------------------------------------------

_AMOUNT: Final = re.compile(r"[0-9]{1,8}(?:\.([0-9]+))?", re.ASCII)
_PLAIN: Final = re.compile(r"[0-9]{1,10}(?:\.([0-9]{1,8}))?", re.ASCII)


def _integer(most: int) -> Kind:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Wrong(f"is not a whole number. Send 1 to {most:,}, without quotation marks.")
        if not 1 <= value <= most:
            raise Wrong(f"is {value:,}. Send 1 to {most:,}.")
        return value

    return Kind(read, {"type": "integer", "minimum": 1, "maximum": most})


SEQUENCE: Final = _integer(LARGEST_SEQUENCE)
ATTEMPT: Final = _integer(LARGEST_ATTEMPT)


def _read_amount(value: Any) -> Decimal:
    held = _text(value).strip()
    if not _AMOUNT.fullmatch(held):
        raise Wrong(f"is {_quoted(held)}, not a plain decimal. Send digits with a point, at most 99999999.99.")
    return Decimal(held)


AMOUNT: Final = Kind(_read_amount, {"type": "string", "pattern": f"^{_AMOUNT.pattern}$", "examples": ["110227.00"]})


def check_minor_units(amount: Decimal, currency: str) -> None:
    """Raise Wrong when the amount is finer than the smallest coin of its currency."""
    units = minor_units(currency)
    if -int(amount.as_tuple().exponent) > units:
        raise Wrong(f"is finer than {currency} allows. Send at most {units} decimals.")


def _read_rate(value: Any) -> Decimal:
    held = _text(value).strip()
    if not _PLAIN.fullmatch(held) or not Decimal(held):
        raise Wrong(f"is {_quoted(held)}, not a rate. Send a decimal above zero with at most 8 decimals.")
    return Decimal(held)


RATE: Final = Kind(_read_rate, {"type": "string", "pattern": f"^{_PLAIN.pattern}$", "examples": ["76.01862069"]})


def _read_score(value: Any) -> Decimal:
    held = str(value) if isinstance(value, Decimal) or type(value) is int else _text(value).strip()
    found = _PLAIN.fullmatch(held)
    if not found or Decimal(held) > 1 or len(found.group(1) or "") > 4:
        raise Wrong(f"is {_quoted(held)}. Send a decimal from 0 to 1 with at most 4 decimals.")
    return Decimal(held)


SCORE: Final = Kind(_read_score, {"type": ["string", "number"], "examples": ["0.91"]})


def _read_currency(value: Any) -> str:
    held = _text(value).strip().upper()
    if not is_currency(held):
        raise Wrong(f"is {_quoted(held)}, which is no currency. Send a code of ISO 4217 such as PKR.")
    return held


CURRENCY: Final = Kind(_read_currency, {"type": "string", "minLength": 3, "maxLength": 3, "examples": ["PKR"]})


# -- time -------------------------------------------------------------------------------------------------------------

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_YEARS: Final = range(1850, 2200)


def _read_date(value: Any) -> date:
    held = _text(value).strip()
    try:
        if not _DATE.fullmatch(held):
            raise ValueError
        day = date.fromisoformat(held)
    except ValueError:
        raise Wrong("is not a date. Send it as YYYY-MM-DD.") from None  # the value may be personal: not repeated
    if day.year not in _YEARS:
        raise Wrong("is in a year that cannot be. Send the right date.")
    return day


def _read_time(value: Any) -> datetime:
    held = _text(value).strip()
    if not _TIME.fullmatch(held) or int(held[:4]) not in _YEARS:
        raise Wrong(f"is {_quoted(held)}, not a time. Send it as 2026-11-22T14:03:07.120Z.")
    try:
        moment = datetime.fromisoformat(held.upper())
    except ValueError:
        raise Wrong(f"is {_quoted(held)}, a time that cannot be. Send it as 2026-11-22T14:03:07.120Z.") from None
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


DATE: Final = Kind(_read_date, {"type": "string", "format": "date"})
TIME: Final = Kind(_read_time, {"type": "string", "format": "date-time"})


# -- places, accounts, people -----------------------------------------------------------------------------------------

_OTHER_NAMES: Final = {
    "UAE": "AE",
    "UK": "GB",
    "GREAT BRITAIN": "GB",
    "ENGLAND": "GB",
    "UNITED STATES OF AMERICA": "US",
    "KINGDOM OF SAUDI ARABIA": "SA",
    "KSA": "SA",
    "TURKEY": "TR",
    "RUSSIA": "RU",
    "SOUTH KOREA": "KR",
    "IRAN": "IR",
    "SYRIA": "SY",
    "MACAU": "MO",
    "PALESTINE": "PS",
    "IVORY COAST": "CI",
    "CAPE VERDE": "CV",
    "SWAZILAND": "SZ",
    "BURMA": "MM",
    "CZECH REPUBLIC": "CZ",
    "KOSOVO": "XK",
}


@cache
def _countries() -> dict[str, str]:
    """Every way to write a country (ISO 3166 codes of two and three letters, English names) and its two letters."""
    known = dict(_OTHER_NAMES)
    for country in pycountry.countries:
        names = [country.alpha_2, country.alpha_3, country.name]
        names += [getattr(country, name) for name in ("common_name", "official_name") if hasattr(country, name)]
        known |= dict.fromkeys((name.upper() for name in names), country.alpha_2)
    return known | {"XK": "XK", "XKX": "XK"}


def _read_country(value: Any) -> str:
    held = _text(value).strip()
    code = _countries().get(held.upper())
    if code is None:
        raise Wrong(f"is {_quoted(held)}, which is no country. Send two letters of ISO 3166 such as PK.")
    return code


COUNTRY: Final = Kind(_read_country, {"type": "string", "maxLength": 64, "examples": ["PK", "PAK", "Pakistan"]})


@dataclass(frozen=True, slots=True)
class AccountNumber:
    """An account number without spaces, and whether it is an IBAN (its check digits are right then)."""

    number: str
    is_iban: bool


_LOOKS_LIKE_IBAN: Final = re.compile(r"[A-Z]{2}.*", re.ASCII)
_ACCOUNT: Final = re.compile(r"[A-Z0-9]{1,34}", re.ASCII)


def _read_account(value: Any) -> AccountNumber:
    held = re.sub(r"[ -]", "", _text(value)).upper()
    if not _ACCOUNT.fullmatch(held):
        raise Wrong("is not an account number. Send 1 to 34 letters and digits.")
    if not _LOOKS_LIKE_IBAN.fullmatch(held):
        return AccountNumber(held, is_iban=False)
    try:
        iban.validate(held)
    except ValidationError:
        raise Wrong(
            "is an IBAN whose check digits or length are wrong. Send the IBAN as the bank printed it."
        ) from None
    return AccountNumber(held, is_iban=True)


ACCOUNT: Final = Kind(_read_account, {"type": "string", "maxLength": 64, "examples": ["PK36SCBL0000001123456702"]})

_E164: Final = re.compile(r"\+[1-9][0-9]{7,14}", re.ASCII)
_HOME: Final = "PK"


def _read_mobile(value: Any) -> str:
    held: str = _mobile_as_given.read(value)
    if _E164.fullmatch(held):
        return held
    try:
        number = phonenumbers.parse(held, _HOME)
    except phonenumbers.NumberParseException:
        return held
    if not phonenumbers.is_possible_number(number):
        return held
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


_mobile_as_given: Final = line(20)
MOBILE: Final = Kind(_read_mobile, {"type": "string", "maxLength": 20, "examples": ["+923001234567"]})
