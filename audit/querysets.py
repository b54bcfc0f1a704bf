"""The questions that pages ask of the trail."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Protocol, Self

from django.db import models

from audit.verbs import Verb

OUT_OF_STEP: Final = timedelta(hours=1)
"""An entry takes its moment before it waits for its number, but never this long before."""
GIVEN_UP: Final = timedelta(minutes=2)
"""A verification that says nothing for this long has lost its worker."""


class Sight(Protocol):
    """How much a reader sees: everything, or some partners and branches."""

    @property
    def is_everything(self) -> bool: ...


def name_of(obj: models.Model) -> str:
    """What the trail calls an object: its public reference (`trail_name`), else its code or name, else its key."""
    names = (getattr(obj, attribute, None) for attribute in ("trail_name", "code", "name"))
    return str(next((name for name in names if name), obj.pk))


class AuditEventQuerySet(models.QuerySet[Any]):
    """Questions of the trail. It is only read here: audit.trail alone writes it."""

    def of(self, obj: models.Model) -> Self:
        """What was done to, or read of, one object."""
        return self.about(obj._meta.label_lower, name_of(obj))

    def about(self, object_type: str, object_id: str) -> Self:
        return self.filter(object_type=object_type, object_id=object_id)

    def reveals(self) -> Self:
        """Where somebody saw personal data."""
        return self.filter(verb=Verb.REVEALED, result="OK")

    def of_request(self, request_id: str) -> Self:
        """What one click, one delivery or one job did."""
        return self.filter(request_id=request_id)

    def newest_first(self) -> Self:
        return self.order_by("-seq")

    def within(self, sight: Sight) -> Self:
        """Entries follow their transactions: the whole trail is for those who see all partners and branches. The
        others read it object by object.
        """
        return self.all() if sight.is_everything else self.none()

    def during(self, start: datetime | None, end: datetime | None) -> Self:
        """Entries made from `start` until before `end`. Numbers rise with time, so their bounds are given too: then
        the index in the order of the list needs to read no further.
        """
        rows = self
        if start is not None:
            before = self.model.objects.filter(at__lt=start - OUT_OF_STEP).order_by("-at").values_list("seq", flat=True)
            rows = rows.filter(at__gte=start, seq__gt=before.first() or 0)
        if end is not None:
            after = self.model.objects.filter(at__gte=end + OUT_OF_STEP).order_by("at").values_list("seq", flat=True)
            rows = rows.filter(at__lt=end)
            if (first := after.first()) is not None:
                rows = rows.filter(seq__lt=first)
        return rows

    def how_many(self, most: int) -> int:
        """How many there are, counted no further than `most`."""
        return self.order_by().values("pk")[:most].count()

    def numbered(self, seq: int) -> Self:
        """The entry of this number; at most one."""
        return self.filter(seq=seq)


class VerificationQuerySet(models.QuerySet[Any]):
    """Questions about the readings of the whole trail."""

    def running(self, now: datetime) -> Self:
        """The one that a worker is at; at most one."""
        return self.filter(finished_at=None, beat_at__gt=now - GIVEN_UP)

    def given_up(self, now: datetime) -> Self:
        """One whose worker was lost on the way."""
        return self.filter(finished_at=None, beat_at__lte=now - GIVEN_UP)

    def unfinished(self) -> Self:
        """The one that waits for a worker or is under way; at most one."""
        return self.filter(finished_at=None)

    def newest(self) -> Any:
        """The last one that came to an end, or None."""
        return self.finished().first()

    def finished(self) -> Self:
        """Those that came to an end, the last one first."""
        return self.exclude(finished_at=None).order_by("-finished_at", "-pk")

    def broken(self) -> Self:
        """The last one that came to an end, where it found the trail broken."""
        return self.filter(pk__in=self.finished().values("pk")[:1]).exclude(broken_kind="")
