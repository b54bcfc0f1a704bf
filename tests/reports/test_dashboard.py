"""The dashboard says what the lists say, to each reader what is theirs, and names what it does not understand."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.http import QueryDict
from django.test import Client

from accounts.models import User
from backoffice.reports.charts import stacked
from backoffice.reports.dashboard import Dashboard, base_of
from backoffice.reports.figures import Figure, Ground
from exceptions.models import ExceptionItem, Kind
from tests.people import person, signed_in
from tests.transactions.rows import NOW, lay
from transactions.models import Event, ReasonCode
from transactions.vocabulary import EventType

pytestmark = pytest.mark.django_db

KARACHI = ZoneInfo("Asia/Karachi")
FIGURES = re.compile(r'data-figure="(\d+)"[^>]*?href="([^"]+)"|href="([^"]+)" data-figure="(\d+)"')
HEADING = re.compile(r'<h1>[^<]*?(?:<span class="count">([\d,]+)</span>)?\s*</h1>')


def at_noon(user: User, query: str = "", now: datetime = NOW) -> Dashboard:
    return Dashboard(Ground(QueryDict(query), user, now, path="/"))


def followed(client: Client, page: str, *, how_many: int = 12) -> dict[str, tuple[int, int]]:
    """Some of the addresses that numbers of the page lead to, each with the number and the rows of its list. The proof
    of the numbers follows them all.
    """
    html, found = client.get(page).content.decode(), {}
    links = FIGURES.findall(html)
    for number, address, other, count in random.Random(6).sample(links, min(how_many, len(links))):
        url = unescape(address or other)
        heading = HEADING.search(client.get(url).content.decode())
        assert heading, url
        found[url] = (int(number or count), int((heading[1] or "0").replace(",", "")))
    return found


def some_days() -> None:
    stages = ["credited", "credited", "failed_final", "failed_retryable", "payment", "compliance_review", "screening"]
    for number in range(28):
        lay(
            number,
            partner=["INSTANTCASH", "RIA"][number % 2],
            branch=["1003", "2001", ""][number % 3],
            stage=stages[number % len(stages)],
            reason_code="AC01" if number % 7 in (2, 3) else "",
            settled_currency=["PKR", "KWD"][number % 5 == 0],
            origin_country=["AE", ""][number % 4 == 0],
            destination_country="PK",
            received_at=NOW - timedelta(hours=number * 3, minutes=7),
            stage_deadline=NOW - timedelta(minutes=1) if number % 4 == 0 else None,
        )


@pytest.mark.parametrize("name", ["hina", "omar", "mehwish", "bilal"])
def test_every_number_is_the_number_of_rows_behind_its_link(name: str) -> None:
    user = person(name)
    some_days()
    with time_machine.travel(NOW, tick=False):
        for query in ("?range=7d", "?range=2026-11-19..2026-11-21&branch=1003"):
            found = followed(signed_in(user), f"/{query}")
            assert len(found) > 5
            assert {url: pair for url, pair in found.items() if pair[0] != pair[1]} == {}


def test_the_five_statuses_and_the_columns_add_up_to_what_was_received(sana: User) -> None:
    some_days()
    board = at_noon(sana, "range=30d")
    assert board.received.number == 28
    assert sum(figure.number for _, _, figure in board.statuses) == 28
    assert sum(column.whole.number for column in board.chart.columns) == 28
    assert sum(part.number for column in board.chart.columns for part in column.parts) == 28
    for lines in (board.partners, board.branches, board.corridors):
        assert sum(line.figure.number for line in lines) == 28
    assert sum(figure.number for _, figure, _ in board.by_currency) == 28


def test_outside_compliance_nothing_says_that_somebody_is_checked(as_omar: Client, as_mehwish: Client) -> None:
    ReasonCode.objects.update_or_create(
        code="RR04", defaults={"sentence": "Regulatory reason", "family": "compliance", "retry_class": "COMPLIANCE"}
    )
    row = lay(1, stage="compliance_review", received_at=NOW)
    lay(2, stage="rejected_compliance", received_at=NOW, reason_code="AC01")
    lay(3, stage="failed_final", received_at=NOW, reason_code="RR04")
    for sequence, stage in ((1, "screening"), (2, "compliance_review")):
        Event.objects.create(
            transaction=row, sequence=sequence, event_id=f"e{sequence}", source="/x", type=EventType.STAGE, time=NOW,
            received_at=NOW, batch="8d5b0c1e-2f0d-4f63-9a51-000000000001", digest=b"", stage=stage, data={},
            started_at=NOW - timedelta(minutes=sequence), ended_at=NOW,
        )  # fmt: skip
    with time_machine.travel(NOW, tick=False):
        outside, inside = (one.get("/").content.decode() for one in (as_omar, as_mehwish))
    main = outside.partition("<main")[2].partition("</main")[0]
    assert not re.search(r"screen|complian|sanction|review|reject|match|regulator", main, re.IGNORECASE)
    assert "Not accepted" in main
    assert "Checks" in main
    for words in ("In review", "Screening", "Review", "Regulatory reason"):
        assert words in inside


@pytest.mark.parametrize(
    ("text", "name", "start", "end"),
    [
        ("today", "last Sunday to 14:03", "2026-11-15 00:00", "2026-11-15 14:03"),
        ("yesterday", "Saturday 14 Nov 2026", "2026-11-14 00:00", "2026-11-15 00:00"),
        ("7d", "the 7 d before", "2026-11-08 14:03", "2026-11-15 14:03"),
        ("month", "October as far as day 22, 14:03", "2026-10-01 00:00", "2026-10-22 14:03"),
        ("2026-11-01..2026-11-10", "the 10 d before", "2026-10-22 00:00", "2026-11-01 00:00"),
    ],
)
def test_what_a_period_is_compared_with_has_a_name(sana: User, text: str, name: str, start: str, end: str) -> None:
    ground = Ground(QueryDict(f"range={text}"), sana, NOW, path="/")
    found = base_of(text, ground.span.start, ground.span.end, NOW, KARACHI)
    assert found is not None
    assert [found[0], *(f"{moment.astimezone(KARACHI):%Y-%m-%d %H:%M}" for moment in found[1:])] == [name, start, end]


def test_the_comparison_is_a_link_to_the_same_time_before(sana: User) -> None:
    for number, days in enumerate((0, 0, 0, 7)):
        lay(number, received_at=NOW - timedelta(days=days, minutes=number))
    lay(9, received_at=NOW - timedelta(days=7) + timedelta(seconds=1))
    board = at_noon(sana)
    assert board.base
    assert (board.base.figure.number, board.change) == (1, "+200 %")
    assert board.base.figure.url == "/transactions/?created=2026-11-15T00%3A00..2026-11-15T14%3A03%3A22"


def test_the_first_column_of_a_rolling_period_begins_where_the_period_does(sana: User) -> None:
    lay(1, received_at=NOW - timedelta(hours=24))
    lay(2, received_at=NOW - timedelta(hours=24, microseconds=1))
    first = at_noon(sana, "range=24h").chart.columns[0]
    assert (first.name, first.whole.number) == ("14:00", 1)
    assert first.whole.url.endswith("created=2026-11-21T14%3A03%3A22..2026-11-21T15%3A00")


def test_the_chart_steps_by_hours_then_days_then_months(sana: User) -> None:
    lay(1, received_at=NOW)
    assert [at_noon(sana, f"range={text}").unit for text in ("today", "7d", "90d", "..2026-11-22")] == [
        "hour",
        "day",
        "month",
        "month",
    ]


def test_days_begin_in_the_zone_of_the_reader(sana: User) -> None:
    lay(1, received_at=datetime(2026, 11, 21, 19, 30, tzinfo=UTC))
    assert at_noon(sana).received.number == 1
    sana.time_zone = "UTC"
    assert at_noon(sana).received.number == 0


def test_work_per_person_is_for_those_who_answer_for_it(omar: User, sana: User, nadia: User) -> None:
    row = lay(1, stage="failed_retryable", received_at=NOW)
    ExceptionItem.objects.create(
        transaction=row, kind=Kind.FAILED, opened_at=NOW, reason="x", assignee=omar, assigned_at=NOW
    )
    assert at_noon(omar).people == []
    (mine,) = at_noon(sana).people
    assert (mine.name, mine.in_hand) == (str(omar), Figure(1, "/exceptions/?state=all&assigned=omar"))
    assert mine.approvals is None
    with time_machine.travel(NOW, tick=False):
        assert signed_in(nadia).get("/").content.decode().count("/exceptions/?state=all&amp;assigned=omar") == 1


def test_an_address_that_is_not_understood_shows_no_number(as_sana: Client) -> None:
    lay(1)
    html = as_sana.get("/?range=foo&colour=red").content.decode()
    assert "There is no filter &quot;colour&quot;." in html
    assert "data-figure" not in html
    assert "Dashboard, a filter is not known" in html


def test_what_the_form_sends_is_answered_with_its_plain_address(as_sana: Client) -> None:
    answer = as_sana.get("/?range=&range_from=1+Nov+2026&range_to=2+Nov+2026&partner=&branch=")
    assert (answer.status_code, answer["Location"]) == (302, "/?range=1+Nov+2026..2+Nov+2026")


def test_an_empty_day_says_so_and_when_the_last_one_came(as_sana: Client) -> None:
    lay(1, received_at=NOW - timedelta(days=3))
    with time_machine.travel(NOW, tick=False):
        html = as_sana.get("/").content.decode()
    assert "No transactions received in this period." in html
    assert "19 Nov 2026, 14:03:22 PKT" in html


def test_a_column_says_its_parts_and_its_scale_ends_on_a_round_number() -> None:
    from backoffice.reports.charts import Column

    series = [("failed", "Failed"), ("completed", "Completed")]
    parts = [Figure(3, "/f"), Figure(117, "/c")]
    chart = stacked(
        series,
        [Column("14:00", Figure(120, "/a"), parts), Column("15:00", Figure(0, "/b"), [Figure(0, ""), Figure(0, "")])],
        of="at",
    )
    assert chart.bars[0].says == "14:00: 120 (3 failed, 117 completed)"
    assert [value for _, value in chart.scale] == [0, 100, 200]
    assert sum(mark.height for mark in chart.bars[0].marks) == pytest.approx(96)
    assert chart.summary == "120 in all; the most, 120, at 14:00."
    assert chart.bars[1].marks == []
