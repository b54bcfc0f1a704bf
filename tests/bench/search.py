"""How long searches take at 20,000 and at a million transactions: `python -m tests.bench.search [SIZE …]`.

Seeds a server of its own to each size, then measures them in turns, since the machine is never quiet for long; sign-in,
session and the trail's entry are included. The promise: finding by reference at the last size takes at most 1.3 times
what it takes at the first.
`python -m tests.bench.search measure` measures the database that DATABASE_URL names, and seeds nothing.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Sequence

from tests.bench.serving import Measured, in_turns, serving, timed

SIZES = (20_000, 1_000_000)
ROUNDS = 100
TURNS = 5
MOST_GROWTH = 1.3
READER = "nadia"  # sees everything: nothing is spared by a narrow scope


def grow(sizes: Sequence[int]) -> int:
    """Measure at each size in turns and print both; 1 if a search by reference grew by more than is promised."""
    with serving(len(sizes)) as places:
        for size, place in zip(sizes, places, strict=True):
            place.seed(size)
        found = in_turns(places, TURNS, "-m", "tests.bench.search", "measure", "--json")
    return _compare(sizes, found)


def _compare(sizes: Sequence[int], found: Sequence[Measured]) -> int:
    print(f"{'p50 / p95 in ms':28}" + "".join(f"{size:>22,}" for size in sizes) + f"{'growth of p50':>16}")
    for name in found[0]:
        cells = "".join(f"{one[name][0]:>13.2f} / {one[name][1]:>6.2f}" for one in found)
        print(f"{name:28}{cells}{found[-1][name][0] / found[0][name][0]:>16.2f}")
    growth = found[-1]["by reference"][0] / found[0]["by reference"][0]
    print(f"by reference: {growth:.2f}x from {sizes[0]:,} to {sizes[-1]:,}, at most {MOST_GROWTH}x promised")
    return 0 if growth <= MOST_GROWTH else 1


def measure(*, as_json: bool) -> None:
    """Time each kind of search on the present database."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings.base")
    django.setup()
    found = _measure()
    if as_json:
        print(json.dumps(found))
        return
    for name, (median, slowest) in found.items():
        print(f"{name:28}{median:>13.2f} / {slowest:>6.2f} ms")


def _measure() -> Measured:
    from django.db import connection
    from django.test import Client

    from accounts.models import User
    from transactions.models import Transaction
    from transactions.reading import read
    from transactions.search import only_match

    reader = User.objects.get(username=READER)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(reader, backend="django.contrib.auth.backends.ModelBackend")
    dice = random.Random(1)
    last = Transaction.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    rows = list(
        Transaction.objects.filter(pk__in=[dice.randint(1, last) for _ in range(3 * ROUNDS)]).exclude(bank_reference="")
    )[:ROUNDS]
    dice.shuffle(rows)

    def ask(text: str) -> None:
        answer = client.post("/search/", {"q": text})
        if "/search/" in answer.headers["Location"]:
            answer = client.get(answer.headers["Location"])
        if answer.status_code not in (200, 303):
            raise SystemExit(f"{text!r} was answered with {answer.status_code}")

    def turned(name: str) -> str:
        return " ".join(reversed(name.split()))

    # The connection stays open between requests, as the served pages' pool keeps it.
    connection.close = lambda: None  # type: ignore[method-assign]
    return {
        "empty page, the floor": timed([lambda: client.get("/search/")] * len(rows)),
        "by reference": timed([lambda row=row: ask(row.txn_id) for row in rows]),
        "by bank reference": timed([lambda row=row: ask(row.bank_reference) for row in rows]),
        "by reference, the query": timed([lambda row=row: only_match(read(row.uetr), reader) for row in rows]),
        "not found": timed([lambda row=row: ask(f"{row.txn_id}9") for row in rows]),
        "by its beginning": timed([lambda row=row: ask(row.txn_id[:9]) for row in rows]),
        "by IBAN": timed([lambda row=row: ask(row.beneficiary_iban or row.txn_id) for row in rows]),
        "by name, words turned": timed([lambda row=row: ask(turned(row.beneficiary_name)) for row in rows[:100]]),
        "first page of the list": timed([lambda: client.get("/transactions/")] * 50),
        "page in the middle": timed(
            [lambda row=row: client.get(f"/transactions/?after={row.txn_id}") for row in rows[:50]]
        ),
    }


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["measure"]:
        measure(as_json="--json" in arguments)
        return 0
    if not all(word.isdigit() for word in arguments):
        print("Usage: python -m tests.bench.search [SIZE …] | measure [--json]", file=sys.stderr)
        return 2
    return grow([int(word) for word in arguments] or SIZES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
