"""Every comparison of the verifier bites: turned around, some tampering is judged otherwise than before.

The mutants are made from the source, one for each comparison, `and`, `or` and `not` of what verifies a dump; they read
the same forged dumps as the verifier itself.
"""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from audit import anchors, chain, verify_trail

KEY, OTHER, ANCHOR_KEY = b"the key", b"another key", b"the anchors' key"
LENGTH: Final = 12
ANCHORED: Final = (4, 8, 12)
FLIPPED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
VERIFYING: Final = {
    chain: {"verify", "_check", "_is_genuine", "_explain", "_explain_forgery", "_original_number", "_rows",
            "_begins_our_part", "read_dump_file"},
    anchors: {"read", "is_genuine"},
    verify_trail: {"verify_dump", "sentence", "main", "read_key"},
}  # fmt: skip
Entries = list[chain.Entry]


def trail(length: int = LENGTH, key: bytes = KEY, start: int = 1, before: bytes = chain.GENESIS) -> Entries:
    made: Entries = []
    for seq in range(start, length + 1):
        body = chain.canonical({"what": f"entry {seq}\t\\"})
        made.append(chain.Entry(seq, body, before, chain.link(key, before, seq, body)))
        before = made[-1].hash
    return made


def rechained(entries: Entries, first: int, key: bytes, last: int = LENGTH) -> Entries:
    changed = list(entries)
    before = entries[first - 2].hash if first > 1 else chain.GENESIS
    for place in range(first - 1, last):
        entry = changed[place]
        changed[place] = chain.Entry(entry.seq, entry.body, before, chain.link(key, before, entry.seq, entry.body))
        before = changed[place].hash
    return changed


def edited(entries: Entries, seq: int) -> Entries:
    return [one._replace(body=one.body + " ") if one.seq == seq else one for one in entries]


def renumbered(entries: Entries) -> Entries:
    return [one._replace(seq=seq) for seq, one in enumerate(entries, start=1)]


def forged(seq: int, before: bytes) -> chain.Entry:
    return chain.Entry(seq, "forged", before, chain.link(OTHER, before, seq, "forged"))


def forgeries() -> dict[str, Entries]:
    """Trails as somebody left them; each differs in how it is found."""
    own = trail()
    swapped = [*own[:4], own[5]._replace(seq=5), own[4]._replace(seq=6), *own[6:]]
    far = [*own[:2], own[8]._replace(seq=3), *own[3:8], own[2]._replace(seq=9), *own[9:]]
    return {
        "untouched": own,
        "nothing": [],
        **{f"edited {seq}": edited(own, seq) for seq in (1, 2, 5, 11, 12)},
        "two edited": edited(edited(own, 5), 6),
        "another hash": [one._replace(hash=bytes(32)) if one.seq == 6 else one for one in own],
        "another hash before": [one._replace(prev_hash=bytes(32)) if one.seq == 6 else one for one in own],
        "one deleted": [one for one in own if one.seq != 5],
        "two deleted": [one for one in own if one.seq not in (5, 6)],
        "the first deleted": own[1:],
        "one deleted, renumbered": renumbered([one for one in own if one.seq != 5]),
        "three deleted, renumbered": renumbered([one for one in own if one.seq not in (5, 6, 7)]),
        "the last but one deleted, renumbered": renumbered([one for one in own if one.seq != 11]),
        "inserted": renumbered([*own[:4], forged(5, own[3].hash), *own[4:]]),
        "copied": renumbered([*own[:7], own[2], *own[7:]]),
        "copied beside itself": renumbered([*own[:7], own[7], *own[7:]]),
        "twice under one number": [*own[:5], own[4], *own[5:]],
        "swapped": swapped,
        "swapped far": far,
        "appended": [*own, forged(13, own[-1].hash)],
        "appended with the key": trail(13),
        "cut": own[:9],
        "cut to nothing": own[:1],
        "new head": [forged(1, chain.GENESIS), *own[1:]],
        "another key from 9": rechained(edited(own, 9), 9, OTHER),
        "another key from 12": rechained(edited(own, 12), 12, OTHER),
        "another key all": rechained(own, 1, OTHER),
        "rewritten from 6": rechained(edited(own, 6), 6, KEY),
        "rewritten one": rechained(edited(own, 6), 6, KEY, last=6),
        "out of order": [*own[:3], *own[5:], own[3], own[4]],
        "backwards": own[::-1],
        "another trail": trail(key=OTHER),
    }


def line(entry: chain.Entry) -> str:
    body = entry.body.replace("\\", "\\\\").replace("\t", "\\t")
    return f"{entry.seq}\t{body}\t\\\\x{entry.prev_hash.hex()}\t\\\\x{entry.hash.hex()}\n"


HEAD = "COPY public.audit_auditevent (seq, body, prev_hash, hash) FROM stdin;\n"


def dumps(folder: Path) -> Iterator[tuple[str, Path]]:
    for number, (name, entries) in enumerate(forgeries().items()):
        file = folder / f"{number}.copy"
        text = "".join(map(line, entries))
        file.write_text(text or "".join(["-- empty\n", HEAD, "\\.\n"]))
        yield name, file
    whole = folder / "whole.sql"
    own = "".join(map(line, trail()))
    whole.write_text("-- a dump\nCOPY public.other (a) FROM stdin;\n1\n\\.\n" + HEAD + own + "\\.\nSELECT 1;\n")
    yield "a whole dump", whole
    for name, text in {"other columns": HEAD.replace("seq, ", ""), "no trail": "-- a dump\n"}.items():
        (folder / f"{name}.sql").write_text(text)
        yield name, folder / f"{name}.sql"


def anchor_files(folder: Path) -> Iterator[tuple[str, Path]]:
    hashes = {entry.seq: entry.hash for entry in trail()}
    anchors.write_all(folder, ANCHOR_KEY, [(seq, hashes[seq]) for seq in ANCHORED])
    good = (folder / anchors.FILE).read_text().splitlines(keepends=True)
    for name, lines in {
        "good": good,
        "edited": [good[0].replace('"seq":4', '"seq":5'), *good[1:]],
        "one taken out": [good[0], *good[2:]],
        "torn in the middle": [good[0], good[1][:30] + "\n", *good[1:]],
        "torn at the end": [*good, good[2][:30]],
    }.items():
        file = folder / f"{name}.jsonl"
        file.write_text("".join(lines))
        yield name, file


def outcomes(verifier: types.ModuleType, folder: Path) -> Iterator[tuple[str, str]]:
    """What a verifier says about everything there is to say something about."""
    corpus = prepared(folder)
    (good, *others) = corpus[1]
    for name, dump in corpus[0]:
        for first in (1, 4, 5, 6):
            for kept_name, kept in ((good[0], good[1]), ("none", None)):
                yield f"{name} from {first}, {kept_name}", said(verifier, dump, first, kept)
    for name, kept in others:
        yield f"anchors {name}", said(verifier, corpus[0][0][1], 1, kept)
    key = folder / "key"
    key.write_text("the key\n")
    for name, dump in corpus[0][:6]:
        yield f"exit of {name}", str(verifier.main([str(dump), "--key-file", str(key)]))
    key.write_text("\n")
    yield "exit without a key", str(verifier.main([str(corpus[0][0][1]), "--key-file", str(key)]))


@cache
def prepared(folder: Path) -> tuple[list[tuple[str, Path]], list[tuple[str, Path]]]:
    return list(dumps(folder)), list(anchor_files(folder))


def said(verifier: types.ModuleType, dump: Path, first: int, kept: Path | None) -> str:
    try:
        held = verifier.anchors.read(kept, ANCHOR_KEY) if kept else {}
        result = verifier.verify_dump(dump, KEY, first=first, kept=held)
    except ValueError as error:
        return f"cannot verify: {error}"
    broken = result.broken
    hashes = f" {broken.expected.hex()} {broken.actual.hex()}" if broken else ""
    return verifier.sentence(result) + hashes


# -- the mutants ------------------------------------------------------------------------------------------------------


def mutants() -> Iterator[tuple[str, types.ModuleType, ast.Module]]:
    for module, names in VERIFYING.items():
        source = Path(str(module.__file__)).read_text()
        for number, (where, _) in enumerate(places(ast.parse(source), names)):
            tree = ast.parse(source)
            _, change = list(places(tree, names))[number]
            before = ast.unparse(where)
            change()
            yield f"{module.__name__}:{where.lineno}:{where.col_offset} {before}", module, tree


def places(tree: ast.Module, names: set[str]) -> Iterator[tuple[Any, Callable[[], None]]]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name in names:
            for node in ast.walk(function):
                if isinstance(node, ast.Compare):
                    yield node, lambda node=node: _flip(node)
                elif isinstance(node, ast.BoolOp):
                    yield (
                        node,
                        lambda node=node: setattr(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And()),
                    )
                elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
                    yield node, lambda node=node: setattr(node, "op", ast.UAdd()) or _unwrap(node)


def _flip(node: ast.Compare) -> None:
    node.ops = [FLIPPED[type(node.ops[0])](), *node.ops[1:]]


def _unwrap(node: ast.UnaryOp) -> None:
    """`not x` becomes `bool(x)`."""
    node.__class__ = ast.Call  # type: ignore[assignment]
    node.__dict__.update(func=ast.Name("bool", ast.Load()), args=[node.operand], keywords=[])


def verifier_of(module: types.ModuleType, tree: ast.Module, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The whole verifier with one of its three modules changed, looking no further than the dumps are long."""
    made: dict[str, types.ModuleType] = {}
    for each in (chain, anchors, verify_trail):
        changed = types.ModuleType(f"mutant_{each.__name__.rpartition('.')[2]}")
        changed.__package__ = "audit"
        changed.__file__ = each.__file__
        monkeypatch.setitem(sys.modules, changed.__name__, changed)
        code = ast.fix_missing_locations(tree) if each is module else ast.parse(Path(str(each.__file__)).read_text())
        exec(compile(code, changed.__name__, "exec"), changed.__dict__)  # noqa: S102 - our own source
        made[each.__name__] = changed
    made["audit.chain"].REACH = 40  # type: ignore[attr-defined]
    made["audit.verify_trail"].__dict__.update(chain=made["audit.chain"], anchors=made["audit.anchors"])
    return made["audit.verify_trail"]


def test_every_comparison_of_the_verifier_bites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = dict(outcomes(verifier_of(chain, ast.parse(Path(str(chain.__file__)).read_text()), monkeypatch), tmp_path))
    assert own["untouched from 1, good"] == "verified 12 events to 12"
    survivors = []
    for name, module, tree in mutants():
        killed = False
        try:
            verifier = verifier_of(module, tree, monkeypatch)
            killed = any(own[where] != words for where, words in outcomes(verifier, tmp_path))
        except Exception:  # one that falls over is noticed
            killed = True
        if not killed:
            survivors.append(name)
    capsys.readouterr()
    assert survivors == []
