"""Sending commands to the platform: the outbox row is the truth, and the same key goes with every try.

The worker calls `deliver_due` again and again. A command is leased in one database transaction, sent outside any, and
what came of it is written in another; a worker that is killed in between leaves a lease that runs out, and the same
command goes again under the same Idempotency-Key, so the platform does it once. Nothing waits for the platform but the
commands themselves.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import logging
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import SystemRandom
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from audit import trail
from audit.verbs import Verb
from backoffice.gateway.signing import signed_headers
from exceptions.operations import why_not_send
from transactions.commands import close, queue
from transactions.models import Command, Transaction
from transactions.vocabulary import OPEN_COMMANDS, CommandKind, CommandState, Rail, Stage

log = logging.getLogger(__name__)

LEASE: Final = dt.timedelta(seconds=30)
TIMEOUT_SECONDS: Final = 10.0
BACK_OFF_SECONDS: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
AT_ONCE: Final = 50
SENDERS: Final = 4
ACCEPTED: Final = frozenset({200, 201, 202, 204, 409})
LATER: Final = frozenset({408, 425, 429})
"""Answers below 500 that say: the same again, later."""
SOURCE: Final = "/openremit/backoffice"
LONGEST_ANSWER: Final = 4_096

WITHOUT_ANSWER: Final = dt.timedelta(minutes=2)
"""After this a command without an answer is inquired about (DECISIONS.md section 6)."""
INQUIRY_GIVEN_UP: Final = dt.timedelta(minutes=10)
"""After this an inquiry without an answer is closed, so that another can be asked."""
FIRST_INQUIRY: Final = {
    Rail.INTERNAL.value: dt.timedelta(minutes=2),
    Rail.ONE_LINK.value: dt.timedelta(minutes=5),
    Rail.RAAST.value: dt.timedelta(minutes=1),
    Rail.RTGS.value: dt.timedelta(minutes=30),
}
"""How long after an outcome became unknown the Backoffice asks by itself, by the rail's clock."""
OTHER_RAIL: Final = dt.timedelta(minutes=5)

_dice: Final = SystemRandom()


@dataclass(frozen=True)
class Answer:
    """What came of one try: the HTTP status, 0 where there was none, and a sentence."""

    status: int
    sentence: str = ""

    @property
    def is_accepted(self) -> bool:
        return self.status in ACCEPTED

    @property
    def is_refused(self) -> bool:
        return 400 <= self.status < 500 and not self.is_accepted and self.status not in LATER


# -- sending ----------------------------------------------------------------------------------------------------------


def deliver_due(*, limit: int = AT_ONCE) -> int:
    """Send what waits and may go now; how many tries were made. Safe beside any number of other workers."""
    due = list(Command.objects.to_send(timezone.now()).values_list("pk", flat=True)[:limit])
    if not due:
        return 0
    if len(due) == 1 or connection.in_atomic_block:
        return sum(_deliver(pk) for pk in due)
    with ThreadPoolExecutor(SENDERS, thread_name_prefix="delivery") as senders:
        return sum(senders.map(_deliver_apart, due))


def _deliver_apart(pk: UUID) -> bool:
    """One command, in a thread with a database connection of its own."""
    try:
        with trail.acting(actor="worker"):
            return _deliver(pk)
    finally:
        connection.close()


def _deliver(pk: UUID) -> bool:
    command = _lease(pk)
    if command is None:
        return False
    answer = _post(command)
    _settle(command, answer)
    return True


@transaction.atomic
def _lease(pk: UUID) -> Command | None:
    """Take a command in hand: None when another has it, when it is done, or when it must not be sent any more."""
    now = timezone.now()
    row = Command.objects.filter(pk=pk).values_list("transaction_id", flat=True).first()
    present = Transaction.objects.locked().select_related("partner").get(pk=row)
    command: Command | None = (
        Command.objects.to_send(now)
        .filter(pk=pk)
        .select_related("maker", "checker", "approval", "waits_for")
        .select_for_update(of=("self",), skip_locked=True)
        .first()
    )
    if command is None:
        return None
    command.transaction = present
    if not command.tries and (because := why_not_send(command, present)):
        _refuse(command, because, now)
        return None
    command.state, command.tries = CommandState.SENDING, command.tries + 1
    command.leased_until = now + LEASE
    command.next_try_at = now + LEASE
    command.first_sent_at = command.first_sent_at or now
    command.save(update_fields=["state", "tries", "leased_until", "next_try_at", "first_sent_at"])
    facts = {"command": str(command.pk), "what": str(CommandKind(command.kind).label), "try": command.tries}
    trail.record(Verb.COMMAND_SENT, obj=present, facts=facts)
    return command


def _refuse(command: Command, because: str, now: dt.datetime) -> None:
    close(command, CommandState.REFUSED, at=now, outcome=because)
    facts = {
        "command": str(command.pk),
        "kind": command.kind,
        "what": str(CommandKind(command.kind).label),
        "because": because,
    }
    trail.record(Verb.COMMAND_REFUSED, obj=command.transaction, facts=facts, result="FAILED")


@transaction.atomic
def _settle(command: Command, answer: Answer) -> None:
    """Write what came of a try. An answer that came in through the intake meanwhile stands; nothing is changed then."""
    now = timezone.now()
    held = Command.objects.locked().filter(pk=command.pk, state=CommandState.SENDING, tries=command.tries).first()
    if held is None:
        return
    if answer.is_accepted:
        held.state, held.accepted_at, held.leased_until, held.trouble = CommandState.SENT, now, None, ""
        held.save(update_fields=["state", "accepted_at", "leased_until", "trouble"])
    elif answer.is_refused and held.tries == 1:
        close(held, CommandState.REFUSED, at=now, outcome=f"The platform refused it: {answer.sentence}")
    elif answer.is_refused:
        # an earlier try may have been taken; only an inquiry can tell
        held.state, held.accepted_at, held.leased_until = CommandState.UNKNOWN, now, None
        held.trouble = answer.sentence[:300]
        held.save(update_fields=["state", "accepted_at", "leased_until", "trouble"])
    else:
        held.leased_until, held.next_try_at = now, now + back_off(held.tries)
        held.trouble = answer.sentence[:300]
        held.save(update_fields=["leased_until", "next_try_at", "trouble"])
    facts = {"command": str(held.pk), "what": str(CommandKind(held.kind).label), "status": answer.status}
    result = "OK" if answer.is_accepted else "FAILED"
    trail.record(Verb.COMMAND_ANSWERED, obj=command.transaction, facts=facts | {"said": answer.sentence}, result=result)


def back_off(tries: int) -> dt.timedelta:
    """How long to wait after this many tries: longer each time, at most a minute, and never the same for all."""
    longest = BACK_OFF_SECONDS[min(tries, len(BACK_OFF_SECONDS)) - 1]
    return dt.timedelta(seconds=longest * _dice.uniform(0.5, 1.0))


# -- HTTP -------------------------------------------------------------------------------------------------------------


def envelope(command: Command) -> dict[str, Any]:
    """The command as the platform reads it: the same for every try."""
    row = command.transaction
    return {
        "specversion": "1.0",
        "id": str(command.pk),
        "source": SOURCE,
        "type": f"openremit.command.{command.kind}",
        "subject": row.txn_id,
        "time": command.created_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "datacontenttype": "application/json",
        "data": {
            "transaction": row.txn_id,
            "attempt": command.attempt,
            "reasonCode": command.reason_code,
            "note": command.note,
            "maker": command.maker.username if command.maker else "",
            "checker": command.checker.username if command.checker else "",
            "payload": command.payload,
        },
    }


def _post(command: Command) -> Answer:
    body = json.dumps(envelope(command), ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/cloudevents+json",
        "Idempotency-Key": str(command.pk),
        **signed_headers(body, settings.PLATFORM_SIGNING_SECRET, message_id=str(command.pk), at=int(time.time())),
    }
    where = urlsplit(settings.PLATFORM_URL)
    line = _line(where.scheme, where.hostname or "", where.port)
    try:
        line.request("POST", f"{where.path.rstrip('/')}/commands", body, headers)
        response = line.getresponse()
        said = response.read(LONGEST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, f"No answer from the platform ({type(error).__name__}).")
    finally:
        line.close()
    return Answer(response.status, _detail(response.status, said))


def _line(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    seconds = getattr(settings, "PLATFORM_TIMEOUT_SECONDS", TIMEOUT_SECONDS)
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=seconds)


def _detail(status: int, said: bytes) -> str:
    """What the platform wrote, in a line; without it, the number of its answer."""
    try:
        read = json.loads(said)
    except (ValueError, RecursionError):
        read = None
    detail = str(read.get("detail") or "") if isinstance(read, dict) else ""
    return " ".join(detail.split())[:250] or f"The platform answered {status}."


# -- what is asked by itself ------------------------------------------------------------------------------------------


def inquire_by_itself(*, now: dt.datetime | None = None, limit: int = 200) -> int:
    """Ask about payments whose outcome is unknown, and commands without an answer, once their time has come.

    Each is asked again after as long as it took before, until something definite is known. Returns how many.
    """
    now = now or timezone.now()
    return sum(_inquire(pk, now) for pk in _overdue(now, limit))


def _overdue(now: dt.datetime, limit: int) -> Sequence[int]:
    asked_lately = Command.objects.filter(
        Q(state__in=OPEN_COMMANDS) | Q(closed_at__gt=now - WITHOUT_ANSWER),
        transaction=OuterRef("pk"),
        kind=CommandKind.INQUIRE,
    )
    silent = Command.objects.filter(
        ~Q(kind=CommandKind.INQUIRE),
        transaction=OuterRef("pk"),
        state__in=[CommandState.SENT, CommandState.UNKNOWN],
        accepted_at__lt=now - WITHOUT_ANSWER,
    )
    unknown = ~Q(rail__in=list(FIRST_INQUIRY)) & Q(stage_since__lt=now - OTHER_RAIL)
    for rail, wait in FIRST_INQUIRY.items():
        unknown |= Q(rail=rail, stage_since__lt=now - wait)
    rows = Transaction.objects.filter(~Exists(asked_lately))
    stuck = rows.filter(unknown, stage=Stage.OUTCOME_UNKNOWN)
    waiting = rows.filter(Exists(silent))
    found = [*stuck.values_list("pk", flat=True)[:limit], *waiting.values_list("pk", flat=True)[:limit]]
    return list(dict.fromkeys(found))[:limit]


@transaction.atomic
def _inquire(pk: int, now: dt.datetime) -> int:
    """One inquiry of our own, unless somebody asked meanwhile."""
    row = Transaction.objects.locked().get(pk=pk)
    if Command.objects.filter(transaction=row, kind=CommandKind.INQUIRE).open().exists():
        return 0
    queue(CommandKind.INQUIRE, row, by=None, note="Asked by the Backoffice itself.")
    return 1


@transaction.atomic
def give_up_inquiries(*, now: dt.datetime | None = None) -> int:
    """Close inquiries that the platform took and never answered, so that another can be asked. Returns how many."""
    now = now or timezone.now()
    silent = Command.objects.filter(
        kind=CommandKind.INQUIRE, state=CommandState.SENT, accepted_at__lt=now - INQUIRY_GIVEN_UP
    )
    ids = list(silent.values_list("pk", flat=True).order_by("pk").select_for_update(skip_locked=True)[:AT_ONCE])
    if ids:
        outcome = "The platform took the inquiry and never answered it."
        Command.objects.filter(pk__in=ids).update(state=CommandState.FAILED, closed_at=now, outcome=outcome)
        trail.record(Verb.INQUIRIES_GIVEN_UP, object_type="transactions.command", facts={"count": len(ids)})
    return len(ids)
