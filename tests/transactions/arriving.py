"""Transactions for tests: stories of the platform taken in through the intake, never rows made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from accounts.models import Branch, Partner, SubAgent
from backoffice.demo import stories, world
from backoffice.gateway.intake import receive
from tests.factories.accounts import BranchFactory, PartnerFactory, SubAgentFactory
from tests.people import NAMES
from transactions.models import Transaction

NOW = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
"""A Wednesday, 14:00 in Pakistan."""

_numbers = count(1)


def take_in(events: list[dict[str, Any]], *, at: datetime | None = None) -> Transaction:
    """What became of one transaction's events once the intake took them in at `at`."""
    data = events[0]["data"]
    if not Partner.objects.filter(code=data["partner"]).exists():
        PartnerFactory(code=data["partner"], name=NAMES[data["partner"]])
    branch, agent = data.get("branchCode"), data.get("agentCode")
    if branch and not Branch.objects.filter(code=branch).exists():
        BranchFactory(code=branch, name=NAMES[branch])
    if agent and not SubAgent.objects.filter(agent_code=agent).exists():
        SubAgentFactory(agent_code=agent)
    receipt = receive(events, message_id=f"test-{next(_numbers)}", source="demo", received_at=at)
    assert not receipt.rejected, receipt.as_json()
    return Transaction.objects.get(txn_id=events[0]["subject"])


def in_stage(
    stage: str,
    *,
    partner: str = "INSTANTCASH",
    branch: str | None = None,
    number: int = 1,
    now: datetime = NOW,
    age: timedelta | None = None,
) -> Transaction:
    """A transaction in `stage` whose last event lies `age` (a minute if not said) before `now`."""
    told = stories.story_for_stage(stage, partner=partner, branch=branch, number=number, now=now, age=age)
    return take_in(told, at=now)


def of_kind(
    kind: str, *, partner: str = "INSTANTCASH", number: int = 1, now: datetime = NOW, **more: Any
) -> Transaction:
    """A transaction of one of the demo's kinds of stories."""
    return take_in(stories.story_of_kind(kind, partner=partner, number=number, now=now, **more), at=now)


__all__ = ["NOW", "in_stage", "of_kind", "take_in", "world"]
