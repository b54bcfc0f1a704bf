"""How a person arranges their list: saved views, the one it opens with, the columns and how close the rows stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import requires
from accounts.actions import PREFERENCES, choose_preferences
from accounts.errors import Refused
from accounts.models import User
from transactions import actions, columns, way_back
from transactions.columns import Column
from transactions.forms import ColumnsForm, SaveViewForm, ViewForm, WayBackForm
from transactions.models import SavedView
from transactions.query import TransactionQuery
from transactions.saved_views import Arrangement, View, arrangement_of, columns_of, counted
from transactions.views.detail import record_refusal

LIST = "transactions:list"


@requires("transactions.view_transactions")
@require_http_methods(["GET", "HEAD", "POST"])
def views(request: HttpRequest) -> HttpResponse:
    """Every view that the reader sees; POST saves the list's present question as one more."""
    user = _reader(request)
    form = SaveViewForm(request.POST or None, teams=arrangement_of(user).teams)
    refusal = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            query = _asked(given["query"], user).to_save(with_period=given["with_period"])
            actions.save_view(given["name"], by=user, query=query, team=given["team"])
        except Refused as refused:
            record_refusal(request, refused)
            form.add_error("name", refused.sentence)
            refusal = refused
        else:
            messages.success(request, f"The view “{given['name']}” is saved.")
            return redirect(f"{reverse(LIST)}?{query or 'view=all'}")
    return _views_page(request, form, status=refusal.status if refusal else 422 if form.errors else 200)


def _views_page(request: HttpRequest, form: SaveViewForm, *, status: int = 200) -> HttpResponse:
    user = _reader(request)
    arrangement = arrangement_of(user)
    numbers = counted(arrangement.views, user, timezone.now())
    context = {
        "form": form if form.is_bound else None,
        "views": _with_numbers(arrangement.views, numbers),
        "default": arrangement.default,
        "deleted": SavedView.objects.of(user).deleted_since(timezone.now() - timedelta(hours=24)),
    }
    return render(request, "transactions/views.html", context, status=status)


@requires("transactions.view_transactions")
@require_safe
def strip(request: HttpRequest) -> HttpResponse:
    """The views above the list with their numbers, for the page whose address is given; it is fetched by itself."""
    user = _reader(request)
    arrangement = arrangement_of(user)
    saved = TransactionQuery(request.GET, user, timezone.now()).saved
    numbers = counted(arrangement.views, user, timezone.now())
    return render(
        request, "transactions/_view_strip.html", {"strip": strip_of(arrangement, saved, numbers), "is_counted": True}
    )


@requires("transactions.view_transactions")
@require_http_methods(["GET", "HEAD", "POST"])
def view(request: HttpRequest, key: str) -> HttpResponse:
    """One of the reader's own views: its name and who sees it."""
    user = _reader(request)
    found = _own(key, user)
    initial = {"name": found.name, "team": found.team_id}
    form = ViewForm(request.POST or None, teams=arrangement_of(user).teams, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_view(found, by=user, **form.cleaned_data)
        except Refused as refused:
            record_refusal(request, refused)
            form.add_error("name", refused.sentence)
            return _view_page(request, found, form, status=refused.status)
        messages.success(request, f"The view “{form.cleaned_data['name']}” is changed.")
        return redirect("transactions:views")
    return _view_page(request, found, form, status=422 if form.errors else 200)


def _view_page(request: HttpRequest, found: SavedView, form: ViewForm, *, status: int) -> HttpResponse:
    return render(request, "transactions/view.html", {"view": found, "form": form}, status=status)


@requires("transactions.view_transactions")
@require_POST
def delete(request: HttpRequest, key: str) -> HttpResponse:
    """Delete one's own view; the page offers to take it back."""
    found = _own(key, _reader(request))
    actions.delete_view(found, by=_reader(request))
    messages.success(request, f"The view “{found.name}” is deleted. You can undo it below.")
    return redirect("transactions:views")


@requires("transactions.view_transactions")
@require_POST
def restore(request: HttpRequest, key: str) -> HttpResponse:
    """Take one's deleted view back."""
    found = _own(key, _reader(request))
    actions.restore_view(found, by=_reader(request))
    messages.success(request, f"The view “{found.name}” is back.")
    return redirect("transactions:views")


@requires("transactions.view_transactions")
@require_POST
def default(request: HttpRequest, key: str) -> HttpResponse:
    """Let the list open with this view; with "none" it opens without filters."""
    user = _reader(request)
    chosen = arrangement_of(user).called(key)
    if chosen is None and key != "none":
        raise Http404
    actions.arrange_list(by=user, default_view=chosen.key if chosen else "")
    name = f"with “{chosen.name}”" if chosen else "without filters"
    messages.success(request, f"Your list now opens {name}.")
    return redirect("transactions:views")


@requires("transactions.view_transactions")
@require_http_methods(["GET", "HEAD", "POST"])
def choose_columns(request: HttpRequest) -> HttpResponse:
    """The reader's own columns in their order. A button moves one; "Show these columns" keeps them."""
    user = _reader(request)
    if request.method != "POST":
        asked = _list_it_came_from(request)
        present = TransactionQuery(QueryDict(asked), user, timezone.now(), own_columns=columns_of(user)).columns
        return _columns_page(request, chooser_of(present, columns.open_to(user)), asked=asked)
    form = ColumnsForm(request.POST)
    shown = request.POST.getlist("shown")
    order = [*request.POST.getlist("order"), *shown]
    chooser = _moved(order, request.POST.get("move", ""), shown, columns.open_to(user))
    asked = request.POST.get("query", "")
    if not form.is_valid():
        return _columns_page(request, chooser, asked=asked, form=form, status=422)
    if form.cleaned_data["move"]:
        return _columns_page(request, chooser, asked=asked)
    kept = ",".join(column.key for column, is_shown in chooser if is_shown)
    actions.arrange_list(by=user, columns="" if kept == ",".join(columns.DEFAULT) else kept)
    messages.success(request, "Your list shows these columns now.")
    return redirect(_asked(asked, user).address_with(cols=""))


@requires("transactions.view_transactions")
@require_POST
def density(request: HttpRequest) -> HttpResponse:
    """How close the rows stand, for this reader on every list; back to the list as it was."""
    user = _reader(request)
    chosen = request.POST.get("density", "")
    if chosen not in User.Density.values:
        raise Refused("Rows are comfortable or compact. Choose one of the two.", status=400)
    kept = {name: getattr(user, name) for name in PREFERENCES} | {"density": chosen}
    choose_preferences(by=user, **kept)
    return redirect(_asked(request.POST.get("query", ""), user).address)


def _columns_page(
    request: HttpRequest,
    chooser: list[tuple[Column, bool]],
    *,
    asked: str,
    form: ColumnsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {"chooser": chooser, "form": form, "asked": asked}
    return render(request, "transactions/columns.html", context, status=status)


def _list_it_came_from(request: HttpRequest) -> str:
    """The query string of the list that led here, by its mark; "" without one."""
    form = WayBackForm(request.GET)
    path, _, query = way_back.address(form.cleaned_data["from"] if form.is_valid() else "").partition("?")
    return query if path == reverse(LIST) else ""


# -- what the pages share ---------------------------------------------------------------------------------------------


def chooser_of(shown: Iterable[Column], among: Iterable[Column]) -> list[tuple[Column, bool]]:
    """Every column that may be chosen and whether it is shown: the shown ones in their order, then the others."""
    first = list(shown)
    return [(column, True) for column in first] + [(column, False) for column in among if column not in first]


def _moved(order: list[str], move: str, shown: list[str], among: Iterable[Column]) -> list[tuple[Column, bool]]:
    """All columns in the order of the form, after its button moved one up or down."""
    known = {column.key: column for column in among}
    keys = [key for key in dict.fromkeys(order) if key in known]
    keys += [key for key in known if key not in keys]
    key, _, way = move.partition(":")
    if key in keys and way in ("up", "down"):
        at = keys.index(key)
        to = max(0, min(len(keys) - 1, at + (-1 if way == "up" else 1)))
        keys.insert(to, keys.pop(at))
    return [(known[key], key in shown) for key in keys]


def strip_of(arrangement: Arrangement, saved: str, numbers: Mapping[str, str]) -> list[tuple[View, bool]]:
    """The views with their numbers, and which of them the page shows."""
    present = arrangement.of_query(saved)
    found = _with_numbers(arrangement.views, numbers)
    return [(view, present is not None and view.key == present.key) for view in found]


def _with_numbers(views: Iterable[View], numbers: Mapping[str, str]) -> list[View]:
    return [replace(view, count=numbers.get(view.key, "")) for view in views]


def _asked(query: str, user: User) -> TransactionQuery:
    return TransactionQuery(QueryDict(query), user, timezone.now())


def _own(key: str, user: User) -> SavedView:
    """One of the person's own views, also a deleted one. Somebody else's is not found, like one that does not exist."""
    found: SavedView | None = SavedView.objects.of(user).called(key).first()
    if found is None:
        raise Http404
    return found


def _reader(request: HttpRequest) -> User:
    user: Any = request.user
    assert isinstance(user, User)  # noqa: S101 - `requires` lets nobody else in
    return user
