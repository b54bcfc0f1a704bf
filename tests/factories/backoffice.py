"""What the shell keeps."""

from __future__ import annotations

import factory
from django.utils import timezone

from backoffice.models import WorkerHeartbeat


class WorkerHeartbeatFactory(factory.django.DjangoModelFactory[WorkerHeartbeat]):
    """A worker that gave its sign of life just now."""

    class Meta:
        model = WorkerHeartbeat

    name = factory.Sequence(lambda n: f"worker {n}")
    beat_at = factory.LazyFunction(timezone.now)
