"""A party beside a list entry, field by field, in words. What identifies our party is masked, as everywhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from transactions import formats, masking
from transactions.sections import marked

if TYPE_CHECKING:
    from compliance.models import ScreeningHit
    from transactions.models import Party

Runs = list[tuple[bool, str]]

LABELS: Final = {
    "name": "Name",
    "dateOfBirth": "Date of birth",
    "nationality": "Nationality",
    "idNumber": "Identity number",
    "city": "City",
    "country": "Country",
}
_ALWAYS: Final = ("name", "dateOfBirth", "nationality")
_WORDS: Final = {"SAME": "Same", "CLOSE": "Similar", "DIFFERENT": "Differs"}
_TONES: Final = {"Same": "check", "Similar": "similar", "Differs": "close"}
_MASKS: Final = {"dateOfBirth": "birth_date", "idNumber": "id", "mobileNumber": "phone", "email": "email"}
LONGEST_TO_MARK: Final = 80


@dataclass(frozen=True, slots=True)
class Compared:
    """One field of a party beside the list entry's. `runs` are the letters of a name; those that differ are marked."""

    label: str
    ours: str
    theirs: str
    agreement: str
    runs: Mapping[str, Runs] | None = None

    @property
    def icon(self) -> str:
        return _TONES.get(self.agreement, "unknown")


def fields_of(hit: ScreeningHit) -> dict[str, Mapping[str, Any]]:
    """What the platform compared, by field. Whatever is not a field is left out: the platform's word is not trusted."""
    said = hit.fields if isinstance(hit.fields, list) else []
    return {str(field["field"]): field for field in said if isinstance(field, dict) and field.get("field")}


def compare(hit: ScreeningHit, party: Party | None) -> list[Compared]:
    """Every field that the platform compared, and name, date of birth and nationality in any case."""
    said = fields_of(hit)
    named = [*(name for name in _ALWAYS if name not in said), *said]
    return [
        _compared(name, said.get(name, {}), hit, party)
        for name in sorted(named, key=lambda name: list(LABELS).index(name) if name in LABELS else len(LABELS))
    ]


def _compared(name: str, said: Mapping[str, Any], hit: ScreeningHit, party: Party | None) -> Compared:
    ours = _text(said.get("ours")) or _ours(name, party)
    theirs = _text(said.get("theirs")) or _theirs(name, hit)
    is_name = name == "name" and ours and theirs and max(len(ours), len(theirs)) <= LONGEST_TO_MARK
    return Compared(
        label=LABELS.get(name, name),
        ours=_masked(name, ours),
        theirs=theirs,
        agreement=agreement(_text(said.get("agreement")), ours, theirs),
        runs=marked(ours, theirs) if is_name else None,
    )


def agreement(word: str, ours: str, theirs: str) -> str:
    """How two values agree: Same, Similar, Differs, Only ours, Only theirs or Cannot compare."""
    if word in _WORDS:
        return _WORDS[word]
    if bool(ours) != bool(theirs):
        return "Only ours" if ours else "Only theirs"
    if ours and not word and ours.casefold() == theirs.casefold():
        return "Same"
    return "Cannot compare" if word in ("", "MISSING") else f"Unknown ({word})"


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)


def _ours(name: str, party: Party | None) -> str:
    if party is None:
        return ""
    values: dict[str, Any] = {
        "name": party.full_name,
        "dateOfBirth": party.birth_date,
        "nationality": formats.country(party.nationality) if party.nationality else "",
        "idNumber": party.id_number,
        "city": party.city,
        "country": formats.country(party.country) if party.country else "",
    }
    value = values.get(name)
    return value.isoformat() if isinstance(value, dt.date) else value or ""


def _theirs(name: str, hit: ScreeningHit) -> str:
    values = {
        "name": next(iter(hit.names), ""),
        "dateOfBirth": hit.birth_date,
        "nationality": formats.country(hit.nationality) if len(hit.nationality) == 2 else hit.nationality,
    }
    return values.get(name, "")


def _masked(name: str, value: str) -> str:
    kind = _MASKS.get(name)
    return str(masking.MASKS[kind](value)) if kind and value else value


def parts(values: Iterable[str]) -> str:
    """Names of one entry after one another."""
    return ", ".join(value for value in values if value)
