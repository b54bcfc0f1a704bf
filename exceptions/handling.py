"""What people do with the exceptions of a transaction: take them, hand them over, put them aside, close them.

Each deed is one database transaction: check the right, lock, look at what the person saw, change, record last. They
concern all open exceptions of one transaction that the person may read, so one transaction is in one person's hands.
None of them touches the transaction itself.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import notifications
from accounts.access import check, check_work, has, may_work_on
from accounts.errors import Refused
from accounts.maker_checker import as_of_now
from accounts.models import User
from accounts.notifications import Kind as ToldOf
from accounts.notifications import Subject
from accounts.permissions import PROPOSE_PEOPLE
from audit import trail
from audit.verbs import Verb
from exceptions.models import BulkJob, ExceptionItem, Kind
from exceptions.opening import CLOSED_BY_THE_INTAKE
from transactions import formats
from transactions.discretion import without_numbers
from transactions.models import Transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

RIGHT: Final = "exceptions.work_exceptions"
GIVEN: Final = ToldOf("exception_given", "Somebody gives me an exception to work on", frozenset({RIGHT}))
LONGEST_SNOOZE: Final = dt.timedelta(days=14)
NOTHING_OPEN: Final = "No exception of this transaction is open any more, so nothing was changed."


def colleagues() -> list[User]:
    """Everybody whose role lets them work on exceptions, by name. Whether on a given row is asked when it is given."""
    app, _, codename = RIGHT.partition(".")
    holding = User.objects.filter(
        is_active=True,
        groups__permissions__content_type__app_label=app,
        groups__permissions__codename=codename,
    )
    return list(holding.distinct().order_by("full_name", "username"))


def holder_of(items: Sequence[ExceptionItem]) -> User | None:
    """Who has the exceptions of a transaction in hand."""
    return next((item.assignee for item in items if item.assignee_id), None)


@transaction.atomic
def assign(remittance: Transaction, *, by: User, to: User | None, seen: str, job: str = "") -> list[ExceptionItem]:
    """Give the transaction's open exceptions to `to`, or back to nobody. `seen` is the user name of whoever had them
    when the person decided ("" for nobody): if that changed meanwhile it is refused, and nobody loses work unawares.
    Of the rows of one bulk `job`, named by its number, the colleague is told once.
    """
    if to is not None:
        by, to = as_of_now(by), User.objects.get(pk=to.pk)  # nobody leaves until this is done
    items = _locked_items(remittance, by, Verb.EXCEPTION_ASSIGNED)
    if to is not None:
        _check_fit(to, remittance)
    holder = holder_of(items)
    if holder == to and all(item.assignee_id == (to.pk if to else None) for item in items):
        return items  # said twice
    if (holder.username if holder else "") != seen:
        raise _refusal(remittance, _taken_sentence(items, holder, by), Verb.EXCEPTION_ASSIGNED)
    _hand_over(items, remittance, by=by, holder=holder, to=to)
    _tell_of_assignment(remittance, by, to, job)
    return items


def _hand_over(
    items: Sequence[ExceptionItem], remittance: Transaction, *, by: User, holder: User | None, to: User | None
) -> None:
    for item in items:
        item.assignee, item.assigned_at = to, timezone.now() if to else None
        item.save(update_fields=["assignee", "assigned_at"])
    trail.record(
        Verb.EXCEPTION_ASSIGNED,
        by=by,
        obj=remittance,
        before={"assignee": holder.username if holder else None},
        after={"assignee": to.username if to else None},
        facts={"to": str(to) if to else ""},
    )


def _tell_of_assignment(remittance: Transaction, by: User, to: User | None, job: str) -> None:
    """Whoever had them before is not waited for any more; whoever gets them from somebody else hears of it."""
    one = remittance._meta.label_lower
    notifications.end(GIVEN.key, object_type=one, object_ids=[remittance.txn_id])
    if to is None:
        return
    if job:
        url = f"{reverse('exceptions:desk')}?assigned=me"
        about = Subject(BulkJob._meta.label_lower, job, url, RIGHT)
        notifications.tell(
            GIVEN.key, [to], about=about, sentence=f"{by} gave you exceptions of many transactions", by=by
        )
        return
    url = reverse("exceptions:work", args=[remittance.txn_id])
    about = Subject(one, remittance.txn_id, url, RIGHT, remittance.partner_id, remittance.branch_id)
    sentence = f"{by} gave you the exceptions of {remittance.txn_id}"
    notifications.tell(GIVEN.key, [to], about=about, sentence=sentence, by=by)


@transaction.atomic
def snooze(remittance: Transaction, *, by: User, until: dt.datetime, reason: str) -> list[ExceptionItem]:
    """Put the transaction's open exceptions aside until a moment, for a reason. They come back at that time, and at
    once when the transaction changes; putting aside what is aside already moves the time.
    """
    now = timezone.now()
    if not now < until <= now + LONGEST_SNOOZE:
        raise _refusal(remittance, "Choose a time within the next 14 days.", Verb.EXCEPTION_SNOOZED)
    items = _locked_items(remittance, by, Verb.EXCEPTION_SNOOZED)
    version = Transaction.objects.values_list("version", flat=True).get(pk=remittance.pk)
    for item in items:
        item.snoozed_until, item.snooze_reason, item.snoozed_at_version = until, reason[:200], version
        item.save(update_fields=["snoozed_until", "snooze_reason", "snoozed_at_version"])
    told = formats.when_in_detail(until, timezone.get_current_timezone())
    trail.record(Verb.EXCEPTION_SNOOZED, by=by, obj=remittance, reason=without_numbers(reason), facts={"until": told})
    return items


@transaction.atomic
def wake(remittance: Transaction, *, by: User) -> list[ExceptionItem]:
    """Bring exceptions that were put aside back to the desk before their time."""
    items = _locked_items(remittance, by, Verb.EXCEPTION_WOKEN)
    aside = [item for item in items if item.snoozed_until is not None]
    if not aside:
        return items
    for item in aside:
        item.snoozed_until, item.snooze_reason, item.snoozed_at_version = None, "", None
        item.save(update_fields=["snoozed_until", "snooze_reason", "snoozed_at_version"])
    trail.record(Verb.EXCEPTION_WOKEN, by=by, obj=remittance)
    return items


@transaction.atomic
def settle_by_hand(item: ExceptionItem, *, by: User, reason: str) -> ExceptionItem:
    """Close an exception of something that happened once (a conflict, an unknown word) after a person has worked it.

    Whatever still holds is refused: the intake closes it when its cause ends.
    """
    remittance = item.transaction
    items = {one.pk: one for one in _locked_items(remittance, by, Verb.EXCEPTION_SETTLED)}
    present = items.get(item.pk)
    if present is None:
        raise _refusal(remittance, NOTHING_OPEN, Verb.EXCEPTION_SETTLED)
    if Kind(present.kind) in CLOSED_BY_THE_INTAKE:
        sentence = "This exception closes by itself when its cause ends. You can put it aside with a reason."
        raise _refusal(remittance, sentence, Verb.EXCEPTION_SETTLED)
    present.closed_at, present.resolution = timezone.now(), f"Closed by {by}."[:120]
    present.save(update_fields=["closed_at", "resolution"])
    facts = {"kind": str(Kind(present.kind).label)}
    trail.record(Verb.EXCEPTION_SETTLED, by=by, obj=remittance, reason=without_numbers(reason), facts=facts)
    return present


# -- when somebody leaves ------------------------------------------------------------------------------------------


def in_hand(person: User) -> int:
    """Of how many transactions somebody has the open exceptions."""
    return int(ExceptionItem.objects.open().filter(assignee=person).values("transaction").distinct().count())


@transaction.atomic
def give_back(person: User, by: User) -> int:
    """Return every open exception of somebody who may not work on exceptions any more to the desk; answers of how many
    transactions. A part of the change of people or roles that takes the right away.
    """
    check(by, PROPOSE_PEOPLE)
    held = ExceptionItem.objects.open().filter(assignee=person).values("transaction")
    given = 0
    for remittance in Transaction.objects.filter(pk__in=held).order_by("pk").locked():
        items = list(ExceptionItem.objects.of(remittance).open().filter(assignee=person).locked())
        if items:
            _hand_over(items, remittance, by=by, holder=person, to=None)
            notifications.end(GIVEN.key, object_type=remittance._meta.label_lower, object_ids=[remittance.txn_id])
            given += 1
    return given


# -- guards and locks ----------------------------------------------------------------------------------------------


def _locked_items(remittance: Transaction, by: User, verb: Verb) -> list[ExceptionItem]:
    """The open exceptions that `by` may work on, under the locks in the order in which the intake takes them."""
    check(by, RIGHT)
    check_work(by, remittance)
    Transaction.objects.locked().only("pk").get(pk=remittance.pk)
    items = list(ExceptionItem.objects.readable_by(by).of(remittance).open().locked().select_related("assignee"))
    if not items:
        raise _refusal(remittance, NOTHING_OPEN, verb)
    return items


def _check_fit(colleague: User, remittance: Transaction) -> None:
    """Refused unless this colleague may work on the transaction's exceptions."""
    if not colleague.is_active or not has(colleague, RIGHT) or not may_work_on(colleague, remittance):
        sentence = f"{colleague} may not work on {remittance.txn_id}. Choose somebody else."
        raise _refusal(remittance, sentence, Verb.EXCEPTION_ASSIGNED)


def _taken_sentence(items: Sequence[ExceptionItem], holder: User | None, by: User) -> str:
    if holder is None:
        return "These exceptions were given back meanwhile: nobody has them now. Look again and decide."
    who = "You" if holder == by else str(holder)
    since = next((item.assigned_at for item in items if item.assigned_at), None)
    at = f" at {formats.when_in_detail(since, timezone.get_current_timezone())}" if since else ""
    return f"{who} took these exceptions{at}. Nothing was changed."


def _refusal(remittance: Transaction, sentence: str, verb: Verb) -> Refused:
    return Refused(sentence, verb=verb, object_type=remittance._meta.label_lower, object_id=remittance.txn_id)
