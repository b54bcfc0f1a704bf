"""Every number on a page of figures is the number of rows behind its link, and what an independent count says.

One round takes a moment just after a midnight or a month's end in Karachi or in UTC, or within the day. While another
thread lets events in, folds the sums and raises alarms, everybody opens every page of figures, in both zones. Page,
lists and counts are read in one REPEATABLE READ transaction with the clock held, since only then are they about the
same rows: that is how a moving desk can be proved. The oracle is SQL written out below from the words of the addresses;
it uses none of the product's filters, sums or scopes. Links are followed as a browser would: a few of every page,
each of another kind, where a kind is what the address asks by.
"""

from __future__ import annotations

import os
import random
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from html import unescape
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import time_machine
from django.db import connection, transaction

from accounts.access import has
from accounts.models import User
from audit import trail
from backoffice.demo.people import PEOPLE, create_organisations
from backoffice.demo.recipes import RECIPES
from backoffice.demo.stories import story_of_kind
from backoffice.gateway.intake import receive
from backoffice.reports import alarms, figures, rollups
from exceptions.models import ExceptionItem
from tests.people import person, signed_in

ROUNDS = 12
FOLLOWED = 6
PAUSE = 2.0
"""Seconds between two deliveries meanwhile: more of them would only let the lists outgrow what they count to."""
ZONES = ("Asia/Karachi", "UTC")
MOMENTS = (
    datetime(2026, 10, 31, 19, 0, 20, 400, tzinfo=UTC),  # in Karachi November began twenty seconds ago
    datetime(2026, 12, 1, 0, 0, 45, tzinfo=UTC),  # in UTC December did
    datetime(2026, 11, 21, 19, 3, tzinfo=UTC),  # a new day in Karachi, the same in UTC
    datetime(2026, 11, 22, 9, 3, 22, 120_456, tzinfo=UTC),
)
FIGURE = re.compile(r'<a\b[^>]*\bdata-figure="(\d+)"[^>]*>')
HREF = re.compile(r'href="([^"]+)"')
HEADING = re.compile(r'<h1>[^<]*?(?:<span class="count">([\d,]+\+?)</span>)?\s*</h1>')
AUDIT_COUNT = re.compile(r'<h1>[^<]*<span class="count">([\d,]+\+?)')


@dataclass
class Findings:
    tried: int = 0
    followed: int = 0
    broken: list[str] = field(default_factory=list)


def run(size: int | None = None) -> tuple[int, int]:
    """`size` rounds (12 where none is said). Returns (numbers compared, numbers that were not the same)."""
    rounds, told = size or ROUNDS, 0
    dice, found = random.Random(int(os.environ.get("SEED", "6"))), Findings()
    create_organisations()
    people = [person(one.username) for one in PEOPLE]
    readers = [one for one in people if has(one, "reports.view_dashboard")]
    for number in range(rounds):
        now = MOMENTS[number % len(MOMENTS)]
        with time_machine.travel(now, tick=False):
            _let_in(dice, now, 150, first=number * 100_000)
            rollups.fold()
            _let_in(dice, now, 30, first=number * 100_000 + 1_000)
            _give_out(dice, readers, now)
            with _busy(dice.randrange(1 << 30), now, first=number * 100_000 + 50_000):
                _read(readers, now, dice, found, is_short=size == 1)
            rollups.fold()
            if wrong := rollups.recount().wrong:
                found.broken.append(f"the recount found {wrong} rows that differ")
        print(f"  round {number + 1}: {found.tried:,} numbers, {len(found.broken)} broken", flush=True)
        for sentence in found.broken[told : told + 40]:
            print(f"    {sentence}", flush=True)
        told = len(found.broken)
    print(f"  {found.followed:,} links followed; {rounds} rounds, {len(readers)} people, {', '.join(ZONES)}")
    return found.tried, len(found.broken)


# -- what goes on meanwhile -------------------------------------------------------------------------------------------


def _let_in(dice: random.Random, now: datetime, how_many: int, *, first: int) -> None:
    """Stories of all kinds, whose last words lie on both sides of a midnight, a month's end and a week ago."""
    kinds, events = sorted(RECIPES), []
    for number in range(first, first + how_many):
        age = timedelta(seconds=dice.choice([1, 30, 90, 4_000, 86_400, 8 * 86_400, 33 * 86_400]) * dice.uniform(0.5, 1))
        events += story_of_kind(dice.choice(kinds), number=number + 1, seed=9, now=now, age=age)
    receive(events, message_id=f"numbers-{first}")


def _give_out(dice: random.Random, readers: Sequence[User], now: datetime) -> None:
    """Some exceptions are in somebody's hand."""
    workers = [one for one in readers if has(one, "exceptions.work_exceptions")]
    for item in ExceptionItem.objects.open().filter(assignee=None)[:6]:
        ExceptionItem.objects.filter(pk=item.pk).update(assignee=dice.choice(workers), assigned_at=now)


@contextmanager
def _busy(seed: int, now: datetime, *, first: int) -> Iterator[None]:
    """The intake, the folding and the watch at work in a thread of their own, all the while."""
    stop, dice, troubles = threading.Event(), random.Random(seed), []

    def work() -> None:
        number = first
        try:
            while not stop.is_set():
                rollups.fold()  # first, so that most readers find something that is not folded yet
                _let_in(dice, now, 5, first=number)
                alarms.watch(now)
                number += 5
                stop.wait(PAUSE)
        except Exception as error:
            troubles.append(repr(error))
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if troubles:
        raise RuntimeError(troubles[0])


# -- reading ----------------------------------------------------------------------------------------------------------


# That a page was read stands in the trail, whose end moves on in another snapshot: here readings leave no entry.
def _read(readers: Sequence[User], now: datetime, dice: random.Random, found: Findings, *, is_short: bool) -> None:
    """Everybody, in both zones, each in a snapshot of their own; a short reading is of one page for each."""
    for zone in ZONES:
        User.objects.update(time_zone=zone)
        for place, reader in enumerate(readers):
            client = signed_in(reader)
            addresses = [
                address
                for page in figures.pages()
                if has(reader, page.right)
                for address in page.addresses(now, ZoneInfo(zone))
            ]
            if is_short:
                at = (2 * place + ZONES.index(zone)) % len(addresses)
                addresses = addresses[at : at + 1]
            with transaction.atomic(), patch.object(trail, "record_denial", return_value=True):
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                fresh = User.objects.get(pk=reader.pk)
                for address in addresses:
                    _read_page(client, fresh, address, now, dice, found, follow=3 if is_short else FOLLOWED)
                transaction.set_rollback(True)


def _read_page(
    client: Any, reader: User, address: str, now: datetime, dice: random.Random, found: Findings, *, follow: int
) -> None:
    answer = client.get(address)
    numbers = list(_figures_of(answer.content.decode()))
    if answer.status_code != 200:
        found.broken.append(f"{address} as {reader.username}: {answer.status_code}, {len(numbers)} numbers")
    chosen = _one_of_a_kind(numbers, dice, follow)
    for place, (number, url) in enumerate(numbers):
        found.tried += 1
        where = f"{address} as {reader.username} in {reader.time_zone}: {url} says {number}"
        counted = oracle(url, reader, now)
        if counted is not None and counted != number:
            found.broken.append(f"{where}, the independent count says {counted}")
        if place in chosen or counted is None:
            found.followed += 1
            listed, is_capped = _listed(client, url)
            if listed != number and not (is_capped and number > listed and counted is not None):
                found.broken.append(f"{where}, its list has {listed}{'+' * is_capped}")


def _one_of_a_kind(numbers: Sequence[tuple[int, str]], dice: random.Random, most: int) -> set[int]:
    """The places of at most so many links, no two of which ask for the same list by the same words."""
    by_kind: dict[tuple[str, ...], list[int]] = {}
    for place, (_, url) in enumerate(numbers):
        parts = urlsplit(url)
        by_kind.setdefault((parts.path, *sorted(parse_qs(parts.query))), []).append(place)
    return {dice.choice(by_kind[kind]) for kind in dice.sample(sorted(by_kind), min(most, len(by_kind)))}


def _figures_of(html: str) -> Iterator[tuple[int, str]]:
    for tag in FIGURE.finditer(html):
        link = HREF.search(tag[0])
        yield int(tag[1]), unescape(link[1]) if link else ""


def _listed(client: Any, url: str) -> tuple[int, bool]:
    """How many rows the list says it has, and whether it says "or more" as it counts to ten thousand; -1: no list."""
    answer = client.get(url)
    heading = (AUDIT_COUNT if url.startswith("/audit/") else HEADING).search(answer.content.decode())
    if answer.status_code != 200 or heading is None:
        return -1, False
    said = (heading[1] or "0").replace(",", "")
    return int(said.rstrip("+")), said.endswith("+")


# -- the oracle: the words of an address as SQL -----------------------------------------------------------------------

FINAL = "'returned','credited','cash_paid','manually_settled','failed_final','rejected_compliance','cancelled'"
WAITS = "'compliance_review','pending_approval','outcome_unknown','failed_retryable','failed_final'"
OVER = f"(t.stage_deadline < %(now)s AND t.stage NOT IN ({FINAL}))"
DURATIONS = {"m": 60, "h": 3_600, "d": 86_400}
ROLLING = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90)}
TOLD_ONLY_INSIDE = ("mehwish", "yusuf", "adeel", "nadia")


def oracle(url: str, reader: User, now: datetime) -> int | None:
    """How many rows an address stands for; None where nobody has written its words down here."""
    parts = urlsplit(url)
    words = parse_qs(parts.query, keep_blank_values=True)
    known: dict[str, Any] = {"/transactions/": _of_transactions, "/exceptions/": _of_exceptions, "/audit/": _of_entries}
    return known[parts.path](words, reader, now) if parts.path in known else None


def _count(sql: str, values: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.fetchone()[0])


def _scope(reader: User, values: dict[str, Any]) -> str:
    """From the list of the demo's people, not from the grants."""
    one = next(one for one in PEOPLE if one.username == reader.username)
    said = []
    for axis, codes in (("partner", one.partners), ("branch", one.branches)):
        if codes is not None:
            values[f"{axis}s_seen"] = list(codes)
            said.append(f"{axis}.code = ANY(%({axis}s_seen)s)")
    return " AND ".join(said) or "TRUE"


JOINED = """transactions_transaction t JOIN accounts_partner partner ON partner.id = t.partner_id
    LEFT JOIN accounts_branch branch ON branch.id = t.branch_id"""


def _of_transactions(words: dict[str, list[str]], reader: User, now: datetime) -> int | None:
    if not words.keys() <= _SAYS.keys() or words.get("flag", ["late"]) != ["late"]:
        return None
    values: dict[str, Any] = {"now": now}
    said = [_scope(reader, values)]
    for name, chosen in words.items():
        values[name] = chosen
        said.append(_SAYS[name](chosen, values, reader, now))
    return _count(f"SELECT count(*) FROM {JOINED} WHERE {' AND '.join(said)}", values)


def _of_exceptions(words: dict[str, list[str]], reader: User, now: datetime) -> int | None:
    if words.keys() != {"state", "assigned"} or words["state"] != ["all"]:
        return None
    values: dict[str, Any] = {"now": now, "who": words["assigned"][0]}
    if values["who"] == "me":
        values["who"] = reader.username
    said = [_scope(reader, values), "e.closed_at IS NULL", "person.username = %(who)s"]
    said.append("NOT (e.kind = 'late' AND t.stage IN ('failed_retryable', 'outcome_unknown'))")
    if reader.username not in TOLD_ONLY_INSIDE:
        said.append("e.kind <> 'screened_late' AND NOT (e.kind = 'late' AND t.stage = 'compliance_review')")
    joined = f"{JOINED} JOIN exceptions_exceptionitem e ON e.transaction_id = t.id"
    joined += " JOIN accounts_user person ON person.id = e.assignee_id"
    return _count(f"SELECT count(*) FROM {joined} WHERE {' AND '.join(said)}", values)


def _of_entries(words: dict[str, list[str]], reader: User, now: datetime) -> int | None:
    if words.keys() != {"actor", "action", "range"} or words["action"] != ["approvals"]:
        return None
    values: dict[str, Any] = {"actor": words["actor"][0]}
    inside = _period("a.at", words["range"][0], values, "range", reader, now)
    return _count(
        f"SELECT count(*) FROM audit_auditevent a WHERE a.actor = %(actor)s AND a.verb LIKE 'approval%%' AND {inside}",
        values,
    )


def _one_of(column: str) -> Any:
    return lambda chosen, values, reader, now: f"{column} = ANY(%({column.rpartition('.')[2]})s)"


def _stages(chosen: list[str], values: dict[str, Any], reader: User, now: datetime) -> str:
    apart = {"checks": ["screening", "compliance_review", "rejected_compliance"]}
    values["stages"] = [stage for word in chosen for stage in apart.get(word, [word])]
    return "t.stage = ANY(%(stages)s)"


def _branches(chosen: list[str], values: dict[str, Any], reader: User, now: datetime) -> str:
    return "(branch.code = ANY(%(branch)s) OR ('none' = ANY(%(branch)s) AND t.branch_id IS NULL))"


def _rails(chosen: list[str], values: dict[str, Any], reader: User, now: datetime) -> str:
    known = "'', 'INTERNAL', '1LINK', 'RAAST', 'RTGS', 'CASH'"
    return (
        "(t.rail = ANY(%(rail)s) OR ('none' = ANY(%(rail)s) AND t.rail = '')"
        f" OR ('not-known' = ANY(%(rail)s) AND t.rail NOT IN ({known})))"
    )


def _reasons(chosen: list[str], values: dict[str, Any], reader: User, now: datetime) -> str:
    """As the reader is told: outside compliance by what may be said there."""
    told = (
        "CASE WHEN t.reason_code = '' THEN 'none'"
        " WHEN NOT EXISTS (SELECT FROM transactions_reasoncode r WHERE r.code = t.reason_code) THEN 'not-known'"
        " ELSE t.reason_code END"
    )
    if reader.username not in TOLD_ONLY_INSIDE:
        hint = "(screen|complian|sanction|fraud|terror|watch.?list|suspici|title ?match|\\mreview)"
        told = (
            "CASE WHEN t.stage = 'rejected_compliance' THEN 'not-accepted'"
            " WHEN t.stage = 'compliance_review' THEN 'none'"
            " WHEN EXISTS (SELECT FROM transactions_reasoncode r WHERE r.code = t.reason_code"
            f" AND (r.family = 'compliance' OR r.sentence ~* '{hint}')) THEN 'not-accepted' ELSE {told} END"
        )
    return f"({told}) = ANY(%(reason)s)"


def _flags(chosen: list[str], values: dict[str, Any], reader: User, now: datetime) -> str:
    return f"({OVER} AND t.status <> 'completed')"


def _attention(chosen: list[str], values: dict[str, Any], reader: User, now: datetime) -> str:
    return f"(t.status <> 'completed' AND (t.stage IN ({WAITS}) OR {OVER}))"


def _age(sign: str) -> Any:
    def says(chosen: list[str], values: dict[str, Any], reader: User, now: datetime) -> str:
        name = "older" if sign == "<=" else "younger"
        values[name] = now - timedelta(seconds=int(chosen[0][:-1]) * DURATIONS[chosen[0][-1]])
        return f"t.received_at {sign} %({name})s"

    return says


def _corridor(chosen: list[str], values: dict[str, Any], reader: User, now: datetime) -> str:
    return "t.origin_country || '-' || t.destination_country = ANY(%(corridor)s)"


def _created(chosen: list[str], values: dict[str, Any], reader: User, now: datetime) -> str:
    return _period("t.received_at", chosen[0], values, "created", reader, now)


def _period(column: str, text: str, values: dict[str, Any], name: str, reader: User, now: datetime) -> str:
    zone = ZoneInfo(reader.time_zone)
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone)
    first, last = {
        "today": (midnight, None),
        "yesterday": (midnight - timedelta(days=1), midnight),
        "month": (midnight.replace(day=1), None),
        **{word: (now - span, None) for word, span in ROLLING.items()},
    }.get(text) or _written(text, zone)
    said = []
    for sign, moment in ((">=", first), ("<", last)):
        if moment is not None:
            key = f"{name}_{'from' if sign == '>=' else 'to'}"
            values[key] = moment
            said.append(f"{column} {sign} %({key})s")
    return "(" + " AND ".join(said or ["TRUE"]) + ")"


def _written(text: str, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    ends = text.split("..") if ".." in text else [text, text]
    moments = [datetime.fromisoformat(end).replace(tzinfo=zone) if end else None for end in ends]
    first, last = moments
    if last is not None and "T" not in ends[1]:
        last += timedelta(days=1)
    return first, last


_SAYS: dict[str, Any] = {
    "status": _one_of("t.status"),
    "stage": _stages,
    "partner": lambda chosen, values, reader, now: "partner.code = ANY(%(partner)s)",
    "branch": _branches,
    "rail": _rails,
    "reason": _reasons,
    "flag": _flags,
    "attention": _attention,
    "created": _created,
    "updated": lambda chosen, values, reader, now: _period("t.updated_at", chosen[0], values, "updated", reader, now),
    "age_over": _age("<="),
    "age_under": _age(">"),
    "currency": lambda chosen, values, reader, now: "t.settled_currency = ANY(%(currency)s)",
    "corridor": _corridor,
}
