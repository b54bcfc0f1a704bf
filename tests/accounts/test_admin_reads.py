"""What auditors read in Django admin: inside their scope, masked, on the record, and nothing that can be changed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Role
from audit.models import AuditEvent
from compliance.models import ScreeningCheck
from exceptions.models import ExceptionItem
from tests.factories.accounts import BranchFactory, PartnerFactory, UserFactory, grant, permission, role
from tests.people import seconded, signed_in
from tests.transactions.arriving import in_stage
from transactions.models import Account, Event, Party, Transaction

pytestmark = pytest.mark.django_db

READ_ONLY = [page for page in admin.site._registry.values() if not (page.may_add or page.may_change or page.may_delete)]  # type: ignore[attr-defined]
TRADE = ["transactions/transaction", "transactions/party", "transactions/account", "exceptions/exceptionitem"]
BOUND = re.compile(r"LIMIT (?:100|10000)\) (?:counted|subquery)")
"""How a count ends that goes no further than a page's ten thousand or a badge's hundred."""


@pytest.fixture
def paid() -> Transaction:
    return in_stage("credited")


def late(transaction: Transaction) -> ExceptionItem:
    return ExceptionItem.objects.create(
        transaction=transaction, kind="late", opened_at=timezone.now(), reason="Over its limit"
    )


@pytest.fixture
def auditor_of_nothing() -> Client:
    return signed_in(UserFactory(roles=[Role.AUDITOR], is_staff=True))


@pytest.fixture
def auditor_of_ria() -> Client:
    auditor = UserFactory(roles=[Role.AUDITOR], is_staff=True)
    grant(auditor, PartnerFactory(code="RIA", name="RIA"))
    auditor.user_permissions.add(permission("accounts.all_branches"))
    return signed_in(auditor)


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def entries(verb: str) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in AuditEvent.objects.filter(verb=verb).order_by("seq")]


def test_an_auditor_opens_a_transaction_and_that_is_recorded(as_nadia: Client, paid: Transaction) -> None:
    listed = text(as_nadia.get("/admin/transactions/transaction/"))
    page = text(as_nadia.get(f"/admin/transactions/transaction/{paid.pk}/change/"))

    assert paid.txn_id in listed
    assert paid.partner_reference in page
    assert "Completed" in page
    assert entries("viewed")[-1]["object_id"] == paid.txn_id
    assert entries("viewed")[-1]["actor"] == "nadia"


def test_personal_data_is_masked_in_lists_pages_and_histories(as_nadia: Client, paid: Transaction) -> None:
    secrets = {paid.beneficiary_iban, paid.account.number}
    for party in paid.parties.all():
        secrets |= {party.id_number, party.mobile, party.email, party.address_line_1}
        party.id_number += "9"
        party.save()
        secrets.add(party.id_number)
    secrets -= {""}
    assert len(secrets) >= 6
    rows = [paid, paid.account, *paid.parties.all(), *ScreeningCheck.objects.all()]
    for row in rows:
        name = f"{row._meta.app_label}_{row._meta.model_name}"
        for address in (
            reverse(f"admin:{name}_changelist"),
            reverse(f"admin:{name}_change", args=[row.pk]),
            reverse(f"admin:{name}_history", args=[row.pk]),
        ):
            page = as_nadia.get(address).content.decode()
            assert not [secret for secret in secrets if secret in page], address


def test_rows_of_other_partners_are_nowhere(auditor_of_ria: Client, paid: Transaction) -> None:
    own = in_stage("credited", partner="RIA", number=2)
    foreign = [
        paid,
        paid.account,
        *paid.parties.all(),
        late(paid),
        *ScreeningCheck.objects.filter(transaction=paid),
    ]
    assert own.txn_id in text(auditor_of_ria.get("/admin/transactions/transaction/"))
    for row in foreign:
        name = f"{row._meta.app_label}_{row._meta.model_name}"
        listed = text(auditor_of_ria.get(reverse(f"admin:{name}_changelist")))
        assert paid.txn_id not in listed
        assert "Instant Cash" not in listed
        absent = auditor_of_ria.get(reverse(f"admin:{name}_change", args=[99_999_999]))
        for address in ("change", "history"):
            answer = auditor_of_ria.get(reverse(f"admin:{name}_{address}", args=[row.pk]))
            assert answer.status_code == 404
            assert without_token(answer) == without_token(absent)
    assert "0 transactions" in text(auditor_of_ria.get(f"/admin/transactions/transaction/?q={paid.txn_id}"))
    assert "_facets" not in text(auditor_of_ria.get("/admin/transactions/transaction/"))
    assert auditor_of_ria.get("/admin/transactions/transaction/?partner__code=INSTANTCASH").status_code == 400


def test_an_auditor_without_a_scope_sees_no_row_at_all(auditor_of_nothing: Client, paid: Transaction) -> None:
    late(paid)
    for kind in [*TRADE, "compliance/screeningcheck", "gateway/delivery", "gateway/verdict", "audit/auditevent"]:
        page = text(auditor_of_nothing.get(f"/admin/{kind}/"))
        assert "0 " in page.split('class="paginator"')[1][:200]
        assert paid.txn_id not in page
        assert "Instant Cash" not in page


@pytest.mark.parametrize(
    "field", ["txn_id", "partner_reference", "bank_reference", "rail_reference", "uetr", "end_to_end_id"]
)
def test_a_whole_reference_finds_its_transaction_and_a_part_finds_none(
    as_nadia: Client, paid: Transaction, field: str
) -> None:
    stories = [paid, *(in_stage("credited", number=number) for number in range(2, 6))]
    paid = next(one for one in stories if getattr(one, field))
    reference = getattr(paid, field)
    found = text(as_nadia.get("/admin/transactions/transaction/", {"q": f" {reference.lower()} "}))
    part = text(as_nadia.get("/admin/transactions/transaction/", {"q": reference[:-1]}))

    assert "1 transaction" in found
    assert f">{paid.txn_id}<" in found
    assert "0 transactions" in part
    assert entries("searched")


def test_a_name_finds_nobody_in_the_admin(as_nadia: Client, paid: Transaction) -> None:
    assert "0 transactions" in text(as_nadia.get("/admin/transactions/transaction/", {"q": paid.beneficiary_name}))


def test_no_page_counts_a_whole_table_or_asks_for_each_row(as_nadia: Client, paid: Transaction) -> None:
    for number in range(2, 6):
        in_stage("credited", number=number)
    for kind in [*TRADE, "audit/auditevent", "auth/group", "accounts/user"]:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert as_nadia.get(f"/admin/{kind}/").status_code == 200
        counts = [one["sql"] for one in asked if "COUNT(" in one["sql"]]
        assert any("LIMIT 10000" in sql for sql in counts), kind
        assert not [sql for sql in counts if sql.count("COUNT(") > len(BOUND.findall(sql))], kind
        assert len(asked) <= 22, (kind, len(asked))
        assert not any("DISTINCT" in one["sql"] for one in asked if "transactions_transaction" in one["sql"])


@pytest.mark.parametrize("page", READ_ONLY, ids=lambda page: page.opts.label_lower)
def test_nobody_changes_a_row_of_the_trade(
    page: Any, as_admin: Client, as_nadia: Client, as_omar: Client, paid: Transaction
) -> None:
    every = UserFactory(roles=list(Role), everything=True, is_staff=True)
    User.objects.filter(pk=every.pk).update(is_superuser=True)
    late(paid)
    name = f"{page.model._meta.app_label}_{page.model._meta.model_name}"
    row = page.model._default_manager.first()
    pk = row.pk if row else 1
    addresses = [
        reverse(f"admin:{name}_changelist"),
        reverse(f"admin:{name}_add"),
        reverse(f"admin:{name}_change", args=[pk]),
        reverse(f"admin:{name}_delete", args=[pk]),
        reverse(f"admin:{name}_history", args=[pk]),
    ]
    before = fingerprint()
    for client in (as_admin, as_nadia, as_omar, signed_in(every)):
        for address in addresses:
            for method in ("post", "put", "patch", "delete"):
                answer = getattr(client, method)(
                    address,
                    {"reason": "I would like to", "status": "completed", "_save": "1", "post": "yes"},
                    **({"content_type": "application/x-www-form-urlencoded"} if method != "post" else {}),
                )
                assert answer.status_code in {200, 403, 404, 405}, (address, method, answer.status_code)
                assert method != "post" or answer.status_code in {403, 405}
    assert fingerprint() == before


def fingerprint() -> list[Any]:
    """Every row of the trade, so that any change shows."""
    return [
        list(model.objects.order_by("pk").values()) for model in (Transaction, Party, Account, Event, ExceptionItem)
    ]


def test_administrators_see_no_transaction(as_admin: Client, paid: Transaction) -> None:
    index = text(as_admin.get("/admin/"))
    assert "Reason codes" in index
    assert "/admin/transactions/transaction/" not in index
    for kind in [
        *TRADE,
        "compliance/screeningcheck",
        "compliance/screeninghit",
        "audit/auditevent",
        "gateway/delivery",
    ]:
        assert as_admin.get(f"/admin/{kind}/").status_code == 403
        assert as_admin.get(f"/admin/{kind}/{paid.pk}/change/").status_code == 403
        assert as_admin.get(f"/admin/{kind}/{paid.pk}/history/").status_code == 403
    assert as_admin.get("/admin/audit/").status_code == 404


def test_taking_the_auditors_right_closes_the_page_at_the_next_request(as_nadia: Client, paid: Transaction) -> None:
    assert as_nadia.get("/admin/transactions/transaction/").status_code == 200
    role(Role.AUDITOR).permissions.remove(permission("transactions.view_transactions"))
    assert as_nadia.get("/admin/transactions/transaction/").status_code == 403


def test_the_trail_reads_as_sentences_and_reading_it_is_recorded(as_nadia: Client, admin: User, omar: User) -> None:
    fields = {"code": "7001", "name": "Quetta", "reason": "A new branch"}
    seconded(admin).post("/admin/accounts/branch/add/", fields)
    listed = text(as_nadia.get("/admin/audit/auditevent/"))
    entry = AuditEvent.objects.get(verb="added")
    page = text(as_nadia.get(f"/admin/audit/auditevent/{entry.pk}/change/"))

    assert "Amna Soomro added branch 7001, reason: A new branch" in listed
    assert "<ins>Quetta</ins>" in page
    assert {one["object_id"] for one in entries("read_trail")} == {"in Django admin", str(entry.pk)}
    assert "3 trail entries" in text(as_nadia.get("/admin/audit/auditevent/?q=7001"))


def test_every_address_of_the_admin_refuses_who_does_not_belong(
    hina: User, omar: User, bilal: User, yusuf: User
) -> None:
    """Operators, a superuser without a role, staff without a role: 403 at every address, whatever the method."""
    root = User.objects.create_superuser("root", "x", full_name="Root")
    clients = [signed_in(user) for user in (hina, omar, bilal, yusuf, root, UserFactory(is_staff=True))]
    before = AuditEvent.objects.filter(verb="denied").count()
    asked = 0
    for address in every_address():
        for client in clients:
            for method in (client.get, client.post):
                answer = method(address)
                expected = {403, 405} if "/history/" in address or "logout" in address else {403}
                if address.startswith("/admin/login/"):
                    expected = {302}
                assert answer.status_code in expected, (address, answer.status_code)
                asked += answer.status_code == 403
        anonymous = Client().get(address)
        assert anonymous.status_code == 302
        assert anonymous.headers["Location"].startswith("/login/?next=/admin/")
    assert AuditEvent.objects.filter(verb="denied").count() - before == asked


def every_address() -> list[str]:
    """Every pattern of the admin, with something in place of its arguments."""
    found = []
    for pattern in admin.site.get_urls():
        inner = getattr(pattern, "url_patterns", None) or [None]
        for one in inner:
            route = str(pattern.pattern) + (str(one.pattern) if one else "")
            route = re.sub(r"<path:object_id>", "1", route)
            route = re.sub(r"<path:rest>", "1/", route)
            if "(?P<app_label>" in route:
                route = "accounts/"
            if "(?P<url>" in route:
                route = "nowhere/"
            found.append(f"/admin/{route}")
    return sorted(set(found))


def without_token(answer: Any) -> str:
    return re.sub(r'(name="csrfmiddlewaretoken" value="[^"]+"|<time.*?</time>)', "", answer.content.decode())


def test_branches_narrow_what_an_auditor_sees(paid: Transaction) -> None:
    auditor = UserFactory(roles=[Role.AUDITOR], is_staff=True)
    grant(auditor, paid.partner)
    grant(auditor, BranchFactory())
    assert paid.txn_id not in text(signed_in(auditor).get("/admin/transactions/transaction/"))
