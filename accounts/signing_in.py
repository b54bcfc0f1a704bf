"""Failures, locks and successes of signing in, counted in the database and written to the trail."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import SignInFailure, User
from audit import trail
from audit.verbs import Verb

WINDOW = timedelta(minutes=30)
LOCK_FOR = timedelta(minutes=30)
TRIES = {"user": 5, "ip": 50}
WARN_FROM = 3
LAST_SIGN_IN = "last_sign_in"


def is_locked(username: str, address: str) -> bool:
    """Whether this name or this address has to wait, whatever the password."""
    return SignInFailure.objects.filter(key__in=_keys(username, address), locked_until__gt=timezone.now()).exists()


@transaction.atomic
def note_failure(username: str, address: str) -> None:
    """Count a failure and lock the name or the address when it was one too many."""
    locked = [key for key in _keys(username, address) if _count(key)]
    trail.record(
        Verb.SIGN_IN_FAILED,
        by=_shown(username),
        object_type="accounts.user",
        object_id=_shown(username),
        result="FAILED",
    )
    if locked:
        trail.record(
            Verb.SIGN_IN_LOCKED,
            by=_shown(username),
            object_type="accounts.user",
            object_id=_shown(username),
            facts={"minutes": 30},
        )


def note_locked_try(username: str) -> None:
    """Record a try while the name or the address was locked."""
    trail.record(
        Verb.SIGN_IN_FAILED,
        by=_shown(username),
        object_type="accounts.user",
        object_id=_shown(username),
        result="DENIED",
        facts={"because": "locked"},
    )


@transaction.atomic
def note_success(request: HttpRequest, user: User, address: str) -> None:
    """Forget the failures, keep when and from where the person signed in before, and record the sign-in."""
    SignInFailure.objects.filter(key=f"user:{user.username}").delete()
    before: datetime | None = getattr(user, "previous_login", None)
    request.session[LAST_SIGN_IN] = {"at": before.isoformat() if before else "", "from": user.last_login_ip or ""}
    user.last_login_ip = address or None
    User.objects.filter(pk=user.pk).update(last_login_ip=user.last_login_ip)
    trail.record(Verb.SIGNED_IN, by=user, obj=user)


def tries_left(username: str) -> int | None:
    """How many tries are left before the lock, from the third failure on; None before that."""
    failure = SignInFailure.objects.filter(
        key=f"user:{_normal(username)}", first_at__gt=timezone.now() - WINDOW
    ).first()
    if failure is None or failure.failures < WARN_FROM:
        return None
    return max(0, TRIES["user"] - failure.failures)


def _count(key: str) -> bool:
    """Count one failure for `key`; True when this one locks it. The row is locked first: parallel guesses all count."""
    now = timezone.now()
    SignInFailure.objects.get_or_create(key=key, defaults={"first_at": now})
    failure = SignInFailure.objects.select_for_update().get(key=key)
    if failure.first_at < now - WINDOW:
        failure.failures, failure.first_at, failure.locked_until = 0, now, None
    failure.failures = failure.failures + 1
    locks = failure.failures == TRIES[key.partition(":")[0]]
    if locks:
        failure.locked_until = now + LOCK_FOR
        failure.first_at = now
    failure.save(update_fields=["failures", "first_at", "locked_until"])
    return locks


def _keys(username: str, address: str) -> list[str]:
    return [f"user:{_normal(username)}", *([f"ip:{address}"] if address else [])]


def _normal(username: str) -> str:
    return username.strip().lower()[:60]


def _shown(username: str) -> str:
    """The name as the trail shows it: people type passwords into this field, so an unknown one is not kept."""
    name = _normal(username)
    return name if User.objects.filter(username=name).exists() else "(unknown name)"
