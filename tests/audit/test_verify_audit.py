"""manage.py verify_audit and the verifier that needs nothing but Python."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from audit import anchors, verification
from tests.database import owner_connection
from tests.factories.audit import AuditEventFactory

ROOT = Path(__file__).resolve().parent.parent.parent
DUMP = "COPY (SELECT seq, body, prev_hash, hash FROM audit_auditevent ORDER BY seq) TO STDOUT"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def anchor_folder(settings: Any, tmp_path: Path) -> Path:
    settings.AUDIT_ANCHOR_DIR = tmp_path / "anchors"
    return tmp_path / "anchors"


@pytest.fixture
def trail() -> int:
    """Seven entries, the fifth anchored."""
    for number in range(7):
        AuditEventFactory(reason="tab\there" if number == 3 else "")
        if number == 4:
            verification.drop_anchor()
    return 7


@pytest.fixture
def administrator(trail: int) -> Iterator[psycopg.Connection[Any]]:
    """A superuser of the database with every trigger switched off."""
    entry = connection.settings_dict
    with psycopg.connect(host=entry["HOST"], dbname=entry["NAME"], user="openremit_admin", autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        yield admin


def verify(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out)
    except SystemExit as ended:
        said = ended.code if isinstance(ended.code, str) else ""
        return 1, out.getvalue() + said
    return 0, out.getvalue()


def dump_to(file: Path) -> Path:
    with owner_connection() as owner, owner.cursor() as cursor, cursor.copy(DUMP) as rows, file.open("wb") as out:
        for block in rows:
            out.write(block)
    return file


def standalone(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The verifier as on another machine: three files in a folder, no site packages, no settings."""
    (folder / "audit").mkdir(exist_ok=True)
    for name in ("verify_trail.py", "chain.py", "anchors.py"):
        shutil.copy(ROOT / "audit" / name, folder / "audit" / name)
    command = [sys.executable, "-I", "-S", str(folder / "audit" / "verify_trail.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)


def test_an_untouched_trail_verifies(trail: int) -> None:
    assert verify() == (0, "verified 7 events to 7\n")


def test_an_empty_trail_verifies() -> None:
    assert verify() == (0, "verified 0 events to 0\n")


def test_verifying_can_begin_in_the_middle(trail: int) -> None:
    assert verify("--from", "5") == (0, "verified 3 events to 7\n")
    assert verify("--from", "99") == (1, "cannot verify: there is no entry 98 to begin after")


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE audit_auditevent SET body = replace(body, 'hina', 'omar') WHERE seq = 3", "BROKEN at 3 (edited)"),
        ("DELETE FROM audit_auditevent WHERE seq = 4", "BROKEN at 4 (deleted)"),
        ("DELETE FROM audit_auditevent WHERE seq >= 5", "BROKEN at 5 (cut tail)"),
        ("UPDATE audit_auditevent SET seq = 9 WHERE seq = 2", "BROKEN at 2 (deleted)"),
    ],
)
def test_what_a_superuser_did_is_found_and_located(
    administrator: psycopg.Connection[Any], statement: str, place: str
) -> None:
    administrator.execute(statement.encode())
    code, said = verify()
    assert code == 1
    assert said.startswith(place)


def test_a_column_that_no_longer_says_what_the_text_says_is_found(administrator: psycopg.Connection[Any]) -> None:
    """The filter columns are generated; only a superuser who takes that away can let them differ from the text."""
    administrator.execute("ALTER TABLE audit_auditevent ALTER COLUMN actor DROP EXPRESSION")
    try:
        code, said = verify()
        assert (code, "no longer generated" in said) == (1, True)
        administrator.execute("UPDATE audit_auditevent SET actor = 'nobody' WHERE seq = 6")
        code, said = verify()
        assert (code, said.startswith("BROKEN at 6 (edited): the columns of entry 6")) == (1, True)
    finally:
        _generate_again(administrator)
    assert verify()[0] == 0


def _generate_again(administrator: psycopg.Connection[Any]) -> None:
    expression = "(body::jsonb ->> 'actor')"
    administrator.execute("ALTER TABLE audit_auditevent DROP COLUMN actor CASCADE")
    administrator.execute(
        f"ALTER TABLE audit_auditevent ADD COLUMN actor text GENERATED ALWAYS AS ({expression}) STORED".encode()
    )
    administrator.execute("CREATE INDEX audit_by_actor ON audit_auditevent (actor, verb, at)")
    administrator.execute("CREATE INDEX audit_by_doer ON audit_auditevent (actor, seq)")


def test_an_edited_anchor_is_found(trail: int, anchor_folder: Path) -> None:
    file = anchor_folder / anchors.FILE
    file.write_text(file.read_text().replace('"seq":5', '"seq":4'))
    assert verify() == (1, "cannot verify: anchor 1 (entry 4) was edited, or signed with another key")


def test_anchors_can_be_named(trail: int, anchor_folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.jsonl"
    shutil.move(anchor_folder / anchors.FILE, elsewhere)
    assert verify("--anchors", str(elsewhere))[0] == 0
    assert verify("--anchors", str(tmp_path / "absent"))[0] == 1


def test_nothing_new_is_anchored_twice(trail: int) -> None:
    first = verification.drop_anchor()
    assert first is not None
    assert first.seq == 7
    assert verification.drop_anchor() is None


def test_a_dump_is_verified_too(trail: int, tmp_path: Path) -> None:
    assert verify(str(dump_to(tmp_path / "trail.copy"))) == (0, "verified 7 events to 7\n")


def test_the_verifier_needs_neither_django_nor_this_machine(trail: int, tmp_path: Path, anchor_folder: Path) -> None:
    dump, key = dump_to(tmp_path / "trail.copy"), tmp_path / "key"
    key.write_text(settings.AUDIT_HMAC_KEY + "\n")
    done = standalone(tmp_path, str(dump), "--key-file", str(key))
    assert (done.returncode, done.stdout, done.stderr) == (0, "verified 7 events to 7\n", "")
    by_environment = {"AUDIT_HMAC_KEY": settings.AUDIT_HMAC_KEY, "AUDIT_ANCHOR_KEY": settings.AUDIT_ANCHOR_KEY}
    kept = str(anchor_folder / anchors.FILE)
    assert standalone(tmp_path, str(dump), "--anchors", kept, **by_environment).returncode == 0
    dump.write_text("".join(dump.read_text().splitlines(keepends=True)[:4]))
    done = standalone(tmp_path, str(dump), "--anchors", kept, **by_environment)
    assert (done.returncode, done.stdout.startswith("BROKEN at 5 (cut tail)")) == (1, True)
    done = standalone(tmp_path, str(dump), "--from", "3", **by_environment)
    assert (done.returncode, done.stdout) == (0, "verified 2 events to 4\n")


def test_the_verifier_says_in_a_sentence_what_it_lacks(trail: int, tmp_path: Path) -> None:
    dump = dump_to(tmp_path / "trail.copy")
    done = standalone(tmp_path, str(dump))
    assert (done.returncode, done.stderr) == (
        1,
        "cannot verify: no key: name a file that holds it, or set AUDIT_HMAC_KEY\n",
    )
    done = standalone(tmp_path, str(tmp_path / "absent"), AUDIT_HMAC_KEY="key")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_whole_database_dump_is_read(trail: int, tmp_path: Path) -> None:
    from backoffice.localpg import LocalPg

    entry = connection.settings_dict
    pg_dump = LocalPg.for_checkout().bin / "pg_dump"
    command = [pg_dump, "--host", entry["HOST"], "--username", "openremit_admin", "--dbname", entry["NAME"]]
    (tmp_path / "dump.sql").write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    done = standalone(tmp_path, str(tmp_path / "dump.sql"), AUDIT_HMAC_KEY=settings.AUDIT_HMAC_KEY)
    assert (done.returncode, done.stdout) == (0, "verified 7 events to 7\n")
