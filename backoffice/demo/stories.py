"""Whole stories of remittances as lists of events, and the mix of them that makes the demo.

Source of the mix: DECISIONS.md section 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from backoffice.demo.recipes import DAY, KIND_FOR_STAGE, RECIPES
from backoffice.demo.telling import Step, Teller, render
from backoffice.demo.world import Instruction, Json, World, amount, stamp

KARACHI: Final = ZoneInfo("Asia/Karachi")
WHOLE: Final = 20_000
"""The size for which the mix below is written."""


@dataclass(frozen=True, slots=True)
class Story:
    """One remittance: `events` have been sent by now, `rest` the platform will send later."""

    txn_id: str
    kind: str
    events: list[Json]
    rest: list[Json]


# -- one story --------------------------------------------------------------------------------------------------------


def tell(kind: str, instruction: Instruction, world: World) -> list[Step]:
    """The steps of a story of `kind` about `instruction`."""
    teller = Teller(instruction, world)
    RECIPES[kind].tell(teller)
    return teller.steps


def instruct(
    kind: str,
    number: int,
    at: datetime,
    world: World,
    *,
    partner: str | None = None,
    branch: str | None = None,
    txn_id: str = "",
    like: Instruction | None = None,
) -> Instruction:
    """An instruction fit for a story of `kind`: on a rail and with an amount that the kind needs."""
    recipe = RECIPES[kind]
    rail = world.rng.choice(recipe.rails) if recipe.rails and not like else None
    if kind == "paid":
        rail = world.rng.choices(("INTERNAL", "RAAST", "1LINK", "RTGS"), (22, 42, 35, 1))[0]
    instruction = world.instruction(
        number, at, txn_id=txn_id, partner=partner, branch=branch, rail=rail, least=recipe.least, like=like
    )
    if kind == "paid:fx_mismatch":
        details = instruction.data["transactionDetails"]
        details["payingAmount"] = amount(Decimal(details["payingAmount"]) + Decimal("1250.00"), 2)
    return instruction


def written(kind: str, steps: list[Step], *, txn_id: str, start: datetime) -> list[Json]:
    """The steps as events of a transaction that came in at `start`. What was lost on the way keeps its number."""
    details = steps[0].data["transactionDetails"]
    if details["sentAt"] > stamp(start):
        details["sentAt"] = stamp(start - timedelta(seconds=90))
    lost = RECIPES[kind].lost
    return [
        render(step, txn_id=txn_id, sequence=place + 1, start=start)
        for place, step in enumerate(steps)
        if not lost or place != lost
    ]


def story_for_stage(
    stage: str,
    *,
    number: int = 1,
    now: datetime | None = None,
    seed: int = 1,
    partner: str | None = None,
    branch: str | None = None,
    age: timedelta | None = None,
) -> list[Json]:
    """The canonical story that ends in `stage`; its last event lies `age` (a minute if not said) before `now`."""
    return story_of_kind(
        KIND_FOR_STAGE[stage], number=number, now=now, seed=seed, partner=partner, branch=branch, age=age
    )


def story_of_kind(
    kind: str,
    *,
    number: int = 1,
    now: datetime | None = None,
    seed: int = 1,
    partner: str | None = None,
    branch: str | None = None,
    age: timedelta | None = None,
) -> list[Json]:
    """A story of a kind of `recipes.RECIPES`; its last event lies `age` (a minute if not said) before `now`."""
    now, age = now or datetime.now(UTC), age or timedelta(minutes=1)
    world = World(seed * 1_000_003 + number)
    instruction = instruct(kind, number, now - age, world, partner=partner, branch=branch)
    steps = tell(kind, instruction, world)
    return written(kind, steps, txn_id=instruction.txn_id, start=now - age - timedelta(seconds=duration(steps)))


def duration(steps: list[Step]) -> float:
    """Seconds from the instruction to the last word."""
    return max(step.begun if step.ended is None else step.ended for step in steps)


# -- the mix ----------------------------------------------------------------------------------------------------------

_HOUR: Final = 3_600.0
# kind -> (how many of 20,000, least and most age in seconds of an open story's last event)
_OPEN: Final[dict[str, tuple[int, float, float]]] = {
    "review:hits": (21, 300, 9 * _HOUR),
    "review:unavailable": (6, 300, 5 * _HOUR),
    "review:title_close": (6, 300, 10 * _HOUR),
    "review:title_no_match": (7, 300, 10 * _HOUR),
    "review:title_no_data": (4, 300, 10 * _HOUR),
    "review:fields": (10, 600, 1.5 * DAY),
    "review:posting": (6, 600, 8 * _HOUR),
    "unknown:1LINK": (7, 60, 3 * _HOUR),
    "unknown:RAAST": (5, 30, 1.5 * _HOUR),
    "unknown:INTERNAL": (1, 60, _HOUR),
    "unknown:RTGS": (2, 300, 6 * _HOUR),
    "at:rtgs_queue": (20, 120, 5 * _HOUR),
    "at:cash_ready": (30, 600, 28 * DAY),
    "at:title_fetch": (2, 1_500, 4 * _HOUR),
    "at:screening": (2, 1_500, 4 * _HOUR),
    "at:ready": (1, 1_500, 4 * _HOUR),
    "at:payment": (2, 1_500, 3 * _HOUR),
    "at:settlement": (3, 1.3 * _HOUR, 5 * _HOUR),
    "at:pending_approval": (5, 60, 3 * _HOUR),
}
STUCK: Final = ("at:title_fetch", "at:screening", "at:ready", "at:payment", "at:settlement")
_ENDED: Final[dict[str, int]] = {
    "retryable:AM04": 9,
    "retryable:ED05": 8,
    "retryable:TECH": 10,
    "retryable:DS24": 4,
    "retryable:MS03": 4,
    "retryable:NARR": 2,
    "blocked:correct": 1,
    "blocked:exhausted": 1,
    "blocked:missing": 1,
    "failed:AC04": 170,
    "failed:AC07": 100,
    "failed:CNPC": 70,
    "failed:CUST": 40,
    "failed:DUPL": 40,
    "failed:AM05": 20,
    "failed:FOCR": 20,
    "failed:MD07": 20,
    "failed:ARDT": 15,
    "failed:LEGL": 15,
    "failed:FRAD": 10,
    "failed:FR01": 10,
    "rejected:hits": 60,
    "rejected:title": 50,
    "rejected:fields": 20,
    "returned:after_credit": 90,
    "returned:by_rail": 40,
    "cancelled:early": 24,
    "cancelled:counter": 35,
    "cancelled:branch": 10,
    "contradictory:submitted_after_cancelling": 1,
    "contradictory:paid_after_failure": 1,
    "contradictory:paid_in_review": 1,
    "paid:then_failed": 1,
    "paid:missing": 1,
    "paid:fx_mismatch": 1,
    "paid:screened_after": 1,
    "paid:duplicate": 5,
    "paid:hits_released": 220,
    "paid:title_released": 160,
    "paid:corrected": 60,
    "paid:found": 180,
    "paid:second_attempt": 260,
    "paid:moved_to_rtgs": 30,
    "paid:manually": 25,
    "paid:approved": 120,
}
_COMPLETED_SHARE: Final = 18_600
_FLOW: Final = "flow"
_FLOW_TOTAL: Final = 365 - 5


def mix(n: int) -> dict[str, int]:
    """How many stories of each kind make a demo of `n`: the exact mix at 20,000, each kind once while it fits."""
    parts = {kind: count for kind, (count, _, _) in _OPEN.items()} | _ENDED
    counts = {kind: _scaled(count, n) for kind, count in parts.items()}
    counts[_FLOW] = _scaled(_FLOW_TOTAL, n)
    completed = sum(count for kind, count in counts.items() if _is_completed(kind))
    plain = max(_COMPLETED_SHARE * n // WHOLE - completed, 0)
    over = sum(counts.values()) + plain - n
    plain -= max(min(over, plain), -plain if over < 0 else 0)
    counts["paid:cash"] = plain * 21 // 100
    counts["paid"] = plain - counts["paid:cash"]
    return _fitted(counts, n)


def _scaled(count: int, n: int) -> int:
    return max(1, round(count * n / WHOLE))


def _is_completed(kind: str) -> bool:
    return kind in RECIPES and RECIPES[kind].ends in ("credited", "cash_paid", "manually_settled")


def _fitted(counts: dict[str, int], n: int) -> dict[str, int]:
    """Exactly `n`: what rounding left is plainly paid; where `n` is too small the commonest kinds give way."""
    over = sum(counts.values()) - n
    if over < 0:
        counts["paid"] -= over
    while over > 0:
        largest = max(counts, key=lambda kind: counts[kind])
        counts[largest] -= 1
        over -= 1
    return {kind: count for kind, count in counts.items() if count}


# -- when -------------------------------------------------------------------------------------------------------------

BUSY_HOURS: Final = (3, 2, 2, 2, 3, 4, 5, 6, 8, 10, 11, 11, 10, 10, 10, 11, 11, 10, 9, 8, 7, 6, 5, 4)
"""How busy each hour of a day in Karachi is."""


class Calendar:
    """Draws moments of the last thirty days: a third in the last three, more in busy hours, some in each of today's."""

    def __init__(self, now: datetime, rng: Random) -> None:
        self.now, self.rng = now, rng
        local = now.astimezone(KARACHI)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        self.hours_of_today = [midnight + timedelta(hours=hour) for hour in range(local.hour + 1)]

    def moment(self) -> datetime:
        """A moment before now."""
        while True:
            back = self.rng.uniform(0, 3 * DAY) if self.rng.random() < 0.34 else self.rng.uniform(3 * DAY, 30 * DAY)
            at = self.now - timedelta(seconds=back)
            if self.rng.random() * 11 < BUSY_HOURS[at.astimezone(KARACHI).hour]:
                return at

    def in_hour(self, hour: datetime) -> datetime:
        """A moment of one hour of today, before now."""
        end = min(hour + timedelta(hours=1), self.now)
        return hour + (end - hour) * self.rng.uniform(0.02, 0.9)


# -- the demo ---------------------------------------------------------------------------------------------------------


def demo_stories(n: int = WHOLE, *, now: datetime, seed: int = 1) -> Iterator[Story]:
    """`n` stories of the last thirty days, numbered from the oldest; what is on its way comes last."""
    world = World(seed)
    calendar = Calendar(now, world.rng)
    plan = _plan(mix(n), calendar)
    earlier: list[Instruction] = []
    for number, (at, kind) in enumerate(plan, 1):
        if kind == _FLOW:
            yield _on_its_way(number, now, world)
            continue
        like = _twin(earlier, at) if kind == "paid:duplicate" else None
        instruction = instruct(kind, number, at, world, like=like)
        if kind == "paid" and instruction.rail in ("RAAST", "1LINK"):
            earlier.append(instruction)
        steps = tell(kind, instruction, world)
        latest = now - timedelta(seconds=duration(steps) + world.rng.uniform(1, 300))
        events = written(kind, steps, txn_id=instruction.txn_id, start=min(at, latest))
        yield Story(instruction.txn_id, kind, events, [])


def _plan(counts: dict[str, int], calendar: Calendar) -> list[tuple[datetime, str]]:
    """When each story comes in, oldest first; those on their way at the end."""
    flowing = counts.pop(_FLOW, 0)
    plan = [(opened(kind, calendar), kind) for kind, count in counts.items() for _ in range(count)]
    _fill_today(plan, calendar)
    return [*sorted(plan), *[(calendar.now, _FLOW)] * flowing]


def opened(kind: str, calendar: Calendar) -> datetime:
    """When a story of this kind came in: what is open not long ago, all others at any moment of the calendar."""
    if kind in _OPEN:
        _, least, most = _OPEN[kind]
        return calendar.now - timedelta(seconds=calendar.rng.triangular(least, most, least))
    if kind.startswith(("retryable:", "blocked:")):
        return calendar.now - timedelta(seconds=calendar.rng.uniform(0.2 * _HOUR, 1.5 * DAY))
    if kind == "failed:CNPC":
        return calendar.now - timedelta(seconds=calendar.rng.uniform(10.2 * DAY, 29.9 * DAY))
    if kind == "paid:duplicate":
        return calendar.now - timedelta(seconds=calendar.rng.uniform(3 * _HOUR, 2 * DAY))
    return calendar.moment()


def _fill_today(plan: list[tuple[datetime, str]], calendar: Calendar) -> None:
    """Moves plainly paid stories so that each hour of today has at least one."""
    movable = [place for place, (_, kind) in enumerate(plan) if kind == "paid"]
    for place, hour in zip(movable, calendar.hours_of_today, strict=False):
        plan[place] = (calendar.in_hour(hour), "paid")


def _twin(earlier: list[Instruction], at: datetime) -> Instruction | None:
    """A payment of the last two days that a partner seems to have sent twice."""
    recent = [one for one in earlier[-3_000:] if timedelta(minutes=20) < at - one.at < timedelta(hours=48)]
    return recent[-1] if recent else earlier[-1] if earlier else None


def _on_its_way(number: int, now: datetime, world: World) -> Story:
    """A story that will end well, seen in the middle: many wait for settlement, the others stand anywhere before."""
    kind = "paid" if world.rng.random() < 0.85 else "paid:cash"
    if kind == "paid" and world.rng.random() < 0.5:
        instruction = world.instruction(number, now, rail="1LINK")
    else:
        instruction = instruct(kind, number, now, world)
    teller = Teller(instruction, world)
    if instruction.rail == "CASH":
        teller.checked().counter().wait(600, 4 * _HOUR).hand_out()
        steps = teller.steps
        cut = world.rng.randrange(1, len(steps) - 2)
    else:
        teller.checked().pay(settles=instruction.rail in ("1LINK", "RTGS"))
        steps = teller.steps
        settling = steps[-1].data.get("stage") == "settlement" and world.rng.random() < 0.7
        cut = len(steps) - 1 if settling else world.rng.randrange(1, len(steps) - 1)
    before, after = _said_at(steps[cut - 1]), _said_at(steps[cut])
    start = now - timedelta(seconds=before + (after - before) * world.rng.uniform(0.02, 0.7))
    events = written(kind, steps, txn_id=instruction.txn_id, start=start)
    return Story(instruction.txn_id, _FLOW, events[:cut], events[cut:])


def _said_at(step: Step) -> float:
    return step.begun if step.ended is None else step.ended
