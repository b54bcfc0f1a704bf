"""Arranging the list: views of one's own and of a team, the one it opens with, the columns, the density."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from accounts.models import User
from audit.models import AuditEvent
from tests.factories.transactions import SavedViewFactory
from tests.people import person, signed_in
from tests.transactions.rows import NOW, lay
from transactions import actions, columns
from transactions.models import ListSettings, SavedView

pytestmark = pytest.mark.django_db

LIST, VIEWS = "/transactions/", "/transactions/views/"


def save(client: Client, name: str, query: str, **more: str) -> Any:
    return client.post(VIEWS, {"name": name, "query": query, "with_period": "on"} | more)


def strip(client: Client, query: str = "") -> dict[str, tuple[str, str]]:
    """The views above the list with their numbers: name → number, address."""
    page = client.get(f"{VIEWS}strip/?{query}").content.decode()
    found = re.findall(r'<a href="([^"]+)"[^>]*>([^<]+)</a> <span class="count">([^<]*)', page)
    return {name: (number, href.replace("&amp;", "&")) for href, name, number in found}


def verbs() -> list[str]:
    return [entry.said["verb"] for entry in AuditEvent.objects.order_by("seq")]


# Saving


def test_a_saved_view_keeps_the_question_with_relative_days_and_without_page_or_size(as_hina: Client) -> None:
    lay(1)
    answer = save(as_hina, "My failed", "status=failed&created=today&sort=created&size=25&after=PSL000000001")
    assert answer.headers["Location"] == f"{LIST}?status=failed&created=today&sort=created"
    assert SavedView.objects.get().query == "status=failed&created=today&sort=created"
    assert "view_saved" in verbs()
    page = as_hina.get(f"{LIST}?status=failed&created=today&sort=created&size=100").content.decode()
    assert 'aria-current="page">My failed</a>' in page


def test_a_view_may_leave_its_period_out(as_hina: Client) -> None:
    save(as_hina, "All failed", "status=failed&created=today&updated=7d", with_period="")
    assert SavedView.objects.get().query == "status=failed"


def test_what_looks_for_a_person_is_never_saved(as_hina: Client, hina: User) -> None:
    from transactions.search import keep

    lay(1, beneficiary_name="Farhan Qureshi")
    token = keep("Farhan Qureshi", hina)
    answer = save(as_hina, "Farhan", f"s={token}")
    assert answer.status_code == 409
    assert "A search for a person is not saved." in answer.content.decode()
    assert token not in "".join(SavedView.objects.values_list("query", flat=True))
    assert "Save this view" not in as_hina.get(f"{LIST}?s={token}").content.decode()


def test_a_bad_filter_is_not_saved(as_hina: Client) -> None:
    answer = save(as_hina, "Bad", "status=foo")
    assert answer.status_code == 400
    assert "There is no status" in answer.content.decode()
    assert not SavedView.objects.exists()


def test_a_name_is_needed_and_what_was_typed_is_kept(as_hina: Client) -> None:
    answer = save(as_hina, "  ", "status=failed")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Enter a name for the view" in page
    assert 'name="query" value="status=failed"' in page


def test_one_person_has_one_view_of_a_name(as_hina: Client, as_omar: Client) -> None:
    save(as_hina, "Mine", "status=failed")
    answer = save(as_hina, "mine", "status=pending")
    assert answer.status_code == 409
    assert "You have a view “mine” already. Choose another name." in answer.content.decode()
    assert save(as_omar, "Mine", "status=failed").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_save_the_same_name_at_once_make_one_view() -> None:
    user = person("hina")
    answers: list[int] = []
    together = threading.Barrier(4)

    def save_in_a_tab(place: int) -> None:
        client = signed_in(user)
        together.wait()
        answers.append(save(client, "Twice", f"amount_min={place + 1}").status_code)
        connection.close()

    threads = [threading.Thread(target=save_in_a_tab, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [302, 409, 409, 409]
    assert SavedView.objects.count() == 1
    assert verbs().count("view_saved") == 1


# Whose it is


def test_a_team_view_runs_under_the_readers_scope(as_hina: Client, as_omar: Client, omar: User, hina: User) -> None:
    lay(1), lay(2, partner="RIA"), lay(3, stage="credited")
    team = hina.groups.get()
    SavedViewFactory(owner=hina, name="For us", team=team, query="status=pending")
    other = person("sana")
    assert "For us" not in strip(signed_in(other))
    omar.groups.add(team)
    assert strip(as_hina)["For us"][0] == "1"
    assert strip(as_omar)["For us"][0] == "2"


def test_the_views_of_the_product_follow_the_roles(as_hina: Client, as_adeel: Client, as_bilal: Client) -> None:
    assert set(strip(as_hina)) == {"All today", "Pending over 30 min"}
    assert "In review" in strip(as_adeel)
    assert "Waiting at the counter" in strip(as_bilal)
    assert "In review" not in strip(as_bilal)


def test_nobody_reaches_another_persons_view(as_hina: Client, as_omar: Client, hina: User) -> None:
    save(as_hina, "Mine", "status=failed")
    key = SavedView.objects.get().key
    missing = as_omar.get(f"{VIEWS}no-such-view/")
    for method, address in [("get", ""), ("post", ""), ("post", "delete/"), ("post", "restore/"), ("post", "default/")]:
        answer = getattr(as_omar, method)(f"{VIEWS}{key}/{address}", {"name": "Theirs"})
        assert answer.status_code == missing.status_code == 404
    assert SavedView.objects.get().name == "Mine"
    assert "Mine" not in as_omar.get(VIEWS).content.decode()


def test_a_view_is_shared_with_ones_own_roles_only(as_hina: Client, hina: User) -> None:
    foreign = person("mehwish").groups.get()
    answer = save(as_hina, "Shared", "status=failed", team=str(foreign.pk))
    assert answer.status_code == 422
    with pytest.raises(actions.Refused, match="a role that you have"):
        actions.save_view("Shared", by=hina, query="status=failed", team=foreign.pk)
    save(as_hina, "Shared", "status=failed", team=str(hina.groups.get().pk))
    assert SavedView.objects.get().team == hina.groups.get()


def test_without_the_right_to_see_transactions_there_are_no_views(as_admin: Client, admin: User) -> None:
    from accounts.errors import MissingPermission

    for address in (VIEWS, f"{VIEWS}strip/", "/transactions/columns/"):
        assert as_admin.get(address).status_code == 403
    with pytest.raises(MissingPermission):
        actions.save_view("No", by=admin, query="")
    with pytest.raises(MissingPermission):
        actions.arrange_list(by=admin, columns="status")


# Changing


def test_a_view_can_be_renamed_deleted_and_taken_back(as_hina: Client) -> None:
    save(as_hina, "One", "status=failed"), save(as_hina, "Two", "status=pending")
    one = SavedView.objects.get(name="One")
    assert as_hina.post(f"{VIEWS}{one.key}/", {"name": "Two"}).status_code == 409
    as_hina.post(f"{VIEWS}{one.key}/", {"name": "First"})
    assert {"First", "Two"} < set(strip(as_hina))
    as_hina.post(f"{VIEWS}{one.key}/delete/")
    assert "First" not in strip(as_hina)
    assert "Undo" in as_hina.get(VIEWS).content.decode()
    as_hina.post(f"{VIEWS}{one.key}/restore/")
    assert "First" in strip(as_hina)
    as_hina.post(f"{VIEWS}{one.key}/delete/")
    save(as_hina, "first", "status=completed")
    answer = as_hina.post(f"{VIEWS}{one.key}/restore/")
    assert answer.status_code == 409
    assert "You have a view “First” already." in answer.content.decode()
    assert [verb for verb in verbs() if verb.startswith("view")][-1] == "view_saved"


# The numbers


def test_numbers_are_those_of_the_lists_and_kept_for_half_a_minute(as_hina: Client) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        lay(1), lay(2, stage="credited")
        assert strip(as_hina)["All today"] == ("2", f"{LIST}?created=today")
        lay(3)
        assert strip(as_hina)["All today"][0] == "2"
        assert as_hina.get(f"{LIST}?created=today").content.decode().count("<tr data-id") == 3
        clock.shift(31)
        assert strip(as_hina)["All today"][0] == "3"


def test_a_narrowed_scope_narrows_the_numbers_at_once(as_omar: Client, omar: User) -> None:
    with time_machine.travel(NOW, tick=False):
        lay(1)
        assert strip(as_omar)["All today"][0] == "1"
        omar.user_permissions.clear()
        assert strip(as_omar)["All today"][0] == "0"


def test_a_view_that_the_reader_may_not_ask_has_no_number(as_hina: Client, hina: User) -> None:
    SavedViewFactory(owner=hina, name="Foreign", query="partner=RIA")
    assert strip(as_hina)["Foreign"][0] == ""


# The view that the list opens with


def test_the_list_opens_with_the_chosen_view_and_all_is_still_reached(as_hina: Client) -> None:
    lay(1), lay(2, stage="failed_final")
    save(as_hina, "Failed", "status=failed")
    as_hina.post(f"{VIEWS}{SavedView.objects.get().key}/default/")
    assert as_hina.get(LIST).headers["Location"] == f"{LIST}?status=failed"
    page = as_hina.get(f"{LIST}?status=failed").content.decode()
    assert f'href="{LIST}?view=all">Clear all filters' in page
    assert as_hina.get(f"{LIST}?view=all").content.decode().count("<tr data-id") == 2
    as_hina.post(f"{VIEWS}{SavedView.objects.get().key}/delete/")
    assert as_hina.get(LIST).status_code == 200
    as_hina.post(f"{VIEWS}today/default/")
    assert as_hina.get(LIST).headers["Location"] == f"{LIST}?created=today"
    as_hina.post(f"{VIEWS}none/default/")
    assert as_hina.get(LIST).status_code == 200


# Columns and density


def headings(client: Client, query: str = "") -> list[str]:
    page = client.get(f"{LIST}?{query}").content.decode()
    return re.findall(r'<th scope="col"[^>]*>(?:<a[^>]*>)?([A-Za-z ]+[a-z])', page)


def test_columns_are_kept_per_person_and_the_address_wins(as_hina: Client, as_omar: Client) -> None:
    lay(1)
    as_hina.post("/transactions/columns/", {"shown": ["status", "branch", "created"], "query": "status=pending"})
    assert headings(as_hina) == ["Reference", "Status", "Branch", "Created"]
    assert headings(as_hina, "cols=age,type") == ["Reference", "Age", "Type"]
    assert headings(as_hina) == ["Reference", "Status", "Branch", "Created"]
    assert len(headings(as_omar)) == 1 + len(columns.DEFAULT)
    assert verbs()[-1] == "list_arranged" or "list_arranged" in verbs()


def test_keeping_columns_leads_back_to_the_same_question_without_its_columns(as_hina: Client) -> None:
    answer = as_hina.post("/transactions/columns/", {"shown": ["age"], "query": "status=pending&cols=type&size=25"})
    assert answer.headers["Location"] == f"{LIST}?status=pending&size=25"


def test_a_column_moves_by_its_button_without_javascript(as_hina: Client) -> None:
    order = list(columns.BY_KEY)
    form = {"shown": ["created", "partner"], "order": order, "move": "partner:up"}
    page = as_hina.post("/transactions/columns/", form).content.decode()
    assert re.findall(r'name="order" value="(\w+)"', page)[:2] == ["partner", "created"]
    assert not ListSettings.objects.exists()


@pytest.mark.parametrize("sent", [{}, {"shown": ["colour"]}, {"shown": ["age"], "move": "x" * 100}])
def test_columns_that_cannot_be_are_refused_with_a_sentence(as_hina: Client, sent: dict[str, Any]) -> None:
    answer = as_hina.post("/transactions/columns/", sent)
    assert answer.status_code == 422
    assert "There is a problem" in answer.content.decode()
    assert not ListSettings.objects.exists()


def test_the_density_is_kept_and_the_list_stays(as_hina: Client, hina: User) -> None:
    answer = as_hina.post("/transactions/density/", {"density": "compact", "query": "status=failed"})
    assert answer.headers["Location"] == f"{LIST}?status=failed"
    hina.refresh_from_db()
    assert hina.density == "compact"
    assert as_hina.post("/transactions/density/", {"density": "tiny"}).status_code == 400


@pytest.fixture(autouse=True)
def _fresh_cache() -> Callable[[], None]:
    from django.core.cache import cache

    cache.clear()
    return cache.clear
