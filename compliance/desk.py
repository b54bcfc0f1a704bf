"""The ways to a case: from its transaction, by a deed that people outside compliance do not even see as impossible,
and from the search box by its number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.urls import reverse

from compliance.dossier import why_of
from compliance.models import Case
from transactions import deeds, elsewhere
from transactions.deeds import Deed, Guard
from transactions.elsewhere import Place
from transactions.facts import Facts
from transactions.models import Transaction

if TYPE_CHECKING:
    from accounts.models import User

_NUMBER: Final = re.compile(r"C([0-9]{4})([0-9]{5,12})", re.ASCII)


def cases_of(transaction: Transaction) -> list[Case]:
    """Every case about this transaction, the oldest first, looked up once."""
    found: list[Case] | None = transaction.__dict__.get("_cases")
    if found is None:
        found = transaction.__dict__["_cases"] = list(Case.objects.of_transaction(transaction).order_by("pk"))
    return found


def open_case(transaction: Transaction) -> Case | None:
    """The case in which this transaction is decided on; None when none is open."""
    return next((case for case in cases_of(transaction) if case.is_open), None)


def _address(transaction: Transaction) -> str:
    case = open_case(transaction)
    return case.get_absolute_url() if case is not None else reverse("compliance:queue")


def _is_open(facts: Facts) -> bool:
    return open_case(facts.transaction) is not None


def called(key: str, user: User) -> Place | None:
    """The case that this key calls in the search box, in the reader's scope."""
    number = _NUMBER.fullmatch(key)
    case = Case.objects.visible_to(user).called(f"C-{number[1]}-{number[2]}").first() if number else None
    return Place("Case", case.number, case.get_absolute_url(), why_of(case)) if case is not None else None


def register() -> None:
    """Let the detail page and the search box lead compliance to the case. Called when the app is ready."""
    elsewhere.register(elsewhere.Kind("case", "compliance.view_cases", "Number of a case", called))
    deeds.register(
        Deed(
            "decide_case",
            "Decide on the case",
            "compliance.work_cases",
            _address,
            "Release, reject, hold, correct or check again: on the page of the case, with the evidence.",
            guards=(
                Guard(
                    "case",
                    _is_open,
                    "No case is open about this transaction: it does not wait for compliance.",
                    is_of_state=True,
                ),
            ),
            is_secret=True,
            order=5,
        )
    )
