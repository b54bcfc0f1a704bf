"""Transactions as the trail's pages know them: how one is found, what changed in it, where it is shown as it was."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse
from django.utils import timezone

from accounts.histories import Change, Line
from accounts.models import User
from audit import objects
from transactions.changes import changes_of
from transactions.discretion import Reader
from transactions.models import ReasonCode, Transaction


def find(reader: User, called: str) -> Transaction | None:
    """The transaction of this reference, if it is in the reader's scope."""
    found: Transaction | None = Transaction.objects.visible_to(reader).called(called.replace("\x00", "")).first()
    return found


def changes(transaction: Transaction, reader: User) -> Sequence[Line]:
    """What changed in it, its parties and its account, as this person may read it."""
    reasons = {reason.code: reason for reason in ReasonCode.objects.all()}
    found = changes_of(transaction, reasons=reasons, reader=Reader.of(reader, timezone.now()))
    return [
        Line(
            at=one.at,
            who=one.who,
            deed=f"{one.of} changed",
            reason=one.why,
            request_id=one.request_id,
            changes=tuple(Change(each.field, each.old, each.new) for each in one.differences),
        )
        for one in found
    ]


def register() -> None:
    """Make transactions known to the trail's pages."""
    objects.register(
        objects.Kind(
            type=Transaction._meta.label_lower,
            label="Transaction",
            find=find,
            changes=changes,
            at_url=lambda called: reverse("transactions:at", args=[called]),
            url=lambda transaction: transaction.get_absolute_url(),
        )
    )
