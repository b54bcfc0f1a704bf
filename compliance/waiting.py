"""What waits at the compliance desk, for the menu."""

from __future__ import annotations

from typing import Any, Final

from django.utils import timezone

from compliance.models import Case

MOST_COUNTED: Final = 100


def waiting_for(user: Any) -> int:
    """How many cases wait for this person or for their whole team; counted to a hundred at most."""
    waiting = Case.objects.visible_to(user).waiting(timezone.now()).for_me_or_my_team(user)
    return waiting.values("pk")[:MOST_COUNTED].count()
