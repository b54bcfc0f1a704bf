"""Reads what somebody typed into the search box: what it may be, in one form. Pure: nothing is looked up here."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final

from stdnum.iso7064 import mod_97_10

LONGEST_TEXT: Final = 200
LONGEST_KEY: Final = 100
LONGEST_LIST: Final = 40_000
MOST_PIECES: Final = 500
SHORTEST_PREFIX: Final = 4

_NOT_IN_KEY: Final = re.compile(r"[^A-Z0-9]+")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_DIGITS_GROUPED: Final = re.compile(r"[0-9][0-9 .-]*")
_AS_PHONE: Final = re.compile(r"\+?[0-9(][0-9() ./-]*")
_PASSPORT: Final = re.compile(r"[A-Z]{1,2}[0-9]{6,8}")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_SEPARATORS: Final = re.compile(r"[\n\r\t,;\u2028\u2029]+")
_DASHES: Final = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad"), "-")

# Countries of the IBAN registry (ISO 13616, SWIFT's list of 2025).
_IBAN_COUNTRIES: Final = frozenset(
    "AD AE AL AT AZ BA BE BG BH BI BR BY CH CR CY CZ DE DJ DK DO EE EG ES FI FK FO FR GB GE GI GL GR GT HN HR HU IE IL"
    " IQ IS IT JO KW KZ LB LC LI LT LU LV LY MC MD ME MK MN MR MT MU NI NL NO OM PK PL PS PT QA RO RS RU SA SC SD SE SI"
    " SK SM SO ST SV TL TN TR UA VA VG XK YE".split()
)


class Kind(StrEnum):
    """What a text may be. The value is the word of the page."""

    REFERENCE = "reference"
    IBAN = "IBAN"
    CNIC = "CNIC"
    ACCOUNT = "account number"
    PHONE = "phone number"
    EMAIL = "e-mail address"
    NAME = "name"


PERSONAL: Final = frozenset(Kind) - {Kind.REFERENCE}


@dataclass(frozen=True)
class Reading:
    """What was typed (`given`), its one form (`text`), and everything that it may be.

    `key` is the text as references are compared: upper case, letters and digits only. `pieces` are those of a pasted
    list, each read by itself; the list may be what any of them may be.
    """

    given: str
    text: str
    key: str = ""
    kinds: tuple[Kind, ...] = ()
    phone: str = ""
    pieces: tuple[Reading, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        return not self.text

    @property
    def is_list(self) -> bool:
        return bool(self.pieces)

    @property
    def is_too_long(self) -> bool:
        if self.is_list:
            return len(self.pieces) > MOST_PIECES or any(piece.is_too_long for piece in self.pieces)
        return len(self.text) > LONGEST_TEXT

    @cached_property
    def personal_kinds(self) -> tuple[Kind, ...]:
        return tuple(kind for kind in self.kinds if kind in PERSONAL)

    @cached_property
    def is_plain(self) -> bool:
        """Whether the text may stand in the trail, and if short in an address: references, and nothing of a person."""
        if self.is_list:
            return all(piece.is_plain for piece in self.pieces)
        if self.kinds != (Kind.REFERENCE,) or _PASSPORT.fullmatch(self.key):
            return False
        pieces = self.text.split(" ")
        words = [piece for piece in pieces if not any(map(str.isdigit, piece))]
        return (
            self.text.isascii()
            and len(words) <= 1
            and all(len(word) <= SHORTEST_PREFIX and word == pieces[0] for word in words)
            and not any(_personal_piece(piece) for piece in pieces)
        )

    @property
    def may_begin_a_reference(self) -> bool:
        """Whether references that begin with the text are worth showing: four characters or more, one word."""
        return len(self.key) >= SHORTEST_PREFIX and (Kind.NAME not in self.kinds or " " not in self.text)

    @property
    def iban_fits(self) -> bool:
        """Whether the check digits of the IBAN are right."""
        return bool(mod_97_10.is_valid(self.key[4:] + self.key[:4]))

    @property
    def cnic_forms(self) -> list[str]:
        """The CNIC as it may be stored: digits alone, and with dashes."""
        return [self.key, f"{self.key[:5]}-{self.key[5:12]}-{self.key[12:]}"]

    @property
    def phone_forms(self) -> list[str]:
        """The phone number as it may be stored: E.164, without its plus, with 00, and at home with 0."""
        digits = self.phone[1:]
        home = [f"0{digits[2:]}"] if digits.startswith("92") else []
        return [self.phone, digits, f"00{digits}", *home]


def read(given: str) -> Reading:
    """Bring a text into one form and say what it may be. Never raises, whatever was typed."""
    if len(given) <= LONGEST_LIST and (parts := _parts(given)):
        pieces = tuple(_read_one(part, part) for part in parts)
        kinds = tuple(dict.fromkeys(kind for piece in pieces for kind in piece.kinds))
        return Reading(given, "\n".join(parts), kinds=kinds, pieces=pieces)
    return _read_one(given, normalise(given[: LONGEST_LIST + 1]))


def _read_one(given: str, text: str) -> Reading:
    key = _NOT_IN_KEY.sub("", text.upper()) if _is_ascii_where_it_counts(text) else ""
    if not text or len(text) > LONGEST_TEXT:
        return Reading(given, text)
    phone = _phone(text)
    return Reading(given, text, key, tuple(_kinds(text, key, phone)), phone)


def normalise(given: str) -> str:
    """Compatibility forms made plain, digits of any script made 0-9, invisible characters removed, spaces collapsed."""
    plain = unicodedata.normalize("NFKC", given).translate(_DASHES)
    return " ".join("".join(_one_form(character) for character in plain).split())


def _one_form(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if character == "\x00" or category in ("Cf", "Cs", "Co"):
        return ""
    return " " if category[0] in "CZ" else character


def _parts(given: str) -> tuple[str, ...]:
    """The pieces of a pasted list: two with a digit in them, and no more without, as a heading. Else it is one text."""
    pieces = [piece for piece in (normalise(piece) for piece in _SEPARATORS.split(given)) if piece]
    numbered = sum(any(map(str.isdigit, piece)) for piece in pieces)
    return tuple(pieces) if numbered > 1 and 2 * numbered >= len(pieces) else ()


def _is_ascii_where_it_counts(text: str) -> bool:
    return all(character.isascii() for character in text if character.isalnum())


def _kinds(text: str, key: str, phone: str) -> list[Kind]:
    if _EMAIL.fullmatch(text):
        return [Kind.EMAIL]
    kinds = [Kind.REFERENCE] if key and len(key) <= LONGEST_KEY else []
    if _looks_like_iban(key):
        kinds.append(Kind.IBAN)
    if _DIGITS_GROUPED.fullmatch(text):
        kinds += [Kind.CNIC] if len(key) == 13 else []
        kinds += [Kind.ACCOUNT] if 14 <= len(key) <= 24 else []
    if phone:
        kinds.append(Kind.PHONE)
    if any(map(str.isalpha, text)) and not any(map(str.isdigit, text)):
        kinds.append(Kind.NAME)
    return kinds


def _looks_like_iban(key: str) -> bool:
    """The shape of an IBAN, of a country that has them or with check digits that fit."""
    if not _IBAN.fullmatch(key):
        return False
    return key[:2] in _IBAN_COUNTRIES or bool(mod_97_10.is_valid(key[4:] + key[:4]))


def _phone(text: str) -> str:
    """A phone number in E.164, or nothing: +92…, 0092…, 92… and 03… at home, + and 00 for other countries."""
    if not _AS_PHONE.fullmatch(text):
        return ""
    digits = "".join(filter(str.isdigit, text))
    if text.startswith("+"):
        whole = digits
    elif digits.startswith("00"):
        whole = digits[2:]
    elif digits.startswith("0") and 10 <= len(digits) <= 11:
        whole = f"92{digits[1:]}"
    elif digits.startswith("92") and 11 <= len(digits) <= 12:
        whole = digits
    else:
        return ""
    return f"+{whole}" if 8 <= len(whole) <= 15 else ""


def _personal_piece(piece: str) -> bool:
    """Whether a piece of a longer text is by itself somebody's IBAN, CNIC, passport, phone number or e-mail address."""
    key = _NOT_IN_KEY.sub("", piece.upper())
    return bool(_PASSPORT.fullmatch(key) or PERSONAL.intersection(_kinds(piece, key, _phone(piece))) - {Kind.NAME})
