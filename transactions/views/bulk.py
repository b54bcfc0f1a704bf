"""A note for many transactions: a preview that says which and what they are worth, then one verdict per row."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import requires
from accounts.errors import Refused
from accounts.models import User
from transactions import actions
from transactions.forms import BulkNoteForm, SelectionForm
from transactions.selection import Selection


@requires("transactions.view_transactions", "transactions.add_note")
@require_http_methods(["GET", "HEAD", "POST"])
def note(request: HttpRequest) -> HttpResponse:
    """POST from the list shows what was chosen; POST with a note adds it to each. Nothing is added before that."""
    assert isinstance(request.user, User)  # noqa: S101 - `requires` lets nobody else in
    if request.method != "POST":
        return redirect("transactions:list")
    chosen = SelectionForm(request.POST).selection(request.user, timezone.now())
    if "text" not in request.POST:
        return _preview(request, chosen, BulkNoteForm(initial={"told": len(chosen.rows)}))
    form = BulkNoteForm(request.POST)
    if not form.is_valid():
        return _preview(request, chosen, form, status=422)
    if form.cleaned_data["told"] != len(chosen.rows):
        again = BulkNoteForm(initial={"told": len(chosen.rows), "text": form.cleaned_data["text"]})
        told, now = form.cleaned_data["told"], len(chosen.rows)
        messages.warning(request, f"{told:,} matched when you looked; {now:,} do now. Nothing was added.")
        return _preview(request, chosen, again, status=409)
    verdicts = actions.add_notes(chosen.rows, by=request.user, text=form.cleaned_data["text"])
    verdicts += [actions.Verdict(name, "Not found.") for name in chosen.missing]
    done = sum(verdict.is_done for verdict in verdicts)
    context = {"verdicts": verdicts, "done": done, "left_out": len(verdicts) - done}
    return render(request, "transactions/bulk_note_done.html", context)


def _preview(request: HttpRequest, chosen: Selection, form: BulkNoteForm, *, status: int = 200) -> HttpResponse:
    if not chosen.rows:
        raise Refused("None of the chosen transactions can be found any more. Load the list again.")
    context = {"chosen": chosen, "form": form, "refs": " ".join(chosen.references)}
    return render(request, "transactions/bulk_note.html", context, status=status)
