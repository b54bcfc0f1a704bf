"""What people can do with their own account, and how an installation gets the two administrators that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from accounts import sessions
from accounts.access import check
from accounts.errors import Refused
from accounts.maker_checker import as_of_now
from accounts.models import User
from accounts.permissions import ADMINISTER_PEOPLE, Role
from accounts.separation import TWO, how_many_administer, one_at_a_time, why_not_suspend
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
def choose_notifications(*, by: User, quiet: Sequence[str]) -> bool:
    """Keep of which kinds this person does not want to be told; False when nothing differs from before."""
    person = User.objects.select_for_update().get(pk=by.pk)
    if person.quiet_kinds == list(quiet):
        return False
    before, person.quiet_kinds = {"quiet_kinds": person.quiet_kinds}, list(quiet)
    person.save(update_fields=["quiet_kinds"])
    after = {"quiet_kinds": person.quiet_kinds}
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


@transaction.atomic
def appoint_administrator(username: str, *, full_name: str, password: str, reason: str) -> User:
    """Make one of the two people who make everybody else. Refused as soon as two people administer: what one of them
    proposes the other can agree to, and everything more is done in the administration pages.

    Raises ValidationError for a name or a password that will not do.
    """
    one_at_a_time()
    if how_many_administer() >= TWO:
        raise Refused(
            "Two people administer already. One proposes a new administrator in the administration pages, and another "
            "agrees to it."
        )
    person = User(username=username.lower(), full_name=full_name, is_staff=True, password_is_temporary=True)
    person.set_password(password)
    person.full_clean()
    validate_password(password, user=person)
    because(person, reason)
    person.save()
    person.groups.add(Group.objects.get(name=Role.ADMINISTRATOR.value))
    trail.record(Verb.ADDED, obj=person, after={"full_name": full_name}, reason=reason)
    trail.record(Verb.ROLE_GIVEN, obj=person, facts={"role": Role.ADMINISTRATOR.value}, reason=reason)
    return person


@transaction.atomic
def suspend(person: User, *, by: User | None, reason: str) -> int:
    """End one account's sign-in at once and all its sessions, and nothing else; answers how many sessions that were.

    The one change of a person that an administrator makes alone: it takes and gives nothing, and two people undo it, by
    a proposal. So whoever holds one administrator's account cannot put the others out with it. `by` is None where the
    server's command line asks, which needs nobody else to be left but one.
    """
    if by is None:
        one_at_a_time()
    else:
        by = as_of_now(by, exclusively=True)
        for right in ADMINISTER_PEOPLE:
            check(by, right)
    present = User.objects.select_for_update().get(pk=person.pk)
    if sentence := why_not_suspend(present, by):
        raise Refused(sentence, verb=Verb.SUSPENDED, object_type=User._meta.label_lower, object_id=present.username)
    present.is_active = False
    present._history_user = by  # type: ignore[attr-defined]  # noqa: SLF001, simple-history's way to it
    because(present, reason)
    present.save(update_fields=["is_active"])
    ended = sessions.end_all_of(present)
    trail.record(
        Verb.SUSPENDED,
        by=by,
        obj=present,
        before={"is_active": True},
        after={"is_active": False},
        reason=reason,
        facts={"sessions": ended},
    )
    return ended
