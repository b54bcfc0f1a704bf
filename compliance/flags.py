"""What screening adds to the flags and the work that lists of transactions can be asked for, inside compliance only."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from compliance.models import Case, ScreeningHit
from transactions import assigned, flags

_SEEN_BY = "compliance.view_cases"


def register() -> None:
    """Let the desk find transactions with hits, and say who has their cases. Called when the app is ready."""
    flags.register(flags.Flag("hit", "Screening hit", _was_hit, permission=_SEEN_BY))
    assigned.register(assigned.Work("case", _SEEN_BY, lambda user: Case.objects.visible_to(user).open()))


def _was_hit(_now: datetime) -> Q:
    return Q(pk__in=ScreeningHit.objects.values("check_run__transaction"))
