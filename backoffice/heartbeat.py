"""The worker's sign of life: given every few seconds, read by /readyz."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

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
    return WorkerHeartbeat.objects.filter(beat_at__gt=timezone.now() - ALIVE_WITHIN).exists()
