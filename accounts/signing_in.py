"""Tries, locks and successes of signing in, counted in the database and written to the trail.

A try is counted before the password is looked at, so that guesses sent at the same moment cannot all pass; a success
gives it back. Five failures on a name pause it for 30 minutes, fifty from one address pause the address.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import SignInFailure, User
from accounts.sessions import LAST_SEEN, SIGNED_IN_AT
from audit import trail
from audit.verbs import Verb

WINDOW = timedelta(minutes=30)
LOCK_FOR = timedelta(minutes=30)
TRIES = {"user": 5, "ip": 50}
WARN_FROM = 3
LAST_SIGN_IN = "last_sign_in"


@transaction.atomic
def take_try(username: str, address: str) -> bool:
    """Count a try for the name and the address; False where one of them has to wait, whatever the password."""
    return all(_take(key) for key in _keys(username, address))


@transaction.atomic
def note_failure(username: str, address: str) -> None:
    """Record that the try just taken failed, and begin the pause of the name or address when it was the last one."""
    locked = [key for key in _keys(username, address) if _lock_if_spent(key)]
    name = _shown(username)
    trail.record(Verb.SIGN_IN_FAILED, by=name, object_type="accounts.user", object_id=name, result="FAILED")
    if locked:
        facts = {"minutes": LOCK_FOR.seconds // 60, "what": sorted(key.partition(":")[0] for key in locked)}
        trail.record(Verb.SIGN_IN_LOCKED, by=name, object_type="accounts.user", object_id=name, facts=facts)


def note_locked_try(username: str) -> None:
    """Record a try during a pause."""
    name = _shown(username)
    trail.record(
        Verb.SIGN_IN_FAILED,
        by=name,
        object_type="accounts.user",
        object_id=name,
        result="DENIED",
        facts={"because": "locked"},
    )


@transaction.atomic
def note_success(request: HttpRequest, user: User, address: str) -> None:
    """Forget the failures, keep when and from where the person signed in before, and record the sign-in."""
    give_back(user.username, address)
    before: datetime | None = getattr(user, "previous_login", None)
    now = time.time()
    request.session[SIGNED_IN_AT] = request.session[LAST_SEEN] = now
    request.session[LAST_SIGN_IN] = {"at": before.isoformat() if before else "", "from": user.last_login_ip or ""}
    User.objects.filter(pk=user.pk).update(last_login_ip=address or None)
    trail.record(Verb.SIGNED_IN, by=user, obj=user)


@transaction.atomic
def give_back(username: str, address: str) -> None:
    """Forget the failures of a name, and the one try of its address: the password was right."""
    SignInFailure.objects.filter(key=f"ip:{address}", failures__gt=0).update(failures=F("failures") - 1)
    SignInFailure.objects.filter(key=f"user:{_normal(username)}").delete()


def lift_pause(username: str) -> None:
    """Let a name be tried again at once: an administrator gave the person a new password."""
    SignInFailure.objects.filter(key=f"user:{_normal(username)}").delete()


def tries_left(username: str) -> int | None:
    """How many tries are left before the pause, from the third failure on; None before that."""
    failure = _recent(username)
    if failure is None or failure.failures < WARN_FROM:
        return None
    return max(0, TRIES["user"] - failure.failures)


def paused_until(username: str) -> datetime | None:
    """When a paused name may be tried again."""
    failure = _recent(username)
    return failure.locked_until if failure else None


def last_sign_in(request: HttpRequest) -> str:
    """When and from where the signed-in person signed in before this time, in a sentence; empty when not known."""
    kept: dict[str, str] | None = request.session.get(LAST_SIGN_IN)
    if not kept:
        return ""
    if not kept["at"]:
        return "This is your first sign-in."
    zone = ZoneInfo(getattr(request.user, "time_zone", "UTC"))
    moment = datetime.fromisoformat(kept["at"]).astimezone(zone)
    where = f" from {kept['from']}" if kept["from"] else ""
    return f"Signed in before: {moment:%-d %b %Y, %H:%M %Z}{where}."


def keep_last_login(sender: type[User], user: User, **kwargs: Any) -> None:
    """Note the moment of signing in without a history row, and keep the one before for the person to see.

    Stands in for Django's own receiver of `user_logged_in` (accounts.apps), which saves the person.
    """
    user.previous_login = user.last_login  # type: ignore[attr-defined]
    user.last_login = timezone.now()
    User.objects.filter(pk=user.pk).update(last_login=user.last_login)


def _take(key: str) -> bool:
    """Count one try for `key` under its row's lock; False during a pause and once all tries are taken."""
    now = timezone.now()
    SignInFailure.objects.get_or_create(key=key, defaults={"first_at": now})
    failure = SignInFailure.objects.select_for_update().get(key=key)
    if failure.locked_until and failure.locked_until > now:
        return False
    if failure.locked_until or failure.first_at <= now - WINDOW:
        failure.failures, failure.first_at, failure.locked_until = 0, now, None
    if failure.failures >= _allowed(key):
        return False
    failure.failures += 1
    failure.save(update_fields=["failures", "first_at", "locked_until"])
    return True


def _lock_if_spent(key: str) -> bool:
    """Begin the pause when every try of `key` is taken; True when this one did."""
    until = timezone.now() + LOCK_FOR
    spent = SignInFailure.objects.filter(key=key, failures__gte=_allowed(key), locked_until__isnull=True)
    return spent.update(locked_until=until) == 1


def _recent(username: str) -> SignInFailure | None:
    now = timezone.now()
    failure = SignInFailure.objects.filter(key=f"user:{_normal(username)}").first()
    if failure is None or (failure.locked_until or failure.first_at + WINDOW) <= now:
        return None
    return failure


def _allowed(key: str) -> int:
    return TRIES[key.partition(":")[0]]


def _keys(username: str, address: str) -> Iterable[str]:
    """The address first, always, so that two tries never wait for each other's rows in a circle."""
    return [*([f"ip:{address}"] if address else []), f"user:{_normal(username)}"]


def _normal(username: str) -> str:
    return username.strip().lower()[:60]


def _shown(username: str) -> str:
    """The name as the trail shows it: people type passwords into this field, so an unknown one is not kept."""
    name = _normal(username)
    return name if User.objects.filter(username=name).exists() else "(unknown name)"
