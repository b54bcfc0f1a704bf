"""What compliance knew at a moment: lists and hits, what had been said of them by then, and how the cases stood."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.factories.compliance import CaseFactory, HitDecisionFactory
from tests.transactions.pages import read

pytestmark = pytest.mark.django_db


def test_what_was_said_of_a_hit_stands_there_only_from_then_on(as_nadia: Client, as_hina: Client) -> None:
    case = CaseFactory()
    now = timezone.now()
    said = HitDecisionFactory(case=case, decided_at=now - timedelta(microseconds=1))
    address = f"/transactions/{case.transaction.txn_id}/at/"
    before, after = (
        read(as_nadia.get(address, {"t": t.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")})).text
        for t in (said.decided_at - timedelta(microseconds=1), now)
    )
    assert case.number in after
    assert "Open, in hand of Nobody" in after
    assert said.get_verdict_display() in after
    assert said.get_verdict_display() not in before
    assert str(said.decided_by) in after
    hidden = as_hina.get(address, {"t": now.isoformat()})
    assert case.number not in hidden.content.decode()


def test_a_case_has_its_history_in_the_trail_for_auditors(as_nadia: Client) -> None:
    case = CaseFactory()
    page = as_nadia.get(f"/audit/o/compliance.case/{case.number}/")
    assert page.status_code == 200
    assert case.get_absolute_url() in page.content.decode()
    asked = as_nadia.get(f"/audit/o/compliance.case/{case.number}/at/")
    assert "Choose a moment" in read(asked).text
    assert as_nadia.get("/audit/o/compliance.case/C-0000-000000/").status_code == 404
