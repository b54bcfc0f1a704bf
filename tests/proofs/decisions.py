"""Contested decisions over real HTTP, two web processes: one winner, one command, and every loser told who won.

Two to five hands are released by a barrier at the same form or request. The database is read afterwards: who won, how
many commands and entries of the trail there are, and what every loser was answered. Then the proof is turned on itself:
the referee is shown doctored rounds and must notice each.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection

from accounts.errors import Refused
from accounts.maker_checker import Job
from accounts.models import ApprovalRequest
from accounts.permissions import Role
from audit.models import AuditEvent
from audit.verbs import Verb
from backoffice.demo.people import create_organisations
from backoffice.demo.signing import signed_headers
from exceptions import actions
from tests.factories.accounts import UserFactory
from tests.factories.transactions import TransactionFactory
from tests.people import person
from tests.proofs.serving import Hand, Said, Web, web_processes
from transactions.models import Command, Transaction
from transactions.vocabulary import CommandKind, CommandState

SIZE = 2_000
SMALL, LARGE = "1000.00", "600000.00"


@dataclass
class Table:
    """Who plays: two makers, two checkers, and the web processes."""

    webs: list[Web]
    makers: tuple[Hand, Hand]
    checkers: tuple[Hand, Hand]
    pool: ThreadPoolExecutor

    def at_once(self, *deeds: Callable[[int], Said]) -> list[Said]:
        """Everybody at the same moment, spread over the web processes."""
        barrier = threading.Barrier(len(deeds))

        def released(place: int, deed: Callable[[int], Said]) -> Said:
            barrier.wait()
            return deed(self.webs[place % len(self.webs)].port)

        return list(self.pool.map(released, range(len(deeds)), deeds))


def run(size: int | None = None) -> tuple[int, int]:
    """`size` rounds over all games. Returns how many were played and how many broke the promise."""
    size = SIZE if size is None else size
    create_organisations()
    second = [UserFactory(username=name, roles=[role], everything=True) for name, role in _SECONDS.items()]
    makers, checkers = (person("omar"), second[0]), (person("sana"), second[1])
    dice, broken, played = random.Random(3), [], Counter[str]()
    with web_processes(2) as webs, ThreadPoolExecutor(8) as pool:
        table = Table(webs, (Hand(makers[0]), Hand(makers[1])), (Hand(checkers[0]), Hand(checkers[1])), pool)
        for number in range(size):
            game = GAMES[number % len(GAMES)]
            played[game.__name__] += 1
            if trouble := game(table, dice):
                broken.append(f"{game.__name__}: {trouble}")
            if number and number % 200 == 0:
                print(f"  {number} rounds, {len(broken)} broken", flush=True)
        blind = _blind_spots(table)
    for sentence in broken[:20]:
        print(f"  {sentence}")
    print(f"  {dict(played)}; of 4 doctored rounds the referee missed {blind}", flush=True)
    return size, len(broken) + blind


_SECONDS = {"second.maker": Role.OPERATIONS_MAKER, "second.checker": Role.OPERATIONS_CHECKER}


# -- games ------------------------------------------------------------------------------------------------------------


def _failed(amount: str) -> Transaction:
    found: Transaction = TransactionFactory(
        kind="retryable:AM04", data={"transactionDetails": {"payingAmount": amount}}
    )
    return found


def _asked(table: Table) -> ApprovalRequest:
    asked = actions.repush(_failed(LARGE), by=table.makers[0].user, reason_code="FUNDED", note="Funded.")
    assert isinstance(asked, ApprovalRequest)
    return asked


def _retry(hand: Hand, row: Transaction, *, token: UUID | None = None, deed: str = "repush") -> Callable[[int], Said]:
    fields = {
        "deed__reason_code": "OTHER",
        "deed__note": "A note that is kept.",
        "deed__version": row.version,
        "deed__token": token or uuid4(),
    }
    return lambda port: hand.post(port, f"/transactions/{row.txn_id}/do/{deed}/", **fields)


def _decide(hand: Hand, asked: ApprovalRequest, decision: str) -> Callable[[int], Said]:
    address = asked.get_absolute_url()
    return lambda port: hand.post(port, address, decision=decision, note="A note that is kept.")


def approve_approve(table: Table, dice: random.Random) -> str:
    asked = _asked(table)
    said = table.at_once(*(_decide(hand, asked, "approve") for hand in table.checkers))
    return _one_won(said, "approved this at") or _commands(asked.object_id, 1) or _decided(asked)


def approve_reject(table: Table, dice: random.Random) -> str:
    asked = _asked(table)
    first, second = dice.sample(["approve", "reject"], 2)
    said = table.at_once(_decide(table.checkers[0], asked, first), _decide(table.checkers[1], asked, second))
    state = ApprovalRequest.objects.get(pk=asked.pk).state
    wanted = 1 if state == ApprovalRequest.State.APPROVED else 0
    told = "approved this at" if wanted else "rejected this at"
    return _one_won(said, told) or _commands(asked.object_id, wanted) or _decided(asked)


def double_click(table: Table, dice: random.Random) -> str:
    row, token = _failed(SMALL), uuid4()
    said = table.at_once(*(_retry(table.makers[0], row, token=token) for _ in range(5)))
    return _one_won(said, "already received at") or _commands(row.txn_id, 1)


def two_retries(table: Table, dice: random.Random) -> str:
    row = _failed(SMALL)
    said = table.at_once(*(_retry(hand, row) for hand in table.makers))
    return _one_won(said, "asked the platform at") or _commands(row.txn_id, 1)


def retry_send_back(table: Table, dice: random.Random) -> str:
    row = _failed(SMALL)
    said = table.at_once(_retry(table.makers[0], row), _retry(table.makers[1], row, deed="send-back"))
    return _one_won(said, "asked the platform at") or _commands(row.txn_id, 1)


def retry_late_completion(table: Table, dice: random.Random) -> str:
    """The payment turns out to be paid while somebody retries: the retry is refused, or was first and is not sent."""
    row = _failed(SMALL)
    said = table.at_once(_retry(table.makers[0], row), lambda port: _completed(port, row))
    retried, taken = said
    if taken.status != 200:
        return f"the completion was answered {taken.status}"
    paid = Transaction.objects.get(pk=row.pk).status == "completed"
    kept = "A note that is kept." in retried.text
    if retried.status == 302:
        return _commands(row.txn_id, 1) or ("" if paid else "the completion was lost")
    told = "is Completed" in retried.text or "changed while you were reading" in retried.text
    return (
        _commands(row.txn_id, 0)
        or ("" if retried.status == 409 and told and kept else f"the loser was told {_gist(retried)}")
        or ("" if paid else "the completion was lost")
    )


def bulk_single(table: Table, dice: random.Random) -> str:
    """A row of a job, by the job's own function, and a single retry over HTTP."""
    row = _failed(SMALL)

    def of_job(port: int) -> Said:
        try:
            actions.repush(row, by=table.makers[0].user, reason_code="FUNDED", job=Job(rows=2, batch=uuid4()))
        except Refused as refusal:
            return Said(409, f"{refusal.sentence} A note that is kept.")
        finally:
            connection.close()
        return Said(302)

    said = table.at_once(of_job, _retry(table.makers[1], row))
    return _one_won(said, "asked the platform at") or _commands(row.txn_id, 1)


GAMES = [
    approve_approve,
    approve_reject,
    double_click,
    two_retries,
    retry_send_back,
    retry_late_completion,
    bulk_single,
]


def _completed(port: int, row: Transaction) -> Said:
    event = {
        "specversion": "1.0",
        "id": f"{row.txn_id}.{row.sequence + 1}",
        "source": "/openremit/platform",
        "type": "openremit.transaction.stage",
        "subject": row.txn_id,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "sequence": row.sequence + 1,
        "data": {"stage": "settlement", "result": "SUCCESS", "fundsPosition": "WITH_BENEFICIARY", "rail": row.rail},
    }
    body = json.dumps(event).encode()
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = signed_headers(body, settings.INTAKE_SIGNING_SECRETS[0])
    line.request("POST", "/gateway/events", body, {"Content-Type": "application/cloudevents+json", **headers})
    answer = line.getresponse()
    said = Said(answer.status, answer.read().decode())
    line.close()
    return said


# -- what must hold ---------------------------------------------------------------------------------------------------


def _one_won(said: list[Said], told: str) -> str:
    """One was redirected; every other was answered 409, told who won, and has the note back."""
    winners = [one for one in said if one.status == 302]
    if len(winners) != 1:
        return f"{len(winners)} winners: {[one.status for one in said]} {[_gist(one) for one in said]}"
    for loser in said:
        if loser.status == 302:
            continue
        if loser.status != 409 or told not in loser.text:
            return f"a loser was told {_gist(loser)}"
        if "A note that is kept." not in loser.text:
            return "a loser's note was not kept"
    return ""


def _gist(said: Said) -> str:
    """The refusal on a page, or its beginning."""
    found = re.search(r'id="refused"[^>]*>.*?<strong>(.*?)</strong>', said.text, re.DOTALL)
    return f"{said.status} {found[1] if found else said.text[:120]!r}"


def _commands(txn_id: str, wanted: int) -> str:
    """So many commands that are no inquiry, each with its own entry in the trail."""
    found = Command.objects.filter(transaction__txn_id=txn_id).exclude(kind=CommandKind.INQUIRE).count()
    said = AuditEvent.objects.filter(verb=Verb.COMMAND_ASKED, object_id=txn_id)
    entries = sum(entry.said["facts"]["kind"] != CommandKind.INQUIRE for entry in said)
    return "" if found == entries == wanted else f"{found} commands and {entries} entries instead of {wanted}"


def _decided(asked: ApprovalRequest) -> str:
    verbs = (Verb.APPROVAL_GIVEN, Verb.APPROVAL_REJECTED)
    entries = AuditEvent.objects.filter(verb__in=verbs, object_id=asked.object_id).count()
    return "" if entries == 1 else f"{entries} decisions in the trail"


# -- the proof turned on itself ---------------------------------------------------------------------------------------


def _blind_spots(table: Table) -> int:
    """How many broken promises the referee does not notice: two winners, an untold loser, a second command."""
    row = _failed(SMALL)
    asked = actions.send_back(row, by=table.makers[0].user, reason_code="DATA")
    Command.objects.filter(pk=asked.pk).update(state=CommandState.FAILED, closed_at=asked.created_at)
    actions.send_back(row, by=table.makers[0].user, reason_code="DATA")
    seen = [
        _one_won([Said(302), Said(302)], "told"),
        _one_won([Said(302), Said(409, "told, but the note is gone")], "told"),
        _one_won([Said(302), Said(409, "A note that is kept.")], "told"),
        _commands(row.txn_id, 1),
    ]
    return sum(not one for one in seen)
