"""Rules of the whitelist: a person and a list entry that two people found not to be the same, until further notice."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.utils import timezone

from accounts.models import ApprovalRequest
from audit import trail
from audit.verbs import Verb
from compliance.evidence import Standing, evidence_of
from compliance.models import Case, DecisionReason, WhitelistRule

if TYPE_CHECKING:
    from accounts.models import User

OPERATION: Final = "whitelist"
MONTHS: Final = {3: "3 months", 6: "6 months", 12: "12 months"}
DAYS_IN_A_MONTH: Final = 30


def why_not(standing: Standing | None, name: str) -> str:
    """Why no rule can be made of a hit; "" when one can."""
    if standing is None:
        return "The hit is not there any more: the check was made again."
    if standing.rule is not None:
        return f"Rule {standing.rule} clears the {standing.name} already."
    if standing.decision is None or not standing.is_cleared:
        return (
            f"Only a hit that was found to be another person can be put on the whitelist: the {standing.name} is not."
        )
    return ""


def object_name(case: Case, standing: Standing) -> str:
    """What a request for a rule is about: the case and the entry of the list."""
    return f"{case.number} {standing.hit.entity_id}"


@dataclass(frozen=True)
class Subject:
    """What a rule rests on. Other hits of the case may be decided meanwhile: only this one's own evidence counts."""

    case: Case


def in_the_way(request: ApprovalRequest, subject: Subject) -> str:
    """What stands in the way of a rule now: the decision that it rests on has fallen, or another rule is there."""
    return why_not(_standing(request, subject.case), request.object_id)


def agree(request: ApprovalRequest, subject: Subject, checker: User) -> str:
    """Make the rule that two people agreed on; a rule for the pair that is over gives way to it."""
    case = subject.case
    standing = _standing(request, case)
    if standing is None or standing.decision is None:  # the guards have just been asked
        raise LookupError(request.object_id)
    now = timezone.now()
    pair = {
        "person_key": standing.person_key,
        "list_name": standing.check.list_name,
        "entity_id": standing.hit.entity_id,
    }
    for old in WhitelistRule.objects.filter(ended_at__isnull=True, **pair).locked():
        old.ended_at, old.ended_by, old.end_reason = now, checker, "A newer rule took its place"
        old.save(update_fields=["ended_at", "ended_by", "end_reason"])
    rule = WhitelistRule.objects.create(
        number=_next_number(),
        case=case,
        **standing.as_whitelisted(),
        reason=DecisionReason.objects.get(code=request.reason_code),
        note=request.note,
        requested_by=request.maker,
        requested_at=request.created_at,
        agreed_by=checker,
        agreed_at=now,
        expires_at=now + dt.timedelta(days=DAYS_IN_A_MONTH * int(request.payload["months"])),
    )
    facts: dict[str, Any] = {"rule": str(rule), "entry": rule.entity_id, "list": rule.list_name}
    trail.record(Verb.RULE_AGREED, by=checker, obj=case, facts=facts)
    return f"Rule {rule} is in force."


def _standing(request: ApprovalRequest, case: Case) -> Standing | None:
    return evidence_of(case, now=timezone.now()).find(int(request.payload["hit"]))


def _next_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('compliance_rule_number')")
        (number,) = cursor.fetchone()
    return int(number)
