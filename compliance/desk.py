"""The way from a transaction to its case: a deed that people outside compliance do not even see as impossible."""

from __future__ import annotations

from django.urls import reverse

from compliance.models import Case
from transactions import deeds
from transactions.deeds import Deed, Guard
from transactions.facts import Facts
from transactions.models import Transaction


def open_case(transaction: Transaction) -> Case | None:
    """The case in which this transaction is decided on, looked up once; None when none is open."""
    if "_open_case" not in transaction.__dict__:
        found = Case.objects.of_transaction(transaction).open().order_by("pk").first()
        transaction.__dict__["_open_case"] = found
    case: Case | None = transaction.__dict__["_open_case"]
    return case


def _address(transaction: Transaction) -> str:
    case = open_case(transaction)
    return case.get_absolute_url() if case is not None else reverse("compliance:queue")


def _is_open(facts: Facts) -> bool:
    return open_case(facts.transaction) is not None


def register() -> None:
    """Let the detail page lead compliance to the case. Called when the app is ready."""
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
