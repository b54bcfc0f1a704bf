"""Screening as it comes in: checks and their hits, written from events. They move nothing (DECISIONS.md section 6)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from compliance.models import ScreeningCheck, ScreeningHit
from transactions.bulk import columns_of, copy_in, next_ids


@dataclass(frozen=True, slots=True)
class Screened:
    """One screening event of a transaction: which row of the timeline it is, when it was done, and what it says."""

    transaction_id: int
    event_id: int
    completed_at: datetime
    values: dict[str, Any]

    @property
    def is_understood(self) -> bool:
        """Whether all its words are known; a check with an unknown word stays in the timeline alone."""
        return not unknown_words(self.values)

    @property
    def timing(self) -> str:
        return str(self.values.get("timing", ScreeningCheck.Timing.PRE.value))


def unknown_words(values: dict[str, Any]) -> dict[str, str]:
    """The words of a screening event that are not in the vocabulary, by field."""
    return {name: values[name] for name, words in _KNOWN.items() if name in values and values[name] not in words}


_KNOWN: Final = {
    "party": frozenset(ScreeningCheck.Subject.values),
    "timing": frozenset(ScreeningCheck.Timing.values),
    "status": frozenset(ScreeningCheck.Status.values),
}


def record(screened: Sequence[Screened]) -> None:
    """Write the checks and hits of these events; those with unknown words are left to the timeline."""
    understood = [one for one in screened if one.is_understood]
    ids = next_ids(ScreeningCheck, len(understood))
    columns = columns_of(ScreeningCheck)
    copy_in(
        ScreeningCheck,
        columns,
        [_in_order(_check(key, one), columns) for key, one in zip(ids, understood, strict=True)],
    )
    hits = [_hit(key, hit) for key, one in zip(ids, understood, strict=True) for hit in one.values.get("hits", [])]
    if hits:
        hit_columns = columns_of(ScreeningHit, with_pk=False)
        copy_in(ScreeningHit, hit_columns, [_in_order(hit, hit_columns) for hit in hits])


def _in_order(row: dict[str, Any], columns: Sequence[str]) -> list[Any]:
    return [row[name] for name in columns]


def _check(key: int, one: Screened) -> dict[str, Any]:
    values = one.values
    return {
        "id": key,
        "transaction_id": one.transaction_id,
        "event_id": one.event_id,
        "subject": values["party"],
        "timing": one.timing,
        "status": values["status"],
        "list_name": values.get("list.name", ""),
        "list_version": values.get("list.version", ""),
        "list_fetched_at": values.get("list.fetchedAt"),
        "completed_at": one.completed_at,
    }


def _hit(check_id: int, hit: dict[str, Any]) -> dict[str, Any]:
    threshold: Decimal | None = hit.get("threshold")
    return {
        "check_run_id": check_id,
        "entity_id": hit["entityId"],
        "score": hit["score"],
        "threshold": threshold,
        "names": hit.get("names", []),
        "aliases": hit.get("aliases", []),
        "birth_date": hit.get("dateOfBirth", ""),
        "nationality": hit.get("nationality", ""),
        "programme": hit.get("programme", ""),
        "fields": json.dumps(hit.get("fields", []), ensure_ascii=False),
    }
