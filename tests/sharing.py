"""How a parallel run is shared out among its workers."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

PROOFS = "tests/proofs/"


class ByFile(LoadFileScheduling):
    """A file stays with one worker, since its tests share what they set up; a proof is long and goes by itself."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(PROOFS) else str(super()._split_scope(nodeid))
