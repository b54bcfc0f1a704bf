"""Release and reject: proposed by one, agreed on by another, by evidence; the platform is asked for exactly that."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import maker_checker
from accounts.errors import MissingPermission, Refused
from accounts.models import ApprovalRequest, User
from audit.models import AuditEvent
from compliance import actions, guards
from compliance.actions import Seen, Word
from compliance.evidence import evidence_of
from compliance.models import Case, DecisionReason, HitDecision
from compliance.vocabulary import Verdict
from tests.compliance.test_opening import again
from tests.compliance.test_views import NOTE, post, said, taken, text, waiting
from tests.factories.compliance import CaseFactory
from tests.gateway.telling import screened, stage, take_in
from tests.people import person
from transactions.models import Command, Transaction

pytestmark = pytest.mark.django_db
RELEASE = {"outcome": "release", "reason": "RL-FALSE", "note": NOTE}
REJECT = {"outcome": "reject", "reason": "RJ-MATCH", "note": NOTE}


def seen(case: Case) -> Seen:
    case.refresh_from_db()
    return Seen(case.revision, Transaction.objects.get(pk=case.transaction_id).version, "")


def reason(code: str) -> DecisionReason:
    return DecisionReason.objects.get(code=code)


def proposed(case: Case, by: User, outcome: str = "release", code: str = "RL-FALSE") -> ApprovalRequest:
    """A case whose hits are cleared, or not, and on which `by` asks for a second person."""
    taken(case, by)
    words = (
        {one.hit.pk: Word(Verdict.NOT_SAME, "NS-DOB") for one in evidence_of(case, now=timezone.now()).pending}
        if outcome == "release"
        else {}
    )
    return actions.propose(case, by=by, seen=seen(case), outcome=outcome, reason=reason(code), note=NOTE, words=words)


def test_a_release_goes_to_the_platform_once_a_second_person_agreed(
    as_adeel: Client, adeel: User, mehwish: User
) -> None:
    case = taken(waiting(), adeel)
    answer = post(as_adeel, case, "decide", **RELEASE, **said(case))
    assert answer.status_code == 302
    assert not Command.objects.exists()
    asked = ApprovalRequest.objects.get()
    assert (asked.operation, asked.object_id, asked.maker, asked.note) == ("release", case.number, adeel, NOTE)
    page = text(as_adeel.get(case.get_absolute_url()))
    assert "Waiting for second approval since" in page
    assert "You cannot approve your own decision." in page
    assert "Send decision" not in page
    maker_checker.approve(asked, by=mehwish, note="Agreed.")
    command = Command.objects.get()
    assert (command.kind, command.maker, command.checker, command.people_required) == ("release", adeel, mehwish, 2)
    assert command.payload == {"case": case.number}
    case.refresh_from_db()
    assert case.is_open, "the platform closes it, by its event"
    take_in(stage("T1", 7, "compliance_review"))
    case.refresh_from_db()
    assert case.outcome == "released"


def test_a_rejection_carries_the_reason_code_of_the_platform(adeel: User, mehwish: User) -> None:
    asked = proposed(waiting(), adeel, "reject", "RJ-MATCH")
    maker_checker.approve(asked, by=mehwish)
    command = Command.objects.get()
    assert (command.kind, command.reason_code) == ("reject", "FR01")


@pytest.mark.parametrize(
    ("verdict", "code", "sentence"),
    [
        (None, "", "The hit SDN-2 of OFAC SDN on the remitter is not decided yet."),
        (Verdict.NEED_INFORMATION, "NI-DOB", "The hit SDN-2 of OFAC SDN on the remitter still needs information."),
        (Verdict.SAME, "SM-ALL", "The hit SDN-2 of OFAC SDN on the remitter is the same person"),
    ],
)
def test_no_release_past_a_hit_that_is_not_somebody_else_at_any_door(
    as_adeel: Client, adeel: User, mehwish: User, verdict: Verdict | None, code: str, sentence: str
) -> None:
    case = taken(waiting("T1", "SDN-1", "SDN-2"), adeel)
    words = {}
    for one in evidence_of(case, now=timezone.now()).hits:
        if one.hit.entity_id == "SDN-1":
            words[one.hit.pk] = Word(Verdict.NOT_SAME, "NS-DOB")
        elif verdict:
            words[one.hit.pk] = Word(verdict, code)
    actions.decide_hits(case, by=adeel, seen=seen(case), words=words)
    with pytest.raises(Refused) as refusal:  # by function call
        actions.propose(
            case, by=adeel, seen=seen(case), outcome="release", reason=reason("RL-FALSE"), note=NOTE, words={}
        )
    assert sentence in refusal.value.sentence
    answer = post(as_adeel, case, "decide", **RELEASE)  # by a crafted form
    assert answer.status_code in (409, 422)
    assert sentence.removeprefix("The ").rstrip(".") in text(answer).replace("Hit SDN", "hit SDN")
    asked = maker_checker.request(  # past the desk's own action: the second person's decision asks again
        "release", Case.objects.get(pk=case.pk), by=adeel, summary="Release", object_id=case.number
    )
    with pytest.raises(Refused) as overtaken:
        maker_checker.approve(asked, by=mehwish)
    assert sentence in overtaken.value.sentence
    assert not Command.objects.exists()


def test_no_release_of_what_was_not_screened(adeel: User) -> None:
    case = taken(CaseFactory(kind="review:unavailable"), adeel)
    with pytest.raises(Refused, match="was not screened"):
        actions.propose(
            case, by=adeel, seen=seen(case), outcome="release", reason=reason("RL-CHECKED"), note=NOTE, words={}
        )


def test_the_proposal_takes_the_hits_of_its_own_form_or_nothing(as_adeel: Client, adeel: User) -> None:
    case = taken(waiting("T1", "SDN-1", "SDN-2"), adeel)
    taken_in = {**said(case, "SDN-1"), **said(case, "SDN-2", "SAME", "SM-ALL")}
    answer = post(as_adeel, case, "decide", **RELEASE, **taken_in)
    assert answer.status_code == 409
    assert not HitDecision.objects.exists(), "the release was refused, so nothing of the form is kept"
    assert not ApprovalRequest.objects.exists()


@pytest.mark.parametrize("name", ["adeel", "omar", "sana", "nadia", "rabia", "admin"])
def test_nobody_but_another_officer_agrees(name: str, adeel: User) -> None:
    asked = proposed(waiting(), adeel)
    with pytest.raises((Refused, MissingPermission)):
        maker_checker.approve(asked, by=person(name))
    assert not Command.objects.exists()


def test_an_officer_does_not_agree_with_herself_through_another_account(mehwish: User, yusuf: User) -> None:
    asked = proposed(waiting(), mehwish)
    User.objects.filter(pk=yusuf.pk).update(person_key=mehwish.person_key)
    with pytest.raises(Refused, match="Someone else"):
        maker_checker.approve(asked, by=User.objects.get(pk=yusuf.pk))


def test_after_a_disagreement_a_third_person_decides(adeel: User, mehwish: User, yusuf: User) -> None:
    case = waiting()
    first = proposed(case, adeel)
    maker_checker.send_back(first, by=mehwish, note="The passport is not the one of the list's photograph.")
    assert not Command.objects.exists()
    second = actions.propose(
        case, by=adeel, seen=seen(case), outcome="release", reason=reason("RL-FALSE"), note=NOTE, words={}
    )
    assert "A third person must decide" in maker_checker.why_not_decide(second, mehwish)
    with pytest.raises(Refused, match="A third person must decide"):
        maker_checker.approve(second, by=mehwish)
    maker_checker.approve(second, by=yusuf)
    assert Command.objects.get().checker == yusuf


def test_who_disagreed_does_not_become_the_one_who_decides_by_asking_anew(
    adeel: User, mehwish: User, yusuf: User
) -> None:
    case = waiting()
    maker_checker.reject(proposed(case, adeel), by=mehwish, note="I do not agree with this at all.")
    second = proposed(case, yusuf)
    with pytest.raises(Refused, match="A third person must decide"):
        maker_checker.approve(second, by=mehwish)


def test_both_sides_of_a_disagreement_stand_on_the_case(as_yusuf: Client, adeel: User, mehwish: User) -> None:
    case = waiting()
    maker_checker.send_back(proposed(case, adeel), by=mehwish, note="The photograph says otherwise.")
    page = text(as_yusuf.get(case.get_absolute_url()))
    assert NOTE in page
    assert "The photograph says otherwise." in page
    assert "Two people did not agree on this case." in page


def test_a_new_check_overtakes_what_waits_for_a_second_person(adeel: User, mehwish: User) -> None:
    asked = proposed(waiting(), adeel)
    take_in(again("T1", 7, "SDN-1", "SDN-9"))
    with pytest.raises(Refused, match="which is now version"):
        maker_checker.approve(asked, by=mehwish)
    asked.refresh_from_db()
    assert asked.state == "STALE"
    assert not Command.objects.exists()


def test_evidence_that_waits_for_a_decision_is_not_changed_under_it(adeel: User) -> None:
    case = waiting("T1", "SDN-1")
    proposed(case, adeel)
    (standing,) = evidence_of(case, now=timezone.now()).hits
    with pytest.raises(Refused, match="waits for a decision"):
        actions.decide_hits(case, by=adeel, seen=seen(case), words={standing.hit.pk: Word(Verdict.SAME, "SM-ALL")})


def test_what_compliance_asks_of_the_platform_is_not_in_the_trail_that_others_read(
    as_sana: Client, adeel: User, mehwish: User
) -> None:
    case = waiting()
    maker_checker.approve(proposed(case, adeel), by=mehwish)
    assert AuditEvent.objects.filter(verb="command_asked", object_id="T1").exists()
    for part in ("", "audit/"):
        page = text(as_sana.get(f"/transactions/T1/{part}"))
        for hint in ("Release", "release", case.number, "SDN-1", "OFAC", NOTE, str(adeel)):
            assert hint not in page, (part, hint)


def test_the_case_a_tab_of_its_own_shows_what_waits(as_adeel: Client, adeel: User) -> None:
    case = waiting()
    proposed(case, adeel)
    assert case.number in text(as_adeel.get("/compliance/?tab=approval"))


@pytest.mark.django_db(transaction=True)
def test_two_officers_decide_at_once_and_one_wins(adeel: User, mehwish: User, yusuf: User) -> None:
    asked = proposed(waiting(), adeel)
    outcomes: list[Any] = []
    start = threading.Barrier(2)

    def decide(officer: User) -> None:
        start.wait()
        try:
            maker_checker.approve(asked, by=officer)
            outcomes.append("won")
        except Refused as refusal:
            outcomes.append(refusal.sentence)
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=[officer]) for officer in (mehwish, yusuf)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("won") == 1
    assert any("approved this at" in outcome for outcome in outcomes)
    assert Command.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_analysts_never_take_the_same_case(adeel: User, mehwish: User) -> None:
    for number in range(6):
        waiting(f"T{number}")
    got: list[str] = []
    start = threading.Barrier(2)

    def take(by: User) -> None:
        start.wait()
        for _ in range(3):
            case = actions.take_next(Case.objects.all(), by=by)
            got.append(case.number if case else "")
        connection.close()

    threads = [threading.Thread(target=take, args=[person_]) for person_ in (adeel, mehwish)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(got)) == len(got) == 6


def test_the_transactions_page_leads_compliance_alone_to_the_case(
    as_adeel: Client, as_omar: Client, as_nadia: Client
) -> None:
    case = waiting()
    assert f'href="{case.get_absolute_url()}"' in text(as_adeel.get("/transactions/T1/"))
    assert "Decide on the case" not in text(as_omar.get("/transactions/T1/"))
    take_in(stage("T1", 7, "compliance_review"))
    assert "No case is open about this transaction" in text(as_adeel.get("/transactions/T1/"))


def test_the_second_person_reads_the_same_evidence_in_the_inbox(
    as_mehwish: Client, as_sana: Client, adeel: User
) -> None:
    asked = proposed(waiting(), adeel)
    page = text(as_mehwish.get(asked.get_absolute_url()))
    for evidence in ("SDN-1", "OFAC SDN", "Zoe L", "Not the same person"):
        assert evidence in page
    assert "This hit is" not in page, "what is decided there is the request, not the hits"
    assert as_sana.get(asked.get_absolute_url()).status_code in (403, 404)


def test_the_second_person_looks_at_the_evidence_before_the_first_decision(
    as_mehwish: Client, as_adeel: Client, as_nadia: Client, adeel: User
) -> None:
    asked = proposed(waiting(), adeel)
    address, case = asked.get_absolute_url(), Case.objects.get()
    for folded in (text(as_mehwish.get(address)), text(as_mehwish.get(case.get_absolute_url()))):
        assert "Show first decision" in folded
        assert "SDN-1" in folded
        assert NOTE not in folded
        assert asked.payload["reason"] not in folded
    assert not AuditEvent.objects.filter(verb="viewed", body__contains="first decision").exists()
    opened = text(as_mehwish.get(f"{address}?first=show"))
    assert NOTE in opened
    assert asked.payload["reason"] in opened
    assert AuditEvent.objects.get(verb="viewed", body__contains="first decision").actor == "mehwish"
    for reader in (as_adeel, as_nadia):
        assert NOTE in text(reader.get(address)), "who does not decide reads all of it"
    maker_checker.send_back(asked, by=person("mehwish"), note="I see it otherwise.")
    assert NOTE in text(as_mehwish.get(address)), "once it is decided both sides stand there"


def test_the_gate_is_one_function_for_page_and_deed() -> None:
    case = waiting()
    now = timezone.now()
    assert guards.in_the_way_of("release", case, now=now) == evidence_of(case, now=now).why_no_release()
    take_in(screened("T1", 7, status="ERROR", party="RECEIVER"))
    assert "The beneficiary was not screened" in guards.in_the_way_of("release", case, now=timezone.now())
