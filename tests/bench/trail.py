"""How long the trail's explorer takes at 20,000 and at five million entries: `python -m tests.bench.trail [SIZE …]`.

Fills a server of its own to each size with a whole chain, measures the pages in turns, and times the verification by
the clock. The promise: no page at the last size takes more than 1.5 times what it takes at the first.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tests.bench.search import TURNS
from tests.bench.serving import Measured, in_turns, serving, timed

SIZES = (20_000, 5_000_000)
MOST_GROWTH = 1.5
ROUNDS = 25
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
VERBS = ("viewed", "searched", "events_received", "command_asked", "approval_given", "revealed", "denied", "read_trail")
ACTORS = ("hina", "omar", "sana", "adeel", "mehwish", "tariq", "rabia", "bilal", "worker", "platform")


def fill(size: int) -> None:
    """Let the chain go on to `size` entries by COPY, over the owner's connection."""
    import django
    import psycopg

    django.setup()
    from django.conf import settings

    from audit.chain import GENESIS, canonical, link
    from audit.models import AuditEvent

    key = settings.AUDIT_HMAC_KEY.encode()
    last = AuditEvent.objects.order_by("-seq").first()
    seq, before = (last.seq, bytes(last.hash)) if last else (0, GENESIS)
    statement = b"COPY audit_auditevent (seq, body, prev_hash, hash) FROM STDIN"
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner, owner.cursor().copy(statement) as rows:
        while seq < size:
            seq += 1
            said = {
                "at": f"{BEGAN + timedelta(seconds=5 * seq):%Y-%m-%dT%H:%M:%S.000000+00:00}",
                "verb": VERBS[seq * 7 % 31 % len(VERBS)],
                "actor": ACTORS[seq % len(ACTORS)],
                "kind": "USER",
                "ip": "10.0.0.7",
                "object_type": "transactions.transaction",
                "object_id": f"PSL{seq % 400_000:09d}",
                "request_id": f"{seq // 3:032x}",
                "result": "OK" if seq % 50 else "DENIED",
                "reason": "",
                "session": "",
            }
            body = canonical(said)
            own = link(key, before, seq, body)
            rows.write_row((seq, body, before, own))
            before = own
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("VACUUM (ANALYZE) audit_auditevent")


def measure() -> Measured:
    """The pages of the explorer as the auditor opens them."""
    import django

    django.setup()
    from django.db import connection
    from django.test import Client

    from accounts.models import User
    from audit.models import AuditEvent

    client = Client(SERVER_NAME="127.0.0.1")
    nadia = User.objects.get(username="nadia")
    client.force_login(nadia, backend="django.contrib.auth.backends.ModelBackend")
    middle = AuditEvent.objects.count() // 2
    day = f"{BEGAN + timedelta(seconds=5 * middle):%Y-%m-%d}"
    connection.close = lambda: None  # type: ignore[method-assign]
    asked = {
        "first page": "/audit/",
        "page in the middle": f"/audit/?after={middle}",
        "by person": "/audit/?actor=omar",
        "by deed": "/audit/?action=revealed",
        "denied, a ready filter": "/audit/?action=denials",
        "by object": "/audit/?object=transactions.transaction&ref=PSL000000777",
        "one day": f"/audit/?range={day}..{day}",
        "one entry": f"/audit/e/{middle}/",
    }
    for address in asked.values():
        answer = client.get(address)
        if answer.status_code != 200:
            raise SystemExit(f"{address} was answered with {answer.status_code}")
    return {name: timed([lambda at=at: client.get(at)] * ROUNDS) for name, at in asked.items()}


def grow(sizes: Sequence[int]) -> int:
    """Measure at each size in turns; 1 if a page grew by more than is promised."""
    with serving(len(sizes)) as places:
        for size, place in zip(sizes, places, strict=True):
            place.seed(100)  # the people, and what they are for
            begun = time.perf_counter()
            place.run("-m", "tests.bench.trail", "fill", str(size))
            print(f"{size:,} entries written in {time.perf_counter() - begun:.0f} s", flush=True)
        found = in_turns(places, TURNS, "-m", "tests.bench.trail", "measure")
        begun = time.perf_counter()
        places[-1].run("manage.py", "verify_audit")
        took = time.perf_counter() - begun
        print(f"verified {sizes[-1]:,} entries in {took:.1f} s: {sizes[-1] / took:,.0f} a second, its start included")
    return _compare(sizes, found)


def _compare(sizes: Sequence[int], found: Sequence[Measured]) -> int:
    print(f"{'p50 in ms':28}" + "".join(f"{size:>14,}" for size in sizes) + f"{'growth':>10}")
    worst = 0.0
    for name in found[0]:
        growth = found[-1][name][0] / found[0][name][0]
        worst = max(worst, growth)
        print(f"{name:28}" + "".join(f"{one[name][0]:>14.2f}" for one in found) + f"{growth:>10.2f}")
    print(f"the worst page grew {worst:.2f}x, at most {MOST_GROWTH}x promised")
    return 0 if worst <= MOST_GROWTH else 1


def main(arguments: list[str]) -> int:
    match arguments:
        case ["fill", size]:
            fill(int(size))
        case ["measure"]:
            print(json.dumps(measure()))
        case _ if all(word.isdigit() for word in arguments):
            return grow([int(word) for word in arguments] or SIZES)
        case _:
            print("Usage: python -m tests.bench.trail [SIZE …]", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
