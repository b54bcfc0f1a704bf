"""The case file: everything a case was decided on and what became of it, as one reader may know it, ready to print.

Its content is plain text in blocks. The same content makes the same bytes, and its SHA-256 is printed in it: a file
can be held against the record of its making years later. What identifies people is masked, as everywhere.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from reportlab.platypus import Flowable

from audit import sentences
from audit.models import AuditEvent
from audit.verbs import Verb
from compliance.comparing import parts
from compliance.correcting import FIELDS
from compliance.dossier import why_of
from compliance.evidence import Standing
from compliance.models import Correction, HitDecision, PrintedCase, ScreeningCheck
from transactions import formats, masking, printing
from transactions.timeline import mask_number
from transactions.vocabulary import Funds, IdType, badge_of

if TYPE_CHECKING:
    from accounts.models import ApprovalRequest
    from compliance.dossier import CaseDossier
    from transactions.models import Party

Block = dict[str, Any]
Fact = tuple[str, str]

FORM: Final = 1
"""Which form of the content this is; it rises when the same case would be told in other words."""
NOT_GIVEN: Final = "Not given"
HITS_COMPARED: Final = 500
"""Hits that are compared field by field; those beyond, lower in score, stand in one table, a line each."""
_ONLY_READ: Final = {Verb.VIEWED}


def content_of(dossier: CaseDossier, number: str) -> dict[str, Any]:
    """Everything about the case as the dossier's reader may know it, at the dossier's moment."""
    return {
        "form": FORM,
        "number": number,
        "case": dossier.case.number,
        "made_by": f"{dossier.user} ({dossier.user.username})",
        "made_at": dossier.now.astimezone(dt.UTC).isoformat(),
        "zone": str(_zone(dossier)),
        "blocks": list(_blocks(dossier)),
    }


def canonical(content: dict[str, Any]) -> str:
    """The content as the one text that is hashed."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def fingerprint(text: str) -> str:
    """The SHA-256 of a canonical text: what is printed in the file and kept in its record."""
    return sha256(text.encode()).hexdigest()


def record_with(file: bytes, printed: Sequence[PrintedCase]) -> PrintedCase | None:
    """The record among `printed` whose file these bytes are, to the last one; None when there is none."""
    sent = sha256(file).hexdigest()
    return next((one for one in printed if one.file_sha256 == sent), None)


def pdf_of(text: str) -> bytes:
    """The canonical text on paper, with its fingerprint. The same text gives the same bytes."""
    content = json.loads(text)
    made_at = dt.datetime.fromisoformat(content["made_at"]).astimezone(ZoneInfo(content["zone"]))
    when = formats.when_in_detail(made_at, made_at.tzinfo or dt.UTC)
    parts = [
        printing.facts(
            [
                ("Case file", content["number"]),
                ("Made by", content["made_by"]),
                ("Made", f"{when}, and everything in it is told in this zone"),
                ("SHA-256 of its content", fingerprint(text)),
            ]
        ),
        *(flowable for block in content["blocks"] for flowable in _printed(block)),
    ]
    title = f"Case {content['case']}"
    footer = f"{content['number']}, printed by {content['made_by']}, {when}. Confidential. SHA-256 {fingerprint(text)}"
    return printing.document(title, parts, footer=footer, wide=True)


def _printed(block: Block) -> Iterator[Flowable]:
    match block:
        case {"heading": words}:
            yield printing.heading(words)
        case {"subheading": words}:
            yield printing.gap()
            yield printing.text(words, printing.STRONG)
        case {"facts": pairs}:
            yield printing.facts([(label, value) for label, value in pairs])
        case {"table": {"head": head, "rows": rows}}:
            yield printing.table(head, rows)
        case {"text": words}:
            yield printing.text(words)


# -- blocks -----------------------------------------------------------------------------------------------------------


def _blocks(dossier: CaseDossier) -> Iterator[Block]:
    told = _Told(dossier)
    for heading, blocks in (
        ("Case", told.case()),
        ("Transaction", told.transaction()),
        ("Checks", told.checks()),
        ("Hits", told.hits()),
        ("What was said of the hits", told.said()),
        ("Corrections", told.corrections()),
        ("Decisions", told.decisions()),
        ("Asked of the platform", told.commands()),
        ("Timeline of the transaction", told.timeline()),
        ("Notes", told.notes()),
        ("Documents", told.documents()),
        *((("Reports to the regulator", told.reports()),) if dossier.sees_reports else ()),
        ("Trail of the case", told.trail()),
    ):
        yield {"heading": heading}
        yield from blocks


def _facts(*facts: Fact) -> Block:
    return {"facts": [[label, value or NOT_GIVEN] for label, value in facts]}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> Iterator[Block]:
    if rows:
        yield {"table": {"head": list(head), "rows": [list(row) for row in rows]}}
    else:
        yield {"text": nothing}


def _zone(dossier: CaseDossier) -> dt.tzinfo:
    return dossier.of_transaction.reader.zone


@dataclass(frozen=True)
class _Told:
    """The parts of a case in words, each as blocks."""

    dossier: CaseDossier

    def when(self, moment: dt.datetime | None) -> str:
        return formats.when_in_detail(moment, _zone(self.dossier)) if moment else ""

    def case(self) -> Iterator[Block]:
        case = self.dossier.case
        state = f"Closed: {case.get_outcome_display()}" if case.closed_at else "On hold" if case.held_since else "Open"
        yield _facts(
            ("Case", case.number),
            ("Why it is here", why_of(case)),
            ("State", state),
            ("Opened", self.when(case.opened_at)),
            ("Due", self.when(case.due_at)),
            ("Closed", self.when(case.closed_at)),
            ("Assigned to", str(case.assignee or "Nobody")),
            ("Priority and tags", parts([case.get_priority_display(), *case.tags])),
            *self._stopped(),
        )

    def _stopped(self) -> Iterator[Fact]:
        case = self.dossier.case
        if case.held_since:
            yield "On hold", f"since {self.when(case.held_since)}: {case.hold_reason}"
        if case.escalated_at:
            yield "Escalated", f"{self.when(case.escalated_at)}: {case.escalation_reason}"

    def transaction(self) -> Iterator[Block]:
        row, of = self.dossier.transaction, self.dossier.of_transaction
        account = of.account
        sent = formats.money(row.sent_amount, row.sent_currency) if row.sent_amount and row.sent_currency else ""
        yield _facts(
            ("Transaction", row.txn_id),
            ("Partner", f"{row.partner.name}, reference {row.partner_reference}"),
            ("Status", f"{badge_of(row.status, row.stage, sees_compliance=True).label}, {row.get_stage_display()}"),
            ("Where the money is", str(Funds(row.funds_position).label)),
            ("Sent", sent),
            ("Payout", f"{formats.money(row.settled_amount, row.settled_currency)}, {of.goes_to}"),
            *_person("Remitter", of.remitter),
            *_person("Beneficiary", of.beneficiary),
            ("Account", str(mask_number(account.number)) if account else ""),
            ("Account title given", account.title_given if account else ""),
            ("Account title from the bank", account.title_fetched if account else ""),
            ("Title match", str(account.get_title_match_display()) if account and account.title_match else ""),
            ("Purpose", of.purpose),
        )

    def checks(self) -> Iterator[Block]:
        rows = [
            (
                str(check.get_subject_display()),
                check.list_name or NOT_GIVEN,
                check.list_version or NOT_GIVEN,
                self.when(check.list_fetched_at) or NOT_GIVEN,
                f"{check.get_status_display()}, {str(check.get_timing_display()).lower()}",
                self.when(check.completed_at),
            )
            for check in self.dossier.evidence.checks
        ]
        head = ("Party", "List", "Version", "Fetched", "Result", "Checked")
        yield from _table(head, rows, "No check has reached us.")
        for sentence in self.dossier.evidence.unscreened:
            yield {"text": sentence}

    def hits(self) -> Iterator[Block]:
        by_score = sorted(self.dossier.evidence.hits, key=lambda one: (-one.hit.score, one.hit.pk))
        if not by_score:
            yield {"text": "There are no hits."}
        for place, one in enumerate(by_score[:HITS_COMPARED], 1):
            yield from self._hit(place, one)
        rest = [
            (str(place), one.hit.entity_id, _list_of(one.check), one.side, _score(one), self._stands(one))
            for place, one in enumerate(by_score[HITS_COMPARED:], HITS_COMPARED + 1)
        ]
        if rest:
            yield from _table(("", "Entry", "List", "On the", "Score", "Decision"), rest, "")

    def _hit(self, place: int, one: Standing) -> Iterator[Block]:
        hit, check = one.hit, one.check
        yield {"subheading": f"Hit {place}: {hit.entity_id}, {_list_of(check)}, on the {one.side}"}
        yield _facts(
            ("Score and limit", _score(one)),
            ("Names on the list", parts(hit.names)),
            ("Also known as", parts(hit.aliases)),
            ("Programme", hit.programme),
            ("List version", parts([check.list_version, self.when(check.list_fetched_at)])),
            ("Decision", self._stands(one)),
            *((("An earlier word fell", one.void),) if one.void else ()),
        )
        rows = [(f.label, f.ours or NOT_GIVEN, f.theirs or NOT_GIVEN, f.agreement) for f in one.compared]
        yield from _table(("Field", "Our party", "List entry", "Compare"), rows, "")

    def _stands(self, one: Standing) -> str:
        if one.rule is not None:
            return (
                f"Cleared by rule {one.rule}: asked by {one.rule.requested_by}, agreed by {one.rule.agreed_by} on "
                f"{self.when(one.rule.agreed_at)}, until {self.when(one.rule.expires_at)}."
            )
        if one.decision is None:
            return "Not decided yet."
        said = one.decision
        return f"{said.get_verdict_display()}: {said.reason.sentence}. {said.decided_by}, {self.when(said.decided_at)}."

    def said(self) -> Iterator[Block]:
        rows = HitDecision.objects.filter(case__transaction=self.dossier.transaction).order_by("id")
        told = [
            (
                self.when(one.decided_at),
                str(one.decided_by),
                f"{one.entity_id} on the {str(one.get_subject_display()).lower()}",
                str(one.get_verdict_display()),
                f"{one.reason.code}: {one.reason.sentence}",
                one.case.number,
            )
            for one in rows.select_related("decided_by", "reason", "case")
        ]
        yield from _table(("When", "Who", "Hit", "Verdict", "Reason", "In"), told, "Nothing yet.")

    def corrections(self) -> Iterator[Block]:
        rows = Correction.objects.filter(case__transaction=self.dossier.transaction).select_related("asked_by")
        told = [
            (
                self.when(one.asked_at),
                str(one.asked_by),
                FIELDS[one.field].label,
                FIELDS[one.field].shown(one.old) or NOT_GIVEN,
                FIELDS[one.field].shown(one.new),
                one.reason,
                self.when(one.applied_at) or "Not in effect",
            )
            for one in rows.order_by("id")
        ]
        head = ("When", "Who", "Field", "Was", "Is now", "Why", "In effect")
        yield from _table(head, told, "No data were corrected.")

    def decisions(self) -> Iterator[Block]:
        if not self.dossier.requests:
            yield {"text": "Nothing was asked of a second person."}
        for one in self.dossier.requests:
            yield {"subheading": f"{one.number}: {one.summary}"}
            yield _facts(*self._decision(one))

    def _decision(self, one: ApprovalRequest) -> Iterator[Fact]:
        yield "Asked by", f"{one.maker}, {self.when(one.created_at)}"
        yield "Reason", parts([one.reason_code, str(one.payload.get("reason") or "")])
        yield "Note", one.note
        yield "What happens", one.consequence
        decided = f", {self.when(one.decided_at)}" if one.decided_at else ""
        yield "Decision", f"{one.get_state_display()}{f' by {one.checker}' if one.checker else ''}{decided}"
        if one.decision_code or one.decision_note:
            yield "Note of the second person", parts([one.decision_code, one.decision_note])
        if one.outcome:
            yield "What came of it", one.outcome

    def commands(self) -> Iterator[Block]:
        rows = [
            (
                self.when(one.created_at),
                str(one.get_kind_display()),
                str(one.maker or "The Backoffice"),
                str(one.checker or "Nobody"),
                parts([str(one.get_state_display()), one.outcome, one.trouble]),
                self.when(one.closed_at) or "Open",
            )
            for one in self.dossier.commands
        ]
        head = ("When", "What", "Asked by", "Agreed by", "Answer", "Answered")
        yield from _table(head, rows, "Nothing was asked of the platform.")

    def timeline(self) -> Iterator[Block]:
        timeline = self.dossier.of_transaction.timeline
        rows = [
            (
                str(one.sequence),
                self.when(one.at),
                one.title,
                one.result,
                one.actor,
                parts([one.reason.sentence if one.reason else "", one.contradiction]),
            )
            for one in timeline.entries
        ]
        yield from _table(("", "When", "What", "Result", "By", "Why"), rows, "Nothing has arrived.")
        if timeline.missing:
            yield {"text": timeline.missing}

    def notes(self) -> Iterator[Block]:
        rows = [(self.when(one.created_at), str(one.author), one.text) for one in self.dossier.notes]
        yield from _table(("When", "Who", "Note"), rows, "No notes.")

    def documents(self) -> Iterator[Block]:
        rows = [
            (file.name, f"{file.size} bytes", file.sha256, str(file.added_by), self.when(file.added_at))
            for file in self.dossier.files
        ]
        yield from _table(("Name", "Size", "SHA-256", "Added by", "When"), rows, "No documents.")

    def reports(self) -> Iterator[Block]:
        if not self.dossier.reports:
            yield {"text": "None."}
        for report in self.dossier.reports:
            filed = f"{self.when(report.filed_at)} by {report.filed_by}" if report.filed_at else ""
            yield {"subheading": f"{report.number}: {report.kind.name}"}
            yield _facts(
                ("State", str(report.get_state_display())),
                ("Begun", f"{self.when(report.begun_at)} by {report.begun_by}"),
                ("Due", self.when(report.due_at)),
                ("Filed", filed),
                ("The regulator's reference", report.reference),
                ("Grounds", report.grounds),
            )

    def trail(self) -> Iterator[Block]:
        entries = AuditEvent.objects.of(self.dossier.case).exclude(verb__in=_ONLY_READ).order_by("seq")
        rows = [
            (
                str(line.entry.seq),
                self.when(line.at),
                parts([line.sentence, *(f"{one.field}: {one.old} → {one.new}" for one in line.changes)]),
                line.result,
                bytes(line.entry.hash).hex()[:16],
            )
            for line in sentences.lines(entries)
        ]
        yield from _table(("Entry", "When", "What", "Result", "Hash begins"), rows, "No entries.")
        yield {"text": "Who only read the case stands in the trail itself."}


def _list_of(check: ScreeningCheck) -> str:
    return check.list_name or "no list named"


def _score(one: Standing) -> str:
    limit = f" (limit {one.hit.threshold.normalize():f})" if one.hit.threshold is not None else ""
    return f"{one.hit.score.normalize():f}{limit}"


def _person(role: str, party: Party | None) -> Iterator[Fact]:
    """A party as everybody at the desk sees it: the name in clear, what identifies it masked."""
    yield role, party.full_name if party else ""
    if party is None:
        return
    kind = "cnic" if party.id_type in (IdType.CNIC, IdType.NICOP) else "id"
    yield (
        f"{role}'s data",
        parts(
            [
                f"born {masking.mask_birth_date(party.birth_date)}" if party.birth_date else "",
                formats.country(party.nationality) if party.nationality else "",
                str(masking.MASKS[kind](party.id_number)) if party.id_number else "",
            ]
        ),
    )
