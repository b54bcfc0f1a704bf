"""How the log is written: without the personal data that errors of the database and of forms carry with them."""

from __future__ import annotations

import logging
import re
from typing import Final

WITHHELD: Final = "•••"

_ROW = re.compile(r"(Key \([^)]*\)=|Failing row contains )\(.*?\)(?=[^\n()]*$)", re.DOTALL | re.MULTILINE)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_NUMBER = re.compile(r"(?<![\w.:-])\+?\d(?:[ -]?\d){9,}(?![\w:])")


def without_personal_data(text: str) -> str:
    """`text` without what looks like an IBAN, a long number (CNIC, phone, account) or an e-mail address.

    The values that the database quotes from a refused row are taken out too, names among them.
    """
    for pattern, instead in ((_ROW, rf"\1({WITHHELD})"), (_EMAIL, WITHHELD), (_IBAN, WITHHELD), (_NUMBER, WITHHELD)):
        text = pattern.sub(instead, text)
    return text


class Line(logging.Formatter):
    """One entry of the log, its traceback included, without personal data."""

    def format(self, record: logging.LogRecord) -> str:
        return without_personal_data(super().format(record))
