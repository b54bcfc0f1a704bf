"""Whether everything moves: the feed, the partners, the rails, the worker; what is usual, and how long it is quiet."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from accounts.access import scope_of
from accounts.models import Partner
from backoffice.gateway.models import Delivery
from transactions import formats
from transactions.querysets import scoped_sql
from transactions.vocabulary import Rail, Status

if TYPE_CHECKING:
    from accounts.models import User

TIMES_ITS_GAP: Final = 10
LEAST_SILENCE: Final = timedelta(minutes=5)
LOOKED_AT: Final = 50
"""So many of the latest arrivals tell what is usual."""
FEWEST: Final = 10
"""Fewer arrivals than this tell nothing about what is usual."""
AT_ONCE: Final = timedelta(seconds=1)
"""What comes closer together than this comes together."""
RECENT: Final = 2_000
"""Rails are judged by so many of the latest transactions."""


@dataclass(frozen=True)
class Pulse:
    """When something last came from somewhere, and how long it usually takes until the next."""

    name: str
    code: str
    partner_id: int | None
    last: datetime | None
    usual: timedelta | None

    @property
    def pace(self) -> str:
        """How often something comes, in words; "" where nobody knows."""
        if self.usual is None:
            return ""
        return "several at once" if self.usual < AT_ONCE else f"every {formats.duration(self.usual)}"

    def limit(self) -> timedelta | None:
        """How long a silence may last: ten times the usual gap, at least five minutes."""
        return None if self.usual is None else max(TIMES_ITS_GAP * self.usual, LEAST_SILENCE)

    def is_silent(self, now: datetime) -> bool:
        limit = self.limit()
        return self.last is not None and limit is not None and now - self.last > limit


def usual_gap(moments: Sequence[datetime]) -> timedelta | None:
    """Half of the gaps between arrivals are shorter than this; None where there were too few to know."""
    if len(moments) < FEWEST:
        return None
    ordered = sorted(moments)
    gaps = [(after - before).total_seconds() for before, after in itertools.pairwise(ordered)]
    return timedelta(seconds=median(gaps))


def feed(now: datetime) -> Pulse:
    """The platform's deliveries."""
    moments = list(
        Delivery.objects.filter(received_at__lte=now)
        .order_by("-received_at")
        .values_list("received_at", flat=True)[:LOOKED_AT]
    )
    return Pulse("the platform", "", None, max(moments, default=None), usual_gap(moments))


_OF_PARTNERS: Final = """
    SELECT partner.id, partner.code, partner.name, array_agg(arrived.received_at) FROM accounts_partner partner
    CROSS JOIN LATERAL (
        SELECT received_at FROM transactions_transaction
        WHERE partner_id = partner.id AND received_at <= %s ORDER BY received_at DESC, id DESC LIMIT %s
    ) arrived
    WHERE partner.id = ANY(%s) GROUP BY 1, 2, 3 ORDER BY partner.name
"""


def partners(now: datetime, *, of: User | None = None) -> list[Pulse]:
    """The instructions of each active partner: all of them, or those whose every row the person sees."""
    rows = Partner.objects.filter(is_active=True)
    if of is not None:
        scope = scope_of(of)
        if not scope.all_branches:
            return []
        rows = rows if scope.all_partners else rows.filter(pk__in=scope.partner_ids)
    with connection.cursor() as cursor:
        cursor.execute(_OF_PARTNERS, [now, LOOKED_AT, list(rows.values_list("pk", flat=True))])
        return [
            Pulse(name, code, pk, max(moments), usual_gap(moments)) for pk, code, name, moments in cursor.fetchall()
        ]


@dataclass(frozen=True)
class RailHealth:
    """How a rail did with the latest transactions: paid, failed, and when it last paid."""

    name: str
    paid: int
    failed: int
    last_paid: datetime | None

    @property
    def failed_share(self) -> str:
        whole = self.paid + self.failed
        return f"{100 * self.failed / whole:.1f} %" if whole else ""


def rails(user: User) -> list[RailHealth]:
    """The rails of the latest transactions that the person sees."""
    condition, parameters = scoped_sql(scope_of(user))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rail, count(*) FILTER (WHERE status = %s), count(*) FILTER (WHERE status = %s),"  # noqa: S608
            " max(status_since) FILTER (WHERE status = %s) FROM (SELECT rail, status, status_since"
            f" FROM transactions_transaction WHERE {condition} ORDER BY received_at DESC, id DESC LIMIT %s) latest"
            " GROUP BY 1",
            [Status.COMPLETED, Status.FAILED, Status.COMPLETED, *parameters, RECENT],
        )
        found: dict[str, Any] = {rail: rest for rail, *rest in cursor.fetchall()}
    return [RailHealth(str(rail.label), *found[rail]) for rail in Rail if rail in found]
