"""What a person is told, that they have read it, and of which kinds they want to be told."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import actions, notifications
from accounts.access import requires
from accounts.errors import Refused
from accounts.filters import NotificationQuery
from accounts.forms import NotificationForm, ToldForm
from accounts.models import User


@requires()
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """What waits for this person and what they waited for, the newest first. Looking marks nothing as read."""
    return render(request, "account/notifications.html", {"query": NotificationQuery(request.GET, _person(request))})


@requires()
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Mark one, or all, as read."""
    form = NotificationForm(request.POST)
    if not form.is_valid():
        raise Refused("There is no such notification. Nothing was changed.", status=400)
    count = notifications.mark_read(by=_person(request), key=form.cleaned_data["key"])
    messages.success(
        request, f"{count} {'is' if count == 1 else 'are'} marked as read." if count else "Nothing was unread."
    )
    return redirect("accounts:notifications")


@requires()
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """Of which kinds one is told."""
    person = _person(request)
    form = ToldForm(person, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if actions.choose_notifications(by=person, quiet=form.quiet):
            messages.success(request, "Your choice is saved. It counts from now on.")
        return redirect("accounts:told")
    return render(request, "account/told.html", {"form": form}, status=422 if form.errors else 200)


def _person(request: HttpRequest) -> User:
    """The signed-in person, behind `requires`."""
    if not isinstance(request.user, User):
        raise TypeError("this view is for signed-in people")
    return request.user
