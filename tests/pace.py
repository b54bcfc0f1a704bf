"""How long something took on a machine that others use too."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.db import connection

TRIES: Final = 3


def busy_seconds() -> float:
    """The processor time spent so far by this process and, where it can be read, by its database session."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    try:
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    except OSError:
        return time.process_time()
    return time.process_time() + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def quickest(act: Callable[[], object]) -> float:
    """The shortest of a few tries in seconds by the clock: what else the machine does only ever adds."""
    took = []
    for _ in range(TRIES):
        begun = time.monotonic()
        act()
        took.append(time.monotonic() - begun)
    return min(took)
