"""The whitelist: which persons and list entries are told apart, who agreed, until when."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import has, requires
from compliance import actions
from compliance.actions import Seen
from compliance.filters import RuleQuery
from compliance.forms import EndForm, RuleForm
from compliance.models import WhitelistRule
from compliance.views.case import READ, done, dossier_of, page_of
from compliance.views.queue import reader


@requires(READ)
@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    """The rules in force, or those that are over, newest first."""
    return _page(request, EndForm())


def _page(request: HttpRequest, form: EndForm, *, status: int = 200) -> HttpResponse:
    now = timezone.now()
    context = {
        "query": RuleQuery(request.GET, reader(request), now),
        "form": form,
        "may_end": has(request.user, "compliance.propose_case"),
    }
    return render(request, "compliance/whitelist.html", context, status=status)


@requires("compliance.propose_case")
@require_POST
def ask(request: HttpRequest, number: str) -> HttpResponse:
    """Ask a second person for a rule about a hit that was found to be another person."""
    dossier = dossier_of(request, number)
    form = RuleForm(request.POST, standings=dossier.evidence.hits)
    if not form.is_valid():
        return page_of(request, dossier, rule_form=form, status=422)

    def act(seen: Seen) -> str:
        asked = actions.ask_for_rule(dossier.case, by=dossier.user, seen=seen, **form.cleaned_data)
        return f"The rule waits for a second person as {asked.number}."

    return done(request, dossier, act, rule_form=form)


@requires("compliance.propose_case")
@require_POST
def end(request: HttpRequest, rule: str) -> HttpResponse:
    """End a rule before its time."""
    found = WhitelistRule.objects.visible_to(request.user).called(rule).for_list().first()
    if found is None:
        raise Http404
    form = EndForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    actions.end_rule(found, by=reader(request), reason=form.cleaned_data["reason"])
    messages.success(request, f"Rule {found} has ended. Its hits wait for a decision again.")
    return redirect("compliance:whitelist")
