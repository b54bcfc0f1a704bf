"""The screening section of the detail page: what was checked against which list, what was found. Compliance only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from compliance.comparing import compare
from compliance.desk import cases_of
from compliance.evidence import SIDE_OF
from compliance.models import ScreeningCheck
from transactions import panels
from transactions.dossier import Dossier
from transactions.panels import Panel

MOST: Final = 20
"""How many hits of a check are shown here; all of them stand in the case."""


def screening(dossier: Dossier) -> Mapping[str, Any]:
    """Every check of the transaction with its hits, oldest first."""
    checks = list(ScreeningCheck.objects.filter(transaction=dossier.transaction).prefetch_related("hits"))
    for check in checks:
        party = dossier.parties.get(SIDE_OF.get(check.subject, ""))
        check.shown_hits = [(hit, compare(hit, party)) for hit in check.hits.all()[:MOST]]  # type: ignore[attr-defined]
    return {
        "checks": checks,
        "cases": cases_of(dossier.transaction),
        "count": sum(len(check.hits.all()) for check in checks),
    }


def register() -> None:
    """Add the section. Called when the app is ready."""
    panels.register(
        Panel("screening", "Screening", "compliance/_screening.html", screening, 50, permission="compliance.view_cases")
    )
