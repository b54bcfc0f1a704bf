"""How a person's data is shown to those who may not see it: what stays readable, what is dots, what is read out.

Nothing here knows who asks. A page that may not show a value sends only what these functions leave of it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

DOT: Final = "\N{BULLET}"
_HIDDEN: Final = DOT * 6
_CNIC_DIGITS: Final = 13
_NOT_ALPHANUMERIC: Final = re.compile(r"[^0-9A-Za-z]+")
_NOT_DIGIT: Final = re.compile(r"\D+", re.ASCII)
_YEAR: Final = re.compile(r"(?:1[89]|20)\d\d", re.ASCII)
_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)

# Calling codes of one and two digits (ITU-T E.164, annex); every other code has three.
SHORT_CALLING_CODES: Final = frozenset(
    "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84"
    " 86 90 91 92 93 94 95 98".split()
)


@dataclass(frozen=True)
class Masked:
    """What is left of a hidden value: `visual` for the eye (with dots), `spoken` for a screen reader (without)."""

    visual: str
    spoken: str

    def __str__(self) -> str:
        return self.visual


def mask_cnic(value: str) -> Masked:
    """A Pakistani identity number: the last four digits. The first five tell the district, the last the sex."""
    digits = _NOT_DIGIT.sub("", value)
    if len(digits) != _CNIC_DIGITS:
        return _last(value, 4, "CNIC")
    visual = f"{DOT * 5}-{DOT * 4}{digits[9:12]}-{digits[12]}"
    return Masked(visual, _ends_in("CNIC", digits[9:]))


def mask_id(value: str) -> Masked:
    """A passport or any other identity document: the last three characters."""
    return _last(value, 3, "ID")


def mask_iban(value: str) -> Masked:
    """An IBAN: country, check digits and bank in front, the last four at the end."""
    compact = _NOT_ALPHANUMERIC.sub("", value).upper()
    if not _IBAN.fullmatch(compact):
        return _last(value, 4, "IBAN")
    head = f"{compact[:4]} {compact[4:8]}"
    middle = " ".join([DOT * 4] * ((len(compact) - 9) // 4))
    return Masked(f"{head} {middle} {compact[-4:]}", _ends_in("IBAN", compact[-4:]))


def mask_account(value: str) -> Masked:
    """A bank's own account number: the last four."""
    return _last(value, 4, "Account number")


def mask_phone(value: str) -> Masked:
    """A phone number: the calling code where it is known, and the last four digits."""
    code, national = split_phone(value)
    if len(national) < 7:
        return Masked(_HIDDEN, "Phone hidden")
    code_text = f"+{code} " if code else ""
    return Masked(f"{code_text}{DOT * 3} {DOT * 3} {national[-4:]}", _ends_in("Phone", national[-4:]))


def mask_email(value: str) -> Masked:
    """An e-mail address: its first letter and the domain."""
    name, at, domain = value.strip().rpartition("@")
    if not (at and len(name) > 1 and domain):
        return Masked(_HIDDEN, "E-mail hidden")
    return Masked(f"{name[0]}{DOT * 3}@{domain}", f"E-mail hidden, starts with {name[0]}, at {domain}")


def mask_birth_date(value: dt.date | str) -> Masked:
    """A date of birth: the year."""
    found = _YEAR.search(value.isoformat() if isinstance(value, dt.date) else value)
    if found is None:
        return Masked(_HIDDEN, "Date of birth hidden")
    return Masked(f"{DOT * 2} {DOT * 3} {found[0]}", f"Date of birth hidden, year {found[0]}")


def mask_address(value: Mapping[str, object] | str) -> Masked:
    """A postal address, as a mapping with `city` and `country`: those two. Plain text is hidden whole."""
    parts = [] if isinstance(value, str) else [str(value[key]) for key in ("city", "country") if value.get(key)]
    if not parts:
        return Masked(_HIDDEN, "Address hidden")
    return Masked(", ".join([_HIDDEN, *parts]), "Address hidden, in " + ", ".join(parts))


MASKS: Final[dict[str, Callable[..., Masked]]] = {
    "cnic": mask_cnic,
    "id": mask_id,
    "iban": mask_iban,
    "account": mask_account,
    "phone": mask_phone,
    "email": mask_email,
    "birth_date": mask_birth_date,
    "address": mask_address,
}


def split_phone(value: str) -> tuple[str, str]:
    """The calling code and the national digits of a phone number; the code is empty when the number has no +."""
    text = value.strip()
    digits = _NOT_DIGIT.sub("", text)
    if not text.startswith("+"):
        return "", digits
    for length in (1, 2):
        if digits[:length] in SHORT_CALLING_CODES:
            return digits[:length], digits[length:]
    return digits[:3], digits[3:]


def _last(value: str, shown: int, label: str) -> Masked:
    """Dots and the last characters, unless that would show half of the value or more, or most of its digits."""
    compact = _NOT_ALPHANUMERIC.sub("", value)
    end = compact[-shown:]
    if len(compact) <= 2 * shown or 2 * _digits(end) > _digits(compact):
        return Masked(_HIDDEN, f"{label} hidden")
    return Masked(_HIDDEN + end, _ends_in(label, end))


def _digits(text: str) -> int:
    return len(_NOT_DIGIT.sub("", text))


def _ends_in(label: str, end: str) -> str:
    return f"{label} hidden, ends in {' '.join(end)}"
