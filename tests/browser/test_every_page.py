"""What holds on every page: it is accessible in every width and theme, and says nothing that a program would say."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.axe import violations
from tests.browser.fixtures import WIDE, cookie_of
from tests.browser.places import ADMINISTRATION, OURS, Place
from tests.browser.serving import Site
from tests.browser.watching import Watch
from tests.browser.world import World

pytestmark = pytest.mark.browser

WIDTHS = (1440, 720, 320)
THEMES = {1440: ("dark", "light"), 720: ("light",), 320: ("dark", "light")}
LOOKS = (
    [(width, theme, False) for width in WIDTHS for theme in ("dark", "light")]
    if os.environ.get("AXE_LOOKS") == "all"
    else [(width, theme, theme != THEMES[width][0]) for width in WIDTHS for theme in THEMES[width]]
)
"""Each width in one theme, the widest and the narrowest in the other too, there by the rules about colours alone;
AXE_LOOKS=all looks at all six by every rule.
"""
SETTLED = "Promise.all(document.getAnimations().map((one) => one.finished))"
TEXT_SPACING = """* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
p { margin-bottom: 2em !important }"""


class Visit:
    """A page as it stands after it was opened, and what the browser complained of until then."""

    def __init__(self, place: Place, page: Page, watch: Watch) -> None:
        self.place, self.page, self.troubles = place, page, list(watch.troubles)


@pytest.fixture(scope="module")
def readers(browser: Browser, site: Site) -> Iterator[Any]:
    """One browser per person for the whole of this module."""
    contexts: dict[str, tuple[Any, Watch]] = {}

    def of(who: str) -> Any:
        if who not in contexts:
            context = browser.new_context(viewport=WIDE, base_url=site.url, reduced_motion="reduce")
            contexts[who] = (context, Watch(context))
            if who:
                context.add_cookies([cookie_of(who, site)])
        return contexts[who]

    yield of
    for context, _ in contexts.values():
        context.close()


def _visit(place: Place, world: World, readers: Any) -> Iterator[Visit]:
    context, watch = readers(place.who)
    watch.troubles.clear()
    page = context.new_page()
    answers = []
    page.on("response", lambda answer: answers.append(answer) if answer.request.is_navigation_request() else None)
    page.goto(place.address(world))
    place.do(page)
    assert answers[-1].status == place.answer, f"{place.name}: {answers[-1].status}"
    yield Visit(place, page, watch)
    page.close()


@pytest.fixture(scope="module", params=OURS, ids=lambda place: place.name)
def visit(request: pytest.FixtureRequest, world: World, readers: Any) -> Iterator[Visit]:
    """Each page of ours in turn, opened once for all tests of this module."""
    yield from _visit(request.param, world, readers)


@pytest.fixture(scope="module", params=ADMINISTRATION, ids=lambda place: place.name)
def admin_visit(request: pytest.FixtureRequest, world: World, readers: Any) -> Iterator[Visit]:
    yield from _visit(request.param, world, readers)


def wrong_in_any_light(page: Page, attribute: str) -> list[str]:
    """What axe finds in light and dark at the three widths."""
    found = []
    for width, theme, colours_only in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("([name, theme]) => document.documentElement.setAttribute(name, theme)", [attribute, theme])
        page.evaluate(SETTLED)
        found += [f"{width} {theme} {line}" for line in violations(page, colours_only=colours_only)]
    page.set_viewport_size(WIDE)
    return found


def test_axe_finds_nothing_in_light_and_dark_at_any_width(visit: Visit) -> None:
    assert wrong_in_any_light(visit.page, "data-bs-theme") == []


def test_axe_finds_nothing_in_the_administration(admin_visit: Visit) -> None:
    assert wrong_in_any_light(admin_visit.page, "data-theme") == []


def test_the_administration_breaks_no_policy_and_no_script(admin_visit: Visit) -> None:
    assert admin_visit.troubles == []


def test_nothing_breaks_the_policy_and_no_script_fails(visit: Visit) -> None:
    assert visit.troubles == []


def test_no_page_scrolls_sideways(visit: Visit) -> None:
    """320 px is a phone or 400 % zoom, 720 px is 200 % zoom."""
    wide = []
    for width in WIDTHS:
        visit.page.set_viewport_size({"width": width, "height": 450 if width == 720 else 900})
        needed = visit.page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            wide.append((width, needed, visit.page.evaluate(WIDEST, width)))
    visit.page.set_viewport_size(WIDE)
    assert wide == []


WIDEST = """(width) => [...document.querySelectorAll('body *')]
  .filter((one) => one.getBoundingClientRect().right > width + 1 && getComputedStyle(one).position !== 'absolute')
  .map((one) => `${one.tagName}.${one.className}`).slice(0, 5)"""


def test_wider_text_is_cut_nowhere(visit: Visit) -> None:
    """WCAG 1.4.12: with the reader's own spacing no control, badge or cell cuts its text."""
    style = visit.page.evaluate_handle("new CSSStyleSheet()")
    visit.page.evaluate(
        "([sheet, text]) => { sheet.replaceSync(text); document.adoptedStyleSheets = [sheet]; }", [style, TEXT_SPACING]
    )
    cut = []
    for width in (1440, 320):
        visit.page.set_viewport_size({"width": width, "height": 900})
        cut += visit.page.evaluate(CUT)
    visit.page.evaluate("document.adoptedStyleSheets = []")
    visit.page.set_viewport_size(WIDE)
    assert cut == []


CUT = """[...document.querySelectorAll('button,.btn,.st,.chip,td,th,dd,dt,h1,h2,summary,label,.tabs a')]
  .filter((one) => one.getClientRects().length && !one.closest('.visually-hidden'))
  .filter((one) => !one.closest('thead') || innerWidth > 640)
  .filter((one) => getComputedStyle(one).overflow !== 'visible')
  .filter((one) => one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1)
  .map((one) => `${one.tagName}.${one.className}: ${one.textContent.trim().slice(0, 40)}`)"""


def test_it_has_one_heading_its_landmarks_and_a_language(visit: Visit) -> None:
    page = visit.page
    assert page.locator("h1").count() == 1
    assert page.locator("main#main").count() == 1
    assert page.evaluate("document.documentElement.lang") == "en"
    if page.locator("header.top").count():  # signed in
        assert page.locator("nav[aria-label=Main]").count() == 1
        assert page.locator("body footer").count() == 1
        assert page.locator("main a[href^='/help/'], footer a[href^='/help/']").count() >= 2
    assert (
        page.evaluate("document.querySelector('a[href],button,input:not([type=hidden]),summary').className") == "skip"
    )


def test_its_title_says_what_and_where(visit: Visit) -> None:
    title = visit.page.title()
    assert re.fullmatch(r"\S.* - OpenRemit Backoffice", title), title
    assert title.startswith("Error: ") == (visit.place.answer == 422), title


def test_every_link_leads_somewhere(visit: Visit) -> None:
    bad = visit.page.evaluate(
        """[...document.querySelectorAll('a')].map((one) => one.getAttribute('href'))
        .filter((href) => !href || href === '#' || /^\\s*javascript:/i.test(href))"""
    )
    assert bad == []


def test_every_anchor_within_the_page_is_there(visit: Visit) -> None:
    lost = visit.page.evaluate(
        """[...document.querySelectorAll('a[href^="#"]')].map((one) => one.getAttribute('href').slice(1))
        .filter((id) => !document.getElementById(id))"""
    )
    assert lost == []


def test_every_target_can_be_hit(visit: Visit) -> None:
    """WCAG 2.5.8: 24 by 24 pixels, except links inside sentences."""
    small = []
    for width in (1440, 320):
        visit.page.set_viewport_size({"width": width, "height": 900})
        small += visit.page.evaluate(SMALL)
    visit.page.set_viewport_size(WIDE)
    assert small == []


SMALL = """[...document.querySelectorAll('a[href],button,input:not([type=hidden]),select,textarea,summary')]
  .filter((one) => one.getClientRects().length && !one.matches('.skip') && !one.closest('.visually-hidden'))
  .filter((one) => {
    if (!one.matches('a')) return true;
    const inline = getComputedStyle(one).display === 'inline';
    const around = one.parentElement.textContent.trim().length - one.textContent.trim().length;
    return !(inline && around > 3);  // part of a sentence
  })
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([one, box]) => {
    const label = one.matches('input[type=checkbox],input[type=radio]') && one.closest('label');
    const hit = label ? label.getBoundingClientRect() : box;
    return hit.width < 23.9 || hit.height < 23.9;
  })
  .map(([one, box]) => `${one.outerHTML.slice(0, 120)} ${box.width.toFixed()}x${box.height.toFixed()}`)"""


NOT_WORDS = re.compile(r"\b(null|None|undefined|NaN|N/A|NA-NA|Invalid)\b")


def test_no_word_of_a_program_is_shown(visit: Visit) -> None:
    text = visit.page.evaluate("document.body.innerText")
    assert [line for line in text.splitlines() if NOT_WORDS.search(line)] == []


FORMS_OF_TIME = [
    re.compile(form)
    for form in (
        r"\d{1,2} [A-Z][a-z]{2} (\d{4} )?\d{2}:\d{2}(:\d{2})?",  # in a table
        r"\d{1,2} [A-Z][a-z]{2} \d{4}, \d{2}:\d{2}:\d{2}(\.\d{3})? (PKT|UTC)( \(\d{2}:\d{2}:\d{2}(\.\d{3})? UTC\))?",
        r"(\d{1,2} [A-Z][a-z]{2} (\d{4} )?)?\d{2}:\d{2}(:\d{2})? (PKT|UTC)(, .+)?",  # with the day unless it is today
        r"\d{1,2} [A-Z][a-z]{2} \d{4}",
        r".+ (left \(by|over \(was due) (\d{1,2} [A-Z][a-z]{2} (\d{4} )?)?\d{2}:\d{2} (PKT|UTC)\)",  # a deadline
    )
]


def test_every_time_is_written_in_one_of_the_forms_and_for_programs_in_utc(visit: Visit) -> None:
    times = visit.page.evaluate("[...document.querySelectorAll('time')].map((one) => [one.dateTime, one.textContent])")
    for machine, people in [(machine, " ".join(text.split())) for machine, text in times]:
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{3})?Z)?", machine), machine
        assert any(form.fullmatch(people) for form in FORMS_OF_TIME), people


def test_a_badge_has_a_shape_and_a_word(visit: Visit) -> None:
    read = (
        "[...document.querySelectorAll('.st')].map((one) => [!!one.querySelector('svg use'), one.textContent.trim()])"
    )
    badges = visit.page.evaluate(read)
    assert all(shape and word for shape, word in badges), badges


def test_a_control_that_is_off_says_why_and_does_nothing(visit: Visit) -> None:
    """UI.md check 36: click, Enter and Space lead nowhere."""
    page = visit.page
    before = page.url
    for control in page.locator("[aria-disabled=true]").all():
        reason = page.locator(f"#{control.get_attribute('aria-describedby')}")
        assert reason.is_visible()
        assert reason.inner_text().strip()
        control.click(force=True)
        control.press("Enter")
        control.press("Space")
    assert page.url == before


def test_what_is_hidden_is_said_in_words(visit: Visit) -> None:
    """UI.md check 46: a screen reader hears "ends in", never dots."""
    masked = visit.page.evaluate(
        """[...document.querySelectorAll('.masked')].map((one) => [
          [...one.querySelectorAll('[aria-hidden=true]')].map((dots) => dots.textContent).join(''),
          [...one.querySelectorAll('.visually-hidden')].map((words) => words.textContent).join('')])"""
    )
    for dots, words in masked:
        assert "•" in dots
        assert "hidden" in words
        assert "•" not in words
