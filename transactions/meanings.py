"""What each badge and each stage means, whose turn it is and what helps: the help page's words, one per status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from transactions.formats import STATUS_OF_BADGE
from transactions.lifecycle import POSITION
from transactions.vocabulary import Badge, Funds, Stage, Status, badge_of

NEUTRALLY_SHOWN: Final = frozenset({Badge.IN_REVIEW, Badge.REJECTED})


@dataclass(frozen=True, slots=True)
class Meaning:
    """One badge: the status it stands inside, its meaning, whose turn it is, what a reader can do."""

    badge: Badge
    inside: Status
    means: str
    turn: str
    can_do: str


_WORDS: Final[dict[Badge, tuple[str, str, str]]] = {
    Badge.RECEIVED: (
        "The instruction is here; nothing is checked yet.",
        "The system's",
        "Tell the partner that it arrived.",
    ),
    Badge.VALIDATED: ("Its format is right; the checks run.", "The system's", "Nothing is needed from anybody."),
    Badge.IN_REVIEW: (
        "A person in compliance must decide.",
        "Compliance's",
        "Give the partner the approved answer, nothing else.",
    ),
    Badge.PENDING: (
        "It waits: for a check, an approval, a bank, or the beneficiary at the counter.",
        "The page says whose",
        "Give the partner the answer and the time of the next update.",
    ),
    Badge.COMPLETED: ("The beneficiary has the money.", "Nobody's", "Give the partner the rail's reference."),
    Badge.FAILED: (
        "It was not paid and the money was not sent.",
        "The page says whose",
        "Tell the partner what to correct, if the answer says so.",
    ),
    Badge.REJECTED: (
        "Compliance decided against it. This is final.",
        "Nobody's",
        "Give the partner the approved answer, nothing else.",
    ),
    Badge.RETURNED: ("The money came back. This is final.", "Nobody's", "Tell the partner when it came back."),
    Badge.CANCELLED: (
        "It was called off before payment. This is final.",
        "Nobody's",
        "Tell the partner that no money was sent.",
    ),
}


def meanings(*, sees_compliance: bool) -> list[Meaning]:
    """The badges that this reader meets, in the order of the flow."""
    met = [badge for badge in Badge if sees_compliance or badge not in NEUTRALLY_SHOWN]
    return [Meaning(badge, STATUS_OF_BADGE[badge], *_WORDS[badge]) for badge in met]


@dataclass(frozen=True, slots=True)
class Place:
    """One stage as a reader meets it: its name, the badge it is shown with, where the money is."""

    label: str
    badge: Badge
    money: str


def stages(*, sees_compliance: bool) -> list[Place]:
    """The stages and where the money is in each; those that read the same are told once."""
    told = [
        Place(
            str(stage.label),
            badge_of(POSITION[stage][0], stage, sees_compliance=sees_compliance),
            str(Funds(POSITION[stage][1]).label),
        )
        for stage in Stage
    ]
    return list(dict.fromkeys(told))
