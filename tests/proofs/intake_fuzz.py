"""Bodies that no platform would send, over HTTP: no answer of 500 or more, none over a second; what is answered as
accepted is stored exactly once and exactly as sent, and everything else has stored nothing payable.

Good deliveries are made bad: bytes flipped, keys moved, types swapped, nested, made endless, cut, doubled, wrongly
signed. A ledger of the answers is then compared with the database, event by event.
"""

from __future__ import annotations

import base64
import json
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection
from django.db import transaction as database
from django.test import Client

from backoffice.demo.people import create_organisations
from backoffice.demo.recipes import RECIPES
from backoffice.demo.signing import signed_headers
from backoffice.demo.stories import story_of_kind
from backoffice.gateway import strict_json
from backoffice.gateway.intake import BATCH, SINGLE
from transactions.models import Event, Transaction

SIZE = 10_000
SLOW_SECONDS = 1.0
AGAIN = 4
GROWTH_KB = 100 * 1024
Json = dict[str, Any]


@dataclass
class Ledger:
    """What was answered: every event that was taken in, as it was sent; and what went wrong."""

    taken: dict[str, Json] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


# -- what is sent -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """A body as it goes over the line, and what is done to its headers."""

    body: bytes
    content_type: str
    headers: dict[str, str]
    how: str


def requests(dice: random.Random) -> Iterator[Request]:
    """Without end: one to five events of fresh stories, mostly spoilt in one or two ways."""
    number = 0
    while True:
        number += 1
        story = story_of_kind(dice.choice(sorted(RECIPES)), number=number, seed=dice.randrange(10**6))
        events = story[: dice.randint(1, 5)] if dice.random() < 0.7 else dice.sample(story, min(3, len(story)))
        yield _spoilt(events, dice)


def _spoilt(events: list[Json], dice: random.Random) -> Request:
    how: list[str] = []
    for _ in range(dice.choice((0, 1, 1, 1, 2))):
        spoil = dice.choice(SPOIL_EVENTS)
        how.append(spoil.__name__)
        spoil(dice.choice(events), dice)
    single = len(events) == 1 and dice.random() < 0.5
    body = _text(events[0] if single else events, dice)
    if dice.random() < 0.35:
        garble = dice.choice(SPOIL_BYTES)
        how.append(garble.__name__)
        body = garble(body, dice)
    content_type = SINGLE if single else BATCH
    headers = signed_headers(body, settings.INTAKE_SIGNING_SECRETS[0])
    if dice.random() < 0.08:
        name, value = dice.choice(sorted(headers)), dice.choice(CRAFTED)
        how.append(f"header {name}")
        headers[name] = value
    if dice.random() < 0.03:
        content_type = dice.choice(("application/json", "text/plain", SINGLE, BATCH))
    return Request(body, content_type, headers, ", ".join(how) or "plain")


def _text(value: Any, dice: random.Random) -> bytes:
    """JSON as a careless sender writes it: half surrogate pairs are escaped, NaN is written."""
    return json.dumps(value, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")


CRAFTED = ("", "v1,", "v1,é", "0", "-1", "9" * 30, "v1," + base64.b64encode(b"x" * 32).decode(), "١٢٣", "\x00", "a b c")
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    10**40,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "null",
    "N/A",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "x" * 65,
    "x" * 5_000,
    "1_000",
    "１２３",
    "1e3",
    "1E400",
    "NaN",
    "-5.00",
    "0.00",
    "99999999999",
    "10.123456789",
    "<script>alert(1)</script>",
    "'; DROP TABLE transactions_event; --",
    "../../etc/passwd",
    "2026-02-30",
    "9999-12-31T23:59:59Z",
    "0000-00-00T00:00:00Z",
    [],
    {},
    [[]],
    {"a": {"b": []}},
    ["x"] * 300,
    "\u202eabc",
    "𝟙𝟚",
    "اردو",
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from _places(value[key], (*path, key))


def _at(value: Any, path: tuple[Any, ...]) -> tuple[Any, Any]:
    for key in path[:-1]:
        value = value[key]
    return value, path[-1]


def swap_type(event: Json, dice: random.Random) -> None:
    holder, key = _at(event, dice.choice(list(_places(event))))
    holder[key] = dice.choice(ODD)


def drop_key(event: Json, dice: random.Random) -> None:
    holder, key = _at(event, dice.choice(list(_places(event))))
    del holder[key]


def move_key(event: Json, dice: random.Random) -> None:
    holder, key = _at(event, dice.choice(list(_places(event))))
    value = holder[key]
    del holder[key]
    target = dice.choice([event, event.get("data")])
    if isinstance(target, dict):
        target[str(key)] = value


def add_unknown(event: Json, dice: random.Random) -> None:
    target = event.get("data") if isinstance(event.get("data"), dict) else event
    target[f"unheard{dice.randrange(9)}"] = dice.choice(ODD)  # type: ignore[index]


def nest(event: Json, dice: random.Random) -> None:
    held: Any = "deep"
    for _ in range(dice.choice((5, 31, 200))):
        held = [held] if dice.random() < 0.5 else {"a": held}
    event["data"] = held if dice.random() < 0.5 else {"request": held}


def other_body(event: Json, dice: random.Random) -> None:
    if isinstance(event.get("data"), dict):
        event["data"]["narration"] = f"changed {dice.randrange(10**9)}"


def same_reference(event: Json, dice: random.Random) -> None:
    event["subject"] = f"OTHER{dice.randrange(10**9)}"
    event["id"] = f"{event['subject']}.{event.get('sequence')}"


def unknown_partner(event: Json, dice: random.Random) -> None:
    if isinstance(event.get("data"), dict):
        event["data"]["partner"] = dice.choice(("NOBODY", "ria", "RIA ", "INSTANTCASH"))


def wild_sequence(event: Json, dice: random.Random) -> None:
    event["sequence"] = dice.choice((0, 1, 2, 3, 2**31 - 1, 2**31, -5, "2", 2.0))


SPOIL_EVENTS: tuple[Callable[[Json, random.Random], None], ...] = (
    swap_type,
    swap_type,
    swap_type,
    drop_key,
    move_key,
    add_unknown,
    nest,
    other_body,
    same_reference,
    unknown_partner,
    wild_sequence,
)


def flip_byte(body: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(body))
    return body[:place] + bytes([body[place] ^ (1 << dice.randrange(8))]) + body[place + 1 :]


def cut(body: bytes, dice: random.Random) -> bytes:
    return body[: dice.randrange(len(body))]


def double(body: bytes, dice: random.Random) -> bytes:
    return body + dice.choice((b"", b",", b"\n")) + body


def bury(body: bytes, dice: random.Random) -> bytes:
    depth = dice.choice((10, 40, 2_000, 100_000))
    return b"[" * depth + body + b"]" * dice.choice((depth, depth - 1))


def double_key(body: bytes, dice: random.Random) -> bytes:
    return body.replace(b'"id":', b'"id": "first", "id":', 1)


def big_number(body: bytes, dice: random.Random) -> bytes:
    number = dice.choice((b"9" * 5_000, b"1E400", b"-Infinity", b"NaN", b"0." + b"1" * 50, b"1e-999", b"01"))
    return body.replace(b'"sequence": ', b'"sequence": ' + number + b', "x": ', 1)


def insert_bytes(body: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(body))
    odd = dice.choice(
        (b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\\ud800", b"\\u0000", b"\r\n", b"\xc0\xaf")
    )
    return body[:place] + odd + body[place:]


def recode(body: bytes, dice: random.Random) -> bytes:
    text = body.decode("utf-8", "replace")
    return text.encode(dice.choice(("utf-16", "utf-8-sig", "utf-32")), "replace")


SPOIL_BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip_byte,
    flip_byte,
    cut,
    double,
    bury,
    double_key,
    big_number,
    insert_bytes,
    recode,
)

# -- what comes back --------------------------------------------------------------------------------------------------


def _send(client: Client, request: Request, ledger: Ledger) -> None:
    answer, seconds = _timed(client, request)
    ledger.statuses[answer.status_code] += 1
    if answer.status_code >= 500:
        ledger.wrong.append(f"{answer.status_code} to {request.how}: {request.body[:200]!r}")
    if answer.status_code == 200:
        _enter(request, answer.json(), ledger)
    for _ in range(AGAIN):  # once or twice may be the machine's fault: a body that is slow is slow each time
        if seconds > SLOW_SECONDS:
            seconds = _timed(client, request)[1]
    if seconds > SLOW_SECONDS:
        ledger.wrong.append(f"{seconds:.1f} s for {request.how}")


def _timed(client: Client, request: Request) -> tuple[Any, float]:
    began = time.perf_counter()
    answer = client.post("/gateway/events", request.body, content_type=request.content_type, headers=request.headers)
    return answer, time.perf_counter() - began


def _enter(request: Request, receipt: Json, ledger: Ledger) -> None:
    """Write the answer into the ledger; counts must add up and every event must be answered."""
    sent = strict_json.loads(request.body)
    sent = sent if isinstance(sent, list) else [sent]
    told = receipt["events"]
    counts = Counter(one["result"] for one in told)
    ledger.results.update(counts)
    right = (
        counts["accepted"] + counts["waiting"],
        counts["duplicate"],
        counts["conflict"] + counts["rejected"],
    )
    if (receipt["accepted"], receipt["duplicate"], receipt["rejected"]) != right or len(told) != len(sent):
        ledger.wrong.append(f"the counts of {receipt} do not add up")
    for event, one in zip(sent, told, strict=False):
        if one["result"] in ("rejected", "conflict") and not one["errors"]:
            ledger.wrong.append(f"{one} gives no reason")
        if one["result"] in ("accepted", "waiting"):
            if one["id"] in ledger.taken:
                ledger.wrong.append(f"{one['id']} was accepted twice")
            ledger.taken[one["id"]] = event


def _audit(ledger: Ledger) -> None:
    """Compare the ledger with the database: each event that was taken in is there once and as sent; nothing else is."""
    stored = _stored()
    ids = Counter(event_id for event_id, _, _, _ in stored)
    ledger.wrong += [f"{event_id} is stored {count} times" for event_id, count in ids.items() if count > 1]
    ledger.wrong += [f"{event_id} is stored and was not accepted" for event_id in ids.keys() - ledger.taken.keys()]
    ledger.wrong += [f"{event_id} was accepted and is not stored" for event_id in ledger.taken.keys() - ids.keys()]
    for event_id, subject, sequence, data in stored:
        sent = ledger.taken.get(event_id)
        if sent and (sent["subject"], sent["sequence"], sent["data"]) != (subject, sequence, data):
            ledger.wrong.append(f"{event_id} is not stored as it was sent")
    _audit_transactions(ledger)


def _stored() -> list[tuple[str, str, int, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.event_id, t.txn_id, e.sequence, e.data::text FROM transactions_event e"
            " JOIN transactions_transaction t ON t.id = e.transaction_id"
            " UNION ALL SELECT event_id, subject, sequence, (envelope -> 'data')::text FROM gateway_waitingevent"
        )
        return [
            (event_id, subject, number, strict_json.loads(data.encode())) for event_id, subject, number, data in cursor
        ]


def _audit_transactions(ledger: Ledger) -> None:
    """Each accepted instruction is one transaction with its own amounts and references; there are no others."""
    told = {
        event["subject"]: event["data"]
        for event in ledger.taken.values()
        if event["type"] == "openremit.transaction.received"
    }
    held = {one.txn_id: one for one in Transaction.objects.select_related("partner")}
    if told.keys() != held.keys():
        ledger.wrong.append(f"transactions differ from instructions: {sorted(told.keys() ^ held.keys())[:5]}")
    for txn_id in told.keys() & held.keys():
        one, details = held[txn_id], told[txn_id]["transactionDetails"]
        reference = details.get("partnerReference") or told[txn_id].get("partnerReference")
        same = (
            one.settled_amount == Decimal(details["payingAmount"].strip())
            and one.settled_currency == details["payingCurrency"].strip().upper()
            and one.partner_reference == reference.strip()
            and one.partner.code == told[txn_id]["partner"].strip()
        )
        if not same:
            ledger.wrong.append(f"{txn_id} does not say what its instruction says")
    if Event.objects.filter(sequence=1).count() != len(held):
        ledger.wrong.append("a transaction has no instruction in its timeline")


def run(size: int | None = None) -> tuple[int, int]:
    """Send `size` bodies. Returns how many were sent and how many findings there are."""
    size, dice, ledger = SIZE if size is None else size, random.Random(4), Ledger()
    client = Client(raise_request_exception=False)
    before = 0
    with database.atomic():
        create_organisations()
    for number, request in zip(range(size), requests(dice), strict=False):
        _send(client, request, ledger)
        if number and dice.random() < 0.1:
            _send(client, request, ledger)  # a replay of the very same message
        if number == min(500, size // 2):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if number and number % 1_000 == 0:
            print(f"  {number:,} of {size:,}", flush=True)
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    if growth > GROWTH_KB:
        ledger.wrong.append(f"memory grew by {growth // 1024} MB")
    _audit(ledger)
    print(f"  answers {dict(sorted(ledger.statuses.items()))}, events {dict(sorted(ledger.results.items()))}")
    for sentence in ledger.wrong[:20]:
        print(f"  {sentence}")
    return size, len(ledger.wrong)
