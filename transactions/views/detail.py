"""One transaction: its page, its parts on pages of their own, and what can be typed or revealed there."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import check, has, may_work_on, requires
from accounts.errors import Refused
from audit import trail as audit_trail
from audit.verbs import Verb
from transactions import actions, asked, deeds, sections, way_back
from transactions.dossier import Dossier
from transactions.forms import InquiryForm, NoteForm, RevealForm, TimelineForm, WayBackForm
from transactions.models import Transaction
from transactions.neighbours import neighbours
from transactions.object_trail import entries_of, trail_of
from transactions.panels import sections_for
from transactions.reveals import FIELDS, hidden
from transactions.vocabulary import badge_of

REVEAL_SECONDS = 60
WHOLE_TRAIL = 500


@requires("transactions.view_transactions")
@require_safe
def detail(request: HttpRequest, reference: str) -> HttpResponse:
    """The whole of one transaction, all sections open, with the answer first."""
    dossier = dossier_of(request, reference)
    record_view(request, dossier)
    return page_of(request, dossier)


@requires("transactions.view_transactions")
@require_safe
def timeline(request: HttpRequest, reference: str) -> HttpResponse:
    """Every event of one transaction, oldest or newest first."""
    dossier = dossier_of(request, reference)
    record_view(request, dossier, part="timeline")
    form = TimelineForm(request.GET or None)
    newest = form.is_newest_first
    section = sections.timeline(dossier)
    context = {**section, "items": section["items"][::-1] if newest else section["items"], "is_newest_first": newest}
    return render(request, "transactions/timeline.html", {"dossier": dossier, "section": context})


@requires("transactions.view_transactions")
@require_http_methods(["GET", "HEAD", "POST"])
def notes(request: HttpRequest, reference: str) -> HttpResponse:
    """The journal of one transaction; POST adds a note."""
    if request.method == "POST":
        check(request.user, "transactions.add_note")
    dossier = dossier_of(request, reference)
    form = NoteForm(request.POST or None, may_hide=has(request.user, "compliance.work_cases"))
    if request.method == "POST" and form.is_valid():
        hide = bool(form.cleaned_data.get("compliance_only"))
        text = form.cleaned_data["text"]
        actions.add_note(dossier.transaction, by=dossier.user, text=text, compliance_only=hide)
        messages.success(request, f"Your note stands in the journal of {dossier.transaction.txn_id}.")
        return redirect(f"{dossier.transaction.get_absolute_url()}#notes")
    record_view(request, dossier, part="notes")
    context = {**sections.notes(dossier), "form": form}
    status = 422 if form.errors else 200
    return render(
        request, "transactions/notes.html", {"dossier": dossier, "section": context, "form": form}, status=status
    )


@requires("transactions.view_transactions")
@require_safe
def related(request: HttpRequest, reference: str) -> HttpResponse:
    """What belongs to the same question: duplicates, the same account, the same remitter."""
    dossier = dossier_of(request, reference)
    record_view(request, dossier, part="related transactions")
    return render(request, "transactions/related.html", {"dossier": dossier, "section": sections.related(dossier)})


@requires("transactions.view_transactions", "audit.view_object_trail")
@require_safe
def trail(request: HttpRequest, reference: str) -> HttpResponse:
    """Who did what with one transaction, and who saw its personal data."""
    dossier = dossier_of(request, reference)
    request.reading_unrecorded = not audit_trail.record_reading(  # type: ignore[attr-defined]
        Verb.READ_TRAIL, by=dossier.user, obj=dossier.transaction
    )
    entries = entries_of(dossier.transaction, most=WHOLE_TRAIL)
    context = {"trail": trail_of(entries, dossier.reader, most=WHOLE_TRAIL), "is_whole": True}
    return render(request, "transactions/trail.html", {"dossier": dossier, "section": context})


@requires("transactions.view_transactions")
@require_http_methods(["GET", "HEAD", "POST"])
def reveal(request: HttpRequest, reference: str) -> HttpResponse:
    """Show one hidden value for a minute, in its place on the page; the reason and the reader go to the trail first.

    The value is in this one answer only: not in the address, not in the title, not in the session.
    """
    if request.method != "POST":
        return redirect(reverse("transactions:detail", args=[dossier_of(request, reference).transaction.txn_id]))
    field = FIELDS.get(request.POST.get("field", ""))
    if field is not None:
        check(request.user, field.permission)
    dossier = dossier_of(request, reference)
    form = RevealForm(with_remembered_reason(request, dossier), reader=dossier.reader)
    if not form.is_valid():
        record_view(request, dossier)
        return page_of(request, dossier, reveal_form=form, status=422)
    value = actions.reveal(dossier.transaction, by=dossier.user, field=form.cleaned_data["field"], reason=form.sentence)
    return page_of(request, dossier, revealed=revealed_of(dossier, form.cleaned_data["field"], value))


@requires("transactions.view_transactions")
@require_POST
def answer_copied(request: HttpRequest, reference: str) -> HttpResponse:
    """The page reports that the answer for the partner was copied."""
    dossier = dossier_of(request, reference)
    actions.note_copied_answer(dossier.transaction, by=dossier.user, version=dossier.answer.version)
    return HttpResponse(status=204)


# -- what the pages share ------------------------------------------------------------------------------------------


def dossier_of(request: HttpRequest, reference: str) -> Dossier:
    """The transaction as this person reads it now. Out of their scope and absent are the same: not found."""
    rows = Transaction.objects.visible_to(request.user).called(reference.replace("\x00", ""))
    dossier = Dossier.of(rows, request.user, timezone.now())  # type: ignore[arg-type]
    if dossier is None:
        raise Http404
    return dossier


def record_view(request: HttpRequest, dossier: Dossier, *, part: str = "") -> None:
    """Put into the trail that this page is read, before it is; where that fails, the page says so."""
    facts = {"part": part} if part else None
    recorded = audit_trail.record_reading(Verb.VIEWED, by=dossier.user, obj=dossier.transaction, facts=facts)
    request.reading_unrecorded = not recorded  # type: ignore[attr-defined]


def record_refusal(request: HttpRequest, refusal: Refused) -> None:
    """Record a refusal that is shown on the page itself, as the middleware does for those with a page of their own."""
    audit_trail.record_denial(
        Verb.REFUSED,
        by=request.user if request.user.is_authenticated else None,
        object_type=refusal.object_type,
        object_id=refusal.object_id,
        reason=refusal.sentence,
        result="DENIED" if refusal.status == 403 else "FAILED",
        facts={"path": request.path, "method": str(request.method), "deed": refusal.verb},
    )


def page_of(
    request: HttpRequest,
    dossier: Dossier,
    *,
    inquiry_form: InquiryForm | None = None,
    reveal_form: RevealForm | None = None,
    revealed: dict[str, Any] | None = None,
    refusal: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    """The detail page: with the form that had errors, the deed that was refused, or the one value that was revealed."""
    transaction = dossier.transaction
    rows, form = sections_for(dossier), inquiry_form or _inquiry_form(dossier)
    context = {
        "dossier": dossier,
        "transaction": transaction,
        "badge": badge_of(transaction.status, transaction.stage, sees_compliance=dossier.reader.sees_compliance).label,
        "explanation": dossier.explanation,
        "answer": dossier.answer,
        "steps": dossier.steps,
        "rows": rows,
        "sections": [section for row in rows for section in row],
        "offers": deeds.offers(dossier.facts, dossier.user, without="log_inquiry" if form else ""),
        "inquiry_form": form,
        "form": inquiry_form or reveal_form,
        "reveal_form": reveal_form or RevealForm(reader=dossier.reader),
        "reveal_field": reveal_form.data.get("field") if reveal_form else "",
        "revealed": revealed,
        "reveal_url": reverse("transactions:reveal", args=[transaction.txn_id]),
        "refusal": refusal,
        "asked": asked.words(dossier),
        "back": _back(request),
        "beside": neighbours(transaction, _mark(request), dossier.user, dossier.now),
    }
    return render(request, "transactions/detail.html", context, status=status)


def offers_of(dossier: Dossier) -> deeds.Offers:
    """What this reader can do and why not; an inquiry that they may record has its form beside the answer."""
    return deeds.offers(dossier.facts, dossier.user, without="log_inquiry" if _inquiry_form(dossier) else "")


def _inquiry_form(dossier: Dossier) -> InquiryForm | None:
    """The form of an inquiry with everything we know filled in; none for those who may not record one."""
    if not has(dossier.user, "transactions.log_inquiry") or not may_work_on(dossier.user, dossier.transaction):
        return None
    return InquiryForm(
        initial={
            "channel": "phone",
            "reference_asked": dossier.transaction.partner_reference,
            "answer": dossier.answer.text,
        }
    )


def with_remembered_reason(request: HttpRequest, dossier: Dossier) -> dict[str, str]:
    """What was posted; without a reason, the one given a moment ago for the same transaction."""
    data = {key: str(value) for key, value in request.POST.items()}
    if data.get("again") and dossier.remembered_reason:
        return data | {"reason": "other", "words": dossier.remembered_reason}
    return data


def revealed_of(dossier: Dossier, key: str, value: Any) -> dict[str, Any]:
    """The one value that a page shows for a minute, and until when."""
    field = hidden(key, dossier.transaction)
    until = dossier.now + dt.timedelta(seconds=REVEAL_SECONDS)
    return {
        "key": key,
        "label": field.field.label,
        "kind": field.kind,
        "value": value,
        "written": field.field.written(value),
        "until": until,
        "seconds": REVEAL_SECONDS,
    }


def _mark(request: HttpRequest) -> str:
    """The mark of the list that this page was opened from; "" without one."""
    form = WayBackForm(request.GET)
    return str(form.cleaned_data["from"]) if form.is_valid() else ""


def _back(request: HttpRequest) -> str:
    """The list or search this page was opened from: by its mark in the address, else by where the browser was."""
    marked = way_back.address(_mark(request))
    came_from = urlsplit(request.headers.get("Referer", ""))
    ours = came_from.netloc == request.get_host() and came_from.path in ("/transactions/", "/search/", "/inquiries/")
    return marked or (f"{came_from.path}?{came_from.query}".rstrip("?") if ours else "")
