"""Around every request: its id, its headers, and refusals that are pages and entries of the trail."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Partner
from audit.models import AuditEvent
from audit.verbs import Verb
from tests.people import person, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.backoffice.failing_urls")]


@pytest.fixture
def browser_of_hina() -> Client:
    return signed_in(person("hina"))


def last(verb: Verb) -> AuditEvent:
    entry = AuditEvent.objects.filter(verb=verb).newest_first().first()
    assert entry is not None
    return entry


def test_every_request_has_an_id_that_joins_its_entries(browser_of_hina: Client) -> None:
    answer = browser_of_hina.get("/fails/who/", REMOTE_ADDR="10.0.0.7")
    assert answer.headers["X-Request-Id"] == answer.content.decode() == last(Verb.VIEWED).request_id
    said = last(Verb.VIEWED).said
    assert (said["kind"], said["actor"], said["ip"]) == ("USER", "hina", "10.0.0.7")


def test_nobody_chooses_the_id_of_a_request(browser_of_hina: Client) -> None:
    chosen = "0123456789abcdef0123456789abcdef"
    answer = browser_of_hina.get("/fails/who/", headers={"X-Request-Id": chosen})
    assert answer.headers["X-Request-Id"] != chosen
    assert last(Verb.VIEWED).request_id != chosen


def test_two_requests_have_two_ids(browser_of_hina: Client) -> None:
    ids = {browser_of_hina.get("/fails/who/").content for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("path", ["/login/", "/fails/who/", "/fails/unexpected/", "/no/such/page/", "/healthz"])
def test_nothing_is_kept_by_a_browser_or_a_proxy(path: str, browser_of_hina: Client) -> None:
    browser_of_hina.raise_request_exception = False
    answer = browser_of_hina.get(path)
    assert {"no-store", "private"} <= set(answer.headers["Cache-Control"].split(", "))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "X-Request-Id" in answer.headers


def test_a_refusal_is_a_page_with_its_sentence_and_nothing_was_done(browser_of_hina: Client) -> None:
    answer = browser_of_hina.post("/fails/refused/")
    assert answer.status_code == 409
    assert "The file is still being read." in answer.content.decode()
    assert not Partner.objects.filter(code="HALFDONE").exists()


def test_a_refusal_is_recorded_after_what_was_asked_is_rolled_back(browser_of_hina: Client) -> None:
    browser_of_hina.post("/fails/refused/")
    entry = last(Verb.REFUSED)
    assert (entry.actor, entry.object_type, entry.object_id, entry.result) == (
        "hina",
        "gateway.delivery",
        "D-1",
        "FAILED",
    )
    assert entry.said["reason"] == "The file is still being read."
    assert entry.said["facts"] == {"path": "/fails/refused/", "method": "POST", "deed": "import"}


def test_a_part_of_a_page_is_answered_with_a_part(browser_of_hina: Client) -> None:
    answer = browser_of_hina.post("/fails/refused/", headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "<html" not in answer.content.decode()
    assert "The file is still being read." in answer.content.decode()


def test_too_many_of_something_says_until_when(browser_of_hina: Client) -> None:
    answer = browser_of_hina.post("/fails/throttled/")
    assert answer.status_code == 429
    assert "Wait until 14:05." in answer.content.decode()


def test_a_missing_right_is_named_with_the_roles_that_have_it(browser_of_hina: Client) -> None:
    answer = browser_of_hina.get("/fails/guarded/")
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "reveal an identity number or date of birth" in page
    for role in ("Compliance analyst", "Compliance officer", "Branch operator", "Auditor"):
        assert role in page
    assert "administrator" in page
    entry = last(Verb.DENIED)
    assert (entry.actor, entry.result) == ("hina", "DENIED")
    assert entry.said["facts"]["permission"] == "transactions.reveal_identity"


def test_a_denial_without_a_named_right_is_recorded_too(browser_of_hina: Client) -> None:
    assert browser_of_hina.get("/fails/denied/").status_code == 403
    assert last(Verb.DENIED).said["facts"]["path"] == "/fails/denied/"


def test_a_page_of_nobody_and_a_page_of_somebody_else_are_the_same(browser_of_hina: Client) -> None:
    raised = browser_of_hina.get("/fails/absent/")
    unknown = browser_of_hina.get("/fails-not-at-all/")
    assert (raised.status_code, unknown.status_code) == (404, 404)
    assert _without_token(raised) == _without_token(unknown)
    assert "secret" not in raised.content.decode()


def _without_token(answer: Any) -> str:
    page = answer.content.decode()
    for line in page.splitlines():
        if "csrfmiddlewaretoken" in line:
            page = page.replace(line, "")
    return str(page)


@pytest.mark.parametrize("path", ["/transactions/PSL%00/", "/search/?s=%00", "/transactions/?status=a%00b"])
def test_an_address_that_nothing_can_have_is_a_bad_request(path: str, browser_of_hina: Client) -> None:
    assert browser_of_hina.get(path).status_code == 400


@pytest.mark.parametrize("what", ["bad-request", "suspicious"])
def test_an_unreadable_request_is_no_fault_of_ours(what: str, browser_of_hina: Client) -> None:
    assert browser_of_hina.get(f"/fails/{what}/").status_code == 400
