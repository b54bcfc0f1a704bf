"""The whitelist clears one pair and nothing else, visibly; reports to the regulator are officers' and auditors' own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts import maker_checker
from accounts.errors import MissingPermission, Refused
from accounts.models import ApprovalRequest, User
from audit.models import AuditEvent
from compliance import actions
from compliance.evidence import evidence_of
from compliance.models import Case, Report, ReportKind, WhitelistRule
from tests.compliance.test_opening import again
from tests.compliance.test_two_people import seen
from tests.compliance.test_views import _reason, post, taken, text, waiting
from tests.factories.compliance import HitDecisionFactory
from tests.gateway.telling import take_in

pytestmark = pytest.mark.django_db
DOCUMENT = {"remitter": {"fullName": "Zoë Łukasz", "idDetails": {"idType": "PASSPORT", "idNumber": "ZX998877"}}}
WHY = "Passport and date of birth were seen twice."


def cleared(subject: str, by: User) -> Case:
    """A case whose one hit was found to be another person."""
    case = taken(waiting(subject, **DOCUMENT), by)
    HitDecisionFactory(case=case, decided_by=by, reason=_reason())
    return case


def asked_for(case: Case, by: User, months: int = 6) -> ApprovalRequest:
    hit = evidence_of(case, now=timezone.now()).hits[0].hit.pk
    return actions.ask_for_rule(case, by=by, seen=seen(case), hit=hit, months=months, note=WHY)


def agreed(case: Case, by: User, officer: User) -> WhitelistRule:
    maker_checker.approve(asked_for(case, by), by=officer)
    return WhitelistRule.objects.latest("pk")


def standing(case: Case, *, later: timedelta = timedelta(0)) -> Any:
    (one,) = evidence_of(Case.objects.get(pk=case.pk), now=timezone.now() + later).hits
    return one


def test_a_rule_takes_two_people_and_clears_the_same_pair_visibly(as_adeel: Client, adeel: User, mehwish: User) -> None:
    case = cleared("T1", adeel)
    hit = evidence_of(case, now=timezone.now()).hits[0].hit.pk
    assert post(as_adeel, case, "whitelist", hit=hit, months=6, note=WHY).status_code == 302
    assert not WhitelistRule.objects.exists()
    asked = ApprovalRequest.objects.get()
    with pytest.raises(MissingPermission):
        maker_checker.approve(asked, by=adeel)
    maker_checker.approve(asked, by=mehwish)
    rule = WhitelistRule.objects.get()
    assert (rule.requested_by, rule.agreed_by) == (adeel, mehwish)
    second = waiting("T2", **DOCUMENT)
    one = standing(second)
    assert one.is_cleared
    assert one.rule == rule
    page = text(as_adeel.get(second.get_absolute_url()))
    assert f"Cleared by rule {rule}, agreed by" in page
    assert str(mehwish) in page
    assert rule.person_name in text(as_adeel.get("/whitelist/"))


def test_only_a_hit_found_to_be_another_person_gets_a_rule(adeel: User) -> None:
    case = taken(waiting("T1", **DOCUMENT), adeel)
    with pytest.raises(Refused, match="Only a hit that was found to be another person"):
        asked_for(case, adeel)


def test_a_rule_is_overtaken_when_its_decision_has_fallen(adeel: User, mehwish: User) -> None:
    case = cleared("T1", adeel)
    asked = asked_for(case, adeel)
    case.transaction.parties.filter(side="remitter").update(city="Elsewhere")
    with pytest.raises(Refused):
        maker_checker.approve(asked, by=mehwish)
    assert not WhitelistRule.objects.exists()


def test_a_rule_opens_again_when_it_expires(adeel: User, mehwish: User) -> None:
    agreed(cleared("T1", adeel), adeel, mehwish)
    second = waiting("T2", **DOCUMENT)
    one = standing(second, later=timedelta(days=200))
    assert one.is_pending
    assert one.void == "Rule W-1 does not apply: it has expired." or "it has expired" in one.void


def test_a_rule_opens_again_when_the_lists_entry_changes(as_adeel: Client, adeel: User, mehwish: User) -> None:
    agreed(cleared("T1", adeel), adeel, mehwish)
    second = waiting("T2", **DOCUMENT)
    changed = [{"entityId": "SDN-1", "score": "0.91", "threshold": "0.85", "names": ["Zoe L"], "dateOfBirth": "1980"}]
    take_in(again("T2", 7, "SDN-1", hits=changed))
    one = standing(second)
    assert one.is_pending
    assert "does not apply: the list&#x27;s entry has changed since." in text(as_adeel.get(second.get_absolute_url()))


def test_a_rule_opens_again_when_the_partys_data_change(adeel: User, mehwish: User) -> None:
    agreed(cleared("T1", adeel), adeel, mehwish)
    second = waiting("T2", **DOCUMENT)
    second.transaction.parties.filter(side="remitter").update(birth_date="1983-02-04")
    one = standing(second)
    assert one.is_pending
    assert "the party's data have changed since" in one.void


def test_a_rule_does_not_clear_what_was_compared_by_other_fields(adeel: User, mehwish: User) -> None:
    agreed(cleared("T1", adeel), adeel, mehwish)
    second = waiting("T2", **DOCUMENT)
    fields = [{"field": "dateOfBirth", "ours": "1983-02-04", "agreement": "SAME"}]
    hit = {"entityId": "SDN-1", "score": "0.91", "threshold": "0.85", "names": ["Zoe L"], "fields": fields}
    take_in(again("T2", 7, "SDN-1", hits=[hit]))
    assert standing(second).is_pending


def test_a_rule_clears_neither_another_person_nor_another_entry(adeel: User, mehwish: User) -> None:
    agreed(cleared("T1", adeel), adeel, mehwish)
    assert standing(waiting("T2", "SDN-2", **DOCUMENT)).is_pending
    other = {"remitter": {"fullName": "Zoë Łukasz", "idDetails": {"idType": "PASSPORT", "idNumber": "QQ111222"}}}
    assert standing(waiting("T3", **other)).is_pending


def test_one_person_ends_a_rule_with_a_reason(as_adeel: Client, adeel: User, mehwish: User) -> None:
    rule = agreed(cleared("T1", adeel), adeel, mehwish)
    assert as_adeel.post(f"/whitelist/{rule}/end/", {"reason": ""}).status_code == 422
    assert as_adeel.post(f"/whitelist/{rule}/end/", {"reason": "The list was corrected."}).status_code == 302
    assert standing(waiting("T2", **DOCUMENT)).is_pending
    assert as_adeel.post(f"/whitelist/{rule}/end/", {"reason": "Again."}).status_code == 409
    assert rule.person_name in text(as_adeel.get("/whitelist/?state=over"))
    assert AuditEvent.objects.filter(verb="rule_ended").count() == 1


@pytest.mark.parametrize("address", ["/whitelist/?state=x", "/whitelist/?foo=1", "/whitelist/?after=W-77"])
def test_a_filter_of_the_whitelist_that_is_not_known_shows_nothing(
    as_adeel: Client, adeel: User, mehwish: User, address: str
) -> None:
    rule = agreed(cleared("T1", adeel), adeel, mehwish)
    page = text(as_adeel.get(address))
    assert "Remove it" in page
    assert rule.person_name not in page


# -- reports ----------------------------------------------------------------------------------------------------------


def begun(case: Case, by: User) -> Report:
    return actions.begin_report(case, by=by, kind=ReportKind.objects.get(code="STR"), grounds="Strcanary grounds")


def test_an_officer_writes_and_files_a_report_with_its_clock(as_mehwish: Client, as_nadia: Client) -> None:
    case = waiting()
    kind = ReportKind.objects.get(code="STR")
    answer = as_mehwish.post(f"{case.get_absolute_url()}reports/", {"kind": kind.pk, "grounds": "He could not say."})
    report = Report.objects.get()
    assert answer["Location"] == report.get_absolute_url()
    assert report.due_at > timezone.now() + timedelta(days=5)
    page = text(as_mehwish.get(report.get_absolute_url()))
    assert "He could not say." in page
    assert (
        as_mehwish.post(report.get_absolute_url(), {"revision": 1, "grounds": "He could not say who."}).status_code
        == 302
    )
    assert as_mehwish.post(report.get_absolute_url(), {"revision": 1, "grounds": "Late."}).status_code == 409
    now = timezone.localtime(timezone=ZoneInfo("Asia/Karachi"))
    fields = {"revision": 2, "reference": "FMU-991", "day": f"{now:%Y-%m-%d}", "time": f"{now:%H:%M}"}
    document = SimpleUploadedFile("goaml.pdf", b"%PDF-1.4 report")
    assert as_mehwish.post(f"{report.get_absolute_url()}files/", {"file": document}).status_code == 302
    assert as_mehwish.post(f"{report.get_absolute_url()}filed/", fields).status_code == 302
    report.refresh_from_db()
    assert (report.state, report.reference) == ("FILED", "FMU-991")
    assert report.history.count() == 3
    again_ = as_mehwish.post(f"{report.get_absolute_url()}filed/", fields | {"revision": 3})
    assert again_.status_code == 409
    assert "FMU-991" in text(as_nadia.get(report.get_absolute_url()))
    assert as_nadia.post(report.get_absolute_url(), {"revision": 3, "grounds": "x"}).status_code == 403


@pytest.mark.parametrize("name", ["adeel", "omar", "sana", "hina", "tariq", "rabia", "bilal", "admin"])
def test_nobody_else_learns_that_there_is_a_report(request: pytest.FixtureRequest, mehwish: User, name: str) -> None:
    case = waiting()
    report = begun(case, mehwish)
    actions.add_file(case, by=mehwish, name="goaml.pdf", content=b"%PDF-1.4 strcanary", report=report)
    file = case.files.get()
    client: Client = request.getfixturevalue(f"as_{name}")
    assert client.get(report.get_absolute_url()).status_code == 403
    for address in (
        "/",
        "/compliance/",
        case.get_absolute_url(),
        "/transactions/",
        "/transactions/T1/",
        "/transactions/T1/audit/",
        "/transactions/T1/notes/",
        "/transactions/T1/timeline/",
        f"{case.get_absolute_url()}files/{file.sha256}/",
        "/account/",
    ):
        page = text(client.get(address, follow=True))
        for word in (report.number, "Strcanary", "goaml", "Reports to the regulator", "suspicious"):
            assert word not in page, (address, word)
    answer = client.post("/search/", {"q": report.number}, follow=True)
    assert "Report" not in text(answer).replace("Reports", "") or report.get_absolute_url() not in text(answer)


def test_the_trail_of_the_case_that_an_analyst_reads_does_not_speak_of_a_report(
    as_adeel: Client, as_mehwish: Client, mehwish: User
) -> None:
    case = waiting()
    report = begun(case, mehwish)
    assert report.number not in text(as_adeel.get(case.get_absolute_url()))
    assert report.number in text(as_mehwish.get(case.get_absolute_url()))
    assert AuditEvent.objects.filter(verb="report_begun", object_id=report.number).exists()
