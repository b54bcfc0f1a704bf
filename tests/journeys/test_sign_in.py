"""Signing in: what is said after failures, where one lands, and what is said about the last time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import SignInFailure, User
from tests.browser.world import World
from tests.journeys.test_inquiry import sign_in
from tests.people import PASSWORD

pytestmark = pytest.mark.browser


def fail(page: Page, username: str, password: str) -> None:
    page.goto("/login/")
    page.fill("#id_login", username)
    page.fill("#id_password", password)
    page.click("form button.w-100")
    page.wait_for_selector(".err-sum")


def test_failures_warn_from_the_third_and_lock_at_the_fifth(page_of: Callable[..., Page], world: World) -> None:
    page = page_of()
    for tries in range(1, 6):
        fail(page, "tariq", "wrong")
        expect(page.locator(".err-sum")).to_contain_text("User name or password is not right.")
        expect(page.locator(".err-sum")).to_be_focused()
        assert page.locator("#id_login").input_value() == "tariq"
        assert page.locator("#id_password").input_value() == ""
        warned = page.locator(".note-warn")
        assert warned.count() == (1 if tries >= 3 else 0)
        if tries in (3, 4):
            expect(warned).to_contain_text("before a 30-minute pause")
    expect(page.locator(".note-warn")).to_contain_text("No tries are left")
    expect(page.locator(".note-warn")).to_contain_text("PKT")

    fail(page, "tariq", PASSWORD)
    expect(page.locator(".err-sum")).to_contain_text("User name or password is not right.")
    SignInFailure.objects.all().delete()


def test_the_last_sign_in_is_told(page_of: Callable[..., Page], world: World) -> None:
    first, second = page_of(), page_of()
    sign_in(first, "sana")
    sign_in(second, "sana")

    expect(second.locator("main")).to_contain_text("Signed in before:")
    expect(second.locator("main")).to_contain_text("PKT")


def test_one_lands_where_one_wanted_to_go(page_of: Callable[..., Page], world: World) -> None:
    page = page_of()
    page.goto("/transactions/?status=failed&size=25")
    assert "/login/" in page.url
    page.fill("#id_login", "mehwish")
    page.fill("#id_password", PASSWORD)
    page.click("form button.w-100")

    page.wait_for_url("**/transactions/?status=failed&size=25")


@pytest.mark.parametrize(
    ("username", "address"),
    [("hina", "/search/"), ("omar", "/exceptions/"), ("nadia", "/transactions/"), ("admin", "/admin/")],
)
def test_each_role_begins_at_its_own_desk(
    page_of: Callable[..., Page], world: World, username: str, address: str
) -> None:
    page = page_of()
    sign_in(page, username)

    page.wait_for_url(f"**{address}")


def test_the_password_can_be_shown_and_hidden(page_of: Callable[..., Page]) -> None:
    page = page_of()
    page.goto("/login/")
    page.fill("#id_password", "something")
    page.get_by_role("button", name="Show password").click()
    assert page.locator("#id_password").get_attribute("type") == "text"
    expect(page.locator("#announcer")).to_contain_text("Password is shown")

    page.get_by_role("button", name="Hide password").click()

    assert page.locator("#id_password").get_attribute("type") == "password"
    assert page.locator("#id_login").get_attribute("autocomplete") == "username"
    assert page.locator("#id_password").get_attribute("autocomplete") == "current-password"


def test_signing_out_ends_the_session_and_back_shows_nothing(page_of: Callable[..., Page], world: World) -> None:
    page = page_of()
    sign_in(page, "hina")
    page.goto(world.page("credited"))
    page.locator("details.menu summary").filter(has_text="Hina").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login/")

    page.go_back()

    assert world.stage["credited"] not in page.locator("body").inner_text()


def test_before_the_session_ends_the_page_says_so(page_of: Callable[..., Page], world: World) -> None:
    """After thirteen minutes a notice, after fifteen the end; staying asks the server."""
    page = page_of("hina")
    page.clock.install()
    page.goto("/help/statuses/")
    page.clock.fast_forward(12 * 60_000)
    page.clock.run_for(6_000)
    expect(page.locator("[data-idle-soon]")).to_be_hidden()

    page.clock.fast_forward(70_000)
    page.clock.run_for(6_000)
    expect(page.locator("[data-idle-soon]")).to_contain_text("You will be signed out at")
    with page.expect_response("**/account/stay/") as answer:
        page.get_by_role("button", name="Stay signed in").click()
    assert answer.value.status == 204
    expect(page.locator("[data-idle-soon]")).to_be_hidden()

    page.clock.fast_forward(15 * 60_000)
    page.clock.run_for(6_000)
    expect(page.locator("[data-idle-over]")).to_contain_text("You were signed out after 15 minutes")


def test_the_theme_follows_the_person_and_the_system(page_of: Callable[..., Page], world: World) -> None:
    page = page_of("yusuf", color_scheme="dark")
    page.goto("/account/")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    page.get_by_label("Theme").select_option("light")
    page.get_by_role("button", name="Save preferences").click()
    expect(page.locator("#messages")).to_contain_text("saved")

    assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"
    User.objects.filter(username="yusuf").update(theme="system")
