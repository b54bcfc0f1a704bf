"""Where e-PRCs are offered: on the page of a payment, below the list, in the search box, to a second person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from accounts import maker_checker
from accounts.access import has
from accounts.maker_checker import Operation
from backoffice.reports import certificates
from backoffice.reports.models import Certificate
from transactions import aftermath, bulk_deeds, deeds, numbers, panels
from transactions.deeds import Deed, Guard
from transactions.vocabulary import Stage, Status

if TYPE_CHECKING:
    from accounts.models import ApprovalRequest, User
    from transactions.dossier import Dossier


def section(dossier: Dossier) -> Mapping[str, Any]:
    """The certificates of a payment; no section where there are none."""
    paid_once = dossier.transaction.status == Status.COMPLETED or dossier.transaction.stage == Stage.RETURNED
    if not paid_once or not any(has(dossier.user, right) for right in certificates.READERS):
        return {}
    found = list(Certificate.objects.of(dossier.transaction).for_page().newest_first())
    return {"certificates": found, "count": len(found)} if found else {}


def address_of(key: str, user: User) -> str:
    """The page of the certificate of this number, for those who may read it."""
    if not any(has(user, right) for right in certificates.READERS):
        return ""
    number = f"{key[:3]}-{key[3:7]}-{key[7:]}"
    found = Certificate.objects.visible_to(user).called(number).first()
    return found.get_absolute_url() if found else ""


def _evidence(request: ApprovalRequest, user: User) -> Mapping[str, Any]:
    found = Certificate.objects.visible_to(user).called(request.object_id).for_page().first()
    return {"certificate": found, "reissue": bool(request.payload.get("reissue"))} if found else {}


def register() -> None:
    """Make everything known. Called when the app is ready."""
    aftermath.register("certificates", certificates.void_returned)
    numbers.register(numbers.Numbered("e-PRC", re.compile(r"PRC\d{11}", re.ASCII), address_of))
    panels.register(panels.Panel("eprc", "e-PRC", "reports/_certificates.html", section, 50))
    bulk_deeds.register(
        bulk_deeds.BulkDeed("eprc", "Issue e-PRCs", certificates.ISSUE, "reports:certificates-many", order=26)
    )
    paid = Guard(
        "completed",
        lambda facts: facts.transaction.status == Status.COMPLETED,
        certificates.NOT_PAID,
        is_of_state=True,
    )
    deeds.register(
        Deed(
            "issue_eprc",
            "Issue an e-PRC",
            certificates.ISSUE,
            lambda payment: reverse("reports:certificate-issue", args=[payment.txn_id]),
            "A numbered certificate of the proceeds is issued once; afterwards it is shown here.",
            guards=(paid,),
            order=90,
        )
    )
    maker_checker.register(
        Operation(
            certificates.VOID,
            "Void or reissue an e-PRC",
            propose="reports.propose_eprc_void",
            decide="reports.decide_eprc_void",
            load=certificates.load,
            guards=certificates.in_the_way,
            execute=certificates.carry_out,
            kind="e-PRC",
            effect="Certificate",
            evidence=_evidence,
            evidence_template="reports/_certificate_evidence.html",
            url_of=lambda request: reverse("reports:certificate", args=[request.object_id]),
        )
    )
