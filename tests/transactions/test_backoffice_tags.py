"""The components of every page: what they say to the eye and to a screen reader; nothing typed becomes markup."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import timezone

from transactions.lifecycle import POSITION
from transactions.vocabulary import Badge, Stage

NOW = dt.datetime(2026, 11, 22, 9, 3, 22, tzinfo=dt.UTC)
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture(autouse=True)
def in_karachi() -> Iterator[None]:
    with timezone.override(ZoneInfo("Asia/Karachi")):
        yield


def show(tag: str, **context: Any) -> str:
    return Template("{% load backoffice_tags %}" + tag).render(Context({"page_time": NOW} | context))


class Elements(HTMLParser):
    """The names of the elements that a browser would make."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)


def text(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)


def transaction(stage: str, step: str = "payment") -> SimpleNamespace:
    return SimpleNamespace(stage=stage, status=POSITION[Stage(stage)][0].value, step=step)


@pytest.mark.parametrize("stage", Stage.values)
def test_every_stage_has_one_badge_with_a_drawing_and_its_status_in_its_name(stage: str) -> None:
    html = show("{% status t %}", t=transaction(stage), sees_compliance=True)
    assert html.count('class="st ') == 1
    assert html.count("<svg") == 1
    assert POSITION[Stage(stage)][0].label.lower() in text(html).lower()


@pytest.mark.parametrize(
    ("stage", "inside_compliance", "outside"),
    [("compliance_review", "In review (pending)", "Pending"), ("rejected_compliance", "Rejected (failed)", "Failed")],
)
def test_outside_compliance_the_badge_hints_at_nothing(stage: str, inside_compliance: str, outside: str) -> None:
    assert text(show("{% status t %}", t=transaction(stage), sees_compliance=True)) == inside_compliance
    for reader in ({"sees_compliance": False}, {}):
        html = show("{% status t %}", t=transaction(stage), **reader)
        assert text(html) == outside
        assert "review" not in html
        assert "reject" not in html


def test_a_badge_word_alone_makes_the_same_badge() -> None:
    for badge in Badge:
        assert f"st-{badge.value}" in show("{% status word compliance=True %}", word=badge.value)
    assert text(show("{% status 'returned' %}")) == "Returned (failed)"


def test_a_word_that_nobody_knows_is_shown_as_unknown_and_never_green() -> None:
    html = show("{% status word %}", word=HOSTILE)
    assert "st-unknown" in html
    assert "Unknown (" in html
    assert "<script" not in html


def test_an_amount_keeps_its_code_and_digits_together() -> None:
    html = show("{% money a 'PKR' %}", a=Decimal("110227"))
    assert text(html) == "PKR&nbsp;110,227.00"


def test_a_negative_amount_is_read_out_as_minus() -> None:
    html = show("{% money a 'PKR' %}", a=Decimal("-5"))
    assert "minus </span>" in html
    assert "\N{MINUS SIGN}" in html


@pytest.mark.parametrize(
    "tag",
    [
        "{% money x 'PKR' FORM %}",
        "{% when x FORM %}",
        "{% given x FORM %}",
        "{% person_name x FORM %}",
        "{% country x FORM %}",
        "{% masked 'cnic' x FORM %}",
        "{% ref x form=FORM %}",
        "{% rate x 'AED' 'PKR' FORM %}",
        "{% duration x FORM %}",
        "{% age x FORM %}",
        "{% due x FORM %}",
        "{% day x FORM %}",
    ],
)
def test_a_missing_value_is_words_in_details_and_silence_for_the_eye_in_tables(tag: str) -> None:
    assert text(show(tag.replace("FORM", "'detail'"), x=None)) == "Not given"
    in_table = show(tag.replace("FORM", "'table'"), x=None)
    assert in_table == '<span class="visually-hidden">not given</span>'


def test_times_carry_their_moment_for_machines() -> None:
    assert show("{% when m %}", m=NOW) == ('<time datetime="2026-11-22T09:03:22Z">22 Nov 2026, 14:03:22 PKT</time>')
    assert "22 Nov 14:03<" in show("{% when m 'table' %}", m=NOW)
    assert 'datetime="2026-11-22T09:03:22.000Z"' in show("{% when m 'audit' %}", m=NOW)
    assert show("{% zone %}") == "PKT"


def test_a_deadline_that_is_over_has_a_drawing_and_words() -> None:
    over = show("{% due m %}", m=NOW - dt.timedelta(minutes=25))
    assert "#i-warning" in over
    assert text(over) == "25 min over (was due 13:38 PKT)"
    assert "#i-clock" in show("{% due m %}", m=NOW + dt.timedelta(minutes=25))


def test_a_masked_value_is_dots_for_the_eye_and_words_for_a_screen_reader() -> None:
    html = show("{% masked 'cnic' v %}", v="4210112341211")
    assert '<span class="mono" aria-hidden="true">•••••-••••121-1</span>' in html
    assert '<span class="visually-hidden">CNIC hidden, ends in 1 2 1 1</span>' in html
    assert "42101" not in html


def test_a_revealed_value_carries_its_mask_for_later() -> None:
    html = show("{% reveal_countdown 'phone' v '+92 300 123 4567' %}", v="+923001234567")
    assert 'data-reveal-seconds="60"' in html
    assert "Phone shown for 60 seconds: +92 300 123 4567" in html
    mask = html.partition("<template>")[2].partition("</template>")[0]
    assert "4567" in mask
    assert "300" not in mask


def test_a_reference_has_a_link_and_a_button_that_names_what_it_copies() -> None:
    html = show("{% ref 'PSL000000045' '/transactions/PSL000000045/' %}")
    assert '<a class="ref mono" href="/transactions/PSL000000045/">PSL000000045</a>' in html
    assert 'aria-label="Copy reference PSL000000045"' in html


@pytest.mark.parametrize(
    "tag",
    [
        "{% ref x x x %}",
        "{% copy x x %}",
        "{% copy_text x x x %}",
        "{% given x %}",
        "{% person_name x %}",
        "{% country x %}",
        "{% iban x %}",
        "{% phone x %}",
        "{% money a x %}",
        "{% rate a x x %}",
        "{% masked 'email' x %}",
        "{% masked 'address' x %}",
        "{% masked 'account' x %}",
        "{% reveal_countdown 'id' x x %}",
        "{% icon x %}",
        "{% funds x %}",
        "{% panel x x %}{{ x }}{% endpanel %}",
    ],
)
def test_nothing_that_people_type_becomes_markup(tag: str) -> None:
    elements = Elements()
    elements.feed(show(tag, x=HOSTILE, a=Decimal(1)))
    assert "script" not in elements.seen


def test_a_panel_is_a_section_named_by_its_heading() -> None:
    html = show("{% panel 'parties' 'Parties' %}<p>x</p>{% endpanel %}")
    assert '<section class="panel" id="parties" aria-labelledby="parties-h"><h2 id="parties-h">Parties</h2>' in html
    assert "<p>x</p>" in html
