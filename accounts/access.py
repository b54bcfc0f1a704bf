"""Who may, and on which rows: one function for the page and for the deed.

Roles are Django groups; a right counts only when a role gives it. `is_superuser` opens nothing here.
Scope is guardian's grants on partners and branches. What a person holds is read once per request, in one statement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, Protocol
from urllib.parse import urlsplit, urlunsplit

from django.contrib.auth.models import Group, Permission
from django.contrib.auth.views import redirect_to_login
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from accounts.errors import MissingPermission, Refused
from accounts.models import (
    BranchGroupPermission,
    BranchUserPermission,
    PartnerGroupPermission,
    PartnerUserPermission,
    User,
)
from accounts.permissions import ALL_BRANCHES, ALL_PARTNERS, Role

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


class InScope(Protocol):
    """A row that belongs to a partner and perhaps to a branch."""

    partner_id: int
    branch_id: int | None


@dataclass(frozen=True)
class Scope:
    """The partners and branches whose rows a person sees. Both axes must admit a row; both are empty by default."""

    all_partners: bool
    partner_ids: frozenset[int]
    all_branches: bool
    branch_ids: frozenset[int]

    @property
    def is_everything(self) -> bool:
        return self.all_partners and self.all_branches

    def admits(self, partner_id: int, branch_id: int | None) -> bool:
        """Whether a row of this partner and branch is inside. A row without a branch needs `all_branches`."""
        partner_ok = self.all_partners or partner_id in self.partner_ids
        branch_ok = self.all_branches or (branch_id is not None and branch_id in self.branch_ids)
        return partner_ok and branch_ok


NOTHING = Scope(False, frozenset(), False, frozenset())


@dataclass(frozen=True)
class _Held:
    """What a person holds at one moment: the rights of their roles, what they see and what they work on."""

    rights: frozenset[str]
    see: Scope
    work: Scope


_HELD: Final = """
    WITH roles AS (SELECT group_id FROM accounts_user_groups WHERE user_id = %(person)s)
    SELECT 'role', t.app_label || '.' || p.codename, NULL::bigint
    FROM auth_group_permissions g
    JOIN auth_permission p ON p.id = g.permission_id JOIN django_content_type t ON t.id = p.content_type_id
    WHERE g.group_id IN (SELECT group_id FROM roles)
    UNION ALL
    SELECT 'own', t.app_label || '.' || p.codename, NULL
    FROM accounts_user_user_permissions g
    JOIN auth_permission p ON p.id = g.permission_id JOIN django_content_type t ON t.id = p.content_type_id
    WHERE g.user_id = %(person)s AND p.codename = ANY(%(everything)s)
    UNION ALL
    SELECT 'partner', p.codename, g.content_object_id
    FROM accounts_partneruserpermission g JOIN auth_permission p ON p.id = g.permission_id
    WHERE g.user_id = %(person)s
    UNION ALL
    SELECT 'partner', p.codename, g.content_object_id
    FROM accounts_partnergrouppermission g JOIN auth_permission p ON p.id = g.permission_id
    WHERE g.group_id IN (SELECT group_id FROM roles)
    UNION ALL
    SELECT 'branch', p.codename, g.content_object_id
    FROM accounts_branchuserpermission g JOIN auth_permission p ON p.id = g.permission_id
    WHERE g.user_id = %(person)s
    UNION ALL
    SELECT 'branch', p.codename, g.content_object_id
    FROM accounts_branchgrouppermission g JOIN auth_permission p ON p.id = g.permission_id
    WHERE g.group_id IN (SELECT group_id FROM roles)
"""


def permissions_of(user: User | AnonymousUser) -> frozenset[str]:
    """The names ("app.codename") of all rights that the person's roles give. Read once per request."""
    return _held(user).rights


def _held(user: User | AnonymousUser) -> _Held:
    if not isinstance(user, User) or not user.is_active:
        return _Held(frozenset(), NOTHING, NOTHING)
    cached: _Held | None = user.__dict__.get("_held")
    if cached is None:
        cached = user.__dict__["_held"] = _read(user)
    return cached


def _read(user: User) -> _Held:
    """Every request asks this, so it is one statement that is ready made, for the rights and both scopes."""
    alls = {ALL_PARTNERS.name, ALL_BRANCHES.name}
    with connection.cursor() as cursor:
        cursor.execute(_HELD, {"person": user.pk, "everything": [ALL_PARTNERS.codename, ALL_BRANCHES.codename]})
        rows = cursor.fetchall()
    granted: dict[tuple[str, str], set[int]] = defaultdict(set)
    for axis, name, pk in rows:
        if pk is not None:
            granted[axis, name].add(pk)
    everything = alls & {name for _, name, pk in rows if pk is None}
    see, work = (_scope(everything, granted, verb) for verb in ("see", "work"))
    return _Held(frozenset(name for axis, name, _ in rows if axis == "role"), see, work)


def _scope(everything: set[str], granted: Mapping[tuple[str, str], set[int]], verb: str) -> Scope:
    all_partners, all_branches = ALL_PARTNERS.name in everything, ALL_BRANCHES.name in everything
    return Scope(
        all_partners,
        frozenset() if all_partners else frozenset(granted.get(("partner", f"{verb}_partner"), ())),
        all_branches,
        frozenset() if all_branches else frozenset(granted.get(("branch", f"{verb}_branch"), ())),
    )


def has(user: User | AnonymousUser, permission: str) -> bool:
    """Whether one of the person's roles gives `permission`."""
    return permission in permissions_of(user)


def roles_that_may(permission: str, *, reader: User | AnonymousUser) -> list[str]:
    """The roles that give `permission` now, in their usual order, for telling `reader`. Read once per request."""
    holders: dict[str, list[str]] | None = reader.__dict__.get("_holders")
    if holders is None:
        holders = {}
        rows = Group.permissions.through.objects.values_list(
            "permission__content_type__app_label", "permission__codename", "group__name"
        )
        usual = {role.value: place for place, role in enumerate(Role)}
        for app, codename, name in sorted(rows, key=lambda row: (usual.get(row[2], len(usual)), row[2])):
            holders.setdefault(f"{app}.{codename}", []).append(name)
        reader.__dict__["_holders"] = holders
    return holders.get(permission, [])


def people_who_may(permission: str, *, partner_id: int | None = None, branch_id: int | None = None) -> QuerySet[User]:
    """The active people whose roles give `permission` now, and who work on this partner and branch where one is named.

    The same answer as `has` and `work_scope_of` give for each of them, in one statement for all.
    """
    found = User.objects.filter(_given(permission, own=False), is_active=True)
    if partner_id is None:
        return found
    partners, branches = _given(ALL_PARTNERS.name), _given(ALL_BRANCHES.name)
    partners |= _works_on(partner_id, "work_partner", PartnerUserPermission, PartnerGroupPermission)
    if branch_id is not None:
        branches |= _works_on(branch_id, "work_branch", BranchUserPermission, BranchGroupPermission)
    return found.filter(partners, branches)


def _given(permission: str, *, own: bool = True) -> Q:
    """Whether one of the person's roles gives it, or for what people hold themselves the person's `own` list."""
    app, _, codename = permission.partition(".")
    holders = Q(group__user=OuterRef("pk")) | (Q(user=OuterRef("pk")) if own else Q())
    return Q(Exists(Permission.objects.filter(holders, content_type__app_label=app, codename=codename)))


def _works_on(
    pk: int,
    codename: str,
    of_people: type[PartnerUserPermission] | type[BranchUserPermission],
    of_roles: type[PartnerGroupPermission] | type[BranchGroupPermission],
) -> Q:
    granted = Q(content_object_id=pk, permission__codename=codename)
    own = of_people.objects.filter(granted, user=OuterRef("pk"))
    return Q(Exists(own)) | Q(Exists(of_roles.objects.filter(granted, group__user=OuterRef("pk"))))


def check(user: User | AnonymousUser, permission: str) -> None:
    """Raise MissingPermission unless one of the person's roles gives `permission`. For views and deeds alike."""
    if not has(user, permission):
        raise MissingPermission(permission)


def requires(*permissions: str) -> Callable[[View[P]], View[P]]:
    """A view for signed-in people who hold every one of `permissions`; with none named, for anybody signed in.

    Not signed in: to the sign-in page (401 with HX-Redirect for htmx). A right missing: 403 through MissingPermission,
    before any object is looked up, so that the answer does not depend on whether the object exists.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return ask_to_sign_in(request)
            for permission in permissions:
                check(request.user, permission)
            return view(request, *args, **kwargs)

        guarded.required_permissions = permissions  # type: ignore[attr-defined]
        return guarded

    return decorate


def ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page and back to the page that the person was reading; 401 with HX-Redirect for htmx."""
    if request.headers.get("HX-Request"):
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        path = urlunsplit(("", "", page.path or "/", page.query, ""))
        return HttpResponse(status=401, headers={"HX-Redirect": redirect_to_login(path).url})
    path = request.get_full_path() if request.method in ("GET", "HEAD") else "/"
    return redirect_to_login(path)


def scope_of(user: User | AnonymousUser) -> Scope:
    """What the person sees: `see_` grants on partners and branches, or the explicit "all" grants; once per request."""
    return _held(user).see


def work_scope_of(user: User | AnonymousUser) -> Scope:
    """What the person may act on: `work_` grants, or the explicit "all" grants; once per request."""
    return _held(user).work


def may_work_on(user: User | AnonymousUser, row: InScope) -> bool:
    """Whether the person has the `work_` grants on the row's partner and branch."""
    return work_scope_of(user).admits(row.partner_id, row.branch_id)


def check_work(user: User | AnonymousUser, row: InScope) -> None:
    """Raise Refused unless the person may work on the row's partner and branch."""
    if not may_work_on(user, row):
        raise Refused(
            "You may see this transaction but not work on it. "
            "An administrator can let you work on its partner and branch.",
            status=403,
        )
