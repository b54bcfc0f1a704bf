"""What pages fetch by themselves: the stream's door, rows that changed, what is new, one transaction's moving parts.

None of it counts as activity of the person. Rows are part of a list, and a list leaves no entry in the trail; the parts
of one transaction are what its page shows, and leave one an hour where the page itself has not (record_view_once).
"""

from __future__ import annotations

import datetime as dt

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from accounts.access import requires
from accounts.models import User
from transactions import changes, way_back
from transactions.dossier import Dossier
from transactions.forms import ListenForm, NewsForm, PartsForm, RowsForm
from transactions.hub import Full, Listener, hub
from transactions.models import Transaction
from transactions.news import MOST, new_rows
from transactions.object_trail import has_viewed
from transactions.query import TransactionQuery
from transactions.saved_views import columns_of
from transactions.views.detail import dossier_of, offers_of, record_view
from transactions.views.listing import counted
from transactions.vocabulary import badge_of

LISTENER = "openremit.listener"
"""Where the stream's server finds who may listen, in the request's ASGI scope."""

STREAM_HEADERS = {
    "Content-Encoding": "identity",  # so that nothing compresses it, and nothing waits for enough to compress
    "X-Accel-Buffering": "no",
    "Cache-Control": "private, no-store",
}
VIEW_COUNTS_FOR = dt.timedelta(hours=1)


@requires("transactions.view_transactions")
@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """The rows of these transactions as the page that asks shows them; one that left its list says so.

    What the reader may not see is left out, like what does not exist.
    """
    form, query = RowsForm(request.GET), _query(request, but="ref")
    if not form.is_valid() or not query.is_sound:
        return _unreadable(form, query)
    wanted = form.cleaned_data["ref"]
    context = {
        "rows": query.with_columns(Transaction.objects.visible_to(request.user).among(wanted)),
        "columns": query.columns,
        "matching": frozenset(query.rows.among(wanted).values_list("pk", flat=True)),
        "back": way_back.mark("t", query.query_string),
    }
    return render(request, "transactions/_rows.html", context)


@requires("transactions.view_transactions")
@require_safe
def news(request: HttpRequest) -> HttpResponse:
    """How many rows a list has that its page does not show yet, and the numbers beside the menu's entries."""
    form, query = NewsForm(request.GET), _query(request, but="since")
    if not form.is_valid() or not query.is_sound:
        return _unreadable(form, query)
    context: dict[str, object] = {"query": query}
    if form.cleaned_data["since"]:
        since, newest = form.cleaned_data["since"]
        number = new_rows(query, since=since, newest=newest)
        context |= {"number": f"{MOST}+" if number > MOST else number, "tabs": query.tabs if counted(query) else []}
    return render(request, "transactions/_news.html", context)


@requires("transactions.view_transactions")
@require_safe
def parts(request: HttpRequest, reference: str) -> HttpResponse:
    """The parts of one transaction's page that move, and what changed since the version that the page shows."""
    form = PartsForm(request.GET)
    if not form.is_valid():
        return HttpResponse("The version of a page is a number.", status=400)
    dossier = dossier_of(request, reference)
    record_view_once(request, dossier)
    transaction, sees = dossier.transaction, dossier.reader.sees_compliance
    context = {
        "dossier": dossier,
        "transaction": transaction,
        "badge": badge_of(transaction.status, transaction.stage, sees_compliance=sees).label,
        "explanation": dossier.explanation,
        "answer": dossier.answer,
        "steps": dossier.steps,
        "offers": offers_of(dossier),
        "section": {"timeline": dossier.timeline, "items": dossier.timeline.items},
        "last_change": changes.since_version(dossier.transaction, form.cleaned_data["version"], dossier.reader),
    }
    return render(request, "transactions/_parts.html", context)


def record_view_once(request: HttpRequest, dossier: Dossier) -> None:
    """Record that this person reads the transaction, unless the trail says so of the last hour already.

    A page that stays open is one reading and not one for each event; and nobody reads by this way unrecorded.
    """
    if not has_viewed(dossier.transaction, dossier.user, dossier.now - VIEW_COUNTS_FOR):
        record_view(request, dossier, part="live page")


def _query(request: HttpRequest, *, but: str) -> TransactionQuery:
    """The list that the page shows: its own address, without what the page adds to it."""
    params: QueryDict = request.GET.copy()
    params.pop(but, None)
    user = _reader(request)
    return TransactionQuery(params, user, timezone.now(), own_columns=columns_of(user))


def _reader(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    return request.user


def _unreadable(form: forms.Form, query: TransactionQuery) -> HttpResponse:
    sentences = [str(error) for errors in form.errors.values() for error in errors]
    sentences += [problem.fault for problem in query.problems]
    return HttpResponse(" ".join(sentences), content_type="text/plain; charset=utf-8", status=400)


@requires("transactions.view_transactions")
@require_GET
def stream(request: HttpRequest) -> HttpResponse:
    """The door of the live stream: who may listen is let in, and backoffice.asgi keeps the line open.

    Served without that, there is no line: 204, upon which a browser does not try again.
    """
    scope = request.META.get("asgi.scope")
    if scope is None:
        return HttpResponse(status=204)
    form = ListenForm(request.GET)
    if not form.is_valid():
        return HttpResponse("The stream takes since, in seconds, and last, an event's id.", status=400)
    listener = Listener(
        _reader(request).pk,
        str(request.session.session_key),
        last_id=request.headers.get("Last-Event-ID") or form.cleaned_data["last"],
        since=form.cleaned_data["since"] or 0.0,
    )
    try:
        hub.take_seat(listener)
    except Full as full:
        return HttpResponse(full.sentence, content_type="text/plain", status=full.status, headers={"Retry-After": "60"})
    scope[LISTENER] = listener
    return HttpResponse(content_type="text/event-stream", headers=STREAM_HEADERS)
