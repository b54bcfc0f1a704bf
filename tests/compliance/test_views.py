"""The queue and the page of a case, through HTTP: who gets which case, what is said of hits, what is refused."""

from __future__ import annotations

from datetime import timedelta
from html import escape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import ApprovalRequest, Notification, User
from audit.models import AuditEvent
from compliance.comparing import agreement
from compliance.evidence import evidence_of
from compliance.models import Case, CaseFile, DecisionReason, HitDecision
from compliance.vocabulary import Priority, Verdict
from tests.compliance.test_opening import again
from tests.factories.accounts import BranchFactory, PartnerFactory, UserFactory, grant
from tests.factories.compliance import CaseFactory, HitDecisionFactory
from tests.gateway.telling import paid, received, screened, stage, take_in
from transactions.models import Note, ReasonCode, Transaction

pytestmark = pytest.mark.django_db
NOTE = "Compared passport and date of birth with the list."


def waiting(subject: str = "T1", *entities: str, **changes: Any) -> Case:
    """A case about a transaction in which these entries of a list were found."""
    PartnerFactory(code="RIA")
    hits = [
        {"entityId": one, "score": "0.91", "threshold": "0.85", "names": ["Zoe L"]} for one in entities or ["SDN-1"]
    ]
    take_in(
        received(subject, **changes),
        stage(subject, 2, "intake"),
        stage(subject, 3, "validation"),
        stage(subject, 4, "title_fetch"),
        screened(subject, 5, status="HITS", hits=hits),
        stage(subject, 6, "screening", "REVIEW"),
    )
    return Case.objects.get(transaction__txn_id=subject)


def form_of(case: Case, **fields: Any) -> dict[str, Any]:
    """What a form of the case carries when it is read now."""
    case.refresh_from_db()
    seen = {"revision": case.revision, "tx_version": case.transaction.version, "key": ""}
    return seen | {name.replace("_", "-") if name.startswith("hit") else name: value for name, value in fields.items()}


def said(case: Case, entity: str = "SDN-1", verdict: str = "NOT_SAME", reason: str = "NS-DOB") -> dict[str, str]:
    pk = next(one.hit.pk for one in evidence_of(case, now=timezone.now()).hits if one.hit.entity_id == entity)
    return {f"hit-{pk}": verdict, f"hit-{pk}-reason": reason}


def taken(case: Case, by: User) -> Case:
    Case.objects.filter(pk=case.pk).update(assignee=by)
    case.refresh_from_db()
    return case


def post(client: Client, case: Case, deed: str, **fields: Any) -> HttpResponse:
    return client.post(f"{case.get_absolute_url()}{deed}/", form_of(case) | fields)  # type: ignore[return-value]


def text(answer: HttpResponse) -> str:
    return " ".join(answer.content.decode().split())


# -- the queue --------------------------------------------------------------------------------------------------------


def test_the_queue_shows_what_is_over_its_limit_first(as_adeel: Client) -> None:
    late, later = CaseFactory(age=timedelta(hours=6)), CaseFactory(age=timedelta(minutes=5))
    page = text(as_adeel.get("/compliance/"))
    assert page.index(late.number) < page.index(later.number)
    assert "2 open" in page
    assert "1 over the limit" in page


def test_take_next_assigns_the_most_urgent_and_leads_to_it(as_adeel: Client, adeel: User) -> None:
    late, _ = CaseFactory(age=timedelta(hours=6)), CaseFactory(age=timedelta(minutes=5))
    answer = as_adeel.post("/compliance/next/")
    assert answer.status_code == 302
    assert answer["Location"].startswith(late.get_absolute_url())
    late.refresh_from_db()
    assert late.assignee == adeel
    assert AuditEvent.objects.filter(verb="case_taken", object_id=late.number).count() == 1
    assert late.history.count() == 2


def test_take_next_keeps_to_the_filters_that_are_on(as_adeel: Client) -> None:
    CaseFactory(age=timedelta(hours=6))
    title = CaseFactory(kind="review:title_close", age=timedelta(minutes=5))
    answer = as_adeel.post("/compliance/next/", {"queue": "title"})
    assert title.number in answer["Location"]
    assert as_adeel.post("/compliance/next/", {"queue": "title"})["Location"] == "/compliance/?queue=title"


def test_a_filter_that_is_not_known_takes_no_case(as_adeel: Client) -> None:
    case = CaseFactory()
    as_adeel.post("/compliance/next/", {"queue": "nonsense"})
    case.refresh_from_db()
    assert case.assignee is None


def test_what_is_put_aside_or_on_hold_or_not_to_be_worked_on_is_not_taken(as_adeel: Client, adeel: User) -> None:
    held, asleep = CaseFactory(), CaseFactory()
    Case.objects.filter(pk=held.pk).update(held_since=timezone.now())
    Case.objects.filter(pk=asleep.pk).update(snoozed_until=timezone.now() + timedelta(hours=1))
    assert as_adeel.post("/compliance/next/")["Location"] == "/compliance/"
    Case.objects.filter(pk=asleep.pk).update(snoozed_until=timezone.now() - timedelta(seconds=1))
    assert asleep.number in as_adeel.post("/compliance/next/")["Location"]


def test_somebody_with_a_narrow_scope_neither_sees_nor_takes_foreign_cases(client: Client) -> None:
    own, foreign = CaseFactory(partner="RIA", branch="1003"), CaseFactory(partner="XPRESS", branch="2001")
    person = UserFactory(roles=["Compliance analyst"])
    grant(person, PartnerFactory(code="RIA"))
    grant(person, BranchFactory(code="1003"))
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    page = text(client.get("/compliance/"))
    assert own.number in page
    assert foreign.number not in page
    assert "1 open" in page
    absent = client.get("/compliance/cases/C-2026-99999/")
    there = client.get(foreign.get_absolute_url())
    assert (there.status_code, absent.status_code) == (404, 404)
    assert client.post("/compliance/next/")["Location"].startswith(own.get_absolute_url())
    assert client.post("/compliance/next/")["Location"] == "/compliance/"


@pytest.mark.parametrize(
    "address", ["?queue=xx", "?foo=1", "?tab=none", "?after=C-1", "?priority=9", "?queue=title&queue=fields"]
)
def test_a_filter_that_is_not_known_shows_no_rows_and_can_be_removed(as_adeel: Client, address: str) -> None:
    case = CaseFactory()
    answer = as_adeel.get(f"/compliance/{address}")
    assert answer.status_code == 200
    assert "Remove it" in text(answer)
    assert case.number not in text(answer)


def test_the_periods_of_the_queue_are_chosen_or_typed_as_everywhere(as_adeel: Client) -> None:
    old, new = CaseFactory(age=timedelta(days=40)), CaseFactory()
    page = text(as_adeel.get("/compliance/?opened=7d"))
    assert '<option value="7d" selected>Last 7 days</option>' in page
    assert 'name="opened_from" size="11" placeholder="22 Nov 2026"' in page
    assert 'name="ended_to" size="11" placeholder="22 Nov 2026"' in page
    assert "Opened: Last 7 days" in page
    assert (new.number in page, old.number in page) == (True, False)
    until = f"{timezone.now() - timedelta(days=30):%d %b %Y}"
    typed = text(as_adeel.get("/compliance/", {"opened": "", "opened_from": "", "opened_to": until}))
    assert (new.number in typed, old.number in typed) == (False, True)
    assert f'name="opened_to" size="11" placeholder="22 Nov 2026" autocomplete="off" value="{until}"' in typed


def test_a_period_of_the_queue_that_is_none_is_told_what_one_looks_like(as_adeel: Client) -> None:
    case = CaseFactory()
    page = text(as_adeel.get("/compliance/?opened_from=soon"))
    assert "Opened: Enter a date like 22 Nov 2026." in page
    assert 'value="soon"' in page
    assert case.number not in page


@pytest.mark.parametrize("tab", ["team", "unassigned", "mine", "approval", "hold", "snoozed", "closed"])
def test_every_part_of_the_queue_has_an_address(as_adeel: Client, tab: str) -> None:
    CaseFactory()
    assert as_adeel.get(f"/compliance/?tab={tab}").status_code == 200


def test_pages_of_the_queue_show_every_case_once(as_adeel: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compliance.filters.PAGE", 2)
    numbers = {CaseFactory(age=timedelta(minutes=n + 1)).number for n in range(5)}
    seen: list[str] = []
    address = "/compliance/"
    for _ in range(3):
        answer = as_adeel.get(address)
        seen += [case.number for case in answer.context["query"].page]
        address = f"/compliance/{answer.context['query'].later_url or ''}"
    assert len(seen) == 5
    assert set(seen) == numbers


@pytest.mark.parametrize("name", ["omar", "sana", "hina", "tariq", "rabia", "bilal", "admin"])
def test_nobody_outside_compliance_opens_the_desk(request: pytest.FixtureRequest, name: str) -> None:
    case = CaseFactory()
    client = request.getfixturevalue(f"as_{name}")
    for address in ("/compliance/", case.get_absolute_url(), "/compliance/cases/C-2026-99999/"):
        assert client.get(address).status_code == 403
    assert client.post("/compliance/next/").status_code == 403


def test_the_auditor_reads_cases_and_changes_none(as_nadia: Client) -> None:
    case = CaseFactory()
    page = text(as_nadia.get(case.get_absolute_url()))
    assert "You can read this case." in page
    assert "Send decision" not in page
    for deed in ("claim", "let-go", "snooze", "wake", "resume", "arrange", "files", "decide"):
        assert post(as_nadia, case, deed).status_code == 403
    assert as_nadia.post("/compliance/next/").status_code == 403


def test_the_menu_counts_what_waits_for_me_and_my_team(as_adeel: Client, mehwish: User) -> None:
    CaseFactory()
    taken(CaseFactory(), mehwish)
    page = text(as_adeel.get("/account/"))
    assert 'data-count="/compliance/">1<span class="visually-hidden"> waiting</span>' in page


def test_an_analyst_begins_the_day_with_the_queue(as_adeel: Client, as_mehwish: Client) -> None:
    assert as_adeel.get("/start/")["Location"] == "/compliance/"
    assert as_mehwish.get("/start/")["Location"] == "/compliance/"


# -- hits -------------------------------------------------------------------------------------------------------------


def test_confirming_one_hit_leaves_the_others_pending(as_adeel: Client, adeel: User) -> None:
    case = taken(waiting("T1", "SDN-1", "SDN-2"), adeel)
    answer = post(as_adeel, case, "decide", do="hits", **said(case, "SDN-1", "SAME", "SM-ALL"))
    assert answer.status_code == 302
    evidence = evidence_of(Case.objects.get(), now=timezone.now())
    assert [one.verdict for one in evidence.hits] == ["", "SAME"]
    decision = HitDecision.objects.get()
    assert (decision.decided_by, decision.verdict, decision.entity_id) == (adeel, Verdict.SAME, "SDN-1")
    entry = AuditEvent.objects.filter(verb="hits_decided").get()
    assert entry.said["facts"]["decided"][0]["hit"] == "SDN-1"


def test_a_hit_is_decided_with_a_reason_of_its_kind(as_adeel: Client, adeel: User) -> None:
    case = taken(waiting(), adeel)
    for reason in ("", "SM-ALL", "nonsense"):
        answer = post(as_adeel, case, "decide", do="hits", **said(case, "SDN-1", "NOT_SAME", reason))
        assert answer.status_code == 422
        assert "<title>Error:" in answer.content.decode()
        assert "Choose a reason for" in text(answer)
    assert not HitDecision.objects.exists()


def test_a_decision_with_an_unanswered_hit_names_it_and_keeps_the_note(as_adeel: Client, adeel: User) -> None:
    case = taken(waiting("T1", "SDN-1", "SDN-2"), adeel)
    answer = post(as_adeel, case, "decide", outcome="release", reason="RL-FALSE", note=NOTE, **said(case, "SDN-1"))
    assert answer.status_code == 422
    page = text(answer)
    assert "Hit SDN-2 of OFAC SDN on the remitter is not decided yet" in page
    assert NOTE in page
    assert f'href="#hit-{evidence_of(case, now=timezone.now()).hits[1].hit.pk}"' in page
    assert not HitDecision.objects.exists()


def test_only_who_has_the_case_decides_its_hits(as_mehwish: Client, adeel: User) -> None:
    case = taken(waiting(), adeel)
    answer = post(as_mehwish, case, "decide", do="hits", **said(case))
    assert answer.status_code == 409
    assert f"{adeel} works on {case.number}. Assign it to yourself first." in text(answer)
    assert not HitDecision.objects.exists()
    assert AuditEvent.objects.filter(verb="refused", object_id=case.number).exists()


def test_a_hit_that_is_not_of_this_case_is_refused(as_adeel: Client, adeel: User) -> None:
    case, other = taken(waiting("T1"), adeel), waiting("T2")
    answer = post(as_adeel, case, "decide", do="hits", **said(other))
    assert answer.status_code == 409
    assert not HitDecision.objects.exists()


def test_a_new_check_with_one_new_hit_voids_nothing_else(adeel: User) -> None:
    case = taken(waiting("T1", "SDN-1"), adeel)
    HitDecisionFactory(case=case, decided_by=adeel)
    take_in(again("T1", 7, "SDN-1", "SDN-2", hits=[
        {"entityId": one, "score": "0.91", "threshold": "0.85", "names": ["Zoe L"]} for one in ("SDN-1", "SDN-2")
    ]))  # fmt: skip
    evidence = evidence_of(Case.objects.get(), now=timezone.now())
    by_entity = {one.hit.entity_id: one for one in evidence.hits}
    assert by_entity["SDN-1"].is_cleared
    assert not by_entity["SDN-1"].is_new
    assert by_entity["SDN-2"].is_pending
    assert by_entity["SDN-2"].is_new


def test_a_changed_list_entry_voids_the_decision_on_it_visibly(as_adeel: Client, adeel: User) -> None:
    case = taken(waiting("T1", "SDN-1"), adeel)
    HitDecisionFactory(case=case, decided_by=adeel)
    changed = [{"entityId": "SDN-1", "score": "0.91", "names": ["Zoe L"], "dateOfBirth": "1980"}]
    take_in(again("T1", 7, "SDN-1", hits=changed))
    (standing,) = evidence_of(Case.objects.get(), now=timezone.now()).hits
    assert standing.is_pending
    page = text(as_adeel.get(case.get_absolute_url()))
    assert f"{adeel} had decided it. The list&#x27;s entry has changed since." in page


def test_a_changed_date_of_birth_voids_that_partys_decisions_only(adeel: User) -> None:
    case = taken(waiting("T1", "SDN-1"), adeel)
    take_in(screened("T1", 7, status="HITS", party="RECEIVER"))
    first, second = evidence_of(case, now=timezone.now()).hits
    for standing in (first, second):
        HitDecision.objects.create(
            case=case, **standing.as_decided(), verdict="NOT_SAME", decided_by=adeel, reason=_reason()
        )
    assert not evidence_of(case, now=timezone.now()).pending
    Transaction.objects.get().parties.filter(side="remitter").update(birth_date="1984-02-04")
    (pending,) = evidence_of(Case.objects.get(), now=timezone.now()).pending
    assert pending.side == "remitter"
    assert "The party's data have changed since." in pending.void


def _reason() -> DecisionReason:
    return DecisionReason.objects.get(code="NS-DOB")


def test_the_same_pair_in_another_case_is_shown_with_who_said_what(as_adeel: Client, adeel: User) -> None:
    document = {"remitter": {"fullName": "Zoë Łukasz", "idDetails": {"idType": "PASSPORT", "idNumber": "ZX998877"}}}
    first, second = waiting("T1", **document), waiting("T2", **document)
    HitDecisionFactory(case=first, decided_by=adeel, reason=_reason())
    page = text(as_adeel.get(second.get_absolute_url()))
    assert "Not the same person in" in page
    assert first.number in page
    assert "1 other transaction" in page


# -- two people at once -----------------------------------------------------------------------------------------------


def test_a_form_that_was_read_before_the_last_change_is_refused_with_what_changed(
    as_adeel: Client, as_mehwish: Client, adeel: User, mehwish: User
) -> None:
    case = taken(waiting(), adeel)
    old = form_of(case, outcome="hold", reason="HD-PARTNER", note=NOTE)
    assert post(as_mehwish, case, "claim").status_code == 302
    answer = as_adeel.post(f"{case.get_absolute_url()}decide/", old)
    assert answer.status_code == 409
    page = text(answer)
    assert f"{case.number} changed while you were reading" in page
    assert str(mehwish) in page
    assert NOTE in page
    case.refresh_from_db()
    assert case.held_since is None


def test_the_same_form_sent_twice_counts_once(as_adeel: Client, adeel: User) -> None:
    case = taken(waiting(), adeel)
    form = form_of(case, do="hits", **said(case)) | {"key": "7f9c24e8-0000-4000-8000-000000000001"}
    address = f"{case.get_absolute_url()}decide/"
    assert as_adeel.post(address, form).status_code == 302
    again = as_adeel.post(address, form, follow=True)
    assert "This was already received at" in text(again)
    assert HitDecision.objects.count() == 1
    assert AuditEvent.objects.filter(verb="hits_decided").count() == 1


def test_a_form_without_its_revision_is_refused(as_adeel: Client, adeel: User) -> None:
    case = taken(waiting(), adeel)
    answer = as_adeel.post(f"{case.get_absolute_url()}decide/", {"do": "hits", **said(case)})
    assert answer.status_code == 409
    assert not HitDecision.objects.exists()


def test_a_case_that_the_platform_closed_meanwhile_is_refused(as_adeel: Client, adeel: User) -> None:
    case = taken(waiting(), adeel)
    old = form_of(case, do="hits", **said(case))
    take_in(stage("T1", 7, "compliance_review"))
    assert as_adeel.post(f"{case.get_absolute_url()}decide/", old).status_code == 409
    answer = post(as_adeel, case, "claim")
    assert answer.status_code == 409
    assert "was closed on" in text(answer)


def test_a_closed_case_asks_nobody_to_decide_on_its_hits(as_adeel: Client) -> None:
    case = waiting()
    assert "1 to decide of 1" in text(as_adeel.get(case.get_absolute_url()))
    take_in(stage("T1", 7, "compliance_review"))
    page = text(as_adeel.get(case.get_absolute_url()))
    assert "Nobody decided on it here before the case ended." in page
    assert "to decide" not in page
    assert "Not decided yet" not in page


@pytest.mark.parametrize(
    ("word", "ours", "theirs", "said"),
    [
        ("", "Pakistan (PK)", "PAKISTAN (PK)", "Same"),
        ("", "Pakistan (PK)", "Syria (SY)", "Cannot compare"),
        ("MISSING", "Pakistan (PK)", "Pakistan (PK)", "Cannot compare"),
        ("", "", "", "Cannot compare"),
        ("", "Pakistan (PK)", "", "Only ours"),
        ("DIFFERENT", "Pakistan (PK)", "Pakistan (PK)", "Differs"),
    ],
)
def test_equal_values_that_the_platform_did_not_compare_are_the_same(
    word: str, ours: str, theirs: str, said: str
) -> None:
    assert agreement(word, ours, theirs) == said


# -- hold, escalate, put aside ----------------------------------------------------------------------------------------


def test_a_hold_stops_the_clock_and_its_end_gives_the_time_back(as_adeel: Client, adeel: User) -> None:
    case = taken(CaseFactory(), adeel)
    due = case.due_at
    assert post(as_adeel, case, "decide", outcome="hold", reason="HD-PARTNER", note=NOTE).status_code == 302
    case.refresh_from_db()
    assert case.is_on_hold
    assert "paused," in text(as_adeel.get("/compliance/?tab=hold"))
    assert Note.objects.get().compliance_only
    Case.objects.filter(pk=case.pk).update(held_since=timezone.now() - timedelta(hours=2))
    assert post(as_adeel, case, "resume").status_code == 302
    case.refresh_from_db()
    assert not case.is_on_hold
    assert timedelta(hours=2) <= case.due_at - due < timedelta(hours=2, minutes=1)


def test_an_escalated_case_is_urgent_and_back_in_the_queue(as_adeel: Client, adeel: User) -> None:
    case = taken(CaseFactory(), adeel)
    post(as_adeel, case, "decide", outcome="escalate", reason="ES-MATCH", note=NOTE)
    case.refresh_from_db()
    assert (case.assignee, case.priority) == (None, Priority.URGENT)
    assert case.escalated_at is not None


def test_a_case_put_aside_comes_back_by_itself(as_adeel: Client, adeel: User) -> None:
    case = taken(CaseFactory(), adeel)
    tomorrow = timezone.localtime() + timedelta(days=1)
    fields = {"until_day": f"{tomorrow:%Y-%m-%d}", "until_time": "09:00", "reason": "The branch answers tomorrow."}
    assert post(as_adeel, case, "snooze", **fields).status_code == 302
    now = timezone.now()
    assert not Case.objects.waiting(now).exists()
    assert Case.objects.waiting(now + timedelta(days=2)).exists()
    assert post(as_adeel, case, "wake").status_code == 302
    assert Case.objects.waiting(timezone.now()).exists()


@pytest.mark.parametrize("day", ["2020-01-01", "never", "2031-01-01", ""])
def test_a_case_is_put_aside_for_days_and_not_for_ever(as_adeel: Client, day: str) -> None:
    case = CaseFactory()
    answer = post(as_adeel, case, "snooze", until_day=day, until_time="09:00", reason="Later.")
    assert answer.status_code == 422
    assert "Later." in text(answer)


def test_priority_and_tags_are_set_with_what_they_were(as_adeel: Client) -> None:
    case = CaseFactory()
    assert post(as_adeel, case, "arrange", priority="1", tags="passport second-look").status_code == 302
    case.refresh_from_db()
    assert (case.priority, case.tags) == (1, ["passport", "second-look"])
    entry = AuditEvent.objects.filter(verb="case_arranged").get()
    assert entry.said["before"]["priority"] == "Normal"
    assert post(as_adeel, case, "arrange", priority="1", tags="<b>").status_code == 422


def test_a_case_about_a_payment_that_was_made_is_recorded(as_adeel: Client, adeel: User) -> None:
    PartnerFactory(code="RIA")
    take_in(paid(), screened("T1", 9, status="HITS", timing="POST"))
    case = taken(Case.objects.get(), adeel)
    assert "Release the payment" not in text(as_adeel.get(case.get_absolute_url()))
    early = post(as_adeel, case, "decide", outcome="record", reason="RC-KNOWN", note=NOTE)
    assert early.status_code == 422
    post(as_adeel, case, "decide", do="hits", **said(case))
    assert post(as_adeel, case, "decide", outcome="record", reason="RC-KNOWN", note=NOTE).status_code == 302
    case.refresh_from_db()
    assert case.outcome == "recorded"


# -- documents --------------------------------------------------------------------------------------------------------


def test_a_document_is_kept_whole_and_its_download_is_recorded(as_adeel: Client, as_nadia: Client) -> None:
    case = CaseFactory()
    content = b"%PDF-1.4 invented"
    upload = SimpleUploadedFile("../../etc/pass port.pdf", content, content_type="text/html")
    assert post(as_adeel, case, "files", file=upload).status_code == 302
    kept = CaseFile.objects.get()
    assert (kept.name, kept.content_type) == ("pass port.pdf", "application/pdf")
    answer = as_nadia.get(f"{case.get_absolute_url()}files/{kept.sha256}/")
    assert answer.content == content
    assert answer["Content-Disposition"].startswith("attachment;")
    assert AuditEvent.objects.filter(verb="file_read", actor="nadia").count() == 1
    upload.seek(0)
    assert "This document is here already." in text(post(as_adeel, case, "files", file=upload))


@pytest.mark.parametrize(
    "content", [b"<html><script>alert(1)</script>", b"PK\x03\x04 zip", b"", b"%PDF-" + b"x" * 5_300_000]
)
def test_anything_but_a_small_document_is_refused_in_words(as_adeel: Client, content: bytes) -> None:
    case = CaseFactory()
    answer = post(as_adeel, case, "files", file=SimpleUploadedFile("a.pdf", content))
    assert answer.status_code == 422
    assert not CaseFile.objects.exists()


# -- who is told ------------------------------------------------------------------------------------------------------


def told(user: User) -> list[str]:
    fresh = User.objects.get(pk=user.pk)
    return [one.sentence for one in Notification.objects.visible_to(fresh).unread().newest_first()]


def test_officers_hear_of_an_escalated_case_until_somebody_takes_it_and_nobody_else_does(
    as_adeel: Client, adeel: User, as_mehwish: Client, mehwish: User, yusuf: User, omar: User, nadia: User
) -> None:
    case = taken(CaseFactory(), adeel)
    post(as_adeel, case, "decide", outcome="escalate", reason="ES-MATCH", note=NOTE)
    sentence = f"{adeel} escalated {case.number}: "
    assert [len(told(one)) for one in (mehwish, yusuf, adeel, omar, nadia)] == [1, 1, 0, 0, 0]
    assert told(mehwish)[0].startswith(sentence)

    post(as_mehwish, case, "claim")
    assert told(yusuf) == told(mehwish) == []


def test_whoever_loses_a_case_to_a_colleague_hears_of_it(as_mehwish: Client, adeel: User, mehwish: User) -> None:
    case = taken(CaseFactory(), adeel)
    post(as_mehwish, case, "claim")
    assert told(adeel) == [f"{mehwish} took over {case.number} from you"]


def test_a_note_is_offered_to_whoever_may_write_one(as_adeel: Client, as_nadia: Client) -> None:
    case = waiting()
    assert "Add a note" in text(as_adeel.get(case.get_absolute_url()))
    assert "Add a note" not in text(as_nadia.get(case.get_absolute_url()))


def test_the_case_and_its_second_person_read_what_the_platform_gave_as_the_reason(
    as_adeel: Client, adeel: User, as_mehwish: Client
) -> None:
    PartnerFactory(code="RIA")
    take_in(
        received("T1"), stage("T1", 2, "intake"), stage("T1", 3, "validation", "FAILED", code="BE04"),
        stage("T1", 4, "compliance_review", "STARTED", code="BE04"),
    )  # fmt: skip
    case = taken(Case.objects.get(), adeel)
    sentence = escape(ReasonCode.objects.get(code="BE04").sentence)
    assert sentence in text(as_adeel.get(case.get_absolute_url()))
    post(as_adeel, case, "decide", outcome="release", reason="RL-FALSE", note=NOTE)
    request = ApprovalRequest.objects.get()
    assert sentence in text(as_mehwish.get(f"/approvals/{request.number}/"))
