"""What people were entitled to at a moment, as far as the histories of people, roles and grants hold it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import Group, Permission

from accounts import histories
from accounts.models import Branch, BranchUserPermission, Partner, PartnerUserPermission, User
from accounts.permissions import ALL_BRANCHES, ALL_PARTNERS, MATRIX, PERMISSIONS, Role

REVIEWS: Final = "compliance.work_cases"


@dataclass(frozen=True)
class PersonThen:
    """One person at a moment. `is_known` is False where the history of the person begins later."""

    name: str
    username: str
    is_known: bool
    is_active: bool = False
    roles: tuple[str, ...] = ()
    rights: tuple[str, ...] = ()
    saw: str = ""
    worked: str = ""
    reviews: bool = False


def people_at(
    usernames: Iterable[str], moment: dt.datetime, *, partner: Partner, branch: Branch | None
) -> list[PersonThen]:
    """The people of these names as they stood at `moment`, with their grants on this partner and branch."""
    people = User.objects.filter(username__in=list(usernames)).order_by("username")
    return [_person_at(person, moment, partner, branch) for person in people]


def _person_at(person: User, moment: dt.datetime, partner: Partner, branch: Branch | None) -> PersonThen:
    row = histories.row_at(person, moment)
    if row is None:
        return PersonThen(str(person), person.username, is_known=False)
    roles = Group.objects.filter(pk__in=list(row.groups.values_list("group_id", flat=True)))
    rights = sorted({name for role in roles for name in _rights_of(role, moment)})
    alls = {
        f"accounts.{codename}" for codename in _codenames(row.user_permissions.values_list("permission_id", flat=True))
    }
    return PersonThen(
        name=row.full_name or person.username,
        username=person.username,
        is_known=True,
        is_active=row.is_active,
        roles=tuple(sorted(role.name for role in roles)),
        rights=tuple(PERMISSIONS[name].label for name in rights if name in PERMISSIONS),
        saw=_reach("see", person, moment, partner, branch, alls),
        worked=_reach("work", person, moment, partner, branch, alls),
        reviews=REVIEWS in rights,
    )


def _rights_of(role: Group, moment: dt.datetime) -> set[str]:
    """The role's rights at `moment`. The installation itself leaves no history row: until the first change a role holds
    what it was installed with.
    """
    row = histories.row_at(role, moment)
    if row is None and histories.begins(role) is not None:
        return set(MATRIX[Role(role.name)]) if role.name in set(Role) else set()
    keys = (
        row.permissions.values_list("permission_id", flat=True)
        if row
        else role.permissions.values_list("pk", flat=True)
    )
    held = Permission.objects.filter(pk__in=list(keys)).values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in held}


def _codenames(keys: Iterable[int]) -> set[str]:
    return set(Permission.objects.filter(pk__in=list(keys)).values_list("codename", flat=True))


def _reach(
    verb: str, person: User, moment: dt.datetime, partner: Partner, branch: Branch | None, alls: set[str]
) -> str:
    """Whether the person's own grants admitted this partner and branch: "yes", or which of the two was missing."""
    missing = []
    if ALL_PARTNERS.name not in alls and not _granted(
        PartnerUserPermission, f"{verb}_partner", person, moment, partner
    ):
        missing.append(f"not {partner}")
    if ALL_BRANCHES.name not in alls and not (
        branch and _granted(BranchUserPermission, f"{verb}_branch", person, moment, branch)
    ):
        missing.append(f"not {branch}" if branch else "not rows without a branch")
    return "yes" if not missing else ", ".join(missing)


def _granted(model: Any, codename: str, person: User, moment: dt.datetime, row: Partner | Branch) -> bool:
    """Whether a grant of this kind stood at `moment`: its newest history row until then is not its deletion."""
    past = model.history.filter(
        user=person, content_object=row, permission__codename=codename, history_date__lte=moment
    )
    newest = dict(past.order_by("history_date", "history_id").values_list("id", "history_type"))
    return any(kind != "-" for kind in newest.values())
