"""Approvals: what was asked of a second person, what became of it and how fast, by operation and by person."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q
from django.urls import reverse
from django.utils.http import urlencode

from accounts import maker_checker
from accounts.inbox import ApprovalQuerySet
from accounts.models import ApprovalRequest
from backoffice.reports.catalogue import Cell, Listed, Part, Report, ReportGround
from backoffice.reports.kinds.ageing import Quantile

State = ApprovalRequest.State
_STATES = (State.PENDING, State.APPROVED, State.REJECTED, State.SENT_BACK, State.WITHDRAWN, State.EXPIRED, State.STALE)


def parts(ground: ReportGround) -> Sequence[Part]:
    """What was asked in the period: by operation, by who asked, by who decided."""
    asked = ApprovalRequest.objects.visible_to(ground.user).filter(ground.span.on("created_at")).order_by()
    return [_operations(ground, asked), _makers(ground, asked), _checkers(asked)]


def listed(ground: ReportGround, number: int, **filters: str) -> Listed:
    """A number of requests asked in the period, with their list."""
    words = {"tab": "all", "asked": ground.span.text} | filters
    return Listed(number, f"{reverse('accounts:approvals')}?{urlencode(words)}")


def _counts() -> dict[str, Count]:
    return {state.value: Count("pk", filter=Q(state=state)) for state in _STATES}


def _operations(ground: ReportGround, asked: ApprovalQuerySet) -> Part:
    taken = ExpressionWrapper(F("decided_at") - F("created_at"), output_field=DurationField())
    labels = {one.key: one.label for one in maker_checker.registered()}
    found = asked.values("operation").annotate(all=Count("pk"), half=Quantile(taken, 0.5), **_counts())
    rows: list[Sequence[Cell]] = []
    for one in sorted(found, key=lambda row: labels[row["operation"]]):
        key = one["operation"]
        states = [listed(ground, one[state.value], operation=key, state=state.value) for state in _STATES]
        rows.append((labels[key], listed(ground, one["all"], operation=key), *states, one["half"]))
    head = ("Operation", "Asked", *(str(state.label) for state in _STATES), "Half ended within")
    note = "Requests asked in the period that you may read, by how they stand now."
    return Part("operations", "By operation", head, rows, note, empty="Nothing was asked in this period.")


def _makers(ground: ReportGround, asked: ApprovalQuerySet) -> Part:
    found = asked.values("maker__username", "maker__full_name").annotate(all=Count("pk"), **_counts())
    rows: list[Sequence[Cell]] = []
    for one in sorted(found, key=lambda row: str(row["maker__full_name"])):
        name = one["maker__username"]
        states = [listed(ground, one[state.value], asked_by=name, state=state.value) for state in _STATES]
        rows.append((one["maker__full_name"], listed(ground, one["all"], asked_by=name), *states))
    head = ("Asked by", "Asked", *(str(state.label) for state in _STATES))
    return Part("makers", "By who asked", head, rows, empty="Nothing was asked in this period.")


def _checkers(asked: ApprovalQuerySet) -> Part:
    decided = asked.exclude(checker=None)
    found = decided.values("checker__username", "checker__full_name").annotate(all=Count("pk"), **_counts())
    rows = [
        (one["checker__full_name"], one["all"], *(one[state.value] for state in _STATES[1:4]))
        for one in sorted(found, key=lambda row: str(row["checker__full_name"]))
    ]
    head = ("Decided by", "Decided", *(str(state.label) for state in _STATES[1:4]))
    return Part("checkers", "By who decided", head, rows, empty="Nothing was decided in this period.")


REPORT = Report(
    "approvals",
    "Approvals",
    "What was asked of a second person, what became of it and how fast, by operation and by person.",
    parts,
    usual="7d",
    is_narrowed=False,
)
