"""Deliveries, and what became of events that were not taken in."""

from __future__ import annotations

import hashlib

import factory

from backoffice.gateway import models
from tests.factories.accounts import PartnerFactory


class DeliveryFactory(factory.django.DjangoModelFactory[models.Delivery]):
    class Meta:
        model = models.Delivery

    message_id = factory.Sequence(lambda n: f"msg_{n}")
    source = "webhook"
    body = b"[]"
    digest = factory.LazyAttribute(lambda delivery: hashlib.sha256(delivery.body).digest())


class VerdictFactory(factory.django.DjangoModelFactory[models.Verdict]):
    class Meta:
        model = models.Verdict

    delivery = factory.SubFactory(DeliveryFactory, rejected=1)
    position = 1
    partner = factory.SubFactory(PartnerFactory)
    event_id = factory.Sequence(lambda n: f"event-{n}")
    result = models.Verdict.Result.REJECTED
    errors = factory.LazyFunction(lambda: [{"field": "subject", "message": "subject is missing. Send it."}])


class WaitingEventFactory(factory.django.DjangoModelFactory[models.WaitingEvent]):
    class Meta:
        model = models.WaitingEvent

    delivery = factory.SubFactory(DeliveryFactory, accepted=1)
    subject = factory.Sequence(lambda n: f"WAITS{n}")
    sequence = 2
    event_id = factory.LazyAttribute(lambda waiting: f"{waiting.subject}.{waiting.sequence}")
    digest = b"\x00" * 32
    envelope = factory.LazyAttribute(
        lambda waiting: {
            "specversion": "1.0",
            "id": waiting.event_id,
            "source": "/openremit/platform",
            "type": "openremit.transaction.stage",
            "subject": waiting.subject,
            "time": "2026-11-20T09:00:00Z",
            "sequence": waiting.sequence,
            "data": {"stage": "intake", "result": "SUCCESS"},
        }
    )
