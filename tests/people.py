"""The demo's people as tests use them: only the one asked for, and only the organisations named in his grants."""

from __future__ import annotations

from django.test import Client

from accounts.models import User
from accounts.permissions import Role
from backoffice.demo import people, world
from tests.factories.accounts import BranchFactory, PartnerFactory, UserFactory, grant, permission

NAMES = {partner.code: partner.name for partner in world.PARTNERS} | {
    branch.code: branch.name for branch in world.BRANCHES
}
PASSWORD = people.PASSWORD


def person(username: str) -> User:
    """The demo person of this name, made with his role and grants where he is not there yet."""
    return User.objects.filter(username=username).first() or _made(username)


def _made(username: str) -> User:
    one = next(one for one in people.PEOPLE if one.username == username)
    user: User = UserFactory(
        username=one.username,
        full_name=one.full_name,
        password=PASSWORD,
        is_staff=one.role in {Role.ADMINISTRATOR, Role.AUDITOR},
        roles=[one.role],
    )
    everything = {"accounts.all_partners": one.partners, "accounts.all_branches": one.branches}
    user.user_permissions.add(*[permission(name) for name, codes in everything.items() if codes is None])
    for code in one.partners or ():
        grant(user, PartnerFactory(code=code, name=NAMES[code]))
    for code in one.branches or ():
        grant(user, BranchFactory(code=code, name=NAMES[code]))
    return user


def signed_in(user: User) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client
