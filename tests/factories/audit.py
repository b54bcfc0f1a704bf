"""Entries of the trail. They are made the only way there is: through audit.trail."""

from __future__ import annotations

from typing import Any

import factory
from django.utils import timezone

from audit import trail
from audit.models import AuditEvent, Verification
from audit.verbs import Verb


class AuditEventFactory(factory.Factory[AuditEvent]):
    """An entry that says that somebody viewed a transaction. Takes what `trail.record` takes."""

    class Meta:
        model = AuditEvent

    verb = Verb.VIEWED
    by = "hina"
    object_type = "transactions.transaction"
    object_id = factory.Sequence(lambda n: f"PSL{n:09}")

    @classmethod
    def _create(cls, model_class: type[AuditEvent], *args: Any, **kwargs: Any) -> AuditEvent:
        written = trail.record(**kwargs)
        return model_class.objects.get(seq=written.seq)

    @classmethod
    def _build(cls, model_class: type[AuditEvent], *args: Any, **kwargs: Any) -> AuditEvent:
        raise NotImplementedError("an entry exists in the trail or not at all")


class VerificationFactory(factory.django.DjangoModelFactory[Verification]):
    """A reading of the trail that came to a good end."""

    class Meta:
        model = Verification

    finished_at = factory.LazyFunction(timezone.now)
