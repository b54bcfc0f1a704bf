"""The world that the permission matrix walks: every role, and objects of one's own, of others and of nobody.

All rows of the foreign partner and the foreign branch carry canaries in every text field; a canary in an answer to
somebody whose scope excludes it is a leak. Screening words are canaries for everybody outside compliance; full
personal numbers are canaries for everybody.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

from django.apps import apps
from django.contrib.auth.models import Group
from django.http.request import HttpHeaders
from django.test import Client

from accounts.models import Branch, BranchUserPermission, Partner, PartnerUserPermission, SubAgent, User
from accounts.permissions import Role
from accounts.sessions import LAST_SEEN, SIGNED_IN_AT
from backoffice.demo.stories import story_of_kind
from backoffice.gateway.intake import receive
from compliance.models import Case, CaseFile, ScreeningCheck
from exceptions.models import BulkJob, BulkRow, ExceptionItem, ReversalFile, ReversalRow
from tests.factories.accounts import ApprovalRequestFactory, NotificationFactory
from tests.factories.compliance import PrintedCaseFactory, ReportFactory, WhitelistRuleFactory
from tests.factories.reports import AlarmFactory, CertificateFactory, ExportFactory
from tests.factories.transactions import SavedViewFactory
from tests.people import person
from transactions.models import Inquiry, Note, Transaction

ROLES = ("hina", "omar", "sana", "adeel", "mehwish", "tariq", "rabia", "bilal", "nadia", "admin")
PERSONS = (*ROLES, "nobody", "deactivated", "viewer", "superuser", "anonymous")
NARROW = frozenset({"hina", "bilal", "nobody", "viewer", "superuser"})
OWN_TXN, FOREIGN_TXN, MISSING_TXN = "PSLOWN0001", "PSLZZCANARY1", "PSLNONE0001"
FOREIGN_PARTNER, FOREIGN_BRANCH = "ZZPARTNER", "YYBRANCH"
OWN_REPORT, FOREIGN_REPORT = "STR-OWN-0001", "STR-ZZ-0001"
OWN_FILE, FOREIGN_FILE = "a" * 64, "f" * 64
MISSING = 999_999_999
WALK_TAKES_AT_MOST = 3_600  # seconds
NAMED = {
    "slug": {"own": "daily", "foreign": "screening", "missing": "nothing-here"},
    "kind": dict.fromkeys(("own", "foreign", "missing"), "csv"),
    "object_type": dict.fromkeys(("own", "foreign", "missing"), "transactions.transaction"),
    "seq": {"own": 1, "foreign": 1, "missing": MISSING},
    "report": {"own": OWN_REPORT, "foreign": FOREIGN_REPORT, "missing": "STR-2026-9999"},
    "alarm": {"own": 9_001, "foreign": 9_002, "missing": MISSING},
    "rule": {"own": "W-9001", "foreign": "W-9002", "missing": "W-9999"},
    "answer": {"own": "pending", "foreign": "failed", "missing": "nothing"},
    "printed": {"own": "CF-OWN", "foreign": "CF-ZZ", "missing": "CF-NONE"},
    "sha256": {"own": OWN_FILE, "foreign": FOREIGN_FILE, "missing": "0" * 64},
}
"""Arguments that are the same for everybody."""

_TRANSACTION_CANARIES = ("zzcanary", "Zz Canary", "ZZCANARY")
_PARTNER_CANARIES = ("ZZPARTNER", "Zz Partner")
_BRANCH_CANARIES = ("YYBRANCH", "Yy Branch")
_SCREENING_CANARIES = ("SDN-ZZ-4711", "Canary Sanctions List", "Hitcanary")
_PERSONAL_CANARIES = ("3520199999991", "+923009999999", "zz.private@example.com", "PK22ORMB0000009999999999")
_REPORT_CANARIES = ("Strcanary",)
_SEES_REPORTS = frozenset({"mehwish", "nadia"})
_SEES_EVERYTHING = frozenset({"omar", "sana", "adeel", "mehwish", "tariq", "rabia", "nadia"})
_SEES_SCREENING = frozenset({"adeel", "mehwish", "nadia"})
_KNOWS_PARTNERS = _SEES_EVERYTHING | {"admin", "bilal"}
_KNOWS_BRANCHES = _SEES_EVERYTHING | {"admin", "hina"}


def _canaries(name: str) -> tuple[str, ...]:
    return (
        *(() if name in _SEES_EVERYTHING else _TRANSACTION_CANARIES),
        *(() if name in _KNOWS_PARTNERS else _PARTNER_CANARIES),
        *(() if name in _KNOWS_BRANCHES else _BRANCH_CANARIES),
        *(() if name in _SEES_SCREENING else _SCREENING_CANARIES),
        *(() if name in _SEES_REPORTS else _REPORT_CANARIES),
        *_PERSONAL_CANARIES,
    )


CANARIES = {name: tuple(canary.encode() for canary in _canaries(name)) for name in PERSONS}

_looked: set[str] = set()


@contextmanager
def watched_headers() -> Iterator[set[str]]:
    """The names, in small letters, of all headers of requests that anybody looks at meanwhile."""
    plain = HttpHeaders.__getitem__

    def noting(headers: HttpHeaders, name: str) -> str:
        _looked.add(name.lower().replace("_", "-"))
        return str(plain(headers, name))

    with patch.object(HttpHeaders, "__getitem__", noting):
        yield _looked


class Environ(dict[str, Any]):
    """What a request is made of; it notes which header is taken from it directly."""

    def __contains__(self, name: object) -> bool:
        _note(name)
        return super().__contains__(name)

    def __getitem__(self, name: str) -> Any:
        _note(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        _note(name)
        return super().get(name, default)


def _note(name: object) -> None:
    if isinstance(name, str) and name.startswith("HTTP_"):
        _looked.add(name.removeprefix("HTTP_").lower().replace("_", "-"))


class Asker(Client):
    """A browser that keeps nothing of its answers: no cookie, and not what each template was given."""

    def request(self, **request: Any) -> Any:
        return self.handler(Environ(self._base_environ(**request)))


@dataclass
class World:
    """What the walker needs: a signed-in browser per person and an argument for every address."""

    own: Transaction
    foreign: Transaction
    inquiries: dict[str, str]
    jobs: dict[str, str]
    cases: dict[str, str]
    approvals: dict[str, str]
    batches: dict[str, UUID]
    users: dict[str, User | None]
    narrow: frozenset[str] = NARROW
    _clients: dict[str, Asker] = field(default_factory=dict)
    _rows: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, name: str) -> Asker:
        if name not in self._clients:
            self._clients[name] = _browser_of(self.users[name])
        return self._clients[name]

    def argument(self, address: str, parameter: str, kind: str, name: str) -> Any:
        """The value of one URL parameter for an object of `kind` as `name` sees it; None where there is none."""
        by_kind = {"approval": self.approvals, "batch": self.batches}
        if parameter in by_kind:
            return by_kind[parameter][kind]
        match parameter:
            case "reference" | "object_id" if parameter == "reference" or address.startswith("audit:"):
                return {"own": OWN_TXN, "foreign": FOREIGN_TXN, "missing": MISSING_TXN}[kind]
            case "reason":
                return "late-compliance-review" if kind == "own" else "no-such-group"
            case "number":
                return self._number(address, kind)
            case "key":
                return {"own": f"own-view-{name}", "foreign": "foreign-view", "missing": "missing-view"}[kind]
            case "deed" | "digest":
                return {"deed": "inquire", "digest": "0" * 64}[parameter]
            case "object_id":
                return self._row(address, kind)
            case "app_label":
                return "accounts" if kind == "own" else None
            case "rest":
                return "1/"
            case _:
                return NAMED.get(parameter, {}).get(kind)

    def _number(self, address: str, kind: str) -> str:
        """The number of a job, a reversal file, a case or an inquiry."""
        if address.startswith("exceptions:job"):
            return self.jobs[kind]
        if address.startswith("reports:certificate"):
            return {"own": "PRC-OWN", "foreign": "PRC-ZZ", "missing": "PRC-NONE"}[kind]
        if address.startswith("reports:export"):
            return "X-OWN" if kind == "own" else "X-ZZ" if kind == "foreign" else "X-NONE"
        if address == "exceptions:reversal":
            return "R-OWN" if kind == "own" else "R-NONE"
        return (self.cases if address.startswith("compliance:") else self.inquiries)[kind]

    def _row(self, address: str, kind: str) -> Any:
        if (address, kind) not in self._rows:
            self._rows[address, kind] = _row(address, kind)
        return self._rows[address, kind]


def _row(address: str, kind: str) -> Any:
    """The key of a row behind an address of Django admin; MISSING where there is none of this kind."""
    if kind == "missing":
        return MISSING
    model = _model_of(address)
    if model is None:
        return None
    rows = model._default_manager.order_by("pk")
    of_foreign = _of_foreign(model)
    row = rows.filter(**of_foreign).first() if kind == "foreign" and of_foreign else rows.first()
    if kind == "own" and of_foreign:
        row = rows.exclude(**of_foreign).first()
    return row.pk if row else MISSING


def _model_of(address: str) -> Any:
    """The model behind an address of Django admin, for example admin:transactions_transaction_change."""
    stem = address.removeprefix("admin:").rsplit("_", 1)[0]
    for model in apps.get_models():
        if f"{model._meta.app_label}_{model._meta.model_name}" == stem:
            return model
    return None


def _of_foreign(model: Any) -> dict[str, Any]:
    names = {entry.name for entry in model._meta.get_fields()}
    if model is Transaction:
        return {"txn_id": FOREIGN_TXN}
    if model in (Partner, Branch):
        return {"code": FOREIGN_PARTNER if model is Partner else FOREIGN_BRANCH}
    return {"transaction__txn_id": FOREIGN_TXN} if "transaction" in names else {}


def build() -> World:
    """Make people of every kind, one transaction of one's own and one of the foreign partner and branch."""
    users: dict[str, User | None] = {name: person(name) for name in ROLES}
    users |= {
        "nobody": _user("nobody"),
        "deactivated": _user("deactivated", Role.AUDITOR, is_active=False),
        "viewer": _viewer(),
        "superuser": _user("superuser", is_staff=True, is_superuser=True),
        "anonymous": None,
    }
    _organisations()
    own = _transaction(OWN_TXN, "INSTANTCASH", "1003", canary=False)
    foreign = _transaction(FOREIGN_TXN, FOREIGN_PARTNER, FOREIGN_BRANCH, canary=True)
    omar = users["omar"]
    assert omar is not None
    for name, user in users.items():
        if user is not None:
            SavedViewFactory(owner=user, key=f"own-view-{name}", name="Own view", query="status=failed")
            _told(user, foreign)
    SavedViewFactory(owner=_user("stranger"), key="foreign-view", name="Zz Canary view")
    inquiries = {
        "own": _inquiry(own, omar, "INQ-OWN"),
        "foreign": _inquiry(foreign, omar, "INQ-ZZ"),
        "missing": "INQ-NONE",
    }
    jobs = {"own": _job(own, omar, "B-OWN"), "foreign": _job(foreign, users["nobody"], "B-ZZ"), "missing": "B-NONE"}
    _reversal(own, foreign, omar)
    _exports()
    CertificateFactory(number="PRC-OWN", transaction=own, issued_by=omar)
    CertificateFactory(number="PRC-ZZ", transaction=foreign, issued_by=omar)
    _report_and_rule(own, OWN_REPORT, 9001)
    _report_and_rule(foreign, FOREIGN_REPORT, 9002)
    cases = {"own": _case(own, OWN_FILE), "foreign": _case(foreign, FOREIGN_FILE), "missing": "C-2026-99999"}
    batches = {kind: uuid4() for kind in ("own", "foreign", "missing")}
    approvals = {
        "own": _approval(own, omar, batches["own"]),
        "foreign": _approval(foreign, omar, batches["foreign"]),
        "missing": "A-NONE",
    }
    AlarmFactory(
        pk=9_001, partner=own.partner, about=own.partner.code, sentence="Nothing has come from the own partner."
    )
    AlarmFactory(pk=9_002, partner=foreign.partner, about=FOREIGN_PARTNER, sentence="Nothing has come from Zz Partner.")
    world = World(own, foreign, inquiries, jobs, cases, approvals, batches, users)
    for name in PERSONS:
        world.client(name)  # signed in before the first request is taken back
    return world


def _browser_of(user: User | None) -> Asker:
    """A browser in which this person is signed in and was seen just now, for as long as the walk takes: each request
    is taken back, so that otherwise each would write that it was seen.
    """
    client = Asker()
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session[SIGNED_IN_AT] = time.time()
        session[LAST_SEEN] = time.time() + WALK_TAKES_AT_MOST
        session.save()
    return client


def _told(user: User, foreign: Transaction) -> None:
    """What somebody was told while they saw the foreign partner, and what only compliance may read of their own."""
    NotificationFactory(
        recipient=user, sentence="Zz Canary asks", partner=foreign.partner, branch=foreign.branch, object_id="A-ZZ"
    )
    NotificationFactory(recipient=user, sentence="Hitcanary escalated", right="compliance.view_cases")


def _report_and_rule(transaction: Transaction, number: str, rule: int) -> None:
    """A report to the regulator and a rule of the whitelist, both full of what only compliance may read."""
    case = Case.objects.get(transaction=transaction)
    ReportFactory(number=number, case=case, grounds="Strcanary grounds", begun_by=person("mehwish"))
    WhitelistRuleFactory(
        number=rule,
        case=case,
        requested_by=person("adeel"),
        agreed_by=person("mehwish"),
        note="Hitcanary note",
        ended_at=datetime.now(UTC) if rule == 9002 else None,
    )


def _case(transaction: Transaction, sha256: str) -> str:
    """The number of the case that the intake opened, with a document."""
    case = Case.objects.get(transaction=transaction)
    content = b"%PDF-1.4 Hitcanary"
    CaseFile.objects.create(
        case=case,
        name="Hitcanary.pdf",
        content_type="application/pdf",
        size=len(content),
        sha256=sha256,
        content=content,
        added_by=person("adeel"),
    )
    number = NAMED["printed"]["foreign" if transaction.txn_id == FOREIGN_TXN else "own"]
    PrintedCaseFactory(number=number, case=case, content=f"Hitcanary {number}", made_by=person("adeel"))
    return case.number


def _approval(transaction: Transaction, by: User, batch: UUID) -> str:
    mark = "Zz Canary " if transaction.txn_id == FOREIGN_TXN else ""
    asked = ApprovalRequestFactory(
        operation="cancel",
        object_id=transaction.txn_id,
        object_version=transaction.version,
        partner=transaction.partner,
        branch=transaction.branch,
        summary=f"{mark}Cancel: {transaction.txn_id}",
        note=f"{mark}The sender asked.",
        maker=by,
        batch=batch,
    )
    return str(asked.number)


def _user(name: str, *roles: Role, **fields: Any) -> User:
    user = User.objects.create_user(name, "matrix-password", full_name=f"{name.title()} Matrix", **fields)
    user.groups.add(*Group.objects.filter(name__in=[role.value for role in roles]))
    return user


def _viewer() -> User:
    """Somebody of the staff who holds Django's own view rights on everything, and no role of ours."""
    from django.contrib.auth.models import Permission

    viewer = _user("viewer", is_staff=True)
    viewer.user_permissions.add(
        *Permission.objects.filter(codename__startswith="view_").exclude(content_type__model="right")
    )
    return viewer


def _organisations() -> None:
    Partner.objects.get_or_create(code="INSTANTCASH", defaults={"name": "Instant Cash"})
    Branch.objects.get_or_create(code="1003", defaults={"name": "Lahore Gulberg"})
    Partner.objects.create(
        code=FOREIGN_PARTNER, name="Zz Partner Remit", contact_name="Zz Partner Contact", email="desk@example.com"
    )
    Branch.objects.create(code=FOREIGN_BRANCH, name="Yy Branch", city="Yy Branch City")
    SubAgent.objects.create(agent_code=f"{FOREIGN_PARTNER}-1", name="Zz Partner Agent")
    assert PartnerUserPermission.objects.exists()
    assert BranchUserPermission.objects.exists()


def _transaction(txn_id: str, partner: str, branch: str, *, canary: bool) -> Transaction:
    """A transaction in review with hits, so that there is something to hint at; the foreign one full of canaries."""
    now = datetime.now(UTC)
    events = story_of_kind(
        "review:hits", number=1, now=now - timedelta(minutes=30), partner="INSTANTCASH", branch="1003"
    )
    told = [_retold(event, txn_id, partner, branch, canary=canary) for event in events]
    receipt = receive(told, message_id=f"matrix-{txn_id}", source="demo")
    assert receipt.rejected == 0, receipt.events
    transaction = Transaction.objects.get(txn_id=txn_id)
    assert ScreeningCheck.objects.filter(transaction=transaction).exists()
    mark = "Zz Canary note" if canary else "A note"
    Note.objects.create(transaction=transaction, author=person("omar"), text=mark)
    Note.objects.create(transaction=transaction, author=person("adeel"), text="Hitcanary", compliance_only=True)
    ExceptionItem.objects.create(transaction=transaction, kind="late", opened_at=now, reason=mark)
    return transaction


def _retold(event: dict[str, Any], txn_id: str, partner: str, branch: str, *, canary: bool) -> dict[str, Any]:
    event = {**event, "id": f"{txn_id}.{event['sequence']}", "subject": txn_id}
    if event["type"].endswith("transaction.received"):
        event["data"] = _instruction(event["data"], txn_id, partner, branch, canary=canary)
    if event["type"].endswith("screening.completed"):
        event["data"] = {**event["data"], **_hits()}
    return event


def _instruction(data: dict[str, Any], txn_id: str, partner: str, branch: str, *, canary: bool) -> dict[str, Any]:
    mark = "Zz Canary " if canary else ""
    private = {
        "idDetails": {"idType": "CNIC", "idNumber": "3520199999991"},
        "mobileNumber": "+923009999999",
        "email": "zz.private@example.com",
    }
    details = {**data["transactionDetails"], "partnerReference": f"{'ZZCANARY' if canary else 'OWN'}-REF-1"}
    if canary:
        details["narration"] = "Zz Canary narration"
    changed = {
        "partner": partner,
        "branchCode": branch,
        "agentCode": f"{FOREIGN_PARTNER}-1" if canary else "",
        "uetr": f"{'ZZCANARY' if canary else 'OWN'}-uetr",
        "endToEndId": f"{'ZZCANARY' if canary else 'OWN'}-e2e",
        "requestId": f"{'ZZCANARY' if canary else 'OWN'}-req",
        "transactionDetails": details,
        "remitter": {**data["remitter"], **private, "fullName": f"{mark}Remitter Matrix"},
        "payoutMethod": "ACCOUNT",
        "type": "IBFT",
        "beneficiary": {
            **data["beneficiary"],
            **private,
            "fullName": f"{mark}Beneficiary Matrix",
            "bankDetails": {"bankCode": "ORMB", "accountNumber": "PK22ORMB0000009999999999"},
        },
    }
    return {**data, **changed}


def _hits() -> dict[str, Any]:
    entry = {
        "entityId": "SDN-ZZ-4711",
        "score": "0.93",
        "threshold": "0.85",
        "names": ["Hitcanary Person"],
        "programme": "Hitcanary",
    }
    return {"status": "HITS", "list": {"name": "Canary Sanctions List", "version": "2026-11-21"}, "hits": [entry]}


def _exports() -> None:
    """An export of omar's, and one of somebody else's whose question names what only those who see it may read."""
    for number, name, asked in (("X-OWN", "omar", "Status: Failed"), ("X-ZZ", "mehwish", "Partner: Zz Partner")):
        owner = person(name)
        ExportFactory(number=number, owner=owner, owner_person=owner.person_key, asked=asked)


def _reversal(transaction: Transaction, foreign: Transaction, by: User) -> None:
    """A reversal file of omar's with a row of each: what names a foreign payment is nobody's to read."""
    file = ReversalFile.objects.create(
        number="R-OWN", name="november.csv", sha256="0" * 64, size=1, body=b"x", uploaded_by=by, state="checked"
    )
    for number, one in enumerate((transaction, foreign), 2):
        mark = "Zz Canary " if one.txn_id == FOREIGN_TXN else ""
        ReversalRow.objects.create(
            file=file, number=number, transaction=one, version=one.version, state="amount_differs",
            message=f"{mark}differs", reference=f"{mark}1", iban="PK22ORMB0000009999999999",
        )  # fmt: skip


def _job(transaction: Transaction, by: User | None, number: str) -> str:
    """A job of omar's that is not started; the foreign one is somebody's who has no role."""
    mark = "Zz Canary " if transaction.txn_id == FOREIGN_TXN else ""
    job = BulkJob.objects.create(number=number, deed="assign", owner=by, chosen=f"{mark}1 ticked", note=mark)
    BulkRow.objects.create(job=job, place=1, transaction=transaction, version=transaction.version, sentence=mark)
    return number


def _inquiry(transaction: Transaction, by: User, number: str) -> str:
    mark = "Zz Canary " if transaction.txn_id == FOREIGN_TXN else ""
    Inquiry.objects.create(
        number=number,
        transaction=transaction,
        partner=transaction.partner,
        channel="phone",
        asked_by=f"{mark}Caller",
        reference_asked=transaction.txn_id,
        answer=f"{mark}It is being processed.",
        opened_by=by,
    )
    return number
