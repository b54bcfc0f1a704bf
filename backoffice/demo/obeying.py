"""How the platform carries out commands: honestly by its own book, and as deceitfully to us as its faults say.

Each command becomes a plan: what is said and what really happens, in seconds from now. The book (the ledger) holds what
really happens; an inquiry is answered from it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from random import Random
from typing import Final

from backoffice.demo.ledger import Entry, Ledger
from backoffice.demo.telling import REASONS, references
from backoffice.demo.world import Json

NOT_SENT, AT_RAIL, UNKNOWN, WITH_BENEFICIARY, RETURNED = (
    "NOT_SENT", "AT_RAIL", "UNKNOWN", "WITH_BENEFICIARY", "RETURNED",
)  # fmt: skip
TAKES: Final = (0.4, 1.6)
"""How long a step of the platform takes, in seconds, from and to."""
FAILURES: Final = ("TECH", "AM04", "ED05", "MS03")


@dataclass(slots=True)
class Faults:
    """How badly the platform behaves, as shares of one.

    `late`, `repeated`, `reordered` and `lost` are about events; `lies` pays although it says failed, `silent` lets an
    attempt end in a time-out; `times_out` and `breaks` are about its answers to commands it took: none in time, or 500;
    `away` is the share of its time in which nobody answers, in windows of `away_seconds`.
    """

    late: float = 0.0
    repeated: float = 0.0
    reordered: float = 0.0
    lost: float = 0.0
    lies: float = 0.0
    silent: float = 0.0
    times_out: float = 0.0
    breaks: float = 0.0
    away: float = 0.0
    away_seconds: float = 60.0
    fails: float = 0.1
    pace: float = 1.0


@dataclass(slots=True)
class Remittance:
    """What the platform knows of one of its transactions: its numbering and, truthfully, where the money is."""

    txn_id: str
    began: float
    number: int = 0
    next_sequence: int = 1
    truth: str = NOT_SENT
    rail: str = "1LINK"
    attempt: int = 1
    amount: Decimal = Decimal(1_000)
    busy: int = 0
    commanded: bool = False


def known_beside(backlog: Path) -> Path:
    """The file of what the platform knows of its remittances, beside that of its unsent events."""
    return backlog.with_name(f"known-{backlog.name}")


def remembered_line(one: Remittance) -> Json:
    """A remittance as it is written down for another run."""
    return {**asdict(one), "amount": str(one.amount), "truth": UNKNOWN if one.busy else one.truth, "busy": 0}


def remittance_told(events: Sequence[Json], *, goes_on: bool) -> Remittance:
    """What the platform knows of a remittance whose story was told by these events, `goes_on` with more to come.

    A payment whose confirmation never came has arrived all the same; what was begun and not ended is not known yet.
    """
    first = events[0]
    said = first["data"]["transactionDetails"]
    digits = "".join(filter(str.isdigit, first["subject"]))
    one = Remittance(
        first["subject"],
        dt.datetime.fromisoformat(first["time"]).timestamp(),
        number=int(digits or 0),
        next_sequence=max(event["sequence"] for event in events) + 1,
        amount=Decimal(said["payingAmount"]),
        rail="CASH" if first["data"]["payoutMethod"] == "CASH" else "1LINK",
    )
    for event in events[1:]:
        data = event["data"]
        one.rail, one.attempt = data.get("rail", one.rail), max(one.attempt, data.get("attempt", 1))
        if data.get("result") == "STARTED" and data["stage"] in ("payment", "rtgs"):
            one.truth = UNKNOWN
        one.truth = data.get("fundsPosition", one.truth)
    if one.truth == AT_RAIL and not goes_on:
        one.truth = WITH_BENEFICIARY
    return one


@dataclass(frozen=True, slots=True)
class Act:
    """One thing at one time: an event that is said (its type, data and whether it has a duration), or a deed."""

    after: float
    data: Json | None = None
    is_command_done: bool = False
    deed: Callable[[], None] | None = None


class Plan:
    """The acts of one command, in their order, with a clock in seconds from now."""

    def __init__(self, one: Remittance, key: str, book: Ledger, dice: Random, faults: Faults, now: float) -> None:
        self.one, self.key, self.book, self.dice, self.faults, self.now = one, key, book, dice, faults, now
        self.at = 0.0
        self.acts: list[Act] = []

    def wait(self, least: float = TAKES[0], most: float = TAKES[1]) -> Plan:
        self.at += self.dice.uniform(least, most) * self.faults.pace
        return self

    def say(self, stage: str, result: str, **facts: object) -> Plan:
        """An event of a stage. None of `facts` is left out of it."""
        code = facts.pop("code", None)
        data: Json = {"stage": stage, "channel": facts.pop("channel", self.one.rail or "PLATFORM"), "result": result}
        data |= {"attempt": self.one.attempt, "commandId": self.key} if self.key else {"attempt": self.one.attempt}
        if code:
            data |= {"reasonCode": code, "reason": REASONS.get(str(code), "")}
        data |= {name: value for name, value in facts.items() if value is not None}
        self.acts.append(Act(self.at, data))
        return self

    def do(self, deed: Callable[[], None]) -> Plan:
        self.acts.append(Act(self.at, deed=deed))
        return self

    def done(self, outcome: str = "SUCCEEDED", reason: str = "") -> Plan:
        """The command's own answer, last; without a command nothing."""
        if self.key:
            data: Json = {"commandId": self.key, "outcome": outcome} | ({"reason": reason} if reason else {})
            self.acts.append(Act(self.at, data, is_command_done=True))
        return self

    def refuse(self, reason: str) -> Plan:
        return self.wait().done("FAILED", reason)

    # -- money --------------------------------------------------------------------------------------------------------

    def pay(self, rail: str) -> Plan:
        """One attempt: what really becomes of it, and what is said of it. They agree unless the platform lies."""
        one, book = self.one, self.book
        one.busy += 1
        book.begin(one.txn_id)
        really = self.dice.random() >= self.faults.fails
        lies, silent = self.dice.random() < self.faults.lies, self.dice.random() < self.faults.silent
        stage = "rtgs" if rail == "RTGS" else "payment"

        def begin() -> None:
            one.rail, one.attempt = rail, one.attempt + (1 if self.key else 0)

        def happen() -> None:
            one.busy -= 1
            book.end(one.txn_id)
            if really:
                one.truth = WITH_BENEFICIARY
                book.write(Entry(one.txn_id, "paid", one.amount, rail, one.attempt, self.key, self.now))

        begin()
        self.wait(0.1, 0.4).say(stage, "STARTED", channel=rail, rail=rail)
        happens_first = self.dice.random() < 0.5
        if happens_first or not (lies or silent):
            self.wait().do(happen)
        facts = self._references(rail)
        if silent:
            self.wait().say(stage, "TIMEOUT", channel=rail, rail=rail, code="DS24", fundsPosition=UNKNOWN)
        elif really and not lies:
            self.wait().say(stage, "SUCCESS", channel=rail, rail=rail, fundsPosition=WITH_BENEFICIARY, **facts)
        else:
            code = self.dice.choice(FAILURES)
            self.wait().say(stage, "FAILED", channel=rail, rail=rail, code=code, fundsPosition=NOT_SENT)
        if not happens_first and (lies or silent):
            self.wait(1.0, 4.0).do(happen)
        return self

    def _references(self, rail: str) -> Json:
        found = references(self.one.number, dt.datetime.fromtimestamp(self.now, dt.UTC), rail, self.one.attempt)
        return {name: value for name, value in found.items() if name != "rrn"}

    def give_back(self, amount: Decimal, *, only_what_is_out: bool) -> Plan:
        """The money comes back. Unless told otherwise the platform does it blindly, as often as it is told to."""
        one, book = self.one, self.book

        def happen() -> None:
            one.truth = RETURNED
            if book.has_paid(one.txn_id) or not only_what_is_out:
                book.write(Entry(one.txn_id, "returned", amount, one.rail, one.attempt, self.key, self.now))

        rail = one.rail or None
        return self.wait().do(happen).say("return", "SUCCESS", code="CUST", rail=rail, fundsPosition=RETURNED)


# -- one function per command -----------------------------------------------------------------------------------------


def _repush(plan: Plan, payload: Json) -> None:
    plan.pay(plan.one.rail).done()


def _move_to_rtgs(plan: Plan, payload: Json) -> None:
    plan.pay("RTGS").done()


def _inquire(plan: Plan, payload: Json) -> None:
    """Answered when it is said, not when it was asked: see `truth_of`."""
    plan.wait().acts.append(Act(plan.at, {"stage": "inquiry"}))
    plan.done()


def _cancel(plan: Plan, payload: Json) -> None:
    if plan.one.busy or plan.one.truth != NOT_SENT:
        plan.refuse("It is paid or being paid.")
        return
    plan.wait().say("cancellation", "SUCCESS", channel="PLATFORM", code="CUST", fundsPosition=NOT_SENT).done()


def _send_back(plan: Plan, payload: Json) -> None:
    if plan.one.busy or plan.one.truth != NOT_SENT:
        plan.refuse("It is paid or being paid.")
        return
    plan.wait().say("compliance_review", "STARTED", channel="REVIEW_DESK").done()


def _release(plan: Plan, payload: Json) -> None:
    plan.wait().say("compliance_review", "SUCCESS", channel="REVIEW_DESK")
    _go_on(plan)


def _go_on(plan: Plan) -> None:
    """After the checks: cash waits at the counter, everything else is paid."""
    if plan.one.rail == "CASH":
        plan.wait().say("cash_payout", "STARTED", channel="COUNTER", rail="CASH")
    else:
        plan.pay(plan.one.rail or "1LINK")
    plan.done()


def _reject(plan: Plan, payload: Json) -> None:
    plan.wait().say("compliance_review", "FAILED", channel="REVIEW_DESK", code="RR04").done()


def _correct(plan: Plan, payload: Json) -> None:
    plan.wait().say("title_fetch", "STARTED", channel="1LINK").wait()
    plan.say("title_fetch", "SUCCESS", channel="1LINK", response={"responseCode": "00", "titleMatch": "MATCH"})
    plan.wait().say("screening", "SUCCESS", channel="SCREENING", response={"checked": 2, "hits": 0})
    _go_on(plan)


def _rescreen(plan: Plan, payload: Json) -> None:
    plan.wait().say("screening", "STARTED", channel="SCREENING")
    plan.wait().say("screening", "SUCCESS", channel="SCREENING", response={"checked": 2, "hits": 0})
    _go_on(plan)


def _mark_manually_settled(plan: Plan, payload: Json) -> None:
    one, book = plan.one, plan.book

    def happen() -> None:
        one.truth = WITH_BENEFICIARY
        book.write(Entry(one.txn_id, "paid", one.amount, "RTGS", one.attempt, plan.key, plan.now))

    plan.wait().do(happen).say(
        "manual_settlement", "SUCCESS", channel="TREASURY", rail="RTGS", fundsPosition=WITH_BENEFICIARY
    ).done()


def _mark_reversed(plan: Plan, payload: Json) -> None:
    plan.give_back(plan.one.amount, only_what_is_out=True).done()


def _reverse(plan: Plan, payload: Json) -> None:
    try:
        amount = Decimal(str(payload.get("amount", plan.one.amount)))
    except InvalidOperation:
        plan.refuse("The amount is not a number.")
        return
    plan.give_back(amount, only_what_is_out=False).done()


OBEY: Final[dict[str, Callable[[Plan, Json], None]]] = {
    "repush": _repush,
    "move_to_rtgs": _move_to_rtgs,
    "inquire": _inquire,
    "cancel": _cancel,
    "send_back": _send_back,
    "release": _release,
    "reject": _reject,
    "correct": _correct,
    "rescreen": _rescreen,
    "mark_manually_settled": _mark_manually_settled,
    "mark_reversed": _mark_reversed,
    "reverse": _reverse,
}


def truth_of(one: Remittance) -> str:
    """Where the money is at this moment; while an attempt is under way nobody can say."""
    return UNKNOWN if one.busy else one.truth
