"""The intake keeps pace. What counts is the processors' time, ours and the database's: the machine may be busy."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection

from backoffice.demo.people import create_organisations
from backoffice.demo.stories import demo_stories
from backoffice.gateway.intake import receive

FLOOR = 1_500
BATCH = 1_000


def busy_seconds() -> float:
    """The processor time spent so far by this process and, where it can be read, by its database session."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    try:
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    except OSError:
        return time.process_time()
    return time.process_time() + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


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
