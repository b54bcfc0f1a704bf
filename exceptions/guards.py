"""What stands in the way of a deed at the exception desk: guards as data, shared by the page and the action.

Sources: DOMAIN.md section 4 (rows 18 to 26), DECISIONS.md sections 3 and 4. Sentences name no hit and no list: they
are read outside compliance too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from accounts.maker_checker import Job
from transactions import formats
from transactions.commands import already_asked
from transactions.deeds import Deed, Guard
from transactions.explain import missing_words
from transactions.facts import EXCLUSIVE, Facts
from transactions.vocabulary import (
    ALWAYS_TWO,
    PAID_STAGES,
    CommandKind,
    PayoutMethod,
    Rail,
    RetryClass,
    Stage,
    Status,
)

MONEY_OPERATIONS: Final = frozenset(
    {"repush", "move_to_rtgs", "cancel", "send_back", "mark_manually_settled", "mark_reversed", "reverse"}
)
_MAY_HELP: Final = frozenset({RetryClass.RETRY, RetryClass.INQUIRE, ""})
_AT_A_RAIL: Final = (Stage.PAYMENT, Stage.RTGS_QUEUE, Stage.SETTLEMENT, Stage.OUTCOME_UNKNOWN, Stage.FAILED_RETRYABLE)


# -- what the state allows --------------------------------------------------------------------------------------------


def _state(facts: Facts) -> str:
    return f"This transaction is {Status(facts.transaction.status).label}."


def _is_unknown(facts: Facts) -> bool:
    return facts.stage is Stage.OUTCOME_UNKNOWN


UNKNOWN: Final = (
    "We do not know yet whether the bank has the money. Ask the bank first: doing more now could pay twice."
)


def _in(*stages: Stage, only: str) -> Guard:
    """The transaction stands in one of these stages. An outcome that nobody knows has a sentence of its own."""

    def sentence(facts: Facts) -> str:
        return UNKNOWN if _is_unknown(facts) else f"{only} {_state(facts)}"

    return Guard("stage", lambda facts: facts.stage in stages, sentence, _state, is_of_state=True)


def _reason_fact(facts: Facts) -> str:
    return f"Reason {facts.transaction.reason_code or 'not given'}"


def _no_retry(facts: Facts) -> str:
    reason = facts.reason
    if reason is None or reason.family in ("compliance", "title"):
        return "Trying again with the same data does not help. It must be corrected first."
    return f"Trying again with the same data does not help: {reason.sentence} {reason.helps}".strip()


REASON_ALLOWS: Final = Guard(
    "reason_allows",
    lambda facts: facts.reason is None or facts.reason.retry_class in _MAY_HELP,
    _no_retry,
    _reason_fact,
)
NOTHING_MISSING: Final = Guard(
    "events_complete",
    lambda facts: not facts.transaction.missing_sequences,
    lambda facts: (
        f"{missing_words(list(facts.transaction.missing_sequences))} "
        "Until the platform has sent what is missing, nothing is done with the money."
    ),
    lambda facts: f"{len(facts.transaction.missing_sequences)} events missing",
)
ATTEMPTS_LEFT: Final = Guard(
    "attempts_left",
    lambda facts: facts.attempts_used < facts.limits.attempts,
    lambda facts: f"It was tried {facts.attempts_used} times; {facts.limits.attempts} is the most there may be.",
    lambda facts: f"{facts.attempts_used} of {facts.limits.attempts} attempts",
)
DATA_UNCHANGED: Final = Guard(
    "data_unchanged",
    lambda facts: not facts.data_changed_since_checks,
    "The data was changed after the checks. They must be passed again before anything is paid.",
)
NO_DUPLICATE: Final = Guard(
    "no_duplicate",
    lambda facts: not facts.transaction.duplicate_suspect or facts.is_duplicate_overridden,
    "It may be the repeat of another payment: the same amount went to the same account within three days. "
    "Two people must agree that it is none.",
)


def _rival(facts: Facts) -> str:
    command = facts.open_command
    return already_asked(command) if command else ""


NO_OPEN_COMMAND: Final = Guard("no_open_command", lambda facts: facts.open_command is None, _rival)


def _waiting(facts: Facts) -> str:
    first = facts.pending[0] if facts.pending else None
    if first is None:
        return ""
    return f"{first.maker} asked for a second person already: {first.number} waits for a decision."


NOTHING_WAITS: Final = Guard(
    "nothing_waits", lambda facts: not any(one.operation in MONEY_OPERATIONS for one in facts.pending), _waiting
)
IS_TO_AN_ACCOUNT: Final = Guard(
    "to_an_account",
    lambda facts: facts.transaction.payout_method == PayoutMethod.ACCOUNT,
    "Cash is paid at the counter; there is no payment to a rail.",
    is_of_state=True,
)


# -- rails ------------------------------------------------------------------------------------------------------------


def _rails(facts: Facts) -> str:
    used = [rail.value for rail in Rail if any(word.rail == rail for word in facts.money)]
    return f"Rails used: {', '.join(used) or 'none'}"


def _both_refused(facts: Facts) -> bool:
    return all(facts.has_rejected(rail) for rail in EXCLUSIVE)


def _rails_are_free(facts: Facts) -> bool:
    """No rail may hold the money, and of 1LINK and RAAST either none was used or both refused it definitely."""
    if any(facts.rail_may_hold(rail) for rail in Rail):
        return False
    rejected = [facts.has_rejected(rail) for rail in EXCLUSIVE]
    return all(rejected) or not any(rejected)


def _why_not_rtgs(facts: Facts) -> str:
    holding = [rail for rail in Rail if facts.rail_may_hold(rail)]
    if holding:
        return f"{holding[0].label} may hold the money. A second rail could pay twice."
    used = next((rail for rail in EXCLUSIVE if facts.has_rejected(rail)), Rail.ONE_LINK)
    return f"Only {used.label} has refused it. The money may already be on that way: retry it there."


NO_RAIL_HOLDS_IT: Final = Guard("no_rail_holds_it", _rails_are_free, _why_not_rtgs, _rails)
A_RAIL_IS_LEFT: Final = Guard(
    "a_rail_is_left",
    lambda facts: not _both_refused(facts),
    "1LINK and RAAST have both refused it. Move it to RTGS.",
    _rails,
)
NOT_ON_RTGS: Final = Guard(
    "not_on_rtgs", lambda facts: facts.transaction.rail != Rail.RTGS, "It is on RTGS already. Retry it there.", _rails
)
HAS_IBAN: Final = Guard("has_iban", lambda facts: facts.is_iban, "RTGS pays to an IBAN; this account has none.")


def _reaches_minimum(facts: Facts) -> bool:
    least = facts.limits.rtgs_minimum(facts.transaction.settled_currency)
    return least is not None and facts.transaction.settled_amount >= least


def _below_minimum(facts: Facts) -> str:
    currency = facts.transaction.settled_currency
    least = facts.limits.rtgs_minimum(currency)
    return f"RTGS takes no {currency}." if least is None else f"RTGS begins at {formats.money(least, currency)}."


RTGS_MINIMUM: Final = Guard(
    "rtgs_minimum",
    _reaches_minimum,
    _below_minimum,
    lambda facts: formats.money(facts.transaction.settled_amount, facts.transaction.settled_currency),
)
ON_RTGS: Final = Guard(
    "on_rtgs",
    lambda facts: (
        facts.stage is Stage.RTGS_QUEUE or (facts.stage is Stage.SETTLEMENT and facts.transaction.rail == Rail.RTGS)
    ),
    lambda facts: UNKNOWN if _is_unknown(facts) else f"This is possible only while it is on RTGS. {_state(facts)}",
    _state,
    is_of_state=True,
)


# -- asking the bank --------------------------------------------------------------------------------------------------

WAS_SENT: Final = Guard(
    "was_sent",
    lambda facts: facts.stage in _AT_A_RAIL,
    lambda facts: (
        "The beneficiary has the money; there is nothing to ask."
        if facts.stage in PAID_STAGES
        else f"There is nothing to ask a bank about. {_state(facts)}"
    ),
    _state,
    is_of_state=True,
)
NO_OPEN_INQUIRY: Final = Guard(
    "no_open_inquiry",
    lambda facts: facts.open_inquiry is None,
    lambda facts: already_asked(facts.open_inquiry) if facts.open_inquiry else "",
)


# -- the deeds --------------------------------------------------------------------------------------------------------

_ALWAYS_TWO: Final = frozenset({*(kind.value for kind in ALWAYS_TWO), "override_duplicate"})
_COMMON: Final = (NOTHING_MISSING, NO_OPEN_COMMAND, NOTHING_WAITS)


def _above_the_limit(operation: str) -> Callable[[Facts, Job], bool]:
    def needed(facts: Facts, job: Job) -> bool:
        row = facts.transaction
        if operation in _ALWAYS_TWO:
            return True
        return facts.policies.people(operation, amount=row.settled_amount, currency=row.settled_currency, job=job) == 2

    return needed


def _amount(facts: Facts) -> str:
    return formats.money(facts.transaction.settled_amount, facts.transaction.settled_currency)


def _address(key: str) -> Callable[[object], str]:
    return lambda transaction: f"{transaction.get_absolute_url()}do/{key.replace('_', '-')}/"  # type: ignore[attr-defined]


_OM, _OC = "exceptions.propose_operations", "exceptions.decide_operations"
_TM, _TC = "exceptions.propose_settlement", "exceptions.decide_settlement"


def _deed(
    key: str,
    label: str,
    permission: str,
    decided_by: str,
    consequence: str | Callable[[Facts], str],
    *guards: Guard,
    order: int,
) -> Deed:
    return Deed(
        key,
        label,
        permission,
        _address(key),
        consequence,
        guards,
        two_people=_above_the_limit(key) if decided_by else (lambda facts, job: False),
        decided_by=decided_by,
        order=order,
    )


REPUSH: Final = _deed(
    "repush",
    "Retry the payment",
    _OM,
    _OC,
    lambda facts: (
        f"The bank is asked first. Only when it says that nothing was sent, {_amount(facts)} is sent again "
        f"by {facts.transaction.rail_label or 'the same rail'}, as attempt {facts.attempts_used + 1}."
    ),
    IS_TO_AN_ACCOUNT,
    _in(Stage.FAILED_RETRYABLE, only="Retry is possible only after a failure."),
    REASON_ALLOWS,
    ATTEMPTS_LEFT,
    A_RAIL_IS_LEFT,
    DATA_UNCHANGED,
    NO_DUPLICATE,
    *_COMMON,
    order=30,
)
INQUIRE: Final = _deed(
    "inquire",
    "Ask the bank",
    "exceptions.inquire",
    "",
    "The bank is asked where the money is. Nothing is sent or moved.",
    WAS_SENT,
    NO_OPEN_INQUIRY,
    order=40,
)
MOVE_TO_RTGS: Final = _deed(
    "move_to_rtgs",
    "Move to RTGS",
    _OM,
    _OC,
    lambda facts: (
        f"The bank is asked first. Only when it says that nothing was sent, {_amount(facts)} is sent by RTGS "
        f"instead of {facts.transaction.rail_label or 'its rail'}."
    ),
    IS_TO_AN_ACCOUNT,
    _in(Stage.FAILED_RETRYABLE, only="It can be moved to another rail only after a failure."),
    REASON_ALLOWS,
    NOT_ON_RTGS,
    NO_RAIL_HOLDS_IT,
    HAS_IBAN,
    RTGS_MINIMUM,
    DATA_UNCHANGED,
    NO_DUPLICATE,
    *_COMMON,
    order=50,
)
SEND_BACK: Final = _deed(
    "send_back",
    "Send back for correction",
    _OM,
    "",
    "It goes back to be corrected and checked again. Nothing is paid until then.",
    _in(Stage.FAILED_RETRYABLE, only="It can be sent back only after a failure."),
    *_COMMON,
    order=60,
)
CANCEL: Final = _deed(
    "cancel",
    "Cancel before payout",
    _OM,
    _OC,
    lambda facts: (
        f"{facts.transaction.partner} is told that {_amount(facts)} was not paid and is cancelled. "
        "This cannot be undone here."
    ),
    _in(Stage.READY, Stage.CASH_READY, only="It can be cancelled only before it is paid."),
    *_COMMON,
    order=70,
)
OVERRIDE_DUPLICATE: Final = _deed(
    "override_duplicate",
    "Confirm that it is no duplicate",
    _OM,
    _OC,
    "It may be paid although the same amount went to the same account within three days.",
    Guard(
        "is_suspect",
        lambda facts: facts.transaction.duplicate_suspect,
        "It is not marked as a possible duplicate.",
        is_of_state=True,
    ),
    Guard(
        "not_overridden",
        lambda facts: not facts.is_duplicate_overridden,
        "Two people agreed already that it is no duplicate.",
        is_of_state=True,
    ),
    Guard("nothing_waits", lambda facts: facts.pending_of("override_duplicate") is None, _waiting),
    order=80,
)
MARK_MANUALLY_SETTLED: Final = _deed(
    "mark_manually_settled",
    "Mark as manually settled",
    _TM,
    _TC,
    lambda facts: (
        f"It is completed for good as settled by hand: {facts.transaction.partner} is told that {_amount(facts)} "
        "was paid. It is marked so for ever."
    ),
    ON_RTGS,
    *_COMMON,
    order=90,
)
MARK_REVERSED: Final = _deed(
    "mark_reversed",
    "Mark as reversed",
    _TM,
    _TC,
    lambda facts: (
        f"It ends as returned: {facts.transaction.partner} is told that {_amount(facts)} came back. "
        "This cannot be undone here."
    ),
    ON_RTGS,
    *_COMMON,
    order=100,
)
REVERSE: Final = Deed(
    "reverse",
    "Reverse",
    _OM,
    lambda transaction: "/reversals/",
    lambda facts: f"It ends as returned: {_amount(facts)} goes back. A matched row of a reversal file asks for it.",
    (
        Guard(
            "not_returned",
            lambda facts: facts.stage is not Stage.RETURNED,
            "The money came back already.",
            _state,
            is_of_state=True,
        ),
        _in(*PAID_STAGES, Stage.SETTLEMENT, only="Only what was paid or is being settled can be reversed."),
        *_COMMON,
    ),
    two_people=lambda facts, job: True,
    decided_by=_OC,
    order=110,
)
"""A row of a reversal file alone asks for it, so it is not among the deeds of a page."""

DEEDS: Final[dict[str, Deed]] = {
    deed.key: deed
    for deed in (
        REPUSH,
        INQUIRE,
        MOVE_TO_RTGS,
        SEND_BACK,
        CANCEL,
        OVERRIDE_DUPLICATE,
        MARK_MANUALLY_SETTLED,
        MARK_REVERSED,
        REVERSE,
    )
}
ON_THE_WAY: Final = frozenset({NO_OPEN_COMMAND.name, NOTHING_WAITS.name})
"""Guards that a command itself would fail once it is queued; they are left out when it is about to be sent."""
COMMAND_OF: Final[dict[str, CommandKind]] = {key: CommandKind(key) for key in DEEDS if key in CommandKind.values}
