"""The dashboard: what came in, what became of it, what is open and since when, as one reader may see it.

Everything is read inside one snapshot: sums from the rollup, open work and times from the transactions. Each number
that counts rows is a figure, so its link opens exactly these rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, Min, Q
from django.db.models import Sum as Total
from django.urls import reverse
from django.utils.http import urlencode

from accounts.access import has, scope_of
from accounts.models import User
from accounts.periods import exactly
from audit.filters import verbs_of
from audit.models import AuditEvent
from backoffice.reports import charts, figures
from backoffice.reports.charts import Chart, Column
from backoffice.reports.figures import Figure, Ground
from backoffice.reports.rollups import Slice, Sum, sums
from exceptions.models import ExceptionItem
from transactions import formats
from transactions.filters import NONE, NOT_ACCEPTED, NOT_KNOWN
from transactions.lifecycle import POSITION
from transactions.models import Event, ReasonCode, Transaction
from transactions.vocabulary import EventStage, Stage, Status

SERIES: Final = [(status.value, str(status.label)) for status in Status]
STATUS_OF: Final = {stage.value: POSITION[stage][0].value for stage in Stage}
AGES: Final = (("", "15m"), ("15m", "60m"), ("60m", "4h"), ("4h", "24h"), ("24h", ""))
AGE_LABELS: Final = ("under 15 min", "15 to 60 min", "1 to 4 h", "4 to 24 h", "over 24 h")
_SPANS: Final = {"15m": timedelta(minutes=15), "60m": timedelta(hours=1), "4h": timedelta(hours=4), "24h": timedelta(1)}
MOST_TIMED: Final = 5_000
"""Times are measured on at most so many of the latest transactions of the period."""
SUPERVISES: Final = ("audit.view_object_trail", "audit.view_trail")
"""Who sees what colleagues have in hand: those who answer for their work."""


@dataclass(frozen=True)
class Card:
    """One key figure: its rows, and in a line below what completes it."""

    name: str
    figure: Figure
    share: str = ""
    oldest: datetime | None = None
    ever: Figure | None = None


@dataclass(frozen=True)
class Base:
    """What a period is compared with, by its name, and how many came in then."""

    name: str
    figure: Figure

    def change(self, now: Figure) -> str:
        """ "+4 %" against the base; "" where there is nothing to compare with."""
        if not self.figure.number:
            return ""
        percent = round(100 * (now.number - self.figure.number) / self.figure.number)
        sign = "+" if percent > 0 else formats.MINUS if percent < 0 else "±"
        return f"{sign}{abs(percent):,} %"


@dataclass(frozen=True)
class Line:
    """One line of a distribution: whose rows, their share, how many failed, how long a payment took half the time."""

    name: str
    figure: Figure
    share: str
    failed: Figure
    failed_share: str
    width: int
    median: timedelta | None = None


@dataclass(frozen=True)
class Backlog:
    """Open work of one kind by age."""

    name: str
    whole: Figure
    cells: Sequence[Figure]

    @property
    def labelled(self) -> list[tuple[str, Figure]]:
        """Each cell with the words for its age."""
        return list(zip(AGE_LABELS, self.cells, strict=True))


@dataclass(frozen=True)
class Person:
    """What one person has in hand, and decided or asked for in the period."""

    name: str
    in_hand: Figure | None
    approvals: Figure | None


class Dashboard:
    """Every part of the page for one sound ground."""

    def __init__(self, ground: Ground) -> None:
        self.ground, self.user, self.now = ground, ground.user, ground.now
        self.sees_compliance = has(self.user, "compliance.view_cases")
        self.start, self.end = ground.span.start, ground.span.end

    # What came in

    @cached_property
    def _slice(self) -> Slice:
        return Slice.of(self.ground)

    @cached_property
    def _by_partner(self) -> list[Sum]:
        return sums(self._slice, self.start, self.end, by=["partner_id", "stage", "currency"])

    @cached_property
    def received(self) -> Figure:
        return self._figure(self._by_partner)

    @cached_property
    def statuses(self) -> list[tuple[str, str, Figure]]:
        """The five statuses, which add up to what was received: key, label, figure."""
        found = [(one, label, self._of_status(self._by_partner, one)) for one, label in SERIES]
        return [(one, label, figure) for one, label, figure in found]

    def _of_status(self, found: Iterable[Sum], status: str) -> Figure:
        return self._figure([one for one in found if STATUS_OF[one.of["stage"]] == status], status=status)

    def _figure(self, found: Sequence[Sum], **filters: str | Sequence[str]) -> Figure:
        worth: dict[str, Decimal] = defaultdict(Decimal)
        for one in found:
            worth[one.of["currency"]] += one.worth
        ordered = sorted(worth.items(), key=lambda pair: (pair[0] != "PKR", pair[0]))
        return self.ground.figure(sum(one.number for one in found), ordered, **filters)

    @property
    def status_lines(self) -> list[tuple[str, str, Figure, str]]:
        """The statuses with their shares of what was received."""
        return [(key, label, figure, figure.of(self.received)) for key, label, figure in self.statuses]

    # The key figures

    @cached_property
    def cards(self) -> list[Card]:
        """OpenRemit's six: received, completed, pending, failed, in review, over their limit."""
        by_status = {key: figure for key, _, figure in self.statuses}
        waits = {"stage": "compliance_review"} if self.sees_compliance else {"attention": "1"}
        late = {"flag": "late"}
        open_now = self.ground.counted(
            {
                "waits": waits,
                "late": late,
                "waits ever": {**waits, "created": ""},
                "late ever": {**late, "created": ""},
                "pending ever": {"status": "pending", "created": ""},
            }
        )
        return [
            Card("Received", self.received),
            Card("Completed", by_status["completed"], by_status["completed"].of(self.received)),
            Card(
                "Pending",
                by_status["pending"],
                oldest=self._oldest(by_status["pending"]),
                ever=open_now["pending ever"],
            ),
            Card("Failed", by_status["failed"], by_status["failed"].of(self.received)),
            Card(
                "In review" if self.sees_compliance else "Needs attention",
                open_now["waits"],
                oldest=self._oldest(open_now["waits"]),
                ever=open_now["waits ever"],
            ),
            Card("Over their limit", open_now["late"], ever=open_now["late ever"]),
        ]

    def _oldest(self, figure: Figure) -> datetime | None:
        if not figure.number:
            return None
        rows = self.ground.asked_at(figure.url).rows.order_by()
        found: datetime | None = rows.aggregate(oldest=Min("received_at"))["oldest"]
        return found

    @cached_property
    def by_currency(self) -> list[tuple[str, Figure, Decimal]]:
        """What came in per currency of the payout."""
        groups: dict[str, list[Sum]] = defaultdict(list)
        for one in self._by_partner:
            groups[one.of["currency"]].append(one)
        return [
            (currency, self._figure(found, currency=currency), sum((one.worth for one in found), Decimal()))
            for currency, found in sorted(groups.items(), key=lambda pair: -sum(one.number for one in pair[1]))
        ]

    # What it is compared with

    @cached_property
    def base(self) -> Base | None:
        """The same length of time before, as far as the period has come; None where the period has no beginning."""
        found = base_of(self.ground.span.text, self.start, self.end, self.now, self.ground.zone)
        if found is None:
            return None
        name, start, end = found
        text = exactly(start, end, self.ground.zone)
        number = sum(one.number for one in sums(self._slice, start, end, by=[]))
        return Base(name, self.ground.figure(number, created=text))

    @property
    def change(self) -> str:
        return self.base.change(self.received) if self.base else ""

    # Distributions

    @cached_property
    def partners(self) -> list[Line]:
        names = {pk: (code, name) for pk, code, name in self.ground.query.filter.known["partner"]}
        medians = self._medians("partner_id")
        return self._lines("partner", self._by_partner, "partner_id", names, medians)

    @cached_property
    def branches(self) -> list[Line]:
        found = sums(self._slice, self.start, self.end, by=["branch_id", "stage", "currency"])
        names: dict[Any, tuple[str, str]] = {
            pk: (code, name) for pk, code, name in self.ground.query.filter.known["branch"]
        }
        return self._lines("branch", found, "branch_id", names | {None: (NONE, "No branch")})

    @cached_property
    def corridors(self) -> list[Line]:
        found = sums(self._slice, self.start, self.end, by=["corridor", "stage", "currency"])
        names = {word: (word, _corridor_name(word)) for word in {one.of["corridor"] for one in found}}
        return self._lines("corridor", found, "corridor", names)

    def _lines(
        self,
        parameter: str,
        found: Sequence[Sum],
        column: str,
        names: Mapping[Any, tuple[str, str]],
        medians: Mapping[Any, timedelta] | None = None,
    ) -> list[Line]:
        groups: dict[Any, list[Sum]] = defaultdict(list)
        for one in found:
            groups[one.of[column]].append(one)
        most = max((sum(one.number for one in group) for group in groups.values()), default=0)
        lines = []
        for key, group in groups.items():
            code, name = names[key]
            figure = self._figure(group, **{parameter: code})
            failed = [one for one in group if STATUS_OF[one.of["stage"]] == Status.FAILED]
            failed_figure = self._figure(failed, **{parameter: code, "status": "failed"})
            lines.append(
                Line(
                    name,
                    figure,
                    figure.of(self.received),
                    failed_figure,
                    failed_figure.of(figure),
                    round(100 * figure.number / most) if most else 0,
                    (medians or {}).get(key),
                )
            )
        return sorted(lines, key=lambda line: (-line.figure.number, line.name))

    # Over time

    @cached_property
    def unit(self) -> str:
        """The step of the chart: hours for two days, days for two months, months beyond."""
        if self.start is None:
            return "month"
        length = min(self.end or self.now, self.now) - self.start
        return "hour" if length <= timedelta(days=2) else "day" if length <= timedelta(days=62) else "month"

    @cached_property
    def chart(self) -> Chart:
        zone = self.ground.zone
        found = sums(self._slice, self.start, self.end, by=["bucket", "stage", "currency"], bucket=(self.unit, zone))
        groups: dict[datetime, list[Sum]] = defaultdict(list)
        for one in found:
            groups[one.of["bucket"].astimezone(zone)].append(one)
        columns = []
        for bucket in self._buckets(groups):
            until = _next(bucket, self.unit)
            start = bucket if self.start is None else max(bucket, self.start)
            end = until if self.end is None else min(until, self.end)
            period = exactly(start, end, zone)
            parts = [
                self._figure(
                    [one for one in groups[bucket] if STATUS_OF[one.of["stage"]] == key], created=period, status=key
                )
                for key, _ in SERIES
            ]
            whole = self._figure(groups[bucket], created=period)
            columns.append(Column(_bucket_name(bucket, self.unit), whole, parts, SERIES))
        return charts.stacked(SERIES, columns, of={"hour": "at", "day": "on", "month": "in"}[self.unit])

    @property
    def axis(self) -> str:
        """What a column of the chart is."""
        return self.unit.capitalize()

    @property
    def chart_name(self) -> str:
        return f"Received per {self.unit} by status, {self.ground.period}"

    def _buckets(self, groups: Mapping[datetime, object]) -> list[datetime]:
        """Every step from the beginning to now or to the last row, empty ones too."""
        zone = self.ground.zone
        first = self.start.astimezone(zone) if self.start else min(groups, default=self.now.astimezone(zone))
        last = max([*groups, min(self.end - timedelta(microseconds=1), self.now) if self.end else self.now])
        at, found = _begin(first, self.unit), []
        while at <= last:
            found.append(at)
            at = _next(at, self.unit)
        return found

    # What is open

    @cached_property
    def backlog(self) -> list[Backlog]:
        """All open work by its age, whenever it came in: partner and branch narrow it, the period does not."""
        kinds: dict[str, dict[str, Any]] = {
            "Pending": {"status": "pending"},
            "Failed, to be worked": {"stage": ["failed_retryable", "failed_final"]},
        }
        if self.sees_compliance:
            kinds["In review"] = {"stage": "compliance_review"}
        rows = []
        for name, filters in kinds.items():
            whole = self.ground.url(created="", **filters)
            inside = {
                f"c{at}": Count("pk", filter=_aged(over, under, self.now)) for at, (over, under) in enumerate(AGES)
            }
            counts = self.ground.asked_at(whole).rows.order_by().aggregate(**inside)
            cells = [
                self.ground.figure(counts[f"c{at}"], created="", age_over=over, age_under=under, **filters)
                for at, (over, under) in enumerate(AGES)
            ]
            rows.append(Backlog(name, Figure(sum(cell.number for cell in cells), whole), cells))
        return rows

    # How long it took

    def _medians(self, column: str) -> dict[Any, timedelta]:
        """How long half of the latest payments took from their receipt, by a column of the transactions."""
        rows = self.ground.asked_at(self.ground.url(status="completed")).rows
        latest = rows.values("pk")[:MOST_TIMED]
        sql, given = latest.query.sql_with_params() if self.received.number else ("", ())
        if not sql:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {column}, percentile_cont(0.5) WITHIN GROUP (ORDER BY status_since - received_at)"  # noqa: S608
                f" FROM transactions_transaction WHERE id IN ({sql}) GROUP BY 1",
                given,
            )
            return {key: median for key, median in cursor.fetchall() if median >= timedelta()}

    @cached_property
    def stages(self) -> list[tuple[str, timedelta]]:
        """How long each step took for half of the latest transactions of the period; outside compliance its own steps
        are one, under the neutral word.
        """
        latest = self.ground.rows.order_by("-received_at", "-pk").values("pk")[:MOST_TIMED]
        timed = Event.objects.filter(transaction__in=latest, started_at__isnull=False, ended_at__isnull=False)
        sql, given = timed.order_by().values("stage", "started_at", "ended_at").query.sql_with_params()
        checks = [EventStage.SCREENING.value, EventStage.COMPLIANCE_REVIEW.value]
        word = "stage" if self.sees_compliance else "CASE WHEN stage = ANY(%s) THEN 'screening' ELSE stage END"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {word}, percentile_cont(0.5) WITHIN GROUP (ORDER BY ended_at - started_at)"  # noqa: S608
                f" FROM ({sql}) timed GROUP BY 1",
                [*([] if self.sees_compliance else [checks]), *given],
            )
            found = dict(cursor.fetchall())
        own = {"screening": "Screening", "compliance_review": "Review"} if self.sees_compliance else {}
        names = dict(EventStage.choices) | own
        return [(names[stage.value], found[stage.value]) for stage in EventStage if found.get(stage.value) is not None]

    # Why it failed

    @cached_property
    def reasons(self) -> list[tuple[str, Figure, str]]:
        """What failed by reason, in the reader's words, the most frequent first."""
        words = dict(self.ground.query.filter.choices["reason"])
        counts: dict[str, int] = defaultdict(int)
        worth: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        known = set(ReasonCode.objects.values_list("code", flat=True))
        named = {code for _, code, _ in self.ground.query.filter.known["reason"]}
        url = self.ground.url(status="failed")
        rows = self.ground.asked_at(url).rows.order_by().values_list("reason_code", "stage", "settled_currency")
        for code, stage, currency, number, value in rows.annotate(Count("pk"), Total("settled_amount")):
            key = self._reason_key(code, stage, known, named)
            counts[key] += number
            worth[key][currency] += value
        failed = Figure(sum(counts.values()), url)
        found = []
        for key, number in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
            figure = self.ground.figure(number, sorted(worth[key].items()), status="failed", reason=key)
            found.append((words[key], figure, figure.of(failed)))
        return found

    def _reason_key(self, code: str, stage: str, known: set[str], named: set[str]) -> str:
        """The list's word for the reason: outside compliance some are not told by their code."""
        is_behind = not self.sees_compliance and (stage == Stage.REJECTED_COMPLIANCE or code in known - named)
        if is_behind:
            return NOT_ACCEPTED
        return NONE if not code else code if code in named else NOT_KNOWN

    # Who works

    @cached_property
    def people(self) -> list[Person]:
        """What each person has in hand and, for those who read the trail, decided: only for those who supervise."""
        if not any(has(self.user, right) for right in SUPERVISES):
            return []
        in_hand = self._in_hand() if has(self.user, "exceptions.view_exceptions") else {}
        approvals = self._approvals() if self._reads_the_trail else {}
        return [
            Person(name, in_hand.get((username, name)), approvals.get((username, name)))
            for username, name in sorted({*in_hand, *approvals}, key=lambda one: one[1])
        ]

    @property
    def _reads_the_trail(self) -> bool:
        return has(self.user, "audit.view_trail") and scope_of(self.user).is_everything

    def _in_hand(self) -> dict[tuple[str, str], Figure]:
        rows = ExceptionItem.objects.readable_by(self.user).on_the_desk().filter(assignee__isnull=False)
        filters: dict[str, str] = {}
        for name in ("partner", "branch"):
            if codes := self.ground.query.selected(name):
                if len(codes) > 1 or codes == [NONE]:
                    return {}
                filters[name] = codes[0]
                rows = rows.filter(**{f"transaction__{name}__code": codes[0]})
        found = rows.order_by().values_list("assignee__username", "assignee__full_name").annotate(Count("pk"))
        desk = reverse("exceptions:desk")
        in_hand = {}
        for username, name, number in found:
            word = "me" if username == self.user.username else username
            address = f"{desk}?{urlencode({'state': 'all', **filters, 'assigned': word})}"
            in_hand[username, name or username] = Figure(number, address)
        return in_hand

    def _approvals(self) -> dict[tuple[str, str], Figure]:
        entries = AuditEvent.objects.during(self.start, self.end).filter(verb__in=sorted(verbs_of("approvals")))
        found = entries.order_by().values_list("actor").annotate(Count("pk"))
        names = dict(User.objects.values_list("username", "full_name"))
        page = reverse("audit:explorer")
        return {
            (actor, names[actor] or actor): Figure(
                number,
                f"{page}?{urlencode({'actor': actor, 'action': 'approvals', 'range': self.ground.span.text})}",
            )
            for actor, number in found
            if actor in names
        }

    @property
    def most_timed(self) -> int:
        return MOST_TIMED

    @cached_property
    def last_received(self) -> datetime | None:
        """When the last transaction came in, for a period in which none did."""
        newest = Transaction.objects.visible_to(self.user).newest_first().values_list("received_at", flat=True)
        return newest.first()

    def read(self) -> Dashboard:
        """Read every part now, inside the snapshot of the page."""
        for name in (
            "cards", "statuses", "by_currency", "base", "partners", "branches", "corridors", "chart", "backlog",
            "stages", "reasons", "people", "last_received",
        ):  # fmt: skip
            getattr(self, name)
        return self


def base_of(
    text: str, start: datetime | None, end: datetime | None, now: datetime, zone: ZoneInfo
) -> tuple[str, datetime, datetime] | None:
    """What a period is compared with: its name, its beginning and its end. Days are those of `zone`."""
    if start is None:
        return None
    local = now.astimezone(zone)
    week = timedelta(days=7)
    if text == "today":
        return f"last {local:%A} to {local:%H:%M}", _shift(start, -week, zone), _shift(now, -week, zone)
    if text == "yesterday" and end is not None:
        begin = _shift(start, -week, zone)
        return f"{begin.astimezone(zone):%A} {formats.date(begin.astimezone(zone))}", begin, _shift(end, -week, zone)
    if text == "month":
        first = (start.astimezone(zone) - timedelta(days=1)).replace(day=1)
        until = min(first.replace(hour=0, minute=0) + (now - start), start)
        return f"{first:%B} as far as {_day_and_clock(until, zone)}", first.replace(hour=0), until
    until = min(end or now, now)
    length = until - start
    return f"the {formats.duration(length)} before", start - length, start


def _shift(moment: datetime, by: timedelta, zone: ZoneInfo) -> datetime:
    """The same clock reading some days away."""
    return moment.astimezone(zone) + by


def _day_and_clock(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"day {local.day}, {local:%H:%M}"


def _aged(over: str, under: str, now: datetime) -> Q:
    """The list's own words for ages."""
    condition = Q()
    if over:
        condition &= Q(received_at__lte=now - _SPANS[over])
    if under:
        condition &= Q(received_at__gt=now - _SPANS[under])
    return condition


def _corridor_name(word: str) -> str:
    origin, _, destination = word.partition("-")
    return " to ".join(formats.country(code) if code else "not given" for code in (origin, destination))


def _begin(moment: datetime, unit: str) -> datetime:
    below = moment.replace(minute=0, second=0, microsecond=0)
    below = below if unit == "hour" else below.replace(hour=0)
    return below.replace(day=1) if unit == "month" else below


def _next(bucket: datetime, unit: str) -> datetime:
    if unit == "month":
        return (bucket + timedelta(days=32)).replace(day=1)
    return bucket + (timedelta(hours=1) if unit == "hour" else timedelta(days=1))


def _bucket_name(bucket: datetime, unit: str) -> str:
    day: date = bucket.date()
    if unit == "hour":
        return f"{bucket:%H:%M}"
    return formats.date(day).rsplit(" ", 1)[0] if unit == "day" else formats.date(day).partition(" ")[2]


def register() -> None:
    """Have every number of the page proved. Called when the app is ready."""
    figures.register(figures.PageOfFigures("dashboard", "reports.view_dashboard", _addresses))


def _addresses(now: datetime, zone: ZoneInfo) -> list[str]:
    """Periods that end at midnight and at the end of a month, and rolling ones that do not."""
    day = now.astimezone(zone).date()
    last_month = day.replace(day=1) - timedelta(days=1)
    return ["/", "/?range=7d", f"/?range={last_month}..{day.replace(day=1)}"]
