"""One case: the evidence, what is said of each hit, what becomes of the payment, and everything around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import check, requires
from accounts.errors import Refused
from audit import trail as audit_trail
from audit.verbs import Verb
from compliance import actions, casefile, guards
from compliance.actions import Seen
from compliance.beside import beside
from compliance.correcting import FIELDS
from compliance.dossier import CaseDossier, time_left
from compliance.errors import Outdated, ReceivedBefore
from compliance.forms import (
    ArrangeForm,
    BeginReportForm,
    CheckFileForm,
    CheckForm,
    CorrectionForm,
    DecisionForm,
    FileForm,
    HitPageForm,
    RuleForm,
    SnoozeForm,
    seen_in,
)
from compliance.models import Case, CaseFile, PrintedCase
from compliance.views.queue import reader
from transactions import actions as transaction_actions
from transactions import formats
from transactions.forms import RevealForm, WayBackForm
from transactions.reveals import FIELDS as HIDDEN
from transactions.views.detail import record_refusal, revealed_of, with_remembered_reason

READ = "compliance.view_cases"
WORK = "compliance.work_cases"


@requires(READ)
@require_safe
def case(request: HttpRequest, number: str) -> HttpResponse:
    """The whole of one case, the hits first."""
    dossier = dossier_of(request, number)
    record_view(request, dossier)
    return page_of(request, dossier)


@requires(WORK)
@require_POST
def decide(request: HttpRequest, number: str) -> HttpResponse:
    """What was said of the hits, and what becomes of the payment: only what was ticked, nothing besides."""
    dossier = dossier_of(request, number)
    form = decision_form(dossier, request)
    if not form.is_valid():
        return page_of(request, dossier, form=form, status=422)
    goes_on = form.outcome in guards.DECISIONS and not form.only_hits
    return done(request, dossier, lambda seen: _decided(request, dossier, form, seen), form=form, next_case=goes_on)


def _decided(request: HttpRequest, dossier: CaseDossier, form: DecisionForm, seen: Seen) -> str:
    by = reader(request)
    if form.only_hits:
        actions.decide_hits(dossier.case, by=by, seen=seen, words=form.words)
        count = len(form.words)
        return f"{count} hit{'' if count == 1 else 's'} decided. The others stay as they are."
    if form.outcome in guards.DECISIONS:
        asked = actions.propose(
            dossier.case, by=by, seen=seen, outcome=form.outcome, reason=form.reason, note=form.note, words=form.words
        )
        return f"sent for second approval as {asked.number}."
    deed = {"hold": actions.hold, "escalate": actions.escalate, "record": actions.record_after_payment}[form.outcome]
    deed(dossier.case, by=by, seen=seen, reason=form.reason, note=form.note)
    said = {"hold": "is on hold; its clock has stopped", "escalate": "is with the officers", "record": "is closed"}
    return f"{dossier.case.number} {said[form.outcome]}."


@requires(WORK)
@require_POST
def claim(request: HttpRequest, number: str) -> HttpResponse:
    """Assign the case to oneself."""
    dossier = dossier_of(request, number)

    def act(seen: Seen) -> str:
        actions.claim(dossier.case, by=dossier.user, seen=seen)
        return f"{dossier.case.number} is assigned to you."

    return done(request, dossier, act)


@requires(WORK)
@require_POST
def let_go(request: HttpRequest, number: str) -> HttpResponse:
    """Give the case back to the queue."""
    dossier = dossier_of(request, number)

    def act(seen: Seen) -> str:
        actions.let_go(dossier.case, by=dossier.user, seen=seen)
        return f"{dossier.case.number} is back in the queue."

    return done(request, dossier, act)


@requires(WORK)
@require_POST
def resume(request: HttpRequest, number: str) -> HttpResponse:
    """End the hold; the clock goes on."""
    dossier = dossier_of(request, number)

    def act(seen: Seen) -> str:
        actions.resume(dossier.case, by=dossier.user, seen=seen)
        return f"The clock of {dossier.case.number} goes on."

    return done(request, dossier, act)


@requires(WORK)
@require_POST
def wake(request: HttpRequest, number: str) -> HttpResponse:
    """Take the case up again before its time."""
    dossier = dossier_of(request, number)

    def act(seen: Seen) -> str:
        actions.wake(dossier.case, by=dossier.user, seen=seen)
        return f"{dossier.case.number} is in the queue again."

    return done(request, dossier, act)


@requires(WORK)
@require_POST
def snooze(request: HttpRequest, number: str) -> HttpResponse:
    """Put the case aside until a time, with a reason."""
    dossier = dossier_of(request, number)
    form = SnoozeForm(request.POST)
    if not form.is_valid():
        return page_of(request, dossier, snooze_form=form, status=422)

    def act(seen: Seen) -> str:
        until = form.cleaned_data["until"]
        actions.snooze(dossier.case, by=dossier.user, seen=seen, until=until, reason=form.cleaned_data["reason"])
        shown = formats.when_in_detail(until, timezone.get_current_timezone())
        return f"{dossier.case.number} comes back on {shown}."

    return done(request, dossier, act, snooze_form=form)


@requires(WORK)
@require_POST
def arrange(request: HttpRequest, number: str) -> HttpResponse:
    """Set priority and tags."""
    dossier = dossier_of(request, number)
    form = ArrangeForm(request.POST)
    if not form.is_valid():
        return page_of(request, dossier, arrange_form=form, status=422)

    def act(seen: Seen) -> str:
        actions.arrange(dossier.case, by=dossier.user, seen=seen, **form.cleaned_data)
        return f"Priority and tags of {dossier.case.number} are set."

    return done(request, dossier, act, arrange_form=form)


@requires(WORK)
@require_POST
def correct(request: HttpRequest, number: str) -> HttpResponse:
    """Correct one field and let the platform check again."""
    dossier = dossier_of(request, number)
    form = CorrectionForm(request.POST)
    if not form.is_valid():
        return page_of(request, dossier, correction_form=form, status=422)

    def act(seen: Seen) -> str:
        made = actions.correct(dossier.case, by=dossier.user, seen=seen, **form.cleaned_data)
        waits = "waits for a second person" if made.is_material else "is corrected and the platform checks again"
        return f"{FIELDS[made.field].label} {waits}."

    return done(request, dossier, act, correction_form=form)


@requires(WORK)
@require_POST
def check_again(request: HttpRequest, number: str) -> HttpResponse:
    """Ask the platform to check both parties again."""
    dossier = dossier_of(request, number)
    form = CheckForm(request.POST)
    if not form.is_valid():
        return page_of(request, dossier, check_form=form, status=422)

    def act(seen: Seen) -> str:
        actions.ask_for_check(dossier.case, by=dossier.user, seen=seen, note=form.cleaned_data["reason"])
        return "The platform is asked to check both parties again. What it finds stands here."

    return done(request, dossier, act, check_form=form)


@requires(WORK)
@require_POST
def add_file(request: HttpRequest, number: str) -> HttpResponse:
    """Keep a document with the case."""
    dossier = dossier_of(request, number)
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        return page_of(request, dossier, file_form=form, status=422)
    file = form.cleaned_data["file"]

    def act(seen: Seen) -> str:
        kept = actions.add_file(dossier.case, by=dossier.user, name=file.name, content=file.read())
        return f"{kept.name} is kept with {dossier.case.number}."

    return done(request, dossier, act, file_form=form)


@requires(READ)
@require_safe
def file(request: HttpRequest, number: str, sha256: str) -> HttpResponse:
    """A document to download. That it was is recorded before it is sent."""
    dossier = dossier_of(request, number)
    found = CaseFile.objects.readable_by(dossier.user).in_case(dossier.case, sha256)
    if found is None:
        raise Http404
    return _download(actions.read_file(found, by=dossier.user), found.name, found.content_type)


@requires(READ)
@require_http_methods(["GET", "HEAD", "POST"])
def reveal(request: HttpRequest, number: str) -> HttpResponse:
    """Show one hidden value of the payment for a minute, in its place on the page, as the transaction's page does."""
    if request.method != "POST":
        return redirect(dossier_of(request, number).case)
    field = HIDDEN.get(request.POST.get("field", ""))
    if field is not None:
        check(request.user, field.permission)
    dossier = dossier_of(request, number)
    of = dossier.of_transaction
    form = RevealForm(with_remembered_reason(request, of), reader=of.reader)
    if not form.is_valid():
        record_view(request, dossier)
        return page_of(request, dossier, reveal_form=form, status=422)
    key = form.cleaned_data["field"]
    value = transaction_actions.reveal(dossier.transaction, by=dossier.user, field=key, reason=form.sentence)
    return page_of(request, dossier, revealed=revealed_of(of, key, value))


@requires(READ)
@require_POST
def print_case(request: HttpRequest, number: str) -> HttpResponse:
    """Make the case file as this reader may know the case."""
    dossier = dossier_of(request, number)
    made = actions.print_case(dossier.case, by=dossier.user)
    address = reverse("compliance:printed", args=[dossier.case.number, made.number])
    messages.success(request, format_html('<a href="{}">{}</a> is made. Download it here or below.', address, made))
    return _back_to(dossier)


@requires(READ)
@require_safe
def printed(request: HttpRequest, number: str, printed: str) -> HttpResponse:
    """A case file to download, as it was made. That it was is recorded before it is sent."""
    dossier = dossier_of(request, number)
    readable = PrintedCase.objects.of_case(dossier.case).readable_by(dossier.user)
    found = readable.called(printed.replace("\x00", "")).select_related("case__transaction").first()
    if found is None:
        raise Http404
    content = actions.read_printed(found, by=dossier.user)
    return _download(content, f"{dossier.case.number} {found.number}.pdf", "application/pdf")


@requires(READ)
@require_POST
def check_printed(request: HttpRequest, number: str) -> HttpResponse:
    """Hold a file against the records of the case: whether it is one of its case files, to the last byte."""
    dossier = dossier_of(request, number)
    form = CheckFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return page_of(request, dossier, check_file_form=form, status=422)
    found = casefile.record_with(form.cleaned_data["file"].read(), dossier.printed)
    if found is None:
        messages.error(request, f"This is no case file of {dossier.case.number} as it was made.")
    else:
        when = formats.when_in_detail(found.made_at, timezone.get_current_timezone())
        messages.success(request, f"This is {found}, unchanged. {found.made_by} made it on {when}.")
    return _back_to(dossier)


def _download(content: bytes, name: str, content_type: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=content_type)
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


# -- what the pages share ------------------------------------------------------------------------------------------


def dossier_of(request: HttpRequest, number: str) -> CaseDossier:
    """The case as this person reads it now. Out of their scope and absent are the same: not found."""
    found = Case.objects.visible_to(request.user).called(number.replace("\x00", "")).for_page().first()
    if found is None:
        raise Http404
    back = WayBackForm(request.GET)
    mark = str(back.cleaned_data["from"]) if back.is_valid() else ""
    return CaseDossier(found, reader(request), timezone.now(), mark, HitPageForm(request.GET).page)


def record_view(request: HttpRequest, dossier: CaseDossier) -> None:
    """Put into the trail that this case is read, before it is; where that fails, the page says so."""
    recorded = audit_trail.record_reading(Verb.VIEWED, by=dossier.user, obj=dossier.case)
    request.reading_unrecorded = not recorded  # type: ignore[attr-defined]


def decision_form(dossier: CaseDossier, request: HttpRequest | None = None) -> DecisionForm:
    """The form of the case, with what was sent where something was."""
    return DecisionForm(
        dossier.reasons,
        after_payment=dossier.case.is_after_payment,
        standings=dossier.evidence.hits,
        data=request.POST if request is not None else None,
    )


def done(
    request: HttpRequest, dossier: CaseDossier, act: Callable[[Seen], str], *, next_case: bool = False, **kept: Any
) -> HttpResponse:
    """Do it, and go on to the case or to the next one; what is in the way is said, nothing typed lost."""
    try:
        said = act(seen_in(request.POST))
    except ReceivedBefore as before:
        at = formats.clock(before.at, timezone.get_current_timezone())
        messages.info(request, f"This was already received at {at}. It was counted once.")
        return _back_to(dossier)
    except Refused as refusal:
        record_refusal(request, refusal)
        fresh = dossier_of(request, dossier.case.number)
        return page_of(request, fresh, refusal=refusal, status=refusal.status, **kept)
    link = format_html('<a href="{}">{}</a>', dossier.case.get_absolute_url(), dossier.case.number)
    messages.success(request, format_html("{}: {}", link, said) if next_case else said)
    following = beside(dossier).next_url if next_case else ""
    return redirect(following) if following else _back_to(dossier)


def _back_to(dossier: CaseDossier) -> HttpResponse:
    mark = f"?from={dossier.mark}" if dossier.mark else ""
    return redirect(f"{dossier.case.get_absolute_url()}{mark}")


def page_of(
    request: HttpRequest,
    dossier: CaseDossier,
    *,
    form: DecisionForm | None = None,
    refusal: Refused | None = None,
    revealed: dict[str, Any] | None = None,
    status: int = 200,
    **forms: Any,
) -> HttpResponse:
    """The page of a case: with the form that had faults, the deed that was refused, or the value that was revealed."""
    plain = next((one for one in forms.values() if one is not None and one.errors), None)
    context = {
        "dossier": dossier,
        "case": dossier.case,
        "transaction": dossier.transaction,
        "evidence": dossier.evidence,
        "decision": form or decision_form(dossier),
        "faults": form.faults if form else (),
        "form": plain,
        "snooze_form": forms.get("snooze_form") or SnoozeForm(),
        "arrange_form": forms.get("arrange_form")
        or ArrangeForm(initial={"priority": dossier.case.priority, "tags": " ".join(dossier.case.tags)}),
        "correction_form": forms.get("correction_form") or CorrectionForm(),
        "check_form": forms.get("check_form") or CheckForm(),
        "rule_form": forms.get("rule_form") or RuleForm(standings=dossier.evidence.hits),
        "report_form": forms.get("report_form") or (BeginReportForm() if dossier.may_report else None),
        "file_form": forms.get("file_form") or FileForm(),
        "check_file_form": forms.get("check_file_form") or CheckFileForm(),
        **_revealing(dossier, forms.get("reveal_form"), revealed),
        "refusal": refusal,
        "changes": refusal.changes if isinstance(refusal, Outdated) else (),
        "stopped": time_left(dossier.case, dossier.now),
        "beside": beside(dossier),
    }
    return render(request, "compliance/case.html", context, status=status)


def _revealing(dossier: CaseDossier, form: RevealForm | None, revealed: dict[str, Any] | None) -> dict[str, Any]:
    """What the hidden fields on the page need: where they are asked for, the form, and the one that is shown."""
    return {
        "section": dossier.revealing,
        "reveal_url": reverse("compliance:reveal", args=[dossier.case.number]),
        "reveal_form": form or RevealForm(reader=dossier.of_transaction.reader),
        "reveal_field": form.data.get("field") if form else "",
        "revealed": revealed,
    }
