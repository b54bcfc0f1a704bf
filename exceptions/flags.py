"""What open exceptions add to the flags and the work that lists of transactions can be asked for."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from exceptions.models import ExceptionItem, Kind
from transactions import assigned, flags


def register() -> None:
    """Let lists find transactions of which a repeat with other data was refused, and say who has the exceptions."""
    flags.register(flags.Flag("conflict", "Conflicting repeat", _is_in_conflict))
    assigned.register(
        assigned.Work(
            "exception", "exceptions.view_exceptions", lambda user: ExceptionItem.objects.readable_by(user).open()
        )
    )


def _is_in_conflict(_now: datetime) -> Q:
    return Q(pk__in=ExceptionItem.objects.open().filter(kind=Kind.CONFLICT).values("transaction"))
