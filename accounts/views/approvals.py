"""The inbox of the second person: what waits, one request with its evidence, and the decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import maker_checker
from accounts.access import permissions_of, requires
from accounts.errors import MissingPermission, Refused
from accounts.filters import ApprovalQuery
from accounts.forms import DecisionForm, FirstForm
from accounts.models import ApprovalRequest, User
from audit import trail
from audit.verbs import Verb

DECISIONS = {
    "approve": maker_checker.approve,
    "send_back": maker_checker.send_back,
    "reject": maker_checker.reject,
}
DONE = {"approve": "approved", "send_back": "sent back", "reject": "rejected"}


@requires()
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """What waits for this person, what this person waits for, and what was decided."""
    return render(request, "approvals/inbox.html", {"query": ApprovalQuery(request.GET, _reader(request))})


@requires()
@require_http_methods(["GET", "HEAD", "POST"])
def request_page(request: HttpRequest, approval: str) -> HttpResponse:
    """One request: what is asked, on what evidence, with which effect; POST records this person's decision."""
    reader = _reader(request)
    asked = _request_of(reader, approval)
    if request.method != "POST":
        facts = {"part": "first decision"} if _is_unfolded(request, asked, reader) else None
        recorded = trail.record_reading(Verb.VIEWED, by=reader, obj=asked, facts=facts)
        request.reading_unrecorded = not recorded  # type: ignore[attr-defined]
        return _page(request, asked, DecisionForm())
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, asked, form, status=422)
    decide = form.cleaned_data["decision"]
    try:
        decided = DECISIONS[decide](asked, by=reader, note=form.cleaned_data["note"])
    except Refused as refusal:
        _record_refusal(request, refusal)
        return _page(request, _request_of(reader, approval), form, refusal=refusal, status=refusal.status)
    link = format_html('<a href="{}">{}</a>', asked.get_absolute_url(), asked.number)
    messages.success(request, format_html("{} is {}: {}. {}", link, DONE[decide], asked.summary, decided.done))
    following = ApprovalRequest.objects.waiting_for(reader).order_by("created_at", "pk").first()
    return redirect(following.get_absolute_url() if following else "/approvals/")


@requires()
@require_safe
def state(request: HttpRequest, approval: str) -> HttpResponse:
    """Whether a request still waits, for a page that asks by itself while somebody considers it."""
    reader = _reader(request)
    asked = _request_of(reader, approval)
    decided = "" if asked.is_pending else maker_checker.decided_before(asked, reader)
    return render(request, "approvals/_state.html", {"asked": asked, "decided": decided, "is_later": True})


@requires()
@require_POST
def withdraw(request: HttpRequest, approval: str) -> HttpResponse:
    """Take back one's own request."""
    asked = _request_of(_reader(request), approval)
    maker_checker.withdraw(asked, by=_reader(request))
    messages.success(request, f"{asked.number} is withdrawn. Nothing happened to {asked.object_id}.")
    return redirect("/approvals/?tab=mine")


@requires()
@require_http_methods(["GET", "HEAD", "POST"])
def batch(request: HttpRequest, batch: UUID) -> HttpResponse:
    """The requests of one job. The second person ticks rows and decides each of them; every row has its own answer."""
    reader = _reader(request)
    rows = list(ApprovalRequest.objects.visible_to(reader).of_batch(batch).for_list())
    if not rows:
        raise Http404
    form = DecisionForm(request.POST if request.method == "POST" else None)
    chosen = set(request.POST.getlist("row"))
    answers: list[Row] = []
    if request.method == "POST" and form.is_valid() and not chosen:
        form.add_error(None, "Tick at least one row")
    if request.method == "POST" and form.is_valid():
        answers = [_decide_row(request, one, form, reader) for one in rows if one.number in chosen]
        rows = list(ApprovalRequest.objects.visible_to(reader).of_batch(batch).for_list())
    context = {
        "batch": batch,
        "rows": [Row(one, maker_checker.why_not_decide(one, reader), one.number in chosen) for one in rows],
        "answers": answers,
        "form": form,
    }
    return render(request, "approvals/batch.html", context, status=422 if form.errors else 200)


@dataclass(frozen=True)
class Row:
    """One request of a job: why this person cannot decide it (or what became of the try), and whether it is ticked."""

    request: ApprovalRequest
    sentence: str
    is_chosen: bool = False


def _decide_row(request: HttpRequest, one: ApprovalRequest, form: DecisionForm, reader: User) -> Row:
    """One row's own decision in a transaction of its own; what stands in its way is its answer."""
    decide = form.cleaned_data["decision"]
    try:
        DECISIONS[decide](one, by=reader, note=form.cleaned_data["note"])
    except Refused as refusal:
        _record_refusal(request, refusal)
        return Row(one, refusal.sentence)
    return Row(one, f"It is {DONE[decide]}.", is_chosen=True)


def _reader(request: HttpRequest) -> User:
    """The person, if they have an inbox at all."""
    if not isinstance(request.user, User) or maker_checker.INBOX.isdisjoint(permissions_of(request.user)):
        raise MissingPermission("exceptions.decide_operations")
    return request.user


def _request_of(reader: User, number: str) -> ApprovalRequest:
    """The request, if this person may read it; not found otherwise, whether or not it exists."""
    found = ApprovalRequest.objects.visible_to(reader).called(number.replace("\x00", "")).for_list().first()
    if found is None:
        raise Http404
    return found  # type: ignore[no-any-return]


def _page(
    request: HttpRequest,
    asked: ApprovalRequest,
    form: DecisionForm,
    *,
    refusal: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    reader = _reader(request)
    one = maker_checker.operation_of(asked)
    context: dict[str, Any] = {
        "asked": asked,
        "operation": one,
        "roles": maker_checker.deciders(one, reader),
        "why_not": maker_checker.why_not_decide(asked, reader),
        "overtaken": maker_checker.overtaken_now(asked),
        "is_mine": asked.maker_person == reader.person_key,
        "decided": "" if asked.is_pending else maker_checker.decided_before(asked, reader),
        "url": one.url_of(asked),
        "differences": maker_checker.differences(asked),
        "evidence": one.evidence(asked, reader),
        "is_folded": maker_checker.is_folded(asked, reader) and not FirstForm(request.GET).is_asked_for,
        "form": form,
        "refusal": refusal,
        "beside": _beside(asked, reader),
    }
    return render(request, "approvals/request.html", context, status=status)


def _is_unfolded(request: HttpRequest, asked: ApprovalRequest, reader: User) -> bool:
    """Whether who decides asked to see what the first person said."""
    return FirstForm(request.GET).is_asked_for and maker_checker.is_folded(asked, reader)


def _beside(asked: ApprovalRequest, reader: User) -> dict[str, str]:
    """The addresses of the requests before and after this one among those that wait for the reader."""
    waiting = ApprovalRequest.objects.waiting_for(reader).beside(asked)
    after = waiting.younger_than(asked).order_by("created_at", "pk").first()
    before = waiting.elder_than(asked).order_by("-created_at", "-pk").first()
    return {
        "previous_url": before.get_absolute_url() if before else "",
        "next_url": after.get_absolute_url() if after else "",
    }


def _record_refusal(request: HttpRequest, refusal: Refused) -> None:
    trail.record_denial(
        Verb.REFUSED,
        by=request.user if isinstance(request.user, User) else None,
        object_type=refusal.object_type,
        object_id=refusal.object_id,
        reason=refusal.sentence,
        result="DENIED" if refusal.status == 403 else "FAILED",
        facts={"path": request.path, "method": str(request.method), "deed": refusal.verb},
    )
