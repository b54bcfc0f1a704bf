"""The standing reports, one module each, in the order in which they are offered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from backoffice.reports import catalogue, figures
from backoffice.reports.catalogue import Report
from backoffice.reports.kinds import activity, ageing, approvals, daily, failures, handover, reconciliation, screening

ALL: Sequence[Report] = (
    daily.REPORT,
    failures.REPORT,
    ageing.REPORT,
    reconciliation.REPORT,
    approvals.REPORT,
    handover.REPORT,
    screening.REPORT,
    activity.REPORT,
)


def register() -> None:
    """Offer the reports, and have the numbers of each proved. Called when the app is ready."""
    catalogue.add(*ALL)
    for report in ALL:
        if not report.is_narrowed:  # it counts no transactions
            continue
        figures.register(figures.PageOfFigures(f"report {report.slug}", catalogue.RIGHT, _addresses(report)))


def _addresses(report: Report) -> Callable[[datetime, ZoneInfo], Sequence[str]]:
    path = f"/reports/{report.slug}/"
    return lambda now, zone: (path, f"{path}?range=today", f"{path}?range=7d")
