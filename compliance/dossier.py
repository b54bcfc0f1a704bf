"""One case as one person reads it: everything its page needs, each thing asked for once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from accounts import maker_checker
from accounts.access import has, may_work_on
from audit import sentences
from audit.models import AuditEvent
from audit.verbs import Verb
from compliance import changes, guards
from compliance.evidence import Evidence, Standing, evidence_of
from compliance.models import Case, CaseFile, DecisionReason, HitDecision, PrintedCase, Report
from compliance.vocabulary import Trigger
from transactions import formats
from transactions.dossier import Dossier
from transactions.models import Command, Note, Party, Transaction
from transactions.reveals import FIELDS as HIDDEN
from transactions.reveals import hidden
from transactions.sections import reveal_context

if TYPE_CHECKING:
    from accounts.models import ApprovalRequest, User

EARLIER_SHOWN: Final = 5
OTHERS_SHOWN: Final = 10
OTHERS_COUNTED: Final = 100
HITS_PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """One hit on the page: as it stands, and what was said of the same pair in other cases."""

    standing: Standing
    earlier: Sequence[HitDecision]


@dataclass(frozen=True, slots=True)
class OfParty:
    """Other transactions of the same person: how many, the newest of them, and their cases."""

    party: Party
    count: int
    transactions: Sequence[Transaction]
    cases: Sequence[Case]

    @property
    def has_more(self) -> bool:
        return self.count > OTHERS_COUNTED


@dataclass(frozen=True)
class CaseDossier:
    """A case as one person reads it at one moment. Properties ask the database at most once each."""

    case: Case
    user: User
    now: dt.datetime
    mark: str = ""
    hit_page: int = 1

    @property
    def transaction(self) -> Transaction:
        found: Transaction = self.case.transaction
        return found

    @cached_property
    def of_transaction(self) -> Dossier:
        """The same person's view of the transaction, for what its own page shows too."""
        return Dossier(self.transaction, self.user, self.now)

    @cached_property
    def revealing(self) -> Mapping[str, Any]:
        """The hidden fields of the payment, those given alone, and what this reader may reveal of them and why."""
        fields = [hidden(key, self.transaction) for key in HIDDEN]
        return {"fields": [one for one in fields if one.value is not None], **reveal_context(self.of_transaction)}

    @cached_property
    def key(self) -> str:
        """The key of the forms on this page: each counts once."""
        return str(uuid4())

    @cached_property
    def evidence(self) -> Evidence:
        return evidence_of(self.case, now=self.now)

    @cached_property
    def reasons(self) -> list[DecisionReason]:
        return list(DecisionReason.objects.filter(is_offered=True))

    # -- hits

    @property
    def pages_of_hits(self) -> int:
        return max(1, -(-len(self.evidence.hits) // HITS_PER_PAGE))

    @cached_property
    def page_of_hits(self) -> int:
        return min(self.hit_page, self.pages_of_hits)

    @cached_property
    def hits(self) -> list[Shown]:
        """The hits of this page, what waits for a word first."""
        start = (self.page_of_hits - 1) * HITS_PER_PAGE
        standings = self.evidence.hits[start : start + HITS_PER_PAGE]
        earlier = self._earlier(standings)
        return [Shown(one, earlier.get((one.person_key, one.hit.entity_id), [])[:EARLIER_SHOWN]) for one in standings]

    def _earlier(self, standings: Sequence[Standing]) -> dict[tuple[str, str], list[HitDecision]]:
        """What was said of the same person and the same entry in other transactions, newest first."""
        if not standings:
            return {}
        rows = HitDecision.objects.filter(
            person_key__in={one.person_key for one in standings},
            entity_id__in={one.hit.entity_id for one in standings},
            case__in=Case.objects.visible_to(self.user),
        ).exclude(case__transaction=self.transaction)
        found: dict[tuple[str, str], list[HitDecision]] = {}
        for row in rows.select_related("case", "decided_by", "reason").order_by("-id")[:500]:
            found.setdefault((row.person_key, row.entity_id), []).append(row)
        return found

    # -- what can be done

    @property
    def is_mine(self) -> bool:
        return self.case.assignee_id == self.user.pk

    @cached_property
    def may_work(self) -> bool:
        return has(self.user, "compliance.work_cases") and may_work_on(self.user, self.transaction)

    @cached_property
    def requests(self) -> list[ApprovalRequest]:
        """What was asked of a second person about this case, oldest first."""
        return guards.requests_about(self.case)

    @property
    def pending_request(self) -> ApprovalRequest | None:
        """What waits for a second person."""
        return next((one for one in self.requests if one.is_pending), None)

    @cached_property
    def folded(self) -> ApprovalRequest | None:
        """What waits for this very reader: its reason stands with the request, and is opened there on the record."""
        asked = self.pending_request
        return asked if asked is not None and maker_checker.is_folded(asked, self.user) else None

    @cached_property
    def commands(self) -> list[Command]:
        """What the platform was asked for about the transaction, oldest first."""
        return list(Command.objects.filter(transaction=self.transaction).for_list().order_by("created_at"))

    @property
    def disagreements(self) -> list[ApprovalRequest]:
        return guards.disagreements(self.case.number)

    @property
    def may_note(self) -> bool:
        return has(self.user, "transactions.add_note") and may_work_on(self.user, self.transaction)

    @property
    def may_decide(self) -> bool:
        """Whether this reader's form is on the page."""
        return self.may_work and self.is_mine and self.case.is_open and self.pending_request is None

    @property
    def sees_reports(self) -> bool:
        return has(self.user, "compliance.view_str")

    @property
    def may_report(self) -> bool:
        """Whether this reader writes reports to the regulator."""
        return has(self.user, "compliance.manage_str") and may_work_on(self.user, self.transaction)

    @property
    def may_whitelist(self) -> bool:
        """Whether a rule can be asked for: some hit was found to be another person."""
        cleared = (one for one in self.evidence.hits if one.decision is not None and one.is_cleared)
        return self.may_work and self.case.is_open and any(cleared)

    # -- around it

    @cached_property
    def why(self) -> str:
        return why_of(self.case)

    @cached_property
    def notes(self) -> list[Note]:
        return self.of_transaction.notes

    @cached_property
    def files(self) -> list[CaseFile]:
        return [file for file in self._all_files if file.report_id is None]

    @cached_property
    def _all_files(self) -> list[CaseFile]:
        return list(CaseFile.objects.filter(case=self.case).readable_by(self.user).without_content())

    @cached_property
    def printed(self) -> list[PrintedCase]:
        """The case files that this reader may have, in the order in which they were made."""
        return list(PrintedCase.objects.of_case(self.case).readable_by(self.user).for_list())

    @cached_property
    def reports(self) -> list[Report]:
        """Reports to the regulator about this case; none for those who may not know of any."""
        if not self.sees_reports:
            return []
        reports = list(Report.objects.filter(case=self.case).select_related("kind", "begun_by", "filed_by"))
        for report in reports:
            report.documents = [file for file in self._all_files if file.report_id == report.pk]
        return reports

    @cached_property
    def others(self) -> list[OfParty]:
        """Other transactions and cases of each party."""
        return [found for party in self.transaction.parties.all() if (found := self._of_party(party)) is not None]

    def _of_party(self, party: Party) -> OfParty | None:
        if not party.id_number:
            return None
        same = Party.objects.filter(id_number=party.id_number).exclude(transaction=self.transaction)
        keys = list(same.values_list("transaction_id", flat=True)[: OTHERS_COUNTED + 1])
        if not keys:
            return None
        rows = Transaction.objects.visible_to(self.user).filter(pk__in=keys)
        cases = Case.objects.visible_to(self.user).filter(transaction__in=keys).select_related("transaction")
        return OfParty(
            party,
            rows.count(),
            list(rows.for_list().newest_first()[:OTHERS_SHOWN]),
            list(cases.order_by("-pk")[:OTHERS_SHOWN]),
        )

    @cached_property
    def siblings(self) -> list[Case]:
        """Other cases of the same transaction."""
        return list(Case.objects.of_transaction(self.transaction).exclude(pk=self.case.pk).order_by("pk"))

    @cached_property
    def changes(self) -> list[Any]:
        return changes.all_changes(self.case)

    @cached_property
    def trail(self) -> list[sentences.Line]:
        """What was done with the case, oldest first; who only looked at it stands in the trail itself."""
        entries = AuditEvent.objects.of(self.case).exclude(verb=Verb.VIEWED).order_by("seq")[:200]
        folded = self.folded.number if self.folded else None
        return sentences.lines(one for one in entries if folded is None or _request_in(one) != folded)


def _request_in(entry: AuditEvent) -> str:
    """The number of the request that an entry of the trail tells of; "" for any other."""
    return str((entry.said.get("facts") or {}).get("request", ""))


def why_of(case: Case) -> str:
    """Why a case is open, in words: "Name match: OFAC SDN, 2 hits"."""
    hits = f"{case.hit_count} hit{'' if case.hit_count == 1 else 's'}"
    match case.trigger:
        case Trigger.SCREENING_HITS | Trigger.SCREENING_POST:
            return f"{case.get_trigger_display()}: {', '.join(filter(None, case.lists)) or 'a list'}, {hits}"
        case Trigger.SCREENING_UNAVAILABLE:
            return "Not screened: the check could not run"
        case Trigger.TITLE:
            return "The account's title does not fit the beneficiary"
        case Trigger.FIELDS:
            return "Data are missing or invalid"
    return "Sent back from posting"


def time_left(case: Case, now: dt.datetime) -> str:
    """How the case's clock stands while it is stopped: "paused, 1 h 10 min left"."""
    if case.held_since is None:
        return ""
    left = case.due_at - case.held_since
    over = left < dt.timedelta(0)
    return f"paused, {formats.duration(abs(left))} {'over' if over else 'left'}"
