"""Rights and rows: guardian's grants and `visible_to` say the same, and without grants nobody sees a row."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.test import Client
from guardian.shortcuts import get_objects_for_user

from accounts.access import check, has, may_work_on, permissions_of, scope_of, work_scope_of
from accounts.errors import MissingPermission
from accounts.models import (
    Branch,
    BranchGroupPermission,
    BranchUserPermission,
    Partner,
    PartnerGroupPermission,
    PartnerUserPermission,
    User,
)
from accounts.permissions import MATRIX, PERMISSIONS, TOXIC_PAIRS, Role, toxic_among, toxic_rights
from backoffice.demo import people, world
from tests.factories.accounts import (
    BranchFactory,
    BranchGroupPermissionFactory,
    PartnerFactory,
    PartnerGroupPermissionFactory,
    RoleFactory,
    UserFactory,
    grant,
    permission,
    role,
)
from tests.people import person
from tests.transactions.arriving import in_stage
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
NAMES = [one.username for one in people.PEOPLE]
EVERYTHING = {one.username for one in people.PEOPLE if one.partners is None and one.branches is None}
VERBS = {"see": scope_of, "work": work_scope_of}


@pytest.fixture
def organisations() -> tuple[list[Partner], list[Branch]]:
    partners = [PartnerFactory(code=one.code, name=one.name) for one in world.PARTNERS]
    return partners, [BranchFactory(code=one.code, name=one.name) for one in world.BRANCHES]


@pytest.mark.parametrize("username", NAMES)
def test_guardian_and_the_scope_agree_for_every_partner_and_branch(username: str, organisations) -> None:
    partners, branches = organisations
    user = person(username)
    for verb, scope_for in VERBS.items():
        scope = scope_for(user)
        for partner in partners:
            for branch in branches:
                by_guardian = (
                    scope.all_partners or user.has_perm(f"accounts.{verb}_partner", partner),
                    scope.all_branches or user.has_perm(f"accounts.{verb}_branch", branch),
                )
                assert scope.admits(partner.pk, branch.pk) == all(by_guardian)
    assert scope_of(user).is_everything == (username in EVERYTHING)


@pytest.mark.parametrize("username", NAMES)
def test_what_is_visible_is_what_guardian_grants(username: str) -> None:
    rows = [
        in_stage("credited", number=1),
        in_stage("credited", partner="RIA", number=2),
        in_stage("cash_ready", branch="1003", number=3),
        in_stage("cash_ready", partner="RIA", branch="1004", number=4),
    ]
    user = person(username)
    scope = scope_of(user)
    seen = set(Transaction.objects.visible_to(user))

    for row in rows:
        by_partner = scope.all_partners or user.has_perm("accounts.see_partner", row.partner)
        by_branch = scope.all_branches or (row.branch is not None and user.has_perm("accounts.see_branch", row.branch))
        assert (row in seen) == (by_partner and by_branch), (username, row)


def test_without_grants_only_the_everything_roles_see_a_row() -> None:
    in_stage("credited")
    in_stage("cash_ready", branch="1003", number=2)
    everybody = [person(name) for name in NAMES]
    for grants in (PartnerUserPermission, PartnerGroupPermission, BranchUserPermission, BranchGroupPermission):
        grants.objects.all().delete()

    seeing = {one.username for one in everybody if Transaction.objects.visible_to(one).exists()}
    assert seeing == EVERYTHING


def test_a_superuser_a_stranger_and_a_person_who_left_see_nothing() -> None:
    row = in_stage("credited")
    root = User.objects.create_superuser("root", "x", full_name="Root")
    left = UserFactory(roles=[Role.AUDITOR], everything=True, is_active=False)
    for user in (root, left, AnonymousUser()):
        assert not Transaction.objects.visible_to(user).exists()
        assert permissions_of(user) == frozenset()
        assert not may_work_on(user, row)
        with pytest.raises(MissingPermission):
            check(user, "transactions.view_transactions")


def test_a_global_permission_on_the_model_opens_no_partner() -> None:
    user = UserFactory()
    user.user_permissions.add(permission("accounts.see_partner"), permission("accounts.see_branch"))
    PartnerFactory()

    assert scope_of(user).partner_ids == frozenset()
    assert not get_objects_for_user(
        user, "accounts.see_partner", klass=Partner, with_superuser=False, accept_global_perms=False
    ).exists()


def test_a_right_counts_only_through_a_role() -> None:
    user = UserFactory()
    user.user_permissions.add(permission("transactions.view_transactions"))

    assert not has(user, "transactions.view_transactions")


def test_a_role_carries_its_grants_to_everybody_who_holds_it() -> None:
    desk, partner, branch = RoleFactory(), PartnerFactory(), BranchFactory()
    user = UserFactory(roles=[desk.name])
    PartnerGroupPermissionFactory(group=desk, content_object=partner)
    BranchGroupPermissionFactory(group=desk, content_object=branch)

    assert scope_of(user).admits(partner.pk, branch.pk)
    assert not scope_of(user).admits(partner.pk, None)
    assert not work_scope_of(user).admits(partner.pk, branch.pk)


def test_a_grant_on_a_partner_opens_no_branch_of_the_same_number() -> None:
    user, partner = UserFactory(), PartnerFactory()
    branch = BranchFactory(pk=partner.pk)
    grant(user, partner)

    assert scope_of(user).partner_ids == {partner.pk}
    assert not scope_of(user).admits(partner.pk, branch.pk)
    assert work_scope_of(user).branch_ids == frozenset()


def test_rights_and_both_scopes_are_read_in_one_statement(django_assert_num_queries: Any) -> None:
    hina = User.objects.get(pk=person("hina").pk)
    with django_assert_num_queries(1):
        assert has(hina, "transactions.view_transactions")
        assert scope_of(hina).partner_ids
        assert work_scope_of(hina).partner_ids


def test_seeing_is_not_working() -> None:
    user, partner, branch = UserFactory(), PartnerFactory(), BranchFactory()
    grant(user, partner)
    grant(user, branch, "see")

    assert scope_of(user).admits(partner.pk, branch.pk)
    assert not work_scope_of(user).admits(partner.pk, branch.pk)


def test_the_seeded_roles_hold_the_matrix_and_nothing_else() -> None:
    for one in Role:
        held = {f"{p.content_type.app_label}.{p.codename}" for p in role(one).permissions.all()}
        assert held == MATRIX[one]


def test_no_seeded_role_holds_rights_that_are_kept_apart() -> None:
    for one in Role:
        assert toxic_among({one}) is None
        assert toxic_rights(MATRIX[one]) is None


def test_the_rights_keep_apart_what_the_pairs_of_roles_keep_apart() -> None:
    """But for three pairs in which one role's rights are all the other's too: those are known by the names alone."""
    by_name_alone = {
        frozenset({Role.INQUIRY_HANDLER, Role.OPERATIONS_CHECKER}),
        frozenset({Role.INQUIRY_HANDLER, Role.TREASURY_CHECKER}),
        frozenset({Role.COMPLIANCE_ANALYST, Role.COMPLIANCE_OFFICER}),
    }
    for pair in TOXIC_PAIRS - by_name_alone:
        one, other = pair
        assert toxic_rights(MATRIX[one] | MATRIX[other]) is not None, pair
    assert toxic_rights(PERMISSIONS) is not None
    assert toxic_rights(["accounts.add_user", "nonsense"]) is None


def test_the_roles_that_a_refusal_names_are_those_of_now(as_tariq: Client) -> None:
    def named() -> str:
        page = as_tariq.get("/inquiries/")
        assert page.status_code == 403
        return str(page.content.decode())

    assert "Inquiry handler" in named()
    right = Permission.objects.get(content_type__app_label="transactions", codename="log_inquiry")
    Group.objects.get(name="Inquiry handler").permissions.remove(right)
    page = named()
    assert "Inquiry handler" not in page
    assert "Branch operator" in page
