"""Exports: ask for one, watch it, take the file and what it says of itself, or delete it."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import has, requires
from accounts.errors import MissingPermission, Refused
from accounts.models import User
from backoffice.reports import exporting, writing
from backoffice.reports.filters import ExportFilter
from backoffice.reports.forms import CHOSEN, ChoiceForm, ExportForm
from backoffice.reports.models import Export
from backoffice.reports.sources import MOST, SOURCES, Question, Source
from transactions.selection import KEPT_FOR
from transactions.views.detail import record_refusal

SHOWN: Final = 100
ENTRANCE: Final = ("reports.create_export", "reports.issue_eprc")
"""Who holds one of these has exports of their own."""
BACK: Final = {"transactions": "/transactions/", "trail": "/audit/"}
AGAIN: Final = {
    "transactions": "reports:export-new",
    "trail": "reports:export-new-trail",
    "certificates": "reports:certificates-many",
}
"""Where each kind of export is asked for."""


@requires()
@require_safe
def exports(request: HttpRequest) -> HttpResponse:
    """One's own exports, the newest first."""
    user = _person(request)
    if not any(has(user, right) for right in ENTRANCE):
        raise MissingPermission(ENTRANCE[0])
    listed = ExportFilter(request.GET, queryset=Export.objects.of(user).for_list().newest_first())
    is_sound = listed.is_valid() and not set(request.GET) - set(listed.filters)
    found = list(listed.qs[:SHOWN]) if is_sound else []
    rows = [(one, exporting.standing_of(one)) for one in found]
    return render(request, "reports/exports.html", {"rows": rows, "filter": listed, "trouble": not is_sound})


@requires()
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, source: str) -> HttpResponse:
    """What would be exported, and in which form; a POST with a form asks for it. A question that is not understood is
    refused: nothing is ever widened.
    """
    user, what = _person(request), SOURCES[source]
    what.check(user)
    earlier = _earlier(request, what, user)
    question = what.ask_again(earlier, user, timezone.now()) if earlier else _question(request, what, user)
    count = question.count()
    initial: dict[str, Any] = {"expected": count}
    if earlier:
        initial |= {"which": CHOSEN, "columns": earlier.columns, "format": earlier.format}
    if request.POST.get("do") != "create":
        form = ExportForm(source=what, question=question, by=user, initial=initial)
        return _new_page(request, what, question, count, form)
    form = ExportForm(request.POST, source=what, question=question, by=user, initial=initial)
    if not form.is_valid():
        return _new_page(request, what, question, count, form, status=422)
    given = form.cleaned_data
    try:
        asked = exporting.ask(
            what,
            question,
            by=user,
            columns=form.keys,
            kind=given["format"],
            expected=given["expected"],
            is_unmasked=given.get("unmasked", False),
            reason=given.get("reason", ""),
        )
    except Refused as refusal:
        record_refusal(request, refusal)
        kept = request.POST.copy()
        kept["expected"] = str(count)
        form = ExportForm(kept, source=what, question=question, by=user)
        return _new_page(request, what, question, count, form, refusal=refusal, status=refusal.status)
    messages.success(request, f"{asked.number} is asked for. It goes on when you leave this page.")
    return redirect(asked.get_absolute_url())


def _earlier(request: HttpRequest, source: Source, user: User) -> Export | None:
    """The export of one's own that is asked for again; None where this is a question of its own."""
    number = request.POST.get("again", "")
    if not number:
        return None
    found = _export_of(user, number)
    if found.source != source.key:
        raise Http404
    return found


def _question(request: HttpRequest, source: Source, user: User) -> Question:
    now = timezone.now()
    if request.method != "POST":
        return source.ask(request.GET, (), user, now)
    form = ChoiceForm(request.POST)
    if not form.is_valid():
        raise Refused("The list of chosen rows cannot be read. Go back to the list and choose again.", status=400)
    if form.ticked and source.key == "transactions":
        return source.ask(QueryDict(), form.ticked, user, now)
    if not form.cleaned_data["all"]:
        raise Refused("Choose at least one row: tick the boxes in the list.")
    moment = form.cleaned_data["moment"]
    if moment is None or not now - KEPT_FOR <= moment <= now:
        raise Refused("This list is not of today. Load it again and choose again.")
    return source.ask(QueryDict(form.cleaned_data["query"]), (), user, moment)


def _new_page(
    request: HttpRequest,
    source: Source,
    question: Question,
    count: int,
    form: ExportForm,
    *,
    refusal: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "source": source,
        "question": question,
        "counted": source.counted(min(count, MOST)),
        "count": count,
        "is_too_many": count > MOST,
        "most": MOST,
        "form": form,
        "refs": " ".join(question.references),
        "moment": f"{question.moment:%Y-%m-%dT%H:%M:%S.%f%z}",
        "back": f"{BACK[source.key]}?{question.query}".rstrip("?"),
        "refusal": refusal,
        "guard": writing.GUARD,
    }
    return render(request, "reports/export_new.html", context, status=status)


@requires()
@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HttpRequest, number: str) -> HttpResponse:
    """One export: how far it is, its file, and what it says of itself."""
    user = _person(request)
    found = _export_of(user, number)
    if request.method != "POST":
        return _page(request, found)
    deed = {"cancel": exporting.cancel, "delete": exporting.discard}.get(request.POST.get("do", ""))
    if deed is None:
        return _page(request, found, status=422)
    try:
        deed(found, by=user)
    except Refused as refusal:
        record_refusal(request, refusal)
        return _page(request, _export_of(user, number), refusal=refusal, status=refusal.status)
    return redirect(found.get_absolute_url())


@requires()
@require_safe
def progress(request: HttpRequest, number: str) -> HttpResponse:
    """How far an export is: the part of its page that refreshes by itself."""
    found = _export_of(_person(request), number)
    standing = exporting.standing_of(found)
    response = render(request, "reports/_export_progress.html", {"export": found, "standing": standing})
    if standing.is_over:
        response["HX-Refresh"] = "true"
    return response


@requires()
@require_safe
def file(request: HttpRequest, number: str) -> HttpResponseBase:
    """The whole file, for its owner alone; that it is taken is recorded."""
    user = _person(request)
    found = _export_of(user, number)
    try:
        path = exporting.take(found, by=user)
    except Refused as refusal:
        record_refusal(request, refusal)
        return _page(request, _export_of(user, number), refusal=refusal, status=refusal.status)
    kind = writing.FORMATS[found.format].content_type if found.format in writing.FORMATS else "application/zip"
    return FileResponse(path.open("rb"), as_attachment=True, filename=found.name, content_type=kind)


@requires()
@require_safe
def sidecar(request: HttpRequest, number: str) -> HttpResponse:
    """What the file is: question, columns, number of rows and SHA-256, to keep beside it."""
    found = _export_of(_person(request), number)
    if not found.sidecar:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="{found.name}.json"'}
    return JsonResponse(found.sidecar, json_dumps_params={"indent": 2, "ensure_ascii": False}, headers=headers)


def _page(request: HttpRequest, found: Export, *, refusal: Refused | None = None, status: int = 200) -> HttpResponse:
    source = SOURCES[found.source]
    labels = {column.key: column.label for column in source.columns}
    context: dict[str, Any] = {
        "export": found,
        "standing": exporting.standing_of(found),
        "labels": [labels.get(key, key) for key in found.columns],
        "counted": source.counted(found.promised),
        "words": found.asked.split(" · "),
        "refusal": refusal,
        "again": reverse(AGAIN[found.source]),
        "guard": writing.GUARD if found.format == Export.Format.CSV else "",
    }
    return render(request, "reports/export.html", context, status=status)


def _export_of(user: User, number: str) -> Export:
    if not any(has(user, right) for right in ENTRANCE):
        raise MissingPermission(ENTRANCE[0])
    found = Export.objects.of(user).called(number.replace("\x00", "")).for_list().first()
    if found is None:
        raise Http404
    return found  # type: ignore[no-any-return]


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    return request.user
