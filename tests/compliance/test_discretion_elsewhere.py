"""Sums, reports, certificates, notices and refusals tell nobody outside compliance that a payment was looked at."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from accounts import maker_checker
from accounts.models import Notification, User
from backoffice.reports import certificates
from backoffice.reports.kinds import ALL
from backoffice.reports.models import Certificate
from compliance import actions
from compliance.models import Case, ReportKind
from tests.compliance.test_discretion import CANARIES, DRAWN_BY_LOT, HINTS, OUTSIDE, in_state
from tests.compliance.test_opening import again
from tests.compliance.test_two_people import proposed, reason, seen
from tests.compliance.test_views import NOTE, taken, text, waiting
from tests.gateway.telling import stage, take_in

pytestmark = pytest.mark.django_db
RANGE = "range=7d"
ADDRESSES = (
    f"/?{RANGE}",
    "/radar/",
    "/eprc/",
    "/rtgs/",
    "/reversals/",
    "/bulk/",
    "/inquiries/?state=all",
    "/account/notifications/",
    *(f"/reports/{report.slug}/?{RANGE}" for report in ALL),
    *(f"/reports/{report.slug}/csv/?{RANGE}" for report in ALL),
)
TYPED = (
    "/transactions/?screening=hits",
    "/transactions/?case=C-1999-00001",
    "/transactions/?list=ABC",
    "/transactions/?cols=case,hits,score",
)
"""Filters and columns that nobody outside has: the page says so in the reader's own words, and knows no more."""

ROLES = re.compile(r"Compliance (analyst|officer)")
"""The names of roles are no secret: they say who may decide what."""


def overtaken(adeel: User, mehwish: User) -> Case:
    """A payment whose release fell to a new check, with a report to the regulator begun meanwhile."""
    case = waiting("T1", "SDN-ZZ-4711")
    actions.begin_report(case, by=mehwish, kind=ReportKind.objects.get(code="STR"), grounds="Strcanary grounds")
    asked = proposed(case, adeel)
    take_in(again("T1", 7, "SDN-ZZ-4711", "SDN-9"))
    maker_checker.send_back(asked, by=mehwish, note="Hitcanary: something new was found.")
    taken(case, adeel)
    actions.escalate(case, by=adeel, seen=seen(case), reason=reason("ES-MATCH"), note="Hitcanary escalated.")
    return case


def case_in(state: str, adeel: User, mehwish: User) -> Case:
    return overtaken(adeel, mehwish) if state == "overtaken" else in_state(state, adeel, mehwish)


@pytest.mark.parametrize("state", ["overtaken", "rejected"])
def test_no_sum_no_report_no_board_and_no_refusal_speaks_of_it(
    request: pytest.FixtureRequest, adeel: User, mehwish: User, state: str
) -> None:
    case = case_in(state, adeel, mehwish)
    secret = (*CANARIES, "SDN-9", "Strcanary", "STR-", case.number, NOTE)
    for name in OUTSIDE:
        client: Client = request.getfixturevalue(f"as_{name}")
        for address in (*ADDRESSES, *TYPED):
            answer = client.get(address)
            whole = DRAWN_BY_LOT.sub("", f"{text(answer)} {dict(answer.headers)}")
            for canary in secret:
                assert canary not in whole, (name, address, canary)
            if answer.status_code == 200 and address not in TYPED:
                said = ROLES.sub("", re.sub(r"<[^>]*>", " ", text(answer)))
                hint = HINTS.search(said)
                assert hint is None, (name, address, said[max(0, hint.start() - 80) : hint.end() + 40])


@pytest.mark.parametrize("state", ["overtaken", "rejected"])
def test_nobody_outside_is_notified_of_it(adeel: User, mehwish: User, state: str) -> None:
    case_in(state, adeel, mehwish)
    told = Notification.objects.exclude(recipient__in=[adeel, mehwish])
    assert [one.sentence for one in told if HINTS.search(one.sentence)] == []


def test_a_certificate_of_a_payment_that_was_released_says_nothing_of_it(
    as_omar: Client, adeel: User, mehwish: User
) -> None:
    case = in_state("released", adeel, mehwish)
    take_in(
        stage("T1", 7, "compliance_review"),
        stage("T1", 8, "payment", "STARTED", rail="RAAST"),
        stage("T1", 9, "payment", "SUCCESS", rail="RAAST", funds="WITH_BENEFICIARY"),
    )
    answer = as_omar.post("/transactions/T1/eprc/", follow=True)
    certificate = Certificate.objects.get()
    said = json.dumps([certificate.facts, text(answer)], default=str)
    for canary in (*CANARIES, case.number, NOTE, str(adeel), str(mehwish)):
        assert canary not in said, canary
    assert HINTS.search(re.sub(r"<[^>]*>", " ", said)) is None
    assert certificates.paper_of(certificate).startswith(b"%PDF")
