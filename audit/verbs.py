"""Every deed the trail knows. An entry with any other verb is refused."""

from enum import StrEnum


class Verb(StrEnum):
    """What somebody did. The value is stored; `sentence` in audit.sentences says it in words."""

    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_IN_LOCKED = "sign_in_locked"
    SESSION_ENDED = "session_ended"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    DENIED = "denied"
    REFUSED = "refused"

    VIEWED = "viewed"
    SEARCHED = "searched"
    SEARCHED_PERSON = "searched_person"
    REVEALED = "revealed"
    COPIED_ANSWER = "copied_answer"
    READ_TRAIL = "read_trail"

    NOTE_ADDED = "note_added"
    INQUIRY_LOGGED = "inquiry_logged"
    INQUIRY_CLOSED = "inquiry_closed"

    APPROVAL_ASKED = "approval_asked"
    APPROVAL_GIVEN = "approval_given"
    APPROVAL_REJECTED = "approval_rejected"
    APPROVAL_SENT_BACK = "approval_sent_back"
    APPROVAL_WITHDRAWN = "approval_withdrawn"
    APPROVAL_OVERTAKEN = "approval_overtaken"
    APPROVALS_EXPIRED = "approvals_expired"

    COMMAND_ASKED = "command_asked"
    COMMAND_SENT = "command_sent"
    COMMAND_ANSWERED = "command_answered"
    COMMAND_REFUSED = "command_refused"
    INQUIRIES_GIVEN_UP = "inquiries_given_up"

    EVENTS_RECEIVED = "events_received"
    FILE_IMPORTED = "file_imported"
    DATA_SEEDED = "data_seeded"

    VIEW_SAVED = "view_saved"
    VIEW_CHANGED = "view_changed"
    VIEW_DELETED = "view_deleted"
    VIEW_RESTORED = "view_restored"
    LIST_ARRANGED = "list_arranged"

    PREFERENCES_CHANGED = "preferences_changed"
    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"
    GRANTED = "granted"
    REVOKED = "revoked"
    ROLE_GIVEN = "role_given"
    ROLE_TAKEN = "role_taken"

    EXCEPTIONS_OPENED = "exceptions_opened"
    EXCEPTION_ASSIGNED = "exception_assigned"
    EXCEPTION_SNOOZED = "exception_snoozed"
    EXCEPTION_WOKEN = "exception_woken"
    EXCEPTION_SETTLED = "exception_settled"
    BULK_JOB = "bulk_job"
    SHEET_DOWNLOADED = "sheet_downloaded"
    REVERSALS_FILED = "reversals_filed"
    EVIDENCE_FILED = "evidence_filed"

    CHAIN_VERIFIED = "chain_verified"
    CHAIN_BROKEN = "chain_broken"
