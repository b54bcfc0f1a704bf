"""The shell of every page: the menu by right, the foot, the strips; and the pages that say that something is wrong."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.db import OperationalError
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils.functional import SimpleLazyObject

from accounts.errors import Refused, Throttled
from accounts.models import User
from audit import trail
from backoffice import context, errors

pytestmark = pytest.mark.django_db


def request_of(user: User | AnonymousUser, path: str = "/account/") -> HttpRequest:
    request = RequestFactory().get(path)
    request.user = user
    return request


def menu(user: User, path: str = "/account/") -> list[str]:
    return [line.label for line in context.menu_of(request_of(user, path))]


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


MORE = ["Exports", "Intake problems"]


def test_the_menu_shows_what_the_reader_may_open(hina: User, tariq: User, nadia: User, admin: User) -> None:
    assert menu(hina) == ["Dashboard", "Radar", "Search", "Transactions", "Inquiries"]
    first = ["Dashboard", "Radar", "Search", "Transactions"]
    assert menu(tariq) == [*first, "Exceptions", "RTGS", "Approvals", "Reports", *MORE]
    assert menu(nadia) == [
        "Dashboard",
        "Radar",
        "Search",
        "Transactions",
        "Compliance",
        "Inquiries",
        "Exceptions",
        "Approvals",
        "Reports",
        "e-PRC",
        *MORE,
        "Audit",
        "Administration",
    ]
    assert menu(admin) == ["Approvals", "Administration"]


def test_the_menu_marks_where_the_reader_is(hina: User) -> None:
    lines = context.menu_of(request_of(hina, "/transactions/PSL000000045/"))
    assert [line.label for line in lines if line.is_current] == ["Transactions"]


def test_the_menu_counts_what_waits_and_stops_at_ninety_nine(hina: User, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = list(Permission.objects.order_by("pk").values_list("pk", flat=True)[:100])
    for waiting, shown in ((0, ""), (7, "7"), (99, "99"), (100, "99+")):
        rows = Permission.objects.filter(pk__in=keys[:waiting])
        entry = context.Entry("Desk", "/desk/", "list", context.MENU[0].rights, waiting=lambda user, rows=rows: rows)
        monkeypatch.setattr(context, "MENU", [entry])
        hina.__dict__.pop("_waits", None)
        assert [line.waiting for line in context.menu_of(request_of(hina))] == [shown]


def test_every_page_has_its_landmarks_one_heading_and_a_way_past_the_menu(as_hina: Client) -> None:
    html = as_hina.get("/account/").content.decode()
    for landmark in ("<header", '<nav class="side" aria-label="Main"', '<main id="main" tabindex="-1"', "<footer"):
        assert html.count(landmark) == 1
    assert html.count("<h1") == 1
    assert re.search(r"<body[^>]*>\s*<a class=\"skip\" href=\"#main\">", html)
    assert '<html lang="en"' in html
    assert "- OpenRemit Backoffice</title>" in html


def test_the_foot_names_the_readers_zone_the_build_and_where_help_is(as_hina: Client) -> None:
    foot = words(as_hina.get("/account/").content.decode().partition("<footer")[2])
    assert "Times are in Pakistan Time (PKT, UTC+05:00)." in foot
    assert "Build 0.1.0" in foot
    assert "Keyboard shortcuts" in foot
    assert "Help" in foot


def test_a_theme_chosen_by_the_reader_is_written_by_the_server(hina: User, as_hina: Client) -> None:
    for theme, start in (("dark", "dark"), ("light", "light"), ("system", "light")):
        User.objects.filter(pk=hina.pk).update(theme=theme)
        assert f'data-bs-theme="{start}" data-theme="{theme}"' in as_hina.get("/account/").content.decode()


def test_the_environment_is_named_in_words(as_hina: Client, settings: Any) -> None:
    settings.ENVIRONMENT_NAME = "TEST DATA"
    assert (
        '<aside class="strip" aria-label="Environment">TEST DATA</aside>' in as_hina.get("/account/").content.decode()
    )
    settings.ENVIRONMENT_NAME = ""
    assert 'class="strip"' not in as_hina.get("/account/").content.decode()


def test_a_page_that_is_not_recorded_says_so(hina: User) -> None:
    with trail.acting(actor=hina.username, kind="USER"):
        assert "Reading is not being recorded." not in errors.not_found(request_of(hina)).content.decode()
        trail.context().unrecorded_readings.append("viewed")
        assert "Reading is not being recorded." in errors.not_found(request_of(hina)).content.decode()


def test_not_found_is_the_same_page_byte_for_byte_whatever_was_asked_for(as_hina: Client) -> None:
    def page(path: str) -> str:
        html = as_hina.get(path).content.decode()
        return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", html)

    assert page("/nothing/here/") == page("/nothing/there/")
    assert "Nothing is at this address" in page("/nothing/here/")
    assert page("/nothing/here/").count('action="/search/"') == 2


def test_forbidden_names_the_right_and_the_roles_that_have_it(hina: User) -> None:
    response = errors.forbidden(request_of(hina), "audit.view_trail")
    said = words(response.content.decode())
    assert response.status_code == 403
    assert "This needs the right to" in said
    assert "Roles that have it: Auditor" in said
    assert "It is granted by an administrator" in said


def test_a_refusal_says_its_sentence(hina: User) -> None:
    response = errors.refused(request_of(hina), Refused("Retry is possible only after a failure."))
    assert response.status_code == 409
    assert "Retry is possible only after a failure." in words(response.content.decode())


def test_throttled_says_until_when(hina: User) -> None:
    response = errors.refused(request_of(hina), Throttled("Wait until 14:20 PKT."))
    assert response.status_code == 429
    assert "Wait until 14:20 PKT." in words(response.content.decode())


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        ("not_done", "Nothing was done."),
        ("done", "What you sent was done."),
        ("unknown", "We do not know whether what you sent was done."),
    ],
)
@pytest.mark.parametrize("template", ["500.html", "503.html"])
def test_our_fault_says_what_became_of_the_work_without_asking_the_database(
    template: str, effect: str, said: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        html = render_to_string(template, {"effect": effect, "reference": "E-7F3K"})
    assert said in words(html)
    assert "E-7F3K" in html


def test_an_error_page_of_ours_needs_neither_reader_nor_database(django_assert_num_queries: Any) -> None:
    def away() -> User:
        raise OperationalError("the database is away")

    request = RequestFactory().get("/transactions/")
    request.user = SimpleLazyObject(away)
    with django_assert_num_queries(0):
        assert errors.failed(request, OperationalError("away")).status_code == 503
        assert errors.failed(request, RuntimeError("a mistake of ours")).status_code == 500


def test_an_old_form_is_refused_with_a_page_of_ours(hina: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(hina, backend="django.contrib.auth.backends.ModelBackend")
    response = client.post("/account/", {"theme": "dark"})
    assert response.status_code == 403
    assert "Nothing was sent." in words(response.content.decode())
