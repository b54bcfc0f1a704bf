"""The exceptions section of the detail page: what is open, and what differs from what was known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from exceptions.models import ExceptionItem, Kind
from transactions import panels
from transactions.dossier import Dossier
from transactions.panels import Panel

_LABELS: Final = {
    "partnerReference": "Partner reference",
    "payingAmount": "Payout",
    "payingCurrency": "Payout currency",
    "settlementAmount": "Sent amount",
    "settlementCurrency": "Sent currency",
    "settlementRate": "Rate",
    "commissionAmount": "Commission",
    "purposeOfPayment": "Purpose",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of a conflicting repeat: what was taken in, what came later."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An open exception as one reader sees it."""

    kind: str
    opened_at: dt.datetime
    sentence: str
    changes: tuple[Difference, ...]


def exceptions(dossier: Dossier) -> Mapping[str, Any]:
    """The open exceptions of the transaction; no section where there are none."""
    items = ExceptionItem.objects.readable_by(dossier.user).of(dossier.transaction).open().for_list()
    shown = [_shown(item, dossier) for item in items]
    if not shown:
        return {}
    holder = next((item.assignee for item in items if item.assignee_id), None)
    return {"items": shown, "count": len(shown), "holder": holder, "transaction": dossier.transaction}


def _shown(item: ExceptionItem, dossier: Dossier) -> Shown:
    sentence = item.reason if dossier.reader.may_read(item.reason) else "Something in an event is not known here."
    return Shown(str(Kind(item.kind).label), item.opened_at, sentence, tuple(_differences(item.facts)))


def _differences(facts: Mapping[str, Any]) -> Iterable[Difference]:
    for one in facts.get("differences", []):
        name = str(one["field"]).rpartition(".")[2]
        yield Difference(_LABELS.get(name, name), str(one["old"] or ""), str(one["new"] or ""))


def register() -> None:
    """Add the section. Called when the app is ready."""
    panels.register(
        Panel(
            "exceptions",
            "Open exceptions",
            "exceptions/_panel.html",
            exceptions,
            5,
            permission="exceptions.view_exceptions",
        )
    )
