"""What two people decide together in the reports room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from accounts import maker_checker
from accounts.access import scope_of
from accounts.maker_checker import Operation
from accounts.models import User
from backoffice.reports import exporting
from backoffice.reports.columns import among
from backoffice.reports.models import Export
from backoffice.reports.sources import SOURCES

if TYPE_CHECKING:
    from accounts.models import ApprovalRequest

KIND = "Reports"


def _export(request: ApprovalRequest) -> Export | None:
    found: Export | None = Export.objects.called(request.object_id).locked().first()
    return found


def _why_not_agree(request: ApprovalRequest, export: Export) -> str:
    return exporting.why_not_agree(export)


def _agreed(request: ApprovalRequest, export: Export, checker: User) -> str:
    return exporting.agreed(export, request, checker)


def _why_not_decide(request: ApprovalRequest, user: User) -> str:
    """Nobody lets out what they could not look at themselves."""
    own, theirs = scope_of(user), scope_of(User.objects.get(pk=request.maker_id))
    partners = own.all_partners or (not theirs.all_partners and theirs.partner_ids <= own.partner_ids)
    branches = own.all_branches or (not theirs.all_branches and theirs.branch_ids <= own.branch_ids)
    if partners and branches:
        return ""
    return (
        "This export may hold transactions of partners or branches that you do not see. Someone who does must decide."
    )


def _evidence(request: ApprovalRequest, user: User) -> Mapping[str, Any]:
    found: Export | None = Export.objects.called(request.object_id).select_related("owner").first()
    if found is None:
        return {}
    source = SOURCES[found.source]
    columns = among(source.columns, found.columns)
    clear = exporting.clear_columns(columns, found.owner)
    return {"export": found, "columns": columns, "clear": clear, "rows": source.counted(found.promised)}


def register() -> None:
    """Make the operations known to the one place for two people. Called when the app is ready."""
    maker_checker.register(
        Operation(
            exporting.UNMASKED,
            "Export personal data clear",
            propose="reports.request_unmasked",
            decide="reports.decide_unmasked",
            load=_export,
            guards=_why_not_agree,
            execute=_agreed,
            kind=KIND,
            effect="Personal data",
            evidence=_evidence,
            evidence_template="reports/_export_evidence.html",
            why_not_decide=_why_not_decide,
            url_of=lambda request: reverse("accounts:request", args=[request.number]),
        )
    )
