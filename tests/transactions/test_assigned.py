"""Who works on a transaction, as the list says it: to those who may read the work, and to nobody else."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import User
from exceptions.models import ExceptionItem
from tests.factories.compliance import CaseFactory, ScreeningHitFactory
from tests.factories.exceptions import ExceptionItemFactory
from tests.transactions.rows import NOW, lay

pytestmark = pytest.mark.django_db

LIST = "/transactions/"
ALL_COLUMNS = "cols=status,assigned,flags"


def rows(client: Client, query: str) -> list[str]:
    page = client.get(f"{LIST}?{query}").content.decode()
    return re.findall(r'<tr[^>]* data-id="([^"]+)"', page)


def cells(client: Client, column: str, query: str = ALL_COLUMNS) -> dict[str, str]:
    page = client.get(f"{LIST}?{query}").content.decode()
    return {
        reference: found[1].strip()
        for reference, row in re.findall(r'<tr[^>]* data-id="([^"]+)"[^>]*>(.*?)</tr>', page, re.DOTALL)
        if (found := re.search(rf'data-c="{column}"[^>]*>(.*?)</td>', row, re.DOTALL))
    }


@pytest.fixture
def work(omar: User, adeel: User) -> tuple[str, str, str]:
    """The references of an exception that omar has, of one that nobody has, and of a case that adeel has."""
    mine, nobodys, case = ExceptionItemFactory(), ExceptionItemFactory(), CaseFactory()
    mine.assignee, mine.assigned_at = omar, NOW
    mine.save()
    case.assignee = adeel
    case.save()
    lay(4)
    return mine.transaction.txn_id, nobodys.transaction.txn_id, case.transaction.txn_id


Work = tuple[str, str, str]


def test_the_list_says_who_works_on_a_row_and_finds_mine_and_nobodys(work: Work, as_omar: Client, omar: User) -> None:
    mine, nobodys, _ = work
    assert cells(as_omar, "assigned")[mine] == str(omar)
    assert cells(as_omar, "assigned")[nobodys] == ""
    assert rows(as_omar, "assigned=me") == [mine]
    assert nobodys in rows(as_omar, "assigned=nobody")
    assert mine not in rows(as_omar, "assigned=nobody")
    assert rows(as_omar, "assigned=somebody") == [mine]
    assert {mine, nobodys} <= set(rows(as_omar, "assigned=nobody&assigned=me"))


def test_a_case_is_nobodys_business_outside_compliance(
    work: Work, as_omar: Client, as_adeel: Client, adeel: User
) -> None:
    *_, case = work
    assert cells(as_omar, "assigned")[case] == ""
    assert case not in rows(as_omar, "assigned=somebody")
    assert rows(as_adeel, "assigned=me") == [case]
    assert cells(as_adeel, "assigned")[case] == str(adeel)


def test_a_reader_without_work_has_no_such_column_and_no_such_filter(work: Work, as_hina: Client) -> None:
    page = as_hina.get(f"{LIST}?cols=status,assigned").content.decode()
    assert "There is no column" in page
    assert rows(as_hina, "assigned=me") == []
    assert "Assigned" not in as_hina.get(LIST).content.decode()
    assert "Assigned" not in as_hina.get("/transactions/columns/").content.decode()


def test_a_word_that_means_nobody_is_refused(as_omar: Client) -> None:
    lay(1)
    page = as_omar.get(f"{LIST}?assigned=superman").content.decode()
    assert "There is no assigned to &quot;superman&quot;." in page
    assert rows(as_omar, "assigned=superman") == []


def test_work_that_is_over_is_not_told(work: Work, as_omar: Client) -> None:
    mine, *_ = work
    ExceptionItem.objects.filter(transaction__txn_id=mine).update(closed_at=NOW, resolution="Solved")
    assert cells(as_omar, "assigned")[mine] == ""
    assert rows(as_omar, "assigned=me") == []


def test_a_title_that_differs_is_a_flag(as_omar: Client) -> None:
    for number, match in enumerate(["CLOSE", "NO_MATCH", "MATCH", "NO_DATA", ""], start=1):
        transaction = lay(number)
        transaction.account.title_match = match
        transaction.account.save()
    assert rows(as_omar, "flag=title") == ["PSL000000001", "PSL000000002"]
    assert cells(as_omar, "flags")["PSL000000001"] == "Title differs"
    assert cells(as_omar, "flags")["PSL000000003"] == ""


def test_a_screening_hit_is_a_flag_inside_compliance_only(as_adeel: Client, as_omar: Client) -> None:
    hit = ScreeningHitFactory().check_run.transaction.txn_id
    lay(2)
    assert rows(as_adeel, "flag=hit") == [hit]
    assert cells(as_adeel, "flags") == {hit: "Screening hit", "PSL000000002": ""}
    assert rows(as_omar, "flag=hit") == []
    assert "There is no flag" in as_omar.get(f"{LIST}?flag=hit").content.decode()
    assert "hit" not in " ".join(cells(as_omar, "flags").values()).lower()
