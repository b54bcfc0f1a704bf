"""The worker's sign of life: given every few seconds, read by /readyz."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from backoffice.models import WorkerHeartbeat

EVERY_SECONDS: Final = 5.0
ALIVE_WITHIN: Final = timedelta(seconds=30)


def beat(name: str) -> None:
    """Say that the worker called `name` is there."""
    WorkerHeartbeat.objects.update_or_create(name=name, defaults={"beat_at": timezone.now()})


def rest(name: str) -> None:
    """Say that the worker called `name` stopped in good order."""
    WorkerHeartbeat.objects.filter(name=name).delete()


def is_alive() -> bool:
    """Whether any worker was there lately."""
    return alive().exists()


def alive() -> QuerySet[WorkerHeartbeat]:
    """The workers that were there lately."""
    return WorkerHeartbeat.objects.filter(beat_at__gt=timezone.now() - ALIVE_WITHIN)


def signs() -> QuerySet[WorkerHeartbeat]:
    """Every worker that has not stopped in good order."""
    return WorkerHeartbeat.objects.all()


def signs_of_life() -> list[tuple[str, datetime]]:
    """Every worker that has not stopped in good order, and when it was last there."""
    return list(WorkerHeartbeat.objects.order_by("name").values_list("name", "beat_at"))


def lost() -> datetime | None:
    """When the last worker was there, if none is there now and none stopped in good order."""
    newest = max((at for _, at in signs_of_life()), default=None)
    return newest if newest is not None and timezone.now() - newest > ALIVE_WITHIN else None


def forget() -> None:
    """Forget workers that were not there for a day: they have another name by now, and their alarm has been read."""
    WorkerHeartbeat.objects.filter(beat_at__lt=timezone.now() - timedelta(days=1)).delete()
