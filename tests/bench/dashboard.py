"""The dashboard at a million transactions against the naive aggregate: `python -m tests.bench.dashboard [SIZE]`.

Seeds a server of its own, then measures in turns on the same rows: the sums of the dashboard (status and partner, count
and payout) from the rollup, and the same by one GROUP BY over the transactions; both must say the same. The promise
(targets of the design): over 30 days at least 20 times as fast, over 24 months at least 60 times, each by its quietest
round, since what else the machine does only ever adds. Beside it: the whole page as a browser gets it, and what the
triggers add to the writing of events.
`python -m tests.bench.dashboard measure` measures the database that DATABASE_URL names, and seeds nothing.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from tests.bench.serving import serving

SIZE = 1_000_000
PERIODS = {"30 days": (30, 20), "24 months": (731, 60)}
ROUNDS = 25
READER = "nadia"
BATCH, TURNS, MOST_ADDED = 1_000, 9, 20


def grow(size: int) -> int:
    """Seed and measure; 1 if a promise is not kept."""
    with serving() as (place,):
        place.seed(size)
        text = place.run("-m", "tests.bench.dashboard", "measure")
    print(text, end="")
    return 0 if "NOT KEPT" not in text else 1


def measure() -> None:
    """Time rollup, naive aggregate and page on the present database."""
    import django
    import psycopg

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings.base")
    django.setup()
    from django.db import connection
    from django.db.models import Count
    from django.utils import timezone

    from backoffice.reports import rollups
    from backoffice.reports.models import Rollup

    begun = time.perf_counter()
    folded = rollups.fold()
    print(f"folded {folded:,} deltas in {time.perf_counter() - begun:.1f} s")
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")  # what the server does by itself within minutes of a seed
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM transactions_transaction")
        (size,) = cursor.fetchone()
        cursor.execute("SELECT pg_size_pretty(pg_total_relation_size('reports_rollup'))")
        (weight,) = cursor.fetchone()
    counted = Rollup.objects.order_by().values_list("grain").annotate(number=Count("pk")).order_by("grain")
    grains = ", ".join(f"{grain} {number:,}" for grain, number in counted)
    print(f"{size:,} transactions; the rollup weighs {weight}: {grains}")
    now = timezone.now()
    for name, (days, promised) in PERIODS.items():
        _compare(name, now - timedelta(days=days), promised)
    _page(now)
    _intake(now)
    rollups.recount()  # half of that was written behind the triggers' back


def _compare(name: str, start: datetime, promised: int) -> None:
    from django.db import connection

    from backoffice.reports.rollups import Slice, sums
    from transactions.lifecycle import POSITION
    from transactions.vocabulary import Stage

    of = Slice("TRUE", (), needs_branches=False)  # as for a reader who sees everything
    status_of = {stage.value: POSITION[stage][0].value for stage in Stage}

    def rolled() -> Counter[tuple[Any, ...]]:
        found: Counter[tuple[Any, ...]] = Counter()
        for one in sums(of, start, None, by=["partner_id", "stage", "currency"]):
            found[one.of["partner_id"], status_of[one.of["stage"]], one.of["currency"]] += one.number
        return found

    def naive() -> Counter[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT partner_id, status, settled_currency, count(*), sum(settled_amount)"
                " FROM transactions_transaction WHERE received_at >= %s GROUP BY 1, 2, 3",
                [start],
            )
            return Counter({row[:3]: row[3] for row in cursor.fetchall()})

    assert rolled() == naive(), "both must say the same"
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(_timed(naive))
        ours.append(_timed(rolled))
    ratio = min(theirs) / min(ours)
    word = "kept" if ratio >= promised else "NOT KEPT"
    print(
        f"{name:10} rollup {1000 * min(ours):8.2f} ms, naive {1000 * min(theirs):9.2f} ms (the quietest of {ROUNDS}):"
        f" {ratio:6.1f} times, {promised} promised: {word}; medians {median(theirs) / median(ours):.1f} times"
    )


def _page(now: datetime) -> None:
    from django.test import Client

    from accounts.models import User

    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(User.objects.get(username=READER), backend="django.contrib.auth.backends.ModelBackend")
    first = (now - timedelta(days=730)).date()
    for address in ("/", "/?range=30d", f"/?range={first}..", "/radar/"):
        times = [_timed(lambda address=address: client.get(address)) for _ in range(5)]
        print(f"page {address:26} {1000 * median(times):9.1f} ms")


def _intake(now: datetime) -> None:
    """What the triggers cost the intake: the same kinds of batches with and without them, in turns."""
    import psycopg

    from backoffice.demo.recipes import RECIPES
    from backoffice.demo.stories import story_of_kind
    from backoffice.gateway.intake import receive

    kinds, number, times = sorted(RECIPES), 50_000_000, {"on": [], "off": []}
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        for turn in range(2 * TURNS):
            word = ("on", "off")[turn % 2]
            for trigger in ("note_new", "note_changed", "note_gone"):
                switch = "ENABLE" if word == "on" else "DISABLE"
                owner.execute(f"ALTER TABLE transactions_transaction {switch} TRIGGER {trigger}".encode())
            events: list[Any] = []
            while len(events) < BATCH:
                number += 1
                events += story_of_kind(kinds[number % len(kinds)], number=number, now=now)
            batch = events[:BATCH]
            times[word].append(_timed(lambda batch=batch, turn=turn: receive(batch, message_id=f"bench-{turn}")))
        for trigger in ("note_new", "note_changed", "note_gone"):
            owner.execute(f"ALTER TABLE transactions_transaction ENABLE TRIGGER {trigger}".encode())
    added = 100 * (median(times["on"]) / median(times["off"]) - 1)
    word = "kept" if added <= MOST_ADDED else "NOT KEPT"
    print(f"intake of {BATCH:,} events: the triggers add {added:.1f} %, at most {MOST_ADDED} promised: {word}")


def _timed(deed: Callable[[], object]) -> float:
    begun = time.perf_counter()
    deed()
    return time.perf_counter() - begun


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] == ["measure"]:
        measure()
    else:
        sys.exit(grow(int(words[0].replace("_", "")) if words else SIZE))
