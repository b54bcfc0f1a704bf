"""What a superuser of the database does to the trail, found and located: edits, deletions, insertions, new orders.

Each try is done in a copy of the trail's table, as the administrator with every trigger switched off, in a transaction
that is rolled back; the table is dumped as PostgreSQL dumps it and handed to the verifier, with the anchors that were
kept outside. Found means: the verifier says that the trail does not stand, where, and what was done.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import psycopg
from django.db import connection

from audit import anchors, chain, verify_trail

SIZE: Final = 10_000
LENGTH: Final = 240
ANCHOR_EVERY: Final = 60
SCHEMA: Final = "tamper"
ADMIN: Final = "openremit_admin"
KEY, OTHER_KEY, ANCHOR_KEY = b"the key of the trail", b"a key of somebody's own", b"the key of the anchors"
FIELDS: Final = ("verb", "actor", "object_id", "reason", "result", "request_id", "ip")
ANCHOR: Final = "anchor"

MAKE = f"""
    DROP SCHEMA IF EXISTS {SCHEMA} CASCADE;
    CREATE SCHEMA {SCHEMA};
    CREATE TABLE {SCHEMA}.audit_auditevent (LIKE public.audit_auditevent INCLUDING ALL);
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {SCHEMA}.audit_auditevent
        FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
    CREATE TRIGGER no_truncate BEFORE TRUNCATE ON {SCHEMA}.audit_auditevent
        FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
    SET search_path = {SCHEMA}, public;
"""
INSERT = "INSERT INTO audit_auditevent (seq, body, prev_hash, hash) VALUES (%s, %s, %s, %s)"
DUMP = "COPY audit_auditevent (seq, body, prev_hash, hash) TO STDOUT"


@dataclass(frozen=True)
class Expected:
    """Where the verifier must say that the trail does not stand, and what it may call it."""

    seq: int
    kinds: frozenset[str]


@dataclass
class Copy:
    """The table that is tampered with, and the anchors beside it."""

    admin: psycopg.Connection[Any]
    folder: Path
    dice: random.Random
    anchored: dict[int, bytes] = field(default_factory=dict)
    kept: str = ""

    @property
    def dump(self) -> Path:
        return self.folder / "trail.copy"

    @property
    def anchors(self) -> Path:
        return self.folder / anchors.FILE

    def do(self, statement: str, *values: Any) -> None:
        self.admin.execute(statement.encode(), values)

    def entry(self, seq: int) -> chain.Entry:
        query = "SELECT seq, body, prev_hash, hash FROM audit_auditevent WHERE seq = %s"
        return chain.Entry._make(self.admin.execute(query, [seq]).fetchone() or ())

    def somewhere(self, low: int = 2, high: int = LENGTH - 2) -> int:
        return self.dice.randint(low, high)

    def shift(self, first: int, by: int) -> None:
        """Move the numbers from `first` on, past the primary key in two steps."""
        self.do("UPDATE audit_auditevent SET seq = -seq WHERE seq >= %s", first)
        self.do("UPDATE audit_auditevent SET seq = -seq + %s WHERE seq < 0", by)

    def chain_anew(self, first: int, key: bytes, last: int = LENGTH) -> None:
        """Make the hashes of the entries from `first` to `last` anew, so that each follows the one before it."""
        prev_hash = self.entry(first - 1).hash if first > 1 else chain.GENESIS
        for seq in range(first, last + 1):
            own_hash = chain.link(key, prev_hash, seq, self.entry(seq).body)
            self.do("UPDATE audit_auditevent SET prev_hash = %s, hash = %s WHERE seq = %s", prev_hash, own_hash, seq)
            prev_hash = own_hash

    def edit_body(self, seq: int) -> None:
        body = json.loads(self.entry(seq).body)
        body[self.dice.choice(FIELDS)] = f"edited {self.dice.random()}"
        self.do("UPDATE audit_auditevent SET body = %s WHERE seq = %s", chain.canonical(body), seq)

    def forged(self) -> str:
        return chain.canonical(_body(LENGTH + self.dice.randint(1, 99), self.dice))

    def next_anchor(self, seq: int) -> int:
        return min(anchored for anchored in self.anchored if anchored >= seq)


def edit_a_field(copy: Copy) -> Expected:
    seq = copy.somewhere(1, LENGTH)
    copy.edit_body(seq)
    return _expect(seq, chain.EDITED)


def edit_two_neighbours(copy: Copy) -> Expected:
    seq = copy.somewhere(1, LENGTH - 2)
    copy.edit_body(seq)
    copy.edit_body(seq + 1)
    return _expect(seq, chain.EDITED)


def move_the_time(copy: Copy) -> Expected:
    seq = copy.somewhere(1, LENGTH)
    body = json.loads(copy.entry(seq).body)
    moved = datetime.fromisoformat(body["at"]) + timedelta(seconds=copy.dice.randint(1, 99_999))
    body["at"] = moved.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    copy.do("UPDATE audit_auditevent SET body = %s WHERE seq = %s", chain.canonical(body), seq)
    return _expect(seq, chain.EDITED)


def edit_one_letter_of_white_space(copy: Copy) -> Expected:
    seq = copy.somewhere(1, LENGTH)
    copy.do("UPDATE audit_auditevent SET body = replace(body, '\"verb\":', '\"verb\": ') WHERE seq = %s", seq)
    return _expect(seq, chain.EDITED)


def edit_a_hash(copy: Copy) -> Expected:
    seq = copy.somewhere(1, LENGTH)
    column = copy.dice.choice(["hash", "prev_hash"])
    copy.do(f"UPDATE audit_auditevent SET {column} = %s WHERE seq = %s", copy.dice.randbytes(32), seq)
    return _expect(seq, chain.EDITED)


def give_one_the_text_of_another(copy: Copy) -> Expected:
    one, other = sorted(copy.dice.sample(range(1, LENGTH + 1), 2))
    texts = copy.entry(one).body, copy.entry(other).body
    copy.do("UPDATE audit_auditevent SET body = %s WHERE seq = %s", texts[1], one)
    copy.do("UPDATE audit_auditevent SET body = %s WHERE seq = %s", texts[0], other)
    return _expect(one, chain.EDITED)


def delete(copy: Copy) -> Expected:
    seq = copy.somewhere(1, LENGTH - 1)
    copy.do("DELETE FROM audit_auditevent WHERE seq = %s", seq)
    return _expect(seq, chain.DELETED)


def delete_several(copy: Copy) -> Expected:
    seq = copy.somewhere(1, LENGTH - 40)
    copy.do("DELETE FROM audit_auditevent WHERE seq BETWEEN %s AND %s", seq, seq + copy.dice.randint(1, 30))
    return _expect(seq, chain.DELETED)


def delete_and_renumber(copy: Copy) -> Expected:
    seq, many = copy.somewhere(1, LENGTH - 40), copy.dice.randint(1, 30)
    copy.do("DELETE FROM audit_auditevent WHERE seq BETWEEN %s AND %s", seq, seq + many - 1)
    copy.shift(seq, -many)
    return _expect(seq, chain.DELETED)


def insert(copy: Copy) -> Expected:
    seq = copy.somewhere()
    prev_hash = copy.entry(seq - 1).hash
    copy.shift(seq, 1)
    body = copy.forged()
    copy.do(INSERT, seq, body, prev_hash, chain.link(OTHER_KEY, prev_hash, seq, body))
    return _expect(seq, chain.INSERTED)


def append(copy: Copy) -> Expected:
    body, prev_hash = copy.forged(), copy.entry(LENGTH).hash
    copy.do(INSERT, LENGTH + 1, body, prev_hash, chain.link(OTHER_KEY, prev_hash, LENGTH + 1, body))
    return _expect(LENGTH + 1, chain.EDITED)  # the verifier cannot tell the two apart at the end, and says so


def duplicate(copy: Copy) -> Expected:
    place = copy.somewhere(3, LENGTH - 2)
    original = copy.entry(copy.dice.choice([seq for seq in range(1, LENGTH) if abs(seq - place) > 1]))
    copy.shift(place, 1)
    copy.do(INSERT, place, original.body, original.prev_hash, original.hash)
    return _expect(place, chain.INSERTED)


def duplicate_under_the_same_number(copy: Copy) -> Expected:
    copy.do("ALTER TABLE audit_auditevent DROP CONSTRAINT audit_auditevent_pkey")
    original = copy.entry(copy.somewhere(1, LENGTH))
    copy.do(INSERT, *original)
    return _expect(original.seq, chain.INSERTED)


def swap(copy: Copy) -> Expected:
    one, other = sorted(copy.dice.sample(range(1, LENGTH + 1), 2))
    _exchange(copy, one, other)
    return _expect(one, chain.REORDERED)


def swap_neighbours(copy: Copy) -> Expected:
    one = copy.somewhere(1, LENGTH - 1)
    _exchange(copy, one, one + 1)
    return _expect(one, chain.REORDERED)


def renumber_one(copy: Copy) -> Expected:
    seq = copy.somewhere(1, LENGTH - 1)
    copy.do("UPDATE audit_auditevent SET seq = %s WHERE seq = %s", LENGTH + copy.dice.randint(1, 99), seq)
    return _expect(seq, chain.DELETED)


def renumber_the_rest(copy: Copy) -> Expected:
    seq = copy.somewhere(1, LENGTH)
    copy.shift(seq, copy.dice.randint(1, 99))
    return _expect(seq, chain.DELETED)


def cut_the_tail(copy: Copy) -> Expected:
    seq = copy.somewhere(1, LENGTH)
    copy.do("DELETE FROM audit_auditevent WHERE seq >= %s", seq)
    return _expect(seq, chain.CUT_TAIL)


def empty_the_table(copy: Copy) -> Expected:
    copy.do("TRUNCATE audit_auditevent")
    return _expect(1, chain.CUT_TAIL)


def replace_the_head(copy: Copy) -> Expected:
    body = copy.forged()
    own_hash = chain.link(OTHER_KEY, chain.GENESIS, 1, body)
    copy.do("UPDATE audit_auditevent SET body = %s, hash = %s WHERE seq = 1", body, own_hash)
    return _expect(1, chain.EDITED)


def chain_anew_without_the_key(copy: Copy) -> Expected:
    seq = copy.somewhere(LENGTH - 60, LENGTH - 2)
    copy.edit_body(seq)
    copy.chain_anew(seq, OTHER_KEY)
    return _expect(seq, chain.RE_CHAINED)


def chain_anew_with_the_key(copy: Copy) -> Expected:
    seq = copy.somewhere(LENGTH - 60, LENGTH)
    copy.edit_body(seq)
    copy.chain_anew(seq, KEY)
    return _expect(copy.next_anchor(seq), chain.RE_CHAINED)


def replace_one_with_the_key(copy: Copy) -> Expected:
    seq = copy.dice.choice([seq for seq in range(2, LENGTH - 1) if seq not in copy.anchored])
    copy.edit_body(seq)
    copy.chain_anew(seq, KEY, last=seq)
    return _expect(seq, chain.EDITED)


def restore_an_old_dump(copy: Copy) -> Expected:
    seq = copy.somewhere(2, LENGTH - 20)
    copy.do("DELETE FROM audit_auditevent WHERE seq >= %s", seq)
    for number in range(seq, LENGTH + copy.dice.randint(1, 9)):  # the product wrote on, with its key
        prev_hash, body = copy.entry(number - 1).hash, copy.forged()
        copy.do(INSERT, number, body, prev_hash, chain.link(KEY, prev_hash, number, body))
    return _expect(copy.next_anchor(seq), chain.RE_CHAINED)


def edit_an_anchor(copy: Copy) -> Expected:
    lines = [json.loads(line) for line in copy.kept.splitlines()]
    line = copy.dice.choice(lines)
    line[copy.dice.choice(["hash", "after", "signature"])] = copy.dice.randbytes(32).hex()
    copy.anchors.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return _expect(0, ANCHOR)


def take_an_anchor_out(copy: Copy) -> Expected:
    lines = copy.kept.splitlines(keepends=True)
    del lines[copy.dice.randrange(len(lines) - 1)]
    copy.anchors.write_text("".join(lines))
    return _expect(0, ANCHOR)


WAYS: Final[tuple[Callable[[Copy], Expected], ...]] = (
    edit_a_field,
    edit_two_neighbours,
    move_the_time,
    edit_one_letter_of_white_space,
    edit_a_hash,
    give_one_the_text_of_another,
    delete,
    delete_several,
    delete_and_renumber,
    insert,
    append,
    duplicate,
    duplicate_under_the_same_number,
    swap,
    swap_neighbours,
    renumber_one,
    renumber_the_rest,
    cut_the_tail,
    empty_the_table,
    replace_the_head,
    chain_anew_without_the_key,
    chain_anew_with_the_key,
    replace_one_with_the_key,
    restore_an_old_dump,
    edit_an_anchor,
    take_an_anchor_out,
)


def run(size: int | None = None) -> tuple[int, int]:
    """Tamper `size` times, in every way in turn. Returns (tries, tries that were not found or not located)."""
    missed = list(misses(size or SIZE))
    for sentence in missed[:20]:
        print(sentence)
    return size or SIZE, len(missed)


def misses(size: int, *, verifier: ModuleType = verify_trail, seed: int = 4711) -> Iterator[str]:
    """A sentence for each try that `verifier` did not find, or found elsewhere or under another name."""
    with _copy(random.Random(seed)) as copy:
        if (found := _verified(copy, verifier)) is not None:
            yield f"the untouched trail: {found}"
        for number in range(size):
            way = WAYS[number % len(WAYS)]
            with copy.admin.transaction(force_rollback=True):
                copy.do("SET LOCAL session_replication_role = replica")
                expected = way(copy)
                found = _verified(copy, verifier)
            copy.anchors.write_text(copy.kept)
            if found is None or found[0] != expected.seq or found[1] not in expected.kinds:
                yield f"{way.__name__}: expected {expected.seq} {'/'.join(expected.kinds)}, found {found}"
            if (number + 1) % 1_000 == 0:
                print(f"{number + 1} of {size}", flush=True)


def _expect(seq: int, *kinds: str) -> Expected:
    return Expected(seq, frozenset(kinds))


def _exchange(copy: Copy, one: int, other: int) -> None:
    copy.do("UPDATE audit_auditevent SET seq = -1 WHERE seq = %s", one)
    copy.do("UPDATE audit_auditevent SET seq = %s WHERE seq = %s", one, other)
    copy.do("UPDATE audit_auditevent SET seq = %s WHERE seq = -1", other)


def _verified(copy: Copy, verifier: ModuleType) -> tuple[int, str] | None:
    """Where the verifier says the trail does not stand and why; None when it finds nothing."""
    with copy.admin.cursor() as cursor, cursor.copy(DUMP.encode()) as rows, copy.dump.open("wb") as file:
        for block in rows:
            file.write(block)
    try:
        kept = verifier.anchors.read(copy.anchors, ANCHOR_KEY)
    except ValueError:
        return 0, ANCHOR
    broken = verifier.verify_dump(copy.dump, KEY, kept=kept).broken
    return (broken.seq, broken.kind) if broken else None


@contextmanager
def _copy(dice: random.Random) -> Iterator[Copy]:
    entry = connection.settings_dict
    connection.ensure_connection()
    with (
        tempfile.TemporaryDirectory() as folder,
        psycopg.connect(host=entry["HOST"], port=entry["PORT"] or None, dbname=entry["NAME"], user=ADMIN) as admin,
    ):
        admin.autocommit = True
        admin.execute(MAKE.encode())
        copy = Copy(admin, Path(folder), dice)
        try:
            _fill(copy)
            yield copy
        finally:
            admin.execute(f"DROP SCHEMA {SCHEMA} CASCADE".encode())


def _fill(copy: Copy) -> None:
    prev_hash = chain.GENESIS
    for seq in range(1, LENGTH + 1):
        body = chain.canonical(_body(seq, copy.dice))
        own_hash = chain.link(KEY, prev_hash, seq, body)
        copy.do(INSERT, seq, body, prev_hash, own_hash)
        if seq % ANCHOR_EVERY == 0:
            copy.anchored[seq] = own_hash
            anchors.write(copy.folder, ANCHOR_KEY, seq=seq, own_hash=own_hash)
        prev_hash = own_hash
    copy.kept = copy.anchors.read_text()


def _body(seq: int, dice: random.Random) -> dict[str, Any]:
    at = datetime(2026, 11, 22, 9, tzinfo=UTC) + timedelta(seconds=seq * 7, microseconds=dice.randrange(1_000_000))
    return {
        "at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "verb": dice.choice(["viewed", "revealed", "searched", "note_added", "events_received"]),
        "kind": "USER",
        "actor": dice.choice(["hina", "omar", "nadia", "حنا"]),
        "object_type": "transactions.transaction",
        "object_id": f"PSL{seq:09}",
        "request_id": f"{dice.getrandbits(128):032x}",
        "session": f"{dice.getrandbits(64):016x}",
        "ip": "10.0.0.7",
        "reason": dice.choice(["", "partner inquiry", 'said "yes"\tand \\ left']),
        "result": "OK",
    }
