"""The groups of the exception desk: what is wrong, who must act, whether trying again can help, as one reader is told.

A failure belongs to the group of its reason code, everything else to that of its kind, and what is over its limit to
that of its stage. Outside compliance all reasons that speak of checks are one group, "Not accepted".
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from django.db.models import Q

from exceptions.models import Kind
from transactions.discretion import BEHIND_THE_DOOR, NOT_ACCEPTED, Reader, actor_words, reason_for
from transactions.models import ReasonCode
from transactions.vocabulary import Actor, Family, Rail, RetryClass, Stage

NOT_ACCEPTED_KEY: Final = "not-accepted"
UNKNOWN_KEY: Final = "unknown-reason"
NO_REASON_KEY: Final = "no-reason"
LATE_PREFIX: Final = "late-"
_SLUG: Final = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)

_HELPS: Final = {
    RetryClass.RETRY: "Yes",
    RetryClass.INQUIRE: "Ask the bank first",
    RetryClass.CORRECT: "Only after a correction",
    RetryClass.COMPLIANCE: "Only after compliance decides",
    RetryClass.NEVER: "Never",
    RetryClass.RETURN: "No, the money goes back",
}
ASK_FIRST: Final = _HELPS[RetryClass.INQUIRE]


@dataclass(frozen=True)
class Meaning:
    """What a group is about: its key in an address, its sentence, its code, whose turn it is, whether a retry helps."""

    key: str
    sentence: str
    code: str
    actor: str
    helps: str


@dataclass
class Group:
    """A group with its numbers: how many exceptions, their value per currency, the oldest, the partners by number."""

    meaning: Meaning
    number: int = 0
    values: dict[str, Decimal] = field(default_factory=dict)
    oldest: dt.datetime | None = None
    partners: Counter[str] = field(default_factory=Counter)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count in one line of the sums."""
        currency, partner = row["transaction__settled_currency"], row["transaction__partner__name"]
        self.number += row["number"]
        self.values[currency] = self.values.get(currency, Decimal(0)) + row["value"]
        self.oldest = min(filter(None, [self.oldest, row["oldest"]]), default=None)
        self.partners[partner] += row["number"]

    @property
    def most_partners(self) -> list[tuple[str, int]]:
        """The two partners with the most."""
        return self.partners.most_common(2)

    @property
    def other_partners(self) -> int:
        """How many more partners there are."""
        return max(len(self.partners) - 2, 0)


_KINDS: Final[dict[Kind, tuple[str, Actor, str]]] = {
    Kind.OUTCOME_UNKNOWN: (
        "Nobody knows yet whether the payment reached the rail.",
        Actor.OPERATIONS,
        f"{ASK_FIRST}, never pay again before it answered",
    ),
    Kind.CONTRADICTORY: ("The platform's events contradict each other.", Actor.OPERATIONS, "No, compare first"),
    Kind.MISSING_EVENTS: ("Events of the platform have not arrived.", Actor.OPERATIONS, "No, wait for the events"),
    Kind.UNKNOWN_WORD: ("An event says something that is not known here.", Actor.OPERATIONS, "Not what is wrong"),
    Kind.UNKNOWN_PLACE: ("The branch or the agent is not known here.", Actor.OPERATIONS, "Not what is wrong"),
    Kind.CONFLICT: ("A reference came again with other data.", Actor.PARTNER, "Never"),
    Kind.SCREENED_LATE: ("A party was checked only after the payment.", Actor.COMPLIANCE, "Not what is wrong"),
}


class Meanings:
    """Names the groups for one reader. The reason codes are read once."""

    def __init__(self, reader: Reader, reasons: Mapping[str, ReasonCode]) -> None:
        self.reader, self.reasons = reader, reasons
        self.hidden = frozenset(code for code in reasons if self._is_hidden(code))

    @classmethod
    def of(cls, reader: Reader) -> Meanings:
        return cls(reader, {reason.code: reason for reason in ReasonCode.objects.all()})

    def _is_hidden(self, code: str) -> bool:
        reason = self.reasons[code]
        if self.reader.sees_compliance:
            return False
        return reason.family == Family.COMPLIANCE or not self.reader.may_read(f"{code} {reason.sentence}")

    def key(self, kind: str, code: str, stage: str) -> str:
        """The group of an exception of this kind whose transaction has this reason code and stands in this stage."""
        if kind == Kind.FAILED:
            return self._key_of_code(code)
        if kind == Kind.LATE:
            return LATE_PREFIX + stage.replace("_", "-")
        return kind.replace("_", "-")

    def _key_of_code(self, code: str) -> str:
        if not code:
            return NO_REASON_KEY
        if code in self.hidden:
            return NOT_ACCEPTED_KEY
        reason = self.reasons.get(code)
        if reason is None:
            return UNKNOWN_KEY
        return code if _SLUG.fullmatch(code) else f"reason-{reason.pk}"

    def condition(self, key: str) -> Q | None:
        """Which exceptions belong to the group; None where there is no such group for this reader."""
        if key.startswith(LATE_PREFIX):
            stage = key.removeprefix(LATE_PREFIX).replace("-", "_")
            return Q(kind=Kind.LATE, transaction__stage=stage) if stage in self._late_stages else None
        kinds = {kind.replace("_", "-"): kind for kind in _KINDS if self._may_know(kind)}
        if key in kinds:
            return Q(kind=kinds[key])
        failed, known = Q(kind=Kind.FAILED), sorted(self.reasons)
        match key:
            case "no-reason":
                return failed & Q(transaction__reason_code="")
            case "unknown-reason":
                return failed & ~Q(transaction__reason_code__in=["", *known])
            case "not-accepted":
                return failed & Q(transaction__reason_code__in=sorted(self.hidden)) if self.hidden else None
        code = next((code for code in known if self._key_of_code(code) == key), None)
        return failed & Q(transaction__reason_code=code) if code else None

    def _may_know(self, kind: Kind) -> bool:
        return self.reader.sees_compliance or kind is not Kind.SCREENED_LATE

    @property
    def _late_stages(self) -> frozenset[str]:
        behind = frozenset() if self.reader.sees_compliance else BEHIND_THE_DOOR
        return frozenset(Stage.values) - {str(stage) for stage in behind}

    def meaning(self, kind: str, code: str, stage: str) -> Meaning:
        """What the group is about, in this reader's words."""
        key = self.key(kind, code, stage)
        if kind == Kind.FAILED:
            return self._of_failure(key, code)
        if kind == Kind.LATE:
            return self._of_late(key, stage)
        sentence, actor, helps = _KINDS[Kind(kind)]
        return Meaning(key, sentence, "", actor_words(actor, self.reader), helps)

    def named(self, key: str) -> Meaning | None:
        """The meaning of a group by its key alone, for its page; None where there is no such group."""
        if self.condition(key) is None:
            return None
        if key.startswith(LATE_PREFIX):
            return self._of_late(key, key.removeprefix(LATE_PREFIX).replace("-", "_"))
        kind = key.replace("-", "_")
        if kind in {str(one) for one in _KINDS}:
            return self.meaning(kind, "", "")
        code = next((code for code in self.reasons if self._key_of_code(code) == key), "")
        return self._of_failure(key, code)

    def _of_failure(self, key: str, code: str) -> Meaning:
        us = actor_words(Actor.OPERATIONS, self.reader)
        if key == NO_REASON_KEY:
            return Meaning(key, "The payment failed and no reason was given.", "", us, ASK_FIRST)
        if key == UNKNOWN_KEY:
            return Meaning(key, "The payment failed for a reason that is not known here.", "", us, ASK_FIRST)
        if key == NOT_ACCEPTED_KEY:
            return Meaning(key, NOT_ACCEPTED, "", actor_words(Actor.COMPLIANCE, self.reader), "No")
        told = reason_for(code, self.reasons, self.reader)
        retry = RetryClass(self.reasons[code].retry_class)
        helps = "No" if retry is RetryClass.COMPLIANCE and not self.reader.sees_compliance else _HELPS[retry]
        sentence, actor = (told.sentence, told.actor) if told else (code, Actor.OPERATIONS)
        return Meaning(key, sentence, code, actor_words(actor, self.reader), helps)

    def _of_late(self, key: str, stage: str) -> Meaning:
        label = Stage(stage).label
        actor = _LATE_ACTORS.get(Stage(stage), Actor.OPERATIONS)
        return Meaning(
            key,
            f"Over its limit at {label}, and nothing failed.",
            "",
            actor_words(actor, self.reader),
            ASK_FIRST if Stage(stage) in _AT_THE_RAIL else "Nothing failed",
        )


_AT_THE_RAIL: Final = frozenset({Stage.PAYMENT, Stage.SETTLEMENT, Stage.RTGS_QUEUE})
_LATE_ACTORS: Final = {
    Stage.COMPLIANCE_REVIEW: Actor.COMPLIANCE,
    Stage.PENDING_APPROVAL: Actor.BRANCH,
    Stage.RTGS_QUEUE: Actor.TREASURY,
}


def by_reason(sums: Iterable[Mapping[str, Any]], meanings: Meanings) -> list[Group]:
    """The groups by what is wrong, the largest first."""
    groups: dict[str, Group] = {}
    for row in sums:
        meaning = meanings.meaning(row["kind"], row["transaction__reason_code"], row["transaction__stage"])
        groups.setdefault(meaning.key, Group(meaning)).add(row)
    return _largest_first(groups)


def by_partner(sums: Iterable[Mapping[str, Any]]) -> list[Group]:
    """The groups by partner."""
    groups: dict[str, Group] = {}
    for row in sums:
        code, name = row["transaction__partner__code"], row["transaction__partner__name"]
        groups.setdefault(code, Group(Meaning(code, name, code, "", ""))).add(row)
    return _largest_first(groups)


def by_rail(sums: Iterable[Mapping[str, Any]]) -> list[Group]:
    """The groups by rail; a rail that is not one of ours stands as it came."""
    groups: dict[str, Group] = {}
    for row in sums:
        rail = row["transaction__rail"]
        label = str(Rail(rail).label) if rail in Rail.values else f"Unknown ({rail})" if rail else "No rail yet"
        groups.setdefault(rail, Group(Meaning(rail, label, "", "", ""))).add(row)
    return _largest_first(groups)


def by_actor(sums: Iterable[Mapping[str, Any]], meanings: Meanings) -> list[Group]:
    """The groups by whose turn it is."""
    groups: dict[str, Group] = {}
    for row in sums:
        actor = meanings.meaning(row["kind"], row["transaction__reason_code"], row["transaction__stage"]).actor
        groups.setdefault(actor, Group(Meaning("", actor, "", actor, ""))).add(row)
    return _largest_first(groups)


def _largest_first(groups: Mapping[str, Group]) -> list[Group]:
    return sorted(groups.values(), key=lambda group: (-group.number, group.meaning.sentence))
