"""`history.as_of(t)` is the fold of the events received up to t, for random transactions and moments.

Transactions are taken in piece by piece over two days, late, repeated and before their instruction. Then the proof is
turned on itself: a history row is dropped, as the owner with the guards off, and the same question must now fail.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction as database

from backoffice.demo.people import create_organisations
from backoffice.demo.recipes import RECIPES
from backoffice.demo.stories import story_of_kind
from backoffice.gateway.intake import receive
from tests.database import owner_connection
from tests.proofs.order import deliveries
from transactions.lifecycle import Happening, fold
from transactions.models import Event, Transaction
from transactions.vocabulary import EventType

SIZE = 1_000
TRANSACTIONS = 120
DROPPED = 5
SINCE = datetime(2026, 11, 18, tzinfo=UTC)
SPAN = timedelta(hours=48)
TABLE = Transaction.history.model._meta.db_table

Seen = tuple[Any, ...]


@dataclass(frozen=True)
class Question:
    """What a transaction was at a moment."""

    pk: int
    txn_id: str
    at: datetime


def run(size: int | None = None) -> tuple[int, int]:
    """Ask `size` questions. Returns how many were asked, and how many were answered wrongly, dropped rows included."""
    size, dice = SIZE if size is None else size, random.Random(7)
    with database.atomic():
        create_organisations()
    _take_in(min(TRANSACTIONS, max(12, size // 6)), dice)
    held = list(Transaction.objects.values_list("pk", "txn_id").order_by("pk"))
    questions = [Question(*dice.choice(held), _moment(dice)) for _ in range(size)]
    wrong = [question for question in questions if not _holds(question)]
    for question in wrong[:10]:
        print(f"  {question.txn_id} at {question.at}: history {_remembered(question)}, fold {_folded(question)}")
    blunt = _bites(held, dice)
    print(f"  {len(held)} transactions; {DROPPED} rows dropped, {DROPPED - blunt} noticed", flush=True)
    return size + DROPPED, len(wrong) + blunt


def _moment(dice: random.Random) -> datetime:
    """A moment within the span; one in ten exactly that of a delivery."""
    if dice.random() < 0.1:
        return dice.choice(list(Event.objects.order_by("pk").values_list("received_at", flat=True)[:500]))
    return SINCE + SPAN * dice.random()


# -- taking in --------------------------------------------------------------------------------------------------------


def _take_in(how_many: int, dice: random.Random) -> None:
    """All pieces of all stories in the order of their random moments, those of one moment in one delivery."""
    pieces: list[tuple[datetime, list[dict[str, Any]]]] = []
    for number in range(how_many):
        events = {
            event["sequence"]: event
            for event in story_of_kind(
                dice.choice(sorted(RECIPES)), number=number, now=SINCE, seed=dice.randrange(10**6)
            )
        }
        for piece in deliveries(sorted(events), dice):
            at = SINCE + timedelta(minutes=dice.randrange(int(SPAN.total_seconds() // 60)))
            pieces.append((at, [events[place] for place in piece]))
    pieces.sort(key=lambda pair: pair[0])
    while pieces:
        at, events_now = pieces.pop(0)
        while pieces and pieces[0][0] == at:
            events_now = events_now + pieces.pop(0)[1]
        receive(events_now, message_id=f"history-{at:%d%H%M}", source="demo", received_at=at)


# -- two answers to one question --------------------------------------------------------------------------------------


def _holds(question: Question) -> bool:
    return _remembered(question) == _folded(question)


def _remembered(question: Question) -> Seen | None:
    """What the history says the transaction was."""
    row = Transaction.history.as_of(question.at).filter(pk=question.pk).first()
    if row is None:
        return None
    return (
        row.status,
        row.stage,
        row.step,
        row.stage_result,
        row.funds_position,
        row.reason_code,
        row.attempt,
        row.sequence,
        tuple(row.missing_sequences),
        row.contradictions,
        row.status_since,
        row.stage_since,
        row.rail,
        row.rail_reference,
        row.rail_reference_kind,
        row.bank_reference,
    )


def _folded(question: Question) -> Seen | None:
    """What the events received by then make of it; nothing before its instruction came."""
    events = list(Event.objects.filter(transaction=question.pk, received_at__lte=question.at).order_by("sequence"))
    if not events or events[0].sequence != 1:
        return None
    stages = [_happening(event) for event in events if event.type == EventType.STAGE]
    others = [event.sequence for event in events if event.type not in (EventType.STAGE, EventType.RECEIVED)]
    folded = fold(events[0].time, stages, others)
    state = folded.state
    return (
        state.status,
        state.stage,
        state.step,
        state.stage_result,
        state.funds_position,
        state.reason_code,
        state.attempt,
        state.sequence,
        folded.missing,
        len(folded.contradictory),
        state.status_since,
        state.stage_since,
        state.rail,
        state.rail_reference,
        state.rail_reference_kind,
        state.bank_reference,
    )


def _happening(event: Event) -> Happening:
    return Happening(
        event.sequence,
        event.time,
        event.stage,
        event.result,
        event.attempt,
        event.funds_position,
        event.reason_code,
        event.retry_class,
        event.rail,
        event.rail_reference,
        event.rail_reference_kind,
        event.bank_reference,
    )


# -- the proof turned on itself ---------------------------------------------------------------------------------------


def _bites(held: list[tuple[int, str]], dice: random.Random) -> int:
    """Drop rows one after another, ask about the moment of each, and count those whose loss nobody notices."""
    rows = list(Transaction.history.order_by("history_id"))
    names, unnoticed = dict(held), 0
    for row in dice.sample(rows, DROPPED):
        question = Question(row.id, names[row.id], row.history_date)
        if not _holds(question):
            print(f"  {question.txn_id} did not hold before its row was dropped")
        _drop(row.history_id)
        unnoticed += _holds(question)
    return unnoticed


def _drop(history_id: int) -> None:
    with owner_connection() as owner:
        owner.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER USER".encode())
        owner.execute(f"DELETE FROM {TABLE} WHERE history_id = %s".encode(), [history_id])
        owner.execute(f"ALTER TABLE {TABLE} ENABLE TRIGGER USER".encode())
