"""When a case is opened, brought up to date and closed. The intake calls it after each fold, for a whole delivery.

The rules are pure: what the last steps of a transaction say is why it waits, and how it went on. A case stays open
while its transaction is checked again; it is closed when the platform has moved on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import connection

from compliance.models import Case
from compliance.vocabulary import Outcome, Trigger
from transactions.bank_days import ZONE
from transactions.bulk import keep_history
from transactions.vocabulary import EventStage, Result, Stage

Step = tuple[str, str]
"""The stage of an event and its result."""

REASON: Final = "platform"
BEING_CHECKED_AGAIN: Final = frozenset({Stage.TITLE_FETCH, Stage.SCREENING, Stage.PENDING_APPROVAL})
"""Stages that follow a correction or a new check: the case is not over yet."""
WITHOUT_A_LIMIT: Final = timedelta(hours=8)
_SPEAK_OF_NO_CAUSE: Final = frozenset({EventStage.COMPLIANCE_REVIEW, EventStage.APPROVAL, EventStage.INQUIRY})
_UNCHANGED: Final = ("hit_count", "top_score", "lists")


@dataclass(frozen=True, slots=True)
class Changed:
    """What a fold made of one transaction, as far as compliance is concerned.

    `screened` says that a check came in with it; `hits_after_payment` that it found somebody when the money was gone.
    """

    transaction_id: int
    stage: str
    since: datetime
    due: datetime | None
    moved: bool
    is_new: bool
    screened: bool = False
    hits_after_payment: bool = False
    post_due: datetime | None = None

    @property
    def is_in_review(self) -> bool:
        return self.stage == Stage.COMPLIANCE_REVIEW

    @property
    def concerns_cases(self) -> bool:
        """Whether a case may follow or be touched: for most of what the intake takes in none is."""
        touches_known = not self.is_new and (self.moved or self.screened)
        return self.is_in_review or self.hits_after_payment or touches_known


@dataclass(frozen=True, slots=True)
class Found:
    """What the newest checks of a transaction found: how many hits, the best score, on which lists."""

    hits: int = 0
    top_score: Decimal | None = None
    lists: tuple[str, ...] = ()


# -- the rules --------------------------------------------------------------------------------------------------------


def trigger_of(steps: Sequence[Step], found: Found) -> Trigger:
    """Why a transaction waits for compliance: what the step before the review said."""
    cause = next(((stage, result) for stage, result in reversed(steps) if stage not in _SPEAK_OF_NO_CAUSE), ("", ""))
    match cause:
        case (EventStage.TITLE_FETCH, _):
            return Trigger.TITLE
        case (EventStage.SCREENING, Result.SUCCESS):
            return Trigger.POSTING
        case (EventStage.SCREENING, Result.REVIEW) if found.hits:
            return Trigger.SCREENING_HITS
        case (EventStage.SCREENING, _):
            return Trigger.SCREENING_UNAVAILABLE
        case (EventStage.INTAKE | EventStage.VALIDATION | EventStage.RECEIVED, _):
            return Trigger.FIELDS
    return Trigger.POSTING


def outcome_of(stage: str, steps: Sequence[Step]) -> Outcome:
    """How a review ended, from where the transaction stands and the steps that led there."""
    ends = {Stage.REJECTED_COMPLIANCE: Outcome.REJECTED, Stage.CANCELLED: Outcome.CANCELLED}
    if stage in ends:
        return ends[Stage(stage)]
    for at, result in reversed(steps):
        if at == EventStage.COMPLIANCE_REVIEW:
            return Outcome.RELEASED if result == Result.SUCCESS else Outcome.OVERTAKEN
        if at == EventStage.SCREENING and result == Result.SUCCESS:
            return Outcome.PASSED
    return Outcome.OVERTAKEN


# -- the work ---------------------------------------------------------------------------------------------------------


def settle(changes: Sequence[Changed], *, at: datetime, trace_id: str) -> None:
    """Open, update and close the cases that these changes call for; few statements for all of them."""
    concerned = [change for change in changes if change.concerns_cases]
    if not concerned:
        return
    present = _open_cases([change.transaction_id for change in concerned if not change.is_new])
    touched = [one for one in concerned if one.is_in_review or one.hits_after_payment or one.transaction_id in present]
    if not touched:
        return
    ids = [change.transaction_id for change in touched]
    steps, found = steps_of(ids), found_of(ids)
    fresh: list[Case] = []
    changed: list[Case] = []
    for change in touched:
        pk = change.transaction_id
        opened, updated = _settled(change, present.get(pk, {}), steps.get(pk, []), found.get(pk, Found()), at)
        fresh += opened
        changed += updated
    _write(fresh, changed, at, trace_id)


def _settled(
    change: Changed, present: Mapping[str, Case], steps: Sequence[Step], found: Found, at: datetime
) -> tuple[list[Case], list[Case]]:
    """The cases of one transaction that are to be opened, and those that have changed."""
    wanted: dict[Trigger, datetime | None] = {}
    if change.is_in_review:
        wanted[trigger_of(steps, found)] = change.due
    if change.hits_after_payment:
        wanted[Trigger.SCREENING_POST] = change.post_due
    opened = [_opened(change, trigger, due, found) for trigger, due in wanted.items() if trigger not in present]
    changed = []
    for case in present.values():
        ending = _ending(case, change, wanted, steps)
        if ending:
            case.closed_at, case.outcome = at, ending
        if ending or _refreshed(case, change, found):
            case.version += 1
            case.revision += 1
            changed.append(case)
    return opened, changed


def _ending(case: Case, change: Changed, wanted: Iterable[Trigger], steps: Sequence[Step]) -> Outcome | None:
    """How the case ends with this change; None where it stays open."""
    if Trigger(case.trigger) in wanted or case.is_after_payment or change.stage in BEING_CHECKED_AGAIN:
        return None
    return Outcome.REPLACED if change.is_in_review else outcome_of(change.stage, steps)


def _refreshed(case: Case, change: Changed, found: Found) -> bool:
    """Put what the newest checks found on the case; whether anything about its evidence is new."""
    before = [getattr(case, name) for name in _UNCHANGED]
    case.hit_count, case.top_score, case.lists = found.hits, found.top_score, list(found.lists)
    return change.moved or change.screened or before != [getattr(case, name) for name in _UNCHANGED]


def _opened(change: Changed, trigger: Trigger, due: datetime | None, found: Found) -> Case:
    return Case(
        transaction_id=change.transaction_id,
        trigger=trigger.value,
        opened_at=change.since,
        due_at=due or change.since + WITHOUT_A_LIMIT,
        hit_count=found.hits,
        top_score=found.top_score,
        lists=list(found.lists),
    )


def _write(fresh: Sequence[Case], changed: Sequence[Case], at: datetime, trace_id: str) -> None:
    for case, number in zip(fresh, next_numbers(at, len(fresh)), strict=True):
        case.number = number
    made = Case.objects.bulk_create(fresh)
    keep_history(Case, [case.pk for case in made], kind="+", at=at, reason=REASON, trace_id=trace_id)
    if changed:
        Case.objects.bulk_update(changed, [*_UNCHANGED, "closed_at", "outcome", "version", "revision"])
        keep_history(Case, [case.pk for case in changed], kind="~", at=at, reason=REASON, trace_id=trace_id)


def _open_cases(ids: Sequence[int]) -> dict[int, dict[str, Case]]:
    found: dict[int, dict[str, Case]] = {}
    if ids:
        for case in Case.objects.open().filter(transaction_id__in=ids).locked():
            found.setdefault(case.transaction_id, {})[case.trigger] = case
    return found


def next_numbers(at: datetime, how_many: int) -> list[str]:
    """Fresh case numbers, from a sequence of the database: C-2026-00412."""
    if not how_many:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('compliance_case_number') FROM generate_series(1, %s)", [how_many])
        return [f"C-{at.astimezone(ZONE).year}-{number:05d}" for (number,) in cursor.fetchall()]


# -- what is known ----------------------------------------------------------------------------------------------------


def steps_of(ids: Sequence[int]) -> dict[int, list[Step]]:
    """The stage events of these transactions in their order."""
    found: dict[int, list[Step]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT transaction_id, stage, result FROM transactions_event"
            " WHERE transaction_id = ANY(%s) AND stage <> '' ORDER BY transaction_id, sequence",
            [list(ids)],
        )
        for pk, stage, result in cursor.fetchall():
            found.setdefault(pk, []).append((stage, result))
    return found


def found_of(ids: Sequence[int]) -> dict[int, Found]:
    """What the newest conclusive check of each party on each list found, for these transactions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT newest.transaction_id, count(*), max(hit.score), array_agg(DISTINCT newest.list_name)"
            " FROM (SELECT DISTINCT ON (transaction_id, subject, list_name) id, transaction_id, list_name"
            "  FROM compliance_screeningcheck WHERE transaction_id = ANY(%s) AND status IN ('CLEAR', 'HITS')"
            "  ORDER BY transaction_id, subject, list_name, completed_at DESC, id DESC) newest"
            " JOIN compliance_screeninghit hit ON hit.check_run_id = newest.id GROUP BY newest.transaction_id",
            [list(ids)],
        )
        return {pk: Found(count, score, tuple(lists)) for pk, count, score, lists in cursor.fetchall()}
