"""The kinds of stories: what happens to a remittance, one function per kind, in the words of the trade."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from backoffice.demo.telling import Teller

Tale: TypeAlias = Callable[[Teller], object]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A kind of story: how it is told, the stage it ends in, and the rails and amounts it needs."""

    tell: Tale
    ends: str
    rails: tuple[str, ...] = ()
    least: Decimal = Decimal(1_500)
    lost: int = 0
    """A step (counted from 0) that the platform sends and nobody ever receives."""


_ACCOUNT: Final = ("INTERNAL", "RAAST", "1LINK")
_SWITCHED: Final = ("RAAST", "1LINK")
DAY: Final = 86_400.0


# -- open: one kind per stage -----------------------------------------------------------------------------------------


def _intake(t: Teller) -> object:
    return t


def _validation(t: Teller) -> object:
    return t.intake()


def _title_fetch(t: Teller) -> object:
    return t.intake().wait(0.1, 2).validation()


def _screening(t: Teller) -> object:
    return t.intake().wait(0.1, 2).validation().wait(0.1, 2).title_fetch()


def _review_hits(t: Teller) -> object:
    _screening(t)
    return t.wait(0.1, 2).screening("REVIEW", hits_on=t.rng.choice(("SENDER", "RECEIVER")))


def _review_unavailable(t: Teller) -> object:
    _screening(t)
    return t.wait(0.1, 2).screening("TIMEOUT")


def _review_title(match: str) -> Tale:
    def tell(t: Teller) -> object:
        return t.intake().wait(0.1, 2).validation().wait(0.1, 2).title_fetch(match)

    return tell


def _review_fields(t: Teller) -> object:
    return t.intake().wait(0.1, 2).validation(t.rng.choice(("BE04", "DT01")))


def _review_posting(t: Teller) -> object:
    t.checked().submit().outcome("FAILED", "NOT_SENT", code="AC01")
    return t.wait(600, 5_000).say("compliance_review", "STARTED", channel="REVIEW_DESK", code="AC01")


def _approval(t: Teller) -> object:
    return t.checked().approval("STARTED")


def _payment(t: Teller) -> object:
    return t.checked().submit()


def _settlement(t: Teller) -> object:
    return t.checked().submit().outcome("SUCCESS", "AT_RAIL")


def _outcome_unknown(t: Teller) -> object:
    return t.checked().submit().outcome("TIMEOUT", "UNKNOWN", code="DS24")


def _counter(t: Teller) -> object:
    return t.checked().counter()


# -- completed --------------------------------------------------------------------------------------------------------


def _paid(t: Teller) -> object:
    return t.checked().pay()


def _released(opening: Tale) -> Tale:
    def tell(t: Teller) -> object:
        opening(t)
        return t.reviewed().wait(1, 10).pay()

    return tell


def _corrected(t: Teller) -> object:
    _review_fields(t)
    t.wait(1_200, 9_000).screened("SENDER").screened("RECEIVER")
    return t.reviewed(hours=(0.01, 0.3)).wait(1, 10).pay()


def _found_paid(t: Teller) -> object:
    _outcome_unknown(t)
    return t.wait(120, 1_500).inquiry("WITH_BENEFICIARY")


def _second_attempt(t: Teller) -> object:
    t.checked().submit().outcome("FAILED", "NOT_SENT", code=t.rng.choice(("TECH", "ED05")))
    return t.wait(900, 7_000).inquiry("NOT_SENT").wait(5, 60).pay(2)


def _moved_to_rtgs(t: Teller) -> object:
    t.checked()
    for attempt, rail in enumerate(("1LINK", "RAAST"), 1):
        t.rail = rail
        t.submit(attempt).outcome("FAILED", "NOT_SENT", attempt=attempt, code="ED05").wait(900, 4_000)
    t.rail = "RTGS"
    return t.pay(3)


def _manually_settled(t: Teller) -> object:
    t.checked().submit().outcome("SUCCESS", "AT_RAIL").wait(3_600, 20_000)
    return t.say(
        "manual_settlement",
        "SUCCESS",
        channel="RTGS",
        rail="RTGS",
        fundsPosition="WITH_BENEFICIARY",
        request={"settlementDate": f"{t.instruction.at:%Y-%m-%d}", "fileName": "settlement-advice.pdf"},
        **t.reference(),
    )


def _approved(t: Teller) -> object:
    return t.checked().approval("STARTED").wait(120, 5_000).approval("SUCCESS").wait(1, 20).pay()


def _screened_after(t: Teller) -> object:
    _paid(t)
    return t.wait(3_000, 9_000).screened("RECEIVER", "HITS", timing="POST")


def _paid_after_failure(t: Teller) -> object:
    """Contradictory: given up for good, then the rail proves that it paid."""
    t.rail = "1LINK"
    t.checked().submit().outcome("FAILED", "NOT_SENT", code="AC04")
    return t.wait(600, 4_000).settlement()


def _paid_in_review(t: Teller) -> object:
    """Contradictory: paid while the review is still open."""
    _review_hits(t)
    return t.wait(300, 3_000).outcome("SUCCESS", "WITH_BENEFICIARY")


def _paid_then_failed(t: Teller) -> object:
    """The word FAILED after the money arrived: it joins the timeline and moves nothing."""
    _paid(t)
    return t.wait(60, 600).say("payment", "FAILED", channel=t.rail, code="TECH", rail=t.rail, fundsPosition="NOT_SENT")


# -- failed -----------------------------------------------------------------------------------------------------------


def _failed(code: str) -> Tale:
    def tell(t: Teller) -> object:
        return t.checked().submit().outcome("FAILED", "NOT_SENT", code=code)

    return tell


def _not_picked_up(t: Teller) -> object:
    return (
        t.checked()
        .counter()
        .wait(8 * DAY, 10 * DAY)
        .say("cash_payout", "FAILED", channel="COUNTER", code="CNPC", rail="CASH", fundsPosition="NOT_SENT")
    )


def _exhausted(t: Teller) -> object:
    """Three attempts, all refused: no fourth is allowed."""
    t.checked()
    for attempt in (1, 2, 3):
        t.submit(attempt).outcome("FAILED", "NOT_SENT", attempt=attempt, code="TECH").wait(600, 3_000)
        if attempt < 3:
            t.inquiry("NOT_SENT").wait(5, 40)
    return t


def _rejected(opening: Tale, code: str) -> Tale:
    def tell(t: Teller) -> object:
        opening(t)
        return t.reviewed("FAILED", code)

    return tell


# -- returned, cancelled ----------------------------------------------------------------------------------------------


def _returned_after_credit(t: Teller) -> object:
    _paid(t)
    return t.wait(0.3 * DAY, 3 * DAY).returned(t.rng.choice(("AC04", "MD07", "FOCR")))


def _returned_by_rail(t: Teller) -> object:
    _settlement(t)
    return t.wait(600, 3_000).settlement("FAILED", "RETURNED", "AC07")


def _cancelled_early(t: Teller) -> object:
    return t.checked().cancelled()


def _cancelled_at_counter(t: Teller) -> object:
    return t.checked().counter().wait(3_000, 2 * DAY).cancelled()


def _cancelled_by_branch(t: Teller) -> object:
    return t.checked().approval("STARTED").wait(300, 7_000).approval("FAILED", "CUST")


def _paid_after_cancelling(t: Teller) -> object:
    """Contradictory: cancelled, then submitted all the same; nothing is moved by it."""
    return t.checked().cancelled().wait(20, 90).submit()


RECIPES: Final[dict[str, Recipe]] = {
    "at:intake": Recipe(_intake, "intake"),
    "at:validation": Recipe(_validation, "validation"),
    "at:title_fetch": Recipe(_title_fetch, "title_fetch", _ACCOUNT),
    "at:screening": Recipe(_screening, "screening"),
    "at:ready": Recipe(lambda t: t.checked(), "ready"),
    "review:hits": Recipe(_review_hits, "compliance_review"),
    "review:unavailable": Recipe(_review_unavailable, "compliance_review"),
    "review:title_close": Recipe(_review_title("CLOSE"), "compliance_review", _ACCOUNT),
    "review:title_no_match": Recipe(_review_title("NO_MATCH"), "compliance_review", _ACCOUNT),
    "review:title_no_data": Recipe(_review_title("NO_DATA"), "compliance_review", _ACCOUNT),
    "review:fields": Recipe(_review_fields, "compliance_review"),
    "review:posting": Recipe(_review_posting, "compliance_review", _ACCOUNT),
    "at:pending_approval": Recipe(_approval, "pending_approval", ("CASH",)),
    "at:payment": Recipe(_payment, "payment", _ACCOUNT),
    "at:rtgs_queue": Recipe(_payment, "rtgs_queue", ("RTGS",)),
    "at:settlement": Recipe(_settlement, "settlement", ("1LINK",)),
    "unknown:1LINK": Recipe(_outcome_unknown, "outcome_unknown", ("1LINK",)),
    "unknown:RAAST": Recipe(_outcome_unknown, "outcome_unknown", ("RAAST",)),
    "unknown:INTERNAL": Recipe(_outcome_unknown, "outcome_unknown", ("INTERNAL",)),
    "unknown:RTGS": Recipe(_outcome_unknown, "outcome_unknown", ("RTGS",)),
    "at:cash_ready": Recipe(_counter, "cash_ready", ("CASH",)),
    "paid": Recipe(_paid, "credited", (*_ACCOUNT, "RTGS")),
    "paid:cash": Recipe(_paid, "cash_paid", ("CASH",)),
    "paid:approved": Recipe(_approved, "cash_paid", ("CASH",)),
    "paid:hits_released": Recipe(_released(_review_hits), "credited", _ACCOUNT),
    "paid:title_released": Recipe(_released(_review_title("CLOSE")), "credited", _ACCOUNT),
    "paid:corrected": Recipe(_corrected, "credited", _ACCOUNT),
    "paid:found": Recipe(_found_paid, "credited", _ACCOUNT),
    "paid:second_attempt": Recipe(_second_attempt, "credited", _ACCOUNT),
    "paid:moved_to_rtgs": Recipe(_moved_to_rtgs, "credited", ("1LINK",), Decimal(110_000)),
    "paid:manually": Recipe(_manually_settled, "manually_settled", ("RTGS",)),
    "paid:fx_mismatch": Recipe(_paid, "credited", ("1LINK",), Decimal(40_000)),
    "paid:screened_after": Recipe(_screened_after, "credited", ("RAAST",)),
    "paid:duplicate": Recipe(_paid, "credited", _SWITCHED),
    "paid:missing": Recipe(_paid, "credited", ("RAAST",), lost=4),
    "paid:then_failed": Recipe(_paid_then_failed, "credited", ("RAAST",)),
    "contradictory:paid_after_failure": Recipe(_paid_after_failure, "credited", ("1LINK",)),
    "contradictory:paid_in_review": Recipe(_paid_in_review, "credited", ("1LINK",)),
    "contradictory:submitted_after_cancelling": Recipe(_paid_after_cancelling, "cancelled", ("RAAST",)),
    "blocked:correct": Recipe(_failed("AC01"), "failed_retryable", ("1LINK",)),
    "blocked:exhausted": Recipe(_exhausted, "failed_retryable", ("1LINK",)),
    "blocked:missing": Recipe(_failed("TECH"), "failed_retryable", ("1LINK",), lost=5),
    **{
        f"retryable:{code}": Recipe(_failed(code), "failed_retryable", _SWITCHED)
        for code in ("AM04", "ED05", "TECH", "DS24", "MS03", "NARR")
    },
    **{
        f"failed:{code}": Recipe(_failed(code), "failed_final", _ACCOUNT)
        for code in ("AC04", "AC07", "AM05", "ARDT", "CUST", "DUPL", "FOCR", "FR01", "FRAD", "LEGL", "MD07")
    },
    "failed:CNPC": Recipe(_not_picked_up, "failed_final", ("CASH",)),
    "rejected:hits": Recipe(_rejected(_review_hits, "FR01"), "rejected_compliance"),
    "rejected:title": Recipe(_rejected(_review_title("NO_MATCH"), "BE01"), "rejected_compliance", _ACCOUNT),
    "rejected:fields": Recipe(_rejected(_review_fields, "RR04"), "rejected_compliance"),
    "returned:after_credit": Recipe(_returned_after_credit, "returned", _SWITCHED),
    "returned:by_rail": Recipe(_returned_by_rail, "returned", ("1LINK",)),
    "cancelled:early": Recipe(_cancelled_early, "cancelled"),
    "cancelled:counter": Recipe(_cancelled_at_counter, "cancelled", ("CASH",)),
    "cancelled:branch": Recipe(_cancelled_by_branch, "cancelled", ("CASH",)),
}

KIND_FOR_STAGE: Final[dict[str, str]] = {
    "intake": "at:intake",
    "validation": "at:validation",
    "title_fetch": "at:title_fetch",
    "screening": "at:screening",
    "ready": "at:ready",
    "compliance_review": "review:hits",
    "pending_approval": "at:pending_approval",
    "payment": "at:payment",
    "rtgs_queue": "at:rtgs_queue",
    "settlement": "at:settlement",
    "outcome_unknown": "unknown:1LINK",
    "cash_ready": "at:cash_ready",
    "failed_retryable": "retryable:TECH",
    "failed_final": "failed:AC04",
    "rejected_compliance": "rejected:hits",
    "returned": "returned:after_credit",
    "cancelled": "cancelled:early",
    "credited": "paid",
    "cash_paid": "paid:cash",
    "manually_settled": "paid:manually",
}
"""The canonical story of each of the twenty stages (DECISIONS.md section 1)."""
