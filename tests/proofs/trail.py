"""No change without its entry in the same database transaction, and with the trail unwritable no change at all.

The oracle is the owner's: triggers on every domain table note which database transaction changed what, and which one
wrote an entry. People, the worker and the platform then do at random what can be done at the exception desk and in the
inbox. In a third of the actions the trail is made unwritable: they must be refused, and reading must go on. Then the
proof is turned on itself: a change behind the trail's back must be noticed.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from psycopg import sql

from accounts import maker_checker
from accounts.errors import Refused
from accounts.models import ApprovalRequest, User
from audit import trail
from audit.models import AuditEvent
from backoffice.demo.people import create_organisations
from backoffice.gateway import delivery
from exceptions import actions
from tests.audit.test_every_change_is_recorded import BOOKKEEPING, LAY, ORACLE, watched
from tests.database import owner_connection
from tests.factories.transactions import TransactionFactory
from tests.gateway.test_delivery import say
from tests.people import person, signed_in
from transactions.models import Command, Transaction

SIZE = 3_000
TRANSACTIONS = 40


@dataclass
class World:
    dice: random.Random
    users: dict[str, User]
    browsers: dict[str, Client]
    rows: list[Transaction]
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


def run(size: int | None = None) -> tuple[int, int]:
    """`size` random actions. Returns how many, and how many left a change without an entry or got past a dead trail."""
    size = SIZE if size is None else size
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    logging.getLogger("audit.trail").setLevel(logging.CRITICAL + 1)
    logging.getLogger("backoffice.errors").setLevel(logging.CRITICAL)
    create_organisations()
    users = {name: person(name) for name in ("omar", "sana", "tariq", "nadia")}
    world = World(random.Random(9), users, {name: signed_in(user) for name, user in users.items()}, [])
    world.rows = [
        TransactionFactory(kind=kind)
        for kind in ("retryable:AM04", "at:cash_ready", "unknown:1LINK", "at:rtgs_queue")
        for _ in range(TRANSACTIONS // 4)
    ]
    kept, delivery._post = delivery._post, lambda command: delivery.Answer(world.dice.choice((202, 202, 0, 500, 422)))
    _lay()
    try:
        for number in range(size):
            _act(world, is_dead=number % 3 == 2)
        unseen = _bites(world)
    finally:
        delivery._post = kept
        _take_up()
    for sentence in world.broken[:20]:
        print(f"  {sentence}")
    print(f"  {dict(world.counts)}; behind the trail's back {'noticed' if not unseen else 'NOT noticed'}", flush=True)
    return size, len(world.broken) + unseen


# -- the oracle -------------------------------------------------------------------------------------------------------


def _lay() -> None:
    with owner_connection(autocommit=True) as owner:
        owner.execute(ORACLE.encode())
        for table in watched():
            ignored = sql.SQL(", ").join(map(sql.Literal, BOOKKEEPING.get(table, [])))
            owner.execute(sql.SQL(LAY).format(sql.Identifier(table), ignored))


def _take_up() -> None:
    with owner_connection(autocommit=True) as owner:
        owner.execute(b"DROP FUNCTION notice() CASCADE")
        owner.execute(b"DROP TABLE noticed")


def _noticed() -> tuple[set[str], dict[str, set[str]]]:
    """What was changed by a transaction that wrote no entry, and everything that was changed; then forgotten."""
    changed: dict[str, set[str]] = {}
    recorded: set[str] = set()
    with owner_connection(autocommit=True) as owner:
        for txid, table in owner.execute("SELECT txid, relation FROM noticed").fetchall():
            if table == AuditEvent._meta.db_table:
                recorded.add(txid)
            else:
                changed.setdefault(txid, set()).add(table)
        owner.execute(b"DELETE FROM noticed")
    bare = {table for txid, tables in changed.items() if txid not in recorded for table in tables}
    return bare, changed


# -- actions ----------------------------------------------------------------------------------------------------------


def _act(world: World, *, is_dead: bool) -> None:
    name, deed = world.dice.choice(DEEDS)
    if is_dead:
        _switch("DISABLE")
    try:
        status = deed(world)
    finally:
        if is_dead:
            _switch("ENABLE")
    bare, changed = _noticed()
    world.counts[f"{name}{' with a dead trail' if is_dead else ''}"] += bool(changed)
    if bare:
        world.broken.append(f"{name}: changed {sorted(bare)} without an entry")
    if is_dead and changed:
        world.broken.append(
            f"{name}: changed {sorted(set().union(*changed.values()))} although nothing can be recorded"
        )
    if is_dead and name == "read" and status != 200:
        world.broken.append(f"reading answered {status} with a dead trail")


def _switch(what: str) -> None:
    """The application may write the trail, or may not."""
    grant = "REVOKE INSERT ON {} FROM openremit_app" if what == "DISABLE" else "GRANT INSERT ON {} TO openremit_app"
    with owner_connection(autocommit=True) as owner:
        owner.execute(sql.SQL(grant).format(sql.Identifier(AuditEvent._meta.db_table)))


def _quietly(deed: Callable[[], Any]) -> int:
    try:
        with trail.acting(actor="worker"):
            deed()
    except (Refused, PermissionDenied, trail.CannotRecord):
        return 409
    except ValueError:  # the intake's answer could not be written
        return 503
    return 200


def _do(world: World) -> int:
    row, deed = world.dice.choice(world.rows), world.dice.choice(("repush", "inquire", "cancel", "send-back"))
    present = Transaction.objects.get(pk=row.pk)
    fields = {
        "deed-reason_code": "OTHER",
        "deed-note": "A note.",
        "deed-version": present.version,
        "deed-token": uuid4(),
    }
    return world.browsers["omar"].post(f"{row.get_absolute_url()}do/{deed}/", fields).status_code


def _decide(world: World) -> int:
    asked = ApprovalRequest.objects.pending().order_by("?").first()
    if asked is None:
        return 404
    decision = world.dice.choice(("approve", "approve", "reject", "send_back"))
    return world.browsers["sana"].post(asked.get_absolute_url(), {"decision": decision, "note": "x"}).status_code


def _withdraw(world: World) -> int:
    asked = ApprovalRequest.objects.pending().order_by("?").first()
    return world.browsers["omar"].post(f"{asked.get_absolute_url()}withdraw/").status_code if asked else 404


def _function(world: World) -> int:
    row = world.dice.choice(world.rows)
    return _quietly(lambda: actions.inquire(row, by=world.users["tariq"], reason_code="LATE"))


def _deliver(world: World) -> int:
    def deed() -> None:
        for pk in list(Command.objects.to_send(timezone.now()).values_list("pk", flat=True)[:2]):
            delivery._deliver(pk)

    return _quietly(deed)


def _ask_by_itself(world: World) -> int:
    return _quietly(lambda: delivery.inquire_by_itself(now=timezone.now() + delivery.dt.timedelta(hours=1), limit=3))


def _expire(world: World) -> int:
    return _quietly(lambda: maker_checker.expire(now=timezone.now() + delivery.dt.timedelta(hours=25)))


def _answer(world: World) -> int:
    command = Command.objects.open().order_by("?").select_related("transaction").first()
    if command is None:
        return 404
    outcome = world.dice.choice(("SUCCEEDED", "FAILED", "UNKNOWN"))
    return _quietly(lambda: say(command.transaction, "command.completed", commandId=str(command.pk), outcome=outcome))


def _read(world: World) -> int:
    row = world.dice.choice(world.rows)
    return world.browsers["nadia"].get(row.get_absolute_url()).status_code


DEEDS: list[tuple[str, Callable[[World], int]]] = [
    ("deed", _do),
    ("deed", _do),
    ("decision", _decide),
    ("decision", _decide),
    ("withdrawal", _withdraw),
    ("function", _function),
    ("delivery", _deliver),
    ("delivery", _deliver),
    ("own inquiry", _ask_by_itself),
    ("expiry", _expire),
    ("answer", _answer),
    ("answer", _answer),
    ("read", _read),
]


# -- the proof turned on itself ---------------------------------------------------------------------------------------


def _bites(world: World) -> int:
    """A command closed behind the trail's back; 0 when the oracle notices it."""
    _noticed()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE transactions_transaction SET narration = 'x' WHERE id = %s", [world.rows[0].pk])
    bare, _ = _noticed()
    return 0 if bare == {"transactions_transaction"} else 1
