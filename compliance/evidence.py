"""What a case is decided on: the hits that stand, what was said of each, and what is still in the way of a release.

A decision is bound to what it was taken on. It stands while the list's entry and the party's data are what they were;
once either has changed the hit waits again, and the page says so. So does a rule of the whitelist.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from compliance.comparing import Compared, compare, fields_of
from compliance.models import Case, HitDecision, ScreeningCheck, ScreeningHit, WhitelistRule
from compliance.vocabulary import Verdict
from transactions.models import Party
from transactions.vocabulary import Side

if TYPE_CHECKING:
    from transactions.models import Transaction

Pair = tuple[str, str, str]
"""A party of the transaction, a list, an entry of the list."""

SIDE_OF: Final = {
    ScreeningCheck.Subject.SENDER.value: Side.REMITTER.value,
    ScreeningCheck.Subject.RECEIVER.value: Side.BENEFICIARY.value,
}
IDENTIFYING: Final = (
    "full_name",
    "id_type",
    "id_number",
    "nationality",
    "birth_date",
    "birth_country",
    "address_line_1",
    "address_line_2",
    "city",
    "country",
)
"""What a check compares of a party: a decision falls when one of these changes."""

_CONCLUSIVE: Final = frozenset({ScreeningCheck.Status.CLEAR, ScreeningCheck.Status.HITS})
ENTRY_CHANGED: Final = "The list's entry has changed since."
PARTY_CHANGED: Final = "The party's data have changed since."


@dataclass(frozen=True)
class Standing:
    """One hit as it stands now. Of `decision` and `rule` at most one counts; `void` says why an earlier word fell."""

    hit: ScreeningHit
    check: ScreeningCheck
    party: Party | None
    entry_hash: str
    party_hash: str
    person_key: str
    decision: HitDecision | None = None
    rule: WhitelistRule | None = None
    void: str = ""
    is_new: bool = False

    @property
    def is_pending(self) -> bool:
        return self.decision is None and self.rule is None

    @property
    def verdict(self) -> str:
        """What was said of it; a rule says that it is not the same person."""
        if self.decision is not None:
            return str(self.decision.verdict)
        return Verdict.NOT_SAME.value if self.rule is not None else ""

    @property
    def is_cleared(self) -> bool:
        return self.verdict == Verdict.NOT_SAME

    @property
    def side(self) -> str:
        return str(self.check.get_subject_display()).lower()

    @property
    def name(self) -> str:
        """How a sentence names the hit: "hit SDN-12345 of OFAC SDN on the beneficiary"."""
        of_list = f" of {self.check.list_name}" if self.check.list_name else ""
        return f"hit {self.hit.entity_id}{of_list} on the {self.side}"

    @cached_property
    def compared(self) -> list[Compared]:
        return compare(self.hit, self.party)

    def in_the_way(self) -> str:
        """Why the payment cannot be released while this hit stands as it does; "" when it can."""
        match self.verdict:
            case Verdict.NOT_SAME:
                return ""
            case Verdict.SAME:
                return f"The {self.name} is the same person: such a payment cannot be released."
            case Verdict.NEED_INFORMATION:
                return f"The {self.name} still needs information."
        return f"The {self.name} is not decided yet."

    def as_decided(self) -> dict[str, Any]:
        """What a decision keeps of what it was taken on."""
        return {
            "hit": self.hit,
            "subject": self.check.subject,
            "list_name": self.check.list_name,
            "entity_id": self.hit.entity_id,
            "person_key": self.person_key,
            "party_hash": self.party_hash,
            "entry_hash": self.entry_hash,
        }

    def as_whitelisted(self) -> dict[str, Any]:
        """What a rule of the whitelist keeps of the pair that it clears."""
        name = self.party.full_name if self.party else ""
        return self.as_decided() | {"person_name": name, "fields": compared_fields(self.hit)}


@dataclass(frozen=True)
class Evidence:
    """The hits of a transaction and what was said of them; `unscreened` names the parties no check could decide on."""

    hits: Sequence[Standing]
    checks: Sequence[ScreeningCheck]
    unscreened: Sequence[str]

    @property
    def pending(self) -> list[Standing]:
        return [standing for standing in self.hits if standing.is_pending]

    @property
    def confirmed(self) -> list[Standing]:
        return [standing for standing in self.hits if standing.verdict == Verdict.SAME]

    def why_no_release(self) -> str:
        """The first thing in the way of a release, as a sentence that names the hit; "" when nothing is."""
        for sentence in self.unscreened:
            return sentence
        return next((found for standing in self.hits if (found := standing.in_the_way())), "")

    def find(self, pk: int) -> Standing | None:
        return next((standing for standing in self.hits if standing.hit.pk == pk), None)


def evidence_of(case: Case, *, now: dt.datetime) -> Evidence:
    """Everything that the case's transaction is judged on, at this moment."""
    return evidence_of_transaction(case.transaction, now=now)


def evidence_of_transaction(transaction: Transaction, *, now: dt.datetime) -> Evidence:
    """The hits of the newest checks of each party on each list, with the newest word on each."""
    checks = list(ScreeningCheck.objects.filter(transaction=transaction).order_by("completed_at", "id"))
    newest, earlier = _newest_and_earlier(checks)
    hits = list(ScreeningHit.objects.filter(check_run__in=newest).order_by("-score", "id")) if newest else []
    weighing = _Weighing(transaction, hits, now)
    known = _known_before(earlier)
    by_pk = {check.pk: check for check in newest}
    standings = [weighing.weigh(hit, by_pk[hit.check_run_id], known) for hit in hits]
    return Evidence(sorted(standings, key=_urgency), checks, _unscreened(checks))


def _urgency(standing: Standing) -> tuple[int, Any]:
    """What waits for a word first, then by score."""
    return (0 if standing.is_pending else 1, -standing.hit.score)


def _newest_and_earlier(checks: Iterable[ScreeningCheck]) -> tuple[list[ScreeningCheck], list[ScreeningCheck]]:
    """The newest conclusive check of each party on each list, and those before it."""
    newest: dict[tuple[str, str], ScreeningCheck] = {}
    earlier: list[ScreeningCheck] = []
    for check in checks:
        if check.status in _CONCLUSIVE:
            key = (check.subject, check.list_name)
            if key in newest:
                earlier.append(newest[key])
            newest[key] = check
    return list(newest.values()), earlier


def _known_before(earlier: Sequence[ScreeningCheck]) -> dict[tuple[str, str], set[str]]:
    """The entries that earlier checks of a party on a list had found already."""
    if not earlier:
        return {}
    known: dict[tuple[str, str], set[str]] = {(check.subject, check.list_name): set() for check in earlier}
    rows = ScreeningHit.objects.filter(check_run__in=earlier).values_list(
        "check_run__subject", "check_run__list_name", "entity_id"
    )
    for subject, list_name, entity_id in rows:
        known[subject, list_name].add(entity_id)
    return known


def _unscreened(checks: Sequence[ScreeningCheck]) -> list[str]:
    """The parties whose newest check could not run: nothing is released on that."""
    last = {check.subject: check for check in checks}
    return [
        f"The {check.get_subject_display().lower()} was not screened: "
        f"the check against {check.list_name or 'the list'} could not run. Ask for a new check first."
        for check in last.values()
        if check.status not in _CONCLUSIVE
    ]


class _Weighing:
    """What is needed to weigh the hits of one transaction, asked for once."""

    def __init__(self, transaction: Transaction, hits: Sequence[ScreeningHit], now: dt.datetime) -> None:
        self.parties = {party.side: party for party in transaction.parties.all()} if hits else {}
        self.party_hashes = {side: party_hash(party) for side, party in self.parties.items()}
        self.person_keys = {side: person_key(party) for side, party in self.parties.items()}
        self.decisions = self._decisions_on(transaction) if hits else {}
        self.now = now
        self.rules = self._rules(hits)

    @staticmethod
    def _decisions_on(transaction: Transaction) -> dict[Pair, HitDecision]:
        """The newest decision on each pair."""
        rows = HitDecision.objects.filter(case__transaction=transaction).order_by("id")
        return {
            (row.subject, row.list_name, row.entity_id): row
            for row in rows.select_related("reason", "decided_by", "case")
        }

    def _rules(self, hits: Sequence[ScreeningHit]) -> dict[tuple[str, str, str], WhitelistRule]:
        if not hits:
            return {}
        rows = WhitelistRule.objects.filter(person_key__in=self.person_keys.values()).order_by("number")
        rows = rows.select_related("agreed_by", "requested_by")
        return {(row.person_key, row.list_name, row.entity_id): row for row in rows}

    def weigh(self, hit: ScreeningHit, check: ScreeningCheck, known: dict[tuple[str, str], set[str]]) -> Standing:
        side = SIDE_OF.get(check.subject, "")
        entry, party, person = entry_hash(hit), self.party_hashes.get(side, ""), self.person_keys.get(side, "")
        decision = self.decisions.get((check.subject, check.list_name, hit.entity_id))
        rule = self.rules.get((person, check.list_name, hit.entity_id))
        fallen = why_fallen(decision, entry, party) if decision else ""
        rule_over = why_rule_is_over(rule, hit, entry, party, self.now) if rule else ""
        is_decided = decision is not None and not fallen
        before = known.get((check.subject, check.list_name))
        void = f"{decision.decided_by} had decided it. {fallen}" if decision and fallen else ""
        return Standing(
            hit=hit,
            check=check,
            party=self.parties.get(side),
            entry_hash=entry,
            party_hash=party,
            person_key=person,
            decision=decision if is_decided else None,
            rule=rule if rule and not rule_over and not is_decided else None,
            void=" ".join(filter(None, [void, f"Rule {rule} does not apply: {rule_over}" if rule_over else ""])),
            is_new=before is not None and hit.entity_id not in before,
        )


def why_fallen(decision: HitDecision, entry: str, party: str) -> str:
    """Why a decision does not stand any more; "" while it does."""
    if decision.entry_hash != entry:
        return ENTRY_CHANGED
    return PARTY_CHANGED if decision.party_hash != party else ""


def why_rule_is_over(rule: WhitelistRule, hit: ScreeningHit, entry: str, party: str, now: dt.datetime) -> str:
    """Why a rule of the whitelist does not clear this hit; "" when it does."""
    if rule.ended_at is not None:
        return "it was ended."
    if rule.expires_at <= now:
        return "it has expired."
    if rule.entry_hash != entry:
        return "the list's entry has changed since."
    if rule.party_hash != party:
        return "the party's data have changed since."
    return "" if rule.fields == compared_fields(hit) else "other fields were compared this time."


# -- fingerprints -----------------------------------------------------------------------------------------------------


def entry_hash(hit: ScreeningHit) -> str:
    """What the list says about its entry, as one fingerprint; the score is not part of it."""
    theirs = {name: field.get("theirs") for name, field in fields_of(hit).items()}
    return _digest([hit.names, hit.aliases, hit.birth_date, hit.nationality, hit.programme, theirs])


def party_hash(party: Party) -> str:
    """What a check compares of our party, as one fingerprint."""
    return _digest([getattr(party, name) for name in IDENTIFYING])


def person_key(party: Party) -> str:
    """The same for the same person in another transaction: the document, or the name with the date of birth."""
    name = " ".join(party.full_name.casefold().split())
    if party.id_number:
        return _digest(["document", party.id_type, "".join(filter(str.isalnum, party.id_number.upper()))])
    return _digest(["name", name, party.birth_date])


def compared_fields(hit: ScreeningHit) -> list[str]:
    """Which fields the platform compared and how they agreed."""
    return sorted(f"{name}:{field.get('agreement', '')}"[:64] for name, field in fields_of(hit).items())


def _digest(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
