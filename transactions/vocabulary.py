"""The words of the trade that the code decides on. Sources: DECISIONS.md section 1, DOMAIN.md sections 1-4."""

from __future__ import annotations

from typing import Final

from django.db import models


class Status(models.TextChoices):
    """The five statuses. Computed by the fold, never set by a person."""

    RECEIVED = "received", "Received"
    VALIDATED = "validated", "Validated"
    PENDING = "pending", "Pending"
    FAILED = "failed", "Failed"
    COMPLETED = "completed", "Completed"


class Stage(models.TextChoices):
    """The twenty positions of a transaction, each inside exactly one status."""

    INTAKE = "intake", "Intake"
    VALIDATION = "validation", "Format check"
    TITLE_FETCH = "title_fetch", "Title fetch"
    SCREENING = "screening", "Checks"
    READY = "ready", "Routing"
    COMPLIANCE_REVIEW = "compliance_review", "Checks"
    PENDING_APPROVAL = "pending_approval", "Approval"
    PAYMENT = "payment", "Payment"
    RTGS_QUEUE = "rtgs_queue", "RTGS"
    SETTLEMENT = "settlement", "Settlement"
    OUTCOME_UNKNOWN = "outcome_unknown", "Outcome unknown"
    CASH_READY = "cash_ready", "Counter"
    FAILED_RETRYABLE = "failed_retryable", "Failed, can be retried"
    FAILED_FINAL = "failed_final", "Failed for good"
    REJECTED_COMPLIANCE = "rejected_compliance", "Checks"
    CANCELLED = "cancelled", "Cancelled"
    RETURNED = "returned", "Returned"
    CREDITED = "credited", "Paid"
    CASH_PAID = "cash_paid", "Paid"
    MANUALLY_SETTLED = "manually_settled", "Paid"


class Funds(models.TextChoices):
    """Where the money is."""

    NOT_SENT = "NOT_SENT", "Not sent"
    AT_RAIL = "AT_RAIL", "At the rail"
    UNKNOWN = "UNKNOWN", "Not known"
    WITH_BENEFICIARY = "WITH_BENEFICIARY", "With beneficiary"
    RETURNED = "RETURNED", "Sent back"


class EventStage(models.TextChoices):
    """What a stage event speaks of. A transaction's `step` is the event stage of the last event that moved it."""

    RECEIVED = "received", "Intake"
    INTAKE = "intake", "Intake"
    VALIDATION = "validation", "Format check"
    TITLE_FETCH = "title_fetch", "Title fetch"
    SCREENING = "screening", "Checks"
    COMPLIANCE_REVIEW = "compliance_review", "Checks"
    APPROVAL = "approval", "Approval"
    PAYMENT = "payment", "Payment"
    RTGS = "rtgs", "RTGS"
    SETTLEMENT = "settlement", "Settlement"
    INQUIRY = "inquiry", "Inquiry"
    CASH_PAYOUT = "cash_payout", "Counter"
    MANUAL_SETTLEMENT = "manual_settlement", "Manual settlement"
    RETURN = "return", "Return"
    CANCELLATION = "cancellation", "Cancellation"


class Result(models.TextChoices):
    """How a stage went."""

    STARTED = "STARTED", "Started"
    SUCCESS = "SUCCESS", "Done"
    FAILED = "FAILED", "Failed"
    TIMEOUT = "TIMEOUT", "No answer"
    SKIPPED = "SKIPPED", "Skipped"
    REVIEW = "REVIEW", "Needs a decision"


class RetryClass(models.TextChoices):
    """What a reason code says about trying again (DOMAIN.md section 2, an operational default)."""

    RETRY = "RETRY", "Retrying can help"
    INQUIRE = "INQUIRE", "Ask the bank first"
    CORRECT = "CORRECT", "Only after a correction"
    COMPLIANCE = "COMPLIANCE", "Only after compliance decides"
    NEVER = "NEVER", "Never"
    RETURN = "RETURN", "Send the money back"


class Family(models.TextChoices):
    """What a reason code is about; it says who acts."""

    ACCOUNT = "account", "Account"
    AGENT = "agent", "Agent"
    AMOUNT = "amount", "Amount"
    PARTY_DATA = "party_data", "Party data"
    FUNDS = "funds", "Funds"
    TITLE = "title", "Title"
    COMPLIANCE = "compliance", "Compliance"
    DUPLICATE = "duplicate", "Duplicate"
    CASH_PAYOUT = "cash_payout", "Cash payout"
    RECALL = "recall", "Recall"
    TECHNICAL = "technical", "Technical"
    OTHER = "other", "Other"


class Actor(models.TextChoices):
    """Whose turn it is."""

    SYSTEM = "system", "Nobody: the system goes on by itself"
    PARTNER = "partner", "The partner"
    OPERATIONS = "operations", "Operations"
    COMPLIANCE = "compliance", "Compliance"
    TREASURY = "treasury", "Treasury"
    BRANCH = "branch", "The branch"
    NOBODY = "nobody", "Nobody: this is final"


ACTOR_OF_FAMILY: Final[dict[Family, Actor]] = {
    Family.ACCOUNT: Actor.PARTNER,
    Family.AGENT: Actor.PARTNER,
    Family.AMOUNT: Actor.PARTNER,
    Family.PARTY_DATA: Actor.PARTNER,
    Family.FUNDS: Actor.TREASURY,
    Family.TITLE: Actor.COMPLIANCE,
    Family.COMPLIANCE: Actor.COMPLIANCE,
}
"""Who acts, by family; every other family is operations' (DECISIONS.md section 2)."""


class Rail(models.TextChoices):
    """The way the money goes."""

    INTERNAL = "INTERNAL", "Internal"
    ONE_LINK = "1LINK", "1LINK"
    RAAST = "RAAST", "RAAST"
    RTGS = "RTGS", "RTGS"
    CASH = "CASH", "Cash"


class RailReferenceKind(models.TextChoices):
    STAN = "STAN", "STAN"
    MESSAGE_ID = "MESSAGE_ID", "Message id"
    UNIQUE_ID = "UNIQUE_ID", "Unique id"
    RRN = "RRN", "RRN"


class TransactionType(models.TextChoices):
    OTC = "OTC", "OTC (cash over the counter)"
    FT = "FT", "FT (account in our bank)"
    IBFT = "IBFT", "IBFT (account in another bank)"


class PayoutMethod(models.TextChoices):
    ACCOUNT = "ACCOUNT", "Account"
    CASH = "CASH", "Cash"


class Side(models.TextChoices):
    REMITTER = "remitter", "Remitter"
    BENEFICIARY = "beneficiary", "Beneficiary"


class IdType(models.TextChoices):
    CNIC = "CNIC", "CNIC"
    NICOP = "NICOP", "NICOP"
    PASSPORT = "PASSPORT", "Passport"
    NTN = "NTN", "NTN"
    OTHER = "OTHER", "Other ID"


class TitleMatch(models.TextChoices):
    MATCH = "MATCH", "Same"
    CLOSE = "CLOSE", "Similar"
    NO_MATCH = "NO_MATCH", "Different"
    NO_DATA = "NO_DATA", "The bank gave no title"


OTHER_TITLES: Final = (TitleMatch.CLOSE.value, TitleMatch.NO_MATCH.value)
"""The bank's title was there and was not the one given."""


class EventType(models.TextChoices):
    """The CloudEvents types that the intake takes."""

    RECEIVED = "openremit.transaction.received", "Instruction"
    STAGE = "openremit.transaction.stage", "Stage"
    SCREENING = "openremit.screening.completed", "Screening"
    COMMAND = "openremit.command.completed", "Command answer"


class CommandKind(models.TextChoices):
    """What we ask the platform for (CONTRACTS.md section 5). The label completes "Asked: …"."""

    INQUIRE = "inquire", "Inquire"
    REPUSH = "repush", "Repush"
    MOVE_TO_RTGS = "move_to_rtgs", "Move to RTGS"
    CANCEL = "cancel", "Cancel"
    SEND_BACK = "send_back", "Send back for correction"
    RELEASE = "release", "Release"
    REJECT = "reject", "Reject"
    CORRECT = "correct", "Correct"
    RESCREEN = "rescreen", "Check again"
    REVERSE = "reverse", "Reverse"
    MARK_REVERSED = "mark_reversed", "Mark as reversed"
    MARK_MANUALLY_SETTLED = "mark_manually_settled", "Mark as manually settled"


class CommandState(models.TextChoices):
    """Where a command is (DECISIONS.md section 3)."""

    QUEUED = "QUEUED", "Waiting to be sent"
    SENDING = "SENDING", "Sending"
    SENT = "SENT", "Sent, no answer yet"
    SUCCEEDED = "SUCCEEDED", "Done"
    FAILED = "FAILED", "Failed"
    REFUSED = "REFUSED", "Refused"
    UNKNOWN = "UNKNOWN", "Outcome not known"


OPEN_COMMANDS: Final = (CommandState.QUEUED, CommandState.SENDING, CommandState.SENT, CommandState.UNKNOWN)
ALWAYS_TWO: Final = (
    CommandKind.MOVE_TO_RTGS,
    CommandKind.CANCEL,
    CommandKind.RELEASE,
    CommandKind.REJECT,
    CommandKind.REVERSE,
    CommandKind.MARK_REVERSED,
    CommandKind.MARK_MANUALLY_SETTLED,
)
"""Kinds that no policy lets one person ask for; the database holds it."""
COMPLIANCE_COMMANDS: Final = (CommandKind.RELEASE, CommandKind.REJECT, CommandKind.CORRECT, CommandKind.RESCREEN)
"""Kinds that nobody outside compliance reads by their name."""


class Badge(models.TextChoices):
    """The nine words that a reader sees for a status."""

    RECEIVED = "received", "Received"
    VALIDATED = "validated", "Validated"
    IN_REVIEW = "in_review", "In review"
    PENDING = "pending", "Pending"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    REJECTED = "rejected", "Rejected"
    RETURNED = "returned", "Returned"
    CANCELLED = "cancelled", "Cancelled"


_OWN_BADGE: Final = {
    Stage.COMPLIANCE_REVIEW: Badge.IN_REVIEW,
    Stage.REJECTED_COMPLIANCE: Badge.REJECTED,
    Stage.CANCELLED: Badge.CANCELLED,
    Stage.RETURNED: Badge.RETURNED,
}
_NEUTRAL: Final = {Badge.IN_REVIEW: Badge.PENDING, Badge.REJECTED: Badge.FAILED}


def badge_of(status: str, stage: str, *, sees_compliance: bool) -> Badge:
    """The badge word. Outside compliance the two words that hint at it are replaced by the neutral ones."""
    own = _OWN_BADGE.get(Stage(stage), Badge(status))
    return neutral(own, sees_compliance=sees_compliance)


def neutral(badge: Badge, *, sees_compliance: bool) -> Badge:
    """The word itself for compliance, the word that hints at nothing for everybody else."""
    return badge if sees_compliance else _NEUTRAL.get(badge, badge)


PAID_STAGES: Final = frozenset({Stage.CREDITED, Stage.CASH_PAID, Stage.MANUALLY_SETTLED})
EVIDENCE_STAGES: Final = PAID_STAGES | {Stage.RETURNED}
FINAL_STAGES: Final = EVIDENCE_STAGES | {Stage.FAILED_FINAL, Stage.REJECTED_COMPLIANCE, Stage.CANCELLED}
WAITING_FOR_A_PERSON: Final = frozenset(
    {
        Stage.COMPLIANCE_REVIEW,
        Stage.PENDING_APPROVAL,
        Stage.OUTCOME_UNKNOWN,
        Stage.FAILED_RETRYABLE,
        Stage.FAILED_FINAL,
    }
)
"""Stages that nothing but a person's work ends. Rejected, cancelled and returned ask for nobody any more."""

OPEN_STATUSES: Final = frozenset({Status.RECEIVED, Status.VALIDATED, Status.PENDING})

_STEP_IS_THE_PLACE: Final = frozenset({Stage.FAILED_RETRYABLE, Stage.FAILED_FINAL, Stage.CANCELLED, Stage.RETURNED})


def stage_label(stage: str, step: str) -> str:
    """Where in the flow, in words. A failure is named by the step at which it happened."""
    if Stage(stage) in _STEP_IS_THE_PLACE:
        return str(EventStage(step).label) if step in EventStage.values else step
    return str(Stage(stage).label)
