"""The inquiry desk: record who asked and what was answered, list what is open, close what is done."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import check, has, may_work_on, requires
from accounts.errors import MissingPermission, Refused
from accounts.models import User
from audit import trail as audit_trail
from audit.verbs import Verb
from transactions import actions
from transactions.dossier import Dossier
from transactions.forms import CloseForm, InquiryForm
from transactions.inquiry_filters import InquiryQuery
from transactions.models import Inquiry
from transactions.views.detail import dossier_of, page_of, record_refusal, record_view


@requires("transactions.view_transactions", "transactions.log_inquiry")
@require_http_methods(["GET", "HEAD", "POST"])
def log(request: HttpRequest, reference: str) -> HttpResponse:
    """Record an inquiry about a transaction. GET leads to the form, which stands on the transaction's own page."""
    dossier = dossier_of(request, reference)
    if request.method != "POST":
        return redirect(f"{dossier.transaction.get_absolute_url()}#id_inquiry-asked_by")
    form = InquiryForm(request.POST)
    if not form.is_valid():
        record_view(request, dossier)
        return page_of(request, dossier, inquiry_form=form, status=422)
    try:
        inquiry = _logged(dossier, form)
    except Refused as refusal:
        record_refusal(request, refusal)
        return page_of(request, dossier, inquiry_form=form, refusal=refusal, status=refusal.status)
    link = format_html('<a href="{}">{}</a>', inquiry.get_absolute_url(), inquiry.number)
    messages.success(request, format_html("{} is recorded and {}.", link, form.cleaned_data["state"]))
    return redirect(f"{dossier.transaction.get_absolute_url()}#inquiries")


def _logged(dossier: Dossier, form: InquiryForm) -> Inquiry:
    typed = form.cleaned_data
    return actions.log_inquiry(
        dossier.transaction,
        by=dossier.user,
        channel=typed["channel"],
        asked_by=typed["asked_by"],
        reference_asked=typed["reference_asked"],
        question=typed["question"],
        answer=typed["answer"],
        answer_version=_version(dossier, typed["answer"]),
        is_answered=typed["state"] == "closed",
    )


@requires()
@require_safe
def inquiries(request: HttpRequest) -> HttpResponse:
    """The inquiries this person may read, newest first; without a filter the open ones."""
    reader = _reader(request)
    return render(request, "transactions/inquiries.html", {"query": InquiryQuery(request.GET, reader)})


@requires()
@require_safe
def inquiry(request: HttpRequest, number: str) -> HttpResponse:
    """One inquiry: who asked, what was answered, by whom, and how it ended."""
    found = _inquiry_of(request, number)
    recorded = audit_trail.record_reading(Verb.VIEWED, by=_reader(request), obj=found)
    request.reading_unrecorded = not recorded  # type: ignore[attr-defined]
    return _page(request, found, CloseForm())


@requires("transactions.log_inquiry")
@require_POST
def close(request: HttpRequest, number: str) -> HttpResponse:
    """Close an inquiry. When somebody was quicker the page says who, and keeps what was typed."""
    found = _inquiry_of(request, number)
    form = CloseForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=422)
    try:
        actions.close_inquiry(found, by=_reader(request), note=form.cleaned_data["note"])
    except Refused as refusal:
        record_refusal(request, refusal)
        return _page(request, _inquiry_of(request, number), form, refusal=refusal, status=refusal.status)
    messages.success(request, f"{found.number} is closed.")
    return redirect(found.get_absolute_url())


def _reader(request: HttpRequest) -> User:
    """The person, if they may read inquiries at all: who records them, or reads the whole trail."""
    if not isinstance(request.user, User) or not (
        has(request.user, "transactions.log_inquiry") or has(request.user, "audit.view_trail")
    ):
        raise MissingPermission("transactions.log_inquiry")
    check(request.user, "transactions.view_transactions")
    return request.user


def _inquiry_of(request: HttpRequest, number: str) -> Inquiry:
    """The inquiry, if this person may read it; not found otherwise, whether or not it exists."""
    found = Inquiry.objects.readable_by(_reader(request)).called(number.replace("\x00", "")).for_list().first()
    if found is None:
        raise Http404
    return found  # type: ignore[no-any-return]


def _page(
    request: HttpRequest, found: Inquiry, form: CloseForm, *, refusal: Refused | None = None, status: int = 200
) -> HttpResponse:
    may_close = has(request.user, "transactions.log_inquiry") and may_work_on(request.user, found.transaction)
    context = {"inquiry": found, "form": form, "refusal": refusal, "may_close": may_close}
    return render(request, "transactions/inquiry.html", context, status=status)


def _version(dossier: Dossier, answer: str) -> str:
    """Which approved text was told; an answer that was changed says so."""
    version = dossier.answer.version
    return version if " ".join(answer.split()) == dossier.answer.text else f"{version}, in other words"
