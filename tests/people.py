"""The demo's people as tests use them: only the one asked for, and only the organisations named in his grants."""

from __future__ import annotations

from django.test import Client

from accounts.models import User
from backoffice.demo import people, world
from tests.factories.accounts import BranchFactory, PartnerFactory

NAMES = {partner.code: partner.name for partner in world.PARTNERS} | {
    branch.code: branch.name for branch in world.BRANCHES
}
PASSWORD = people.PASSWORD


def person(username: str) -> User:
    """The demo person of this name, made with his role and grants where he is not there yet."""
    found = User.objects.filter(username=username).first()
    if found is None:
        one = next(one for one in people.PEOPLE if one.username == username)
        for code in one.partners or ():
            PartnerFactory(code=code, name=NAMES[code])
        for code in one.branches or ():
            BranchFactory(code=code, name=NAMES[code])
        people._create(one)
        found = User.objects.get(username=username)
    return found


def signed_in(user: User) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client
