"""The trail's explorer: for auditors alone, in words, by filters that refuse what they do not know."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from accounts.models import Partner, User
from audit import trail
from audit.filters import TrailQuery
from audit.models import AuditEvent
from audit.verbs import Verb
from tests.accounts.test_admin import change_partner
from tests.database import owner_connection
from tests.factories.accounts import PartnerFactory, grant
from tests.factories.audit import AuditEventFactory
from tests.factories.transactions import TransactionFactory
from tests.people import person, seconded, signed_in
from tests.transactions.pages import read

PAGES = (
    "/audit/",
    "/audit/chain/",
    "/audit/e/1/",
    "/audit/o/accounts.partner/RIA/",
    "/audit/o/accounts.partner/RIA/at/",
)


def numbers(answer: Any) -> list[int]:
    return [entry.seq for entry in answer.context["query"].entries]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["hina", "omar", "sana", "mehwish", "rabia", "bilal", "admin"])
def test_the_explorer_is_for_auditors_alone(name: str) -> None:
    AuditEventFactory()
    client = signed_in(person(name))
    assert {client.get(page).status_code for page in PAGES} == {403}
    assert client.post("/audit/chain/verify/").status_code == 403
    assert AuditEvent.objects.filter(verb=Verb.DENIED).count() == len(PAGES) + 1


@pytest.mark.django_db
def test_nobody_can_change_anything_there(as_nadia: Client) -> None:
    assert {as_nadia.post(page).status_code for page in PAGES} == {405}


@pytest.mark.django_db
def test_entries_are_sentences_with_old_and_new_result_and_origin(as_nadia: Client) -> None:
    PartnerFactory(code="RIA", name="RIA")
    with trail.acting(request_id="r1", kind="USER", actor="hina", ip="10.0.0.7"):
        AuditEventFactory(
            verb=Verb.CHANGED, object_type="accounts.partner", object_id="RIA",
            before={"name": "R"}, after={"name": "RIA"}, reason="typing error",
        )  # fmt: skip
    row = next(row for row in read(as_nadia.get("/audit/")).all("tr") if "typing error" in row.text)
    assert "changed partner RIA, reason: typing error." in row.text
    assert "Name: was R → becomes RIA" in row.text
    assert "Done" in row.text
    assert "10.0.0.7" in row.text


@pytest.mark.django_db
def test_each_filter_leaves_exactly_its_entries(as_nadia: Client, hina: User) -> None:
    with trail.acting(request_id="bulk-1"):
        seen = AuditEventFactory(by=hina, verb=Verb.REVEALED, object_id="PSL1", facts={"field": "CNIC"})
        denied = AuditEventFactory(by="omar", verb=Verb.DENIED, object_type="", object_id="", result="DENIED")
    searched = AuditEventFactory(by=hina, verb=Verb.SEARCHED_PERSON, object_type="", object_id="")
    for address, expected in {
        "actor=hina": [searched, seen],
        "action=revealed": [seen],
        "action=searches": [searched],
        "action=searched_person": [searched],
        "action=denials": [denied],
        "object=transactions.transaction&ref=PSL1": [seen],
        "ref=PSL1": [seen],
        "result=DENIED": [denied],
        "request=bulk-1": [denied, seen],
        "actor=hina&action=revealed&range=today": [seen],
    }.items():
        assert numbers(as_nadia.get(f"/audit/?{address}")) == [one.seq for one in expected], address
    assert numbers(as_nadia.get("/audit/?action=exports")) == []
    assert numbers(as_nadia.get("/audit/?actor=hina&range=2020-01-01..2020-01-02")) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("actor=nobody.here", 'There is no person "nobody.here".'),
        ("action=foo", 'There is no action "foo".'),
        ("object=accounts.thing", 'There is no kind of object "accounts.thing".'),
        ("range=soon", "Enter a date like 22 Nov 2026."),
        ("range=2026-11-22..2026-11-01", '"From" must be before "to".'),
        ("result=maybe", 'There is no result "maybe".'),
        ("colour=red", 'There is no filter "colour".'),
        ("size=7", 'There is no page size "7".'),
        ("after=x", 'There is no page after "x".'),
        (f"before={'9' * 40}", "There is no page before"),
        ("after=1&before=2", "A page begins after or before an entry, not both."),
        ("actor=hina&actor=omar", '"actor" is given 2 times.'),
        (f"request={'x' * 300}", "There is no request"),
    ],
)
def test_a_bad_filter_is_named_and_shows_no_rows(as_nadia: Client, address: str, fault: str) -> None:
    AuditEventFactory()
    answer = as_nadia.get(f"/audit/?{address}")
    assert answer.status_code == 200
    assert fault in read(answer).text
    assert "Remove it" in read(answer).text
    assert numbers(answer) == []


@pytest.mark.django_db
def test_one_request_is_one_fold(as_nadia: Client) -> None:
    with trail.acting(request_id="bulk-7"):
        made = [AuditEventFactory(verb=Verb.REVEALED, facts={"field": "CNIC"}) for _ in range(3)]
    folds = [deed for deed in as_nadia.get("/audit/").context["query"].deeds if deed.request_id == "bulk-7"]
    assert [[line.entry.seq for line in deed.lines] for deed in folds] == [[one.seq for one in made[::-1]]]
    assert "2 more of the same request" in read(as_nadia.get("/audit/")).text


@pytest.mark.django_db
def test_pages_follow_each_other_without_gap_or_repeat(as_nadia: Client) -> None:
    made = [AuditEventFactory(verb=Verb.REVEALED).seq for _ in range(60)]
    seen, address = [], "/audit/?action=revealed&size=25"
    while address:
        answer = as_nadia.get(address)
        seen += numbers(answer)
        address = answer.context["query"].older_url
    assert seen == made[::-1]
    back = as_nadia.get(answer.context["query"].newer_url)
    assert numbers(back) == made[::-1][25:50]


@pytest.mark.django_db
def test_an_entry_has_a_page_with_its_hash_and_its_text(as_nadia: Client) -> None:
    entry = AuditEventFactory(reason="partner inquiry")
    answer = as_nadia.get(f"/audit/e/{entry.seq}/")
    assert bytes(entry.hash).hex() in answer.content.decode()
    assert "partner inquiry" in read(answer).text
    assert as_nadia.get("/audit/e/999999/").status_code == 404
    assert as_nadia.get(f"/audit/e/{'9' * 30}/").status_code == 404


@pytest.mark.django_db
def test_an_object_has_its_whole_history_with_what_each_deed_changed(as_nadia: Client, admin: User) -> None:
    partner = PartnerFactory(code="RIA", name="RIA")
    change_partner(seconded(admin), partner, name="RIA Money")
    answer = as_nadia.get("/audit/o/accounts.partner/RIA/")
    text = read(answer).text
    assert "Name: was RIA → becomes RIA Money" in text
    entry = AuditEvent.objects.filter(verb=Verb.CHANGED, object_id="RIA").latest("seq")
    joined = [deed for deed in answer.context["query"].deeds if deed.request_id == entry.request_id]
    assert [row.request_id for row in joined[0].history] == [entry.request_id]
    assert as_nadia.get("/audit/o/accounts.partner/NOBODY/").status_code == 404


@pytest.mark.django_db
def test_a_transaction_s_history_holds_what_the_platform_changed(as_nadia: Client) -> None:
    sent = TransactionFactory(stage="credited")
    answer = as_nadia.get(f"/audit/o/transactions.transaction/{sent.txn_id}/")
    assert answer.status_code == 200
    assert "What changed in the record" in read(answer).text


@pytest.mark.django_db
def test_an_auditor_of_some_partners_reads_only_their_objects(nadia: User) -> None:
    """The role alone shows nothing that is out of scope, and foreign answers like absent."""
    mine, foreign = TransactionFactory(partner="INSTANTCASH"), TransactionFactory(partner="RIA")
    nadia.user_permissions.clear()
    grant(nadia, Partner.objects.get(code="INSTANTCASH"))
    nadia.user_permissions.add(*_all_branches())
    client = signed_in(nadia)
    entry = AuditEventFactory(object_id=foreign.txn_id)
    assert numbers(client.get("/audit/")) == []
    assert client.get(f"/audit/o/transactions.transaction/{mine.txn_id}/").status_code == 200
    assert client.get(f"/audit/o/transactions.transaction/{foreign.txn_id}/").status_code == 404
    assert client.get("/audit/o/transactions.transaction/PSLNOBODY/").status_code == 404
    assert client.get("/audit/o/accounts.partner/RIA/").status_code == 404
    assert client.get(f"/audit/e/{entry.seq}/").status_code == 404


def _all_branches() -> list[Any]:
    from tests.factories.accounts import permission

    return [permission("accounts.all_branches")]


@pytest.mark.django_db
def test_each_page_that_an_auditor_reads_is_recorded_once(as_nadia: Client) -> None:
    for _ in range(5):
        entry = AuditEventFactory()
    for address in ("/audit/", "/audit/?actor=hina&action=viewed", f"/audit/e/{entry.seq}/", "/audit/chain/"):
        before = AuditEvent.objects.filter(verb=Verb.READ_TRAIL).count()
        as_nadia.get(address)
        assert AuditEvent.objects.filter(verb=Verb.READ_TRAIL).count() == before + 1, address
    said = read(as_nadia.get("/audit/?action=audits")).text
    assert "read the trail, What: Viewed" not in said  # the filters stand in their own order
    assert "read the trail, Who: hina; What: Viewed" in said or "What: Viewed" in said


SINGLE = (
    "", "actor=hina", "action=revealed", "action=searches", "object=accounts.partner", "result=DENIED",
    "object=transactions.transaction&ref=PSL77", "ref=PSL77", "request=r77", "range=2026-11-01..2026-11-03",
    "actor=hina&action=viewed", "actor=hina&range=2026-11-01..2026-11-03", "action=viewed&range=2026-11-01..2026-11-03",
    "actor=hina&action=viewed&after=15000", "action=viewed&before=100",
)  # fmt: skip
MANY = """
    INSERT INTO audit_auditevent (seq, body, prev_hash, hash)
    SELECT n, json_build_object(
        'at', to_char(timestamptz '2026-11-01' + n * interval '40 s', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'verb', (ARRAY['viewed','viewed','viewed','revealed','searched','denied'])[1 + n % 6],
        'kind', 'USER', 'actor', (ARRAY['hina','omar','sana','worker'])[1 + n % 4],
        'object_type', CASE n % 50 WHEN 0 THEN 'accounts.partner' ELSE 'transactions.transaction' END,
        'object_id', 'PSL' || n % 4000, 'request_id', 'r' || n / 2, 'session', '', 'ip', '', 'reason', '',
        'result', CASE n % 6 WHEN 5 THEN 'DENIED' ELSE 'OK' END)::text, '', ''
    FROM generate_series(1, 20000) n
"""


@pytest.mark.django_db(transaction=True)
def test_every_common_filter_is_answered_from_an_index_in_the_order_of_the_list(nadia: User, hina: User) -> None:
    with owner_connection() as owner:
        owner.execute(MANY)
        owner.execute("ANALYZE audit_auditevent")
    for address in SINGLE:
        query = TrailQuery(QueryDict(address), nadia, timezone.now())
        assert query.is_sound, (address, query.problems)
        assert query.entries, address
        for part in query.parts:
            rows = part.order_by("-seq")[:51]
            with connection.cursor() as cursor:
                sql, values = rows.query.sql_with_params()
                cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", values)
                plan = json.dumps(cursor.fetchone()[0])
            assert "Seq Scan" not in plan, (address, plan)
            assert "Index" in plan, (address, plan)


def test_an_open_page_hears_how_many_entries_of_its_filters_are_new_and_that_is_no_reading(
    as_nadia: Client, omar: User
) -> None:
    page = as_nadia.get("/audit/?actor=omar").content.decode()
    (asks,) = re.findall(r'id="news"[^>]*hx-get="([^"]+)"', page)
    address = asks.replace("&amp;", "&")
    readings = AuditEvent.objects.filter(verb=Verb.READ_TRAIL).count()
    assert "new" not in words_of(as_nadia.get(address))
    for verb in (Verb.VIEWED, Verb.REVEALED):
        trail.record(verb, by=omar, object_type="transactions.transaction", object_id="PSL1")
    trail.record(Verb.VIEWED, by="hina", object_type="transactions.transaction", object_id="PSL1")

    assert words_of(as_nadia.get(address)) == "2 new · Show them"
    assert 'href="/audit/?actor=omar"' in as_nadia.get(address).content.decode()
    assert AuditEvent.objects.filter(verb=Verb.READ_TRAIL).count() == readings
    for bad in ("/audit/new/", "/audit/new/?since=x", "/audit/new/?since=1&colour=red"):
        assert as_nadia.get(bad).status_code == 400


def words_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())
