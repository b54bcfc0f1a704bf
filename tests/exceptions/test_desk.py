"""The exception desk as its readers see it: groups that add up, rows in scope, and no hint of checks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from exceptions import handling
from exceptions.desk import PAGE, ExceptionQuery, meanings_of, waiting_for
from exceptions.models import ExceptionItem, Kind
from exceptions.opening import open_late
from tests.factories.accounts import UserFactory
from tests.factories.transactions import TransactionFactory
from tests.people import signed_in
from tests.transactions.pages import read
from transactions.models import ReasonCode, Transaction

pytestmark = pytest.mark.django_db


def text_of(client: Client, address: str = "/exceptions/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return read(answer).text


def fail_with(code: str, **options: object) -> Transaction:
    made: Transaction = TransactionFactory(stage="failed_retryable", **options)
    Transaction.objects.filter(pk=made.pk).update(reason_code=code)
    return made


def test_failures_are_grouped_by_reason_with_who_must_act_and_whether_a_retry_helps(as_omar: Client) -> None:
    for _ in range(3):
        fail_with("AM04")
    fail_with("AC01", partner="INSTANTCASH")
    page = read(as_omar.get("/exceptions/"))
    rows = [row.text for row in page.all("tr")[1:]]
    assert len(rows) == 2
    assert rows[0].startswith("The settlement account does not hold enough money. AM04 Treasury Yes 3 ")
    assert "AC01 The partner Only after a correction 1 " in rows[1]
    assert page.all("h1")[0].text == "Exceptions 4"


def test_what_did_not_fail_is_grouped_by_its_kind(as_omar: Client) -> None:
    TransactionFactory(stage="outcome_unknown")
    TransactionFactory(kind="paid:missing")
    TransactionFactory(kind="contradictory:paid_after_failure")
    page = text_of(as_omar)
    assert "Nobody knows yet whether the payment reached the rail." in page
    assert "Events of the platform have not arrived." in page
    assert "The platform's events contradict each other." in page


def test_stuck_work_is_found_even_though_nothing_failed(as_omar: Client) -> None:
    stuck = TransactionFactory(stage="payment", age=timedelta(hours=2))
    open_late(now=timezone.now())
    assert "Over its limit at Payment, and nothing failed. not given Operations Ask the bank first 1" in text_of(
        as_omar
    )
    rows = text_of(as_omar, "/exceptions/late-payment/")
    assert stuck.txn_id in rows
    assert "over" in rows


def test_a_failure_that_is_late_too_is_told_once(as_omar: Client) -> None:
    fail_with("AM04", age=timedelta(hours=3))
    assert open_late(now=timezone.now()) == 1
    assert read(as_omar.get("/exceptions/")).all("h1")[0].text == "Exceptions 1"


def test_each_group_counts_the_rows_behind_its_link(as_omar: Client, omar: User) -> None:
    for code in ("AM04", "AM04", "TECH", "NOBODY-KNOWS", "", "AM07"):
        fail_with(code)
    TransactionFactory(stage="outcome_unknown")
    now = timezone.now()
    query = ExceptionQuery(_params(""), omar, now, meanings=meanings_of(omar, now))
    assert sum(group.number for group in query.groups) == 7
    for group in query.groups:
        page = read(as_omar.get(query.link_to(group)))
        assert page.all("h1")[0].text.endswith(f" {group.number}"), group.meaning
        assert len(page.all("tr")) == group.number + 1


def test_a_reason_that_an_administrator_named_oddly_has_an_address_too(as_omar: Client) -> None:
    ReasonCode.objects.create(code="A/B ?", sentence="Odd.", family="technical", retry_class="RETRY")
    made = fail_with("A/B ?")
    link = next(node for node in read(as_omar.get("/exceptions/")).all("a") if node.text == "Odd.")
    assert made.txn_id in text_of(as_omar, link.attrs["href"])


def test_outside_compliance_nothing_hints_at_checks(as_omar: Client, as_sana: Client, as_tariq: Client) -> None:
    hidden = fail_with("AM07", age=timedelta(minutes=2))
    fail_with("RR04")
    TransactionFactory(kind="paid:screened_after")
    TransactionFactory(stage="compliance_review", age=timedelta(days=3))
    open_late(now=timezone.now())
    for client in (as_omar, as_sana, as_tariq):
        whole = (
            client.get("/exceptions/?state=all").content.decode()
            + client.get("/exceptions/not-accepted/").content.decode()
        )
        shown = text_of(client) + text_of(client, "/exceptions/not-accepted/")
        assert "Not accepted. not given Reviewer No 2" in shown
        assert hidden.txn_id in shown
        for word in ("AM07", "RR04", "screen", "ompliance", "regulat", "checked only"):
            assert word not in whole, word
        assert client.get("/exceptions/AM07/").status_code == 404
        assert client.get("/exceptions/screened-late/").status_code == 404
        assert client.get("/exceptions/late-compliance-review/").status_code == 404


def test_compliance_and_auditors_read_their_own_exceptions(as_mehwish: Client, as_nadia: Client) -> None:
    fail_with("AM07")
    TransactionFactory(kind="paid:screened_after")
    for client in (as_mehwish, as_nadia):
        assert "A party was checked only after the payment." in text_of(client)
        assert "AM07" in text_of(client)
        assert client.get("/exceptions/screened-late/").status_code == 200


def test_those_without_the_right_are_told_which_one_it_is(as_hina: Client, as_bilal: Client, as_admin: Client) -> None:
    for client in (as_hina, as_bilal, as_admin):
        answer = client.get("/exceptions/")
        assert answer.status_code == 403
        assert "see exceptions" in answer.content.decode()


def test_rows_counts_and_badges_stay_inside_the_scope(omar: User) -> None:
    fail_with("AM04", partner="RIA")
    outsider = UserFactory(roles=["Operations maker"])
    assert "Nothing is waiting." in text_of(signed_in(outsider))
    assert waiting_for(outsider, timezone.now()) == 0
    assert waiting_for(omar, timezone.now()) == 1


def test_the_badge_counts_what_is_mine_or_nobodys(omar: User, sana: User) -> None:
    first = fail_with("AM04")
    handling.assign(first, by=sana, to=sana, seen="")
    fail_with("AM04")
    assert waiting_for(omar, timezone.now()) == 1
    assert waiting_for(sana, timezone.now()) == 2


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("colour=red", "There is no filter “colour”."),
        ("partner=NOBODY", "There is no partner “NOBODY”."),
        ("state=foo", "There is no state “foo”."),
        ("assigned=stranger", "There is no such person “stranger”."),
        ("group=foo", "There is no grouping “foo”."),
        ("after=12x", "This page of the list is not there any more."),
    ],
)
def test_a_bad_parameter_is_named_and_shows_no_rows(as_omar: Client, query: str, sentence: str) -> None:
    made = fail_with("AM04")
    for address in ("/exceptions/", "/exceptions/AM04/"):
        shown = text_of(as_omar, f"{address}?{query}")
        assert sentence in shown
        assert made.txn_id not in shown
        assert "Exceptions 1" not in shown


def test_filters_narrow_groups_and_rows_alike(as_omar: Client, omar: User) -> None:
    mine = fail_with("AM04", partner="INSTANTCASH")
    fail_with("AM04", partner="RIA")
    handling.assign(mine, by=omar, to=omar, seen="")
    for query in ("assigned=me", "partner=INSTANTCASH", "assigned=me&partner=INSTANTCASH"):
        assert "Exceptions 1" in text_of(as_omar, f"/exceptions/?{query}")
        rows = read(as_omar.get(f"/exceptions/AM04/?{query}")).all("tr")[1:]
        assert [mine.txn_id in row.text for row in rows] == [True]


def test_groups_can_be_made_by_partner_rail_and_by_who_must_act(as_omar: Client) -> None:
    fail_with("AM04", partner="INSTANTCASH")
    fail_with("AC01", partner="RIA")
    assert " RIA 1 " in text_of(as_omar, "/exceptions/?group=partner")
    assert "What is wrong, by rail" in text_of(as_omar, "/exceptions/?group=rail")
    assert "Treasury" in text_of(as_omar, "/exceptions/?group=who")


def test_a_group_of_many_is_read_in_pages(as_omar: Client, omar: User) -> None:
    made = TransactionFactory(stage="failed_retryable")
    _multiply(made, PAGE + 5)
    first = read(as_omar.get("/exceptions/AM04/"))
    link = next(node for node in first.all("a") if node.attrs.get("rel") == "next")
    second = read(as_omar.get(link.attrs["href"]))
    assert (len(first.all("tr")) - 1, len(second.all("tr")) - 1) == (PAGE, 6)
    seen = [row.attrs["data-id"] for page in (first, second) for row in page.all("tr")[1:]]
    assert len(set(seen)) == PAGE + 6


def test_the_page_asks_as_many_questions_for_many_as_for_few(
    as_omar: Client, django_assert_max_num_queries: object
) -> None:
    made = TransactionFactory(stage="failed_retryable")
    _multiply(made, 40)
    as_omar.get("/exceptions/")
    with django_assert_max_num_queries(15):  # type: ignore[operator]
        as_omar.get("/exceptions/")
    with django_assert_max_num_queries(15):  # type: ignore[operator]
        as_omar.get("/exceptions/AM04/")


def test_what_the_bank_said_last_is_for_those_who_see_technical_details(as_omar: Client) -> None:
    fail_with("AM04")
    assert "What the bank said last" in text_of(as_omar, "/exceptions/AM04/")


def test_operations_begin_their_day_at_the_desk(as_omar: Client, as_sana: Client) -> None:
    for client in (as_omar, as_sana):
        assert client.get("/start/")["Location"] == "/exceptions/"


def _params(text: str) -> object:
    from django.http import QueryDict

    return QueryDict(text)


def _multiply(row: Transaction, times: int) -> None:
    """Copies of a failed transaction, each with its exception."""
    from tests.transactions import rows

    Transaction.objects.filter(pk=row.pk).update(reason_code="AM04")
    row.refresh_from_db()
    rows.multiply(row, times)
    copies = Transaction.objects.filter(txn_id__startswith="PSL9")
    copies.update(status="failed", stage="failed_retryable", funds_position="NOT_SENT")
    now = timezone.now()
    ExceptionItem.objects.bulk_create(
        ExceptionItem(transaction=one, kind=Kind.FAILED, opened_at=now, reason="Failed.") for one in copies
    )
