"""What a partner may be told about a transaction: the approved text of its stage, filled in.

No internal code, no personal data, and nothing that hints at the checks of the parties: the words of UI.md section 7,
point 42, never appear, whoever edited the texts.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from transactions import formats
from transactions.bank_days import next_update_by
from transactions.discretion import BEHIND_THE_DOOR, word_not_for_partners
from transactions.vocabulary import Family, Rail, Stage

if TYPE_CHECKING:
    from transactions.models import AnswerText, ReasonCode, Transaction

KEY_OF_STAGE: Final[dict[Stage, str]] = {
    Stage.INTAKE: "received",
    Stage.VALIDATION: "received",
    Stage.TITLE_FETCH: "validated",
    Stage.SCREENING: "validated",
    Stage.READY: "validated",
    Stage.CASH_READY: "pending_cash",
    Stage.FAILED_RETRYABLE: "failed_retryable",
    Stage.FAILED_FINAL: "failed",
    Stage.REJECTED_COMPLIANCE: "failed",
    Stage.CANCELLED: "cancelled",
    Stage.RETURNED: "returned",
    Stage.CREDITED: "completed",
    Stage.CASH_PAID: "completed",
    Stage.MANUALLY_SETTLED: "completed",
}
"""Which text answers for which stage; every other stage is `pending`."""

NEUTRAL: Final = (
    "{reference}, {amount}, received {received}. It is being processed. The next update is due by {next_update}."
)
"""What is said where no approved text is there, or where one holds a word that a partner must not read."""

KEYS: Final = sorted({*KEY_OF_STAGE.values(), "pending"})
"""The texts that there are."""
PLACEHOLDERS: Final = frozenset(
    {"reference", "amount", "received", "paid", "returned", "rail", "rail_reference", "reason", "next_update", "place"}
)
_BRACES: Final = re.compile(r"\{([^{}]*)\}|[{}]")
_RAILS: Final = {Rail.INTERNAL: "account transfer", Rail.CASH: "cash at the counter"}
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Answer:
    """The words for the partner, and which version of which text they are ("pending v1")."""

    text: str
    version: str


def why_not_for_partners(text: str) -> str:
    """Why this cannot be told to a partner: it holds a word that hints at the checks. "" when it can."""
    word = word_not_for_partners(text)
    return f"“{word}” hints at the checks of the parties; a partner must not read it." if word else ""


def why_not_a_text(text: str) -> str:
    """Why this cannot be an answer's text, in a sentence that names the word or the placeholder; "" when it can."""
    if sentence := why_not_for_partners(text):
        return sentence
    unknown = [found[1] or found[0] for found in _BRACES.finditer(text) if found[1] not in PLACEHOLDERS]
    known = ", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
    return f"“{unknown[0]}” is not one of the placeholders: {known}." if unknown else ""


def key_of(transaction: Transaction) -> str:
    """The key of the text that answers for the transaction's stage."""
    return KEY_OF_STAGE.get(Stage(transaction.stage), "pending")


def answer_for(
    transaction: Transaction,
    *,
    text: AnswerText | None,
    reasons: Mapping[str, ReasonCode],
    holidays: Container[dt.date],
    now: dt.datetime,
    zone: dt.tzinfo,
) -> Answer:
    """The answer about `transaction` at `now`, from the newest `text` of its key; times are told in `zone`."""
    is_safe = text is not None and not word_not_for_partners(text.text)
    template = text.text if text and is_safe else NEUTRAL
    version = f"{text.key} v{text.version}" if text and is_safe else "neutral"
    values = _values(transaction, reasons, next_update_by(transaction.stage_deadline, now, holidays), now, zone)
    filled = _PLACEHOLDER.sub(lambda found: values.get(found[1], ""), template)
    return Answer(" ".join(filled.split()), version)


def _values(
    transaction: Transaction,
    reasons: Mapping[str, ReasonCode],
    next_update: dt.datetime,
    now: dt.datetime,
    zone: dt.tzinfo,
) -> dict[str, str]:
    t = transaction
    has_sent = t.sent_amount is not None and t.sent_currency
    amount, currency = (t.sent_amount, t.sent_currency) if has_sent else (t.settled_amount, t.settled_currency)
    since = _minute(t.status_since, zone)
    return {
        "reference": f"{t.txn_id} (your reference {t.partner_reference})",
        "amount": formats.money(amount, currency).replace(formats.NO_BREAK_SPACE, " "),
        "received": _minute(t.received_at, zone),
        "paid": since,
        "returned": since,
        "rail": _RAILS.get(Rail(t.rail), str(Rail(t.rail).label))
        if t.rail in Rail.values
        else t.rail or "bank transfer",
        "rail_reference": t.rail_reference or t.bank_reference or "not given",
        "reason": _reason(t, reasons),
        "next_update": _due(next_update, now, zone),
        "place": f"our branch {t.branch.name}" if t.branch else "any of our branches",
    }


def _reason(transaction: Transaction, reasons: Mapping[str, ReasonCode]) -> str:
    """What the partner may be told about the reason: nothing where compliance has a hand in it."""
    reason = reasons.get(transaction.reason_code)
    if reason is None or transaction.stage in BEHIND_THE_DOOR or reason.family == Family.COMPLIANCE:
        return ""
    return "" if word_not_for_partners(reason.answer) else reason.answer


def _minute(moment: dt.datetime, zone: dt.tzinfo) -> str:
    local = moment.astimezone(zone)
    return f"{formats.date(local)} {local:%H:%M} {formats.zone_label(moment, zone)}"


def _due(moment: dt.datetime, now: dt.datetime, zone: dt.tzinfo) -> str:
    local = moment.astimezone(zone)
    clock = f"{local:%H:%M} {formats.zone_label(moment, zone)}"
    return f"{clock} today" if local.date() == now.astimezone(zone).date() else f"{clock} on {formats.date(local)}"
