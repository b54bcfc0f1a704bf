"""What every test may ask for: the database as the application role, and a browser."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test.utils import setup_databases

from tests.database import as_owner, empty_tables, keep_pristine, take_down
from tests.sharing import ByFile, longest_first

if TYPE_CHECKING:
    from django.test import Client
    from playwright.sync_api import Browser, Page

    from accounts.models import User

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NO_CHROMIUM = (
    "no Chromium on this machine: apt-get install -y --no-install-recommends chromium libatomic1 fonts-dejavu-core"
)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Called in parallel runs alone."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, django_db_modify_db_settings: None
) -> Iterator[None]:
    """The tables are made by the owner; every test then runs as the application role."""
    with django_db_blocker.unblock(), as_owner():
        databases = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
        _load_reference_data()
        keep_pristine()
    plain_flush = DatabaseOperations.execute_sql_flush
    DatabaseOperations.execute_sql_flush = lambda self, sql_list: empty_tables(sql_list)  # type: ignore[method-assign]
    yield
    DatabaseOperations.execute_sql_flush = plain_flush  # type: ignore[method-assign]
    with django_db_blocker.unblock():
        take_down(databases)


def _load_reference_data() -> None:
    if importlib.util.find_spec("backoffice.reference"):
        importlib.import_module("backoffice.reference").load_all()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless. Without one the test is skipped with a sentence, and fails where CI runs."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(NO_CHROMIUM)
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in the thread of the tests
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page in a context of its own: no cookie of another test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


# The people by role (CONTRACTS.md section 3): `hina` is the person, `as_hina` a browser in which she is signed in.


def _person(username: str) -> Any:
    @pytest.fixture(name=username)
    def fixture(db: None) -> User:
        from tests.people import person

        return person(username)

    return fixture


def _browser_of(username: str) -> Any:
    @pytest.fixture(name=f"as_{username}")
    def fixture(request: pytest.FixtureRequest) -> Client:
        from tests.people import signed_in

        return signed_in(request.getfixturevalue(username))

    return fixture


hina, as_hina = _person("hina"), _browser_of("hina")
omar, as_omar = _person("omar"), _browser_of("omar")
sana, as_sana = _person("sana"), _browser_of("sana")
adeel, as_adeel = _person("adeel"), _browser_of("adeel")
mehwish, as_mehwish = _person("mehwish"), _browser_of("mehwish")
yusuf, as_yusuf = _person("yusuf"), _browser_of("yusuf")
tariq, as_tariq = _person("tariq"), _browser_of("tariq")
rabia, as_rabia = _person("rabia"), _browser_of("rabia")
bilal, as_bilal = _person("bilal"), _browser_of("bilal")
nadia, as_nadia = _person("nadia"), _browser_of("nadia")
admin, as_admin = _person("admin"), _browser_of("admin")
admin2, as_admin2 = _person("admin2"), _browser_of("admin2")
