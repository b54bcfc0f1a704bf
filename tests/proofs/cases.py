"""Two people at the compliance desk at the same moment: nobody gets the other's case, one decision counts.

Two analysts press "Take next" until nothing is left, over HTTP, each in a thread with a connection of its own: every
case has exactly one of them, and both have read one history. Then two officers agree to the same request at once: one
wins, the other is told who, and the platform is asked once.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts import maker_checker
from accounts.errors import Refused
from accounts.models import ApprovalRequest, User
from audit.models import AuditEvent
from backoffice.demo.stories import story_of_kind
from backoffice.gateway.intake import receive
from compliance import actions
from compliance.actions import Seen, Word
from compliance.evidence import evidence_of
from compliance.models import Case, DecisionReason
from compliance.vocabulary import Verdict
from tests.factories.accounts import PartnerFactory
from tests.people import person, signed_in
from transactions.models import Command

NOTE = "Compared passport and date of birth with the list."
PER_DELIVERY = 150


def run(size: int | None = None) -> tuple[int, int]:
    """`size` cases are taken by two (1,000 where none is said); a tenth of them is decided by two officers at once."""
    size = size or 1_000
    PartnerFactory(code="RIA", name="RIA")
    _tell(size)
    tried, broken = _take_next(size)
    decided, doubled = _decide(max(size // 10, 5))
    for sentence in (*broken, *doubled):
        print(f"  {sentence}")
    return tried + decided, len(broken) + len(doubled)


def _tell(size: int) -> None:
    """`size` payments that wait for compliance because of a name match."""
    now = datetime.now(UTC)
    for start in range(0, size, PER_DELIVERY):
        events: list[Any] = []
        for number in range(start, min(start + PER_DELIVERY, size)):
            told = story_of_kind(
                "review:hits", number=number + 1, now=now, partner="RIA", age=timedelta(seconds=60 + number)
            )
            for event in told:
                event["data"].pop("agentCode", None)
                event["data"].pop("branchCode", None)
            events += told
        receipt = receive(events, message_id=f"cases-{start}")
        if receipt.rejected:
            raise ValueError([one for one in receipt.events if one.errors][:2])


def _take_next(size: int) -> tuple[int, list[str]]:
    """Two analysts until the queue is empty; what each of them got."""
    analysts = [person("adeel"), person("mehwish")]
    got: dict[str, list[str]] = {}

    def press(analyst: User) -> None:
        client, mine = signed_in(analyst), []
        while True:
            where = client.post("/compliance/next/")["Location"]
            if "/cases/" not in where:
                break
            mine.append(where.split("/cases/")[1].split("/")[0])
        got[analyst.username] = mine

    _at_once([lambda analyst=analyst: press(analyst) for analyst in analysts])
    everything = [number for numbers in got.values() for number in numbers]
    twice = [number for number, count in Counter(everything).items() if count > 1]
    broken = [f"{number} was given to both" for number in twice]
    if len(everything) != size:
        broken.append(f"{size} cases waited, {len(everything)} were given")
    for username, numbers in got.items():
        held = set(Case.objects.filter(assignee__username=username).values_list("number", flat=True))
        broken += [f"{number} was given to {username} and is not theirs" for number in set(numbers) - held]
    recorded = AuditEvent.objects.filter(verb="case_taken").count()
    if recorded != len(everything):
        broken.append(f"{len(everything)} cases were given, the trail has {recorded} entries")
    print(f"  {', '.join(f'{name} got {len(numbers)}' for name, numbers in got.items())}")
    return len(everything), broken


def _decide(rounds: int) -> tuple[int, list[str]]:
    """Two officers agree to one request at the same moment, over and over."""
    adeel, officers = person("adeel"), [person("mehwish"), person("yusuf")]
    broken: list[str] = []
    for case in Case.objects.open().filter(assignee=adeel).order_by("pk")[:rounds]:
        asked = _proposed(case, adeel)
        said: list[str] = []

        def decide(officer: User, asked: ApprovalRequest = asked, said: list[str] = said) -> None:
            try:
                maker_checker.approve(asked, by=officer)
                said.append("won")
            except Refused as refusal:
                said.append(refusal.sentence)

        _at_once([lambda officer=officer, decide=decide: decide(officer) for officer in officers])
        asked.refresh_from_db()
        told = [sentence for sentence in said if sentence != "won"]
        if said.count("won") != 1 or len(told) != 1 or f"{asked.checker} approved this" not in told[0]:
            broken.append(f"{case.number}: {said}")
        if Command.objects.filter(transaction=case.transaction_id).count() != 1:
            broken.append(f"{case.number}: the platform was not asked exactly once")
    return rounds, broken


def _proposed(case: Case, by: User) -> ApprovalRequest:
    words = {one.hit.pk: Word(Verdict.NOT_SAME, "NS-DOB") for one in evidence_of(case, now=timezone.now()).pending}
    return actions.propose(
        case,
        by=by,
        seen=Seen(case.revision, case.transaction.version, ""),
        outcome="release",
        reason=DecisionReason.objects.get(code="RL-FALSE"),
        note=NOTE,
        words=words,
    )


def _at_once(deeds: Sequence[Callable[[], None]]) -> None:
    """Each deed in a thread of its own, all beginning at the same moment."""
    barrier = threading.Barrier(len(deeds))

    def go(deed: Callable[[], None]) -> None:
        barrier.wait()
        try:
            deed()
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=[deed]) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
