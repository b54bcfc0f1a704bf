"""The compliance desk's day: what was flagged is decided by evidence and by two people; the platform does just that."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.test import override_settings
from playwright.sync_api import Page, expect

from accounts.models import ApprovalRequest
from audit import sentences
from audit.models import AuditEvent
from backoffice.demo import stories
from backoffice.demo.obeying import remittance_told
from backoffice.demo.signing import DEMO_SECRET
from backoffice.demo.simulator import PROFILES, CommandServer, Platform
from backoffice.gateway import delivery
from backoffice.gateway.intake import receive
from compliance.models import Case, PrintedCase
from tests.browser.world import World
from transactions.models import Transaction

pytestmark = pytest.mark.browser
CHECKED = "Compared the documents with the entry of the list, field by field."
OTHERWISE = "The photograph of the list shows somebody else than the passport."
AGAIN = "The branch sent the passport once more: it is another person."


class Rail:
    """The platform of this day: it knows the flagged payments, takes commands and says what becomes of them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.platform = Platform(rate=0, faults=PROFILES["none"], seed=5, clock=lambda: time.time() + self.seconds)

    def flag(self, kind: str, number: int, hours: int) -> Case:
        """A payment that waits for compliance since so many hours."""
        told = stories.story_of_kind(kind, partner="INSTANTCASH", number=number, age=timedelta(hours=hours))
        assert not receive(told, message_id=f"flagged-{number}", source="demo").rejected
        one = remittance_told(told, goes_on=False)
        self.platform.transactions[one.txn_id] = one
        return Case.objects.get(transaction__txn_id=one.txn_id)

    @contextmanager
    def listening(self) -> Iterator[None]:
        server = CommandServer(0, self.platform, DEMO_SECRET)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        with override_settings(PLATFORM_URL=address, PLATFORM_SIGNING_SECRET=DEMO_SECRET):
            yield
        server.shutdown()
        server.server_close()

    def obey(self) -> None:
        """What waits in the outbox goes out, and all that follows from it comes in."""
        while delivery.deliver_due():
            pass
        for number in range(120):
            self.seconds += 1
            if events := self.platform.due():
                receive(events, message_id=f"obeyed-{self.seconds}-{number}", source="demo")

    def asked_for(self, case: Case) -> list[str]:
        """The commands that the platform received about a case's payment, in order."""
        about = case.transaction.txn_id
        return [
            str(one["type"]).rpartition(".")[2]
            for one in self.platform.commands.values()
            if one["data"]["transaction"] == about and not one["type"].endswith(".inquire")
        ]


def take(page: Page, case: Case) -> None:
    """The next case, by its key; the one that is longest over its limit."""
    page.goto("/compliance/")
    page.keyboard.press("m")
    expect(page.locator("h1")).to_contain_text(case.number)
    expect(page.locator("main")).to_contain_text("is assigned to you")


def say(page: Page, digit: str, reason: str) -> None:
    """Every hit by the keyboard: its digit, then the reason by its first letters."""
    for group in page.locator("section[id^=hit-] fieldset[data-digits]").all():
        group.locator("input").first.focus()
        page.keyboard.press(digit)
        page.keyboard.press("Tab")
        page.keyboard.type(reason)


def send(page: Page, digit: str, reason: str, note: str) -> str:
    """The decision by the keyboard: to the form, the outcome, the reason, the note, and off; the request's number."""
    before = ApprovalRequest.objects.count()
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("o")
    page.keyboard.press(digit)
    page.keyboard.press("Tab")
    page.keyboard.type(reason)
    page.keyboard.press("Tab")
    page.keyboard.type(note)
    page.keyboard.press("Control+Enter")
    expect(page.locator("main")).to_contain_text("sent for second approval as")
    assert ApprovalRequest.objects.count() == before + 1
    return str(ApprovalRequest.objects.latest("pk").number)


def decide(page: Page, number: str, word: str, note: str, *, first: str = "") -> None:
    """The second person's word on a request; `first` is what the first person wrote, opened beforehand."""
    page.goto(f"/approvals/{number}/")
    if first:
        expect(page.locator("main")).not_to_contain_text(first)
        page.get_by_role("link", name="Show first decision").click()
        expect(page.locator("main")).to_contain_text(first)
    page.get_by_label(word, exact=True).check()
    page.get_by_label("Note").fill(note)
    page.get_by_role("button", name=f"Record my decision on {number}").click()
    expect(page.locator("main")).to_contain_text(f"{number} is")


def told(case: Case) -> str:
    """What the case's trail says, in sentences."""
    return "\n".join(line.sentence for line in sentences.lines(AuditEvent.objects.of(case).order_by("seq")))


def filed(page: Page, case: Case) -> str:
    """The case file that is made on the page, as the text that its hash is of."""
    page.goto(case.get_absolute_url())
    page.get_by_role("button", name=f"Make the case file of {case.number}").click()
    expect(page.locator("main")).to_contain_text("is made")
    content = json.loads(PrintedCase.objects.latest("pk").content)
    return json.dumps(content, ensure_ascii=False)


def test_what_was_flagged_is_decided_and_the_platform_does_just_that(
    page_of: Callable[..., Page], world: World
) -> None:
    rail = Rail()
    # The times of their limits run out in this order: hits and unavailable checks have 4 hours, titles 8.
    released = rail.flag("review:hits", 7_001, 90)
    rejected = rail.flag("review:hits", 7_002, 80)
    outage = rail.flag("review:unavailable", 7_003, 70)
    disputed = rail.flag("review:hits", 7_004, 60)
    title = rail.flag("review:title_no_match", 7_005, 50)
    adeel, mehwish, yusuf = (page_of(name) for name in ("adeel", "mehwish", "yusuf"))
    with rail.listening():
        # A name hit that is somebody else, and one that is not.
        take(adeel, released)
        say(adeel, "1", "The date")
        of_release = send(adeel, "1", "Every hit", CHECKED)
        take(adeel, rejected)
        say(adeel, "2", "Name and")
        of_reject = send(adeel, "2", "A party", CHECKED)
        assert rail.asked_for(released) == rail.asked_for(rejected) == []
        decide(mehwish, of_release, "Approve", "The same for me.", first=CHECKED)
        decide(mehwish, of_reject, "Approve", "It is the one of the list.")

        # A check that could not run is asked for again.
        take(adeel, outage)
        expect(adeel.locator("main")).to_contain_text("was not screened")
        adeel.get_by_text("Check both parties again", exact=True).click()
        asking = adeel.locator("details[open] form", has_text="Ask for a new check")
        asking.locator("textarea, input[type=text]").first.fill("The lists can be reached again, says the vendor.")
        asking.get_by_role("button").click()
        expect(adeel.locator("main")).to_contain_text("The platform is asked to check both parties again")

        # Two people do not agree: a third one decides.
        take(adeel, disputed)
        say(adeel, "1", "The date")
        first = send(adeel, "1", "Every hit", CHECKED)
        decide(mehwish, first, "Send back", OTHERWISE)
        adeel.goto(disputed.get_absolute_url())
        for kept in (CHECKED, OTHERWISE, "Two people did not agree"):
            expect(adeel.locator("main")).to_contain_text(kept)
        second = send(adeel, "1", "Every hit", AGAIN)
        mehwish.goto(f"/approvals/{second}/")
        expect(mehwish.locator("#why-not")).to_contain_text("A third person must decide")
        decide(yusuf, second, "Approve", "I looked at both pictures.")

        # A title that does not fit: the name is corrected, by two people, and everything is checked again.
        take(adeel, title)
        adeel.get_by_text("Correct a field and check again", exact=True).click()
        adeel.get_by_label("What is wrong").select_option("beneficiary.full_name")
        adeel.get_by_label("Right value").fill("Nasreen Bibi Journey")
        adeel.get_by_label("Why, and on what evidence").fill("The partner's letter of today names her like that.")
        adeel.get_by_role("button", name=f"Correct {title.transaction.txn_id}").click()
        expect(adeel.locator("main")).to_contain_text("waits for a second person")
        decide(mehwish, str(ApprovalRequest.objects.latest("pk").number), "Approve", "The letter is genuine.")
        rail.obey()

    # The platform received exactly this, and did it.
    cases = (released, rejected, outage, disputed, title)
    kinds = ("release", "reject", "rescreen", "release", "correct")
    assert [rail.asked_for(case) for case in cases] == [[kind] for kind in kinds]
    for case, kind in zip(cases, kinds, strict=True):
        row = Transaction.objects.get(pk=case.transaction_id)
        assert row.stage == ("rejected_compliance" if kind == "reject" else "credited"), row.txn_id
        assert rail.platform.book.has_paid(row.txn_id) is (kind != "reject")

    # Timeline, trail and case file tell the same story.
    _same_story(adeel, disputed, released, rejected)


def _same_story(page: Page, disputed: Case, released: Case, rejected: Case) -> None:
    people = ("Adeel", "Mehwish", "Yusuf")
    story, paper = told(disputed), filed(page, disputed)
    for who in people:
        assert who in story
        assert who in paper
    for said in (CHECKED, OTHERWISE, AGAIN, "I looked at both pictures."):
        assert said in paper
        assert said.removesuffix(".") in story
    assert "“Release a payment”" in story
    page.goto(f"{disputed.transaction.get_absolute_url()}timeline/")
    for case, outcome in ((released, "Released"), (rejected, "Rejected"), (disputed, "Released")):
        case.refresh_from_db()
        assert case.get_outcome_display() == outcome
        assert f"Closed: {outcome}" in filed(page, case)
        page.goto(f"{case.transaction.get_absolute_url()}timeline/")
        expect(page.locator("main")).to_contain_text("Compliance review")
