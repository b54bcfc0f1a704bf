"""Files that prove what treasury did by hand: kept with the deed, in one database transaction, and never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction

from exceptions.deed_forms import kind_of
from exceptions.models import Evidence

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.models import Transaction


@transaction.atomic
def with_evidence(deed: Callable[..., Any], remittance: Transaction, *, by: User, typed: Mapping[str, Any]) -> Any:
    """Keep the file and do the deed that it proves; refused together, kept together."""
    rest = dict(typed)
    file = rest.pop("evidence")
    if "settled_on" in rest:
        rest["settled_on"] = rest["settled_on"].isoformat()
    content = file.read()
    digest = hashlib.sha256(content).hexdigest()
    Evidence.objects.get_or_create(
        transaction=remittance,
        sha256=digest,
        defaults={
            "name": str(file.name)[:120],
            "content": content,
            "content_type": kind_of(file) or "application/octet-stream",
            "added_by": by,
        },
    )
    return deed(remittance, by=by, evidence={"name": str(file.name)[:120], "sha256": digest}, **rest)
