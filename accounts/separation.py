"""Which roles and rights one human being must not hold together, over all accounts that belong to this person."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final
from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.models import QuerySet

from accounts.models import User
from accounts.permissions import ADMINISTER_PEOPLE, PERMISSIONS, toxic_among, toxic_rights

LOCK: Final = 4_711_002
TWO: Final = 2
NOT_ONESELF: Final = "You cannot suspend your own sign-in. Another administrator can; signing out ends your session."
NOBODY_TO_UNDO_IT: Final = (
    "Fewer than two people would be left who administer, and nobody could undo this. Whoever runs the server can: "
    "manage.py suspend_person."
)
LAST_ONE: Final = "Nobody would be left who administers. Appoint somebody first: manage.py appoint_administrator."


def one_at_a_time() -> None:
    """Wait until no other change of people, roles or reference data is under way; held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def why_not(roles: Collection[str], rights: Collection[str]) -> str:
    """Why one person must not hold these roles and rights together, in a sentence; empty when one may.

    Rights are looked at beside the roles' names, so that a role made or changed later cannot join what the matrix
    keeps apart.
    """
    if pair := toxic_among(set(roles)):
        return f"One person cannot be both {pair[0]} and {pair[1]}."
    if two := toxic_rights(rights):
        first, second = (PERMISSIONS[name].label for name in two)
        return f"One person cannot hold the right to {first} together with the right to {second}."
    return ""


def rights_of(groups: Iterable[Group]) -> set[str]:
    """The rights that these roles give, by name."""
    rows = Permission.objects.filter(group__in=list(groups)).values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in rows}


def other_roles_of(person_key: UUID, *, without: int | None) -> list[Group]:
    """The roles of every account of one person beside the account `without`."""
    accounts = User.objects.filter(person_key=person_key)
    others = accounts if without is None else accounts.exclude(pk=without)
    return list(Group.objects.filter(user__in=others).distinct())


def somebody_else_administers(*, without: Iterable[int] = (), without_role: int | None = None) -> bool:
    """Whether an active person is left who may change people, beside these people and without this role."""
    roles = Group.objects.all() if without_role is None else Group.objects.exclude(pk=without_role)
    return _who_administer(roles).exclude(pk__in=list(without)).exists()


def how_many_administer(*, without: Iterable[int] = ()) -> int:
    """How many different people may change people, without these accounts; each once, whatever accounts they have."""
    left = _who_administer(Group.objects.all()).exclude(pk__in=list(without))
    return left.order_by().values("person_key").distinct().count()


def why_not_suspend(person: User, by: User | None) -> str:
    """Why this account's sign-in cannot be suspended by this administrator, in a sentence; "" when it can."""
    if by is not None and person.person_key == by.person_key:
        return NOT_ONESELF
    if not person.is_active:
        return f"{person} cannot sign in already."
    if not _who_administer(Group.objects.all()).filter(pk=person.pk).exists():
        return ""
    left = how_many_administer(without=[person.pk])
    if by is None:
        return "" if left else LAST_ONE
    return "" if left >= TWO else NOBODY_TO_UNDO_IT


def _who_administer(roles: QuerySet[Group]) -> QuerySet[User]:
    people = User.objects.filter(is_active=True, is_staff=True)
    for right in ADMINISTER_PEOPLE:
        app, _, codename = right.partition(".")
        able = roles.filter(permissions__content_type__app_label=app, permissions__codename=codename)
        people = people.filter(groups__in=able)
    return people
