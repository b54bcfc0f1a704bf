"""The trail's pages: for auditors, who read everything and change nothing. Their own reading is recorded too."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import histories
from accounts.access import requires, scope_of
from accounts.models import User
from accounts.periods import Refusal, moment_asked
from audit import actions, objects, sentences, trail, verification
from audit.filters import PERIODS, SinceForm, TrailQuery, folded
from audit.models import AuditEvent, Verification
from audit.verbs import Verb

TRAIL = "audit.auditevent"
LARGEST = 2**63 - 1
MOST_NAMED = 200


@requires("audit.view_trail")
@require_safe
def explorer(request: HttpRequest) -> HttpResponse:
    """Who did what to which object, when, from where and with which result; newest first."""
    params = folded(request.GET)
    query = TrailQuery(params, _person(request), timezone.now())
    if query.is_sound and (query.had_blanks or params is not request.GET):
        return redirect(query.address)
    _note_reading(request, filters=query.in_words)
    sees_all = scope_of(request.user).is_everything
    people = User.objects.order_by("username")[:MOST_NAMED]
    context = {"query": query, "periods": PERIODS, "sees_all": sees_all, "people": people}
    return render(request, "audit/explorer.html", context)


@requires("audit.view_trail")
@require_safe
def new(request: HttpRequest) -> HttpResponse:
    """How many entries an open page does not show yet. It reads none of them, so it is no reading."""
    form, params = SinceForm(request.GET), request.GET.copy()
    params.pop("since", None)
    query = TrailQuery(params, _person(request), timezone.now())
    if not (form.is_valid() and query.is_sound):
        return HttpResponse("The address has a filter that is not known.", content_type="text/plain", status=400)
    since = form.cleaned_data["since"]
    context = {"query": query, "since": since, "number": query.new_since(since)}
    return render(request, "audit/_news.html", context)


@requires("audit.view_trail")
@require_safe
def entry(request: HttpRequest, seq: int) -> HttpResponse:
    """One entry: its sentence, what changed, the text that is hashed, and its place in the chain."""
    found = AuditEvent.objects.numbered(seq).first() if seq <= LARGEST else None
    about = _object(request, found.object_type, found.object_id) if found else None
    if found is None or about is None:
        raise Http404
    _note_reading(request, object_id=str(seq))
    kind, obj = about
    context = {
        "line": sentences.lines([found])[0],
        "said": json.dumps(found.said, indent=2, ensure_ascii=False, sort_keys=True),
        "hash": bytes(found.hash).hex(),
        "prev_hash": bytes(found.prev_hash).hex(),
        "history": [one for one in kind.changes(obj, _person(request)) if one.request_id == found.request_id]
        if kind and obj is not None
        else [],
        "at_url": objects.at(kind.at_url(found.object_id), found.at) if kind and obj is not None else "",
        "together": AuditEvent.objects.of_request(found.request_id).how_many(101),
    }
    return render(request, "audit/entry.html", context)


@requires("audit.view_trail")
@require_safe
def object_history(request: HttpRequest, object_type: str, object_id: str) -> HttpResponse:
    """Everything that was done to, or read of, one object, with what each deed changed in its record."""
    found = _object(request, object_type, object_id)
    fixed = {"object": object_type, "ref": object_id}
    own = AuditEvent.objects.about(object_type, object_id)
    if found is None or (found[1] is None and not own.exists()):
        raise Http404
    kind, obj = found
    person = _person(request)
    history = list(kind.changes(obj, person)) if kind and obj is not None else []
    query = TrailQuery(
        folded(request.GET), person, timezone.now(), path=request.path, fixed=fixed, rows=own, history=history
    )
    _note_reading(request, object_type=object_type, object_id=object_id)
    context = {
        "query": query,
        "kind": kind,
        "object_type": object_type,
        "object_id": object_id,
        "label": kind.label if kind else sentences.noun(object_type),
        "url": kind.url(obj) if kind and obj is not None else "",
        "at_url": kind.at_url(object_id) if kind and obj is not None else "",
        "history": history,
        "periods": PERIODS,
        "people": [],
    }
    return render(request, "audit/object.html", context)


@requires("audit.view_trail")
@require_safe
def object_at(request: HttpRequest, object_type: str, object_id: str) -> HttpResponse:
    """A person or an organisation as it stood at a moment."""
    kind, obj = _object(request, object_type, object_id) or (None, None)
    if kind is None or obj is None:
        raise Http404
    if kind.at_url(object_id) != request.path:
        return redirect(f"{kind.at_url(object_id)}?{request.GET.urlencode()}")
    zone, begins = timezone.get_current_timezone(), histories.begins(obj)
    asked = moment_asked(request.GET, now=timezone.now(), begins=begins, zone=zone, what=f"{kind.label} {object_id}")
    _note_reading(request, object_type=object_type, object_id=object_id)
    context = {
        "kind": kind,
        "object_type": object_type,
        "object_id": object_id,
        "asked": asked,
        "refusal": asked if isinstance(asked, Refusal) else None,
        "record": [] if isinstance(asked, Refusal) else histories.record_at(obj, asked.moment),
    }
    return render(request, "audit/object_at.html", context)


@requires("audit.view_trail")
@require_safe
def chain(request: HttpRequest) -> HttpResponse:
    """Whether the trail stands as it was written: verified, being checked, or broken and where."""
    _note_reading(request, object_id="chain")
    now = timezone.now()
    context = {
        "running": Verification.objects.running(now).first(),
        "last": Verification.objects.newest(),
        "anchor": verification.newest_anchor(),
        "tip": verification.tip_number(),
    }
    return render(request, "audit/chain.html", context)


@requires("audit.view_trail")
@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Ask the worker to verify the trail now."""
    actions.ask_verification(by=_person(request))
    messages.success(request, "The worker verifies the trail now. This page says how far it is.")
    return redirect("audit:chain")


# -- what the pages share ---------------------------------------------------------------------------------------------


def _person(request: HttpRequest) -> User:
    """The signed-in person, behind `requires`."""
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    return request.user


def _object(request: HttpRequest, object_type: str, object_id: str) -> tuple[objects.Kind | None, Any] | None:
    """The kind and the object, None for what has no record of its own; None alone where this reader may not look.

    Who does not see all partners and branches reads only about objects that are inside.
    """
    person, kind = _person(request), objects.kind_of(object_type)
    obj = kind.find(person, object_id) if kind else None
    if obj is None and not scope_of(person).is_everything:
        return None
    return kind, obj


def _note_reading(request: HttpRequest, *, object_type: str = TRAIL, object_id: str = "", filters: str = "") -> None:
    """Put into the trail that this page of it is read, once, before it is; where that fails, the page says so."""
    facts = {"filters": filters} if filters else None
    recorded = trail.record_reading(
        Verb.READ_TRAIL, by=_person(request), object_type=object_type, object_id=object_id, facts=facts
    )
    request.reading_unrecorded = not recorded  # type: ignore[attr-defined]
