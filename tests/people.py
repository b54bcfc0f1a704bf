"""The demo's people as tests use them: only the one asked for, and only the organisations named in his grants."""

from __future__ import annotations

from typing import Any

from django.test import Client

from accounts.models import ApprovalRequest, User
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


class Seconded(Client):
    """A browser whose proposals in Django admin another person agrees to at once, by the inbox: two people's work."""

    said = ""
    """What the second person was told last."""

    def post(self, *args: Any, **kwargs: Any) -> Any:
        known = set(ApprovalRequest.objects.values_list("pk", flat=True))
        answer = super().post(*args, **kwargs)
        for asked in ApprovalRequest.objects.pending().exclude(pk__in=known).order_by("pk"):
            second = signed_in(_second_of(asked))
            decided = second.post(asked.get_absolute_url(), {"decision": "approve"})
            assert decided.status_code == 302, decided.content.decode()
            self.said = second.get("/approvals/").content.decode()
        return answer


def _second_of(asked: ApprovalRequest) -> User:
    """Somebody who may decide it: whoever is there already, else somebody new."""
    needed = Role.TREASURY_CHECKER if asked.operation == "settlement_account" else Role.ADMINISTRATOR
    others = User.objects.filter(groups__name=needed.value, is_active=True).exclude(person_key=asked.maker_person)
    unconcerned = others.exclude(username=asked.object_id)
    return unconcerned.order_by("pk").first() or UserFactory(roles=[needed], everything=True)


def seconded(user: User) -> Seconded:
    """A browser in which this person is signed in and does not stay alone with what is proposed."""
    client = Seconded()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client
