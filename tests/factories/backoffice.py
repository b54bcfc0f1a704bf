"""What the shell itself keeps."""

from __future__ import annotations

import factory
from django.utils import timezone

from backoffice import models


class WorkerHeartbeatFactory(factory.django.DjangoModelFactory[models.WorkerHeartbeat]):
    class Meta:
        model = models.WorkerHeartbeat
        django_get_or_create = ("name",)

    name = factory.Sequence(lambda n: f"worker {n}")
    beat_at = factory.LazyFunction(timezone.now)
