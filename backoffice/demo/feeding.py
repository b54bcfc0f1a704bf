"""Feeds the demo's remittances through the intake, in batches, once; a killed feeding goes on where it stood."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from backoffice.demo.progress import Progress
from backoffice.demo.stories import Story, demo_stories
from backoffice.demo.world import Json
from backoffice.gateway import intake
from transactions.models import Transaction

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Feeding:
    """A feeding as it is remembered between starts: what was told, and how far it came."""

    seed: int
    now: str
    total: int
    fed: int = 0

    @property
    def is_complete(self) -> bool:
        return self.fed >= self.total


def folder() -> Path:
    """Where the demo remembers what the database does not say."""
    return Path(settings.LOCAL_DIR) / "demo"


def backlog() -> Path:
    """The events that were under way when the demo was fed; the simulator sends them and removes the file."""
    return folder() / "backlog.ndjson"


def feed(total: int, *, seed: int, progress: Progress) -> int:
    """Give the intake `total` remittances unless some are there already; returns how many went in now."""
    feeding = _unfinished(total, seed)
    if feeding is None:
        return 0
    progress.start(f"Taking in {feeding.total:,} transactions", feeding.total)
    stories = demo_stories(feeding.total, now=datetime.fromisoformat(feeding.now), seed=feeding.seed)
    rest: list[Json] = []
    fed = 0
    for batch in _batches(stories):
        rest += [event for story in batch for event in story.rest]
        fed += len(batch)
        if fed > feeding.fed:
            take_in([event for story in batch for event in story.events])
            _remember(replace(feeding, fed=min(fed, feeding.total - 1)))
        progress.show(fed)
    _write(backlog(), "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in rest))
    _remember(replace(feeding, fed=feeding.total))
    progress.end()
    return feeding.total - feeding.fed


def _unfinished(total: int, seed: int) -> Feeding | None:
    """The feeding to do or to go on with; None when the database holds remittances that nobody is feeding."""
    known = _remembered()
    if not Transaction.objects.exists():
        return Feeding(seed=seed, now=datetime.now(UTC).isoformat(), total=total)
    return known if known and not known.is_complete else None


def _batches(stories: Iterator[Story]) -> Iterator[list[Story]]:
    """Whole stories, as many as make a batch of at most a thousand events."""
    batch: list[Story] = []
    size = 0
    for story in stories:
        if batch and size + len(story.events) > BATCH:
            yield batch
            batch, size = [], 0
        batch.append(story)
        size += len(story.events)
    if batch:
        yield batch


def take_in(events: list[Json]) -> None:
    """One batch through the intake, in the way of every other delivery. Refused events are a mistake of the demo."""
    with transaction.atomic():
        intake.receive(events, source="demo")


def _remembered() -> Feeding | None:
    try:
        return Feeding(**json.loads((folder() / "feeding.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _remember(feeding: Feeding) -> None:
    _write(folder() / "feeding.json", json.dumps(asdict(feeding)))


def _write(file: Path, text: str) -> None:
    """Replace a file as a whole: a killed writer leaves the old one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)
