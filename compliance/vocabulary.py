"""The words of the compliance desk: why a case is open, how it ends, what a person says of a hit."""

from __future__ import annotations

from typing import Final

from django.db import models


class Trigger(models.TextChoices):
    """Why a case was opened; it comes from the step before the review (DECISIONS.md section 6)."""

    SCREENING_HITS = "SCREENING_HITS", "Name match"
    SCREENING_UNAVAILABLE = "SCREENING_UNAVAILABLE", "Not screened"
    TITLE = "TITLE", "Account title"
    FIELDS = "FIELDS", "Missing or invalid data"
    POSTING = "POSTING", "Posting"
    SCREENING_POST = "SCREENING_POST", "Name match after payment"


class Queue(models.TextChoices):
    """Where a case waits: one queue for each kind of work, with its own time limit."""

    SANCTIONS = "sanctions", "Sanctions"
    TITLE = "title", "Account title"
    FIELDS = "fields", "Partner data"
    POSTING = "posting", "Posting"


TRIGGERS_OF: Final[dict[Queue, tuple[Trigger, ...]]] = {
    Queue.SANCTIONS: (Trigger.SCREENING_HITS, Trigger.SCREENING_UNAVAILABLE, Trigger.SCREENING_POST),
    Queue.TITLE: (Trigger.TITLE,),
    Queue.FIELDS: (Trigger.FIELDS,),
    Queue.POSTING: (Trigger.POSTING,),
}
QUEUE_OF: Final = {trigger: queue for queue, triggers in TRIGGERS_OF.items() for trigger in triggers}


class Outcome(models.TextChoices):
    """How a case ended: what the platform made of the transaction, or what compliance recorded after a payment."""

    RELEASED = "released", "Released"
    REJECTED = "rejected", "Rejected"
    PASSED = "passed", "The new check passed"
    REPLACED = "replaced", "Another check stopped the payment"
    CANCELLED = "cancelled", "The payment was cancelled"
    OVERTAKEN = "overtaken", "The payment moved on without a decision"
    RECORDED = "recorded", "Recorded after the payment"


class Priority(models.IntegerChoices):
    """How urgent a case is beside the others of its queue."""

    URGENT = 1, "Urgent"
    NORMAL = 2, "Normal"
    LOW = 3, "Low"


class Verdict(models.TextChoices):
    """What a person says of one hit."""

    NOT_SAME = "NOT_SAME", "Not the same person"
    SAME = "SAME", "Same person"
    NEED_INFORMATION = "NEED_INFORMATION", "Need information"


class AppliesTo(models.TextChoices):
    """What a reason may be given for."""

    NOT_SAME = "NOT_SAME", "Not the same person"
    SAME = "SAME", "Same person"
    NEED_INFORMATION = "NEED_INFORMATION", "Need information"
    RELEASE = "RELEASE", "Release the payment"
    REJECT = "REJECT", "Reject the payment"
    HOLD = "HOLD", "Hold and ask for information"
    ESCALATE = "ESCALATE", "Escalate to an officer"
    RECORD = "RECORD", "Record after the payment"
