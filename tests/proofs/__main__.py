"""`python -m tests.proofs NAME [SIZE]`: one promise, measured on a database of its own, as the application role."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent


def names() -> list[str]:
    """The proofs there are: the modules of this folder that can be run."""
    return sorted(
        file.stem
        for file in HERE.glob("*.py")
        if not file.stem.startswith(("_", "test_")) and "def run(" in file.read_text()
    )


@contextmanager
def prepared_database() -> Iterator[None]:
    """A fresh database, set up by its owner and used by the application role; gone afterwards."""
    import django
    from django.test.utils import setup_databases, setup_test_environment, teardown_test_environment

    django.setup()
    from backoffice.reference import load_all
    from tests.database import as_owner, keep_pristine, take_down

    setup_test_environment(debug=False)
    with as_owner():
        databases = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
        load_all()
        keep_pristine()
    try:
        yield
    finally:
        take_down(databases)
        teardown_test_environment()


def main(arguments: list[str]) -> int:
    """Run the proof and say how it went: the last line is `<name>: <n> tried, <m> broken`."""
    known = names()
    if not arguments or arguments[0] not in known or (len(arguments) > 1 and not arguments[1].isdigit()):
        print(f"Usage: python -m tests.proofs NAME [SIZE], with a NAME of: {', '.join(known)}", file=sys.stderr)
        return 2
    name, size = arguments[0], int(arguments[1]) if len(arguments) > 1 else None
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings.test")
    began = time.monotonic()
    with prepared_database():
        tried, broken = importlib.import_module(f"tests.proofs.{name}").run(size)
    print(f"  {time.monotonic() - began:.0f} s")
    print(f"{name}: {tried} tried, {broken} broken")
    return 0 if broken == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
