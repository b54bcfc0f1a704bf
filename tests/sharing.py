"""How a parallel run is shared out among its workers."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadFileScheduling

PROOFS = "tests/proofs/"


class ByFile(LoadFileScheduling):
    """A file stays with one worker, since its tests share what they set up; a proof is long and goes by itself."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(PROOFS) else str(super()._split_scope(nodeid))


def longest_first(items: list[pytest.Item]) -> None:
    """Begin with the proofs: a long test that comes last keeps one worker busy while the others have nothing to do."""
    items.sort(key=lambda item: not item.nodeid.startswith(PROOFS))
