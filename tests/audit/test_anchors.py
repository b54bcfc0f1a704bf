"""Anchors: signed lines outside the database that nobody can change, take out or make up unseen."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from audit import anchors
from audit.anchors import Anchor, BadAnchorError

KEY = b"the key of the anchors"


def three(folder: Path) -> Path:
    for seq in (10, 20, 30):
        anchors.write(folder, KEY, seq=seq, own_hash=bytes([seq]) * 32)
    return folder / anchors.FILE


@pytest.fixture
def listeners() -> Iterator[list[Anchor]]:
    heard: list[Anchor] = []
    anchors.LISTENERS[:] = [heard.append]
    yield heard
    anchors.LISTENERS.clear()


def test_what_was_anchored_is_read_back(tmp_path: Path) -> None:
    assert anchors.read(three(tmp_path), KEY) == {seq: bytes([seq]) * 32 for seq in (10, 20, 30)}
    newest = anchors.newest(tmp_path)
    assert newest is not None
    assert newest.seq == 30


def test_nothing_new_is_not_anchored_again(tmp_path: Path) -> None:
    file = three(tmp_path)
    assert anchors.write(tmp_path, KEY, seq=30, own_hash=bytes(32)) is None
    assert len(file.read_text().splitlines()) == 3


@pytest.mark.parametrize("field", ["seq", "hash", "at", "after", "signature"])
@pytest.mark.parametrize("line", [0, 1, 2])
def test_an_edited_anchor_is_found(tmp_path: Path, field: str, line: int) -> None:
    file = three(tmp_path)
    lines = [json.loads(text) for text in file.read_text().splitlines()]
    lines[line][field] = 11 if field == "seq" else "00" * 32
    file.write_text("".join(json.dumps(one) + "\n" for one in lines))
    with pytest.raises(BadAnchorError, match=f"anchor {line + 1}"):
        anchors.read(file, KEY)


@pytest.mark.parametrize("line", [0, 1])
def test_an_anchor_that_was_taken_out_is_found(tmp_path: Path, line: int) -> None:
    file = three(tmp_path)
    lines = file.read_text().splitlines(keepends=True)
    del lines[line]
    file.write_text("".join(lines))
    with pytest.raises(BadAnchorError, match="does not follow the one before"):
        anchors.read(file, KEY)


def test_anchors_of_another_key_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadAnchorError, match="another key"):
        anchors.read(three(tmp_path), b"another key")


def test_a_line_torn_by_a_crash_does_not_stop_the_next_one(tmp_path: Path) -> None:
    file = three(tmp_path)
    with file.open("a") as lines:
        lines.write('{"after":"torn')
    with pytest.raises(BadAnchorError, match="anchor 4 cannot be read"):
        anchors.read(file, KEY)
    anchors.write(tmp_path, KEY, seq=40, own_hash=bytes(32))
    assert list(anchors.read(file, KEY)) == [10, 20, 30, 40]


def test_listeners_hear_each_anchor_and_a_failing_one_stops_nothing(
    tmp_path: Path, listeners: list[Anchor], caplog: pytest.LogCaptureFixture
) -> None:
    def fails(anchor: Anchor) -> None:
        raise OSError("the other place is away")

    anchors.LISTENERS.insert(0, fails)
    with caplog.at_level(logging.ERROR):
        three(tmp_path)
    assert [anchor.seq for anchor in listeners] == [10, 20, 30]
    assert "could not be sent on" in caplog.text


def test_the_anchors_of_a_database_that_was_removed_are_set_aside(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AUDIT_ANCHOR_DIR = tmp_path / "anchors"
    kept = three(tmp_path / "anchors").read_text()
    monkeypatch.setenv("LOCALPG_HOME", str(tmp_path / "postgres"))
    call_command("localdb", "destroy", stdout=StringIO())
    (aside,) = (tmp_path / "anchors").iterdir()
    assert aside.name.startswith("anchors-until-")
    assert aside.read_text() == kept
