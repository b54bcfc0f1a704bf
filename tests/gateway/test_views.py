"""The door over HTTP: what it takes, what it refuses, and what it keeps."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from audit.models import AuditEvent
from backoffice.gateway import views
from backoffice.gateway.models import Delivery, Verdict
from tests.gateway.telling import paid, post, received, stage
from transactions.models import Transaction

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ria")]


def test_one_event_and_a_batch_are_taken_in() -> None:
    first = post(received())
    assert first.status_code == 200
    assert first.json() == {
        "accepted": 1,
        "duplicate": 0,
        "rejected": 0,
        "events": [{"id": "T1.1", "result": "accepted", "errors": []}],
    }
    second = post(paid())
    assert (second.json()["accepted"], second.json()["duplicate"]) == (7, 1)
    assert post([]).json() == {"accepted": 0, "duplicate": 0, "rejected": 0, "events": []}


def test_the_body_is_kept_exactly_as_it_came() -> None:
    raw = b" [ \n" + json.dumps(received()).encode() + b"\t]"
    post(raw, message_id="msg_kept")
    delivery = Delivery.objects.get()
    assert (bytes(delivery.body), delivery.message_id, delivery.source) == (raw, "msg_kept", "webhook")


def test_a_replay_inside_five_minutes_is_answered_with_duplicates() -> None:
    at = int(time.time()) - 200
    post(paid(), message_id="msg_1", at=at)
    again = post(paid(), message_id="msg_1", at=at)
    assert (again.status_code, again.json()["duplicate"], again.json()["accepted"]) == (200, 8, 0)


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-id": "another"},
        {"webhook-timestamp": "0"},
        {"webhook-timestamp": "tomorrow"},
        {"webhook-signature": "v1,\xe9"},
    ],
)
def test_a_bad_signature_is_refused_and_nothing_is_kept(headers: dict[str, str]) -> None:
    answer = post(paid(), headers=headers)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert not Delivery.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("skew", [-400, 400])
def test_a_clock_that_is_off_by_more_than_five_minutes_is_refused(skew: int) -> None:
    assert post(paid(), at=int(time.time()) + skew).status_code == 401


def test_several_secrets_are_valid_while_one_is_changed(settings: Any) -> None:
    old, new = settings.INTAKE_SIGNING_SECRETS[0], "whsec_bmV3LXNlY3JldC1vZi10aGUtcGxhdGZvcm0="
    settings.INTAKE_SIGNING_SECRETS = [new, old]
    assert post(received("A"), secret=old).status_code == 200
    assert post(received("B"), secret=new).status_code == 200
    settings.INTAKE_SIGNING_SECRETS = [new]
    assert post(received("C"), secret=old).status_code == 401


@pytest.mark.parametrize(
    "raw", [b" ", b"{", b"[NaN]", b"\xff", b'[{"a":1,"a":2}]', b"[" * 50_000, b'["\\u0000"]', b"7", b"{}", b'"x"']
)
def test_a_signed_body_that_cannot_be_read_is_kept_and_told(raw: bytes) -> None:
    answer = post(raw)
    assert answer.status_code == 400
    problem = answer.json()
    assert (problem["status"], problem["title"], problem["type"]) == (400, "Bad Request", "about:blank")
    assert problem["detail"]
    delivery = Delivery.objects.get()
    assert (bytes(delivery.body), delivery.accepted, delivery.rejected) == (raw, 0, 1)
    assert Verdict.objects.get().errors[0]["message"] == problem["detail"]


def test_the_content_type_and_the_body_must_agree() -> None:
    assert post(paid(), content_type="application/cloudevents+json").status_code == 400
    assert post(received(), content_type="application/cloudevents-batch+json").status_code == 400
    assert post(received(), content_type="application/cloudevents+json; charset=utf-8").status_code == 200
    for other in ("application/json", "text/plain", "", "multipart/form-data"):
        assert post(b"{}", content_type=other).status_code == 415


def test_more_than_a_thousand_events_are_refused() -> None:
    answer = post([1] * 1_001)
    assert answer.status_code == 400
    assert "1,000" in answer.json()["detail"]
    assert len(post([1] * 1_000).json()["events"]) == 1_000


def test_more_than_five_megabytes_are_refused_and_nothing_is_kept() -> None:
    assert post(b" " * (5 * 1024 * 1024 + 1)).status_code == 413
    assert not Delivery.objects.exists()
    padded = json.dumps([received()]).encode().ljust(4_900_000)
    assert post(padded).status_code == 200


def test_a_body_that_lies_about_its_length_is_cut_off() -> None:
    answer = post(b"[]", headers={"Content-Length": "99999999999999999999"})
    assert answer.status_code == 413


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_only_posts_are_taken(client: Client, method: str) -> None:
    answer = getattr(client, method)("/gateway/events")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_no_cookie_is_needed_and_none_helps(as_omar: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert post(received(), client=strict).status_code == 200
    assert as_omar.post("/gateway/events", b"[]", content_type="application/cloudevents-batch+json").status_code == 401


def test_a_database_that_is_not_there_asks_the_platform_to_send_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(views, "receive", down)
    answer = post(received())
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer["Content-Type"] == "application/problem+json"


def test_a_trail_that_cannot_be_written_takes_nothing_in(monkeypatch: pytest.MonkeyPatch) -> None:
    from audit import trail

    def broken(body: str) -> None:
        raise OperationalError("no right to write the trail")

    monkeypatch.setattr(trail, "_append", broken)
    assert post(paid()).status_code == 503
    assert not Transaction.objects.exists()


def test_compressed_bodies_are_told_apart() -> None:
    assert post(gzip.compress(b"[]")).status_code == 400


# -- what operators see -----------------------------------------------------------------------------------------------


def test_people_without_the_right_do_not_open_the_problems(as_hina: Client, as_bilal: Client, as_admin: Client) -> None:
    for browser in (as_hina, as_bilal, as_admin):
        assert browser.get("/gateway/problems/").status_code == 403
    assert Client().get("/gateway/problems/").status_code == 302


def test_everything_is_shown_to_those_who_see_everything(as_omar: Client) -> None:
    post([received("A"), received("A", details={"payingAmount": "1.00"}), stage("Z", 2, "intake"), {"id": "odd/one"}])
    page = as_omar.get("/gateway/problems/").content.decode()
    for shown in ("A.1", "was sent before with another body", "odd/one", "Z.2"):
        assert shown in page
    assert "A.1" not in as_omar.get("/gateway/problems/?result=rejected").content.decode()
    assert "odd/one" not in as_omar.get("/gateway/problems/?until=2020-01-01").content.decode()


def test_a_filter_that_is_not_understood_shows_no_rows(as_omar: Client) -> None:
    post([{"id": "odd/one"}])
    for query in ("result=maybe", "since=soon", "colour=red"):
        answer = as_omar.get(f"/gateway/problems/?{query}")
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "odd/one" not in page
        assert "Remove it to see results" in page


def test_people_of_one_partner_see_only_its_problems() -> None:
    from accounts.permissions import Role
    from tests.factories.accounts import PartnerFactory, UserFactory, grant, permission
    from tests.people import signed_in

    xpress = PartnerFactory(code="XPRESS")
    person = UserFactory(roles=[Role.OPERATIONS_MAKER])
    grant(person, xpress)
    person.user_permissions.add(permission("accounts.all_branches"))
    post([received("A"), received("A", details={"payingAmount": "1.00"}), stage("Z", 2, "intake"), {"id": "nobodys"}])
    post([received("B", partner="XPRESS", details={"payingAmount": "zero"})])
    page = signed_in(person).get("/gateway/problems/").content.decode()
    assert "B.1" in page
    for hidden in ("A.1", "Z.2", "nobodys"):
        assert hidden not in page
