"""What the worker does by the clock. Each task is thin: the deed itself lives in the room it belongs to.

`manage.py work` runs them (procrastinate). Times are UTC. A task that fails is loud in the log and comes again at its
next time; one that was running when its worker was killed is taken up again within two minutes (`take_up_again`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status

from accounts import maker_checker, notifications
from accounts.models import SignInFailure
from audit import checking, trail, verification
from audit.verbs import Verb
from backoffice import heartbeat
from backoffice.gateway import delivery
from backoffice.reports import alarms, exporting, rollups
from backoffice.reports.alarms import Wrong
from backoffice.reports.models import Alarm
from exceptions import jobs, reversals
from exceptions.opening import open_late
from transactions.models import Search

log = logging.getLogger(__name__)

KEEP_FAILED_JOBS_HOURS: Final = 24 * 30
ACTOR: Final = "worker"


def by_the_clock(cron: str) -> Callable[[Callable[[], object]], Any]:
    """A task of the worker that runs at the times of `cron`, never twice at once, and acts in the worker's name."""

    def decorate(deed: Callable[[], object]) -> Any:
        def run(timestamp: int) -> None:
            with trail.acting(actor=ACTOR):
                deed()

        named = app.task(name=f"backoffice.{deed.__name__}", queueing_lock=deed.__name__, lock=deed.__name__)(run)
        return app.periodic(cron=cron)(named)

    return decorate


@by_the_clock("* * * * *")
def anchor_trail() -> None:
    """Keep the end of the trail outside the database, at most a minute old."""
    verification.drop_anchor()


@by_the_clock("30 21 * * *")
def verify_trail() -> None:
    """Verify the whole trail each night, against its anchors, and say loudly when it does not stand."""
    reading = checking.begin()
    if reading is not None:
        checking.read_whole(reading)


@app.task(name=checking.JOB, lock="verify_when_asked")
def verify_when_asked() -> None:
    """Verify the whole trail now, because somebody asked for it on its page."""
    with trail.acting(actor=ACTOR):
        checking.read_waiting()


@by_the_clock("* * * * *")
def open_exceptions_of_late_ones() -> None:
    """Open an exception for each transaction that is over the limit of its stage."""
    with transaction.atomic():
        if count := open_late(now=timezone.now()):
            trail.record(
                Verb.EXCEPTIONS_OPENED,
                object_type="exceptions.exceptionitem",
                facts={"kind": "over their limit", "count": count},
            )


@by_the_clock("* * * * *")
def end_requests_that_ran_out() -> None:
    """End what waited too long for a second person; nothing happens to its object."""
    maker_checker.expire()


@by_the_clock("* * * * *")
def ask_about_what_is_unknown() -> None:
    """Ask the banks about outcomes that nobody knows and commands that nobody answered, by each rail's clock."""
    delivery.give_up_inquiries()
    delivery.inquire_by_itself()


@by_the_clock("* * * * *")
def fold_rollup() -> None:
    """Add what was appended to the sums; pages read both, so nothing waits for this."""
    rollups.fold()


@by_the_clock("40 22 * * *")
def recount_rollup() -> None:
    """Hold the sums against the transactions themselves each night; what differs is put right, and loud."""
    found, now = rollups.recount(), timezone.now()
    sentence = f"The sums differed from the transactions in {found.wrong:,} rows and were put right. {found.worst}"
    differing = [Wrong(Alarm.Kind.NUMBERS_DIFFER, "rollup", sentence, now)] if found.wrong else []
    alarms.settle(Alarm.Kind.NUMBERS_DIFFER, differing, now=now)


@alarms.source(Alarm.Kind.WORKER_DEAD)
def dead_workers(now: datetime) -> Iterator[Wrong]:
    """Workers that did not stop in good order and give no sign of life, as another one notices."""
    for name, at in heartbeat.signs_of_life():
        if now - at > heartbeat.ALIVE_WITHIN:
            sentence = f"The worker {name} gives no sign of life; its jobs are taken up by others."
            yield Wrong(Alarm.Kind.WORKER_DEAD, name, sentence, at)


@by_the_clock("* * * * * */30")
def watch() -> None:
    """Raise an alarm for what is wrong and end those whose cause is over: at most a minute after it began."""
    alarms.watch(timezone.now())


@app.task(name=jobs.TASK)
def run_bulk_job(job: int) -> None:
    """Do rows of a bulk job; when its time is up and rows are left, let others have their turn first."""
    if jobs.run(job):
        jobs.call_again(job)


@app.task(name=reversals.CHECK_TASK)
def check_reversal_file(file: int) -> None:
    """Give the rows of a reversal file their verdicts; a long one in turns."""
    if reversals.check_rows(file):
        app.configure_task(reversals.CHECK_TASK, lock=f"reversals-{file}").defer(file=file)


@app.task(name=reversals.CARRY_OUT_TASK)
def carry_out_reversals(file: int, request: int) -> None:
    """Begin what two people agreed on; the rows are a bulk job's."""
    reversals.carry_out(file, request)


@app.task(name=exporting.TASK)
def make_export(export: int) -> None:
    """Make the file of an export, from its first row."""
    exporting.run(export)


@by_the_clock("* * * * *")
def look_after_exports() -> None:
    """Begin anew the exports whose worker was lost, and end those that nobody agreed on."""
    exporting.look_after()


@by_the_clock("23 * * * *")
def delete_old_exports() -> None:
    """Delete the files of exports whose time is over."""
    exporting.delete_old()


@by_the_clock("7 * * * *")
def forget_what_expired() -> None:
    """Delete searches, sessions, counts of failed sign-ins and notifications whose time is over."""
    now = timezone.now()
    notifications.forget(now=now)
    Session.objects.filter(expire_date__lt=now).delete()
    SignInFailure.objects.filter(first_at__lt=now - timedelta(days=1)).exclude(locked_until__gt=now).delete()
    with transaction.atomic():
        count, _ = Search.objects.filter(expires_at__lt=now).delete()
        if count:
            trail.record(Verb.DELETED, object_type="transactions.search", facts={"count": count, "because": "expired"})


@by_the_clock("37 * * * *")
def give_up_what_nobody_confirmed() -> None:
    """Give up bulk jobs, spreadsheets and reversal files that nobody confirmed within a week."""
    jobs.drop_drafts()
    reversals.drop_unproposed()


@app.periodic(cron="* * * * *")
@app.task(name="backoffice.take_up_again", queueing_lock="take_up_again", pass_context=True)
async def take_up_again(context: JobContext, timestamp: int) -> None:
    """Let jobs whose worker was killed run again; a task is one database transaction, so nothing is done twice.

    Where the same job waits already, the lost one only has to make way: it would hold its lock for ever.
    """
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs():
        log.warning("job %s (%s) lost its worker and runs again", job.id, job.task_name)
        try:
            await manager.retry_job(job)
        except UniqueViolation:
            await manager.finish_job(job, status=Status.ABORTED, delete_job=True)


@app.periodic(cron="17 20 * * *")
@app.task(name="backoffice.forget_old_jobs", queueing_lock="forget_old_jobs", pass_context=True)
async def forget_old_jobs(context: JobContext, timestamp: int) -> None:
    """Delete jobs that failed long ago; those that succeeded are deleted at once."""
    await context.app.job_manager.delete_old_jobs(
        nb_hours=KEEP_FAILED_JOBS_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )
