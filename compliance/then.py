"""What compliance knew of a transaction at a moment: which list in which version was asked, and what it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compliance.models import ScreeningCheck
from transactions import then
from transactions.then import Part, Then


def checks_then(seen: Then) -> Mapping[str, Any]:
    """The checks that had reached us by then, with their lists and hits."""
    rows = ScreeningCheck.objects.filter(transaction=seen.transaction, event__received_at__lte=seen.moment)
    return {"checks": list(rows.prefetch_related("hits")), "moment": seen.moment}


def register() -> None:
    """Add the part. Called when the app is ready."""
    then.register(
        Part("screening", "Screening then", "compliance/_then.html", checks_then, permission="compliance.view_cases")
    )
