"""How long the compliance desk takes with few cases and with 100,000: `python -m tests.bench.cases [SIZE …]`.

Seeds a server of its own to each number of transactions, lays one case for ten of them (one in twenty open), and
measures queue and case pages in turns, whole requests with session and trail. The promise: at the last size they take
at most twice what they take at the first, and the page of a case with five hundred hits at most 300 ms.
`python -m tests.bench.cases measure` measures the database that DATABASE_URL names.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence

from tests.bench.serving import Measured, in_turns, serving, timed

SIZES = (20_000, 1_000_000)
TURNS = 3
ROUNDS = 40
MOST_GROWTH = 2.0
MOST_HITS_MS = 300
HITS = 500
CANARY = "HITS500"
MANY_HITS = f"{HITS} hits, processor time"
"""Of the page alone, as the promise is about rendering: what else the machine does would only add."""

READER = "mehwish"

LAY = """
    INSERT INTO compliance_case (number, transaction_id, trigger, priority, opened_at, due_at, hit_count, top_score,
        lists, hold_reason, snooze_reason, escalation_reason, tags, outcome, closed_at, version, revision, last_key)
    SELECT 'C-2024-' || lpad(n::text, 7, '0'), id, 'SCREENING_HITS', 2, received_at, received_at + interval '4 hours',
        1, 0.9, ARRAY['OFAC SDN'], '', '', '', ARRAY[]::varchar[],
        CASE WHEN n %% 20 = 0 THEN '' ELSE 'released' END,
        CASE WHEN n %% 20 = 0 THEN NULL ELSE received_at + interval '2 hours' END, 1, 1, ''
    FROM (SELECT id, received_at, row_number() OVER (ORDER BY id) AS n FROM transactions_transaction
        WHERE id NOT IN (SELECT transaction_id FROM compliance_case) ORDER BY id LIMIT %s) AS rows
"""


def grow(sizes: Sequence[int]) -> int:
    """Measure at each size in turns and print both; 1 if a page grew by more than is promised."""
    with serving(len(sizes)) as places:
        for size, place in zip(sizes, places, strict=True):
            place.seed(size)
            begun = time.perf_counter()
            place.run("-m", "tests.bench.cases", "lay", str(size // 10))
            print(f"{size // 10:,} cases laid in {time.perf_counter() - begun:.0f} s", flush=True)
        found = in_turns(places, TURNS, "-m", "tests.bench.cases", "measure", "--json")
    return _compare(sizes, found)


def _compare(sizes: Sequence[int], found: Sequence[Measured]) -> int:
    print(f"{'p50 / p95 in ms':28}" + "".join(f"{size:>22,}" for size in sizes) + f"{'growth of p50':>16}")
    broken = 0
    for name in found[0]:
        cells = "".join(f"{one[name][0]:>13.2f} / {one[name][1]:>6.2f}" for one in found)
        growth = found[-1][name][0] / found[0][name][0]
        broken += growth > MOST_GROWTH
        print(f"{name:28}{cells}{growth:>16.2f}")
    slow = found[-1][MANY_HITS][0] > MOST_HITS_MS
    print(f"at most {MOST_GROWTH}x promised: {broken} grew more")
    print(f"at most {MOST_HITS_MS} ms promised for {MANY_HITS}: {'slower' if slow else 'held'}")
    return 1 if broken or slow else 0


def lay(cases: int) -> None:
    """Lay so many cases over the transactions that are there, and one with five hundred hits."""
    from django.db import connection

    from tests.gateway.telling import received, screened, stage, take_in

    with connection.cursor() as cursor:
        cursor.execute(LAY, [cases])
        cursor.execute("ANALYZE compliance_case")
    hits = [{"entityId": f"SDN-{n}", "score": "0.91", "threshold": "0.85", "names": ["Zoe L"]} for n in range(HITS)]
    take_in(
        received(CANARY, partner="INSTANTCASH"),
        stage(CANARY, 2, "intake"),
        stage(CANARY, 3, "validation"),
        stage(CANARY, 4, "title_fetch"),
        screened(CANARY, 5, status="HITS", hits=hits),
        stage(CANARY, 6, "screening", "REVIEW"),
    )


def measure() -> Measured:
    """Time the pages of the desk on the present database."""
    from django.db import connection
    from django.test import Client

    from accounts.models import User
    from compliance.models import Case

    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(User.objects.get(username=READER), backend="django.contrib.auth.backends.ModelBackend")
    some = list(Case.objects.filter(number__startswith="C-2024-", closed_at=None).order_by("?")[:ROUNDS])
    many = Case.objects.get(transaction__txn_id=CANARY)
    middle = some[0].number

    def get(address: str) -> None:
        if client.get(address).status_code != 200:
            raise SystemExit(f"{address} was not answered")

    # The connection stays open between requests, as the served pages' pool keeps it.
    connection.close = lambda: None  # type: ignore[method-assign]
    return {
        "queue": timed([lambda: get("/compliance/")] * ROUNDS),
        "queue, unassigned": timed([lambda: get("/compliance/?tab=unassigned")] * ROUNDS),
        "queue, in the middle": timed([lambda: get(f"/compliance/?after={middle}")] * ROUNDS),
        "queue, closed": timed([lambda: get("/compliance/?tab=closed")] * ROUNDS),
        "queue, closed ones too": timed([lambda: get("/compliance/?tab=all")] * ROUNDS),
        "queue of titles": timed([lambda: get("/compliance/?queue=title")] * ROUNDS),
        "case": timed([lambda one=one: get(one.get_absolute_url()) for one in some]),
        "case from the queue": timed([lambda one=one: get(f"{one.get_absolute_url()}?from=Yw") for one in some]),
        f"case with {HITS} hits": timed([lambda: get(many.get_absolute_url())] * ROUNDS),
        MANY_HITS: timed([lambda: get(many.get_absolute_url())] * ROUNDS, clock=time.process_time),
        "take next": timed([lambda: client.post("/compliance/next/")] * ROUNDS),
    }


def main(arguments: list[str]) -> int:
    if arguments[:1] in (["measure"], ["lay"]):
        import django

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings.base")
        django.setup()
        if arguments[0] == "lay":
            lay(int(arguments[1]))
        elif "--json" in arguments:
            print(json.dumps(measure()))
        else:
            for name, (median, slowest) in measure().items():
                print(f"{name:28}{median:>13.2f} / {slowest:>6.2f} ms")
        return 0
    if not all(word.isdigit() for word in arguments):
        print("Usage: python -m tests.bench.cases [SIZE …] | lay CASES | measure [--json]", file=sys.stderr)
        return 2
    return grow([int(word) for word in arguments] or SIZES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
