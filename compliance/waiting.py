"""What waits at the compliance desk, for the menu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from compliance.models import Case

if TYPE_CHECKING:
    from compliance.querysets import CaseQuerySet


def waiting_rows(user: Any) -> CaseQuerySet:
    """The cases that wait for this person or for their whole team."""
    rows: CaseQuerySet = Case.objects.visible_to(user).waiting(timezone.now()).for_me_or_my_team(user)
    return rows
