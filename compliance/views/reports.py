"""Reports to the regulator: officers write them, auditors read them, nobody else knows of any."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import check, has, may_work_on, requires
from accounts.errors import Refused
from audit import trail as audit_trail
from audit.verbs import Verb
from compliance import actions
from compliance.forms import BeginReportForm, FiledForm, FileForm, ReportForm
from compliance.models import CaseFile, Report
from compliance.views.case import dossier_of, page_of
from compliance.views.queue import reader
from transactions.views.detail import record_refusal

READ = "compliance.view_str"
WRITE = "compliance.manage_str"


@requires(WRITE)
@require_POST
def begin(request: HttpRequest, number: str) -> HttpResponse:
    """Begin a report about a case; the regulator's clock starts."""
    dossier = dossier_of(request, number)
    form = BeginReportForm(request.POST)
    if not form.is_valid():
        return page_of(request, dossier, report_form=form, status=422)
    try:
        begun = actions.begin_report(dossier.case, by=dossier.user, **form.cleaned_data)
    except Refused as refusal:
        record_refusal(request, refusal)
        return page_of(request, dossier, report_form=form, refusal=refusal, status=refusal.status)
    messages.success(request, f"{begun.number} is begun.")
    return redirect(begun)


@requires(READ)
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, report: str) -> HttpResponse:
    """One report. POST writes the grounds of a draft anew."""
    if request.method == "POST":
        check(request.user, WRITE)
    found = _called(request, report)
    if request.method != "POST":
        recorded = audit_trail.record_reading(Verb.VIEWED, by=reader(request), obj=found)
        request.reading_unrecorded = not recorded  # type: ignore[attr-defined]
        return _page(request, found)
    form = ReportForm(request.POST)
    if not form.is_valid():
        return _page(request, found, draft_form=form, status=422)
    try:
        actions.change_report(found, by=reader(request), **form.cleaned_data)
    except Refused as refusal:
        return _refused(request, found, refusal, draft_form=form)
    messages.success(request, f"The grounds of {found.number} are kept.")
    return redirect(found)


@requires(WRITE)
@require_POST
def filed(request: HttpRequest, report: str) -> HttpResponse:
    """Note that the regulator has it."""
    found = _called(request, report)
    form = FiledForm(request.POST)
    if not form.is_valid():
        return _page(request, found, filed_form=form, status=422)
    typed = form.cleaned_data
    try:
        actions.file_report(
            found,
            by=reader(request),
            revision=typed["revision"],
            reference=typed["reference"],
            filed_at=form.filed_at,
        )
    except Refused as refusal:
        return _refused(request, found, refusal, filed_form=form)
    messages.success(request, f"{found.number} is filed as {typed['reference']}.")
    return redirect(found)


@requires(WRITE)
@require_POST
def add_file(request: HttpRequest, report: str) -> HttpResponse:
    """Keep a document with a report."""
    found = _called(request, report)
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, found, file_form=form, status=422)
    file = form.cleaned_data["file"]
    try:
        actions.add_file(found.case, by=reader(request), name=file.name, content=file.read(), report=found)
    except Refused as refusal:
        return _refused(request, found, refusal, file_form=form)
    messages.success(request, f"The document is kept with {found.number}.")
    return redirect(found)


def _called(request: HttpRequest, number: str) -> Report:
    """The report as this person may see it. Out of their scope and absent are the same: not found."""
    found: Report | None = Report.objects.visible_to(request.user).called(number.replace("\x00", "")).for_page().first()
    if found is None:
        raise Http404
    return found


def _refused(request: HttpRequest, found: Report, refusal: Refused, **forms: Any) -> HttpResponse:
    record_refusal(request, refusal)
    return _page(request, _called(request, found.number), refusal=refusal, status=refusal.status, **forms)


def _page(
    request: HttpRequest, found: Report, *, refusal: Refused | None = None, status: int = 200, **forms: Any
) -> HttpResponse:
    now = timezone.localtime()
    may_write = has(request.user, WRITE) and may_work_on(request.user, found.case.transaction)
    context = {
        "report": found,
        "case": found.case,
        "documents": CaseFile.objects.readable_by(request.user).of_report(found),
        "may_write": may_write and found.state == Report.State.DRAFT,
        "draft_form": forms.get("draft_form")
        or ReportForm(initial={"grounds": found.grounds, "revision": found.revision}),
        "filed_form": forms.get("filed_form")
        or FiledForm(initial={"revision": found.revision, "day": f"{now:%d %b %Y}", "time": now.time()}),
        "file_form": forms.get("file_form") or FileForm(),
        "form": next((one for one in forms.values() if one.errors), None),
        "refusal": refusal,
    }
    return render(request, "compliance/report.html", context, status=status)
