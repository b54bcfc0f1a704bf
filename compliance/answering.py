"""The texts that answer partners: what somebody writes anew, another person agrees to before a partner reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from audit import trail
from audit.verbs import Verb
from transactions.answers import KEYS, why_not_a_text
from transactions.models import AnswerText

if TYPE_CHECKING:
    from accounts.models import ApprovalRequest, User

OPERATION: Final = "answer_text"
LABELS: Final = {key: key.replace("_", ", ").capitalize() for key in KEYS}


def in_force(key: str) -> AnswerText | None:
    """The newest version of a text, which is the one in force; None where there is none."""
    found: AnswerText | None = AnswerText.objects.of(key).first()
    return found


def text_of(request: ApprovalRequest) -> AnswerText | None:
    """The text that a request would replace, held until the decision is made."""
    list(AnswerText.objects.of(request.object_id).locked())
    return in_force(request.object_id)


def in_the_way(request: ApprovalRequest, present: AnswerText) -> str:
    """What stands in the way of the new text now: the same as when it was written."""
    return why_not_a_text(str(request.payload["text"]))


def agree(request: ApprovalRequest, present: AnswerText, checker: User) -> str:
    """Put the text in force that two people agreed on; the one before stays as it was said."""
    made = AnswerText.objects.create(
        key=present.key, version=present.version + 1, text=request.payload["text"], approval=request
    )
    trail.record(Verb.ADDED, by=checker, obj=made, before={"text": present.text}, after={"text": made.text})
    return f"{made} answers partners from now on."
