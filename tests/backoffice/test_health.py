"""The way in, and whether the product is well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backoffice import heartbeat, views
from backoffice.models import WorkerHeartbeat
from tests.backoffice.test_errors import database_down
from tests.factories.accounts import UserFactory
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked_anew() -> None:
    views._applied.clear()


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("hina", "/search/"),
        ("omar", "/exceptions/"),
        ("sana", "/exceptions/"),
        ("adeel", "/compliance/"),
        ("mehwish", "/compliance/"),
        ("tariq", "/transactions/"),
        ("rabia", "/transactions/"),
        ("bilal", "/transactions/"),
        ("nadia", "/transactions/"),
        ("admin", "/admin/"),
    ],
)
def test_everybody_begins_where_their_role_begins(name: str, address: str) -> None:
    client = signed_in(person(name))
    answer = client.get("/start/")
    assert (answer.status_code, answer.headers["Location"]) == (302, address)
    assert client.get(address).status_code == 200


def test_who_is_not_signed_in_is_asked_to() -> None:
    assert [Client().get(page).headers["Location"] for page in ("/", "/start/")] == ["/login/", "/login/"]


def test_who_has_no_role_begins_with_the_own_account() -> None:
    client = signed_in(UserFactory())
    assert [client.get(page).headers["Location"] for page in ("/", "/start/")] == ["/account/", "/account/"]
    assert client.get("/account/").status_code == 200


def test_a_process_is_well_without_asking_anybody() -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert len(queries) == 0


@pytest.mark.django_db(transaction=True)
def test_a_process_is_well_without_a_database_whoever_asks() -> None:
    client = signed_in(person("hina"))
    with database_down():
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").json()["status"] == "not ready"


def test_ready_when_database_migrations_and_worker_are_there() -> None:
    heartbeat.beat("worker")
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ready", "parts": {"database": "ok", "migrations": "ok", "worker": "ok"}},
    )


@pytest.mark.parametrize("silent_for", [timedelta(minutes=5), None], ids=["silent", "never there"])
def test_not_ready_without_a_sign_of_life_of_the_worker(silent_for: timedelta | None) -> None:
    if silent_for:
        WorkerHeartbeat.objects.create(name="worker", beat_at=timezone.now() - silent_for)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["parts"]) == (
        503,
        {"database": "ok", "migrations": "ok", "worker": "missing"},
    )


def test_not_ready_while_a_migration_is_missing() -> None:
    heartbeat.beat("worker")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'backoffice'")
    parts = Client().get("/readyz").json()["parts"]
    assert parts == {"database": "ok", "migrations": "missing", "worker": "ok"}


@pytest.mark.django_db(transaction=True)
def test_not_ready_without_a_database_and_no_word_of_our_insides() -> None:
    with database_down():
        answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (
        503,
        {"status": "not ready", "parts": {"database": "missing", "migrations": "missing", "worker": "missing"}},
    )


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
def test_nothing_can_be_sent_to_them(path: str, client: Any) -> None:
    assert client.post(path).status_code == 405
