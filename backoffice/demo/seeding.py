"""Fills the tables with any number of remittances of the last 24 months, by COPY, all or nothing.

What is open or in trouble goes through the intake itself. Of what ended, the intake takes in some samples, which are
read back, undone and multiplied (cloning.py): so every row is one that the intake would have made. The newest 200,000
and everything open have their whole timeline, all others their first and last event (DECISIONS.md section 10).
"""

from __future__ import annotations

import multiprocessing
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from random import Random
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper

from audit import trail
from audit.verbs import Verb
from backoffice.demo.cloning import (
    TRANSACTION,
    Cloner,
    Compiler,
    Crowd,
    Lines,
    Purse,
    Sample,
    Template,
    milliseconds,
)
from backoffice.demo.feeding import take_in
from backoffice.demo.people import create_organisations, create_people
from backoffice.demo.progress import Progress
from backoffice.demo.recipes import RECIPES
from backoffice.demo.stories import BUSY_HOURS, Calendar, Story, instruct, mix, opened, tell, written
from backoffice.demo.world import World
from backoffice.gateway.models import Delivery
from compliance.models import ScreeningCheck, ScreeningHit
from exceptions.models import ExceptionItem
from transactions.models import Account, Event, Name, Party, Transaction
from transactions.names import learn

MONTHS_24: Final = timedelta(days=730)
WHOLE_TIMELINES: Final = 200_000
FIRST_NUMBER: Final = 100_000_001
SAMPLE_NUMBERS: Final = 700_000_001
BLOCK: Final = 5_000
BULK: Final = 50_000
"""From this many on, indexes and foreign keys are dropped and made anew: faster by far, but everybody else waits."""

HISTORY: Final[type[models.Model]] = Transaction.history.model
CLONED: Final[tuple[type[models.Model], ...]] = (
    Transaction,
    Party,
    Account,
    Event,
    ScreeningCheck,
    ScreeningHit,
    ExceptionItem,
    HISTORY,
)
ENDED_WELL_OR_NOT: Final = frozenset(
    {"credited", "cash_paid", "manually_settled", "returned", "cancelled", "failed_final", "rejected_compliance"}
)
RARE: Final = ("contradictory:", "paid:fx", "paid:missing", "paid:then", "paid:screened", "paid:duplicate")


def seed(total: int, *, seed: int, progress: Progress, now: datetime | None = None) -> int:
    """Add `total` remittances of the 24 months before `now` (the present hour); returns how many of them are open.

    The same seed makes the same remittances on an empty database. Acts as the owner of the tables. In one database
    transaction: a seed that is killed leaves nothing.
    """
    now = (now or datetime.now(UTC)).replace(minute=0, second=0, microsecond=0)
    create_organisations()
    create_people()
    with transaction.atomic():
        first = _first_number()
        plan = Plan(total, seed, first, now)
        progress.start(f"Seeding {total:,} transactions", total)
        samples = _samples(plan)
        _take_in_open(plan)
        progress.show(plan.open_total)
        if plan.clones:
            _clone(plan, samples, progress)
        facts = {"transactions": total, "seed": seed, "first": f"PSL{first:09d}"}
        trail.record(Verb.DATA_SEEDED, object_type="transactions.transaction", object_id="seed", facts=facts)
    progress.end()
    filled: list[type[models.Model]] = [*CLONED, Name]
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(model._meta.db_table for model in filled)}")
    return plan.open_total


def _first_number() -> int:
    """After whatever an earlier seed made."""
    last = Transaction.objects.filter(txn_id__gte=f"PSL{FIRST_NUMBER:09d}", txn_id__lt="PSL7").filter(
        txn_id__regex=r"^PSL\d{9}$"
    )
    latest = last.order_by("-txn_id").values_list("txn_id", flat=True).first()
    return int(latest[3:]) + 1 if latest else FIRST_NUMBER


# -- the plan ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Block:
    """A run of clones: their first number, how many, and whether with their whole timeline."""

    index: int
    first: int
    count: int
    whole: bool


class Plan:
    """What a seed of `total` consists of, worked out before anything is written."""

    def __init__(self, total: int, seed: int, first: int, now: datetime) -> None:
        self.total, self.seed, self.first, self.now = total, seed, first, now
        detailed = min(total, WHOLE_TIMELINES)
        self.open_kinds = {
            kind: count for kind, count in mix(detailed).items() if not _is_cloned(kind) and kind != "flow"
        }
        self.open_total = sum(self.open_kinds.values())
        self.clones = total - self.open_total
        self.whole = max(detailed - self.open_total, 0)
        self.timetable = Timetable(now, self.clones)

    def kinds(self) -> dict[str, int]:
        """The kinds of clones with their weights."""
        return {kind: count for kind, count in mix(20_000).items() if _is_cloned(kind)}

    def blocks(self) -> Iterator[Block]:
        light = self.clones - self.whole
        bounds = [*range(0, light, BLOCK), *range(light, self.clones, BLOCK), self.clones]
        for index, (start, end) in enumerate(pairwise(bounds)):
            yield Block(index, start, end - start, whole=start >= light)


def _is_cloned(kind: str) -> bool:
    return kind in RECIPES and RECIPES[kind].ends in ENDED_WELL_OR_NOT and not kind.startswith(RARE)


class Timetable:
    """When the n-th clone came in: busy and quiet hours, more traffic as the months go by."""

    def __init__(self, now: datetime, count: int) -> None:
        self.count = max(count, 1)
        self.begin = milliseconds(now - MONTHS_24)
        self.end = milliseconds(now - timedelta(minutes=20))
        hours = int(MONTHS_24.total_seconds() // 3600)
        offset = (now - MONTHS_24).hour + 5
        weights = (BUSY_HOURS[(offset + hour) % 24] * (0.7 + 0.6 * hour / hours) for hour in range(hours))
        self.sums = list(accumulate(weights))

    def at(self, place: int, jitter: float) -> int:
        """Milliseconds since 1970; later places come later."""
        aim = (place + jitter) / self.count * self.sums[-1]
        hour = min(bisect_right(self.sums, aim), len(self.sums) - 1)
        before = self.sums[hour - 1] if hour else 0.0
        within = (aim - before) / (self.sums[hour] - before)
        return min(self.begin + int((hour + within) * 3_600_000), self.end)


# -- through the intake -----------------------------------------------------------------------------------------------


def _take_in_open(plan: Plan) -> None:
    """What is open, in trouble or out of the ordinary, as the platform would have told it."""
    world = World(plan.seed * 7_001 + plan.first)
    calendar = Calendar(plan.now, world.rng)
    moments = sorted((opened(kind, calendar), kind) for kind, count in plan.open_kinds.items() for _ in range(count))
    batch: list[Story] = []
    for place, (at, kind) in enumerate(moments):
        number = plan.first + plan.clones + place
        instruction = instruct(kind, number, at, world)
        steps = tell(kind, instruction, world)
        latest = plan.now - timedelta(seconds=max(step.ended or step.begun for step in steps) + 1)
        events = written(kind, steps, txn_id=instruction.txn_id, start=min(at, latest))
        batch.append(Story(instruction.txn_id, kind, events, []))
        if len(batch) == 100 or place == len(moments) - 1:
            told = [event for story in batch for event in story.events]
            take_in(told, message_id=f"seed-{plan.first}-open-{place}")
            batch = []


def _samples(plan: Plan) -> list[Sample]:
    """Samples of every kind of clone: taken in, read back, undone."""
    if not plan.clones:
        return []
    told = datetime.now(UTC) - timedelta(days=2)
    world = World(plan.seed)
    samples: list[Sample] = []
    events: list[list[dict[str, Any]]] = []
    for kind, weight in plan.kinds().items():
        for _ in range(max(2, min(weight // 25, weight * plan.total // 40_000))):
            number = SAMPLE_NUMBERS + len(samples) * 7_919
            at = told - timedelta(days=15, seconds=world.rng.randrange(86_400), milliseconds=world.rng.randrange(1_000))
            at = at.replace(microsecond=at.microsecond // 1_000 * 1_000)
            one = instruct(kind, number, at, world)
            story = written(kind, tell(kind, one, world), txn_id=one.txn_id, start=at)
            events.append(story)
            samples.append(Sample(kind, one.txn_id, number, at, at, one.partner.prefix, one.rail, one.data, {}))
    point = transaction.savepoint()
    for start in range(0, len(events), 100):
        told_now = [event for story in events[start : start + 100] for event in story]
        take_in(told_now, message_id=f"seed-sample-{start}", at=datetime.now(UTC))
    _read_back(samples)
    transaction.savepoint_rollback(point)
    return samples


def _read_back(samples: list[Sample]) -> None:
    """Every row that the intake made of the samples."""
    known = {sample.txn_id: sample for sample in samples}
    owners: dict[tuple[str, int], Sample] = {}
    for model in CLONED:
        table = model._meta.db_table
        for sample in samples:
            sample.rows[table] = []
        for row in _rows_of(model, list(known)):
            owner = _owner(table, row, known, owners)
            owners[table, row["id"]] = owner
            owner.rows[table].append(row)


def _rows_of(model: type[models.Model], txn_ids: list[str]) -> Iterator[dict[str, Any]]:
    path = {Transaction: "txn_id", HISTORY: "txn_id", ScreeningHit: "check_run__transaction__txn_id"}
    rows: models.QuerySet[Any] = models.QuerySet(model).filter(
        **{f"{path.get(model, 'transaction__txn_id')}__in": txn_ids}
    )
    yield from rows.order_by("pk").values(*[one.attname for one in _columns(model)])


def _owner(table: str, row: dict[str, Any], known: dict[str, Sample], owners: dict[tuple[str, int], Sample]) -> Sample:
    if "txn_id" in row:
        return known[row["txn_id"]]
    if "check_run_id" in row:
        return owners[ScreeningCheck._meta.db_table, row["check_run_id"]]
    return owners[TRANSACTION, row["transaction_id"]]


def _columns(model: type[models.Model]) -> list[Any]:
    return [one for one in model._meta.concrete_fields if not one.generated]


# -- multiplying ------------------------------------------------------------------------------------------------------


def _clone(plan: Plan, samples: list[Sample], progress: Progress) -> None:
    """All clones, block after block, made by as many processes as there are cores and copied in by this one."""
    delivery = _delivery(plan)
    told = datetime.now(UTC) - timedelta(days=1)
    columns = {model._meta.db_table: [one.column for one in _columns(model)] for model in CLONED}
    compilers = [Compiler(one, columns, told=told) for one in samples]
    needed = {block.whole for block in plan.blocks()}
    templates = {whole: [one.template(whole=whole) for one in compilers] for whole in needed}
    weights = _weights(plan, samples)
    recipe = Recipe(plan, templates, weights, str(delivery.pk))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        keys = _reserve(cursor, recipe)
        with _bare_tables(cursor, when=plan.clones >= BULK):
            done = plan.open_total
            for block, lines in _made(recipe, keys):
                for table, rows in lines.items():
                    with cursor.copy(f"COPY {table} ({', '.join(columns[table])}) FROM STDIN") as copy:
                        copy.write("".join(rows))
                done += block.count
                progress.show(done)
        _remember_names(recipe)


def _weights(plan: Plan, samples: list[Sample]) -> list[float]:
    """How likely each sample is followed: its kind's weight shared among the kind's samples; summed up."""
    kinds = plan.kinds()
    counts = Counter(one.kind for one in samples)
    return list(accumulate(kinds[one.kind] / counts[one.kind] for one in samples))


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a process needs to make any block."""

    plan: Plan
    templates: dict[bool, list[Template]]
    weights: list[float]
    batch: str

    def chance(self, block: Block) -> Random:
        return Random(f"{self.plan.seed} {self.plan.first} {block.index}")

    def picks(self, block: Block) -> list[int]:
        """Which template each clone of the block follows."""
        return self.chance(block).choices(range(len(self.weights)), cum_weights=self.weights, k=block.count)

    def make(self, block: Block, keys: dict[str, int]) -> Lines:
        """The COPY lines of a block whose rows begin at the given keys."""
        people = max(self.plan.total // 8, 200)
        cloner = Cloner(self.templates[block.whole], _crowd(self.plan.seed), _purse(self.plan.seed), self.batch, people)
        rng, keys = Random(f"{self.plan.seed} {self.plan.first} {block.index} drawn"), dict(keys)
        lines: Lines = {model._meta.db_table: [] for model in CLONED}
        for place, pick in enumerate(self.picks(block), block.first):
            template = cloner.templates[pick]
            start = min(self.plan.timetable.at(place, rng.random()), self.plan.timetable.end - template.span)
            cloner.clone(template, number=self.plan.first + place, start=start, keys=keys, rng=rng, into=lines)
        return {table: rows for table, rows in lines.items() if rows}


_CROWDS: dict[int, Crowd] = {}
_PURSES: dict[int, Purse] = {}


def _crowd(seed: int) -> Crowd:
    return _CROWDS.setdefault(seed, Crowd(seed))


def _purse(seed: int) -> Purse:
    if seed not in _PURSES:
        _PURSES[seed] = Purse(seed)
    return _PURSES[seed]


def _made(recipe: Recipe, keys: dict[str, int]) -> Iterator[tuple[Block, Lines]]:
    """Every block with its lines, in order; by several processes when it is worth starting them."""
    tasks = []
    for block in recipe.plan.blocks():
        tasks.append((block, dict(keys)))
        for pick in recipe.picks(block):
            for table, count in recipe.templates[block.whole][pick].counts.items():
                keys[table] += count
    if recipe.plan.clones < BULK:
        yield from ((block, recipe.make(block, at)) for block, at in tasks)
        return
    context = multiprocessing.get_context("fork")
    with context.Pool(initializer=_become_helper, initargs=(recipe,)) as pool:
        yield from zip([block for block, _ in tasks], pool.imap(_help, tasks), strict=True)


_helped: list[Recipe] = []


def _become_helper(recipe: Recipe) -> None:
    """A helper process makes text only; the database connection it inherited stays untouched."""
    _helped[:] = [recipe]


def _help(task: tuple[Block, dict[str, int]]) -> Lines:
    block, keys = task
    return {table: ["".join(rows)] for table, rows in _helped[0].make(block, keys).items()}


# -- the tables -------------------------------------------------------------------------------------------------------


def _reserve(cursor: CursorWrapper, recipe: Recipe) -> dict[str, int]:
    """The first free key of each table, after taking as many as the clones will need."""
    needed = {model._meta.db_table: 0 for model in CLONED}
    for block in recipe.plan.blocks():
        for pick in recipe.picks(block):
            for table, count in recipe.templates[block.whole][pick].counts.items():
                needed[table] += count
    keys = {}
    for model in CLONED:
        table, column = model._meta.db_table, model._meta.pk.column
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, %s))", [table, column])
        keys[table] = cursor.fetchone()[0]
        if needed[table]:
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(%s, %s), %s)", [table, column, keys[table] + needed[table]]
            )
    return keys


@contextmanager
def _bare_tables(cursor: CursorWrapper, *, when: bool) -> Iterator[None]:
    """Without the indexes and foreign keys that are quicker made anew; primary and unique keys stay."""
    tables = [model._meta.db_table for model in CLONED]
    indexes: list[tuple[str, str]] = []
    links: list[tuple[str, str, str]] = []
    if when:
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = ANY(%s::regclass[]) AND NOT indisunique ORDER BY indexrelid",
            [tables],
        )
        indexes = cursor.fetchall()
        cursor.execute(
            "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = ANY(%s::regclass[]) AND contype = 'f' ORDER BY oid",
            [tables],
        )
        links = cursor.fetchall()
    for table, name, _ in links:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for index, _ in indexes:
        cursor.execute(f"DROP INDEX {index}")
    yield
    for _, definition in indexes:
        cursor.execute(definition)
    for table, name, definition in links:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def _remember_names(recipe: Recipe) -> None:
    """The dictionary of the name search learns the clones' names."""
    crowd = _crowd(recipe.plan.seed)
    templates = [one for some in recipe.templates.values() for one in some]
    sides = {(side, word) for one in templates for side, word in one.nationalities.items()}
    for side, nationality in sorted(sides):
        learn(crowd.names_of(side, nationality))


def _delivery(plan: Plan) -> Delivery:
    """The delivery that all clones' events belong to."""
    body = f"seed {plan.seed}, {plan.total} transactions from PSL{plan.first:09d}".encode()
    key = uuid5(UUID(int=plan.seed), body.decode())
    return Delivery.objects.create(
        id=key, message_id=f"seed-{plan.first}", source="seed", body=body, digest=b"", accepted=plan.clones
    )
