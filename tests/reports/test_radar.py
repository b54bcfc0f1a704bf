"""The radar says where money stands, for whom, how long, and whether something moves."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.http import QueryDict
from django.test import Client

from accounts.models import User
from backoffice.reports.alarms import watch
from backoffice.reports.figures import Ground
from backoffice.reports.radar import Radar
from tests.people import person, signed_in
from tests.reports.test_dashboard import followed
from tests.transactions.rows import NOW, lay

pytestmark = pytest.mark.django_db


def radar_of(user: User, query: str = "") -> Radar:
    return Radar(Ground(QueryDict(query), user, NOW, path="/radar/", usual=""))


def stuck() -> None:
    stages = ["payment", "settlement", "screening", "compliance_review", "failed_retryable", "credited", "returned"]
    for number in range(28):
        lay(
            number,
            stage=stages[number % 7],
            partner=["INSTANTCASH", "RIA"][number % 2],
            branch=["1003", ""][number % 3 == 0],
            rail=["1LINK", "", "SWIFT"][number % 4 % 3],
            stage_deadline=NOW - timedelta(minutes=1) if number % 2 else NOW + timedelta(hours=1),
            stage_since=NOW - timedelta(minutes=number),
        )


@pytest.mark.parametrize("name", ["hina", "omar", "mehwish", "bilal"])
def test_every_number_of_the_radar_is_the_number_of_rows_behind_its_link(name: str) -> None:
    user = person(name)
    stuck()
    with time_machine.travel(NOW, tick=False):
        found = followed(signed_in(user), "/radar/")
        assert any(count for count, _ in found.values())
        assert {url: pair for url, pair in found.items() if pair[0] != pair[1]} == {}


def test_everything_on_its_way_stands_on_exactly_one_line(omar: User, mehwish: User) -> None:
    stuck()
    for user in (omar, mehwish):
        assert sum(line.figure.number for line in radar_of(user).lines) == 20
        assert sum(line.late.number for line in radar_of(user).lines) == 10


def test_the_worst_stands_first(omar: User) -> None:
    lay(1, stage="payment", stage_since=NOW - timedelta(hours=3))
    lay(2, stage="settlement", stage_since=NOW - timedelta(hours=9))
    lay(3, stage="title_fetch", stage_since=NOW - timedelta(hours=1), stage_deadline=NOW - timedelta(minutes=1))
    assert [line.stage for line in radar_of(omar).lines] == ["Title fetch", "Settlement", "Payment"]


def test_outside_compliance_checks_are_one_line_without_a_hint(as_omar: Client, omar: User, mehwish: User) -> None:
    lay(1, stage="screening", rail="")
    lay(2, stage="compliance_review", rail="")
    (line,) = radar_of(omar).lines
    assert (line.stage, line.rail, line.figure.number) == ("Checks", "No rail yet", 2)
    assert sorted(line.stage for line in radar_of(mehwish).lines) == ["Compliance review", "Screening"]
    main = as_omar.get("/radar/").content.decode().partition("<main")[2]
    assert not re.search(r"screen|complian|review", main, re.IGNORECASE)


def test_the_trend_says_what_changed_in_about_an_hour(omar: User, hina: User) -> None:
    lay(1, stage="payment")
    watch(NOW - timedelta(minutes=62))
    watch(NOW - timedelta(minutes=61))
    lay(2, stage="payment")
    assert [line.trend for line in radar_of(omar).lines] == ["1 more than an hour ago"]
    assert [line.trend for line in radar_of(omar, "partner=INSTANTCASH").lines] == [""]


def test_it_says_when_something_last_came_and_how_often_it_does(as_omar: Client, as_bilal: Client) -> None:
    for number in range(12):
        lay(number, received_at=NOW - timedelta(seconds=20 * number), stage="credited", status_since=NOW)
    with time_machine.travel(NOW + timedelta(minutes=14), tick=False):
        page = re.sub(r"<[^>]+>", "", as_omar.get("/radar/").content.decode())
        assert re.search(r"Last event from \w[\w ]* 14 min ago, usually every 20 s: silent\.", page)
        assert "Nothing has come from the platform yet." in page
        assert "No worker runs: commands, jobs and alarms wait until one is started." in page
        assert "Last event from" not in as_bilal.get("/radar/").content.decode()


@pytest.mark.parametrize("apart", [timedelta(0), timedelta(milliseconds=40)])
def test_of_what_comes_together_it_says_so(as_omar: Client, apart: timedelta) -> None:
    for number in range(12):
        lay(number, received_at=NOW - number * apart, stage="credited", status_since=NOW)
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        page = re.sub(r"<[^>]+>", "", as_omar.get("/radar/").content.decode())
    assert re.search(r"Last event from \w[\w ]* 1 min ago, usually several at once\.", page)


def test_a_filter_that_is_not_known_is_named(as_omar: Client) -> None:
    html = as_omar.get("/radar/?colour=red").content.decode()
    assert "There is no filter &quot;colour&quot;." in html
    assert "data-figure" not in html
