"""The standing reports: which there are, one on screen, and one as a file."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import has, requires
from accounts.models import User
from audit import trail
from audit.verbs import Verb
from backoffice.reports.catalogue import Report, ReportGround, report_for, reports_for
from backoffice.reports.figures import PERIOD, snapshot
from backoffice.reports.report_files import KINDS
from backoffice.reports.taking import TAKES, TYPE, take


@requires("reports.view_reports")
@require_safe
def reports(request: HttpRequest) -> HttpResponse:
    """The reports that this person may read."""
    return render(request, "reports/reports.html", {"reports": reports_for(_person(request))})


@requires("reports.view_reports")
@require_safe
def report(request: HttpRequest, slug: str) -> HttpResponse:
    """One report on screen; what the form sends is answered with its one address."""
    person = _person(request)
    found = report_for(person, slug)
    ground = _ground(request, found, person)
    if ground.is_sound and ground.is_to_be_written_anew(request.GET):
        return redirect(ground.address(**({PERIOD: ground.span.text} if PERIOD in ground.given else {})))
    trail.record_reading(Verb.VIEWED, by=person, object_type=TYPE, object_id=slug, facts={"part": "figures"})
    with snapshot():
        parts = found.parts(ground.days) if ground.is_sound else []
    query = ground.address().partition("?")[2]
    files = [(kind, f"{request.path}{kind.key}/{'?' if query else ''}{query}") for kind in KINDS.values()]
    context = {
        "report": found,
        "ground": ground,
        "parts": parts,
        "files": files if ground.is_sound and has(person, TAKES) else [],
        "page_time": ground.now,
    }
    return render(request, "reports/report.html", context)


@requires("reports.view_reports", "reports.create_export")
@require_safe
def report_file(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """One report as a file. That it was taken is recorded; what is not understood is refused, never widened."""
    person = _person(request)
    found = report_for(person, slug)
    if kind not in KINDS:
        raise Http404
    name, body = take(found, _ground(request, found, person), KINDS[kind], by=person)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(body, content_type=KINDS[kind].content_type, headers=headers)


def _ground(request: HttpRequest, found: Report, person: User) -> ReportGround:
    path = request.path if request.path.endswith(f"/{found.slug}/") else f"{request.path.rsplit('/', 2)[0]}/"
    return ReportGround(
        request.GET,
        person,
        timezone.now(),
        path=path,
        usual=found.usual,
        takes_times=found.takes_times,
        is_narrowed=found.is_narrowed,
    )


def _person(request: HttpRequest) -> User:
    """The signed-in person, behind `requires`."""
    if not isinstance(request.user, User):
        raise TypeError("this view is for signed-in people")
    return request.user
