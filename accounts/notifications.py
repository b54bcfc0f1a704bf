"""What people are told in the product: something waits for them, or what they waited for has come.

A room registers its kinds from its `AppConfig.ready`; this module knows none by name:

    notifications.register(Kind("bulk_finished", "A bulk job of mine is finished", rights=frozenset({…})))

and its deed tells it in its own database transaction, before it records its entry in the trail:

    notifications.tell("bulk_finished", [owner], about=Subject.of(job), sentence=…)

A sentence holds no personal data. Who reads it is asked again whenever it is read: the right, the partner and the
branch of the subject decide. Nothing of this leaves the product by e-mail.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import models, transaction
from django.utils import timezone

from accounts.access import permissions_of
from accounts.models import Notification, User
from audit import trail
from audit.querysets import name_of
from audit.verbs import Verb

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet

KEPT_DAYS: Final = 30
"""So long what was read or has ended stays."""
KEPT_UNREAD_DAYS: Final = 180
"""So long what nobody reads stays."""
MOST_AT_ONCE: Final = 5_000


@dataclass(frozen=True)
class Kind:
    """A kind of notification: its word, when one is told, and the rights of whom it concerns (empty: everybody)."""

    key: str
    label: str
    rights: frozenset[str] = frozenset()


_kinds: dict[str, Kind] = {}


def register(*kinds: Kind) -> None:
    """Add kinds. A key that is there already is replaced, so that a restart is harmless."""
    for kind in kinds:
        _kinds[kind.key] = kind


def kinds_for(user: User | AnonymousUser) -> list[Kind]:
    """The kinds that can concern this person, by their labels."""
    rights = permissions_of(user)
    concerned = [kind for kind in _kinds.values() if not kind.rights or kind.rights & rights]
    return sorted(concerned, key=lambda kind: kind.label)


@dataclass(frozen=True)
class Subject:
    """What a notification is about: the object, its page, and who may read of it at all."""

    type: str
    id: str
    url: str
    right: str = ""
    partner_id: int | None = None
    branch_id: int | None = None
    is_of_everything: bool = False

    @classmethod
    def of(
        cls, obj: models.Model, *, right: str = "", partner_id: int | None = None, branch_id: int | None = None
    ) -> Subject:
        """An object that has a page of its own."""
        url = str(obj.get_absolute_url())  # type: ignore[attr-defined]
        return cls(obj._meta.label_lower, name_of(obj), url, right, partner_id, branch_id)


@dataclass(frozen=True)
class Notice:
    """One sentence for one person."""

    kind: str
    to: User
    about: Subject
    sentence: str


def tell(kind: str, people: Iterable[User], *, about: Subject, sentence: str, by: User | None = None) -> None:
    """Tell these people in the caller's database transaction; not the human being who did it, through no account."""
    tell_all(Notice(kind, one, about, sentence) for one in people if by is None or one.person_key != by.person_key)


def tell_all(notices: Iterable[Notice]) -> None:
    """Tell many things at once. Left out: people who are not active or do not want the kind, and what they were told
    about the same object and have not read yet. Raises KeyError for a kind that nobody registered.
    """
    now = timezone.now()
    wanted = [
        Notification(
            recipient=one.to,
            kind=_kinds[one.kind].key,
            object_type=one.about.type,
            object_id=one.about.id,
            url=one.about.url,
            sentence=_fitting(one.sentence),
            right=one.about.right,
            partner_id=one.about.partner_id,
            branch_id=one.about.branch_id,
            is_of_everything=one.about.is_of_everything,
            created_at=now,
        )
        for one in notices
        if one.to.is_active and one.kind not in one.to.quiet_kinds
    ]
    wanted.sort(key=lambda one: (one.recipient_id, one.object_id))  # in one order, so that nobody waits in a circle
    Notification.objects.bulk_create(wanted, ignore_conflicts=True, batch_size=1_000)


def _fitting(sentence: str) -> str:
    return sentence if len(sentence) <= 500 else f"{sentence[:499]}…"


def end(kind: str, *, object_type: str, object_ids: Collection[str]) -> None:
    """Say of these objects that they do not wait any more; what is unread about them ends. In the caller's
    transaction, which holds the objects.
    """
    if object_ids:
        told = Notification.objects.unread().about(object_type, object_ids).filter(kind=kind)
        told.update(ended_at=timezone.now())


def unread_of(user: User) -> QuerySet[Any]:
    """What this person has not read, for the badge of the bell."""
    rows: QuerySet[Any] = Notification.objects.visible_to(user).unread()
    return rows


@transaction.atomic
def mark_read(*, by: User, key: UUID | None = None) -> int:
    """Say that one has read one of one's notifications, or all that one may read; answers how many were unread."""
    mine = Notification.objects.visible_to(by).unread()
    keys = list((mine if key is None else mine.called(key)).free().order_by("pk").values_list("pk", flat=True))
    if keys:
        Notification.objects.filter(pk__in=keys).update(read_at=timezone.now())
        trail.record(Verb.NOTIFICATIONS_READ, by=by, obj=by, facts={"count": len(keys)})
    return len(keys)


@transaction.atomic
def forget(*, now: dt.datetime) -> int:
    """Delete what was read or ended 30 days ago and what nobody read for 180 days. For the worker; answers how many."""
    over = Notification.objects.over(
        settled_before=now - dt.timedelta(days=KEPT_DAYS), made_before=now - dt.timedelta(days=KEPT_UNREAD_DAYS)
    )
    keys = list(over.free().order_by("pk").values_list("pk", flat=True)[:MOST_AT_ONCE])
    if keys:
        Notification.objects.filter(pk__in=keys).delete()
        facts = {"count": len(keys), "because": "read or old"}
        trail.record(Verb.DELETED, object_type="accounts.notification", facts=facts)
    return len(keys)
