"""The one place for alarms: what is wrong now, when it was raised and ended, and who has seen it.

The worker watches every half a minute (`watch`). Where the worker itself is dead its alarm is on every page of those
who must act, from its last sign of life; the record is made when a worker is back or another one notices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.db.models import Count, Min
from django.urls import reverse
from django.utils import timezone

from accounts import notifications
from accounts.access import has, people_who_may
from accounts.errors import Refused
from accounts.models import Notification, User
from accounts.notifications import Notice, Subject
from audit import trail
from audit.models import Verification
from audit.verbs import Verb
from backoffice.reports import health
from backoffice.reports.models import Alarm, AlarmSeen, Sample
from backoffice.reports.querysets import EVERY_READER, readers_of
from transactions.models import Transaction
from transactions.vocabulary import FINAL_STAGES, Rail, Stage, Status

if TYPE_CHECKING:
    from backoffice.reports.querysets import AlarmQuerySet
    from transactions.querysets import TransactionQuerySet

TYPE: Final = "reports.alarm"
SAMPLED_EVERY: Final = timedelta(minutes=5)
SAMPLES_KEPT: Final = timedelta(hours=3)
TOLD: Final = notifications.Kind(
    "alarm",
    "An alarm: something is silent, stands still or is broken",
    rights=EVERY_READER,
)


@dataclass(frozen=True)
class Wrong:
    """Something that is wrong now."""

    kind: Alarm.Kind
    about: str
    sentence: str
    since: datetime
    partner_id: int | None = None


Source = Callable[[datetime], Iterable[Wrong]]
_SOURCES: dict[Alarm.Kind, Source] = {}


def source(kind: Alarm.Kind) -> Callable[[Source], Source]:
    """Who says what is wrong of one kind. What its function does not name any more has ended."""

    def remember(found: Source) -> Source:
        _SOURCES[kind] = found
        return found

    return remember


@source(Alarm.Kind.PARTNER_SILENT)
def silent_partners(now: datetime) -> Iterable[Wrong]:
    """Partners from whom nothing came for ten times their usual gap, and for five minutes at least."""
    for pulse in health.partners(now):
        if pulse.is_silent(now) and pulse.last is not None and pulse.usual is not None:
            sentence = f"Nothing has come from {pulse.name}; usually instructions come {pulse.pace}."
            yield Wrong(Alarm.Kind.PARTNER_SILENT, pulse.code, sentence, pulse.last, pulse.partner_id)


@source(Alarm.Kind.FEED_STALLED)
def stalled_feed(now: datetime) -> Iterable[Wrong]:
    """No delivery of the platform, from any partner, for too long."""
    pulse = health.feed(now)
    if pulse.is_silent(now) and pulse.last is not None and pulse.usual is not None:
        sentence = f"The platform sends nothing; usually deliveries come {pulse.pace}."
        yield Wrong(Alarm.Kind.FEED_STALLED, "feed", sentence, pulse.last)


@source(Alarm.Kind.STAGE_OVER)
def stages_over(now: datetime) -> Iterable[Wrong]:
    """Stages on a rail in which something is over its limit although nothing failed."""
    late = Transaction.objects.filter(stage_deadline__lt=now).exclude(status__in=[Status.COMPLETED, Status.FAILED])
    for stage, rail, since in late.order_by().values_list("stage", "rail").annotate(Min("stage_deadline")):
        where = f" on {Rail(rail).label}" if rail in Rail.values else f" on {rail}" if rail else ""
        label = "Review" if stage == Stage.COMPLIANCE_REVIEW else str(Stage(stage).label)
        sentence = f"{label}{where} is over its limit, and nothing failed: ask why nothing moves."
        yield Wrong(Alarm.Kind.STAGE_OVER, f"{stage} {rail}".strip(), sentence, since)


@source(Alarm.Kind.CHAIN_BROKEN)
def broken_chain(_now: datetime) -> Iterable[Wrong]:
    """The trail's last verification found it broken."""
    last: Verification | None = Verification.objects.newest()
    if last is not None and last.is_broken:
        where = f"at event {last.broken_seq}" if last.broken_seq else "in its anchors"
        since = last.finished_at or last.asked_at
        yield Wrong(Alarm.Kind.CHAIN_BROKEN, "trail", f"The audit chain is broken {where}.", since)


# -- the worker's round -----------------------------------------------------------------------------------------------


def watch(now: datetime) -> None:
    """Raise what is wrong and not raised yet, end what is over. Each alarm has its entry in the trail."""
    for kind, says in _SOURCES.items():
        settle(kind, list(says(now)), now=now)
    _keep_sample(now)


def settle(kind: Alarm.Kind, found: Sequence[Wrong], *, now: datetime) -> None:
    """Make the open alarms of a kind those that are named."""
    wrong = {one.about: one for one in found}
    with transaction.atomic():
        standing = {alarm.about: alarm for alarm in Alarm.objects.open().filter(kind=kind).locked()}
        raised = [_raise(one, now) for about, one in wrong.items() if about not in standing]
        over = [alarm for about, alarm in standing.items() if about not in wrong]
        _record([alarm for alarm in raised if alarm], over, now)


def note_gap(name: str, last: datetime, *, now: datetime) -> None:
    """Record that a worker gave no sign of life from `last` until now that it is back."""
    sentence = f"The worker {name} gave no sign of life; jobs, commands and alarms waited."
    with transaction.atomic():
        standing = Alarm.objects.open().filter(kind=Alarm.Kind.WORKER_DEAD, about=name).locked().first()
        raised = None if standing else _raise(Wrong(Alarm.Kind.WORKER_DEAD, name, sentence, last), now)
        over = standing or raised
        _record([raised] if raised else [], [over] if over else [], now)


def _raise(one: Wrong, now: datetime) -> Alarm | None:
    try:
        with transaction.atomic():
            return Alarm.objects.create(
                kind=one.kind,
                about=one.about[:80],
                sentence=one.sentence[:300],
                since=one.since,
                opened_at=now,
                partner_id=one.partner_id,
            )
    except IntegrityError:
        return None  # another worker was first


def _record(raised: Sequence[Alarm], over: Sequence[Alarm], now: datetime) -> None:
    """Tell of what was raised, end what is over; then the trail, whose lock others wait for."""
    for alarm in over:
        alarm.closed_at = now
        alarm.save(update_fields=["closed_at"])
    notifications.tell_all(notice for alarm in raised for notice in _notices(alarm))
    notifications.end(TOLD.key, object_type=TYPE, object_ids=[alarm.trail_name for alarm in over])
    for verb, alarms in ((Verb.ALARM_RAISED, raised), (Verb.ALARM_ENDED, over)):
        for alarm in alarms:
            trail.record(verb, obj=alarm, facts={"sentence": alarm.sentence})


def _notices(alarm: Alarm) -> Iterator[Notice]:
    """Everybody who may see the alarm, each under one right that lets them."""
    told: set[int] = set()
    for right in sorted(readers_of(alarm.kind, alarm.about)):
        for person in people_who_may(right):
            if person.pk not in told and Alarm.objects.visible_to(person).numbered(alarm.pk).exists():
                told.add(person.pk)
                yield Notice(TOLD.key, person, _subject(alarm, person, right), alarm.sentence)


def _subject(alarm: Alarm, reader: User, right: str) -> Subject:
    page = "audit:chain" if alarm.kind == Alarm.Kind.CHAIN_BROKEN else "reports:radar"
    may_open = has(reader, "reports.view_dashboard")
    return Subject(
        TYPE,
        alarm.trail_name,
        reverse(page if may_open else "accounts:notifications"),
        right=right,
        partner_id=alarm.partner_id,
        is_of_everything=alarm.kind == Alarm.Kind.STAGE_OVER,
    )


def _keep_sample(now: datetime) -> None:
    if Sample.objects.filter(at__gt=now - SAMPLED_EVERY).exists():
        return
    Sample.objects.filter(at__lt=now - SAMPLES_KEPT).delete()
    rows = still_going().order_by().values_list("stage", "rail", "partner_id").annotate(Count("pk"))
    Sample.objects.bulk_create(
        Sample(at=now, stage=stage, rail=rail, partner_id=partner, number=number)
        for stage, rail, partner, number in rows
    )


def still_going() -> TransactionQuerySet:
    """Every transaction that is on its way: what the radar looks at."""
    found: TransactionQuerySet = Transaction.objects.exclude(status=Status.COMPLETED)
    return found.exclude(stage__in=sorted(FINAL_STAGES))


# -- people -----------------------------------------------------------------------------------------------------------


def see(alarm: Alarm, *, by: User) -> None:
    """Record that a person has seen an alarm that is theirs to see; the first time counts."""
    if not Alarm.objects.visible_to(by).numbered(alarm.pk).exists():
        raise Refused("There is no such alarm.", status=404)
    with transaction.atomic():
        now = timezone.now()
        _, is_new = AlarmSeen.objects.get_or_create(alarm=alarm, person=by, defaults={"at": now})
        if is_new:
            told = Notification.objects.visible_to(by).unread().about(TYPE, [alarm.trail_name])
            told.update(read_at=now)
            trail.record(Verb.ALARM_SEEN, by=by, obj=alarm, facts={"sentence": alarm.sentence})


def unseen(user: User) -> AlarmQuerySet:
    """Open alarms that this person must act on and has not seen, the latest first; for every page. A broken chain has
    a strip of its own, which nobody can see away.
    """
    rows: AlarmQuerySet = Alarm.objects.open().visible_to(user).unseen_by(user)
    return rows.exclude(kind=Alarm.Kind.CHAIN_BROKEN).order_by("-opened_at", "-pk")
