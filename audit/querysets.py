"""The questions that pages ask of the trail."""

from __future__ import annotations

from typing import Any, Self

from django.db import models


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

    def of_request(self, request_id: str) -> Self:
        """What one click, one delivery or one job did."""
        return self.filter(request_id=request_id)

    def newest_first(self) -> Self:
        return self.order_by("-seq")
