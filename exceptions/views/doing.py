"""One deed on one transaction: GET shows what will happen, POST does it. And the files that prove what treasury did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import check, requires
from accounts.errors import Refused
from accounts.models import ApprovalRequest
from audit import trail
from audit.verbs import Verb
from exceptions import actions, proofs
from exceptions.deed_forms import FORMS, DeedForm
from exceptions.guards import DEEDS
from exceptions.models import Evidence
from transactions.changes import changes_since
from transactions.deeds import Deed, Offer, offer_of
from transactions.dossier import Dossier
from transactions.errors import ChangedMeanwhile
from transactions.facts import facts_about
from transactions.views.detail import dossier_of, record_refusal, record_view

ACTIONS: Final[dict[str, Callable[..., actions.Asked]]] = {
    "repush": actions.repush,
    "inquire": actions.inquire,
    "move_to_rtgs": actions.move_to_rtgs,
    "send_back": actions.send_back,
    "cancel": actions.cancel,
    "override_duplicate": actions.override_duplicate,
    "mark_manually_settled": actions.mark_manually_settled,
    "mark_reversed": actions.mark_reversed,
}


@requires("transactions.view_transactions")
@require_http_methods(["GET", "HEAD", "POST"])
def do(request: HttpRequest, reference: str, deed: str) -> HttpResponse:
    """The page of one deed. The right is asked before the transaction is looked up."""
    wanted = DEEDS.get(deed.replace("-", "_"))
    if wanted is None or wanted.key not in ACTIONS:
        raise Http404
    check(request.user, wanted.permission)
    dossier = dossier_of(request, reference)
    facts = facts_about(dossier.transaction)
    offer = offer_of(wanted, facts, dossier.user)
    kind = FORMS.get(wanted.key, DeedForm)
    if request.method != "POST":
        record_view(request, dossier, part=f"page “{wanted.label}”")
        return _page(request, dossier, offer, kind(offer=offer, facts=facts))
    form = kind(request.POST, request.FILES, offer=offer, facts=facts)
    if not form.is_valid():
        return _page(request, dossier, offer, form, status=422)
    try:
        asked = _done(wanted, dossier, form)
    except Refused as refusal:
        record_refusal(request, refusal)
        return _refused(request, dossier, wanted, form, refusal)
    _tell(request, wanted, asked, dossier)
    return redirect(dossier.transaction.get_absolute_url())


@requires("transactions.view_transactions", "exceptions.view_exceptions")
@require_safe
def evidence(request: HttpRequest, reference: str, digest: str) -> HttpResponse:
    """A file that proves what treasury did, for those who may see the transaction; each look is recorded."""
    dossier = dossier_of(request, reference)
    found = Evidence.objects.of(dossier.transaction).called(digest).first()
    if found is None:
        raise Http404
    trail.record_reading(Verb.VIEWED, by=dossier.user, obj=dossier.transaction, facts={"part": f"file {found.name}"})
    answer = HttpResponse(bytes(found.content), content_type=found.content_type)
    answer["Content-Disposition"] = f'attachment; filename="{found.file_name}"'
    return answer


def _done(deed: Deed, dossier: Dossier, form: DeedForm) -> actions.Asked:
    typed = dict(form.cleaned_data)
    if "evidence" in typed:
        asked: actions.Asked = proofs.with_evidence(
            ACTIONS[deed.key], dossier.transaction, by=dossier.user, typed=typed
        )
        return asked
    return ACTIONS[deed.key](dossier.transaction, by=dossier.user, **typed)


def _tell(request: HttpRequest, deed: Deed, asked: actions.Asked, dossier: Dossier) -> None:
    if isinstance(asked, ApprovalRequest):
        link = format_html('<a href="{}">{}</a>', asked.get_absolute_url(), asked.number)
        messages.success(request, format_html("{} waits for a second person. Nothing is sent until then.", link))
        return
    messages.success(request, f"{deed.label}: the platform is asked about {dossier.transaction.txn_id}.")


def _refused(request: HttpRequest, dossier: Dossier, deed: Deed, form: DeedForm, refusal: Refused) -> HttpResponse:
    """The page again with what is in the way and everything that was typed; a changed one says what changed."""
    present = dossier_of(request, dossier.transaction.txn_id)
    facts = facts_about(present.transaction)
    changes: list[dict[str, Any]] = []
    if isinstance(refusal, ChangedMeanwhile):
        changes = changes_since(present.transaction, refusal.seen, reasons=present.reasons, reader=present.reader)
        form.take_version(present.transaction.version)
    offer = offer_of(deed, facts, present.user)
    return _page(request, present, offer, form, refusal=refusal, changes=changes, status=refusal.status)


def _page(
    request: HttpRequest,
    dossier: Dossier,
    offer: Offer,
    form: DeedForm,
    *,
    refusal: Refused | None = None,
    changes: list[dict[str, Any]] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "dossier": dossier,
        "transaction": dossier.transaction,
        "explanation": dossier.explanation,
        "offer": offer,
        "form": form,
        "refusal": refusal,
        "changes": changes,
        "has_files": offer.deed.key in FORMS,
    }
    return render(request, "exceptions/do.html", context, status=status)
