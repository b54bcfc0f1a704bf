"""What compliance knew of a transaction at a moment: which list in which version was asked, what it found, what people
had said of each hit, and how the cases stood. And cases as the trail's pages know them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from accounts import histories
from accounts.access import has
from accounts.models import User
from audit import objects
from compliance.models import Case, HitDecision, ScreeningCheck
from compliance.vocabulary import Outcome
from transactions import then
from transactions.then import Part, Then


@dataclass(frozen=True)
class CaseThen:
    """A case at a moment, in words."""

    number: str
    url: str
    trigger: str
    state: str
    in_hand_of: str


def screening_then(seen: Then) -> Mapping[str, Any]:
    """The checks that had reached us by then with their lists and hits, what was said of the hits, and the cases."""
    checks = ScreeningCheck.objects.filter(transaction=seen.transaction, event__received_at__lte=seen.moment)
    said = HitDecision.objects.filter(case__transaction=seen.transaction, decided_at__lte=seen.moment)
    cases = Case.objects.visible_to(seen.user).of_transaction(seen.transaction).filter(opened_at__lte=seen.moment)
    return {
        "checks": list(checks.prefetch_related("hits")),
        "decisions": list(said.select_related("decided_by", "reason").order_by("id")),
        "cases": [_case_then(case, seen.moment) for case in cases.order_by("pk")],
    }


def _case_then(case: Case, moment: dt.datetime) -> CaseThen:
    row = histories.instance_at(case, moment)
    return CaseThen(
        number=case.number,
        url=case.get_absolute_url(),
        trigger=str(case.get_trigger_display()),
        state=_state(case, row, moment),
        in_hand_of=str(row.assignee or "Nobody") if row is not None else "Not recorded",
    )


def _state(case: Case, row: Case | None, moment: dt.datetime) -> str:
    """Open, on hold or how it ended. The moment of its end stands in the case itself, whatever its history holds."""
    if case.closed_at is not None and case.closed_at <= moment:
        return f"Closed: {Outcome(case.outcome).label}"
    return "On hold" if row is not None and row.held_since and row.held_since <= moment else "Open"


def find(reader: User, called: str) -> Case | None:
    """The case of this number, if it is in the reader's scope and theirs to see."""
    if not has(reader, "compliance.view_cases"):
        return None
    found: Case | None = Case.objects.visible_to(reader).called(called).first()
    return found


def register() -> None:
    """Add the part, and make cases known to the trail's pages. Called when the app is ready."""
    then.register(
        Part("screening", "Screening then", "compliance/_then.html", screening_then, permission="compliance.view_cases")
    )
    case_type = Case._meta.label_lower
    objects.register(
        objects.Kind(
            type=case_type,
            label="Case",
            find=find,
            changes=lambda case, reader: histories.lines(case),
            at_url=lambda called: reverse("audit:object-at", args=[case_type, called]),
            url=lambda case: case.get_absolute_url(),
        )
    )
