"""The browser tests share one served world (fixtures.py)."""

from tests.browser.fixtures import open_browser, page, page_of, site, world

__all__ = ["open_browser", "page", "page_of", "site", "world"]
