"""What every history row carries beside simple-history's own columns: the request that made it."""

from __future__ import annotations

from django.db import models

from audit.trail import context


def present_request() -> str:
    """The id of the present request, the same that the trail's entries carry."""
    return context().request_id


class Traced(models.Model):
    """A base for history tables: joins a row's change to the trail's entry of the same request."""

    request_id = models.CharField(max_length=40, default=present_request, editable=False)

    class Meta:
        abstract = True


def because(row: models.Model, reason: str) -> None:
    """Let the history rows that `row` leaves from now on carry `reason`. simple-history reads it from the instance."""
    row._change_reason = reason  # type: ignore[attr-defined]  # noqa: SLF001


class TracedApart(models.Model):
    """The same for a model whose own columns include a request id: here the column is `trace_id`."""

    trace_id = models.CharField(max_length=40, default=present_request, editable=False)

    class Meta:
        abstract = True
