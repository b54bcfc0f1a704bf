"""One transaction as it stood at a moment."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import histories
from accounts.access import requires
from accounts.periods import Refusal, moment_asked
from audit import objects
from transactions.then import Then
from transactions.views.detail import dossier_of, record_view


@requires("transactions.view_transactions")
@require_safe
def at(request: HttpRequest, reference: str) -> HttpResponse:
    """The record, the events, the decisions and the people as they were at `t`; without `t` it asks for a moment."""
    dossier = dossier_of(request, reference)
    transaction = dossier.transaction
    asked = moment_asked(
        request.GET,
        now=dossier.now,
        begins=histories.begins(transaction),
        zone=timezone.get_current_timezone(),
        what=transaction.txn_id,
    )
    record_view(request, dossier, part="" if isinstance(asked, Refusal) else f"state at {asked.text}")
    then = None if isinstance(asked, Refusal) else Then(transaction, dossier.user, asked.moment, dossier.now)
    context = {
        "transaction": transaction,
        "asked": asked,
        "refusal": asked if isinstance(asked, Refusal) else None,
        "then": then,
        "moments": [(moment, objects.at(request.path, moment)) for moment in histories.moments_of(transaction)],
    }
    return render(request, "transactions/then.html", context)
