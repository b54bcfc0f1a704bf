"""What people do with a case. Nothing here moves a transaction: what they decide is asked of the platform.

Each deed is one database transaction: check the right, lock, look whether the case is still as it was read, look at
the guards, change, record last.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import notifications
from accounts.access import check, check_work, people_who_may
from accounts.errors import Refused
from accounts.maker_checker import as_of_now, request
from accounts.notifications import Kind, Subject
from accounts.permissions import PROPOSE_PEOPLE
from audit import trail
from audit.history import because
from audit.verbs import Verb
from compliance import answering, casefile, guards, whitelisting
from compliance.changes import changes_since
from compliance.correcting import FIELDS, row_of, take_effect, value_of
from compliance.dossier import CaseDossier
from compliance.errors import Outdated, ReceivedBefore
from compliance.evidence import Evidence, evidence_of
from compliance.models import (
    Case,
    CaseFile,
    Correction,
    DecisionReason,
    HitDecision,
    PrintedCase,
    Report,
    ReportKind,
    WhitelistRule,
)
from compliance.vocabulary import Outcome, Priority, Verdict
from transactions import formats
from transactions.answers import why_not_a_text
from transactions.bank_days import ZONE
from transactions.commands import queue
from transactions.deadlines import after_bank_days, holidays_from
from transactions.models import AnswerText, Command, Transaction
from transactions.vocabulary import CommandKind

if TYPE_CHECKING:
    from accounts.models import ApprovalRequest, User
    from compliance.querysets import CaseQuerySet

READ: Final = "compliance.view_cases"
WORK: Final = "compliance.work_cases"
DECIDE: Final = "compliance.decide_case"
REPORTS: Final = "compliance.manage_str"
TAKEN: Final = Kind("case_taken", "Somebody takes over a case of mine", frozenset({WORK}))
ESCALATED: Final = Kind("case_escalated", "A case is escalated to the officers", frozenset({DECIDE}))
LONGEST_SNOOZE: Final = dt.timedelta(days=14)
LARGEST_FILE: Final = 5 * 1024 * 1024
MOST_FILES: Final = 50
KINDS: Final = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
}
"""What a document may be, by its first bytes."""

_CONSEQUENCE: Final = {
    guards.RELEASE: "The platform goes on with the payment. The partner is not told.",
    guards.REJECT: "The platform ends the payment for good. The partner reads the neutral text.",
}


@dataclass(frozen=True)
class Seen:
    """What a form was read at: the case's revision, the transaction's version, and the form's own key."""

    revision: int
    transaction_version: int
    key: str


@dataclass(frozen=True)
class Word:
    """What somebody says of one hit: the verdict and the code of the reason for it."""

    verdict: Verdict
    reason: str


# -- who works on a case ----------------------------------------------------------------------------------------------


@transaction.atomic
def take_next(waiting: CaseQuerySet, *, by: User) -> Case | None:
    """Assign the first case of `waiting` that nobody has, and answer it; None when there is none.

    A case that somebody else is taking at this moment is passed over, so two people never get the same one.
    """
    by = as_of_now(by)
    check(by, WORK)
    free = waiting.workable_by(by).waiting(timezone.now()).unassigned()
    case: Case | None = free.soonest_first().locked(skip=True).first()
    if case is not None:
        case.assignee = by
        _changed(case, "assignee", reason="Taken from the queue")
        notifications.end(ESCALATED.key, object_type=case._meta.label_lower, object_ids=[case.number])
        _note(Verb.CASE_TAKEN, case, by=by)
    return case


@transaction.atomic
def claim(case: Case, *, by: User, seen: Seen) -> Case:
    """Assign the case to oneself, from the queue or from whoever had it."""
    by = as_of_now(by)
    present = _locked(case, by=by, seen=seen, verb=Verb.CASE_TAKEN)
    former, before = present.assignee, str(present.assignee or "")
    present.assignee = by
    _changed(present, "assignee", seen=seen, reason=f"Taken over from {before}" if before else "Taken")
    notifications.end(ESCALATED.key, object_type=present._meta.label_lower, object_ids=[present.number])
    if former is not None:
        sentence = f"{by} took over {present.number} from you"
        notifications.tell(TAKEN.key, [former], about=_subject(present, WORK), sentence=sentence, by=by)
    _note(Verb.CASE_TAKEN, present, by=by, before={"assignee": before}, after={"assignee": str(by)})
    return present


@transaction.atomic
def let_go(case: Case, *, by: User, seen: Seen) -> Case:
    """Give the case back to the queue. Only whoever has it can."""
    present = _locked(case, by=by, seen=seen, verb=Verb.CASE_LET_GO)
    _check_owner(present, by, Verb.CASE_LET_GO)
    present.assignee = None
    _changed(present, "assignee", seen=seen, reason="Given back to the queue")
    _note(Verb.CASE_LET_GO, present, by=by)
    return present


@transaction.atomic
def give_back(person: User, by: User) -> int:
    """Return every open case of somebody who may not work on cases any more to the queue; answers how many.

    A part of the change of people or roles that takes the right away, and asks the right to propose such a change.
    """
    check(by, PROPOSE_PEOPLE)
    count = 0
    for found in Case.objects.open().assigned_to(person).order_by("transaction_id"):
        Transaction.objects.locked().only("pk").get(pk=found.transaction_id)  # first, as the intake does
        present: Case = Case.objects.locked().for_page().get(pk=found.pk)
        if present.is_open and present.assignee_id == person.pk:
            present.assignee = None
            _changed(present, "assignee", reason=f"{person} does not work on cases any more")
            _note(Verb.CASE_RETURNED, present, by=by, before={"assignee": str(person)}, facts={"of": str(person)})
            count += 1
    return count


@transaction.atomic
def snooze(case: Case, *, by: User, seen: Seen, until: dt.datetime, reason: str) -> Case:
    """Put the case aside; it comes back by itself at `until`. Its time goes on: only a hold stops it."""
    present = _locked(case, by=by, seen=seen, verb=Verb.CASE_SNOOZED)
    now = timezone.now()
    if not now < until <= now + LONGEST_SNOOZE:
        raise _refused(present, f"Choose a time within the next {LONGEST_SNOOZE.days} days.", Verb.CASE_SNOOZED)
    present.snoozed_until, present.snooze_reason = until, reason
    _changed(present, "snoozed_until", "snooze_reason", seen=seen, reason=reason)
    shown = formats.when_in_detail(until, timezone.get_current_timezone())
    _note(Verb.CASE_SNOOZED, present, by=by, reason=reason, facts={"until": shown})
    return present


@transaction.atomic
def wake(case: Case, *, by: User, seen: Seen) -> Case:
    """Take a case up again before its time."""
    present = _locked(case, by=by, seen=seen, verb=Verb.CASE_WOKEN)
    present.snoozed_until, present.snooze_reason = None, ""
    _changed(present, "snoozed_until", "snooze_reason", seen=seen, reason="Taken up again")
    _note(Verb.CASE_WOKEN, present, by=by)
    return present


@transaction.atomic
def arrange(case: Case, *, by: User, seen: Seen, priority: Priority, tags: Sequence[str]) -> Case:
    """Set how urgent the case is and its tags."""
    present = _locked(case, by=by, seen=seen, verb=Verb.CASE_ARRANGED)
    before = {"priority": Priority(present.priority).label, "tags": list(present.tags)}
    present.priority, present.tags = priority, list(tags)
    _changed(present, "priority", "tags", seen=seen)
    _note(Verb.CASE_ARRANGED, present, by=by, before=before, after={"priority": priority.label, "tags": list(tags)})
    return present


# -- hold and escalate ------------------------------------------------------------------------------------------------


@transaction.atomic
def hold(case: Case, *, by: User, seen: Seen, reason: DecisionReason, note: str) -> Case:
    """Stop the clock while somebody is asked for information. It changes the case only."""
    present = _locked(case, by=by, seen=seen, verb=Verb.CASE_HELD)
    _check_owner(present, by, Verb.CASE_HELD)
    if present.held_since is not None:
        raise _refused(present, f"{present.number} is on hold already.", Verb.CASE_HELD)
    present.held_since, present.hold_reason = timezone.now(), reason.sentence
    _changed(present, "held_since", "hold_reason", seen=seen, reason=reason.sentence)
    _say(present, by, note, f"On hold: {reason.sentence}.")
    _note(Verb.CASE_HELD, present, by=by, reason=reason.sentence)
    return present


@transaction.atomic
def resume(case: Case, *, by: User, seen: Seen) -> Case:
    """End the hold; the time that is left goes on from now."""
    present = _locked(case, by=by, seen=seen, verb=Verb.CASE_RESUMED)
    if present.held_since is None:
        raise _refused(present, f"{present.number} is not on hold.", Verb.CASE_RESUMED)
    before = present.due_at
    present.due_at += timezone.now() - present.held_since
    present.held_since, present.hold_reason = None, ""
    _changed(present, "due_at", "held_since", "hold_reason", seen=seen, reason="The hold ended")
    _note(Verb.CASE_RESUMED, present, by=by, before={"due_at": before}, after={"due_at": present.due_at})
    return present


@transaction.atomic
def escalate(case: Case, *, by: User, seen: Seen, reason: DecisionReason, note: str) -> Case:
    """Give the case to the officers: it goes back to the queue, marked."""
    present = _locked(case, by=by, seen=seen, verb=Verb.CASE_ESCALATED)
    _check_owner(present, by, Verb.CASE_ESCALATED)
    present.escalated_at, present.escalation_reason = timezone.now(), reason.sentence
    present.assignee, present.priority = None, Priority.URGENT
    _changed(present, "escalated_at", "escalation_reason", "assignee", "priority", seen=seen, reason=reason.sentence)
    _say(present, by, note, f"Escalated: {reason.sentence}.")
    officers = people_who_may(
        DECIDE, partner_id=present.transaction.partner_id, branch_id=present.transaction.branch_id
    )
    sentence = f"{by} escalated {present.number}: {reason.sentence}"
    notifications.tell(ESCALATED.key, officers, about=_subject(present, DECIDE), sentence=sentence, by=by)
    _note(Verb.CASE_ESCALATED, present, by=by, reason=reason.sentence)
    return present


# -- hits -------------------------------------------------------------------------------------------------------------


@transaction.atomic
def decide_hits(case: Case, *, by: User, seen: Seen, words: Mapping[int, Word]) -> Case:
    """Say of some hits who they are. Every other hit stays as it is."""
    present = _locked(case, by=by, seen=seen, verb=Verb.HITS_DECIDED)
    _check_owner(present, by, Verb.HITS_DECIDED)
    _keep(present, by, words)
    _changed(present, "version", seen=seen, reason="Hits decided")
    return present


def _keep(present: Case, by: User, words: Mapping[int, Word]) -> None:
    """Write down what is said of these hits; the evidence has a new version."""
    if waiting := guards.pending_about(present):
        raise _refused(present, f"{waiting.number} waits for a decision on this evidence.", Verb.HITS_DECIDED)
    evidence = evidence_of(present, now=timezone.now())
    decided = _decisions(present, by, words, evidence)
    HitDecision.objects.bulk_create(decided)
    present.version += 1
    sides = {standing.hit.pk: standing.side for standing in evidence.hits}
    facts = [
        {
            "hit": one.entity_id,
            "list": one.list_name,
            "party": sides[one.hit_id],
            "verdict": str(Verdict(one.verdict).label),
            "reason": one.reason.code,
        }
        for one in decided
    ]
    _note(Verb.HITS_DECIDED, present, by=by, facts={"decided": facts})


def _decisions(case: Case, by: User, words: Mapping[int, Word], evidence: Evidence) -> list[HitDecision]:
    reasons = {
        one.code: one for one in DecisionReason.objects.filter(code__in={word.reason for word in words.values()})
    }
    decided = []
    for pk, word in words.items():
        standing, reason = evidence.find(pk), reasons.get(word.reason)
        if standing is None:
            raise _refused(case, "One of the hits is not there any more: the check was made again.", Verb.HITS_DECIDED)
        if reason is None or reason.applies_to != word.verdict.value:
            raise _refused(case, f"Choose a reason for the {standing.name}.", Verb.HITS_DECIDED)
        decided.append(
            HitDecision(case=case, **standing.as_decided(), verdict=word.verdict, reason=reason, decided_by=by)
        )
    if not decided:
        raise _refused(case, "Say of at least one hit who it is.", Verb.HITS_DECIDED)
    return decided


# -- release and reject -----------------------------------------------------------------------------------------------


@transaction.atomic
def propose(
    case: Case, *, by: User, seen: Seen, outcome: str, reason: DecisionReason, note: str, words: Mapping[int, Word]
) -> ApprovalRequest:
    """Ask a second person to release or reject the payment. What is said of hits with it is kept first.

    Refused while anything is in the way; for a release that is every hit that is not somebody else, by its name.
    """
    check(by, "compliance.propose_case")
    present = _locked(case, by=by, seen=seen, verb=Verb.APPROVAL_ASKED)
    _check_owner(present, by, Verb.APPROVAL_ASKED)
    if words:
        _keep(present, by, words)
    if sentence := guards.in_the_way_of(outcome, present, now=timezone.now()):
        raise _refused(present, sentence, Verb.APPROVAL_ASKED)
    _changed(present, "version", seen=seen, reason=f"{outcome.capitalize()} proposed: {reason.sentence}")
    row = present.transaction
    verb = "Release" if outcome == guards.RELEASE else "Reject"
    return request(
        outcome,
        present,
        by=by,
        summary=f"{verb} {row.txn_id}",
        consequence=_CONSEQUENCE[outcome],
        reason_code=reason.code,
        note=note,
        payload={"platform_code": reason.platform_code, "reason": reason.sentence},
        amount=row.settled_amount,
        currency=row.settled_currency,
        partner_id=row.partner_id,
        branch_id=row.branch_id,
    )


# -- correct and check again ------------------------------------------------------------------------------------------


@transaction.atomic
def ask_for_check(case: Case, *, by: User, seen: Seen, note: str) -> Command:
    """Ask the platform to check both parties again. What it finds updates the case."""
    present = _locked(case, by=by, seen=seen, verb=Verb.CHECK_ASKED)
    _check_owner(present, by, Verb.CHECK_ASKED)
    if sentence := guards.in_the_way_of(guards.RESCREEN, present, now=timezone.now()):
        raise _refused(present, sentence, Verb.CHECK_ASKED)
    _changed(present, "version", seen=seen, reason="A new check was asked for")
    _note(Verb.CHECK_ASKED, present, by=by, reason=note)
    return queue(CommandKind.RESCREEN, present.transaction, by=by, note=note, payload={"case": present.number})


@transaction.atomic
def correct(case: Case, *, by: User, seen: Seen, field: str, value: str, reason: str) -> Correction:
    """Correct one field and let the platform check again. Who is paid and where waits for a second person first."""
    present = _locked(case, by=by, seen=seen, verb=Verb.DATA_CORRECTED)
    _check_owner(present, by, Verb.DATA_CORRECTED)
    if sentence := guards.in_the_way_of(guards.CORRECT, present, now=timezone.now()):
        raise _refused(present, sentence, Verb.DATA_CORRECTED)
    known, old = FIELDS[field], value_of(FIELDS[field], present.transaction)
    if row_of(known, present.transaction) is None:
        raise _refused(present, f"{known.label}: the partner gave none, so there is nothing to correct.", Verb.REFUSED)
    if old == value:
        raise _refused(present, f"{known.label} is that already.", Verb.DATA_CORRECTED)
    correction = Correction.objects.create(
        case=present, field=field, old=old, new=value, is_material=known.is_material, reason=reason, asked_by=by
    )
    _changed(present, "version", seen=seen, reason=reason)
    if known.is_material:
        _ask_to_correct(present, correction, by)
    else:
        apply_correction(present, correction, by=by)
    return correction


def _ask_to_correct(case: Case, correction: Correction, by: User) -> None:
    """Who is paid and where: another person looks at it first."""
    check(by, "compliance.propose_case")
    field, row = FIELDS[correction.field], case.transaction
    request(
        guards.CORRECT,
        case,
        by=by,
        summary=f"Correct {field.label.lower()} of {row.txn_id}",
        consequence="The data change and the platform checks both parties again. Decisions on that party's hits fall.",
        note=correction.reason,
        before={field.label: field.shown(correction.old)},
        after={field.label: field.shown(correction.new)},
        payload={"correction": correction.pk},
        amount=row.settled_amount,
        currency=row.settled_currency,
        partner_id=row.partner_id,
        branch_id=row.branch_id,
    )


def apply_correction(case: Case, correction: Correction, *, by: User, agreed: ApprovalRequest | None = None) -> Command:
    """Let a correction take effect and ask the platform to go on from there. The caller holds transaction and case."""
    with transaction.atomic():
        check(by, WORK)
        field = FIELDS[correction.field]
        payload = take_effect(correction, case.transaction, now=timezone.now())
        case.version += 1
        _changed(case, "version", reason=correction.reason)
        _note(
            Verb.DATA_CORRECTED,
            case,
            by=correction.asked_by,
            before={field.label: field.shown(correction.old)},
            after={field.label: field.shown(correction.new)},
            reason=correction.reason,
        )
        return queue(
            CommandKind.CORRECT,
            case.transaction,
            by=by,
            approval=agreed,
            note=correction.reason,
            payload={"case": case.number, **payload},
        )


# -- the whitelist ----------------------------------------------------------------------------------------------------


@transaction.atomic
def ask_for_rule(case: Case, *, by: User, seen: Seen, hit: int, months: int, note: str) -> ApprovalRequest:
    """Ask a second person that a party and a list entry, found not to be the same, be told apart from now on."""
    check(by, "compliance.propose_case")
    present = _locked(case, by=by, seen=seen, verb=Verb.APPROVAL_ASKED)
    standing = evidence_of(present, now=timezone.now()).find(hit)
    sentence = whitelisting.why_not(standing, "hit")
    if standing is None or standing.decision is None or sentence:
        raise _refused(present, sentence, Verb.APPROVAL_ASKED)
    _changed(present, seen=seen, reason="A rule of the whitelist was asked for")
    of_list = f" of {standing.check.list_name}" if standing.check.list_name else ""
    return request(
        whitelisting.OPERATION,
        standing.hit,
        by=by,
        object_id=whitelisting.object_name(present, standing),
        summary=f"Whitelist {standing.hit.entity_id}{of_list} for the {standing.side} of {present.transaction.txn_id}, "
        f"{whitelisting.MONTHS[months]}",
        consequence="The same person is cleared of this entry without a decision, until the entry or the person's "
        "data change or the time is over.",
        reason_code=standing.decision.reason.code,
        note=note,
        payload={"case": present.number, "hit": hit, "months": months},
        partner_id=present.transaction.partner_id,
        branch_id=present.transaction.branch_id,
    )


@transaction.atomic
def end_rule(rule: WhitelistRule, *, by: User, reason: str) -> WhitelistRule:
    """End a rule before its time: from now on its hits wait for a decision again. One person is enough."""
    check(by, "compliance.propose_case")
    check_work(by, rule.case.transaction)
    present: WhitelistRule = WhitelistRule.objects.locked().select_related("case__transaction").get(pk=rule.pk)
    if present.ended_at is not None:
        raise _refused(present.case, f"{present.ended_by} ended rule {present} already.", Verb.RULE_ENDED)
    present.ended_at, present.ended_by, present.end_reason = timezone.now(), by, reason
    because(present, reason)
    present.save(update_fields=["ended_at", "ended_by", "end_reason"])
    _note(Verb.RULE_ENDED, present.case, by=by, reason=reason, facts={"rule": str(present)})
    return present


# -- what partners are told -------------------------------------------------------------------------------------------


@transaction.atomic
def ask_for_answer_text(key: str, *, by: User, version: int, text: str, note: str) -> ApprovalRequest:
    """Ask a second person to let another text answer partners; `version` is the one that was read while writing.

    Refused with the word in it that a partner must never read, and when another version came into force meanwhile.
    """
    check(by, "compliance.propose_case")
    present = AnswerText.objects.of(key).locked().last()
    if present is None:
        raise Refused(f"There is no text “{key}”.", status=404, verb=Verb.APPROVAL_ASKED, object_id=key)
    sentence = why_not_a_text(text)
    if not sentence and present.version != version:
        sentence = f"{present} came into force while you were writing. Read it and write again."
    if not sentence and present.text == text:
        sentence = f"{present} says that already."
    if sentence:
        raise Refused(sentence, verb=Verb.APPROVAL_ASKED, object_type="transactions.answertext", object_id=key)
    return request(
        answering.OPERATION,
        present,
        by=by,
        object_id=key,
        summary=f"Change what partners are told: {answering.LABELS.get(key, key)}",
        consequence="Partners read the new text from then on. What was told before stays as it was said.",
        note=note,
        before={"Text": present.text},
        after={"Text": text},
        payload={"text": text},
    )


# -- reports to the regulator -----------------------------------------------------------------------------------------


@transaction.atomic
def begin_report(case: Case, *, by: User, kind: ReportKind, grounds: str) -> Report:
    """Begin a report to the regulator about the case; its clock starts. Nobody outside the officers reads of it."""
    check(by, REPORTS)
    check_work(by, case.transaction)
    present: Case = Case.objects.locked().select_related("transaction").get(pk=case.pk)
    twin = Report.objects.filter(case=present, kind=kind, state=Report.State.DRAFT).first()
    if twin is not None:
        raise _refused(present, f"{twin} is begun already: go on with it.", Verb.REPORT_BEGUN)
    now = timezone.now()
    report = Report.objects.create(
        number=_next_report(kind, now),
        case=present,
        kind=kind,
        grounds=grounds,
        due_at=after_bank_days(now, kind.bank_days, holidays_from(now)),
        begun_by=by,
        begun_at=now,
    )
    _note(Verb.REPORT_BEGUN, report, by=by)
    return report


@transaction.atomic
def change_report(report: Report, *, by: User, revision: int, grounds: str) -> Report:
    """Write the grounds of a draft anew; what they were stays in its history."""
    present = _locked_report(report, by=by, revision=revision, verb=Verb.REPORT_CHANGED)
    present.grounds = grounds
    present.revision += 1
    present.save(update_fields=["grounds", "revision"])
    _note(Verb.REPORT_CHANGED, present, by=by)
    return present


@transaction.atomic
def file_report(report: Report, *, by: User, revision: int, reference: str, filed_at: dt.datetime) -> Report:
    """Note that the regulator has the report, when, and under which reference of theirs. It is not changed any more."""
    present = _locked_report(report, by=by, revision=revision, verb=Verb.REPORT_FILED)
    begun_in = present.begun_at.replace(second=0, microsecond=0)  # people type minutes
    if not begun_in <= filed_at <= timezone.now():
        raise _refused(present.case, "It is filed after it was begun, and not in the future.", Verb.REPORT_FILED)
    present.state, present.reference, present.filed_at = Report.State.FILED, reference, filed_at
    present.filed_by = by
    present.revision += 1
    present.save(update_fields=["state", "reference", "filed_at", "filed_by", "revision"])
    _note(Verb.REPORT_FILED, present, by=by, facts={"reference": reference})
    return present


def _locked_report(report: Report, *, by: User, revision: int, verb: Verb) -> Report:
    check(by, REPORTS)
    check_work(by, report.case.transaction)
    present: Report = Report.objects.locked().select_related("case__transaction").get(pk=report.pk)
    if present.state != Report.State.DRAFT:
        raise _refused(present.case, f"{present} was filed already: it is not changed any more.", verb)
    if present.revision != revision:
        raise _refused(present.case, f"{present} changed while you were reading. Look again.", verb)
    return present


def _next_report(kind: ReportKind, now: dt.datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('compliance_report_number')")
        (number,) = cursor.fetchone()
    return f"{kind.code}-{now.astimezone(ZONE).year}-{number:04d}"


# -- after a payment --------------------------------------------------------------------------------------------------


@transaction.atomic
def record_after_payment(case: Case, *, by: User, seen: Seen, reason: DecisionReason, note: str) -> Case:
    """Close a case about a payment that was made already: nothing can be released or rejected any more."""
    present = _locked(case, by=by, seen=seen, verb=Verb.CASE_RECORDED)
    _check_owner(present, by, Verb.CASE_RECORDED)
    if not present.is_after_payment:
        raise _refused(present, "Only a case about a payment that was made is recorded like this.", Verb.CASE_RECORDED)
    pending = evidence_of(present, now=timezone.now()).pending
    if pending:
        raise _refused(present, f"The {pending[0].name} is not decided yet.", Verb.CASE_RECORDED)
    present.closed_at, present.outcome = timezone.now(), Outcome.RECORDED
    _changed(present, "closed_at", "outcome", seen=seen, reason=reason.sentence)
    _say(present, by, note, f"Recorded: {reason.sentence}.")
    _note(Verb.CASE_RECORDED, present, by=by, reason=reason.sentence)
    return present


# -- documents --------------------------------------------------------------------------------------------------------


@transaction.atomic
def add_file(case: Case, *, by: User, name: str, content: bytes, report: Report | None = None) -> CaseFile:
    """Keep a document with the case. Its kind is read from its first bytes, never from its name."""
    check(by, WORK if report is None else REPORTS)
    check_work(by, case.transaction)
    present: Case = Case.objects.locked().get(pk=case.pk)
    kind = next((kind for magic, kind in KINDS.items() if content.startswith(magic)), "")
    if not kind:
        raise _refused(present, "Only PDF, PNG and JPEG documents are kept here.", Verb.FILE_ADDED, status=422)
    if len(content) > LARGEST_FILE:
        raise _refused(present, "A document may have 5 MB at most.", Verb.FILE_ADDED, status=422)
    if present.files.count() >= MOST_FILES:
        raise _refused(present, f"A case keeps {MOST_FILES} documents at most.", Verb.FILE_ADDED)
    file = CaseFile(
        case=present,
        report=report,
        name=_plain_name(name),
        content_type=kind,
        size=len(content),
        sha256=sha256(content).hexdigest(),
        content=content,
        added_by=by,
    )
    try:
        with transaction.atomic():
            file.save(force_insert=True)
    except IntegrityError:
        raise _refused(present, "This document is here already.", Verb.FILE_ADDED) from None
    _note(Verb.FILE_ADDED, present if report is None else report, by=by, facts=_facts_of(file))
    return file


@transaction.atomic
def read_file(file: CaseFile, *, by: User) -> bytes:
    """A document's content, once the trail says who reads it."""
    check(by, READ if file.report_id is None else "compliance.view_str")
    _note(Verb.FILE_READ, file.case if file.report is None else file.report, by=by, facts=_facts_of(file))
    return bytes(file.content)


@transaction.atomic
def print_case(case: Case, *, by: User) -> PrintedCase:
    """Make the case file as this person may know the case, and keep it with its fingerprints.

    It holds everything up to this moment; that it was made stands in the trail, and in the next file.
    """
    check(by, READ)
    present: Case = Case.objects.visible_to(by).locked().for_page().get(pk=case.pk)
    now = timezone.now()
    dossier = CaseDossier(present, by, now)
    number = _next_printed(now)
    text = casefile.canonical(casefile.content_of(dossier, number))
    file = casefile.pdf_of(text)
    printed = PrintedCase.objects.create(
        number=number,
        case=present,
        tells_of_reports=dossier.sees_reports,
        content=text,
        sha256=casefile.fingerprint(text),
        file=file,
        file_sha256=sha256(file).hexdigest(),
        made_by=by,
        made_at=now,
    )
    _note(Verb.CASE_PRINTED, present, by=by, facts=_facts_of_printed(printed))
    return printed


@transaction.atomic
def read_printed(printed: PrintedCase, *, by: User) -> bytes:
    """A case file's bytes as they were made, once the trail says who reads them."""
    check(by, READ)
    if printed.tells_of_reports:
        check(by, "compliance.view_str")
    _note(Verb.FILE_READ, printed.case, by=by, facts={"file": printed.number, **_facts_of_printed(printed)})
    return bytes(printed.file)


def _facts_of_printed(printed: PrintedCase) -> dict[str, Any]:
    return {"printed": printed.number, "sha256": printed.sha256, "file_sha256": printed.file_sha256}


def _next_printed(now: dt.datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('compliance_printed_number')")
        (number,) = cursor.fetchone()
    return f"CF-{now.astimezone(ZONE).year}-{number:05d}"


def _facts_of(file: CaseFile) -> dict[str, Any]:
    return {"file": file.name, "sha256": file.sha256, "size": file.size, "case": file.case.number}


def _plain_name(name: str) -> str:
    """The last part of a file's name, without what could lead anywhere or break a line."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable()).strip(". ")[-120:] or "document"


# -- what deeds share -------------------------------------------------------------------------------------------------


def _locked(case: Case, *, by: User, seen: Seen, verb: Verb) -> Case:
    """The case under its lock, open and as it was read. Raises what is in the way."""
    check(by, WORK)
    check_work(by, case.transaction)
    Transaction.objects.locked().only("pk").get(pk=case.transaction_id)  # first, as the intake does
    present: Case = Case.objects.locked().for_page().get(pk=case.pk)
    _check_seen(present, seen, verb)
    if not present.is_open:
        when = formats.when_in_detail(present.closed_at or timezone.now(), timezone.get_current_timezone())
        raise _refused(present, f"{present.number} was closed on {when}. Nothing was done.", verb)
    return present


def _check_seen(present: Case, seen: Seen, verb: Verb) -> None:
    """Raise ReceivedBefore when this very form came already, Outdated when the case is not as it was read."""
    if seen.key and seen.key == present.last_key and present.last_key_at is not None:
        raise ReceivedBefore(present.last_key_at)
    if (present.revision, present.transaction.version) != (seen.revision, seen.transaction_version):
        raise Outdated(
            f"{present.number} changed while you were reading. Nothing was sent. Check and decide again.",
            changes=changes_since(present, seen.revision),
            verb=verb,
            object_id=present.number,
        )


def _check_owner(case: Case, by: User, verb: Verb) -> None:
    """Raise Refused unless the case is assigned to this person."""
    if case.assignee_id == by.pk:
        return
    if case.assignee is None:
        raise _refused(case, f"Nobody works on {case.number}. Assign it to yourself first.", verb)
    raise _refused(case, f"{case.assignee} works on {case.number}. Assign it to yourself first.", verb)


def _changed(case: Case, *fields: str, seen: Seen | None = None, reason: str = "") -> None:
    """Save these columns with a new revision; a form's key is kept so that the same form counts once."""
    case.revision += 1
    changed = [*fields, "revision"]
    if seen is not None:
        case.last_key, case.last_key_at = seen.key, timezone.now()
        changed += ["last_key", "last_key_at"]
    because(case, reason)
    case.save(update_fields=changed)


def _say(case: Case, by: User, note: str, opening: str) -> None:
    """Put a note into the transaction's journal that only compliance reads."""
    case.transaction.notes.create(author=by, text=f"{case.number}. {opening} {note}".strip(), compliance_only=True)


def _subject(case: Case, right: str) -> Subject:
    """What a notification of this case is about, for those who hold the right."""
    row = case.transaction
    return Subject.of(case, right=right, partner_id=row.partner_id, branch_id=row.branch_id)


def _note(verb: Verb, obj: Case | Report, **details: Any) -> None:
    facts = {"transaction": obj.transaction.txn_id} if isinstance(obj, Case) else {"case": obj.case.number}
    trail.record(verb, obj=obj, **(details | {"facts": facts | details.get("facts", {})}))


def _refused(case: Case, sentence: str, verb: Verb, *, status: int = 409) -> Refused:
    return Refused(sentence, status=status, verb=verb, object_type="compliance.case", object_id=case.number)
