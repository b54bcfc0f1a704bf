"""What people can do with their own account."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.models import User
from audit import trail
from audit.history import because
from audit.verbs import Verb

PREFERENCES = ("time_zone", "theme", "density", "page_size", "single_keys", "announcements")


@transaction.atomic
def choose_preferences(*, by: User, **chosen: Any) -> bool:
    """Keep how the product shows itself to this person; False when nothing differs from before."""
    person = User.objects.select_for_update().get(pk=by.pk)
    before = {name: getattr(person, name) for name in PREFERENCES if getattr(person, name) != chosen.get(name)}
    if not before:
        return False
    after = {name: chosen[name] for name in before}
    for name, value in after.items():
        setattr(person, name, value)
    person.save(update_fields=list(after))
    trail.record(Verb.PREFERENCES_CHANGED, by=by, obj=person, before=before, after=after)
    return True


@transaction.atomic
def choose_password(password: str, *, by: User) -> None:
    """Give oneself a new password. Every other session of this person ends with its next request."""
    by.set_password(password)
    by.password_is_temporary = False
    because(by, "New password chosen")
    by.save(update_fields=["password", "password_is_temporary"])
    trail.record(Verb.PASSWORD_CHANGED, by=by, obj=by)
