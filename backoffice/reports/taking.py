"""Taking a report away as a file: made, and recorded in the trail, in one database transaction."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.access import check
from accounts.errors import Refused
from audit import trail
from audit.verbs import Verb
from backoffice.reports.report_files import Kind, Printed, name_of

if TYPE_CHECKING:
    from accounts.models import User
    from backoffice.reports.catalogue import Report, ReportGround

TYPE = "reports.report"
TAKES = "reports.create_export"


@transaction.atomic
def take(report: Report, ground: ReportGround, kind: Kind, *, by: User) -> tuple[str, bytes]:
    """The name and the bytes of a report's file. Refused where anything in the address is not understood; where the
    trail cannot be written there is no file.
    """
    for right in (*report.all_rights, TAKES):
        check(by, right)
    if not ground.is_sound:
        fault = ground.troubles[0].fault
        raise Refused(f"{fault} Nothing was made.", status=400, object_type=TYPE, object_id=report.slug)
    printed = Printed(report, ground, report.parts(ground.days), by)
    name, body = name_of(printed, kind), kind.made(printed)
    facts = {
        "report": report.title,
        "file": name,
        "asked": ground.in_words,
        "address": ground.address(),
        "count": sum(len(part.rows) for part in printed.parts),
        "sha256": sha256(body).hexdigest(),
        "zone": str(ground.zone),
    }
    trail.record(Verb.REPORT_DOWNLOADED, by=by, object_type=TYPE, object_id=report.slug, facts=facts)
    return name, body
