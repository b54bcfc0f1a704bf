"""Reversal files: the template, the upload, what became of each row, and the request for a second person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import check, has, requires
from accounts.errors import MissingPermission, Refused
from accounts.models import User
from exceptions import reversals as files
from exceptions import spreadsheets
from exceptions.filters import ReversalRowFilter
from exceptions.forms import ProposeForm, UploadForm
from exceptions.models import ReversalFile, ReversalRow
from exceptions.spreadsheets import Unreadable
from transactions.views.detail import record_refusal

PAGE = 100
FILES = 50
READERS = ("exceptions.propose_operations", "exceptions.decide_operations", "audit.view_trail")


@requires("exceptions.view_exceptions")
@require_http_methods(["GET", "HEAD", "POST"])
def reversals(request: HttpRequest) -> HttpResponse:
    """The files that were uploaded; POST takes a new one. Uploading undoes nothing."""
    user = _reader(request)
    if request.method != "POST":
        return _list(request, user, UploadForm())
    check(user, files.RIGHT)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list(request, user, form, status=422)
    given = form.cleaned_data["file"]
    try:
        if given.size > spreadsheets.MOST_BYTES:
            raise Unreadable("The file is larger than 5 MB. Split it into several.")
        kept = files.upload(given.name, given.read(), by=user)
    except Unreadable as unreadable:
        form.add_error("file", unreadable.sentence)
        return _list(request, user, form, status=422)
    except Refused as refusal:
        record_refusal(request, refusal)
        return _list(request, user, form, refusal=refusal, status=refusal.status)
    messages.success(request, f"{kept.name} is here as {kept.number}. Nothing has been reversed.")
    return redirect(kept.get_absolute_url())


@requires("exceptions.view_exceptions")
@require_safe
def template_xlsx(request: HttpRequest) -> HttpResponse:
    """The template as XLSX: the columns and nothing else."""
    _reader(request)
    body = spreadsheets.xlsx("Reversals", files.HEADER, [])
    return _download(body, spreadsheets.XLSX_TYPE, f"{files.TEMPLATE}.xlsx")


@requires("exceptions.view_exceptions")
@require_safe
def template_csv(request: HttpRequest) -> HttpResponse:
    """The template as CSV."""
    _reader(request)
    return _download(spreadsheets.csv_text(files.HEADER, []), spreadsheets.CSV_TYPE, f"{files.TEMPLATE}.csv")


@requires("exceptions.view_exceptions")
@require_http_methods(["GET", "HEAD", "POST"])
def reversal(request: HttpRequest, number: str) -> HttpResponse:
    """One file: the verdict of each row, and what happens with it."""
    user = _reader(request)
    if request.method == "POST":
        check(user, files.RIGHT)
    found = _file_of(user, number)
    if request.method != "POST":
        return _page(request, found)
    deed = _DEEDS.get(request.POST.get("do", ""))
    if deed is None:
        return _page(request, found, status=422)
    try:
        return deed(request, found, user)
    except Refused as refusal:
        record_refusal(request, refusal)
        return _page(request, _file_of(user, number), form=ProposeForm(request.POST), refusal=refusal, status=409)


def _propose(request: HttpRequest, found: ReversalFile, user: User) -> HttpResponse:
    form = ProposeForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form=form, status=422)
    asked = files.propose(found, by=user, **form.cleaned_data)
    link = format_html('<a href="{}">{}</a>', asked.get_absolute_url(), asked.number)
    messages.success(request, format_html("{} waits for a second person as {}.", found.number, link))
    return redirect(found.get_absolute_url())


def _drop(request: HttpRequest, found: ReversalFile, user: User) -> HttpResponse:
    files.drop(found, by=user)
    messages.success(request, f"{found.number} is dropped. Upload a corrected file when you have one.")
    return redirect("exceptions:reversals")


_DEEDS: dict[str, Callable[[HttpRequest, ReversalFile, User], HttpResponse]] = {"propose": _propose, "drop": _drop}


def _list(
    request: HttpRequest, user: User, form: UploadForm, *, refusal: Refused | None = None, status: int = 200
) -> HttpResponse:
    found = list(ReversalFile.objects.readable_by(user).for_list()[:FILES])
    context = {
        "files": [(file, ReversalFile.State(files.state_of(file)).label) for file in found],
        "form": form,
        "may_upload": has(user, files.RIGHT),
        "header": files.HEADER,
        "refusal": refusal,
    }
    return render(request, "exceptions/reversals.html", context, status=status)


def _page(
    request: HttpRequest,
    found: ReversalFile,
    *,
    form: ProposeForm | None = None,
    refusal: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    user = _reader(request)
    rows = found.rows.readable_by(user)
    listed = ReversalRowFilter(request.GET, queryset=rows.for_list())
    sound = listed.is_valid() and not set(request.GET) - set(listed.filters)
    shown = list(listed.qs[: PAGE + 1]) if sound else []
    counts, state = found.rows.counts(), files.state_of(found)
    total, waiting = sum(counts.values()), counts.get("waiting", 0)
    context: dict[str, Any] = {
        "file": found,
        "state": state,
        "state_label": ReversalFile.State(state).label,
        "verdicts": [(one, counts[one]) for one in ReversalRow.State if counts.get(one)],
        "total": total,
        "checked": total - waiting,
        "matched": counts.get("matched", 0),
        "rows": shown[:PAGE],
        "filter": listed,
        "trouble": not sound,
        "later_url": _later(request, shown) if len(shown) > PAGE else None,
        "is_first": "after" not in request.GET,
        "request_waiting": files.request_of(found),
        "may_propose": has(user, files.RIGHT),
        "propose": form or ProposeForm(initial={"version": found.version}),
        "form": form,
        "refusal": refusal,
    }
    return render(request, "exceptions/reversal.html", context, status=status)


def _later(request: HttpRequest, rows: list[ReversalRow]) -> str:
    params = request.GET.copy()
    params["after"] = str(rows[PAGE - 1].number)
    return f"?{params.urlencode()}"


def _download(body: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(body, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _file_of(user: User, number: str) -> ReversalFile:
    found = ReversalFile.objects.readable_by(user).called(number.replace("\x00", "")).for_list().first()
    if found is None:
        raise Http404
    return found  # type: ignore[no-any-return]


def _reader(request: HttpRequest) -> User:
    """The person, if they may read reversal files at all."""
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    if not any(has(request.user, right) for right in READERS):
        raise MissingPermission(files.RIGHT)
    return request.user
