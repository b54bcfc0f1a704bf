"""The journeys walk through the served world of the browser tests."""

from tests.browser.fixtures import open_browser, page, page_of, site, world

__all__ = ["open_browser", "page", "page_of", "site", "world"]
