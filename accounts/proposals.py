"""What administrators propose in Django admin and a second person agrees to: kept, shown, and carried out on approval.

A proposal keeps what was written into the form, together with the state of the row that its maker saw. The approval
fills in the same form once more, for the same maker: whatever refused it then refuses it now too, and a row that is not
what it was makes the proposal overtaken. Only then the page stores it, with its history row and its trail entries, in
the transaction of the decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from accounts import maker_checker
from accounts.access import has
from accounts.maker_checker import Operation
from accounts.models import ApprovalRequest, User
from audit.history import because

ADD: Final = "add"
CHANGE: Final = "change"
DELETE: Final = "delete"
EVIDENCE: Final = "approvals/_proposal_evidence.html"


@dataclass
class Proposal:
    """A request with the page that made it and the row it is about: the present one, or a new one for an addition."""

    asked: ApprovalRequest
    page: Any
    row: models.Model

    @property
    def version(self) -> int:
        return getattr(self.row, "version", 0) or 0

    @property
    def deed(self) -> str:
        return str(self.asked.payload["deed"])

    @cached_property
    def form(self) -> Any:
        """The maker's form, filled in as it was, over the row as it is now."""
        return self.page.filled_in(self.asked, self.row)


def load(asked: ApprovalRequest) -> Proposal | None:
    """The proposal with its row, held until the transaction ends; None when the row is gone."""
    return _load(asked, held=True)


def _load(asked: ApprovalRequest, *, held: bool) -> Proposal | None:
    if "deed" not in asked.payload:
        return None
    model = apps.get_model(asked.object_type)
    page = admin.site._registry[model]  # noqa: SLF001, the site's way to its pages
    if asked.payload["deed"] == ADD:
        return Proposal(asked, page, model())
    rows: QuerySet[Any] = model._meta.default_manager.filter(pk=asked.payload["pk"])
    row = (rows.select_for_update(of=("self",)) if held else rows).first()
    return None if row is None else Proposal(asked, page, row)


def in_the_way(asked: ApprovalRequest, proposal: Proposal) -> str:
    """What stands in the way of carrying it out now: the maker's rights, the row's present state, the form's rules."""
    maker = User.objects.get(pk=asked.maker_id)
    if not maker.is_active or any(not has(maker, right) for right in proposal.page.to_change):
        return f"{asked.maker} may not change this any more. Somebody who may can ask again."
    if changed := _changed_meanwhile(proposal):
        return f"{asked.object_id} was changed meanwhile ({changed}). Look at it and ask again."
    if proposal.deed == DELETE or proposal.form.is_valid():
        return ""
    return next(str(sentence) for errors in proposal.form.errors.values() for sentence in errors)


def _changed_meanwhile(proposal: Proposal) -> str:
    """The fields whose value is not the one that the maker saw."""
    if proposal.deed == ADD:
        return ""
    seen, now = proposal.asked.payload["seen"], proposal.page.state_of(proposal.row)
    return ", ".join(proposal.page.label_of(name) for name in now if now[name] != seen.get(name))


def why_not_decide(asked: ApprovalRequest, user: User) -> str:
    """Why this person must not decide it: a change of the own access is agreed to by somebody else."""
    proposal = _load(asked, held=False) if asked.is_pending else None
    if proposal is None or proposal.deed == DELETE or not proposal.form.is_valid():
        return ""
    found = proposal.form.concerns(user)
    return f"{found[1]} Somebody else must decide." if found else ""


def carry_out(asked: ApprovalRequest, proposal: Proposal, checker: User) -> str:
    """Do what was agreed, for its maker, with the name of the second person beside every entry."""
    proposal.row._history_user = asked.maker  # type: ignore[attr-defined]  # noqa: SLF001, simple-history's way to it
    because(proposal.row, f"{asked.note} ({asked.number}, agreed by {checker.username})")
    facts = {"request": asked.number, "checker": checker.username}
    if proposal.deed == DELETE:
        proposal.page.remove(proposal.row, by=asked.maker, reason=asked.note, facts=facts)
        return "It is deleted."
    sentence: str = proposal.page.store(proposal.form, by=asked.maker, added=proposal.deed == ADD, facts=facts)
    return sentence


def evidence(asked: ApprovalRequest, reader: User) -> Mapping[str, Any]:
    """The values that the trail does not repeat, for those who decide on them."""
    private = asked.payload.get("private", {})
    return {"private": [(label, old, new) for label, (old, new) in private.items()]}


def url_of(asked: ApprovalRequest) -> str:
    """The row's page in Django admin, or the list where there is no row yet."""
    options = apps.get_model(asked.object_type)._meta
    at = f"admin:{options.app_label}_{options.model_name}"
    if asked.payload.get("deed", ADD) == ADD:
        return reverse(f"{at}_changelist")
    return reverse(f"{at}_change", args=[asked.payload["pk"]])


def waiting_about(row: models.Model) -> list[ApprovalRequest]:
    """What is proposed about this row and not decided, the grants that it would hold or lose among it; oldest first."""
    found = ApprovalRequest.objects.pending().filter(
        Q(object_type=row._meta.label_lower, payload__pk=row.pk) | Q(payload__holder=[row._meta.label_lower, row.pk])
    )
    return list(found.filter(payload__has_key="deed").select_related("maker").order_by("pk"))


def waiting_additions(model: type[models.Model]) -> list[ApprovalRequest]:
    """The new rows that are proposed and not decided, oldest first."""
    found = ApprovalRequest.objects.pending().filter(object_type=model._meta.label_lower, payload__deed=ADD)
    return list(found.select_related("maker").order_by("pk"))


def propose(row: models.Model, *, by: User, reason: str, **written: Any) -> ApprovalRequest:
    """Propose a change of this row where no page is open: every field of its form, lists as lists.

    Raises ValidationError where the form refuses it, and where nothing would change.
    """
    page: Any = admin.site._registry[type(row)]  # noqa: SLF001, the site's way to its pages
    request, data = _request_of(by), QueryDict(mutable=True)
    for name, value in (written | {"reason": reason}).items():
        data.setlist(name, value if isinstance(value, list) else [value])
    form = page.get_form(request, row, change=True)(data, instance=row)
    if not form.is_valid():
        raise ValidationError(form.errors.as_data()[next(iter(form.errors))])
    asked: ApprovalRequest | None = page.propose(form, by=by, deed=CHANGE)
    if asked is None:
        raise ValidationError("Nothing would change.")
    return asked


def rebuilt(asked: ApprovalRequest) -> tuple[HttpRequest, QueryDict]:
    """A request by the maker, as the page's form is made from one, and what was written into the form."""
    request = _request_of(User.objects.get(pk=asked.maker_id))
    written = QueryDict(mutable=True)
    for name, values in asked.payload["fields"].items():
        written.setlist(name, values)
    written["reason"] = asked.note
    return request, written


def _request_of(user: User) -> HttpRequest:
    request = HttpRequest()
    request.method = "POST"
    request.user = user
    return request


def register(key: str, label: str, *, propose: str, decide: str, kind: str = "Settings", has_page: bool = True) -> None:
    """Let changes of this kind be proposed. Without `has_page` those who decide cannot open Django admin."""
    maker_checker.register(
        Operation(
            key,
            label,
            propose=propose,
            decide=decide,
            load=load,
            guards=in_the_way,
            execute=carry_out,
            kind=kind,
            effect="Settings",
            evidence_template=EVIDENCE,
            evidence=evidence,
            why_not_decide=why_not_decide,
            url_of=url_of if has_page else lambda asked: "",
            changes_rights=True,
        )
    )


def register_own() -> None:
    """The changes of this room (DECISIONS.md section 4)."""
    for key, label in (("people", "People and rights"), ("organisations", "Organisations"), ("reference", "Settings")):
        register(key, f"Change of {label.lower()}", propose=f"accounts.propose_{key}", decide=f"accounts.decide_{key}")
    register(
        "settlement_account",
        "Change of a settlement account",
        propose="accounts.propose_organisations",
        decide="accounts.decide_settlement_account",
        has_page=False,
    )
