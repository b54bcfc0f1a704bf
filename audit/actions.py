"""What an auditor can ask for: that the trail is verified now. It changes nothing but the notice of that."""

from __future__ import annotations

from django.db import transaction

from accounts.access import check
from accounts.errors import Refused
from accounts.models import User
from audit import checking, trail
from audit.models import Verification
from audit.verbs import Verb


@transaction.atomic
def ask_verification(*, by: User) -> Verification:
    """Let the worker verify the whole trail now. Raises Refused while a verification is under way."""
    check(by, "audit.view_trail")
    reading = checking.begin(asked_by=by.username)
    if reading is None:
        raise Refused("The trail is being verified already. Its outcome will stand on this page.")
    checking.queue()
    trail.record(Verb.CHAIN_CHECK_ASKED, by=by, object_type=checking.TRAIL)
    return reading
