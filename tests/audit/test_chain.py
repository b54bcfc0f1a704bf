"""The chain by itself: every kind of change is found, located and named; dumps are read in PostgreSQL's own forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit import chain
from audit.chain import Entry

KEY = b"a key of the tests"
OTHER_KEY = b"somebody else's key"


def trail(length: int = 12, key: bytes = KEY) -> list[Entry]:
    entries, prev_hash = [], chain.GENESIS
    for seq in range(1, length + 1):
        body = chain.canonical({"verb": "viewed", "seq": seq, "note": "tab\there \\ and \u062d\u0646\u0627"})
        own_hash = chain.link(key, prev_hash, seq, body)
        entries.append(Entry(seq, body, prev_hash, own_hash))
        prev_hash = own_hash
    return entries


def found(entries: list[Entry], **options: object) -> tuple[int, str]:
    broken = chain.verify(entries, KEY, **options).broken  # type: ignore[arg-type]
    assert broken is not None
    return broken.seq, broken.kind


def renumbered(entries: list[Entry]) -> list[Entry]:
    return [entry._replace(seq=seq) for seq, entry in enumerate(entries, start=1)]


def chained_anew(entries: list[Entry], first: int, key: bytes) -> list[Entry]:
    anew = list(entries)
    for index in range(first - 1, len(anew)):
        prev_hash = anew[index - 1].hash if index else chain.GENESIS
        body = anew[index].body
        anew[index] = Entry(index + 1, body, prev_hash, chain.link(key, prev_hash, index + 1, body))
    return anew


def test_an_untouched_trail_verifies() -> None:
    result = chain.verify(trail(12), KEY)
    assert (result.verified, result.last_seq, result.broken) == (12, 12, None)


def test_an_empty_trail_verifies_to_nothing() -> None:
    assert chain.verify([], KEY).verified == 0


@pytest.mark.parametrize("seq", [1, 5, 12])
@pytest.mark.parametrize("column", ["body", "prev_hash", "hash"])
def test_an_edited_column_is_found(seq: int, column: str) -> None:
    entries = trail()
    value = '{"verb":"edited"}' if column == "body" else bytes(range(32))
    entries[seq - 1] = entries[seq - 1]._replace(**{column: value})
    assert found(entries) == (seq, chain.EDITED)


def test_a_deleted_entry_is_named_by_its_number() -> None:
    entries = trail()
    del entries[4:6]
    assert found(entries) == (5, chain.DELETED)
    assert "entries 5 to 6 are missing" in chain.verify(entries, KEY).broken.sentence  # type: ignore[union-attr]


def test_a_deleted_entry_is_found_behind_new_numbers() -> None:
    entries = trail()
    del entries[4]
    assert found(renumbered(entries)) == (5, chain.DELETED)


def test_an_inserted_entry_is_told_from_an_edited_one() -> None:
    entries = trail()
    entries.insert(4, entries[4]._replace(body='{"verb":"forged"}', hash=bytes(32)))
    assert found(renumbered(entries)) == (5, chain.INSERTED)


def test_a_copied_entry_is_found_with_the_number_of_its_original() -> None:
    entries = trail()
    entries.insert(8, entries[2])
    assert found(renumbered(entries)) == (9, chain.INSERTED)
    assert "copy of entry 3" in chain.verify(renumbered(entries), KEY).broken.sentence  # type: ignore[union-attr]


def test_an_entry_that_stands_twice_is_found() -> None:
    entries = trail()
    entries.insert(5, entries[4])
    assert found(entries) == (5, chain.INSERTED)


@pytest.mark.parametrize(("one", "other"), [(5, 6), (2, 11), (3, 12)])
def test_two_entries_that_changed_places_are_found(one: int, other: int) -> None:
    entries = trail()
    entries[one - 1], entries[other - 1] = entries[other - 1], entries[one - 1]
    assert found(renumbered(entries)) == (one, chain.REORDERED)


def test_two_edited_neighbours_are_edits_and_no_new_chain() -> None:
    entries = trail()
    for index in (4, 5):
        entries[index] = entries[index]._replace(body="{}")
    assert found(entries) == (5, chain.EDITED)


def test_a_chain_made_anew_without_the_key_is_found_where_it_begins() -> None:
    assert found(chained_anew(trail(), 7, OTHER_KEY)) == (7, chain.RE_CHAINED)


def test_the_wrong_key_looks_like_a_chain_made_anew_from_the_first_entry() -> None:
    assert found(trail(key=OTHER_KEY)) == (1, chain.RE_CHAINED)


def test_a_chain_made_anew_with_the_key_is_found_by_the_next_anchor() -> None:
    entries = trail()
    anchors = {entry.seq: entry.hash for entry in entries if entry.seq % 5 == 0}
    edited = [*entries[:6], entries[6]._replace(body='{"verb":"edited"}'), *entries[7:]]
    rewritten = chained_anew(edited, 7, KEY)
    assert chain.verify(rewritten, KEY).broken is None
    assert found(rewritten, anchors=anchors) == (10, chain.RE_CHAINED)


def test_one_entry_replaced_with_the_key_is_found_by_the_next_one() -> None:
    entries = trail()
    body = '{"verb":"edited"}'
    entries[6] = entries[6]._replace(body=body, hash=chain.link(KEY, entries[5].hash, 7, body))
    assert found(entries) == (7, chain.EDITED)


def test_a_cut_tail_is_found_by_the_anchors_alone() -> None:
    entries = trail()
    anchors = {12: entries[-1].hash}
    assert chain.verify(entries[:9], KEY).broken is None
    assert found(entries[:9], anchors=anchors) == (10, chain.CUT_TAIL)
    assert found([], anchors=anchors) == (1, chain.CUT_TAIL)


def test_verifying_from_the_middle_begins_after_a_known_entry() -> None:
    entries = trail()
    result = chain.verify(entries[6:], KEY, after=(6, entries[5].hash))
    assert (result.verified, result.last_seq, result.broken) == (6, 12, None)
    assert found(entries[6:], after=(6, entries[5].hash), anchors={6: bytes(32)}) == (6, chain.RE_CHAINED)


def test_canonical_text_does_not_depend_on_the_order_of_keys() -> None:
    assert chain.canonical({"b": 1, "a": "é"}) == chain.canonical({"a": "é", "b": 1}) == '{"a":"é","b":1}'


def test_numbers_that_json_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        chain.canonical({"amount": float("nan")})


# -- dumps ------------------------------------------------------------------------------------------------------------


def escaped(entry: Entry) -> str:
    """As PostgreSQL's COPY text writes a row."""
    body = entry.body.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    return f"{entry.seq}\t{body}\t\\\\x{entry.prev_hash.hex()}\t\\\\x{entry.hash.hex()}\n"


def dump_of(entries: list[Entry], file: Path, *, whole: bool = False) -> Path:
    rows = "".join(map(escaped, entries))
    around = (
        "--\n-- PostgreSQL database dump\n--\nCOPY public.accounts_user (id, username) FROM stdin;\n1\thina\n\\.\n\n"
        f"COPY public.audit_auditevent (seq, body, prev_hash, hash) FROM stdin;\n{rows}\\.\n\n"
        "COPY public.django_session (session_key) FROM stdin;\n7\t8\t9\t10\n\\.\n"
    )
    file.write_text(around if whole else rows, encoding="utf-8", newline="\n")
    return file


@pytest.mark.parametrize("whole", [False, True])
def test_a_dump_gives_back_what_was_written(tmp_path: Path, whole: bool) -> None:
    entries = trail()
    assert list(chain.read_dump_file(dump_of(entries, tmp_path / "dump", whole=whole))) == entries


def test_a_dump_whose_lines_are_out_of_order_is_read_in_order(tmp_path: Path) -> None:
    entries = trail()
    assert list(chain.read_dump_file(dump_of(entries[6:] + entries[:6], tmp_path / "dump"))) == entries


def test_a_line_that_is_no_entry_is_named(tmp_path: Path) -> None:
    dump = dump_of(trail(3), tmp_path / "dump")
    dump.write_text(dump.read_text().replace("\\\\x", "\\\\y", 1))
    with pytest.raises(ValueError, match="line 1 of the dump"):
        list(chain.read_dump_file(dump))


def test_a_dump_without_a_trail_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "dump").write_text("-- PostgreSQL database dump\nSELECT 1;\n")
    with pytest.raises(ValueError, match="holds no audit_auditevent"):
        list(chain.read_dump_file(tmp_path / "dump"))


def test_bytes_that_are_no_text_are_an_edit_and_no_crash(tmp_path: Path) -> None:
    dump = dump_of(trail(3), tmp_path / "dump")
    dump.write_bytes(dump.read_bytes().replace(b"viewed", b"view\xff\xfe", 1))
    broken = chain.verify(chain.read_dump_file(dump), KEY).broken
    assert broken is not None
    assert (broken.seq, broken.kind) == (1, chain.EDITED)
