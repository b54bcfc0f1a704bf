"""The demo's people can sign in, hold the roles of the contract and see what the contract says."""

from __future__ import annotations

import pytest
from django.contrib.auth import authenticate

from accounts.access import scope_of, work_scope_of
from accounts.models import Branch, Partner, SubAgent, User
from audit.models import AuditEvent
from backoffice.demo.people import PEOPLE, create_organisations, create_people

pytestmark = pytest.mark.django_db

CONTRACT = {
    "hina": "Inquiry handler",
    "omar": "Operations maker",
    "sana": "Operations checker",
    "adeel": "Compliance analyst",
    "mehwish": "Compliance officer",
    "yusuf": "Compliance officer",
    "tariq": "Treasury maker",
    "rabia": "Treasury checker",
    "bilal": "Branch operator",
    "nadia": "Auditor",
    "admin": "Administrator",
    "admin2": "Administrator",
}


@pytest.fixture
def cast() -> dict[str, User]:
    create_organisations()
    create_people()
    return {user.username: user for user in User.objects.all()}


def test_the_people_and_their_roles_are_those_of_the_contract(cast: dict[str, User]) -> None:
    assert {name: user.groups.get().name for name, user in cast.items()} == CONTRACT
    assert not User.objects.filter(is_superuser=True).exists()
    assert len({user.person_key for user in cast.values()}) == len(cast)


def test_everybody_signs_in_with_the_demo_password(cast: dict[str, User]) -> None:
    for name in CONTRACT:
        assert authenticate(username=name, password="demo") == cast[name]


def test_the_inquiry_handler_sees_and_works_one_partner_in_all_branches(cast: dict[str, User]) -> None:
    own, other = Partner.objects.get(code="INSTANTCASH").pk, Partner.objects.get(code="RIA").pk
    for scope in (scope_of(cast["hina"]), work_scope_of(cast["hina"])):
        assert scope.admits(own, None)
        assert not scope.admits(other, None)


def test_the_branch_operator_sees_and_works_one_branch_of_all_partners(cast: dict[str, User]) -> None:
    partner = Partner.objects.get(code="RIA").pk
    for scope in (scope_of(cast["bilal"]), work_scope_of(cast["bilal"])):
        assert scope.admits(partner, Branch.objects.get(code="1003").pk)
        assert not scope.admits(partner, Branch.objects.get(code="1004").pk)
        assert not scope.admits(partner, None)


def test_administrators_see_no_row_and_all_others_every_row(cast: dict[str, User]) -> None:
    for name in ("admin", "admin2"):
        assert not scope_of(cast[name]).all_partners
        assert not scope_of(cast[name]).partner_ids
        assert cast[name].is_staff
    for name in ("omar", "sana", "adeel", "mehwish", "yusuf", "tariq", "rabia", "nadia"):
        assert scope_of(cast[name]).is_everything


def test_a_second_run_makes_nothing_and_changes_nobody(cast: dict[str, User]) -> None:
    User.objects.filter(username="hina").update(full_name="Somebody Else")
    entries = AuditEvent.objects.count()
    assert create_organisations() == 0
    assert create_people() == 0
    assert User.objects.get(username="hina").full_name == "Somebody Else"
    assert AuditEvent.objects.count() == entries
    assert SubAgent.objects.count() == 12 * 12


def test_every_person_has_a_scope_in_words() -> None:
    words = {person.username: person.scope for person in PEOPLE}
    assert words["hina"] == "Instant Cash"
    assert words["bilal"] == "all partners, branch 1003"
