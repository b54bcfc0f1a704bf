"""The exception desk: the groups, the rows of one group, and the exceptions of one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import check, has, may_work_on, requires
from accounts.errors import Refused
from accounts.models import User
from exceptions import bulk, handling
from exceptions.desk import ExceptionQuery, meanings_of
from exceptions.filters import GROUPINGS
from exceptions.forms import AssignForm, SettleForm, SnoozeForm
from exceptions.models import ExceptionItem, Kind
from exceptions.opening import CLOSED_BY_THE_INTAKE
from transactions.models import Transaction
from transactions.views.detail import record_refusal


@requires("exceptions.view_exceptions")
@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    """What is wrong now, in groups: why, whose turn it is, whether trying again can help."""
    user, now = _reader(request), timezone.now()
    query = ExceptionQuery(request.GET, user, now, meanings=meanings_of(user, now))
    context = {
        "query": query,
        "groups": [(group, query.link_to(group)) for group in query.groups],
        "groupings": GROUPINGS,
        "last": ExceptionItem.objects.readable_by(user).latest_closed() if not query.groups else None,
    }
    return render(request, "exceptions/desk.html", context)


@requires("exceptions.view_exceptions")
@require_safe
def group(request: HttpRequest, reason: str) -> HttpResponse:
    """The exceptions of one group, the oldest first."""
    user, now = _reader(request), timezone.now()
    meanings = meanings_of(user, now)
    meaning = meanings.named(reason)
    if meaning is None:
        raise Http404
    query = ExceptionQuery(request.GET, user, now, meanings=meanings, meaning=meaning)
    context = {"query": query, "meaning": meaning, "bulk_deeds": _bulk_deeds(user)}
    return render(request, "exceptions/group.html", context)


def _bulk_deeds(user: User) -> list[tuple[bulk.BulkDeed, str]]:
    """What this person can do with ticked rows, and the address that shows what would happen."""
    return [(deed, reverse(f"exceptions:bulk-{deed.key.replace('_', '-')}")) for deed in bulk.open_to(user)]


@requires("exceptions.view_exceptions")
@require_http_methods(["GET", "HEAD", "POST"])
def work(request: HttpRequest, reference: str) -> HttpResponse:
    """The open exceptions of one transaction: take them, hand them over, put them aside, close what happened once."""
    user = _reader(request)
    if request.method == "POST":
        check(user, handling.RIGHT)
    found = Transaction.objects.visible_to(user).called(reference.replace("\x00", "")).for_list().first()
    if found is None:
        raise Http404
    if request.method != "POST":
        return _page(request, found)
    deed = _DEEDS.get(request.POST.get("deed", ""))
    return deed(request, found, user) if deed else _page(request, found, status=422)


def _assign(request: HttpRequest, found: Transaction, user: User) -> HttpResponse:
    form = AssignForm(request.POST, by=user, remittance=found)
    if not form.is_valid():
        return _page(request, found, assign=form, status=422)
    to = form.taker
    return _done(
        request,
        found,
        lambda: handling.assign(found, by=user, to=to, seen=form.cleaned_data["seen"]),
        f"{found.txn_id} is {'in your hands' if to == user else f'with {to}' if to else 'in nobody’s hands'} now.",
    )


def _snooze(request: HttpRequest, found: Transaction, user: User) -> HttpResponse:
    form = SnoozeForm(request.POST)
    if not form.is_valid():
        return _page(request, found, snooze=form, status=422)
    until, reason = form.cleaned_data["until"], form.cleaned_data["reason"]
    told = f"{found.txn_id} is put aside. It comes back at its time, or as soon as something changes."
    return _done(request, found, lambda: handling.snooze(found, by=user, until=until, reason=reason), told, snooze=form)


def _wake(request: HttpRequest, found: Transaction, user: User) -> HttpResponse:
    return _done(request, found, lambda: handling.wake(found, by=user), f"{found.txn_id} is back on the desk.")


def _settle(request: HttpRequest, found: Transaction, user: User) -> HttpResponse:
    form = SettleForm(request.POST)
    if not form.is_valid():
        return _page(request, found, settle=form, status=422)
    item = ExceptionItem.objects.readable_by(user).of(found).numbered(form.cleaned_data["item"]).first()
    if item is None:
        raise Http404
    reason = form.cleaned_data["reason"]
    told = f"The exception of {found.txn_id} is closed."
    return _done(request, found, lambda: handling.settle_by_hand(item, by=user, reason=reason), told, settle=form)


_DEEDS: dict[str, Callable[[HttpRequest, Transaction, User], HttpResponse]] = {
    "assign": _assign,
    "snooze": _snooze,
    "wake": _wake,
    "settle": _settle,
}


def _done(
    request: HttpRequest, found: Transaction, deed: Callable[[], object], told: str, **forms: Any
) -> HttpResponse:
    """Do it and say so; when somebody was quicker, the page says who and keeps what was typed."""
    try:
        deed()
    except Refused as refusal:
        record_refusal(request, refusal)
        return _page(request, found, refusal=refusal, status=refusal.status, **forms)
    messages.success(request, told)
    return redirect("exceptions:work", found.txn_id)


def _page(
    request: HttpRequest,
    found: Transaction,
    *,
    assign: AssignForm | None = None,
    snooze: SnoozeForm | None = None,
    settle: SettleForm | None = None,
    refusal: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    user, now = _reader(request), timezone.now()
    meanings = meanings_of(user, now)
    items = list(ExceptionItem.objects.readable_by(user).of(found).on_the_desk().for_list())
    holder = handling.holder_of(items)
    seen = holder.username if holder else ""
    context = {
        "transaction": found,
        "items": [
            (item, meanings.meaning(item.kind, found.reason_code, found.stage), _form_of(item, settle))
            for item in items
        ],
        "holder": holder,
        "seen": seen,
        "aside": next((item for item in items if item.snoozed_until and item.snoozed_until > now), None),
        "may_work": has(user, handling.RIGHT) and may_work_on(user, found),
        "is_mine": holder == user,
        "assign": assign or AssignForm(by=user, remittance=found, initial={"to": user.username, "seen": seen}),
        "snooze": snooze or SnoozeForm(),
        "form": assign or snooze or settle,
        "refusal": refusal,
        "back": reverse("exceptions:desk"),
    }
    return render(request, "exceptions/work.html", context, status=status)


def _form_of(item: ExceptionItem, given: SettleForm | None) -> SettleForm | None:
    """The form that closes what happened once; the one with errors stays with its own exception."""
    if Kind(item.kind) in CLOSED_BY_THE_INTAKE:
        return None
    mine = given is not None and given.data.get("settle-item") == str(item.pk)
    return given if mine else SettleForm(initial={"item": item.pk}, auto_id=f"id_{item.pk}_%s")


def _reader(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    return request.user
