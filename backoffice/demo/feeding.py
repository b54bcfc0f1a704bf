"""Feeds the demo's remittances through the intake, in batches, once; a killed feeding goes on where it stood."""

from __future__ import annotations

import gc
import json
import multiprocessing
import multiprocessing.queues
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import islice
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Empty
from typing import Any, Final

from django.core.management.base import CommandError

from backoffice.demo.obeying import known_beside, remembered_line, remittance_told
from backoffice.demo.progress import Progress
from backoffice.demo.stories import Story, demo_stories
from backoffice.demo.world import Json
from backoffice.gateway import intake
from transactions.models import Transaction

BATCH: Final = 1_000
MARGIN: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Feeding:
    """A feeding as it is remembered between starts: what was told, and how many batches went in."""

    seed: int
    now: str
    total: int
    batches: int = 0
    is_complete: bool = False


BACKLOG: Final = "backlog.ndjson"
"""The events that were under way when the demo was fed; the simulator sends them and removes the file."""
FEEDING: Final = "feeding.json"


def feed(total: int, *, seed: int, progress: Progress, folder: Path) -> bool:
    """Give the intake `total` remittances unless some are there already; whether anything was to be done.

    The events go in as they would have come: in the order of their times, a thousand at once, received when the last
    of them happened. `folder` holds what the database does not say: how far it came, and what is left for later.
    """
    feeding = _unfinished(total, seed, folder)
    if feeding is None:
        return False
    progress.start(f"Taking in {feeding.total:,} transactions", feeding.total)
    with _teller(feeding, folder / BACKLOG) as batches:
        for number, (body, told) in enumerate(batches, 1):
            if number > feeding.batches:
                take_in(json.loads(body), body=body, message_id=f"demo-{feeding.seed}-{number}")
                _remember(replace(feeding, batches=number), folder)
            progress.show(told)
    _remember(replace(feeding, is_complete=True), folder)
    progress.end()
    return True


def take_in(events: list[Json], *, message_id: str, body: bytes | None = None, at: datetime | None = None) -> None:
    """One batch through the intake like any other delivery, received at `at` or when its last event happened.

    A refused event is a mistake of the demo.
    """
    at = at or datetime.fromisoformat(max(event["time"] for event in events)) + MARGIN
    receipt = intake.receive(events, message_id=message_id, source="demo", body=body, received_at=at)
    refused = [one for one in receipt.events if one.result in ("rejected", "conflict")]
    if refused:
        raise CommandError(f"The intake refused {len(refused)} events of the demo, first {refused[0]}")


@contextmanager
def _teller(feeding: Feeding, backlog: Path) -> Iterator[Iterator[tuple[bytes, int]]]:
    """Batches as JSON with the number of stories told so far, made by a process beside this one."""
    context = multiprocessing.get_context("fork")
    queue: multiprocessing.queues.Queue[tuple[bytes, int] | None] = context.Queue(maxsize=8)
    process = context.Process(target=_tell, args=(feeding, queue, backlog), daemon=True)
    process.start()
    try:
        yield _received(queue, process)
    finally:
        process.terminate()
        process.join()


def _received(queue: Any, process: BaseProcess) -> Iterator[tuple[bytes, int]]:
    while True:
        try:
            batch = queue.get(timeout=1)
        except Empty:
            if process.is_alive():
                continue
            raise CommandError("The stories of the demo ended early; start it again to go on.") from None
        if batch is None:
            return
        yield batch


def _tell(feeding: Feeding, queue: Any, backlog: Path) -> None:
    """In a process of its own that uses no database: tells the stories, and writes down what is left for later."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.disable()
    told = 0
    rest: list[Json] = []
    known: list[Json] = []

    def stories() -> Iterator[Story]:
        nonlocal told
        for story in demo_stories(feeding.total, now=datetime.fromisoformat(feeding.now), seed=feeding.seed):
            told += 1
            rest.extend(story.rest)
            known.append(remembered_line(remittance_told(story.events, goes_on=bool(story.rest))))
            yield story

    for batch in _batches(_in_order(stories())):
        queue.put((json.dumps(batch, ensure_ascii=False, separators=(",", ":")).encode(), told))
    for file, lines in ((known_beside(backlog), known), (backlog, rest)):
        _write(file, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    queue.put(None)


def _unfinished(total: int, seed: int, folder: Path) -> Feeding | None:
    """The feeding to do or to go on with; None when the database holds remittances that nobody is feeding."""
    known = _remembered(folder)
    if not Transaction.objects.exists():
        return Feeding(seed=seed, now=datetime.now(UTC).isoformat(), total=total)
    return known if known and not known.is_complete else None


def _in_order(stories: Iterator[Story]) -> Iterator[Json]:
    """All events of the stories by time, as far as the stories themselves come by time."""
    agenda: list[tuple[str, int, int, Json]] = []
    for place, story in enumerate(stories):
        begin = story.events[0]["time"]
        while agenda and agenda[0][0] < begin:
            yield heappop(agenda)[3]
        for event in story.events:
            heappush(agenda, (event["time"], place, event["sequence"], event))
    while agenda:
        yield heappop(agenda)[3]


def _batches(events: Iterator[Json]) -> Iterator[list[Json]]:
    while batch := list(islice(events, BATCH)):
        yield batch


def _remembered(folder: Path) -> Feeding | None:
    try:
        return Feeding(**json.loads((folder / FEEDING).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _remember(feeding: Feeding, folder: Path) -> None:
    _write(folder / FEEDING, json.dumps(asdict(feeding)))


def _write(file: Path, text: str) -> None:
    """Replace a file as a whole: a killed writer leaves the old one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)
