"""The detail page: who sees it, what each role reads and never reads, and what it costs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import maker_checker
from audit import trail
from audit.models import AuditEvent
from audit.verbs import Verb
from backoffice.demo.stories import story_of_kind
from compliance.models import ScreeningHit
from exceptions import actions as desk
from exceptions.models import ExceptionItem
from tests.people import person, signed_in
from tests.transactions.arriving import NOW, in_stage, of_kind, take_in
from tests.transactions.pages import read
from transactions import way_back
from transactions.models import Note, Transaction
from transactions.object_trail import MOST
from transactions.vocabulary import Stage

pytestmark = pytest.mark.django_db

PARTS = ("", "timeline/", "notes/", "related/")
OUTSIDE = ["hina", "omar", "sana", "tariq", "rabia", "bilal"]
INSIDE = ["adeel", "mehwish", "yusuf", "nadia"]
CHECKED = [
    "review:hits",
    "review:unavailable",
    "review:title_no_match",
    "review:posting",
    "rejected:hits",
    "rejected:title",
    "paid:hits_released",
    "paid:screened_after",
    "failed:FRAD",
    "failed:MD07",
]
HINT = re.compile(
    r"screen|complian|sanction|\baml\b|suspic|ofac|unsc|nacta|terror|fraud|in.?review|\breview\b|rejected"
    r"|possible match|title ?match|\bhits?\b|watch.?list",
    re.IGNORECASE,
)
NOT_ABOUT_THIS = re.compile(
    r"for screen readers|screen reader|"
    r'name="csrfmiddlewaretoken" value="[^"]*"',  # drawn by lot, it may spell anything
    re.IGNORECASE,
)


def pages_of(client: Client, transaction: Transaction, parts: tuple[str, ...] = PARTS) -> str:
    """The raw HTML of all pages of a transaction but for the shell: attributes, anchors and ids included."""
    texts = []
    with time_machine.travel(NOW, tick=False):
        for part in parts:
            response = client.get(f"{transaction.get_absolute_url()}{part}")
            assert response.status_code == 200, part
            html = response.content.decode()
            texts.append(
                html[html.index("<main") : html.index("</main>")]
                + html[: html.index("</title>")].partition("<title>")[2]
            )
    return "\n".join(texts)


@pytest.mark.parametrize("stage", Stage.values)
def test_the_page_opens_for_every_role_in_every_stage(stage: str) -> None:
    transaction = in_stage(stage, branch="1003")
    for username in (*OUTSIDE, *INSIDE):
        page = signed_in(person(username)).get(transaction.get_absolute_url())
        assert page.status_code == 200, username
        assert transaction.txn_id in page.content.decode()
        assert not re.search(r"\b(None|null|undefined|NaN|N/A)\b", read(page).by_id("main").text), username


@pytest.mark.parametrize("kind", CHECKED)
@pytest.mark.parametrize("username", OUTSIDE)
def test_nothing_hints_at_the_checks_of_the_parties_outside_compliance(username: str, kind: str) -> None:
    transaction = of_kind(kind, branch="1003", age=timedelta(hours=30))
    client = signed_in(person(username))
    parts = (*PARTS, "audit/") if username in ("sana", "rabia") else PARTS
    html = pages_of(client, transaction, parts)
    found = sorted({match[0].lower() for match in HINT.finditer(NOT_ABOUT_THIS.sub("", html))})
    assert not found
    for hit in ScreeningHit.objects.filter(check_run__transaction=transaction):
        for canary in (hit.entity_id, *hit.names, *hit.aliases, hit.check_run.list_name, hit.check_run.list_version):
            assert canary not in html, canary


@pytest.mark.parametrize("username", INSIDE)
def test_compliance_and_auditors_read_every_check_with_its_hits(username: str) -> None:
    transaction = of_kind("review:hits")
    page = read(signed_in(person(username)).get(transaction.get_absolute_url()))
    section = page.by_id("screening").text
    for hit in ScreeningHit.objects.filter(check_run__transaction=transaction):
        for shown in (hit.entity_id, hit.names[0], hit.check_run.list_name, hit.check_run.list_version):
            assert shown in section
    assert "In review" in page.text


def test_a_review_for_hits_reads_like_a_review_for_a_title_outside_compliance(as_hina: Client) -> None:
    read_of = []
    for number, kind in enumerate(("review:hits", "review:unavailable"), 1):
        page = read(as_hina.get(of_kind(kind, number=number).get_absolute_url()))
        read_of.append((page.by_id("explanation").text, page.by_id("partner-answer").text.partition(" It is ")[2]))
    assert read_of[0] == read_of[1]


def test_the_banks_free_text_does_not_carry_a_hint_outside_compliance(as_omar: Client) -> None:
    told = story_of_kind("retryable:NARR", partner="INSTANTCASH", now=NOW)
    told[-1]["data"]["reason"] = "Held by our AML screening team, see OFAC list"
    html = pages_of(as_omar, take_in(told, at=NOW))
    assert "AML" not in html
    assert "OFAC" not in html


def test_an_unknown_word_of_the_platform_does_not_carry_a_hint_outside_compliance(
    as_omar: Client, as_adeel: Client
) -> None:
    told = story_of_kind("at:ready", partner="INSTANTCASH", now=NOW)
    told.append(
        {
            **told[-1],
            "id": f"{told[0]['subject']}.{len(told) + 1}",
            "sequence": len(told) + 1,
            "data": {"stage": "sanctions_recheck", "result": "STARTED", "channel": "OFAC_BOX"},
        }
    )
    transaction = take_in(told, at=NOW)
    outside, inside = pages_of(as_omar, transaction), pages_of(as_adeel, transaction)
    assert "sanctions" not in outside
    assert "OFAC" not in outside
    assert "Unknown (sanctions_recheck)" in inside


# -- who sees it -----------------------------------------------------------------------------------------


def test_another_partners_transaction_answers_like_one_that_does_not_exist(as_hina: Client) -> None:
    foreign = in_stage("credited", partner="RIA")
    absent = foreign.txn_id[:-1] + ("1" if foreign.txn_id[-1] != "1" else "2")
    with time_machine.travel(NOW, tick=False):
        for part in (*PARTS, "reveal/", "inquiries/"):
            answers = [as_hina.get(f"/transactions/{reference}/{part}") for reference in (foreign.txn_id, absent)]
            assert [answer.status_code for answer in answers] == [404, 404], part
            bodies = [_without_token(answer.content.decode()) for answer in answers]
            assert bodies[0] == bodies[1], part
        posted = [
            as_hina.post(f"/transactions/{reference}/{part}", {"note-text": "x"})
            for reference in (foreign.txn_id, absent)
            for part in ("notes/", "inquiries/", "answer/copied/")
        ]
        assert {answer.status_code for answer in posted} == {404}
    assert not Note.objects.exists()


def _without_token(html: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", html)


def test_a_branch_operator_sees_the_own_branch_and_no_row_without_one(as_bilal: Client) -> None:
    own = in_stage("cash_ready", branch="1003", number=1)
    other = in_stage("cash_ready", branch="1004", number=2)
    assert as_bilal.get(own.get_absolute_url()).status_code == 200
    assert as_bilal.get(other.get_absolute_url()).status_code == 404


def test_who_may_not_see_transactions_is_told_before_it_matters_whether_one_exists(as_admin: Client) -> None:
    transaction = in_stage("credited")
    assert as_admin.get(transaction.get_absolute_url()).status_code == 403
    assert as_admin.get("/transactions/PSL0/").status_code == 403


def test_the_trail_of_a_transaction_is_for_those_who_may_read_it() -> None:
    transaction = in_stage("credited", branch="1003")
    for username in (*OUTSIDE, *INSIDE):
        may = username in {"sana", "mehwish", "yusuf", "rabia", "nadia"}
        client = signed_in(person(username))
        assert client.get(f"{transaction.get_absolute_url()}audit/").status_code == (200 if may else 403), username
        assert ('id="trail"' in client.get(transaction.get_absolute_url()).content.decode()) is may, username


def test_an_odd_reference_is_not_found(as_hina: Client) -> None:
    for reference in ("%00", "PSL%20", "..", "%F0%9F%92%A9", "a" * 900):
        assert as_hina.get(f"/transactions/{reference}/").status_code in (400, 404), reference


# -- what is recorded ------------------------------------------------------------------------------------


def test_every_reading_leaves_one_entry(as_hina: Client) -> None:
    transaction = in_stage("credited")
    for part in PARTS:
        as_hina.get(f"{transaction.get_absolute_url()}{part}")
    entries = list(AuditEvent.objects.of(transaction).filter(verb=Verb.VIEWED).order_by("seq"))
    assert [(entry.said.get("facts") or {}).get("part") for entry in entries] == [
        None,
        "timeline",
        "notes",
        "related transactions",
    ]
    assert {entry.actor for entry in entries} == {"hina"}


def test_the_trail_says_how_often_personal_data_was_seen_and_names_compliance_only_to_its_own(
    as_sana: Client, as_nadia: Client
) -> None:
    transaction = in_stage("credited")
    client = signed_in(person("adeel"))
    for field in ("account_number", "beneficiary_id_number"):
        client.post(f"{transaction.get_absolute_url()}reveal/", {"field": field, "reason": "checks"})
    outside = read(as_sana.get(transaction.get_absolute_url())).by_id("trail").text
    inside = read(as_nadia.get(transaction.get_absolute_url())).by_id("trail").text
    assert "Personal data viewed 2 times, last by Reviewer" in outside
    assert "Adeel" not in outside
    assert "Checking the parties" not in outside
    assert "Personal data viewed 2 times, last by Adeel Khokhar" in inside
    assert "reason: Checking the parties" in inside


# -- what changed ----------------------------------------------------------------------------------------


def test_a_reviewer_who_looked_long_ago_is_not_named_outside_either(as_sana: Client) -> None:
    """However many entries of the trail have come since."""
    transaction = in_stage("credited")
    form = {"field": "account_number", "reason": "checks"}
    signed_in(person("adeel")).post(f"{transaction.get_absolute_url()}reveal/", form)
    for _ in range(MOST + 5):
        trail.record(Verb.VIEWED, by=person("sana"), obj=transaction)
    outside = read(as_sana.get(transaction.get_absolute_url())).by_id("trail").text
    assert "Personal data viewed 1 time, last by Reviewer" in outside
    assert "adeel" not in outside.lower()


def test_old_and_new_are_told_with_who_and_why(as_nadia: Client) -> None:
    told = story_of_kind("retryable:TECH", partner="INSTANTCASH", now=NOW)
    transaction = _in_two_deliveries(told)
    rows = read(as_nadia.get(transaction.get_absolute_url())).by_id("changes").text
    assert "Status: was Pending becomes Failed" in rows
    assert "Money: was Not known becomes Not sent" in rows
    assert "Reason: was nothing becomes TECH, There was a technical problem." in rows
    assert "The platform" in rows


def test_outside_compliance_what_changed_is_told_in_the_neutral_words(as_hina: Client, as_adeel: Client) -> None:
    transaction = _in_two_deliveries(story_of_kind("rejected:hits", partner="INSTANTCASH", now=NOW))
    outside = read(as_hina.get(transaction.get_absolute_url())).by_id("changes").text
    inside = read(as_adeel.get(transaction.get_absolute_url())).by_id("changes").text
    assert "Status: was Pending becomes Failed" in outside
    assert "FR01" not in outside
    assert "Status: was In review becomes Rejected" in inside
    assert "FR01" in inside


def test_a_persons_changed_data_is_masked(as_nadia: Client) -> None:
    transaction = in_stage("credited")
    party = transaction.parties.get(side="beneficiary")
    party.save()
    before, party.id_number = party.id_number, "3520198765432"
    party._change_reason = "Corrected by the partner"
    party.save()
    rows = read(as_nadia.get(transaction.get_absolute_url())).by_id("changes").text
    assert f"Identity number: was ••••••{before[-3:]} becomes ••••••432" in rows
    assert before not in rows
    assert party.id_number not in rows
    assert "Corrected by the partner" in rows


def _in_two_deliveries(told: list[dict[str, Any]]) -> Transaction:
    take_in(told[:-1], at=NOW - timedelta(seconds=30))
    from backoffice.gateway.intake import receive

    receive(told[-1:], message_id="second", source="demo", received_at=NOW)
    return Transaction.objects.get(txn_id=told[0]["subject"])


# -- the way back ------------------------------------------------------------------------------------------------------


def test_the_page_leads_back_to_its_list_and_on_in_the_lists_order(as_hina: Client) -> None:
    rows = [in_stage("credited", number=number, now=NOW - timedelta(minutes=number)) for number in (1, 2, 3)]
    in_stage("failed_final", number=4, now=NOW - timedelta(minutes=2, seconds=30))
    mark = way_back.mark("t", "status=completed")
    page = read(as_hina.get(f"{rows[1].get_absolute_url()}?from={mark}"))
    links = {link.text: link.attrs.get("href") for link in page.all("a")}
    assert links["Back to results"] == "/transactions/?status=completed"
    assert links["Previous"] == f"{rows[0].get_absolute_url()}?from={mark}"
    assert links["Next"] == f"{rows[2].get_absolute_url()}?from={mark}"


def test_a_forged_way_back_leads_nowhere(as_hina: Client) -> None:
    transaction = in_stage("credited")
    for mark in ("x", "aHR0cHM6Ly9ldmlsLmV4YW1wbGU", "%00", way_back.mark("t", "colour=red")):
        page = as_hina.get(f"{transaction.get_absolute_url()}?from={mark}", HTTP_REFERER="https://evil.example/search/")
        assert page.status_code in (200, 400)
        assert "evil" not in page.content.decode()


# -- related, exceptions, deeds, cost --------------------------------------------------------------------


def test_related_transactions_are_counted_only_inside_the_readers_scope(as_hina: Client, as_omar: Client) -> None:
    first = story_of_kind("paid", partner="INSTANTCASH", number=1, now=NOW)
    second = story_of_kind("paid", partner="RIA", number=2, now=NOW)
    for part in ("transactionDetails",):
        for name in ("payingAmount", "settlementAmount", "settlementRate", "settlementCurrency"):
            second[0]["data"][part][name] = first[0]["data"][part][name]
    second[0]["data"]["beneficiary"]["bankDetails"] = first[0]["data"]["beneficiary"]["bankDetails"]
    second[0]["data"]["remitter"]["idDetails"] = first[0]["data"]["remitter"]["idDetails"]
    mine, foreign = take_in(first, at=NOW), take_in(second, at=NOW)
    assert foreign.txn_id not in pages_of(as_hina, mine, ("", "related/"))
    operator = read(as_omar.get(f"{mine.get_absolute_url()}related/"))
    text = operator.by_id("related").text
    assert "Possible duplicates 1" in text
    assert "Same beneficiary account 1" in text
    assert "Same remitter within 30 days 1" in text
    assert foreign.txn_id in text


def test_open_exceptions_are_read_by_those_who_see_exceptions() -> None:
    transaction = of_kind("paid:missing", branch="1003")
    assert ExceptionItem.objects.open().filter(transaction=transaction).exists()
    for username in (*OUTSIDE, *INSIDE):
        may = username not in {"hina", "bilal"}
        page = signed_in(person(username)).get(transaction.get_absolute_url()).content.decode()
        assert ('id="exceptions"' in page) is may, username


def test_a_conflicting_repeat_is_visible_to_operators(as_omar: Client) -> None:
    told = story_of_kind("paid", partner="INSTANTCASH", now=NOW)
    transaction = take_in(told, at=NOW)
    told[0]["data"]["transactionDetails"]["payingAmount"] = "99.00"
    from backoffice.gateway.intake import receive

    receive(told[:1], message_id="again", source="demo", received_at=NOW)
    shown = read(as_omar.get(transaction.get_absolute_url())).by_id("exceptions").text
    assert "Conflicting repeat" in shown
    assert f"Payout: was {transaction.settled_amount:.2f} came again as 99.00" in shown


def test_deeds_say_why_not(as_nadia: Client, as_hina: Client) -> None:
    transaction = in_stage("payment")
    auditor, handler = (read(client.get(transaction.get_absolute_url())) for client in (as_nadia, as_hina))
    off = [button for button in auditor.by_id("deeds").all("button") if button.attrs.get("aria-disabled") == "true"]
    assert {button.text for button in off} == {"Record an inquiry", "Add a note", "Ask the bank"}
    for button in off:
        assert "This needs the right to" in auditor.by_id(button.attrs["aria-describedby"]).text
    theirs = [button for button in handler.by_id("deeds").all("button") if "aria-disabled" in button.attrs]
    assert {button.text for button in theirs} == {"Ask the bank"}


@pytest.mark.parametrize(
    ("username", "most"), [("hina", 25), ("omar", 27), ("sana", 28), ("mehwish", 30), ("nadia", 31)]
)
def test_a_page_costs_a_bounded_number_of_statements_however_much_happened(username: str, most: int) -> None:
    little, much = in_stage("intake", number=1), _with_everything(number=2)
    client = signed_in(person(username))
    costs = [_statements_of(client, transaction) for transaction in (little, much)]
    assert costs[1] <= most
    assert costs[1] - costs[0] <= 4


def test_another_look_at_more_of_the_same_costs_nothing_more(as_nadia: Client) -> None:
    transaction = _with_everything(number=1)
    before = _statements_of(as_nadia, transaction)
    for index in range(12):
        Note.objects.create(transaction=transaction, author=person("omar"), text=f"Note {index}")
        as_nadia.post(f"{transaction.get_absolute_url()}reveal/", {"field": "account_number", "reason": "checks"})
    assert _statements_of(as_nadia, transaction) == before


def _with_everything(*, number: int) -> Transaction:
    """A failed payment with a note, a reveal, a corrected party, a question to the bank and a request that waits."""
    transaction, omar = of_kind("blocked:exhausted", number=number), person("omar")
    Note.objects.create(transaction=transaction, author=omar, text="Called the bank")
    signed_in(person("adeel")).post(
        f"{transaction.get_absolute_url()}reveal/", {"field": "account_number", "reason": "checks"}
    )
    party = transaction.parties.get(side="beneficiary")
    party.city = "Multan"
    party.save()
    desk.inquire(transaction, by=omar, note="Where is it?")
    maker_checker.request(
        "cancel", transaction, by=omar, summary="Cancel", consequence="It is cancelled.", reason_code="", note="",
        partner_id=transaction.partner_id, branch_id=None,
    )  # fmt: skip
    return transaction


def _statements_of(client: Client, transaction: Transaction) -> int:
    client.get(transaction.get_absolute_url())
    with CaptureQueriesContext(connection) as queries:
        assert client.get(transaction.get_absolute_url()).status_code == 200
    return len(queries)


def test_help_names_the_badges_the_reader_meets(as_hina: Client, as_adeel: Client) -> None:
    outside, inside = (read(client.get("/help/statuses/")).by_id("main").text for client in (as_hina, as_adeel))
    assert "In review" in inside
    assert "Rejected" in inside
    assert not HINT.search(outside)
    assert as_hina.get("/help/keys/").status_code == 200
