"""e-PRCs: issue one or many, read and print one, verify one by its number and code, ask for one to be void."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import check, has, requires
from accounts.errors import MissingPermission, Refused
from accounts.models import User
from audit import trail
from audit.verbs import Verb
from backoffice.reports import certificates, exporting
from backoffice.reports.certificate_papers import code_text, day_text
from backoffice.reports.filters import CertificateFilter
from backoffice.reports.forms import VerifyForm, VoidForm
from backoffice.reports.models import Certificate
from backoffice.reports.sources import SOURCES
from transactions.forms import SelectionForm
from transactions.models import Transaction
from transactions.selection import Selection
from transactions.views.detail import record_refusal
from transactions.vocabulary import IdType, Status

SHOWN: Final = 50
ISSUE: Final = certificates.ISSUE


@requires()
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The certificates that the reader may see, the newest first."""
    user = _reader(request)
    rows = Certificate.objects.visible_to(user).for_page().newest_first()
    found = CertificateFilter(request.GET, queryset=rows)
    is_sound = found.is_valid() and not set(request.GET) - set(found.filters)
    shown = list(found.qs[: SHOWN + 1]) if is_sound else []
    later = request.GET.copy()
    if len(shown) > SHOWN:
        later["after"] = shown[SHOWN - 1].number
    context = {
        "rows": shown[:SHOWN],
        "later": f"?{later.urlencode()}" if len(shown) > SHOWN else "",
        "filter": found,
        "trouble": not is_sound,
        "may_issue": has(user, ISSUE),
    }
    return render(request, "reports/certificates.html", context)


@requires()
@require_http_methods(["GET", "HEAD", "POST"])
def certificate(request: HttpRequest, number: str) -> HttpResponse:
    """One certificate, personal data masked; a POST asks a second person to void or to reissue it."""
    user = _reader(request)
    found = _certificate_of(user, number)
    if request.method != "POST":
        recorded = trail.record_reading(Verb.VIEWED, by=user, obj=found)
        request.reading_unrecorded = not recorded  # type: ignore[attr-defined]
        return _page(request, found)
    form = VoidForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form=form, status=422)
    given = form.cleaned_data
    try:
        asked = certificates.propose_void(found, by=user, note=given["note"], is_reissued=given["reissue"])
    except Refused as refusal:
        record_refusal(request, refusal)
        return _page(request, _certificate_of(user, number), form=form, refusal=refusal, status=refusal.status)
    messages.success(request, f"{asked.number} waits for a second person. {found.number} is as it was until then.")
    return redirect(found.get_absolute_url())


@requires(ISSUE)
@require_safe
def paper(request: HttpRequest, number: str) -> HttpResponse:
    """The certificate as PDF; that it is taken is recorded."""
    user = _person(request)
    found = _certificate_of(user, number)
    try:
        body = certificates.take(found, by=user)
    except Refused as refusal:
        record_refusal(request, refusal)
        return _page(request, found, refusal=refusal, status=refusal.status)
    headers = {"Content-Disposition": f'attachment; filename="{found.number}.pdf"'}
    return HttpResponse(body, content_type="application/pdf", headers=headers)


@requires()
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Whether a certificate is valid, for anybody signed in who has its number and its check code."""
    user = _person(request)
    if request.method != "POST":
        return render(request, "reports/certificate_verify.html", {"form": VerifyForm()})
    form = VerifyForm(request.POST)
    if not form.is_valid():
        return render(request, "reports/certificate_verify.html", {"form": form}, status=422)
    given = form.cleaned_data
    found = certificates.verify(given["number"], given["code"], by=user)
    sees = found is not None and _may_read(user) and Certificate.objects.visible_to(user).called(found.number).exists()
    context = {"form": form, "asked": given["number"].strip().upper(), "found": found, "answered": True, "sees": sees}
    return render(request, "reports/certificate_verify.html", context)


@requires("transactions.view_transactions", ISSUE)
@require_http_methods(["GET", "HEAD", "POST"])
def issue(request: HttpRequest, reference: str) -> HttpResponse:
    """What a certificate of this payment would say; a POST issues it. Where there is one, that is shown."""
    user = _person(request)
    payment = Transaction.objects.visible_to(user).called(reference.replace("\x00", "")).for_detail().first()
    if payment is None:
        raise Http404
    present = Certificate.objects.of(payment).issued().first()
    if present is not None:
        return redirect(present.get_absolute_url())
    if request.method != "POST":
        return _issue_page(request, payment)
    try:
        made = certificates.issue(payment, by=user)
    except Refused as refusal:
        record_refusal(request, refusal)
        return _issue_page(request, payment, refusal=refusal, status=refusal.status)
    messages.success(request, f"{made.number} is issued.")
    return redirect(made.get_absolute_url())


@requires("transactions.view_transactions", ISSUE)
@require_http_methods(["GET", "HEAD", "POST"])
def many(request: HttpRequest) -> HttpResponse:
    """Certificates of the chosen payments as one ZIP: what would be in it, and a POST that asks for it."""
    user = _person(request)
    if request.method != "POST":
        return redirect("transactions:list")
    chosen = SelectionForm(request.POST).selection(user, timezone.now())
    paid = [row for row in chosen.rows if row.status == Status.COMPLETED]
    if request.POST.get("do") != "create" or not paid:
        return _many_page(request, chosen, paid)
    source = SOURCES["certificates"]
    question = source.ask(request.GET, [row.txn_id for row in paid], user, timezone.now())
    try:
        asked = exporting.ask(source, question, by=user, columns=(), kind="zip")
    except Refused as refusal:
        record_refusal(request, refusal)
        return _many_page(request, chosen, paid, refusal=refusal, status=refusal.status)
    messages.success(request, f"{asked.number} is asked for. It goes on when you leave this page.")
    return redirect(asked.get_absolute_url())


def _many_page(
    request: HttpRequest,
    chosen: Selection,
    paid: list[Transaction],
    *,
    refusal: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "paid": paid,
        "left_out": len(chosen.rows) - len(paid),
        "missing": len(chosen.missing),
        "issued": Certificate.objects.of_any([row.pk for row in paid]).issued().count(),
        "refs": " ".join(row.txn_id for row in paid),
        "back": f"/transactions/?{chosen.query}".rstrip("?"),
        "refusal": refusal,
    }
    return render(request, "reports/certificate_many.html", context, status=status)


def _issue_page(
    request: HttpRequest, payment: Transaction, *, refusal: Refused | None = None, status: int = 200
) -> HttpResponse:
    facts = certificates.facts_of(payment)
    context = {
        "transaction": payment,
        "facts": facts,
        "id_kind": _id_kind(facts),
        "realised": day_text(facts["realised_on"]),
        "why_not": certificates.why_not_issue(payment),
        "refusal": refusal,
    }
    return render(request, "reports/certificate_issue.html", context, status=status)


def _page(
    request: HttpRequest,
    found: Certificate,
    *,
    form: VoidForm | None = None,
    refusal: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    user = _person(request)
    context: dict[str, Any] = {
        "certificate": found,
        "transaction": found.transaction,
        "facts": found.facts,
        "id_kind": _id_kind(found.facts),
        "realised": day_text(found.facts["realised_on"]),
        "code": code_text(found.check_code),
        "replaced_by": Certificate.objects.visible_to(user).replacing(found).first(),
        "may_print": has(user, ISSUE),
        "may_void": has(user, "reports.propose_eprc_void"),
        "form": form or VoidForm(initial={"reissue": not found.is_valid}),
        "refusal": refusal,
    }
    return render(request, "reports/certificate.html", context, status=status)


def _id_kind(facts: dict[str, str]) -> str:
    is_cnic = facts["remitter_id_type"] in (IdType.CNIC.label, IdType.NICOP.label)
    return "cnic" if is_cnic else "id"


def _certificate_of(user: User, number: str) -> Certificate:
    called = Certificate.objects.visible_to(user).called(number.replace("\x00", ""))
    found = called.for_page().first()
    if found is None:
        raise Http404
    return found  # type: ignore[no-any-return]


def _may_read(user: User) -> bool:
    return any(has(user, right) for right in certificates.READERS)


def _reader(request: HttpRequest) -> User:
    """The person, who must hold one of the rights to read certificates."""
    user = _person(request)
    if not _may_read(user):
        raise MissingPermission(ISSUE)
    check(user, "transactions.view_transactions")
    return user


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    return request.user
