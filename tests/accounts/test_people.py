"""The people that the other tests act as."""

from __future__ import annotations

import pytest

from accounts.access import permissions_of, scope_of
from accounts.permissions import MATRIX, Role
from backoffice.demo import people


@pytest.mark.parametrize("person", people.PEOPLE, ids=lambda person: person.username)
def test_every_person_holds_exactly_the_rights_of_the_role(
    person: people.Person, request: pytest.FixtureRequest
) -> None:
    user = request.getfixturevalue(person.username)

    assert permissions_of(user) == MATRIX[person.role]
    assert user.is_staff == (person.role in {Role.ADMINISTRATOR, Role.AUDITOR})
    assert not user.is_superuser


def test_hina_sees_one_partner_and_all_branches(hina) -> None:
    scope = scope_of(hina)

    assert len(scope.partner_ids) == 1
    assert scope.all_branches
    assert not scope.all_partners


def test_a_browser_fixture_is_signed_in(as_bilal, bilal) -> None:
    assert as_bilal.session["_auth_user_id"] == str(bilal.pk)
