"""What a browser test may ask for: the served world, a page in which a person is signed in, a watch over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import world as worlds
from tests.browser.serving import Site, served
from tests.browser.watching import Watch
from tests.database import end_other_sessions
from tests.people import signed_in

WIDE = {"width": 1440, "height": 900}
PATIENCE = 60_000  # milliseconds: a busy machine is no failure, and what never happens fails all the same
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def world(django_db_setup: None, django_db_blocker: Any, browser: Browser) -> Iterator[worlds.World]:
    """The transactions, people and inquiries of these tests, really stored; taken away after the last of them."""
    with django_db_blocker.unblock():
        try:
            yield worlds.build()
        finally:
            end_other_sessions()
            call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True, allow_cascade=False)


@pytest.fixture(scope="package")
def site(world: worlds.World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The product served from that world."""
    with served(tmp_path_factory.mktemp("static")) as running:
        yield running


@pytest.fixture
def open_browser(browser: Browser, site: Site) -> Iterator[Callable[..., BrowserContext]]:
    """Opens browsers of the people of the demo; a test fails when anything in them breaks.

    `open_browser("hina")` is signed in; what else Playwright knows may follow (viewport, java_script_enabled).
    """
    opened: list[tuple[BrowserContext, Watch]] = []

    def open_one(username: str = "", **options: Any) -> BrowserContext:
        context = browser.new_context(**({"viewport": WIDE, "base_url": site.url} | options))
        context.set_default_timeout(PATIENCE)
        opened.append((context, Watch(context)))
        if username:
            context.add_cookies([cookie_of(username, site)])
        return context

    yield open_one
    troubles = [trouble for _, watch in opened for trouble in watch.troubles]
    for context, _ in opened:
        context.close()
    assert not troubles, troubles


def cookie_of(username: str, site: Site) -> Any:
    """The session cookie of a person who has just signed in."""
    from accounts.models import User

    client = signed_in(User.objects.get(username=username))
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": site.url}


@pytest.fixture
def page_of(open_browser: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """A page in which this person is signed in: `page_of("hina")`."""
    return lambda username="", **options: open_browser(username, **options).new_page()


@pytest.fixture
def page(page_of: Callable[..., Page]) -> Page:
    """A page in which hina, who answers partners, is signed in."""
    return page_of("hina")
