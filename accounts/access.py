"""Who may, and on which rows: one function for the page and for the deed.

Roles are Django groups; a right counts only when a role gives it. `is_superuser` opens nothing here.
Scope is guardian's grants on partners and branches, resolved once per request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol
from urllib.parse import urlsplit, urlunsplit

from django.contrib.auth.models import Permission
from django.contrib.auth.views import redirect_to_login
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from guardian.shortcuts import get_objects_for_user

from accounts.errors import MissingPermission, Refused
from accounts.models import (
    Branch,
    BranchGroupPermission,
    BranchUserPermission,
    Partner,
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


def permissions_of(user: User | AnonymousUser) -> frozenset[str]:
    """The names ("app.codename") of all rights that the person's roles give. Read once per request."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    return _rights(user)[0]


def _rights(user: User) -> tuple[frozenset[str], frozenset[str]]:
    """The rights of the person's roles, and the explicit "all" grants to roles or person: one statement per request."""
    cached: tuple[frozenset[str], frozenset[str]] | None = user.__dict__.get("_rights")
    if cached is None:
        said, alls = ("content_type__app_label", "codename"), [ALL_PARTNERS.codename, ALL_BRANCHES.codename]
        of_roles = Permission.objects.filter(group__user=user).values_list(*said, Value(True))
        own = Permission.objects.filter(user=user, content_type__app_label="accounts", codename__in=alls)
        rows = [
            (f"{app}.{name}", is_of_role)
            for app, name, is_of_role in of_roles.union(own.values_list(*said, Value(False)))
        ]
        cached = (
            frozenset(name for name, is_of_role in rows if is_of_role),
            frozenset(name for name, _ in rows if name in (ALL_PARTNERS.name, ALL_BRANCHES.name)),
        )
        user.__dict__["_rights"] = cached
    return cached


def has(user: User | AnonymousUser, permission: str) -> bool:
    """Whether one of the person's roles gives `permission`."""
    return permission in permissions_of(user)


def roles_that_may(permission: str, *, reader: User | AnonymousUser) -> list[str]:
    """The roles that give `permission` now, in their usual order, for telling `reader`. Read once per request."""
    holders: dict[str, list[str]] | None = reader.__dict__.get("_holders")
    if holders is None:
        holders = {}
        rows = Permission.objects.exclude(group=None).values_list("content_type__app_label", "codename", "group__name")
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
    return _scope(user, "see")


def work_scope_of(user: User | AnonymousUser) -> Scope:
    """What the person may act on: `work_` grants, or the explicit "all" grants; once per request."""
    return _scope(user, "work")


def _scope(user: User | AnonymousUser, verb: str) -> Scope:
    if not isinstance(user, User) or not user.is_active:
        return NOTHING
    cache: dict[str, Scope] = user.__dict__.setdefault("_scopes", {})
    if verb not in cache:
        everything = _rights(user)[1]
        all_partners, all_branches = ALL_PARTNERS.name in everything, ALL_BRANCHES.name in everything
        cache[verb] = Scope(
            all_partners,
            frozenset() if all_partners else _granted(user, f"accounts.{verb}_partner", Partner),
            all_branches,
            frozenset() if all_branches else _granted(user, f"accounts.{verb}_branch", Branch),
        )
    return cache[verb]


def _granted(user: User, permission: str, model: type[Partner] | type[Branch]) -> frozenset[int]:
    rows = get_objects_for_user(user, permission, klass=model, with_superuser=False, accept_global_perms=False)
    return frozenset(rows.values_list("pk", flat=True))


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
