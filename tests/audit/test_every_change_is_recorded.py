"""No change without its entry, in the same database transaction, and no entry of a change without one.

The oracle is not our own code: triggers that the owner lays on every table note which transaction changed which table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pytest
from django.apps import apps
from psycopg import sql

from audit.models import AuditEvent
from audit.verbs import Verb
from tests.audit.deeds import DEEDS, Deed, World, world
from tests.database import TABLES, owner_connection

NOT_A_DEED = {
    "django_session": "that somebody is signed in, and until when",
    "transactions_search": "what a person typed, so that it need not stand in an address; opening it is recorded",
    "accounts_signinfailure": "how many tries are left; each failure has an entry of its own",
    "backoffice_workerheartbeat": "the worker's sign of life",
    "reports_rollup": "sums of transactions, whose changes have their entries",
    "reports_rollupdelta": "what a change of transactions did to the sums, noted by the database itself",
    "noticed": "the oracle itself",
}
JOBS = "procrastinate_"
BOOKKEEPING = {"accounts_user": ["last_login", "last_login_ip"]}  # written at each sign-in, beside its entry
READINGS = frozenset(
    {
        Verb.VIEWED,
        Verb.SEARCHED,
        Verb.SEARCHED_PERSON,
        Verb.REVEALED,
        Verb.COPIED_ANSWER,
        Verb.READ_TRAIL,
        Verb.DENIED,
        Verb.REFUSED,
        Verb.SIGNED_IN,
        Verb.SIGNED_OUT,
        Verb.SIGN_IN_FAILED,
        Verb.SIGN_IN_LOCKED,
        Verb.SESSION_ENDED,
    }
)

ORACLE = """
    CREATE TABLE noticed (txid text, relation text, deed text, verb text);
    GRANT SELECT, INSERT ON noticed TO openremit_app;
    CREATE FUNCTION notice() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE verb text;
    BEGIN
        IF TG_TABLE_NAME = 'audit_auditevent' THEN verb := NEW.body::jsonb ->> 'verb'; END IF;
        IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - TG_ARGV = to_jsonb(OLD) - TG_ARGV THEN RETURN NULL; END IF;
        INSERT INTO noticed VALUES (pg_current_xact_id()::text, TG_TABLE_NAME, TG_OP, verb);
        RETURN NULL;
    END $$;
"""
LAY = "CREATE TRIGGER notice AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW EXECUTE FUNCTION notice({})"


def watched() -> list[str]:
    """Every table of the database but those that hold no deed."""
    with owner_connection() as owner:
        tables = [name for (name,) in owner.execute(TABLES, ["public"]).fetchall()]
    return [name for name in tables if name not in NOT_A_DEED and not name.startswith(JOBS)]


@pytest.fixture
def laid(transactional_db: None) -> Iterator[None]:
    with owner_connection(autocommit=True) as owner:
        owner.execute(ORACLE.encode())
        for table in watched():
            ignored = sql.SQL(", ").join(map(sql.Literal, BOOKKEEPING.get(table, [])))
            owner.execute(sql.SQL(LAY).format(sql.Identifier(table), ignored))
        yield
        owner.execute(b"DROP FUNCTION notice() CASCADE")
        owner.execute(b"DROP TABLE noticed")


def noticed() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Per database transaction: the tables it changed, and the verbs it recorded."""
    changed: dict[str, set[str]] = defaultdict(set)
    recorded: dict[str, set[str]] = defaultdict(set)
    with owner_connection() as owner:
        for txid, table, verb in owner.execute("SELECT txid, relation, verb FROM noticed").fetchall():
            if table == AuditEvent._meta.db_table:
                recorded[txid].add(verb)
            else:
                changed[txid].add(table)
    return changed, recorded


@pytest.fixture
def here(laid: None) -> World:
    made = world()
    with owner_connection(autocommit=True) as owner:
        owner.execute("DELETE FROM noticed")
    return made


@pytest.mark.parametrize("deed", DEEDS, ids=[deed.name for deed in DEEDS])
def test_a_change_and_its_entry_are_one_transaction(here: World, deed: Deed) -> None:
    deed.before(here)
    answer = deed.do(here)
    assert answer.status_code == deed.done, answer.content.decode()[:2000]
    changed, recorded = noticed()
    assert {txid: tables for txid, tables in changed.items() if txid not in recorded} == {}
    only_said = {txid: verbs for txid, verbs in recorded.items() if txid not in changed and not verbs <= READINGS}
    assert only_said == {}
    assert recorded


def test_the_oracle_notices_a_change_without_an_entry(here: World) -> None:
    type(here.transaction).objects.filter(pk=here.transaction.pk).update(narration="changed behind the back")
    changed, recorded = noticed()
    assert [set(tables) for tables in changed.values()] == [{"transactions_transaction"}]
    assert recorded == {}


def test_every_table_of_ours_is_watched_or_named_as_no_deed(laid: None) -> None:
    ours = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    assert {table for table in ours if not table.startswith(JOBS)} <= {*watched(), *NOT_A_DEED}
