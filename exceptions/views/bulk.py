"""Bulk jobs: choose, look at what would happen, confirm, watch it, and take what failed once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import check, requires
from accounts.errors import Refused
from accounts.models import User
from exceptions import bulk, handling, jobs, sheets, spreadsheets
from exceptions.choosing import chosen
from exceptions.desk import ExceptionQuery, meanings_of
from exceptions.filters import BulkRowFilter, JobFilter
from exceptions.forms import NOBODY, ChoiceForm, ConfirmForm, SheetForm
from exceptions.models import BulkJob, BulkRow
from exceptions.spreadsheets import Unreadable
from transactions.views.detail import record_refusal

PAGE = 100
JOBS = 100


@requires("exceptions.view_exceptions")
@require_POST
def choose(request: HttpRequest, deed: str) -> HttpResponse:
    """Freeze the chosen rows and show what would happen to each. Nothing else is done."""
    user = _person(request)
    wanted = bulk.called(deed)
    if wanted is None:
        raise Http404
    check(user, wanted.permission)
    form = ChoiceForm(request.POST)
    rows, words = chosen(form, user, timezone.now())
    job = jobs.prepare(wanted, rows, by=user, chosen=words)
    return redirect(job.get_absolute_url())


@requires("exceptions.view_exceptions")
@require_safe
def my_jobs(request: HttpRequest) -> HttpResponse:
    """One's own jobs, the newest first; for auditors everybody's."""
    user = _person(request)
    listed = JobFilter(request.GET, queryset=BulkJob.objects.readable_by(user).select_related("owner").newest_first())
    found = list(listed.qs[:JOBS]) if listed.is_valid() and not _unknown(request, listed) else []
    context = {
        "jobs": [(job, bulk.deed_of(job)) for job in found],
        "filter": listed,
        "trouble": not listed.is_valid() or _unknown(request, listed),
    }
    return render(request, "exceptions/jobs.html", context)


@requires("exceptions.view_exceptions")
@require_http_methods(["GET", "HEAD", "POST"])
def job(request: HttpRequest, number: str) -> HttpResponse:
    """One job: what would happen while it is not started, how far it is afterwards, and the verdict of every row."""
    user = _person(request)
    found = _job_of(user, number)
    if request.method != "POST":
        return _page(request, found)
    deed = _DEEDS.get(request.POST.get("do", ""))
    if deed is None:
        return _page(request, found, status=422)
    try:
        return deed(request, found, user)
    except Refused as refusal:
        record_refusal(request, refusal)
        return _page(request, _job_of(user, number), refusal=refusal, status=refusal.status)


@requires("exceptions.view_exceptions")
@require_safe
def progress(request: HttpRequest, number: str) -> HttpResponse:
    """How far a job is: the part of its page that refreshes by itself."""
    found = _job_of(_person(request), number)
    response = render(request, "exceptions/_progress.html", _standing(found))
    if found.is_over or found.state == BulkJob.State.PAUSED:
        response["HX-Refresh"] = "true"
    return response


@requires("exceptions.view_exceptions")
@require_safe
def sheet(request: HttpRequest, number: str) -> HttpResponse:
    """The rows that the job did not do, with their versions, to be filled in."""
    user = _person(request)
    check(user, handling.RIGHT)
    found = _job_of(user, number)
    undone = found.rows.visible_to(user).in_state(BulkRow.State.REFUSED, BulkRow.State.FAILED).for_list()
    body = sheets.download([(row.transaction, row.sentence) for row in undone], by=user, what=found.number)
    return _spreadsheet(body, f"{found.number}.xlsx")


@requires("exceptions.view_exceptions")
@require_safe
def group_sheet(request: HttpRequest, reason: str) -> HttpResponse:
    """The exceptions of one group, with the filters of its page, to be filled in."""
    user, now = _person(request), timezone.now()
    check(user, handling.RIGHT)
    meanings = meanings_of(user, now)
    meaning = meanings.named(reason)
    if meaning is None:
        raise Http404
    query = ExceptionQuery(request.GET, user, now, meanings=meanings, meaning=meaning)
    if not query.is_sound:
        raise BadRequest(query.troubles[0].sentence)
    rows = [(item.transaction, meaning.sentence) for item in query.items.for_list()[: jobs.MOST]]
    return _spreadsheet(sheets.download(rows, by=user, what=meaning.sentence), "exceptions.xlsx")


@requires("exceptions.view_exceptions")
@require_http_methods(["GET", "HEAD", "POST"])
def bring_back(request: HttpRequest) -> HttpResponse:
    """Take a sheet that was filled in; each deed that it asks for becomes a job to be confirmed."""
    user = _person(request)
    check(user, handling.RIGHT)
    form = SheetForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return _sheet_page(request, form)
    given = form.cleaned_data["file"]
    try:
        if given.size > spreadsheets.MOST_BYTES:
            raise Unreadable("The file is larger than 5 MB. Split it into several.")
        taken = sheets.bring_back(given.name, given.read(), by=user)
    except Unreadable as unreadable:
        form.add_error("file", unreadable.sentence)
        return _sheet_page(request, form)
    except Refused as refusal:
        record_refusal(request, refusal)
        return _sheet_page(request, form, refusal=refusal)
    for trouble in taken.troubles[:20]:
        messages.warning(request, trouble)
    if len(taken.jobs) == 1:
        return redirect(taken.jobs[0].get_absolute_url())
    messages.success(request, f"The sheet asks for {len(taken.jobs)} deeds. Look at each job and confirm it.")
    return redirect("exceptions:jobs")


def _sheet_page(request: HttpRequest, form: SheetForm, *, refusal: Refused | None = None) -> HttpResponse:
    status = refusal.status if refusal else 422 if form.errors else 200
    context = {"form": form, "refusal": refusal, "words": sheets.WORDS}
    return render(request, "exceptions/sheet.html", context, status=status)


def _spreadsheet(body: bytes, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(body, content_type=spreadsheets.XLSX_TYPE, headers=headers)


# -- what a form does -------------------------------------------------------------------------------------------------


def _keep(request: HttpRequest, found: BulkJob, user: User) -> HttpResponse:
    _leave_out_unticked(request, found, user)
    return redirect(f"{found.get_absolute_url()}?{request.GET.urlencode()}".rstrip("?"))


def _confirm(request: HttpRequest, found: BulkJob, user: User) -> HttpResponse:
    left_out = _leave_out_unticked(request, found, user)
    second = found.rows.in_state(BulkRow.State.WILL).needing_two().count()
    form = ConfirmForm(request.POST, deed=bulk.deed_of(found), by=user, second=second)
    if not form.is_valid():
        return _page(request, found, form=form, status=422)
    given = form.cleaned_data
    expected = None if left_out else given.get("expected")
    to = given.get("to", "")
    started = jobs.confirm(
        found,
        by=user,
        reason_code=given.get("reason_code", ""),
        note=given.get("note", ""),
        to="" if to == NOBODY else to,
        expected=expected,
    )
    messages.success(request, f"{started.number} is started. It goes on when you leave this page.")
    return redirect(started.get_absolute_url())


def _leave_out_unticked(request: HttpRequest, found: BulkJob, user: User) -> bool:
    """Leave out the rows whose boxes on this page are not ticked. Whether the number of rows changed by it."""
    shown, kept = (_places(request.POST.getlist(name)) for name in ("shown", "keep"))
    if not found.is_draft or not shown:
        return False
    before = found.rows.in_state(BulkRow.State.WILL).count()
    jobs.leave_out(found, by=user, shown=shown, kept=kept)
    return bool(found.rows.in_state(BulkRow.State.WILL).count() != before)


def _places(given: list[str]) -> list[int]:
    return [int(text) for text in given if text.isascii() and text.isdigit() and len(text) < 9]


def _pause(request: HttpRequest, found: BulkJob, user: User) -> HttpResponse:
    jobs.pause(found, by=user)
    return redirect(found.get_absolute_url())


def _resume(request: HttpRequest, found: BulkJob, user: User) -> HttpResponse:
    jobs.resume(found, by=user)
    return redirect(found.get_absolute_url())


def _cancel(request: HttpRequest, found: BulkJob, user: User) -> HttpResponse:
    jobs.cancel(found, by=user)
    messages.success(request, f"{found.number} does no more rows. What was done stays done.")
    return redirect(found.get_absolute_url())


_DEEDS: dict[str, Callable[[HttpRequest, BulkJob, User], HttpResponse]] = {
    "keep": _keep,
    "confirm": _confirm,
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
}


# -- what the pages show ----------------------------------------------------------------------------------------------


def _page(
    request: HttpRequest,
    found: BulkJob,
    *,
    form: ConfirmForm | None = None,
    refusal: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    user, deed = _person(request), bulk.deed_of(found)
    listed = BulkRowFilter(request.GET, queryset=found.rows.visible_to(user).for_list())
    sound = listed.is_valid() and not _unknown(request, listed)
    rows = list(listed.qs[: PAGE + 1]) if sound else []
    standing = _standing(found)
    context = standing | {
        "deed": deed,
        "rows": rows[:PAGE],
        "filter": listed,
        "trouble": not sound,
        "later_url": _later(request, rows) if len(rows) > PAGE else None,
        "is_first": "after" not in request.GET,
        "is_owner": found.owner_id == user.pk,
        "refusal": refusal,
        "confirm": form or ConfirmForm(deed=deed, by=user, initial={"expected": standing["will"], "to": user.username}),
        "form": form,
        "again": [one for one in bulk.open_to(user) if one.key == deed.key],
    }
    template = "exceptions/preview.html" if found.is_draft else "exceptions/job.html"
    return render(request, template, context, status=status)


def _standing(found: BulkJob) -> dict[str, Any]:
    """How far the job is, in numbers."""
    counts = found.rows.counts()
    total = sum(counts.values())
    of = {state: counts.get(state, 0) for state in BulkRow.State.values}
    undone = of["will"]
    aimed = total - of["skipped"] - of["left_out"]
    willing = found.rows.in_state(BulkRow.State.WILL) if found.is_draft else found.rows.in_state(BulkRow.State.DONE)
    return {
        "job": found,
        "deed": bulk.deed_of(found),
        "total": total,
        "aimed": aimed,
        "over": aimed - undone,
        "will": undone,
        "counts": of,
        "not_done": of["refused"] + of["failed"],
        "worth": willing.worth(),
        "second": willing.asking_a_second().count() if found.is_draft else 0,
    }


def _later(request: HttpRequest, rows: list[BulkRow]) -> str:
    params = request.GET.copy()
    params["after"] = str(rows[PAGE - 1].place)
    return f"?{params.urlencode()}"


def _unknown(request: HttpRequest, listed: Any) -> bool:
    return bool(set(request.GET) - set(listed.filters))


def _job_of(user: User, number: str) -> BulkJob:
    found = BulkJob.objects.readable_by(user).called(number.replace("\x00", "")).select_related("owner").first()
    if found is None:
        raise Http404
    return found  # type: ignore[no-any-return]


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    return request.user
