"""No door for many at once releases past a hit: most do not know the word, the inbox asks for each row again."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts import maker_checker
from accounts.models import ApprovalRequest, User
from compliance import actions, guards
from compliance.actions import Word
from compliance.evidence import evidence_of
from compliance.models import Case
from compliance.vocabulary import Verdict
from exceptions import bulk
from exceptions.models import BulkJob
from tests.compliance.test_opening import again
from tests.compliance.test_two_people import reason, seen
from tests.compliance.test_views import NOTE, taken, text, waiting
from tests.exceptions.test_jobs import RETRY, failed, job_after
from tests.exceptions.test_sheets import bring
from tests.gateway.telling import take_in
from tests.people import person
from transactions import bulk_deeds
from transactions.models import Command, Transaction

pytestmark = pytest.mark.django_db
EVERYBODY = ("hina", "omar", "sana", "adeel", "mehwish", "tariq", "rabia", "bilal", "nadia", "admin")
CODES = {"release": "RL-FALSE", "reject": "RJ-MATCH"}


@pytest.mark.parametrize("word", guards.DECISIONS)
def test_nothing_that_is_done_to_many_is_a_decision_of_compliance(word: str) -> None:
    assert bulk.called(word) is None
    for name in EVERYBODY:
        assert word not in {deed.key for deed in bulk_deeds.open_to(person(name))}, name


@pytest.mark.parametrize("word", guards.DECISIONS)
@pytest.mark.parametrize("name", ["adeel", "mehwish", "omar", "sana"])
def test_no_address_for_many_or_for_one_knows_the_word(request: pytest.FixtureRequest, name: str, word: str) -> None:
    waiting()
    client: Client = request.getfixturevalue(f"as_{name}")
    chosen = {"ref": "T1", "note": NOTE, "reason_code": CODES[word], "do": "confirm"}
    for address in (f"/bulk/new/{word}/", f"/bulk/{word}/", f"/transactions/T1/do/{word}/"):
        assert client.post(address, chosen).status_code == 404, address
    assert not BulkJob.objects.exists()
    assert not Command.objects.exists()


@pytest.mark.parametrize("word", guards.DECISIONS)
def test_a_job_and_a_sheet_that_ask_for_it_are_refused_in_words(as_omar: Client, word: str) -> None:
    waiting()
    job = job_after(as_omar.post(RETRY, {"ref": [failed().txn_id, "T1"]}))
    assert as_omar.post(job.get_absolute_url(), {"do": word, "deed": word}).status_code == 422
    version = Transaction.objects.get(txn_id="T1").version
    answer = bring(as_omar, [["T1", str(version), "", "", "", "", word, NOTE]])
    assert answer.status_code in (409, 422)
    assert f"“{word}” is not one of retry, ask the bank, send back." in text(answer)
    assert not Command.objects.exists()


@pytest.mark.parametrize("way", ["/bulk/new/retry/", "/bulk/new/send-back/", "/bulk/new/inquire/"])
def test_who_decides_on_cases_has_no_job_that_moves_their_payments(as_mehwish: Client, way: str) -> None:
    waiting()
    assert as_mehwish.post(way, {"ref": "T1"}).status_code == 403


def of_one_job(adeel: User, *subjects: str) -> tuple[str, dict[str, ApprovalRequest]]:
    """Releases that wait for the officer as rows of one job, each with its one hit decided."""
    batch, asked = uuid4(), {}
    for subject in subjects:
        case = taken(waiting(subject), adeel)
        (hit,) = evidence_of(case, now=timezone.now()).pending
        actions.decide_hits(case, by=adeel, seen=seen(case), words={hit.hit.pk: Word(Verdict.NOT_SAME, "NS-DOB")})
        case.refresh_from_db()
        asked[subject] = maker_checker.request(
            "release",
            case,
            by=adeel,
            summary=f"Release {subject}",
            object_id=case.number,
            reason_code=reason("RL-FALSE").code,
            note=NOTE,
            batch=batch,
        )
    return f"/approvals/batches/{batch}/", asked


def new_hit(subject: str) -> None:
    """A new check finds what was decided already, and one entry more."""
    found = [{"entityId": one, "score": "0.91", "threshold": "0.85", "names": ["Zoe L"]} for one in ("SDN-1", "SDN-9")]
    take_in(again(subject, 7, "SDN-1", "SDN-9", hits=found))


def changed_party(subject: str) -> None:
    Case.objects.get(transaction__txn_id=subject).transaction.parties.filter(side="remitter").update(city="Elsewhere")


@pytest.mark.parametrize(("meanwhile", "entity"), [(new_hit, "SDN-9"), (changed_party, "SDN-1")])
def test_rows_decided_together_are_each_asked_again_and_the_one_with_a_new_hit_names_it(
    as_mehwish: Client, adeel: User, meanwhile: Any, entity: str
) -> None:
    address, asked = of_one_job(adeel, "T1", "T2", "T3")
    meanwhile("T2")
    rows = [one.number for one in asked.values()]
    page = text(as_mehwish.post(address, {"decision": "approve", "row": rows}))
    assert page.count("It is approved.") == 2
    assert f"The hit {entity} of OFAC SDN on the remitter is not decided yet." in page
    assert sorted(Command.objects.values_list("transaction__txn_id", "kind")) == [("T1", "release"), ("T3", "release")]
    assert ApprovalRequest.objects.get(pk=asked["T2"].pk).state == "STALE"


@pytest.mark.parametrize(("meanwhile", "entity"), [(new_hit, "SDN-9"), (changed_party, "SDN-1")])
def test_so_is_a_single_one_and_its_page_says_so_before_anybody_decides(
    as_mehwish: Client, adeel: User, meanwhile: Any, entity: str
) -> None:
    _, asked = of_one_job(adeel, "T1")
    meanwhile("T1")
    one, sentence = asked["T1"], f"The hit {entity} of OFAC SDN on the remitter is not decided yet."
    assert sentence in text(as_mehwish.get(one.get_absolute_url()))
    answer = as_mehwish.post(one.get_absolute_url(), {"decision": "approve"})
    assert answer.status_code == 409
    assert sentence in text(answer)
    assert not Command.objects.exists()
