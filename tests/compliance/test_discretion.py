"""Nobody outside compliance learns that a payment is looked at for its parties: not from a page, a list, an answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from accounts import maker_checker
from accounts.models import User
from backoffice.reports import exporting
from backoffice.reports.sources import SOURCES
from compliance import actions
from compliance.models import Case
from tests.compliance.test_two_people import proposed, reason, seen
from tests.compliance.test_views import NOTE, post, taken, text, waiting
from tests.factories.accounts import BranchFactory, PartnerFactory, UserFactory, grant
from tests.factories.compliance import CaseFactory
from tests.gateway.telling import stage, take_in
from tests.people import person
from tests.transactions.test_live import Listening, listening
from transactions import live
from transactions.answers import answer_for, key_of
from transactions.discretion import word_not_for_partners
from transactions.models import AnswerText, ReasonCode, Transaction

__all__ = ["listening"]
pytestmark = pytest.mark.django_db
OUTSIDE = ["hina", "omar", "sana", "tariq", "rabia", "bilal"]
CANARIES = ("SDN-ZZ-4711", "OFAC", "Zoe L", "0.91", "Hitcanary", "RL-FALSE", "W-1")
HINTS = re.compile(
    r"screen|sanction|complian|suspici|whitelist|true match|\bhit\b|\bcase\b|in review|\breport to the", re.I
)
ADDRESSES = (
    "/",
    "/transactions/",
    "/transactions/?status=pending",
    "/transactions/?stage=checks",
    "/transactions/T1/",
    "/transactions/T1/timeline/",
    "/transactions/T1/notes/",
    "/transactions/T1/related/",
    "/transactions/T1/audit/",
    "/transactions/T1/live/",
    "/transactions/rows/?ref=T1",
    "/transactions/new/?since=0",
    "/notifications/",
    "/reports/",
    "/exports/",
    "/search/?q=T1",
    "/help/statuses/",
    "/help/keys/",
    "/account/",
    "/exceptions/",
    "/exceptions/jobs/",
    "/compliance/",
    "/whitelist/",
    "/approvals/",
    "/transactions/?stage=compliance_review",
    "/transactions/?reason=FR01",
)
DRAWN_BY_LOT = re.compile(r'(csrfmiddlewaretoken" value|name="token" value|csrftoken)="?[\w-]+|\d\d:\d\d:\d\d\.\d+')
"""Random letters, and the fractions of a clock, may spell anything."""

STATES = ("waiting", "proposed", "on hold", "released", "rejected", "corrected")


def in_state(state: str, adeel: User, mehwish: User) -> Case:
    """A payment that compliance has to do with, at different moments of its case."""
    case = waiting("T1", "SDN-ZZ-4711")
    if state in ("proposed", "released"):
        asked = proposed(case, adeel)
        if state == "released":
            maker_checker.approve(asked, by=mehwish, note="Hitcanary agreed.")
    if state == "on hold":
        taken(case, adeel)
        actions.hold(case, by=adeel, seen=seen(case), reason=reason("HD-PARTNER"), note="Hitcanary hold.")
    if state == "corrected":
        taken(case, adeel)
        actions.correct(
            case, by=adeel, seen=seen(case), field="remitter.city", value="Fujairah", reason="Hitcanary letter came."
        )
    if state == "rejected":
        maker_checker.approve(proposed(case, adeel, "reject", "RJ-MATCH"), by=mehwish)
        take_in(stage("T1", 7, "compliance_review", "FAILED", code="FR01"))
    return case


@pytest.mark.parametrize("state", STATES)
def test_no_word_and_no_id_of_a_case_reaches_anybody_outside(
    request: pytest.FixtureRequest, adeel: User, mehwish: User, state: str
) -> None:
    case = in_state(state, adeel, mehwish)
    for name in OUTSIDE:
        client: Client = request.getfixturevalue(f"as_{name}")
        for address in ADDRESSES:
            answer = client.get(address, follow=True)
            page = DRAWN_BY_LOT.sub("", text(answer))
            whole = DRAWN_BY_LOT.sub("", f"{page} {dict(answer.headers)}")
            for canary in (*CANARIES, case.number, NOTE, str(adeel), str(mehwish)):
                # a score is told by itself: the end of an amount that happens to read the same is none
                assert not re.search(rf"(?<![\d,]){re.escape(canary)}", whole), (name, address, canary)
            if answer.status_code == 200 and "/transactions/T1/" in address:
                hint = HINTS.search(re.sub(r"<[^>]*>", " ", page))
                assert hint is None, (name, address, hint and page[max(0, hint.start() - 80) : hint.end() + 40])


@pytest.mark.parametrize("state", ["proposed", "rejected", "corrected"])
def test_no_export_made_outside_holds_anything_of_a_case(
    settings: Any, tmp_path: Path, adeel: User, mehwish: User, state: str
) -> None:
    settings.EXPORT_DIR = tmp_path
    case = in_state(state, adeel, mehwish)
    source = SOURCES["transactions"]
    for name in ("omar", "sana", "tariq", "rabia"):
        user = person(name)
        question = source.ask(QueryDict(), (), user, timezone.now())
        columns = [column.key for column in source.columns_for(user)]
        export = exporting.ask(source, question, by=user, columns=columns, kind="csv")
        exporting.run(export.pk)
        body = export.path.read_text("utf-8-sig")
        assert "T1" in body
        for canary in (*CANARIES, case.number, NOTE, str(adeel), str(mehwish)):
            assert canary not in body, (name, canary)
        assert HINTS.search(body) is None, name


@pytest.mark.parametrize("state", STATES)
def test_a_partners_answer_holds_none_of_the_words(adeel: User, mehwish: User, state: str) -> None:
    in_state(state, adeel, mehwish)
    row = Transaction.objects.get()
    answer = answer_for(
        row,
        text=AnswerText.objects.filter(key=key_of(row)).order_by("-version").first(),
        reasons={one.code: one for one in ReasonCode.objects.all()},
        holidays=frozenset(),
        now=timezone.now(),
        zone=timezone.get_current_timezone(),
    )
    assert word_not_for_partners(answer.text) == ""


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_refusal_says_the_same_whether_or_not_there_is_a_case(request: pytest.FixtureRequest, name: str) -> None:
    case = waiting("T1", "SDN-ZZ-4711")
    client: Client = request.getfixturevalue(f"as_{name}")
    there, absent = client.get(case.get_absolute_url()), client.get("/compliance/cases/C-2026-99999/")
    assert there.status_code == absent.status_code == 403
    pages = [text(one).replace(case.number, "?").replace("C-2026-99999", "?") for one in (there, absent)]
    neutral = [
        re.sub(r'csrfmiddlewaretoken" value="[^"]*"|\d\d:\d\d:\d\d|datetime="[^"]*"', "", page) for page in pages
    ]
    assert neutral[0] == neutral[1]
    assert post(client, case, "decide", do="hits").status_code == 403


def test_a_search_for_a_case_number_leads_to_it_in_compliance_alone(
    as_adeel: Client, as_nadia: Client, request: pytest.FixtureRequest
) -> None:
    case = waiting("T1", "SDN-ZZ-4711")
    for typed in (case.number, f" {case.number.lower().replace('-', ' ')} "):
        for reader in (as_adeel, as_nadia):
            assert f'href="{case.get_absolute_url()}"' in text(reader.post("/search/", {"q": typed}, follow=True))
    missing = "C-2026-99999"
    for name in OUTSIDE:
        client: Client = request.getfixturevalue(f"as_{name}")
        there, absent = (client.post("/search/", {"q": typed}, follow=True) for typed in (case.number, missing))
        assert case.get_absolute_url() not in text(there)
        assert "Number of a case" not in text(there)
        pages = [DRAWN_BY_LOT.sub("", text(one)) for one in (there, absent)]
        plain = [re.sub(r"\d\d:\d\d:\d\d|datetime=\"[^\"]*\"|C-2026-\d+", "", page) for page in pages]
        assert plain[0] == plain[1], name


def test_a_case_of_a_foreign_partner_is_not_found_by_its_number(client: Client) -> None:
    own, foreign = CaseFactory(partner="RIA", branch="1003"), CaseFactory(partner="XPRESS", branch="2001")
    narrow = UserFactory(roles=["Compliance analyst"])
    grant(narrow, PartnerFactory(code="RIA"))
    grant(narrow, BranchFactory(code="1003"))
    client.force_login(narrow, backend="django.contrib.auth.backends.ModelBackend")
    assert own.get_absolute_url() in text(client.post("/search/", {"q": own.number}, follow=True))
    assert foreign.get_absolute_url() not in text(client.post("/search/", {"q": foreign.number}, follow=True))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state", STATES)
def test_what_open_pages_are_told_is_keys_and_versions(
    adeel: User, mehwish: User, listening: Listening, state: str
) -> None:
    """The live stream carries to everybody in scope that something changed, and never what."""
    in_state(state, adeel, mehwish)
    told = [payload for channel, payload in listening.notices() if channel == live.CHANGES]
    assert told
    assert all(set(payload) <= set("[]0123456789,nul") for payload in told), told
