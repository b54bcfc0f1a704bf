"""What an open exception adds to the flags that lists of transactions can be filtered by."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from exceptions.models import ExceptionItem, Kind
from transactions import flags


def register() -> None:
    """Let lists find the transactions of which a repeat with other data was refused."""
    flags.register(flags.Flag("conflict", "Conflicting repeat", _is_in_conflict))


def _is_in_conflict(_now: datetime) -> Q:
    return Q(pk__in=ExceptionItem.objects.open().filter(kind=Kind.CONFLICT).values("transaction"))
