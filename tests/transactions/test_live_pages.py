"""What open pages fetch by themselves: under the reader's own rights, without counting as activity or as reading."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable

import pytest
import time_machine
from django.test import Client

from audit.models import AuditEvent
from audit.verbs import Verb
from tests.gateway import telling
from tests.people import person, signed_in
from transactions.models import Transaction

pytestmark = pytest.mark.django_db

BACKGROUND = {"X-Background": "1"}
As = Callable[[str], Client]


@pytest.fixture
def as_() -> As:
    return lambda username: signed_in(person(username))


def begun(reference: str, partner: str = "INSTANTCASH", *, ago: int = 0) -> Transaction:
    """A transaction that came in so many seconds ago."""
    at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=ago)
    head = {"time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    amount = {"payingAmount": f"{1_000 + Transaction.objects.count()}.00"}
    telling.take_in(telling.received(reference, partner=partner, details=amount, head=head), message_id=reference)
    return Transaction.objects.get(txn_id=reference)


def rows_of(answer: object) -> list[str]:
    return re.findall(r'<tr data-id="([^"]+)"', answer.content.decode())  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def partners() -> None:
    from tests.factories.accounts import PartnerFactory

    for code in ("INSTANTCASH", "RIA"):
        PartnerFactory(code=code)


def test_rows_are_those_that_the_reader_may_see_and_foreign_ones_are_like_absent(as_: As) -> None:
    begun("OWN1"), begun("FOREIGN1", "RIA")
    hina = as_("hina")

    answer = hina.get("/transactions/rows/?ref=OWN1&ref=FOREIGN1&ref=ABSENT1")
    foreign = hina.get("/transactions/rows/?ref=FOREIGN1").content
    absent = hina.get("/transactions/rows/?ref=ABSENT1").content

    assert rows_of(answer) == ["OWN1"]
    assert b"FOREIGN1" not in answer.content
    assert foreign == absent
    assert sorted(rows_of(as_("omar").get("/transactions/rows/?ref=OWN1&ref=FOREIGN1"))) == ["FOREIGN1", "OWN1"]


def test_a_row_says_when_its_list_has_lost_it(as_: As) -> None:
    begun("T1"), begun("T2")
    telling.take_in(telling.stage("T2", 2, "validation"))

    text = as_("hina").get("/transactions/rows/?status=received&ref=T1&ref=T2").content.decode()

    assert re.search(r'<tbody>\s*<tr data-id="T1"', text)
    assert re.search(r'<tbody data-gone>\s*<tr data-id="T2"', text)


def test_rows_have_the_columns_of_their_page(as_: As) -> None:
    begun("T1")

    text = as_("hina").get("/transactions/rows/?cols=status,rail,updated&ref=T1").content.decode()

    assert re.findall(r'data-c="(\w+)"', text) == ["status", "rail", "updated"]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/transactions/rows/?ref=T1&status=foo", 'There is no status "foo".'),
        ("/transactions/rows/?nonsense=1&ref=T1", 'There is no filter "nonsense".'),
        ("/transactions/rows/?" + "&".join(f"ref=T{number}" for number in range(101)), "100 transactions or fewer"),
        ("/transactions/new/?since=yesterday", "reload the page"),
        ("/transactions/new/?since=1e400~T1", "reload the page"),
        ("/transactions/new/?since=nan", "reload the page"),
        ("/transactions/new/?status=foo", 'There is no status "foo".'),
        ("/transactions/T1/live/?version=x", "is a number"),
    ],
)
def test_what_cannot_be_followed_is_refused_in_words(as_: As, address: str, says: str) -> None:
    begun("T1")

    answer = as_("hina").get(address)

    assert answer.status_code == 400
    assert says in answer.content.decode()


@pytest.mark.parametrize("address", ["/transactions/rows/?ref=T1", "/transactions/new/", "/transactions/T1/live/"])
def test_who_may_not_see_transactions_gets_none_of_it(as_: As, address: str) -> None:
    begun("T1")

    assert as_("admin").get(address).status_code == 403
    assert Client().get(address).status_code == 302


def test_the_parts_of_a_foreign_transaction_are_like_those_of_an_absent_one(as_: As) -> None:
    begun("FOREIGN1", "RIA")

    answers = [as_("hina").get(f"/transactions/{reference}/live/") for reference in ("FOREIGN1", "ABSENT1")]

    assert [answer.status_code for answer in answers] == [404, 404]


def test_the_parts_say_what_changed_since_the_page(as_: As) -> None:
    version = begun("T1").version
    telling.take_in(telling.stage("T1", 2, "validation"))

    hina = as_("hina")
    text = hina.get(f"/transactions/T1/live/?version={version}").content.decode()
    now = Transaction.objects.get(txn_id="T1").version

    assert "Changed by The platform" in text
    assert re.search(r"status Received .*Validated", text)
    assert "Changed by" not in hina.get(f"/transactions/T1/live/?version={now}").content.decode()


def test_outside_compliance_the_parts_speak_the_neutral_words(as_: As) -> None:
    version = begun("T1").version
    telling.take_in(
        telling.stage("T1", 2, "validation"),
        telling.screened("T1", 3, status="HITS"),
        telling.stage("T1", 4, "compliance_review", "STARTED"),
    )

    text = as_("hina").get(f"/transactions/T1/live/?version={version}").content.decode().lower()

    assert "pending" in text
    for word in ("in review", "screening", "compliance", "ofac", "hits"):
        assert word not in text, word


def test_a_page_that_stays_open_is_one_reading_an_hour_and_rows_are_none(as_: As) -> None:
    begun("T1")
    hina = as_("hina")
    viewed = AuditEvent.objects.filter(actor="hina", verb=Verb.VIEWED)
    for _ in range(3):
        hina.get("/transactions/rows/?ref=T1", headers=BACKGROUND)
        hina.get("/transactions/new/", headers=BACKGROUND)
    assert viewed.count() == 0

    for _ in range(3):
        hina.get("/transactions/T1/live/", headers=BACKGROUND)
    assert viewed.count() == 1, "nobody reads unrecorded by this way"
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=61)):
        as_("hina").get("/transactions/T1/live/", headers=BACKGROUND)
        as_("hina").get("/transactions/T1/live/", headers=BACKGROUND)
    assert viewed.count() == 2


def test_a_page_that_asks_by_itself_does_not_keep_the_session_alive(as_: As) -> None:
    begun("T1")
    hina = as_("hina")
    hina.get("/transactions/")
    seen = hina.session["last_seen"]
    with time_machine.travel(time.time() + 600):
        for address in ("/transactions/rows/?ref=T1", "/transactions/new/", "/transactions/T1/live/"):
            assert hina.get(address, headers=BACKGROUND).status_code == 200
        assert hina.get("/live/").status_code == 204, "pages alone serve no stream"
        assert hina.session["last_seen"] == seen
    with time_machine.travel(time.time() + 901):
        assert hina.get("/transactions/rows/?ref=T1", headers=BACKGROUND).status_code == 302


def test_new_rows_are_those_above_the_page_and_those_that_came_to_match(as_: As) -> None:
    begun("T1", ago=60), begun("T2", ago=50)
    hina = as_("hina")
    moment = time.time()
    new, status = f"/transactions/new/?since={moment}~T2", f"/transactions/new/?status=validated&since={moment}"
    assert "new" not in text_of(hina.get(new))

    begun("T3")
    begun("FOREIGN1", "RIA")
    telling.take_in(telling.stage("T1", 2, "validation"))

    assert "1 new" in text_of(hina.get(new))
    assert "1 new" in text_of(hina.get(status))
    telling.take_in(telling.stage("T1", 3, "intake"))
    assert "1 new" in text_of(hina.get(status)), "counted once, however often it moves"


def test_a_row_that_matched_before_is_not_new(as_: As) -> None:
    begun("T1", ago=60)
    telling.take_in(telling.stage("T1", 2, "validation"))
    hina = as_("hina")
    moment = time.time()

    telling.take_in(telling.screened("T1", 3), telling.stage("T1", 4, "screening"))

    assert "new" not in text_of(hina.get(f"/transactions/new/?status=validated&since={moment}"))


def text_of(answer: object) -> str:
    """What stands in the place of the new rows."""
    found = re.search(r"<div data-new>(.*?)</div>", answer.content.decode(), re.DOTALL)  # type: ignore[attr-defined]
    assert found is not None
    return re.sub(r"<[^>]+>", "", found[1])
