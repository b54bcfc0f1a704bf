"""Each promise at a short size. `make prove P=<name>` measures it at its full one."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator

import pytest

from tests.proofs.__main__ import names

SHORT = {
    "alarms": 1,
    "cases": 100,
    "order": 3_000,
    "rail": 150,
    "decisions": 100,
    "four_eyes": 500,
    "trail": 500,
    "crash": 3,
    "intake_fuzz": 1_000,
    "history": 200,
    "tamper": 70,
    "matrix": None,
    "numbers": 1,
}
SHORTER = {"matrix": {"rest_by": ("hina", "nadia", "superuser", "anonymous")}}
"""Where less than everything is not a number: a narrow scope, a wide one, everything and nobody at all."""


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A proof silences what it provokes by the thousand; what comes after it is heard again."""
    kept = {logger: logger.level for logger in _loggers()}
    yield
    for logger in _loggers():
        logger.setLevel(kept.get(logger, logging.NOTSET))


def _loggers() -> list[logging.Logger]:
    return [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", names())
def test_the_promise_holds_at_a_short_size(name: str) -> None:
    tried, broken = importlib.import_module(f"tests.proofs.{name}").run(SHORT[name], **SHORTER.get(name, {}))
    assert tried > 0
    assert broken == 0
