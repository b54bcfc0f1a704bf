"""Everything a person, the platform or an administrator can do over HTTP, each once, for tests that look behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.models import Partner, PartnerUserPermission, User
from accounts.permissions import Role
from compliance.evidence import evidence_of
from compliance.models import Case, ReportKind
from exceptions.models import BulkJob
from tests.accounts.test_admin import WHY, change_partner, change_person, change_role, new_person
from tests.compliance.test_views import form_of
from tests.factories.accounts import PartnerFactory, permission
from tests.factories.compliance import CaseFactory
from tests.factories.transactions import TransactionFactory
from tests.gateway.telling import paid, post
from tests.people import PASSWORD, person, seconded, signed_in
from transactions.models import Inquiry, ReasonCode, SavedView, Transaction

VIEWS = "/transactions/views/"
COLUMNS = ("sentence", "helps", "family", "retry_class", "who_acts", "answer")


@dataclass
class World:
    """One transaction that hina, omar and adeel may work on, one that failed, one in review, a partner that sends."""

    transaction: Transaction
    failed: Transaction

    def of(self, name: str) -> Client:
        client = seconded(person(name)) if name == "admin" else signed_in(person(name))
        client.raise_request_exception = False
        return client

    @property
    def page(self) -> str:
        return self.transaction.get_absolute_url()


def world() -> World:
    for name in ("hina", "omar", "adeel", "mehwish", "admin", "admin2"):
        person(name)
    instant_cash = Partner.objects.get(
        user_grants__user__username="hina", user_grants__permission__codename="see_partner"
    )
    PartnerFactory(code="RIA", name="RIA")
    CaseFactory()
    return World(
        TransactionFactory(stage="payment", partner=instant_cash.code), TransactionFactory(stage="failed_retryable")
    )


@dataclass(frozen=True)
class Deed:
    """One thing that can be done. `do` answers with the response; `before` makes what must be there."""

    name: str
    do: Callable[[World], Any]
    before: Callable[[World], Any] = lambda world: None
    done: int = 302


def _save_view(world: World) -> Any:
    return world.of("hina").post(VIEWS, {"name": "Failed", "query": "status=failed"})


def _of_view(part: str, data: dict[str, str] | None = None) -> Callable[[World], Any]:
    return lambda world: world.of("hina").post(f"{VIEWS}{SavedView.objects.get().key}/{part}", data)


def _save_and_delete_view(world: World) -> Any:
    _save_view(world)
    return _of_view("delete/")(world)


def _inquiry(world: World) -> Any:
    fields = {
        "channel": "phone",
        "asked_by": "Desk 4",
        "reference_asked": "IC1",
        "question": "",
        "answer": "It is on its way.",
        "state": "open",
    }
    return world.of("hina").post(f"{world.page}inquiries/", {f"inquiry-{key}": text for key, text in fields.items()})


def _close(world: World) -> Any:
    number = Inquiry.objects.latest("pk").number
    return world.of("hina").post(f"/inquiries/{number}/close/", {"note": "Told them."})


def _exception(world: World) -> str:
    """The address at which the exceptions of the failed payment are worked."""
    return f"/exceptions/of/{world.failed.txn_id}/"


def _take(world: World) -> Any:
    return world.of("omar").post(_exception(world), {"deed": "assign", "assign-to": "omar", "assign-seen": ""})


def _put_aside(world: World) -> Any:
    typed = {"deed": "snooze", "snooze-span": "1h", "snooze-reason": "The bank calls back."}
    return world.of("omar").post(_exception(world), typed)


def _choose_many(world: World) -> Any:
    return world.of("omar").post("/bulk/new/assign/", {"ref": [world.failed.txn_id]})


def _start_many(world: World) -> Any:
    job = BulkJob.objects.latest("pk")
    return world.of("omar").post(job.get_absolute_url(), {"do": "confirm", "to": "omar", "expected": "1"})


def _preferences(world: World) -> Any:
    chosen = {"time_zone": "UTC", "theme": "dark", "density": "compact", "page_size": "25"}
    return world.of("hina").post("/account/", chosen)


def _password(world: World) -> Any:
    new = "another long pass phrase"
    return world.of("omar").post(
        "/account/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    )


def _grant(world: World) -> Any:
    fields = {
        "user": User.objects.get(username="hina").pk,
        "content_object": Partner.objects.get(code="RIA").pk,
        "permission": permission("accounts.see_partner").pk,
        "reason": WHY,
    }
    return world.of("admin").post("/admin/accounts/partneruserpermission/add/", fields)


def _revoke(world: World) -> Any:
    row = PartnerUserPermission.objects.latest("pk")
    return world.of("admin").post(f"/admin/accounts/partneruserpermission/{row.pk}/delete/", {"reason": WHY})


def _reason_code(world: World) -> Any:
    reason = ReasonCode.objects.get(code="AC01")
    shown = {name: getattr(reason, name) for name in COLUMNS} | {"sentence": "No such account.", "reason": WHY}
    return world.of("admin").post(f"/admin/transactions/reasoncode/{reason.pk}/change/", shown)


def _role(world: World) -> Any:
    group = Group.objects.get(name=Role.INQUIRY_HANDLER)
    return change_role(world.of("admin"), group, ["transactions.view_transactions", "reports.view_dashboard"])


def _take_case(world: World) -> Any:
    return world.of("adeel").post("/compliance/next/")


def _of_case(deed: str, **fields: Any) -> Callable[[World], Any]:
    """What adeel does with the case: the form as it is read at that moment."""

    def do(world: World) -> Any:
        case = Case.objects.get()
        return world.of("adeel").post(f"{case.get_absolute_url()}{deed}/", form_of(case, **fields))

    return do


def _of_hits(**fields: str) -> Callable[[World], Any]:
    """The form of the decision with every hit said to be somebody else."""

    def do(world: World) -> Any:
        case = Case.objects.get()
        hits = [one.hit.pk for one in evidence_of(case, now=timezone.now()).hits]
        words = {f"hit-{pk}": "NOT_SAME" for pk in hits} | {f"hit-{pk}-reason": "NS-DOB" for pk in hits}
        return world.of("adeel").post(f"{case.get_absolute_url()}decide/", form_of(case) | words | fields)

    return do


def _begin_report(world: World) -> Any:
    case = Case.objects.get()
    fields = {"kind": ReportKind.objects.get(code="STR").pk, "grounds": "The remitter could not say whom he pays."}
    return world.of("mehwish").post(f"{case.get_absolute_url()}reports/", fields)


NOTED = {"note": "Compared the passport with the list."}
AT_THE_DESK = (
    Deed("take a case", _take_case),
    Deed("give a case back", _of_case("let-go"), before=_take_case),
    Deed("decide hits", _of_hits(do="hits"), before=_take_case),
    Deed("propose a release", _of_hits(outcome="release", reason="RL-FALSE", **NOTED), before=_take_case),
    Deed("hold a case", _of_case("decide", outcome="hold", reason="HD-PARTNER", **NOTED), before=_take_case),
    Deed("escalate a case", _of_case("decide", outcome="escalate", reason="ES-HELP", **NOTED), before=_take_case),
    Deed("arrange a case", _of_case("arrange", priority="1", tags="urgent"), before=_take_case),
    Deed(
        "correct a city",
        _of_case("correct", field="remitter.city", value="Fujairah", reason="The partner's letter of today."),
        before=_take_case,
    ),
    Deed("ask for a new check", _of_case("check", reason="The lists can be reached again."), before=_take_case),
    Deed("make a case file", _of_case("printed"), before=_take_case),
    Deed("begin a report", _begin_report, before=_take_case),
    Deed(
        "write an answer anew",
        lambda world: world.of("adeel").post(
            "/compliance/answers/pending/", {"version": 1, "text": "{reference} goes its way.", "note": "Plainer."}
        ),
    ),
)

DEEDS = (
    Deed("sign in", lambda world: Client().post("/login/", {"login": "hina", "password": PASSWORD})),
    Deed("fail to sign in", lambda world: Client().post("/login/", {"login": "hina", "password": "wrong"}), done=422),
    Deed("sign out", lambda world: world.of("hina").post("/logout/")),
    Deed("choose preferences", _preferences),
    Deed("choose a password", _password),
    Deed("add a note", lambda world: world.of("hina").post(f"{world.page}notes/", {"note-text": "Called."})),
    Deed(
        "add a note to many",
        lambda world: world.of("hina").post(
            "/transactions/bulk/note/", {"refs": world.transaction.txn_id, "text": "Called.", "told": "1"}
        ),
        done=200,
    ),
    Deed("save a view", _save_view),
    Deed("change a view", _of_view("", {"name": "Renamed"}), before=_save_view),
    Deed("delete a view", _of_view("delete/"), before=_save_view),
    Deed("take a view back", _of_view("restore/"), before=_save_and_delete_view),
    Deed("choose the view that the list opens with", lambda world: world.of("hina").post(f"{VIEWS}today/default/")),
    Deed("choose columns", lambda world: world.of("hina").post("/transactions/columns/", {"shown": ["age"]})),
    Deed("choose a density", lambda world: world.of("hina").post("/transactions/density/", {"density": "compact"})),
    Deed("log an inquiry", _inquiry),
    Deed("close an inquiry", _close, before=_inquiry),
    Deed("take an exception", _take),
    Deed("put an exception aside", _put_aside),
    Deed(
        "bring an exception back",
        lambda world: world.of("omar").post(_exception(world), {"deed": "wake"}),
        before=_put_aside,
    ),
    Deed("choose many", _choose_many),
    Deed("start a job", _start_many, before=_choose_many),
    Deed(
        "cancel a job",
        lambda world: world.of("omar").post(BulkJob.objects.latest("pk").get_absolute_url(), {"do": "cancel"}),
        before=_choose_many,
    ),
    Deed("copy the answer", lambda world: world.of("hina").post(f"{world.page}answer/copied/"), done=204),
    Deed(
        "reveal an identity",
        lambda world: world.of("adeel").post(
            f"{world.page}reveal/", {"field": "beneficiary_id_number", "reason": "checks"}
        ),
        done=200,
    ),
    Deed("send events", lambda world: post(paid("T-DEED")), done=200),
    Deed(
        "send events again", lambda world: post(paid("T-AGAIN")), before=lambda world: post(paid("T-AGAIN")), done=200
    ),
    Deed("add a person", lambda world: new_person(world.of("admin"))),
    Deed("change a person", lambda world: change_person(world.of("admin"), person("omar"), full_name="Omar S.")),
    Deed("change a role", _role),
    Deed(
        "change a partner", lambda world: change_partner(world.of("admin"), Partner.objects.get(code="RIA"), name="R")
    ),
    Deed("grant", _grant),
    Deed("revoke", _revoke, before=_grant),
    Deed("change a reason's sentence", _reason_code),
    *AT_THE_DESK,
)
