"""What changed in a case since somebody read it, from its history: old and new, by whom and when."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from compliance.errors import Difference
from compliance.vocabulary import Outcome, Priority
from transactions import formats

if TYPE_CHECKING:
    from compliance.models import Case

_FIELDS: Final = {
    "assignee": "Assigned to",
    "priority": "Priority",
    "hit_count": "Hits",
    "due_at": "Due",
    "held_since": "On hold since",
    "snoozed_until": "Put aside until",
    "escalated_at": "Escalated",
    "tags": "Tags",
    "closed_at": "Closed",
    "outcome": "Outcome",
    "version": "Evidence, version",
}


def changes_since(case: Case, revision: int) -> list[Difference]:
    """What others changed in the case after `revision`, oldest first."""
    rows = list(
        case.history.filter(revision__gte=revision)
        .select_related("history_user")
        .order_by("history_date", "history_id")
    )
    return [difference for old, new in pairwise(rows) for difference in _differences(old, new)]


def all_changes(case: Case) -> list[Difference]:
    """Everything that ever changed in the case, oldest first."""
    return changes_since(case, 0)


def _differences(old: Any, new: Any) -> list[Difference]:
    delta = new.diff_against(old, included_fields=list(_FIELDS), foreign_keys_are_objs=True)
    who = str(new.history_user or ("The platform" if new.history_change_reason == "platform" else "The system"))
    return [
        Difference(_FIELDS[change.field], _shown(change.field, change.old), _shown(change.field, change.new), who, at)
        for change in delta.changes
        for at in [new.history_date]
    ]


def _shown(field: str, value: Any) -> str:
    if value in (None, "", []):
        return "empty"
    if field == "priority":
        return str(Priority(value).label)
    if field == "outcome":
        return str(Outcome(value).label)
    if hasattr(value, "astimezone"):
        return formats.when_in_detail(value, timezone.get_current_timezone())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
