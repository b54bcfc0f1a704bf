"""What the intake's tests stand on: a partner that sends, and a branch and an outlet that pay out."""

from __future__ import annotations

import pytest

from accounts.models import Partner
from tests.factories.accounts import BranchFactory, PartnerFactory, SubAgentFactory


@pytest.fixture
def ria(db: None) -> Partner:
    """Partner RIA, branch 1003 and outlet RI-001."""
    BranchFactory(code="1003")
    SubAgentFactory(agent_code="RI-001")
    partner: Partner = PartnerFactory(code="RIA", name="RIA")
    return partner
