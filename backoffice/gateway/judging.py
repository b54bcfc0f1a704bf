"""One verdict per event: accepted, waiting, duplicate, conflict or rejected (CONTRACTS.md section 4).

Instructions are judged first, so that it does not matter where in a delivery they stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from backoffice.gateway.known import TWIN_WITHIN, Known, Reference, Said, Waiting, iban_of
from backoffice.gateway.validator import Envelope, Error, Rejected, read
from exceptions.models import Kind
from exceptions.opening import Cause
from transactions.models import Event
from transactions.vocabulary import EventType

IMPORTED: Final = "import:"
"""How the event ids of instructions out of files begin; the transaction id follows."""


class Word(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"


@dataclass(slots=True)
class Draft:
    """One event of a delivery at its position (from 1), read or rejected."""

    position: int
    read: Envelope | Rejected


@dataclass(slots=True)
class Result:
    """The verdict on one event, as the sender reads it, and as operators find it again."""

    id: str
    result: Word
    errors: list[Error] = field(default_factory=list)
    subject: str = ""
    partner_id: int | None = None


@dataclass(slots=True)
class Arrival:
    """An event that joins a timeline: when it reached us and with which delivery."""

    event: Envelope
    received_at: datetime
    batch: UUID


@dataclass(slots=True)
class Standing:
    """A transaction in this delivery: its stored state (none when it is new), what arrives, what happened to it."""

    txn_id: str
    partner_id: int
    row: dict[str, Any] | None = None
    instruction: Arrival | None = None
    arrivals: list[Arrival] = field(default_factory=list)
    happened: list[Cause] = field(default_factory=list)
    is_twin: bool = False


@dataclass
class Judge:
    """Judges the events of one delivery against what is known, and remembers what they mean for each transaction."""

    known: Known
    reference: Reference
    batch: UUID
    at: datetime
    results: dict[int, Result] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    to_wait: list[Envelope] = field(default_factory=list)
    adopted: list[Waiting] = field(default_factory=list)
    orphaned: list[tuple[Waiting, Result]] = field(default_factory=list)
    came_back: list[int] = field(default_factory=list)  # keys of transactions that were completed and are not now

    def judge(self, drafts: Sequence[Draft]) -> None:
        """Give every draft its result."""
        for draft in sorted(drafts, key=_instructions_first):
            one = draft.read
            result = self._rejected(one) if isinstance(one, Rejected) else self._verdict(one)
            self.results[draft.position] = result

    # -- verdicts -----------------------------------------------------------------------------------------------------

    def _rejected(self, rejected: Rejected) -> Result:
        row = self.known.rows.get(rejected.subject)
        partner_id = row["partner_id"] if row else self._partner_id(rejected.partner)
        return Result(rejected.id, Word.REJECTED, rejected.errors, rejected.subject, partner_id)

    def _verdict(self, event: Envelope) -> Result:
        repeated = self._repeated(event)
        if repeated:
            return repeated
        if event.type == EventType.RECEIVED:
            return self._instructed(event)
        if self._standing(event.subject) is None:
            self._remember(event)
            self.to_wait.append(event)
            return self._result(event, Word.WAITING)
        self._arrive(Arrival(event, self.at, self.batch))
        return self._result(event, Word.ACCEPTED)

    def _repeated(self, event: Envelope) -> Result | None:
        """The verdict on an event whose id or number was seen before; None for one that is new."""
        said = self.known.by_id.get(event.id)
        if said and said.subject == event.subject and event.id == f"{IMPORTED}{event.subject}":
            return self._reference_again(event, said)  # the id is made of the reference, which is what people know
        if said:
            told = "was sent before with another body. Give every event an id of its own."
            return self._again(event, said, "id", f"The event id {event.id} {told}")
        said = self.known.by_number.get((event.subject, event.sequence))
        if said:
            told = f"was sent before with another body (event {said.event_id}). Send the next free number."
            return self._again(event, said, "sequence", f"Event number {event.sequence} of {event.subject} {told}")
        return None

    def _again(self, event: Envelope, said: Said, where: str, sentence: str) -> Result:
        same = said.same_as(event)
        return self._result(event, Word.DUPLICATE) if same else self._conflict(event, said, where, sentence)

    def _instructed(self, event: Envelope) -> Result:
        code = event.values["partner"]
        partner_id, is_active = self.reference.partners.get(code, (None, False))
        if partner_id is None or not is_active:
            told = "is not active" if partner_id else "is not known"
            remedy = "Send an active partner's code, or have an administrator set it up."
            error = Error(field="data.partner", message=f"data.partner: {code} {told}. {remedy}")
            return Result(event.id, Word.REJECTED, [error], event.subject, partner_id)
        reference = (partner_id, event.values["transactionDetails.partnerReference"])
        said = self.known.references.get(reference)
        if said:
            return self._reference_again(event, said)
        self.known.references[reference] = Said(event.subject, 1, event.id, event.type, event.digest)
        self._remember(event)
        self.standings[event.subject] = Standing(
            event.subject, partner_id, instruction=Arrival(event, self.at, self.batch)
        )
        self._adopt(event.subject)
        return self._result(event, Word.ACCEPTED)

    def _reference_again(self, event: Envelope, said: Said) -> Result:
        if said.digest == event.digest:
            return self._result(event, Word.DUPLICATE)
        reference = event.values["transactionDetails.partnerReference"]
        told = f"belongs to transaction {said.subject} with another body. Send a reference of its own for each payment."
        where = "data.transactionDetails.partnerReference"
        return self._conflict(event, said, where, f"{where}: {reference} {told}")

    def _conflict(self, event: Envelope, said: Said, where: str, sentence: str) -> Result:
        standing = self._standing(said.subject) or self._standing(event.subject)
        errors = [Error(field=where, message=sentence)]
        is_stored = said.subject in self.known.rows and said.type == event.type
        differences = _differences(said, event) if is_stored else []
        changed = [one["field"] for one in differences]
        errors += [Error(field=name, message=f"{name} is not what was sent before.") for name in changed]
        if standing is not None:
            facts = {
                "event_id": event.id,
                "subject": event.subject,
                "field": where,
                "changed": changed,
                "differences": [one for one in differences if one["field"] in _NOT_PERSONAL],
            }
            standing.happened.append(Cause(Kind.CONFLICT, _conflict_reason(where, changed), facts))
        return Result(event.id, Word.CONFLICT, errors, event.subject, self._one_partner(said.subject, event.subject))

    def _one_partner(self, *subjects: str) -> int | None:
        """The partner of these transactions; none when they belong to two, for neither may read of the other."""
        partners = {one.partner_id for subject in subjects if (one := self._standing(subject)) is not None}
        return partners.pop() if len(partners) == 1 else None

    def _result(self, event: Envelope, word: Word) -> Result:
        return Result(event.id, word, [], event.subject)

    def _partner_id(self, code: str) -> int | None:
        return self.reference.partners.get(code, (None, False))[0]

    # -- what verdicts lead to ----------------------------------------------------------------------------------------

    def _standing(self, subject: str) -> Standing | None:
        """The transaction in this delivery, opened on first use; None when it is not known."""
        standing = self.standings.get(subject)
        row = self.known.rows.get(subject)
        if standing is None and row is not None:
            standing = self.standings[subject] = Standing(subject, row["partner_id"], row)
        return standing

    def _arrive(self, arrival: Arrival) -> None:
        standing = self._standing(arrival.event.subject)
        if standing is not None:
            self._remember(arrival.event)
            standing.arrivals.append(arrival)

    def _remember(self, event: Envelope) -> None:
        said = Said(event.subject, event.sequence, event.id, event.type, event.digest)
        self.known.by_id[event.id] = said
        self.known.by_number[event.subject, event.sequence] = said

    def _adopt(self, subject: str) -> None:
        """What waited for this instruction joins its timeline."""
        for one in self.known.waiting.pop(subject, []):
            self.adopted.append(one)
            stored = self.known.by_id.get(one.said.event_id)
            event = read(one.envelope)
            if stored == one.said and isinstance(event, Envelope):
                event.digest = one.said.digest
                self._arrive(Arrival(event, one.received_at, one.delivery_id))
            else:
                told = "The event waited for its instruction, and its id was meanwhile used by another event."
                error = Error(field="id", message=told)
                self.orphaned.append((one, Result(one.said.event_id, Word.CONFLICT, [error], subject)))

    def mark_twins(self) -> None:
        """Mark payments that look like one sent twice, the new ones and those that were there before."""
        fresh = [one for one in self.standings.values() if one.instruction is not None]
        for standing in fresh:
            others = self.known.twins.get(standing.txn_id, [])
            for txn_id in others:
                other = self._standing(txn_id)
                if other is not None:
                    other.is_twin = standing.is_twin = True
        for one, other in _twins_among(fresh):
            one.is_twin = other.is_twin = True


def _instructions_first(draft: Draft) -> bool:
    return isinstance(draft.read, Envelope) and draft.read.type != EventType.RECEIVED


def _twins_among(fresh: Sequence[Standing]) -> Iterator[tuple[Standing, Standing]]:
    """Pairs of new transactions that pay the same amount to the same account around the same time."""
    alike: dict[tuple[Any, ...], list[tuple[datetime, Standing]]] = {}
    for standing in fresh:
        if standing.instruction and (iban := iban_of(standing.instruction.event)):
            event, values = standing.instruction.event, standing.instruction.event.values
            key = (iban, values["transactionDetails.payingAmount"], values["transactionDetails.payingCurrency"])
            alike.setdefault(key, []).append((event.time, standing))
    for group in alike.values():
        group.sort(key=lambda pair: pair[0])
        for (earlier, one), (later, other) in pairwise(group):
            if later - earlier <= TWIN_WITHIN:
                yield one, other


def _conflict_reason(where: str, changed: Sequence[str]) -> str:
    what = {"id": "An event", "sequence": "An event number"}.get(where, "A partner reference")
    told = f": {', '.join(changed)}" if changed else ""
    return f"{what} came again with another body{told}."


_NOT_PERSONAL: Final = frozenset(
    f"data.transactionDetails.{name}"
    for name in (
        "partnerReference",
        "payingAmount",
        "payingCurrency",
        "settlementAmount",
        "settlementCurrency",
        "settlementRate",
        "commissionAmount",
        "purposeOfPayment",
    )
)
"""The fields whose old and new values an exception may name; of all others it names the field alone."""


def _differences(said: Said, event: Envelope, most: int = 8) -> list[dict[str, Any]]:
    """The fields in which a repeat differs from what is stored, each with the stored and the new value."""
    stored = Event.objects.filter(event_id=said.event_id).values_list("data", flat=True).first() or {}
    before, now = dict(_flat(stored, "data")), dict(_flat(event.data, "data"))
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    return [{"field": name, "old": before.get(name), "new": now.get(name)} for name in changed[:most]]


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}")
    else:
        yield path, value
