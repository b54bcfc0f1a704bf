"""The trail in words: who did what to which object and why, and which fields changed from what to what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet

from accounts.models import User
from accounts.permissions import PERMISSIONS
from audit.models import AuditEvent
from audit.verbs import Verb

Names = Mapping[str, str]
Said = Mapping[str, Any]

NOBODY: Final = "Somebody not signed in"
SYSTEMS: Final = {"": "The system", "system": "The system", "worker": "The worker", "platform": "The platform"}
EMPTY: Final = "empty"
LONGEST_NAME: Final = 200


@dataclass(frozen=True)
class Change:
    """One field that changed, as texts ready to show."""

    field: str
    old: str
    new: str


@dataclass(frozen=True)
class Line:
    """One entry as a reader sees it."""

    entry: AuditEvent
    at: datetime
    who: str
    sentence: str
    changes: tuple[Change, ...]
    result: str
    object: str

    @property
    def has_object(self) -> bool:
        """Whether there is a page of everything about the object."""
        return bool(self.entry.said["object_type"] and self.entry.said["object_id"])


def lines(entries: Iterable[AuditEvent]) -> list[Line]:
    """The entries as lines, in their order; one query names all the people in them."""
    read = list(entries)
    names = names_in(read)
    return [_line(entry, names) for entry in read]


def _line(entry: AuditEvent, names: Names) -> Line:
    said = entry.said
    return Line(
        entry=entry,
        at=entry.at,
        who=_who(said, names),
        sentence=sentence(entry, names),
        changes=changes(entry),
        result=said["result"],
        object=_object(said, names),
    )


def sentence(entry: AuditEvent, names: Names | None = None) -> str:
    """The entry as a sentence without its full stop, for example
    "Hina Baig revealed Beneficiary CNIC of PSL000000045, reason: partner inquiry".
    """
    names = names_in([entry]) if names is None else names
    said = entry.said
    words = _SENTENCES.get(said["verb"], _plainly)(_Words(said, names))
    asked = said["reason"] and said["verb"] != Verb.REFUSED
    return (f"{words}, reason: {said['reason']}" if asked else words).removesuffix(".")


def changes(entry: AuditEvent) -> tuple[Change, ...]:
    """Which fields changed, with the labels that pages use for them."""
    before, after = entry.said.get("before") or {}, entry.said.get("after") or {}
    return tuple(
        Change(_label(entry.said["object_type"], name), _shown(before.get(name)), _shown(after.get(name)))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    )


def names_in(entries: Iterable[AuditEvent]) -> dict[str, str]:
    """The full names of all people who act or are acted on in `entries`, by user name."""
    return {user.username: str(user) for user in people_in(entries)}


def people_in(entries: Iterable[AuditEvent]) -> QuerySet[User]:
    """All people who act or are acted on in `entries`, with what names them."""
    wanted: set[str] = set()
    for entry in entries:
        wanted.add(entry.said["actor"])
        if entry.said["object_type"] == "accounts.user":
            wanted.add(entry.said["object_id"])
    return User.objects.filter(username__in=wanted).only("username", "full_name")


class _Words:
    """What sentences are made of: who, which object, and the facts of one entry."""

    def __init__(self, said: Said, names: Names) -> None:
        self.said = said
        self.who = _who(said, names)
        self.object = _object(said, names)
        self.person = names.get(said["object_id"]) or said["object_id"] or "somebody"
        self.facts: defaultdict[str, Any] = defaultdict(str, said.get("facts") or {})
        self.of_object = f" of {self.object}" if self.object else ""

    def counted(self, *names: str) -> str:
        """Those of the counts that are not 0: "3 accepted, 1 rejected"."""
        return ", ".join(f"{self.facts[name]} {name}" for name in names if self.facts[name])


def _who(said: Said, names: Names) -> str:
    actor: str = said["actor"]
    if said["kind"] == "SYSTEM":
        return SYSTEMS.get(actor) or names.get(actor) or actor
    return names.get(actor) or actor or NOBODY


def _object(said: Said, names: Names) -> str:
    kind, name = said["object_type"], said["object_id"]
    if kind in ("", "transactions.transaction"):
        return str(name)
    if kind == "accounts.user":
        return names.get(name) or str(name)
    return f"{noun(kind)} {name}".strip()


def noun(object_type: str) -> str:
    """What a kind of object is called."""
    try:
        return str(apps.get_model(object_type)._meta.verbose_name)
    except (LookupError, ValueError):
        return object_type.rpartition(".")[2]


def _label(object_type: str, name: str) -> str:
    try:
        label = str(getattr(apps.get_model(object_type)._meta.get_field(name), "verbose_name", name))
    except (LookupError, ValueError, FieldDoesNotExist):
        label = name.replace("_", " ")
    return label[:1].upper() + label[1:]


def _shown(value: Any) -> str:
    match value:
        case None | "" | []:
            return EMPTY
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_shown, value))
        case _:
            return str(value)


# -- one sentence per verb --------------------------------------------------------------------------------------------


def _plainly(words: _Words) -> str:
    deed = str(words.said["verb"]).replace("_", " ")
    return f"{words.who}: {deed} {words.object}".rstrip()


def _denied(words: _Words) -> str:
    permission = PERMISSIONS.get(words.facts["permission"])
    missing = f": the right to {permission.label} is missing" if permission else ""
    return f"{words.who} was denied {words.facts['path'] or 'a page'}{missing}"


def _refused(words: _Words) -> str:
    deed = words.facts["deed"].replace("_", " ") or words.facts["path"] or "a deed"
    return f"{words.who} was refused {deed}{words.of_object}: {words.said['reason']}"


def _sign_in_failed(words: _Words) -> str:
    if words.facts["because"] == "locked":
        return f"A sign-in as {words.person} was refused: locked"
    return f"A sign-in as {words.person} failed"


def _viewed(words: _Words) -> str:
    part = f"the {words.facts['part']} of " if words.facts["part"] else ""
    return f"{words.who} viewed {part}{words.object or 'a page'}"


def _notifications_read(words: _Words) -> str:
    count = words.facts["count"]
    return f"{words.who} marked {count} notification{'' if count == 1 else 's'} as read"


def _read_trail(words: _Words) -> str:
    if words.facts["filters"]:
        return f"{words.who} read the trail, {words.facts['filters']}"
    if words.said["object_type"] != "audit.auditevent":
        return f"{words.who} read the trail{words.of_object}"
    what = words.said["object_id"]
    if what.isdecimal():
        return f"{words.who} read entry {what} of the trail"
    return f"{words.who} read the {'state of the chain' if what == 'chain' else f'trail {what}'.strip()}"


def _searched(words: _Words) -> str:
    kinds = words.facts["kinds"] or [words.facts["kind"] or "reference"]
    sought = f"by {' or '.join(kinds)}" if not words.facts["text"] else f"for {kinds[0]} {words.facts['text']}"
    if words.facts["asked"]:
        sought = f"for a list of {words.facts['asked']} references"
    found = f", {words.facts['found']} found" if "found" in words.facts else ""
    return f"{words.who} searched {sought}{found}{', withheld' if words.said['result'] == 'DENIED' else ''}"


def _seeded(words: _Words) -> str:
    counted = ((name, count) for name, count in words.facts.items() if isinstance(count, int) and name != "seed")
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counted)
    return f"{words.who} seeded data{f': {counts}' if counts else ''}"


def _inquiry(deed: str) -> Callable[[_Words], str]:
    def words_of(words: _Words) -> str:
        number = f"inquiry {words.facts['inquiry']}" if words.facts["inquiry"] else "an inquiry"
        partner = f" of {words.facts['partner']}" if words.facts["partner"] else ""
        return f"{words.who} {deed} {number}{partner} about {words.object}"

    return words_of


def _note_added(words: _Words) -> str:
    note = "a note for compliance" if words.facts["compliance_only"] else "a note"
    return f"{words.who} added {note} to {words.object}"


def _approval(deed: str) -> Callable[[_Words], str]:
    def words_of(words: _Words) -> str:
        what = f"“{words.facts['operation']}”" if words.facts["operation"] else "a request"
        number = f" ({words.facts['request']})" if words.facts["request"] else ""
        done = f": {words.facts['done']}" if words.facts["done"] else ""
        return f"{words.who} {deed} {what}{words.of_object}{number}{done}"

    return words_of


def _command_asked(words: _Words) -> str:
    kind = words.facts["what"] or "a command"
    seconded = f", agreed by {words.facts['checker']}" if words.facts["checker"] else ""
    return f"{words.who} asked the platform: {kind}{words.of_object}{seconded}"


def _command_sent(words: _Words) -> str:
    again = f", try {words.facts['try']}" if words.facts["try"] not in ("", 1) else ""
    return f"{words.who} sent {words.facts['what'] or 'a command'}{words.of_object} to the platform{again}"


def _command_answered(words: _Words) -> str:
    what = f"{words.facts['what'] or 'a command'}{words.of_object}"
    if words.said["result"] == "OK":
        return f"The platform took {what}"
    return f"The platform did not take {what}: {words.facts['said'] or 'no answer'}"


def _command_refused(words: _Words) -> str:
    return f"{words.facts['what'] or 'A command'}{words.of_object} was refused: {words.facts['because']}"


def _hits_decided(words: _Words) -> str:
    decided = words.facts["decided"] or []
    said = "; ".join(f"{one['hit']} on the {one['party']}: {one['verdict'].lower()}" for one in decided[:10])
    more = f" and {len(decided) - 10} more" if len(decided) > 10 else ""
    return f"{words.who} decided {len(decided)} hit{'' if len(decided) == 1 else 's'} of {words.object} ({said}{more})"


def _events_received(words: _Words) -> str:
    counts = words.counted("accepted", "waiting", "duplicate", "conflict", "rejected")
    return f"{words.who} sent {words.facts['count'] or 'some'} events{f': {counts}' if counts else ''}"


def _file_imported(words: _Words) -> str:
    counts = words.counted("accepted", "duplicate", "conflict", "rejected")
    return f"{words.who} imported {words.facts['file'] or 'a file'}{f': {counts}' if counts else ''}"


def _export_asked(words: _Words) -> str:
    clear = ", unmasked" if words.facts["unmasked"] else ""
    return f"{words.who} asked for {words.object}{clear}, {words.facts['rows']}: {words.facts['what']}"


def _export_made(words: _Words) -> str:
    if words.said["result"] == "OK":
        return f"The worker made {words.object} of {words.who}, {words.facts['told']}: {words.facts['what']}"
    return f"The worker did not make {words.object} of {words.who}: {words.facts['told']}"


def _export_deleted(words: _Words) -> str:
    if words.facts["count"]:
        return f"{words.who} deleted the files of {words.facts['count']} exports whose time was over"
    return f"{words.who} deleted the file of {words.object}"


def _certificate_issued(words: _Words) -> str:
    replaces = f" in place of {words.facts['replaces']}" if words.facts["replaces"] else ""
    return f"{words.who} issued e-PRC {words.facts['certificate']} of {words.object}{replaces}"


def _certificate_voided(words: _Words) -> str:
    seconded = f", agreed by {words.facts['checker']}" if words.facts["checker"] else ""
    because = f": {words.facts['because']}" if words.facts["because"] else ""
    return f"{words.who} voided e-PRC {words.facts['certificate']} of {words.object}{seconded}{because}"


def _granted(deed: str, preposition: str) -> Callable[[_Words], str]:
    def words_of(words: _Words) -> str:
        what = " on ".join(str(words.facts[name]) for name in ("what", "on") if words.facts[name])
        return f"{words.who} {deed} {what or 'a right'} {preposition} {words.object}"

    return words_of


def _deleted(words: _Words) -> str:
    if words.facts["count"]:
        because = f" ({words.facts['because']})" if words.facts["because"] else ""
        return f"{words.who} deleted {words.facts['count']} of {noun(words.said['object_type'])}{because}"
    return f"{words.who} deleted {words.object}"


def _assigned(words: _Words) -> str:
    taker = words.facts["to"]
    if not taker:
        return f"{words.who} gave the exceptions of {words.object} back"
    if taker == words.who:
        return f"{words.who} took the exceptions of {words.object}"
    return f"{words.who} gave the exceptions of {words.object} to {taker}"


def _chain_broken(words: _Words) -> str:
    return f"{words.who} found the trail BROKEN at {words.facts['seq']}: {words.facts['what']}"


def _format(template: str) -> Callable[[_Words], str]:
    def words_of(words: _Words) -> str:
        return template.format(who=words.who, object=words.object, person=words.person, facts=words.facts)

    return words_of


_SENTENCES: Final[Mapping[str, Callable[[_Words], str]]] = {
    Verb.SIGNED_IN: _format("{who} signed in"),
    Verb.SIGNED_OUT: _format("{who} signed out"),
    Verb.SIGN_IN_FAILED: _sign_in_failed,
    Verb.SIGN_IN_LOCKED: _format("Signing in as {person} was locked for {facts[minutes]} minutes"),
    Verb.SESSION_ENDED: _format("The session of {person} was ended: {facts[because]}"),
    Verb.SUSPENDED: _format("{who} suspended the sign-in of {person}"),
    Verb.PASSWORD_CHANGED: _format("{who} changed the password of {person}"),
    Verb.DENIED: _denied,
    Verb.REFUSED: _refused,
    Verb.VIEWED: _viewed,
    Verb.SEARCHED: _searched,
    Verb.SEARCHED_PERSON: _searched,
    Verb.REVEALED: _format("{who} revealed {facts[field]} of {object}"),
    Verb.COPIED_ANSWER: _format("{who} copied the answer about {object}"),
    Verb.READ_TRAIL: _read_trail,
    Verb.NOTE_ADDED: _note_added,
    Verb.INQUIRY_LOGGED: _inquiry("recorded"),
    Verb.INQUIRY_CLOSED: _inquiry("closed"),
    Verb.APPROVAL_ASKED: _approval("asked for a second person:"),
    Verb.APPROVAL_GIVEN: _approval("approved"),
    Verb.APPROVAL_REJECTED: _approval("rejected"),
    Verb.APPROVAL_SENT_BACK: _approval("sent back"),
    Verb.APPROVAL_WITHDRAWN: _approval("withdrew"),
    Verb.APPROVAL_OVERTAKEN: _approval("could not approve, because it was overtaken,"),
    Verb.APPROVALS_EXPIRED: _format("{facts[count]} requests ran out without a decision"),
    Verb.COMMAND_ASKED: _command_asked,
    Verb.COMMAND_SENT: _command_sent,
    Verb.COMMAND_ANSWERED: _command_answered,
    Verb.COMMAND_REFUSED: _command_refused,
    Verb.INQUIRIES_GIVEN_UP: _format("{who} gave up {facts[count]} inquiries that were never answered"),
    Verb.CASE_TAKEN: _format("{who} took {object}"),
    Verb.CASE_LET_GO: _format("{who} let go of {object}"),
    Verb.CASE_RETURNED: _format("{who} put {object} back into the queue: {facts[of]} does not work on cases any more"),
    Verb.CASE_SNOOZED: _format("{who} put {object} aside until {facts[until]}"),
    Verb.CASE_WOKEN: _format("{who} took {object} up again"),
    Verb.CASE_HELD: _format("{who} put {object} on hold"),
    Verb.CASE_RESUMED: _format("{who} ended the hold of {object}"),
    Verb.CASE_ESCALATED: _format("{who} escalated {object} to an officer"),
    Verb.CASE_ARRANGED: _format("{who} changed priority or tags of {object}"),
    Verb.CASE_RECORDED: _format("{who} closed {object} as recorded"),
    Verb.CASE_PRINTED: _format("{who} made the case file {facts[printed]} of {object}"),
    Verb.HITS_DECIDED: _hits_decided,
    Verb.FILE_ADDED: _format("{who} added {facts[file]} to {object}"),
    Verb.FILE_READ: _format("{who} downloaded {facts[file]} of {object}"),
    Verb.DATA_CORRECTED: _format("{who} corrected data of {facts[transaction]} in {object}"),
    Verb.CHECK_ASKED: _format("{who} asked for a new check of {facts[transaction]} in {object}"),
    Verb.RULE_AGREED: _format("{who} agreed to rule {facts[rule]} of {object}"),
    Verb.RULE_ENDED: _format("{who} ended rule {facts[rule]} of {object}"),
    Verb.REPORT_BEGUN: _format("{who} began {object} about case {facts[case]}"),
    Verb.REPORT_CHANGED: _format("{who} changed {object} about case {facts[case]}"),
    Verb.REPORT_FILED: _format("{who} filed {object} about case {facts[case]} as {facts[reference]}"),
    Verb.EVENTS_RECEIVED: _events_received,
    Verb.FILE_IMPORTED: _file_imported,
    Verb.DATA_SEEDED: _seeded,
    Verb.VIEW_SAVED: _format("{who} saved the view {facts[name]}"),
    Verb.VIEW_CHANGED: _format("{who} changed the view {facts[name]}"),
    Verb.VIEW_DELETED: _format("{who} deleted the view {facts[name]}"),
    Verb.VIEW_RESTORED: _format("{who} took the view {facts[name]} back"),
    Verb.LIST_ARRANGED: _format("{who} arranged their list of transactions"),
    Verb.PREFERENCES_CHANGED: _format("{who} changed their preferences"),
    Verb.NOTIFICATIONS_READ: _notifications_read,
    Verb.ADDED: _format("{who} added {object}"),
    Verb.CHANGED: _format("{who} changed {object}"),
    Verb.DELETED: _deleted,
    Verb.GRANTED: _granted("granted", "to"),
    Verb.REVOKED: _granted("revoked", "from"),
    Verb.ROLE_GIVEN: _format("{who} gave {person} the role {facts[role]}"),
    Verb.ROLE_TAKEN: _format("{who} took the role {facts[role]} from {person}"),
    Verb.EXCEPTIONS_OPENED: _format("{who} opened {facts[count]} exceptions: {facts[kind]}"),
    Verb.EXCEPTION_ASSIGNED: _assigned,
    Verb.EXCEPTION_SNOOZED: _format("{who} put the exceptions of {object} aside until {facts[until]}"),
    Verb.EXCEPTION_WOKEN: _format("{who} brought the exceptions of {object} back"),
    Verb.EXCEPTION_SETTLED: _format("{who} closed an exception of {object}: {facts[kind]}"),
    Verb.BULK_JOB: _format("{who} {facts[did]} {object}: {facts[what]}"),
    Verb.REPORT_DOWNLOADED: _format("{who} downloaded {facts[file]}: {facts[report]}, {facts[asked]}"),
    Verb.SHEET_DOWNLOADED: _format("{who} downloaded a spreadsheet of {facts[count]} rows: {facts[what]}"),
    Verb.REVERSALS_FILED: _format("{who} {facts[did]} {object}: {facts[what]}"),
    Verb.EXPORT_ASKED: _export_asked,
    Verb.EXPORT_STARTED: _format("The worker began {object} of {who}{facts[run]}: {facts[what]}"),
    Verb.EXPORT_MADE: _export_made,
    Verb.EXPORT_CANCELLED: _format("{who} cancelled {object}: {facts[what]}"),
    Verb.EXPORT_DOWNLOADED: _format("{who} downloaded {object}, {facts[rows]} rows: {facts[what]}"),
    Verb.EXPORT_DELETED: _export_deleted,
    Verb.CERTIFICATE_ISSUED: _certificate_issued,
    Verb.CERTIFICATE_DOWNLOADED: _format("{who} downloaded e-PRC {facts[certificate]} of {object}"),
    Verb.CERTIFICATE_VERIFIED: _format("{who} verified e-PRC {facts[number]}: {facts[answer]}"),
    Verb.CERTIFICATE_VOIDED: _certificate_voided,
    Verb.CHAIN_CHECK_ASKED: _format("{who} asked for a verification of the trail"),
    Verb.ALARM_RAISED: _format("{who} raised an alarm: {facts[sentence]}"),
    Verb.ALARM_ENDED: _format("{who} ended an alarm: {facts[sentence]}"),
    Verb.ALARM_SEEN: _format("{who} saw an alarm: {facts[sentence]}"),
    Verb.CHAIN_VERIFIED: _format("{who} verified the trail: {facts[count]} events to {facts[seq]}"),
    Verb.CHAIN_BROKEN: _chain_broken,
}
