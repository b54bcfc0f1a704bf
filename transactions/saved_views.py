"""The views of the list that a person sees: those of the product for their roles, their teams' and their own."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from django.core.cache import cache
from django.db import OperationalError
from django.http import QueryDict
from psycopg.errors import QueryCanceled

from accounts.access import permissions_of, scope_of
from accounts.models import User
from accounts.permissions import Role
from transactions import paging
from transactions.models import ListSettings, SavedView
from transactions.query import TransactionQuery

if TYPE_CHECKING:
    from datetime import datetime

COUNTED_FOR: Final = 30
"""Seconds for which the numbers beside the views are kept."""
MOST_COUNTED_VIEWS: Final = 20


@dataclass(frozen=True)
class View:
    """One view as a person sees it: its name, where it leads, and whose it is."""

    key: str
    name: str
    query: str
    whose: str
    is_own: bool = False
    is_default: bool = False
    count: str = ""

    @property
    def url(self) -> str:
        return f"/transactions/?{self.query}"


_OPERATIONS: Final = (Role.OPERATIONS_MAKER, Role.OPERATIONS_CHECKER)
_COMPLIANCE: Final = (Role.COMPLIANCE_ANALYST, Role.COMPLIANCE_OFFICER)
_TREASURY: Final = (Role.TREASURY_MAKER, Role.TREASURY_CHECKER)
_EVERYBODY: Final = tuple(Role)

OF_THE_PRODUCT: Final[tuple[tuple[str, str, str, tuple[Role, ...]], ...]] = (
    ("today", "All today", "created=today", _EVERYBODY),
    ("slow", "Pending over 30 min", "status=pending&age_over=30m", _EVERYBODY),
    ("retry", "Failed, can be retried", "stage=failed_retryable", _OPERATIONS),
    ("unknown", "Outcome unknown", "stage=outcome_unknown", (*_OPERATIONS, *_TREASURY)),
    ("review", "In review", "stage=compliance_review", _COMPLIANCE),
    ("rtgs", "RTGS queue", "stage=rtgs_queue", _TREASURY),
    ("counter", "Waiting at the counter", "stage=cash_ready", (Role.BRANCH_OPERATOR,)),
)
"""Key, name, query and the roles that see it."""


@dataclass(frozen=True)
class Arrangement:
    """How a person's list is arranged: the views, the one it opens with, the columns."""

    views: tuple[View, ...]
    columns: str
    teams: tuple[tuple[int, str], ...]

    @property
    def default(self) -> View | None:
        return next((view for view in self.views if view.is_default), None)

    def called(self, key: str) -> View | None:
        return next((view for view in self.views if view.key == key), None)

    def of_query(self, saved: str) -> View | None:
        """The view that asks just this."""
        return next((view for view in self.views if view.query == saved), None)


def arrangement_of(user: User) -> Arrangement:
    """The person's views in their order: the product's, then the teams' and their own by name."""
    rows = User.objects.filter(pk=user.pk).values_list(
        "groups__pk", "groups__name", "list_settings__columns", "list_settings__default_view"
    )
    found = list(rows.order_by("groups__name"))
    teams = tuple((pk, name) for pk, name, _, _ in found if name)
    chosen, default = (found[0][2] or "", found[0][3] or "") if found else ("", "")
    roles = {name for _, name in teams}
    views = [
        View(key, name, query, "OpenRemit", is_default=default == key)
        for key, name, query, seen_by in OF_THE_PRODUCT
        if roles & {role.value for role in seen_by}
    ]
    saved = SavedView.objects.readable_by(user, [pk for pk, _ in teams])
    views += [_saved(view, user, default) for view in saved]
    return Arrangement(tuple(views), chosen, teams)


def columns_of(user: User) -> str:
    """The person's own columns, for a part of the list that needs nothing else of its arrangement."""
    return ListSettings.objects.filter(owner=user.pk).values_list("columns", flat=True).first() or ""


def _saved(view: SavedView, user: User, default: str) -> View:
    own = view.owner_id == user.pk
    team = f"{view.team.name}s" if view.team else ""
    whose = (f"yours, shared with {team}" if team else "yours") if own else f"{view.owner} for {team}"
    return View(view.key, view.name, view.query, whose, is_own=own, is_default=default == view.key)


def counted(views: tuple[View, ...], user: User, now: datetime) -> dict[str, str]:
    """How many rows each view has for this reader, by its key; kept for half a minute, nothing where it takes long."""
    some = views[:MOST_COUNTED_VIEWS]
    kept_as = _cache_key(some, user)
    found: dict[str, str] | None = cache.get(kept_as)
    if found is None:
        found = _count(some, user, now)
        cache.set(kept_as, found, COUNTED_FOR)
    return found


def remembered(views: tuple[View, ...], user: User) -> dict[str, str]:
    """The numbers of the last half minute; none where nobody has counted."""
    found: dict[str, str] = cache.get(_cache_key(views[:MOST_COUNTED_VIEWS], user), {})
    return found


def _count(views: tuple[View, ...], user: User, now: datetime) -> dict[str, str]:
    asked = {view.key: TransactionQuery(QueryDict(view.query), user, now) for view in views}
    try:
        with paging.in_time():
            found = paging.counts({key: query.rows for key, query in asked.items() if query.is_sound})
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return {}
    return {key: str(count) for key, count in found.items()}


def _cache_key(views: tuple[View, ...], user: User) -> str:
    """Another scope, another right or another question is another count."""
    scope = scope_of(user)
    facts = [
        user.pk,
        user.time_zone,
        scope.all_partners,
        sorted(scope.partner_ids),
        scope.all_branches,
        sorted(scope.branch_ids),
        sorted(permissions_of(user)),
        [(view.key, view.query) for view in views],
    ]
    return f"views:{sha256(repr(facts).encode()).hexdigest()}"
