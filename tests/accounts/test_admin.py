"""Django admin as the administrators' place: what it changes, what it refuses, and what every change leaves behind."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Iterable
from itertools import repeat
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client

from accounts.access import has, permissions_of, scope_of
from accounts.models import ApprovalRequest, Branch, Partner, PartnerUserPermission, User
from accounts.permissions import Role
from audit.models import AuditEvent
from tests.factories.accounts import (
    BranchFactory,
    PartnerFactory,
    PartnerUserPermissionFactory,
    RoleFactory,
    SubAgentFactory,
    UserFactory,
    grant,
    permission,
    role,
)
from tests.people import Seconded, person, seconded, signed_in

pytestmark = pytest.mark.django_db

WHY = "Ticket 4711: joins the desk"
TEMPORARY = "temporary pass phrase"


@pytest.fixture
def as_admin(admin: User) -> Seconded:
    """An administrator whose proposals another one agrees to at once; test_admin_proposals.py looks in between."""
    return seconded(admin)


def entries(verb: str) -> list[dict[str, Any]]:
    return [_without_the_second(json.loads(one.body)) for one in AuditEvent.objects.filter(verb=verb).order_by("seq")]


def _without_the_second(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry without the facts of the request and its second person, which every change in Django admin has."""
    facts = entry.get("facts")
    if facts and {"request", "checker"} <= facts.keys():
        entry["facts"] = {name: value for name, value in facts.items() if name not in ("request", "checker")}
    return entry


def reasons(rows: Any) -> list[str]:
    """The reasons of history rows, without the request and the second person that each names."""
    return [re.sub(r" \(A-\d+, agreed by \S+\)$", "", row.history_change_reason) for row in rows]


def new_person(client: Client, username: str = "zara", **fields: Any) -> Any:
    return client.post(
        "/admin/accounts/user/add/",
        {"username": username, "full_name": "Zara Anwar", "temporary_password": TEMPORARY, "reason": WHY} | fields,
    )


def change_person(client: Client, user: User, **fields: Any) -> Any:
    """The form as the page has it, with some fields different."""
    shown = {
        "full_name": user.full_name,
        "email": user.email,
        "groups": [str(pk) for pk in user.groups.values_list("pk", flat=True)],
        "reason": WHY,
    }
    if user.is_active:
        shown["is_active"] = "on"
    for codename in user.user_permissions.values_list("codename", flat=True):
        shown[codename] = "on"
    other = User.objects.filter(person_key=user.person_key).exclude(pk=user.pk).first()
    if other:
        shown["same_person_as"] = str(other.pk)
    data = {name: value for name, value in (shown | fields).items() if value is not None}
    return client.post(f"/admin/accounts/user/{user.pk}/change/", data)


def change_role(client: Client, group: Group, rights: list[str], **fields: Any) -> Any:
    data = {"name": group.name, "permissions": [permission(name).pk for name in rights], "reason": WHY}
    return client.post(f"/admin/auth/group/{group.pk}/change/", data | fields)


def change_partner(client: Client, partner: Partner, **fields: Any) -> Any:
    shown = {"name": partner.name, "mode": "push", "country": partner.country, "email": partner.email, "reason": WHY}
    ticked = dict.fromkeys(("is_active", "allows_otc", "allows_ft", "allows_ibft"), "on")
    return client.post(f"/admin/accounts/partner/{partner.pk}/change/", shown | ticked | fields)


def said(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode().replace("&#x27;", "'"))


# -- people and grants, effective at the next request -----------------------------------------------------------------


def test_a_new_handler_with_a_role_and_a_grant_sees_the_partner_at_the_next_request(
    as_admin: Client, admin: User
) -> None:
    ria = PartnerFactory(code="RIA", name="RIA")
    answer = new_person(as_admin, groups=[role(Role.INQUIRY_HANDLER).pk], all_branches="on")
    assert answer.status_code == 302, said(answer)
    zara = User.objects.get(username="zara")
    assert has(zara, "transactions.view_transactions")
    assert not scope_of(zara).admits(ria.pk, None)

    given = {
        "user": zara.pk,
        "content_object": ria.pk,
        "permission": permission("accounts.see_partner").pk,
        "reason": WHY,
    }
    assert as_admin.post("/admin/accounts/partneruserpermission/add/", given).status_code == 302
    zara = User.objects.get(username="zara")
    assert scope_of(zara).admits(ria.pk, None)

    row = PartnerUserPermission.objects.get(user=zara)
    gone = as_admin.post(f"/admin/accounts/partneruserpermission/{row.pk}/delete/", {"reason": WHY})
    assert gone.status_code == 302
    assert not scope_of(User.objects.get(username="zara")).admits(ria.pk, None)

    added, given_role, granted = entries("added")[-1], entries("role_given")[-1], entries("granted")
    assert (added["object_type"], added["object_id"], added["actor"]) == ("accounts.user", "zara", "admin")
    assert given_role["facts"] == {"role": "Inquiry handler"}
    assert [one["facts"] for one in granted] == [
        {"what": "work with all branches and with rows that have no branch"},
        {"what": "see", "on": "partner RIA"},
    ]
    assert entries("revoked")[-1]["facts"] == {"what": "see", "on": "partner RIA"}
    assert {one["reason"] for one in (added, given_role, *granted, entries("revoked")[-1])} == {WHY}
    past = PartnerUserPermission.history.filter(user=zara).order_by("history_id")
    assert [one.history_type for one in past] == ["+", "-"]
    assert set(reasons(past)) == {WHY}
    assert {one.history_user for one in past} == {admin}
    assert past.last().request_id == entries("revoked")[-1]["request_id"]
    page = said(as_admin.get(f"/admin/accounts/user/{zara.pk}/history/"))
    assert "Grant: <del>empty</del> → <ins>sees RIA</ins>" in page
    assert "Grant: <del>sees RIA</del> → <ins>empty</ins>" in page


def test_a_new_person_must_choose_an_own_password(as_admin: Client) -> None:
    new_person(as_admin)
    client = Client()
    client.post("/login/", {"login": "zara", "password": TEMPORARY})

    assert client.get("/account/").headers["Location"] == "/account/password/"
    assert TEMPORARY not in "".join(AuditEvent.objects.values_list("body", flat=True))


def test_a_right_taken_from_a_role_is_gone_at_the_next_request(as_admin: Client, hina: User) -> None:
    handlers = role(Role.INQUIRY_HANDLER)
    before = sorted(permissions_of(hina))
    answer = change_role(as_admin, handlers, [name for name in before if name != "transactions.log_inquiry"])

    assert answer.status_code == 302, said(answer)
    assert not has(User.objects.get(pk=hina.pk), "transactions.log_inquiry")
    entry = entries("changed")[-1]
    assert (entry["object_type"], entry["object_id"], entry["reason"]) == ("auth.group", "Inquiry handler", WHY)
    assert set(entry["before"]["permissions"]) - set(entry["after"]["permissions"]) == {"Record a partner's inquiry"}
    row = handlers.history.latest()
    assert (reasons([row]), row.request_id) == ([WHY], entry["request_id"])


def test_a_role_taken_or_given_is_a_history_row_and_an_entry_of_its_own(as_admin: Client, omar: User) -> None:
    change_person(as_admin, omar, groups=[role(Role.INQUIRY_HANDLER).pk])

    assert [one["facts"]["role"] for one in entries("role_taken")] == ["Operations maker"]
    assert [one["facts"]["role"] for one in entries("role_given")] == ["Inquiry handler"]
    assert entries("changed") == []
    newest = omar.history.latest()
    assert reasons([newest]) == [WHY]
    assert [row.group.name for row in newest.groups.all()] == ["Inquiry handler"]


def test_every_form_asks_why(as_admin: Client, hina: User) -> None:
    partner = PartnerFactory()
    row = PartnerUserPermissionFactory()
    for address, fields in {
        "/admin/accounts/user/add/": {"username": "zara", "full_name": "Z", "temporary_password": TEMPORARY},
        f"/admin/accounts/partner/{partner.pk}/change/": {"name": "Other", "mode": "push"},
        f"/admin/accounts/partneruserpermission/{row.pk}/delete/": {},
    }.items():
        for why in ({}, {"reason": ""}, {"reason": "   "}, {"reason": "ok"}):
            answer = as_admin.post(address, fields | why)
            assert answer.status_code == 422
            assert "reason" in said(answer).lower()
    assert not User.objects.filter(username="zara").exists()
    assert Partner.objects.get(pk=partner.pk).name == partner.name
    assert PartnerUserPermission.objects.filter(pk=row.pk).exists()


def test_a_change_that_fails_leaves_neither_history_nor_trail(
    as_admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = PartnerFactory(name="Before")
    rows = partner.history.count()
    monkeypatch.setattr("accounts.administration.trail.record", _fails)

    as_admin.raise_request_exception = False
    answer = as_admin.post(
        f"/admin/accounts/partner/{partner.pk}/change/", {"name": "After", "mode": "push", "reason": WHY}
    )

    assert answer.status_code == 500
    assert Partner.objects.get(pk=partner.pk).name == "Before"
    assert partner.history.count() == rows


def _fails(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("the trail cannot be written")


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["is_superuser", "is_staff", "user_permissions", "person_key", "password"])
@pytest.mark.parametrize("adds", [True, False])
def test_what_nobody_may_be_given_is_refused_and_recorded(
    as_admin: Client, hina: User, column: str, adds: bool
) -> None:
    crafted = {column: "1"}
    before = User.objects.values().get(pk=hina.pk)
    answer = new_person(as_admin, **crafted) if adds else change_person(as_admin, hina, **crafted)

    assert answer.status_code == 422
    assert f"“{column}” cannot be given here" in said(answer)
    assert not User.objects.filter(username="zara").exists()
    assert User.objects.values().get(pk=hina.pk) == before
    assert entries("refused")[-1]["actor"] == "admin"


def test_staff_is_derived_from_the_roles_and_from_nothing_else(as_admin: Client) -> None:
    zara = UserFactory(username="zara")
    for roles, opens in (
        ([Role.AUDITOR], True),
        ([Role.INQUIRY_HANDLER], False),
        ([Role.ADMINISTRATOR], True),
        ([], False),
    ):
        change_person(as_admin, zara, groups=[role(one).pk for one in roles])
        zara = User.objects.get(pk=zara.pk)
        assert (zara.is_staff, zara.is_superuser) == (opens, False)


@pytest.mark.parametrize(
    "fields",
    [
        {"groups": []},
        {"all_partners": "on"},
        {"all_branches": "on"},
        {"is_active": None},
        {"temporary_password": TEMPORARY},
    ],
)
def test_nobody_changes_the_own_access(as_admin: Client, admin: User, admin2: User, fields: dict[str, Any]) -> None:
    before = (set(admin.groups.all()), set(admin.user_permissions.all()), admin.password)
    answer = change_person(as_admin, admin, **fields)

    assert answer.status_code == 422
    assert "You cannot change your own access" in said(answer)
    admin.refresh_from_db()
    assert (set(admin.groups.all()), set(admin.user_permissions.all()), admin.password) == before
    assert admin.is_active


def test_the_own_name_may_be_corrected(as_admin: Client, admin: User) -> None:
    assert change_person(as_admin, admin, full_name="Amna Soomro Khan").status_code == 302
    assert User.objects.get(pk=admin.pk).full_name == "Amna Soomro Khan"


def test_nobody_gives_the_own_person_a_role_through_another_account(as_admin: Client, admin: User) -> None:
    second = UserFactory(username="amna2", person_key=admin.person_key)

    assert "your own access" in said(change_person(as_admin, second, groups=[role(Role.ADMINISTRATOR).pk]))
    answer = new_person(as_admin, same_person_as=admin.pk, groups=[role(Role.INQUIRY_HANDLER).pk])
    assert "your own access" in said(answer)
    assert "your own access" in said(change_person(as_admin, second, same_person_as=""))
    assert not second.groups.exists()


@pytest.mark.parametrize(
    ("kind", "holder"), [("partner", "user"), ("branch", "user"), ("partner", "group"), ("branch", "group")]
)
def test_nobody_gives_oneself_or_an_own_role_a_grant(as_admin: Client, admin: User, kind: str, holder: str) -> None:
    where = PartnerFactory() if kind == "partner" else BranchFactory()
    who = admin if holder == "user" else role(Role.ADMINISTRATOR)
    fields = {
        holder: who.pk,
        "content_object": where.pk,
        "permission": permission(f"accounts.see_{kind}").pk,
        "reason": WHY,
    }
    answer = as_admin.post(f"/admin/accounts/{kind}{holder}permission/add/", fields)

    assert answer.status_code == 422
    assert "own" in said(answer) or "yourself" in said(answer)
    assert scope_of(User.objects.get(pk=admin.pk)).partner_ids == frozenset()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Role.OPERATIONS_MAKER, Role.OPERATIONS_CHECKER),
        (Role.OPERATIONS_MAKER, Role.TREASURY_CHECKER),
        (Role.COMPLIANCE_ANALYST, Role.COMPLIANCE_OFFICER),
        (Role.COMPLIANCE_OFFICER, Role.TREASURY_MAKER),
        (Role.BRANCH_OPERATOR, Role.COMPLIANCE_OFFICER),
        (Role.AUDITOR, Role.INQUIRY_HANDLER),
        (Role.ADMINISTRATOR, Role.OPERATIONS_MAKER),
    ],
)
def test_roles_that_one_person_must_not_hold_together_are_refused(as_admin: Client, first: Role, second: Role) -> None:
    zara = UserFactory(username="zara")
    in_one = change_person(as_admin, zara, groups=[role(first).pk, role(second).pk])
    change_person(as_admin, zara, groups=[role(first).pk])
    in_two = new_person(as_admin, "zara.two", same_person_as=zara.pk, groups=[role(second).pk])
    third = UserFactory(username="third", roles=[second])
    by_linking = change_person(as_admin, third, same_person_as=zara.pk)

    for answer in (in_one, in_two, by_linking):
        assert answer.status_code == 422
        assert "One person cannot be both" in said(answer)
    assert set(zara.groups.all()) == {role(first)}
    assert not User.objects.filter(username="zara.two").exists()
    assert User.objects.get(pk=third.pk).person_key == third.person_key


def test_a_role_of_ones_own_making_cannot_join_what_is_kept_apart(as_admin: Client, omar: User) -> None:
    both = [permission("exceptions.propose_operations").pk, permission("exceptions.decide_operations").pk]
    made = as_admin.post("/admin/auth/group/add/", {"name": "Both hands", "permissions": both, "reason": WHY})
    assert "together with the right to" in said(made)

    decider = RoleFactory(name="Decider")
    decider.permissions.add(permission("exceptions.decide_operations"))
    assert "together with the right to" in said(
        change_person(as_admin, omar, groups=[role(Role.OPERATIONS_MAKER).pk, decider.pk])
    )

    quiet = RoleFactory(name="Quiet")
    omar.groups.add(quiet)
    later = change_role(as_admin, quiet, ["exceptions.decide_operations"])
    assert "holds this role" in said(later)
    assert not quiet.permissions.exists()


def test_one_of_the_ten_roles_keeps_its_name_and_no_other_takes_it(as_admin: Client) -> None:
    checker = role(Role.OPERATIONS_CHECKER)
    rights = sorted(f"{one.content_type.app_label}.{one.codename}" for one in checker.permissions.all())
    change_role(as_admin, checker, rights, name="Something else")
    assert Group.objects.get(pk=checker.pk).name == "Operations checker"

    own = RoleFactory(name="Mine")
    answer = change_role(as_admin, own, [], name="operations  CHECKER")
    assert "is one of the ten roles" in said(answer)


def test_a_right_outside_the_matrix_cannot_be_chosen(as_admin: Client) -> None:
    for name in ("accounts.add_user", "auth.change_permission", "accounts.all_partners"):
        fields = {"name": "Mine", "permissions": [permission(name).pk], "reason": WHY}
        assert as_admin.post("/admin/auth/group/add/", fields).status_code == 422
    assert not Group.objects.filter(name="Mine").exists()


def test_saving_a_role_keeps_its_explicit_grant_on_everything(as_admin: Client) -> None:
    own = RoleFactory(name="Mine")
    own.permissions.add(permission("accounts.all_partners"))
    change_role(as_admin, own, ["transactions.view_transactions"])

    assert set(own.permissions.values_list("codename", flat=True)) == {"all_partners", "view_transactions"}


def test_nobody_gives_more_rights_to_a_role_that_is_the_own(as_admin: Client, admin: User) -> None:
    mine = role(Role.ADMINISTRATOR)
    now = sorted(permissions_of(admin))
    answer = change_role(as_admin, mine, [*now, "accounts.decide_settlement_account"])

    assert answer.status_code == 422
    assert "You hold this role yourself" in said(answer)


def test_somebody_must_be_left_who_administers(as_admin: Client, admin: User) -> None:
    rights = sorted(permissions_of(admin) - {"accounts.decide_people"})
    answer = change_role(as_admin, role(Role.ADMINISTRATOR), rights)

    assert "Nobody would be left" in said(answer)
    assert has(User.objects.get(pk=admin.pk), "accounts.decide_people")


def test_the_last_administrator_but_oneself_may_go(as_admin: Client, admin2: User) -> None:
    assert change_person(as_admin, admin2, is_active=None).status_code == 302
    assert not User.objects.get(pk=admin2.pk).is_active
    assert signed_in(admin2).get("/admin/").status_code == 302


def agree_at_once(*pairs: tuple[User, ApprovalRequest], decisions: Iterable[str] = repeat("approve")) -> list[int]:
    """Each person decides on a request in a connection of its own, all at the same moment; their status codes."""
    ready, answers = threading.Barrier(len(pairs)), []

    def decide(second: User, asked: ApprovalRequest, decision: str) -> None:
        client = signed_in(second)
        ready.wait()
        try:
            fields = {"decision": decision, "note": "Looked at."}
            answers.append(client.post(asked.get_absolute_url(), fields).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(*pair, one)) for pair, one in zip(pairs, decisions, strict=False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers)


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_put_each_other_out_at_the_same_moment() -> None:
    one, two = person("admin"), person("admin2")
    others = [UserFactory(roles=[Role.ADMINISTRATOR], is_staff=True) for _ in range(2)]
    change_person(signed_in(one), two, groups=[])
    change_person(signed_in(two), one, groups=[])

    answers = agree_at_once(*zip(others, ApprovalRequest.objects.order_by("pk"), strict=True))

    assert answers == [302, 409]
    assert User.objects.filter(groups=role(Role.ADMINISTRATOR), pk__in=[one.pk, two.pk]).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_together_give_one_person_what_is_kept_apart() -> None:
    one = signed_in(person("admin"))
    zara = UserFactory(username="zara")
    second = UserFactory(username="zara.two", person_key=zara.person_key)
    others = [UserFactory(roles=[Role.ADMINISTRATOR], is_staff=True) for _ in range(2)]
    change_person(one, zara, groups=[role(Role.OPERATIONS_MAKER).pk])
    change_person(one, second, groups=[role(Role.OPERATIONS_CHECKER).pk])

    answers = agree_at_once(*zip(others, ApprovalRequest.objects.order_by("pk"), strict=True))

    assert answers == [302, 409]
    assert Group.objects.filter(user__person_key=zara.person_key).count() == 1
    assert "One person cannot be both" in ApprovalRequest.objects.get(state="STALE").outcome


def test_a_form_opened_before_another_change_is_refused_with_what_changed(as_admin: Client, admin2: User) -> None:
    partner = PartnerFactory(name="First")
    opened = partner.history.latest().history_id
    change_partner(seconded(admin2), partner, name="Second")
    answer = change_partner(as_admin, partner, name="Third", opened=str(opened))

    assert answer.status_code == 422
    assert "changed by Danish Arain while you were writing (Name: First → Second)" in said(answer)
    assert 'value="Third"' in said(answer)
    assert Partner.objects.get(pk=partner.pk).name == "Second"
    shown = re.search(r'name="opened" value="(\d+)"', said(answer))
    assert shown
    assert change_partner(as_admin, partner, name="Third", opened=shown[1]).status_code == 302


# -- organisations ----------------------------------------------------------------------------------------------------


def test_an_organisation_is_added_and_changed_with_before_and_after(as_admin: Client) -> None:
    as_admin.post("/admin/accounts/branch/add/", {"code": "7001", "name": "Quetta", "is_active": "on", "reason": WHY})
    branch = Branch.objects.get(code="7001")
    as_admin.post(
        f"/admin/accounts/branch/{branch.pk}/change/", {"name": "Quetta Cantt", "is_active": "on", "reason": WHY}
    )

    entry = entries("changed")[-1]
    assert (entry["object_type"], entry["object_id"]) == ("accounts.branch", "7001")
    assert (entry["before"], entry["after"]) == ({"name": "Quetta"}, {"name": "Quetta Cantt"})
    assert reasons(branch.history.all()) == [WHY, WHY]


def test_saving_without_a_change_leaves_nothing(as_admin: Client) -> None:
    branch = BranchFactory(code="7001", name="Quetta", city="Quetta")
    as_admin.post(
        f"/admin/accounts/branch/{branch.pk}/change/",
        {"name": "Quetta", "city": "Quetta", "is_active": "on", "reason": WHY},
    )

    assert entries("changed") == []
    assert branch.history.count() == 1


def test_a_code_is_given_once(as_admin: Client) -> None:
    partner = PartnerFactory(code="OLD")
    as_admin.post(
        f"/admin/accounts/partner/{partner.pk}/change/", {"code": "NEW", "name": "N", "mode": "push", "reason": WHY}
    )

    assert Partner.objects.get(pk=partner.pk).code == "OLD"


def test_contact_data_is_not_repeated_in_the_trail(as_admin: Client) -> None:
    partner = PartnerFactory(email="old.contact@example.com", phone="+971500000001")
    change_partner(as_admin, partner, email="new.contact@example.com")

    entry = entries("changed")[-1]
    assert entry["before"] == {"email": "•••", "phone": "•••"}
    assert entry["after"] == {"email": "•••", "phone": ""}


@pytest.mark.parametrize("kind", ["user", "partner", "branch", "subagent"])
def test_people_and_organisations_are_never_deleted(as_admin: Client, kind: str) -> None:
    makes = {"user": UserFactory, "partner": PartnerFactory, "branch": BranchFactory, "subagent": SubAgentFactory}
    obj = makes[kind]()
    for method in (as_admin.get, as_admin.post):
        assert method(f"/admin/accounts/{kind}/{obj.pk}/delete/", {"reason": WHY, "post": "yes"}).status_code == 403
    as_admin.post(
        f"/admin/accounts/{kind}/",
        {"action": "delete_selected", "_selected_action": [obj.pk], "post": "yes", "index": "0"},
    )
    assert type(obj).objects.filter(pk=obj.pk).exists()


# -- history ----------------------------------------------------------------------------------------------------------


def test_the_history_page_shows_old_and_new_with_actor_and_reason(
    as_admin: Client, as_nadia: Client, omar: User
) -> None:
    change_person(as_admin, omar, full_name="Omar G.", groups=[role(Role.INQUIRY_HANDLER).pk])
    for client in (as_admin, as_nadia):
        page = said(client.get(f"/admin/accounts/user/{omar.pk}/history/"))
        assert "Full name: <del>Omar Gondal</del> → <ins>Omar G.</ins>" in page
        assert "<ins>Inquiry handler</ins>" in page
        assert "Amna Soomro" in page
        assert WHY in page


@pytest.mark.parametrize("who", ["admin", "nadia", "hina", "superuser", "nobody"])
def test_a_post_to_a_history_address_changes_nothing(who: str, request: pytest.FixtureRequest, omar: User) -> None:
    clients = {
        "superuser": lambda: signed_in(User.objects.create_superuser("root", "x", full_name="Root")),
        "nobody": Client,
    }
    client = clients[who]() if who in clients else request.getfixturevalue(f"as_{who}")
    row = omar.history.first()
    before = User.objects.values().get(pk=omar.pk)
    rows = omar.history.count()
    for address in (
        f"/admin/accounts/user/{omar.pk}/history/",
        f"/admin/accounts/user/{omar.pk}/history/{row.pk}/",
        f"/admin/accounts/user/{omar.pk}/history/{row.pk}/change/",
        "/admin/transactions/transaction/1/history/1/",
        "/admin/nowhere/nothing/1/history/",
    ):
        assert client.post(address, {"full_name": "Changed", "_change_history": "1"}).status_code == 405
    assert User.objects.values().get(pk=omar.pk) == before
    assert omar.history.count() == rows


def test_there_is_no_page_of_one_history_row(as_admin: Client, omar: User) -> None:
    row = omar.history.first()
    assert as_admin.get(f"/admin/accounts/user/{omar.pk}/history/{row.pk}/").status_code == 404


# -- doors ------------------------------------------------------------------------------------------------------------


def test_the_only_sign_in_is_ours(db: None) -> None:
    client = Client()
    for address in ("/admin/", "/admin/accounts/user/", "/admin/nowhere/"):
        assert client.get(address).headers["Location"] == f"/login/?next={address}"
    assert (
        client.post("/admin/login/", {"username": "admin", "password": "demo"})
        .headers["Location"]
        .startswith("/login/")
    )


def test_signing_out_and_passwords_go_the_one_way(as_admin: Client) -> None:
    assert as_admin.get("/admin/password_change/").headers["Location"] == "/account/password/"
    assert as_admin.get("/admin/logout/").status_code == 405
    assert as_admin.post("/admin/logout/").headers["Location"] == "/login/"
    assert entries("signed_out")


def test_a_superuser_without_a_role_opens_nothing(db: None) -> None:
    client = signed_in(User.objects.create_superuser("root", "x", full_name="Root"))
    for address in ("/admin/", "/admin/accounts/user/", "/admin/auth/group/add/", "/admin/jsi18n/"):
        assert client.get(address).status_code == 403
        assert client.post(address, {}).status_code == 403


def test_staff_without_a_right_opens_nothing(db: None) -> None:
    client = signed_in(UserFactory(is_staff=True))
    assert client.get("/admin/").status_code == 403
    assert entries("denied")[-1]["facts"]["path"] == "/admin/"


def test_the_role_without_staff_opens_nothing(db: None) -> None:
    client = signed_in(UserFactory(roles=[Role.ADMINISTRATOR], is_staff=False))
    assert client.get("/admin/").status_code == 403


def test_taking_the_right_closes_the_page_at_the_next_request(as_admin: Client, admin: User) -> None:
    role(Role.ADMINISTRATOR).permissions.remove(permission("accounts.decide_reference"))
    assert as_admin.get("/admin/transactions/reasoncode/").status_code == 403
    assert as_admin.get("/admin/accounts/partner/").status_code == 200

    role(Role.ADMINISTRATOR).permissions.remove(permission("accounts.decide_organisations"))
    partner = PartnerFactory(name="Before")
    assert as_admin.get("/admin/accounts/partner/").status_code == 403
    assert change_partner(as_admin, partner, name="After").status_code == 403
    assert Partner.objects.get(pk=partner.pk).name == "Before"


def test_an_auditor_reads_people_and_changes_none(as_nadia: Client, omar: User) -> None:
    assert as_nadia.get("/admin/accounts/user/").status_code == 200
    page = said(as_nadia.get(f"/admin/accounts/user/{omar.pk}/change/"))
    assert "Omar Gondal" in page
    assert "<input" not in page.split('id="content-main"')[1].split("</form>")[0].replace(
        '<input type="hidden" name="csrf', ""
    )
    assert change_person(as_nadia, omar, full_name="X").status_code == 403
    assert new_person(as_nadia).status_code == 403
    assert as_nadia.get("/admin/accounts/user/add/").status_code == 403


def test_a_hidden_column_cannot_be_guessed_through_the_lists_address(as_admin: Client, as_nadia: Client) -> None:
    for client in (as_admin, as_nadia):
        for asked in (
            "password__startswith=md5",
            "is_superuser__exact=1",
            "email__contains=a",
            "foo=1",
            "is_active__exact=maybe",
        ):
            assert client.get(f"/admin/accounts/user/?{asked}").status_code == 400


def test_an_object_that_is_not_there_is_not_found_and_a_right_comes_first(as_admin: Client, as_nadia: Client) -> None:
    for address in (
        "/admin/accounts/user/999999/change/",
        "/admin/accounts/user/x/change/",
        "/admin/accounts/user/1/delete/x/",
    ):
        assert as_admin.get(address).status_code == 404
    assert as_nadia.get("/admin/accounts/user/999999/delete/").status_code == 403


def test_the_autocomplete_and_the_redirect_to_objects_tell_nothing(
    as_admin: Client, as_nadia: Client, hina: User
) -> None:
    asked = "/admin/autocomplete/?app_label=accounts&model_name=partneruserpermission&field_name=user&term=hina"
    assert "hina" not in as_nadia.get(asked).content.decode() or as_nadia.get(asked).status_code == 200
    assert as_admin.get("/admin/r/1/1/").status_code == 404


def test_only_pages_of_ours_are_there() -> None:
    from django.contrib import admin

    from accounts.administration import Base

    assert all(isinstance(page, Base) for page in admin.site._registry.values())
    assert not any("History" in base.__name__ for page in admin.site._registry.values() for base in type(page).__mro__)


def test_a_link_between_accounts_can_be_made_and_taken_away(as_admin: Client) -> None:
    one, two = UserFactory(username="one"), UserFactory(username="two")
    change_person(as_admin, two, same_person_as=one.pk)
    assert User.objects.get(pk=two.pk).person_key == one.person_key

    change_person(as_admin, User.objects.get(pk=two.pk), same_person_as="")
    key = User.objects.get(pk=two.pk).person_key
    assert key not in {one.person_key, two.person_key}
    assert isinstance(key, uuid.UUID)
    assert len(entries("changed")) == 2


def test_a_new_password_by_an_administrator_ends_sessions_and_lifts_a_pause(as_admin: Client, omar: User) -> None:
    there = signed_in(omar)
    for _ in range(5):
        Client().post("/login/", {"login": "omar", "password": "wrong"})
    assert change_person(as_admin, omar, temporary_password=TEMPORARY).status_code == 302

    assert there.get("/account/").status_code == 302
    assert Client().post("/login/", {"login": "omar", "password": TEMPORARY}).headers["Location"] == "/start/"
    assert entries("password_changed")[-1]["actor"] == "admin"
    assert User.objects.get(pk=omar.pk).password_is_temporary


def test_a_grant_opens_and_closes_both_axes(as_admin: Client) -> None:
    zara, partner, branch = UserFactory(), PartnerFactory(), BranchFactory()
    grant(zara, partner)
    assert not scope_of(User.objects.get(pk=zara.pk)).admits(partner.pk, branch.pk)
    fields = {
        "user": zara.pk,
        "content_object": branch.pk,
        "permission": permission("accounts.see_branch").pk,
        "reason": WHY,
    }
    as_admin.post("/admin/accounts/branchuserpermission/add/", fields)
    assert scope_of(User.objects.get(pk=zara.pk)).admits(partner.pk, branch.pk)
    assert as_admin.post("/admin/accounts/branchuserpermission/add/", fields).status_code == 422


def test_a_grant_that_shows_nothing_yet_says_what_is_missing(as_admin: Seconded) -> None:
    """Partner and branch must both admit a transaction: one without the other shows nothing, and nobody would know."""
    new_person(as_admin, groups=[role(Role.INQUIRY_HANDLER).pk])
    assert "Zara Anwar sees no transaction: grant a partner and a branch" in as_admin.said
    zara, ria = User.objects.get(username="zara"), PartnerFactory(code="RIA", name="RIA")
    given = {"user": zara.pk, "content_object": ria.pk, "permission": permission("accounts.see_partner").pk}
    as_admin.post("/admin/accounts/partneruserpermission/add/", given | {"reason": WHY})
    assert "Zara Anwar sees no transaction: grant a branch" in as_admin.said
    page = f"/admin/accounts/user/{zara.pk}/change/"
    assert "Zara Anwar sees no transaction: grant a branch" in said(as_admin.get(page))
    change_person(as_admin, zara, all_branches="on")
    assert "sees no transaction" not in as_admin.said
    assert "sees no transaction" not in said(as_admin.get(page))


def test_whose_roles_open_no_transaction_is_not_told_to_miss_a_grant(as_admin: Seconded) -> None:
    new_person(as_admin, groups=[role(Role.ADMINISTRATOR).pk])
    assert User.objects.filter(username="zara").exists()
    assert "sees no transaction" not in as_admin.said
