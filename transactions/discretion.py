"""What may be said to whom: outside compliance nothing on a page hints that a transaction is checked for its parties.

Telling a customer or a partner that a payment is being screened is forbidden (AMLA 2010, FATF recommendation 21), and
whoever speaks with them cannot repeat what was never read. DECISIONS.md section 5 says what is read instead.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from accounts.access import has
from transactions.masking import DOT
from transactions.vocabulary import Actor, EventStage, Family, Stage

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User
    from transactions.models import ReasonCode

NOT_ACCEPTED: Final = "Not accepted."
REVIEWER: Final = "Reviewer"

CHECKS: Final = frozenset({EventStage.TITLE_FETCH, EventStage.SCREENING, EventStage.COMPLIANCE_REVIEW})
"""Steps whose outcome only compliance reads."""

BEHIND_THE_DOOR: Final = frozenset({Stage.COMPLIANCE_REVIEW, Stage.REJECTED_COMPLIANCE})
"""Stages whose reason only compliance reads."""

_HINT: Final = re.compile(
    r"screen|complian|sanction|\baml|suspici|\bofac|\bunsc|nacta|terror|watch.?list|black.?list|fraud|goaml|\bfmu\b"
    r"|possible match|title ?match|\breview|\bstr\b",
    re.IGNORECASE,
)
_NEVER_TO_A_PARTNER: Final = re.compile(
    r"\b(screening|compliance|sanction|aml|match|review|suspicious|hold)", re.IGNORECASE
)
_NUMBER_OF_A_PERSON: Final = re.compile(
    r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}|[\w.+-]+@[\w.-]+\.\w+|\+?\d[\d -]{6,}\d", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever reads a page: what the page may tell, and the one moment and zone in which everything on it is told."""

    sees_compliance: bool
    sees_payloads: bool
    now: dt.datetime
    zone: dt.tzinfo

    @classmethod
    def of(cls, user: User | AnonymousUser, now: dt.datetime) -> Reader:
        return cls(
            sees_compliance=has(user, "compliance.view_cases"),
            sees_payloads=has(user, "transactions.view_payloads"),
            now=now,
            zone=timezone.get_current_timezone(),
        )

    def may_read(self, text: str) -> bool:
        """Whether a text that somebody else wrote (a bank, an administrator) may be shown to this reader."""
        return self.sees_compliance or not hints(text)


def hints(text: str) -> bool:
    """Whether a text speaks of what only compliance may read."""
    return _HINT.search(text) is not None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something did not go through, as one reader is told: `code` and `bank_text` are empty when not for them."""

    sentence: str
    code: str = ""
    helps: str = ""
    bank_text: str = ""
    actor: Actor = Actor.OPERATIONS


def reason_for(
    code: str, reasons: Mapping[str, ReasonCode], reader: Reader, *, bank_text: str = "", stage: str = ""
) -> Reason | None:
    """The reason behind `code` for `reader`; None where there is none, or where the stage is not theirs to know.

    A code that no administrator has described reads "Unknown (73)", with the bank's own words for those who may see
    technical details.
    """
    if not code and not bank_text:
        return None
    if stage in BEHIND_THE_DOOR and not reader.sees_compliance:
        return Reason(NOT_ACCEPTED, actor=Actor.COMPLIANCE) if stage == Stage.REJECTED_COMPLIANCE else None
    shown_text = bank_text if reader.sees_payloads and reader.may_read(bank_text) else ""
    known = reasons.get(code)
    if known is None:
        return Reason(f"Unknown ({code})." if code else "No reason given.", code=code, bank_text=shown_text)
    if not reader.sees_compliance and (known.family == Family.COMPLIANCE or not reader.may_read(known.sentence)):
        return Reason(NOT_ACCEPTED, actor=known.acts)
    helps = known.helps if reader.may_read(known.helps) else ""
    return Reason(known.sentence, code=code, helps=helps, bank_text=shown_text, actor=known.acts)


def actor_words(actor: Actor, reader: Reader, *, partner: str = "") -> str:
    """Whose turn it is, in words."""
    if actor is Actor.PARTNER and partner:
        return f"The partner, {partner}"
    return REVIEWER if actor is Actor.COMPLIANCE and not reader.sees_compliance else str(actor.label)


def word_not_for_partners(text: str) -> str:
    """The first word in `text` that a partner must never be told, or "" (UI.md section 7, point 42)."""
    found = _NEVER_TO_A_PARTNER.search(text)
    return found[0] if found else ""


def without_numbers(text: str) -> str:
    """Free text without what looks like a person's: an IBAN, a long number, an e-mail address."""
    return _NUMBER_OF_A_PERSON.sub(DOT * 6, text)
