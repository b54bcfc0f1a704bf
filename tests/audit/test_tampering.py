"""The proof of tampering, short; and that it bites: without any one of its checks the verifier misses something."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from audit import anchors, chain, verify_trail
from tests.proofs import tamper

pytestmark = pytest.mark.django_db

MUTANTS = {
    "no look for gaps": (chain, "if entry.seq > seq + 1:", "if False:"),
    "no look for repeats": (chain, "if entry.seq <= seq:", "if False:"),
    "no look at the hash before": (chain, "if entry.prev_hash == prev_hash and _is", "if _is"),
    "no look at the own hash": (chain, "prev_hash and _is_genuine(entry, key):", "prev_hash:"),
    "no look at the anchors": (chain, "if entry.seq in anchors and anchors[entry.seq] != entry.hash:", "if False:"),
    "no look at the last anchor": (chain, "if (newest := max(anchors, default=0)) > seq:", "if (newest := 0):"),
    "no look at the original number": (chain, "    near = (entry.seq,", "    return None\n    near = (entry.seq,"),
    "no look behind the first forgery": (chain, "not any(_is_genuine(later, key) for later in following)", "True"),
    "dumps are taken in any order": (chain, "if all(first <= second", "if True or all(first <= second"),
    "no look at an anchor's signature": (anchors, "if not anchor.is_genuine(key):", "if False:"),
    "no look at the anchor before": (anchors, "if anchor.after != before:", "if False:"),
}


def mutant(name: str, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The verifier with one check taken out of one of its modules."""
    module, check, instead = MUTANTS[name]
    source = Path(str(module.__file__)).read_text()
    assert source.count(check) == 1, f"{check!r} does not stand in {module.__name__} exactly once"
    changed = types.ModuleType("changed")
    monkeypatch.setitem(sys.modules, "changed", changed)  # dataclasses look their module up
    exec(compile(source.replace(check, instead), "changed", "exec"), changed.__dict__)  # noqa: S102 - our own source
    verifier = types.ModuleType("audit.verifier")
    verifier.__package__ = "audit"
    exec(compile(Path(verify_trail.__file__).read_text(), "verifier", "exec"), verifier.__dict__)  # noqa: S102
    setattr(verifier, module.__name__.rpartition(".")[2], changed)
    return verifier


def test_every_way_of_tampering_is_found_and_located() -> None:
    assert list(tamper.misses(len(tamper.WAYS) * 3)) == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_verifier_without_one_of_its_checks_misses_something(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    missed = tamper.misses(len(tamper.WAYS) * 2, verifier=mutant(name, monkeypatch))
    assert next(missed, None) is not None
