"""The intake keeps pace. What counts is the processors' time, ours and the database's: the machine may be busy."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from backoffice.demo.people import create_organisations
from backoffice.demo.stories import demo_stories
from backoffice.gateway.intake import receive
from tests.pace import busy_seconds

FLOOR = 1_500
BATCH = 1_000


@pytest.mark.django_db(transaction=True)
def test_batches_of_a_thousand_are_taken_in_faster_than_the_floor() -> None:
    create_organisations()
    stories = demo_stories(1_000, now=datetime.now(UTC), seed=3)
    events = [event for story in stories for event in story.events]
    speeds, clock = [], []
    for number, start in enumerate(range(0, len(events) - BATCH, BATCH)):
        before, began = busy_seconds(), time.perf_counter()
        receipt = receive(events[start : start + BATCH], message_id=f"speed-{number}")
        speeds.append(BATCH / (busy_seconds() - before))
        clock.append(BATCH / (time.perf_counter() - began))
        assert receipt.accepted == BATCH
    print(f"events per processor second: best {max(speeds):,.0f}; by the clock: best {max(clock):,.0f}")
    assert max(speeds) >= FLOOR
