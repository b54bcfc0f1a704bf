"""What partners are told: the texts in force, every version of one, and writing it anew for a second person."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import check, has, requires
from accounts.errors import Refused
from accounts.models import ApprovalRequest
from compliance import actions
from compliance.answering import LABELS, in_force
from compliance.forms import AnswerForm
from compliance.views.queue import reader
from transactions.models import AnswerText
from transactions.views.detail import record_refusal

READ = "compliance.view_cases"
WRITE = "compliance.propose_case"


@requires(READ)
@require_safe
def answers(request: HttpRequest) -> HttpResponse:
    """Every text in force, with who agreed to it."""
    texts = AnswerText.objects.in_force().for_list()
    return render(request, "compliance/answers.html", {"texts": [(one, LABELS.get(one.key, one.key)) for one in texts]})


@requires(READ)
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, answer: str) -> HttpResponse:
    """One text with its versions. POST asks a second person to let another text answer."""
    if request.method == "POST":
        check(request.user, WRITE)
    present = in_force(answer.replace("\x00", ""))
    if present is None:
        raise Http404
    if request.method != "POST":
        return _page(request, present)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _page(request, present, form=form, status=422)
    try:
        asked = actions.ask_for_answer_text(present.key, by=reader(request), **form.cleaned_data)
    except Refused as refusal:
        record_refusal(request, refusal)
        return _page(request, present, form=form, refusal=refusal, status=refusal.status)
    messages.success(request, f"The text waits for a second person as {asked.number}.")
    return redirect("compliance:answer", answer=present.key)


def _page(
    request: HttpRequest,
    present: AnswerText,
    *,
    form: AnswerForm | None = None,
    refusal: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    waiting = ApprovalRequest.objects.about(AnswerText._meta.label_lower, present.key).pending()
    context = {
        "text": present,
        "label": LABELS.get(present.key, present.key),
        "versions": AnswerText.objects.of(present.key).for_list(),
        "waiting": waiting.select_related("maker").first(),
        "may_write": has(request.user, WRITE),
        "form": form or AnswerForm(initial={"version": present.version, "text": present.text}),
        "refusal": refusal,
    }
    return render(request, "compliance/answer.html", context, status=status)
