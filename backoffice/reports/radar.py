"""The stuck-money radar: where money stands still although nothing failed, whose it is, and since when.

One line per stage, rail and partner of everything on its way. Outside compliance the steps that compliance knows apart
are one line under the neutral word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, Min
from django.db.models import Sum as Total

from accounts.access import has, scope_of
from backoffice import heartbeat
from backoffice.reports import figures, health
from backoffice.reports.figures import Figure, Ground
from backoffice.reports.health import Pulse, RailHealth
from backoffice.reports.models import Alarm, Sample
from transactions import deadlines, flags, formats
from transactions.filters import CHECKS, NONE, NOT_KNOWN
from transactions.vocabulary import FINAL_STAGES, OPEN_STATUSES, Rail, Stage, Status

GOING: Final = [status.value for status in Status if status in OPEN_STATUSES]
BACK: Final = timedelta(hours=1)
"""The trend says what changed since about an hour ago."""
NEAR: Final = timedelta(minutes=20)
ENDED_SHOWN: Final = 20
_CHECKED: Final = frozenset({Stage.SCREENING, Stage.COMPLIANCE_REVIEW})


@dataclass
class Heap:
    """What stands in one place, summed up."""

    stage: str
    rail: str
    partner_id: int
    number: int = 0
    late: int = 0
    oldest: datetime | None = None
    worth: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, row: dict[str, Any]) -> None:
        self.number += row["number"]
        self.late += row["late"]
        self.worth[row["settled_currency"]] += row["worth"]
        self.oldest = min(filter(None, [self.oldest, row["oldest"]]))


@dataclass(frozen=True)
class Line:
    """One line of the radar."""

    stage: str
    rail: str
    partner: str
    figure: Figure
    late: Figure
    oldest: datetime | None
    limit: str
    trend: str


class Radar:
    """Every part of the page for one sound ground."""

    def __init__(self, ground: Ground) -> None:
        self.ground, self.user, self.now = ground, ground.user, ground.now
        self.sees_compliance = has(self.user, "compliance.view_cases")
        self.names = {pk: (code, name) for pk, code, name in ground.query.filter.known["partner"]}

    @cached_property
    def lines(self) -> list[Line]:
        """The worst first: what is over its limit, then what stands longest."""
        limits, before = deadlines.load(), self._before()
        heaps = sorted(self._heaps(), key=lambda heap: (-heap.late, heap.oldest or self.now))
        return [self._line(heap, limits, before) for heap in heaps]

    def _heaps(self) -> list[Heap]:
        rows = self.ground.rows.exclude(status=Status.COMPLETED).exclude(stage__in=sorted(FINAL_STAGES))
        late = Count("pk", filter=flags.condition(flags.LATE, self.now))
        found: dict[tuple[str, str, int], Heap] = {}
        for row in rows.values("stage", "rail", "partner_id", "settled_currency").annotate(
            number=Count("pk"), late=late, oldest=Min("stage_since"), worth=Total("settled_amount")
        ):
            key = (self._place(row["stage"]), row["rail"], row["partner_id"])
            found.setdefault(key, Heap(*key)).add(row)
        return list(found.values())

    def _place(self, stage: str) -> str:
        """The list's word for a stage, as this reader may ask for it."""
        return CHECKS if stage in _CHECKED and not self.sees_compliance else stage

    def _line(self, heap: Heap, limits: deadlines.Deadlines, before: dict[tuple[str, str, int], int] | None) -> Line:
        code, name = self.names[heap.partner_id]
        filters: dict[str, str | Sequence[str]] = {
            "stage": heap.stage,
            "partner": code,
            "rail": heap.rail if heap.rail in Rail.values else NOT_KNOWN if heap.rail else NONE,
        }
        if heap.stage == CHECKS:
            filters["status"] = GOING
        return Line(
            stage=dict(self.ground.query.filter.choices["stage"])[heap.stage],
            rail=str(Rail(heap.rail).label) if heap.rail in Rail.values else heap.rail or "No rail yet",
            partner=name,
            figure=self.ground.figure(heap.number, sorted(heap.worth.items()), **filters),
            late=self.ground.figure(heap.late, (), **filters, flag=flags.LATE),
            oldest=heap.oldest,
            limit=_limit(limits, heap),
            trend=_trend(heap, before),
        )

    def _before(self) -> dict[tuple[str, str, int], int] | None:
        """What stood there about an hour ago; None where nobody looked then, or for a part of the rows."""
        if not scope_of(self.user).all_branches or self.ground.given:
            return None
        at = Sample.objects.filter(at__lte=self.now - BACK + NEAR, at__gte=self.now - BACK - NEAR).aggregate(
            at=Max("at")
        )
        if at["at"] is None:
            return None
        found: dict[tuple[str, str, int], int] = defaultdict(int)
        for stage, rail, partner, number in Sample.objects.filter(at=at["at"]).values_list(
            "stage", "rail", "partner_id", "number"
        ):
            found[self._place(stage), rail, partner] += number
        return found

    # Health

    @cached_property
    def feed(self) -> Pulse | None:
        """The platform's deliveries, for those who see all of them."""
        return health.feed(self.now) if scope_of(self.user).is_everything else None

    @cached_property
    def partners(self) -> list[Pulse]:
        return health.partners(self.now, of=self.user)

    @cached_property
    def silence(self) -> list[tuple[Pulse, bool]]:
        """The feed and the partners with whether each is silent now, the silent ones first."""
        pulses = [*([self.feed] if self.feed else []), *self.partners]
        return sorted(((one, one.is_silent(self.now)) for one in pulses), key=lambda pair: not pair[1])

    @cached_property
    def rails(self) -> list[RailHealth]:
        return health.rails(self.user)

    @cached_property
    def workers(self) -> list[tuple[str, datetime, bool]]:
        """Each worker, its last sign of life, and whether that was lately."""
        return [(name, at, self.now - at <= heartbeat.ALIVE_WITHIN) for name, at in heartbeat.signs_of_life()]

    # Alarms

    @cached_property
    def alarms(self) -> list[Alarm]:
        return list(Alarm.objects.open().visible_to(self.user).for_page())

    @cached_property
    def ended(self) -> list[Alarm]:
        return list(Alarm.objects.closed().visible_to(self.user).for_page()[:ENDED_SHOWN])

    def has_seen(self, alarm: Alarm) -> bool:
        return any(one.person_id == self.user.pk for one in alarm.seen.all())

    @property
    def alarms_to_see(self) -> list[tuple[Alarm, bool]]:
        """Open alarms, and whether this reader has seen each."""
        return [(alarm, self.has_seen(alarm)) for alarm in self.alarms]

    def read(self) -> Radar:
        """Read every part now, inside the snapshot of the page."""
        for name in ("lines", "feed", "partners", "silence", "rails", "workers", "alarms", "ended"):
            getattr(self, name)
        return self


def _limit(limits: deadlines.Deadlines, heap: Heap) -> str:
    if heap.stage == CHECKS:
        return ""
    found = limits.limit_of(heap.stage, rail=heap.rail, partner_id=heap.partner_id)
    if found is None:
        return ""
    if found.in_bank_days:
        return f"{found.amount} bank day" + ("s" if found.amount != 1 else "")
    return formats.duration(timedelta(minutes=found.amount))


def _trend(heap: Heap, before: dict[tuple[str, str, int], int] | None) -> str:
    if before is None:
        return ""
    change = heap.number - before.get((heap.stage, heap.rail, heap.partner_id), 0)
    if not change:
        return "as an hour ago"
    return f"{abs(change):,d} {'more' if change > 0 else 'fewer'} than an hour ago"


def register() -> None:
    """Have every number of the page proved. Called when the app is ready."""
    figures.register(figures.PageOfFigures("radar", "reports.view_dashboard", _addresses))


def _addresses(_now: datetime, _zone: ZoneInfo) -> list[str]:
    return ["/radar/"]
