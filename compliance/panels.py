"""The screening section of the detail page: what was checked against which list, what was found. Compliance only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from compliance.models import ScreeningCheck, ScreeningHit
from transactions import masking, panels
from transactions.dossier import Dossier
from transactions.panels import Panel

_LABELS: Final = {
    "name": "Name",
    "dateOfBirth": "Date of birth",
    "nationality": "Nationality",
    "idNumber": "Identity number",
    "city": "City",
    "country": "Country",
}
_AGREEMENT: Final = {"SAME": "Same", "CLOSE": "Similar", "DIFFERENT": "Differs", "MISSING": "Cannot compare"}
_MASKS: Final = {"dateOfBirth": "birth_date", "idNumber": "id", "mobileNumber": "phone", "email": "email"}


@dataclass(frozen=True, slots=True)
class Compared:
    """One field of a party beside the list entry's. What identifies our party is masked, as everywhere."""

    label: str
    ours: str
    theirs: str
    agreement: str


def screening(dossier: Dossier) -> Mapping[str, Any]:
    """Every check of the transaction with its hits, oldest first."""
    checks = list(ScreeningCheck.objects.filter(transaction=dossier.transaction).prefetch_related("hits"))
    for check in checks:
        check.shown_hits = [_with_comparison(hit) for hit in check.hits.all()]  # type: ignore[attr-defined]
    return {"checks": checks, "count": sum(len(check.hits.all()) for check in checks)}


def _with_comparison(hit: ScreeningHit) -> ScreeningHit:
    hit.compared = [_compared(field) for field in hit.fields if isinstance(field, dict)]  # type: ignore[attr-defined]
    return hit


def _compared(field: Mapping[str, Any]) -> Compared:
    name, ours = str(field.get("field", "")), field.get("ours")
    agreement = str(field.get("agreement", ""))
    return Compared(
        label=_LABELS.get(name, name),
        ours=_masked(name, ours) if ours else "",
        theirs=str(field.get("theirs") or ""),
        agreement=_AGREEMENT.get(agreement, f"Unknown ({agreement})"),
    )


def _masked(name: str, value: Any) -> str:
    kind = _MASKS.get(name)
    return str(masking.MASKS[kind](value if isinstance(value, dt.date) else str(value))) if kind else str(value)


def register() -> None:
    """Add the section. Called when the app is ready."""
    panels.register(
        Panel("screening", "Screening", "compliance/_screening.html", screening, 50, permission="compliance.view_cases")
    )
