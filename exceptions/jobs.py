"""The life of a bulk job: choose, look, confirm, watch, pause, cancel the rest, go on after a crash.

Choosing and looking do nothing to any transaction. The worker does row after row, each in a database transaction of
its own with its result, so that whatever dies in between, no row is done twice and none is lost.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import time
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from accounts import notifications
from accounts.access import check
from accounts.errors import MissingPermission, Refused
from accounts.maker_checker import Job
from accounts.models import User
from accounts.notifications import Kind, Subject
from audit import trail
from audit.verbs import Verb
from exceptions import bulk
from exceptions.bulk import BulkDeed, Verdict
from exceptions.models import BulkJob, BulkRow
from transactions.bank_days import ZONE
from transactions.discretion import without_numbers
from transactions.models import Transaction

log = logging.getLogger(__name__)

State, RowState = BulkJob.State, BulkRow.State
MOST: Final = 10_000
"""As many rows as one job takes."""
TASK: Final = "backoffice.run_bulk_job"
AT_A_TIME: Final = 20.0
"""Seconds after which a long job lets others of the worker have their turn."""
FINISHED: Final = Kind(
    "bulk_finished",
    "A bulk job of mine is finished",
    frozenset({"exceptions.work_exceptions", "exceptions.inquire", "exceptions.propose_operations"}),
)
DRAFT_IS_KEPT: Final = dt.timedelta(days=7)
"""What was chosen or uploaded and never confirmed is given up after this."""
AT_ONCE: Final = 100
LEFT_OUT: Final = "You left it out."
CANCELLED: Final = "You cancelled what was left."
TOO_MANY: Final = f"Choose {MOST:,} transactions or fewer. Narrow the filters, or take one part after another."


@transaction.atomic
def prepare(
    deed: BulkDeed,
    rows: Sequence[Transaction],
    *,
    by: User,
    chosen: str,
    note: str = "",
    data: Iterable[dict[str, Any]] = (),
) -> BulkJob:
    """Freeze what was chosen with its versions and say of each row what would happen. Nothing else changes.

    `data` is what the deed needs of each row beside its version. Refused for no rows and for more than 10,000.
    """
    check(by, deed.permission)
    if not rows:
        raise Refused("Choose at least one transaction.", verb=deed.key)
    if len(rows) > MOST:
        raise Refused(TOO_MANY, verb=deed.key)
    job = BulkJob(number=_next_number(), deed=deed.key, owner=by, chosen=chosen[:200], note=note)
    job.save(force_insert=True)
    given = list(data) or [{}] * len(rows)
    _write_rows(job, deed, rows, given, by)
    _record(job, by, "chose", f"{deed.verb} {_counted(len(rows))}, {job.chosen}")
    return job


def _write_rows(
    job: BulkJob, deed: BulkDeed, rows: Sequence[Transaction], given: list[dict[str, Any]], by: User
) -> None:
    size = Job(len(rows), bulk.totals_of(rows), job.batch)
    verdicts = [verdict for chunk in _chunks(rows) for verdict in deed.judge(chunk, by, size)]
    verdicts = [
        Verdict(extra.get("refused", "")) if extra.get("refused") else verdict
        for verdict, extra in zip(verdicts, given, strict=True)
    ]
    willing = [row for row, verdict in zip(rows, verdicts, strict=True) if not verdict.sentence]
    if len(willing) != len(rows):  # whether a second person is needed depends on what is left
        size = Job(len(willing), bulk.totals_of(willing), job.batch)
        again = iter([verdict for chunk in _chunks(willing) for verdict in deed.judge(chunk, by, size)])
        verdicts = [verdict if verdict.sentence else next(again) for verdict in verdicts]
    BulkRow.objects.bulk_create(
        [
            BulkRow(
                job=job,
                place=place,
                transaction=row,
                version=row.version,
                data=verdict.data | extra,
                state=RowState.SKIPPED if verdict.sentence else RowState.WILL,
                sentence=verdict.sentence[:500],
                needs_second=verdict.needs_second,
            )
            for place, (row, verdict, extra) in enumerate(zip(rows, verdicts, given, strict=True), 1)
        ],
        batch_size=1_000,
    )


@transaction.atomic
def leave_out(job: BulkJob, *, by: User, shown: Sequence[int], kept: Sequence[int]) -> BulkJob:
    """Of the rows at the places `shown`, keep those at `kept` and leave the others out; only while nothing started."""
    present = _own(job, by)
    check(by, bulk.deed_of(present).permission)
    _only_in(present, State.DRAFT)
    of_page = present.rows.of_places(shown).in_state(RowState.WILL, RowState.LEFT_OUT)
    out = set(shown) - set(kept)
    changed = of_page.of_places(out).in_state(RowState.WILL).update(state=RowState.LEFT_OUT, sentence=LEFT_OUT)
    back = of_page.of_places(set(kept)).in_state(RowState.LEFT_OUT).update(state=RowState.WILL, sentence="")
    if changed or back:
        _record(present, by, "narrowed", f"{changed} left out, {back} taken in again")
    return present


@transaction.atomic
def confirm(
    job: BulkJob, *, by: User, reason_code: str = "", note: str = "", to: str = "", expected: int | None = None
) -> BulkJob:
    """Start it: the worker does the rows from now on. Sent twice, it starts once.

    `expected` is the number of rows that the person confirmed; where it is another now, nothing starts.
    """
    present = _own(job, by)
    deed = bulk.deed_of(present)
    check(by, deed.permission)
    if present.state != State.DRAFT:
        return present
    willing = present.rows.in_state(RowState.WILL)
    number = willing.count()
    if not number:
        raise _refused(present, "No row is left to be done, so nothing was started.")
    if expected is not None and number != expected:
        raise _refused(present, f"{expected} rows were left when you looked; {number} are now. Nothing was started.")
    totals = {currency: str(value) for currency, value in willing.worth().items()}
    present.note, present.state = note or present.note, State.WAITING
    given = {"to": to, "reason_code": reason_code}
    given = {name: value for name, value in given.items() if value}
    present.parameters = present.parameters | {"rows": number, "totals": totals} | given
    present.save(update_fields=["note", "state", "parameters"])
    _call_worker(present)
    _record(present, by, "confirmed", f"{deed.verb} {_counted(number)}", reason=why(present))
    return present


def why(job: BulkJob) -> str:
    """The reason of a job as the trail tells it."""
    return ": ".join(filter(None, (job.parameters.get("reason_code", ""), without_numbers(job.note))))


@transaction.atomic
def pause(job: BulkJob, *, by: User) -> BulkJob:
    """Stop after the row that is being done; nothing is lost."""
    present = _own(job, by)
    check(by, bulk.deed_of(present).permission)
    if present.state == State.PAUSED:
        return present
    _only_in(present, State.WAITING, State.RUNNING)
    return _turn(present, State.PAUSED, by, "paused")


@transaction.atomic
def resume(job: BulkJob, *, by: User) -> BulkJob:
    """Go on where it was paused."""
    present = _own(job, by)
    check(by, bulk.deed_of(present).permission)
    _only_in(present, State.PAUSED, State.WAITING, State.RUNNING)
    _call_worker(present)  # a worker that waits for it already is enough; one that was lost is called again
    if present.state != State.PAUSED:
        return present
    return _turn(present, State.WAITING, by, "went on with")


@transaction.atomic
def cancel(job: BulkJob, *, by: User) -> BulkJob:
    """Do no more rows; what is done stays done."""
    present = _own(job, by)
    check(by, bulk.deed_of(present).permission)
    if present.is_over:
        return present
    left = present.rows.in_state(RowState.WILL).update(
        state=RowState.CANCELLED, sentence="You cancelled what was left."
    )
    present.state, present.ended_at = State.CANCELLED, timezone.now()
    present.save(update_fields=["state", "ended_at"])
    _record(present, by, "cancelled", f"{left} rows were left")
    return present


@transaction.atomic
def drop_drafts(*, now: dt.datetime | None = None) -> int:
    """Give up jobs that were chosen a week ago and never confirmed; what they would have done is not kept.

    For the worker. Nothing ever happened to their transactions. Returns how many.
    """
    now = now or timezone.now()
    old = list(BulkJob.objects.unconfirmed(now - DRAFT_IS_KEPT, bulk.OFFERED).locked()[:AT_ONCE])
    for job in old:
        job.rows.all().delete()
        job.state, job.ended_at = State.CANCELLED, now
        job.save(update_fields=["state", "ended_at"])
        facts = {"did": "gave up", "what": f"not confirmed within {DRAFT_IS_KEPT.days} days", "deed": job.deed}
        trail.record(Verb.BULK_JOB, obj=job, facts=facts)
    return len(old)


# -- the worker's part ------------------------------------------------------------------------------------------------


def run(key: int, *, seconds: float = AT_A_TIME) -> bool:
    """Do the rows of a job in its owner's name until it is paused, cancelled or done, for at most `seconds`.

    Called by the worker, again after a crash too. Returns whether rows are left for another time.
    """
    job = BulkJob.objects.select_related("owner", "approval").get(pk=key)
    until = time.monotonic() + seconds
    with trail.acting(kind="USER", actor=job.owner.username, request_id=job.batch.hex):
        if not _begin(job):
            return False
        size = size_of(job)
        for row in _left(job):
            if not _do(row, job, size):
                return False
            if time.monotonic() > until:
                return True
        _end(job)
    return False


def _left(job: BulkJob) -> list[int]:
    return list(job.rows.in_state(RowState.WILL).order_by("place").values_list("pk", flat=True))


def _begin(job: BulkJob) -> bool:
    with transaction.atomic():
        present = BulkJob.objects.locked().get(pk=job.pk)
        if present.state == State.WAITING:
            present.state, present.started_at = State.RUNNING, present.started_at or timezone.now()
            present.save(update_fields=["state", "started_at"])
            _record(present, present.owner, "started", f"{present.rows.in_state(RowState.WILL).count()} rows")
    job.state = present.state
    return bool(present.state == State.RUNNING)


def size_of(job: BulkJob) -> Job:
    """How large the job was when it was confirmed; the limits for a second person look at this."""
    totals = {currency: Decimal(value) for currency, value in job.parameters.get("totals", {}).items()}
    return Job(int(job.parameters.get("rows", 1)), totals, job.batch)


def _do(key: int, job: BulkJob, size: Job) -> bool:
    """One row, in one database transaction with its result. False when the job was paused or cancelled."""
    try:
        with transaction.atomic():
            row = BulkRow.objects.select_for_update(of=("self",)).select_related("transaction").get(pk=key)
            if BulkJob.objects.values_list("state", flat=True).get(pk=job.pk) != State.RUNNING:
                return False
            if row.state == RowState.WILL:
                _try(row, job, size)
                row.done_at = timezone.now()
                row.save(update_fields=["state", "sentence", "done_at"])
    except (OperationalError, InterfaceError):
        raise  # the database went away: nothing of this row stands, and the job comes again
    except Exception as error:
        _fail(key, job, error)
    return True


def _try(row: BulkRow, job: BulkJob, size: Job) -> None:
    owner = User.objects.get(pk=job.owner_id)  # with the rights of this moment
    remittance = Transaction.objects.visible_to(owner).numbered(row.transaction_id).first()
    try:
        with transaction.atomic():
            if remittance is None:
                raise Refused("This transaction is not in your scope any more.")
            done = bulk.deed_of(job).act(remittance, row, job, owner, size)
        row.state, row.sentence = RowState.DONE, done[:500]
    except (Refused, PermissionDenied) as refusal:
        row.state, row.sentence = RowState.REFUSED, _why(refusal)[:500]
        facts = {"deed": job.deed, "job": job.number}
        obj = row.transaction
        trail.record(Verb.REFUSED, by=owner, obj=obj, reason=row.sentence, result="FAILED", facts=facts)


def _why(refusal: Exception) -> str:
    if isinstance(refusal, Refused):
        return refusal.sentence
    right = refusal.permission if isinstance(refusal, MissingPermission) else ""
    return f"Your role does not allow this any more ({right})." if right else "You may not do this."


def _fail(key: int, job: BulkJob, error: Exception) -> None:
    """Something that nobody expected: the row says so with a reference that stands in the log, and the job goes on."""
    reference = f"E-{secrets.token_hex(3).upper()}"
    log.error("row %s of %s failed, reference %s", key, job.number, reference, exc_info=error)
    try:
        with transaction.atomic():
            row = BulkRow.objects.select_for_update(of=("self",)).select_related("transaction").get(pk=key)
            row.state, row.done_at = RowState.FAILED, timezone.now()
            row.sentence = f"Something went wrong on our side and nothing was done. Reference {reference}."
            row.save(update_fields=["state", "sentence", "done_at"])
            facts = {"deed": job.deed, "job": job.number}
            trail.record(Verb.REFUSED, obj=row.transaction, reason=row.sentence, result="FAILED", facts=facts)
    except DatabaseError:
        log.exception("the result of row %s of %s is not written", key, job.number)
        raise


def _end(job: BulkJob) -> None:
    with transaction.atomic():
        present = BulkJob.objects.locked().get(pk=job.pk)
        if present.state == State.RUNNING and not present.rows.in_state(RowState.WILL).exists():
            present.state, present.ended_at = State.DONE, timezone.now()
            present.save(update_fields=["state", "ended_at"])
            counts = present.rows.counts()
            told = ", ".join(f"{counts[state]} {RowState(state).label.lower()}" for state in sorted(counts))
            sentence = f"{present.number} is finished: {told}"
            notifications.tell(FINISHED.key, [present.owner], about=Subject.of(present), sentence=sentence)
            _record(present, present.owner, "ended", told)


def _call_worker(job: BulkJob) -> None:
    """Let the worker take the job up; the call commits with the deed. A call that waits already is enough."""
    lock = f"bulk-{job.pk}"
    try:
        with transaction.atomic():
            app.configure_task(TASK, lock=lock, queueing_lock=lock).defer(job=job.pk)
    except AlreadyEnqueued:
        pass


def call_again(key: int) -> None:
    """Let the worker go on with a job later, when others had their turn."""
    _call_worker(BulkJob.objects.get(pk=key))


# -- guards and words -------------------------------------------------------------------------------------------------


def _own(job: BulkJob, by: User) -> BulkJob:
    """The job as it is now, held. Only its owner does anything with it."""
    present: BulkJob = BulkJob.objects.locked().get(pk=job.pk)
    if present.owner_id != by.pk:
        raise _refused(present, f"{present.owner} started this job. Only its owner can change it.", status=403)
    return present


def _only_in(job: BulkJob, *states: str) -> None:
    if job.state not in states:
        raise _refused(job, f"{job.number} is {State(job.state).label.lower()}. Nothing was changed.")


def _turn(job: BulkJob, state: str, by: User, did: str) -> BulkJob:
    job.state = state
    job.save(update_fields=["state"])
    _record(job, by, did, f"{job.rows.in_state(RowState.WILL).count()} rows left")
    return job


def _record(job: BulkJob, by: User, did: str, what: str, *, reason: str = "") -> None:
    trail.record(Verb.BULK_JOB, by=by, obj=job, reason=reason, facts={"did": did, "what": what, "deed": job.deed})


def _refused(job: BulkJob, sentence: str, *, status: int = 409) -> Refused:
    return Refused(sentence, status=status, verb=job.deed, object_type=job._meta.label_lower, object_id=job.number)


def _counted(number: int) -> str:
    return f"{number:,} transaction{'' if number == 1 else 's'}"


def _chunks(rows: Sequence[Transaction]) -> Iterable[Sequence[Transaction]]:
    return (rows[at : at + bulk.CHUNK] for at in range(0, len(rows), bulk.CHUNK))


def _next_number() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('exceptions_bulk_number')")
        (number,) = cursor.fetchone()
    return f"B-{dt.datetime.now(ZONE).year}-{number:06d}"
