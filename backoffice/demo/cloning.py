"""Makes many remittances from few: the rows that the intake made of a sample, with other people, amounts and times.

A sample is one remittance that really went through the intake. Its rows become templates of COPY lines in which
whatever belongs to that one remittance is a slot: identifiers, references, names, numbers, amounts, moments and keys.
Nothing here knows the product's rules; what a sample's rows say of status and stage stays as the intake decided it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any, Final, TypeAlias

from backoffice.demo import names
from backoffice.demo.telling import references
from backoffice.demo.world import (
    CORRIDORS,
    Corridor,
    Json,
    World,
    amount,
    end_to_end_id,
    iban,
    iso2,
    partner_reference,
    rate_on,
    request_id,
    uuid4,
)

Row: TypeAlias = dict[str, Any]
Slot: TypeAlias = tuple[Any, ...]
Lines: TypeAlias = dict[str, list[str]]

TRANSACTION: Final = "transactions_transaction"
EVENT: Final = "transactions_event"
CHECK: Final = "compliance_screeningcheck"
PARENTS: Final = {"transaction_id": TRANSACTION, "event_id": EVENT, "check_run_id": CHECK}
"""The columns that point at another cloned table, by the table they point at."""

KARACHI_OFFSET: Final = timedelta(hours=5)
SIDES: Final = ("remitter", "beneficiary")
ARRIVAL_MS: Final = 900
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One remittance that the intake took in: what it was about and every row that came of it, by table."""

    kind: str
    txn_id: str
    number: int
    at: datetime
    """The moment that its references were made from."""
    start: datetime
    prefix: str
    rail: str
    instruction: Json
    rows: dict[str, list[Row]]


# -- what a clone is made of ------------------------------------------------------------------------------------------


def _name_list(mix: Iterable[tuple[names.Culture, int]], nationality: str) -> list[str]:
    """Every name of the cultures that go with a nationality."""
    cultures = [one for one, _ in mix if names.NATIONALITY[one.key] == nationality] or [names.PAKISTAN]
    return [one.joined(first, family) for one in cultures for first in one.first for family in one.family]


class Crowd:
    """People without number, each always the same: the n-th sender or recipient is a matter of arithmetic."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._names: dict[tuple[str, str], list[str]] = {}

    def names_of(self, side: str, nationality: str) -> list[str]:
        key = (side, nationality)
        if key not in self._names:
            mix = names.BENEFICIARIES if side == "beneficiary" else names.REMITTERS["US"]
            found = _name_list(mix, nationality)
            Random(f"{self.seed} {side} {nationality}").shuffle(found)
            self._names[key] = found
        return self._names[key]

    def digits(self, person: int, salt: int, count: int) -> str:
        mixed = (person * 6_364_136_223_846_793_005 + salt * 1_442_695_040_888_963_407 + self.seed * 97) % 2**61
        return f"{mixed * 0x9E3779B97F4A7C15 % 2**64 % 10**count:0{count}d}"

    def account(self, person: int, bank: str) -> str:
        return iban(bank, "0000" + self.digits(person, sum(bank.encode()), 12))


_CORRIDOR: Final = {corridor.currency: corridor for corridor in CORRIDORS}
_BANDS: Final = {
    "RAAST": (2_000, 200_000),
    "1LINK": (2_000, 990_000),
    "RTGS": (1_020_000, 4_700_000),
    "CASH": (2_000, 440_000),
}


class Purse:
    """Sent amounts as people choose them, drawn beforehand for each rail and currency."""

    def __init__(self, seed: int, size: int = 1_500) -> None:
        world = World(seed)
        self.amounts = {
            (rail, corridor.currency): [
                world.sent_amount(corridor, corridor.rate, Decimal(least), Decimal(most)) for _ in range(size)
            ]
            for corridor in CORRIDORS
            for rail, (least, most) in (_BANDS | {"INTERNAL": (2_000, 990_000)}).items()
        }

    def draw(self, rail: str, corridor: Corridor, day: date, rng: Random) -> tuple[Decimal, Decimal, Decimal]:
        """A sent amount, the day's rate and what is paid; the rail's limits hold at any day's rate."""
        least, most = _BANDS.get(rail, (1, 5_000_000))
        rate = rate_on(corridor, day)
        sent = rng.choice(self.amounts[rail, corridor.currency])
        paying = (sent * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
        if not least <= paying <= most:
            sent = (sent * (Decimal("0.96") if paying > most else Decimal("1.04"))).quantize(sent)
            paying = (sent * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
        return sent, rate, paying


# -- moments as text --------------------------------------------------------------------------------------------------

_CLOCK: Final = [f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}" for second in range(86_400)]
_DAYS: dict[int, str] = {}


def stamp_ms(moment: int) -> str:
    """RFC 3339 of milliseconds since 1970, quickly."""
    day, within = divmod(moment, DAY_MS)
    text = _DAYS.get(day)
    if text is None:
        text = _DAYS[day] = (date(1970, 1, 1) + timedelta(days=day)).isoformat()
    second, millisecond = divmod(within, 1000)
    return f"{text}T{_CLOCK[second]}.{millisecond:03d}Z"


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970."""
    return round(at.timestamp() * 1000)


# -- templates --------------------------------------------------------------------------------------------------------

_MARK: Final = "\x00"
_STAMP: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def canonical(data: Any) -> str:
    """JSON text with sorted keys and no spaces, as the digest of an event is made from it."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def digested(data: Json) -> Json:
    """The part of an event's data that its digest covers: all but the push request's own id."""
    return {name: value for name, value in data.items() if name != "requestId"} if "remitter" in data else data


def escaped(text: str) -> str:
    """Text as a COPY line holds it."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


@dataclass(slots=True)
class Text:
    """Literal pieces with slots between them: at odd places of `pieces` goes the value of the slot in `slots`."""

    pieces: list[str]
    slots: list[int]

    def filled(self, values: list[str]) -> str:
        pieces = self.pieces.copy()
        pieces[1::2] = [values[slot] for slot in self.slots]
        return "".join(pieces)


@dataclass(slots=True)
class Line:
    """One row of a table; for an event also its data and the text that its digest is made of."""

    table: str
    text: Text
    data: Text | None = None
    digested: Text | None = None


@dataclass(slots=True)
class Template:
    """A sample made ready for cloning: its lines, and what fills their slots, by slot.

    `moments` are milliseconds after the start, `own_keys` tables with places among the clone's rows, and `facts` the
    name of an answer with its arguments. `data` and `digest` are filled for each event anew.
    """

    kind: str
    prefix: str
    rail: str
    corridor: Corridor
    span: int
    account_bank: str
    nationalities: dict[str, str]
    lines: list[Line]
    counts: dict[str, int]
    size: int
    moments: list[tuple[int, int]]
    own_keys: list[tuple[int, str, int]]
    facts: list[tuple[int, str, tuple[str, ...]]]
    data: int
    digest: int


class Compiler:
    """Turns a sample's rows into lines with slots."""

    def __init__(self, sample: Sample, columns: dict[str, list[str]], *, told: datetime) -> None:
        self.sample, self.columns, self.told = sample, columns, told
        self.start = milliseconds(sample.start)
        self.tokens = self._tokens()
        ordered = sorted(self.tokens, key=len, reverse=True)
        self.pattern = re.compile("|".join([_STAMP, *map(_bounded, ordered)]))
        self.slots: list[Slot] = []
        self.places: dict[Slot, int] = {}
        self.keys: dict[tuple[str, Any], int] = {}

    # -- what belongs to the sample alone -----------------------------------------------------------------------------

    def _tokens(self) -> dict[str, Slot]:
        one, data = self.sample, self.sample.instruction
        details, recipient, keeps_names = data["transactionDetails"], data["beneficiary"], self._keeps_names()
        tokens: dict[str, Slot] = {
            one.txn_id: ("txn_id",),
            data["uetr"]: ("uetr",),
            data["endToEndId"]: ("end_to_end",),
            data["requestId"]: ("request",),
            details["partnerReference"]: ("partner_reference",),
            json.dumps(details["payingAmount"]): ("paying_json",),
            json.dumps(details["settlementAmount"]): ("sent_json",),
            json.dumps(details["settlementRate"]): ("rate_json",),
            json.dumps((one.at - timedelta(days=1)).date().isoformat()): ("list_version_json",),
        }
        for side in SIDES:
            tokens |= self._person(side, data[side], keeps_name=keeps_names)
        if bank := recipient.get("bankDetails"):
            tokens[bank["accountNumber"]] = ("account",)
        for event in one.rows[EVENT]:
            tokens |= self._references(event["data"]) | {event["batch"].hex: ("trace",)}
        return tokens

    def _keeps_names(self) -> bool:
        """Whether something else in the story resembles a party's name: a hit, or a title that is not quite it."""
        one = self.sample
        titles = [account["title_match"] for account in one.rows["transactions_account"]]
        return bool(one.rows["compliance_screeninghit"]) or any(match not in ("", "MATCH") for match in titles)

    @staticmethod
    def _person(side: str, facts: Json, *, keeps_name: bool) -> dict[str, Slot]:
        number = facts["idDetails"]["idNumber"]
        tokens: dict[str, Slot] = {
            facts["mobileNumber"]: ("mobile", side, facts["mobileNumber"][:-7]),
            number: ("id", side, number),
        }
        if not keeps_name:
            tokens |= {facts["fullName"].upper(): ("upper_name", side), facts["fullName"]: ("name", side)}
        for name, slot in (("dateOfBirth", "born"), ("email", "email")):
            if name in facts:
                tokens[facts[name]] = (slot, side)
        return tokens

    def _references(self, data: Json) -> dict[str, Slot]:
        if not {"railReference", "bankReference"} & set(data):
            return {}
        for attempt in (data["attempt"], 1, 2, 3):
            known = references(self.sample.number, self.sample.at, data["rail"], attempt)
            if known["bankReference"] == data.get("bankReference"):
                found = {known[name]: ("reference", data["rail"], attempt, name) for name in known}
                return {text: slot for text, slot in found.items() if slot[3] != "railReferenceKind"}
        raise ValueError(f"The references of {self.sample.txn_id} are not those of its number.")

    # -- rows to lines ------------------------------------------------------------------------------------------------

    def template(self, *, whole: bool) -> Template:
        """The sample with its whole timeline, or with its first and last event only."""
        one, kept = self.sample, self._kept(whole=whole)
        self.slots, self.places, self.keys = [], {}, {}
        lines: list[Line] = []
        counts: dict[str, int] = {}
        for table, rows in kept.items():
            counts[table] = len(rows)
            for place, row in enumerate(rows):
                self.keys[table, row.get("id") if "history_id" not in row else row["history_id"]] = place
        for table, rows in kept.items():
            lines += [self._line(table, row) for row in rows]
        data = one.instruction
        bank = data["beneficiary"].get("bankDetails", {}).get("accountNumber", "")
        return Template(
            kind=one.kind,
            prefix=one.prefix,
            rail=one.rail,
            corridor=_CORRIDOR[data["transactionDetails"]["settlementCurrency"]],
            span=max(milliseconds(event["time"]) for event in one.rows[EVENT]) - self.start,
            account_bank=bank[4:8] if bank.startswith("PK") else "",
            nationalities={side: iso2(data[side]["nationality"]) for side in SIDES},
            lines=lines,
            counts=counts,
            size=len(self.slots),
            moments=[(place, slot[1]) for place, slot in enumerate(self.slots) if slot[0] == "moment"],
            own_keys=[(place, slot[1], slot[2]) for place, slot in enumerate(self.slots) if slot[0] == "key"],
            facts=[(place, slot[0], slot[1:]) for place, slot in enumerate(self.slots) if slot[0] in _ANSWERS],
            data=self.places["data",],
            digest=self.places["digest",],
        )

    def _kept(self, *, whole: bool) -> dict[str, list[Row]]:
        """All rows of a whole clone; of the others the first and the last event and nothing that hangs on events."""
        rows = self.sample.rows
        if whole:
            return {table: kept for table, kept in rows.items() if kept}
        events = sorted(rows[EVENT], key=lambda row: row["sequence"])
        hanging = (EVENT, CHECK, "compliance_screeninghit")
        kept = {
            table: some for table, some in rows.items() if some and table not in hanging and "historical" not in table
        }
        return {TRANSACTION: kept.pop(TRANSACTION), EVENT: [events[0], events[-1]], **kept}

    def _line(self, table: str, row: Row) -> Line:
        own = self._moment_of(table, row)
        texts = [self._value(table, name, row, own) for name in self.columns[table]]
        line = Line(table, self._text("\t".join(texts) + "\n"))
        if table == EVENT:
            plain = canonical(row["data"])
            line.data = self._text(plain)
            covered = canonical(digested(row["data"]))
            if hashlib.sha256(covered.encode()).digest() != bytes(row["digest"]):
                raise ValueError(f"The digest of {row['event_id']} is not that of its data.")
            line.digested = line.data if covered == plain else self._text(covered)
        return line

    def _moment_of(self, table: str, row: Row) -> int:
        """When a row that bears its moment of arrival would have been written."""
        last = max(event["time"] for event in self.sample.rows[EVENT])
        moment = row["time"] if table == EVENT else last
        return milliseconds(moment) - self.start + ARRIVAL_MS

    def _value(self, table: str, name: str, row: Row, own: int) -> str:
        if name in ("id", "history_id") or (name in PARENTS and (table, name) != (EVENT, "event_id")):
            return self._key(table, name, row)
        slot = _COLUMN_SLOTS.get((table, name)) or _COLUMN_SLOTS.get((table.replace("historical", ""), name))
        if slot:
            return self._slot(slot)
        value = row[name]
        if value is None:
            return r"\N"
        if isinstance(value, datetime):
            offset = milliseconds(value) - self.start
            if value > self.told:
                offset = ARRIVAL_MS if name == "created_at" and table != EVENT else own
            return self._slot(("moment", offset))
        return escaped(_plain(value))

    def _key(self, table: str, name: str, row: Row) -> str:
        """A primary key, or the key of the row that this one hangs on."""
        if row[name] is None:
            return r"\N"
        target = PARENTS.get(name, table)
        if "historical" in table and name == "id":
            target = TRANSACTION if "transaction" in table else table.replace("historical", "")
        return self._slot(("key", target, self.keys[target, row[name]]))

    def _slot(self, slot: Slot) -> str:
        if slot not in self.places:
            self.places[slot] = len(self.slots)
            self.slots.append(slot)
        return f"{_MARK}{self.places[slot]}{_MARK}"

    def _text(self, text: str) -> Text:
        """Slots put where the tokens and the moments of the sample stand."""
        held = text.split(_MARK)
        held[::2] = [self.pattern.sub(self._replaced, piece) for piece in held[::2]]
        pieces = _MARK.join(held).split(_MARK)
        slots = [int(place) for place in pieces[1::2]]
        return Text(pieces, slots)

    def _replaced(self, found: re.Match[str]) -> str:
        text = found[0]
        slot = self.tokens.get(text)
        if slot is None:
            slot = ("moment", milliseconds(datetime.fromisoformat(text)) - self.start)
        return self._slot(slot)


def _bounded(token: str) -> str:
    """A token as a pattern; one of digits alone must not stand inside a longer number."""
    return rf"(?<!\d){token}(?!\d)" if token.isdigit() else re.escape(token)


_COLUMN_SLOTS: Final[dict[tuple[str, str], Slot]] = {
    (TRANSACTION, "settled_amount"): ("paying",),
    (TRANSACTION, "sent_amount"): ("sent",),
    (TRANSACTION, "rate"): ("rate",),
    (TRANSACTION, "business_date"): ("business_date",),
    (CHECK, "list_version"): ("list_version",),
    (EVENT, "batch"): ("batch",),
    (EVENT, "data"): ("data",),
    (EVENT, "digest"): ("digest",),
}


def _plain(value: Any) -> str:
    """A value of the database as COPY takes it, before escaping."""
    match value:
        case bool():
            return "t" if value else "f"
        case dict():
            return canonical(value)
        case list():
            return _array(value)
        case bytes() | memoryview():
            return "\\x" + bytes(value).hex()
        case _:
            return str(value)


def _array(values: list[Any]) -> str:
    if values and isinstance(values[0], dict):
        return canonical(values)
    quoted = ['"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values]
    return "{" + ",".join(quoted) + "}"


# -- cloning ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Cloner:
    """Fills templates. `keys` holds the next primary key of each table; the caller sets it for each block."""

    templates: list[Template]
    crowd: Crowd
    purse: Purse
    batch: str
    people: int

    def clone(
        self, template: Template, *, number: int, start: int, keys: dict[str, int], rng: Random, into: Lines
    ) -> None:
        """One remittance of the template's kind, received at `start` (milliseconds), as lines per table."""
        values = _Values(self, template, number, start, rng)
        filled = [""] * template.size
        for slot, offset in template.moments:
            filled[slot] = stamp_ms(start + offset)
        for slot, table, place in template.own_keys:
            filled[slot] = str(keys[table] + place)
        for slot, name, arguments in template.facts:
            filled[slot] = _ANSWERS[name](values, *arguments)
        for line in template.lines:
            if line.data is not None and line.digested is not None:
                text = line.data.filled(filled)
                covered = text if line.digested is line.data else line.digested.filled(filled)
                filled[template.data] = escaped(text)
                filled[template.digest] = "\\\\x" + hashlib.sha256(covered.encode()).hexdigest()
            into[line.table].append(line.text.filled(filled))
        for table, count in template.counts.items():
            keys[table] += count


class _Values:
    """What fills the slots of one clone, worked out as the slots ask for it."""

    def __init__(self, cloner: Cloner, template: Template, number: int, start: int, rng: Random) -> None:
        self.cloner, self.template, self.number, self.rng = cloner, template, number, rng
        self.at = datetime.fromtimestamp(start / 1000, UTC)
        self.txn_id = f"PSL{number:09d}"
        self.person = {side: rng.randrange(cloner.people) for side in SIDES}
        self.sent, self.rate, self.paying = cloner.purse.draw(template.rail, template.corridor, self.at.date(), rng)
        self._references: dict[tuple[str, int], dict[str, str]] = {}

    def name(self, side: str) -> str:
        known = self.cloner.crowd.names_of(side, self.template.nationalities[side])
        return known[self.person[side] % len(known)]

    def identity(self, side: str, like: str) -> str:
        salt = 11 if side == "remitter" else 13
        if like.isdigit():
            return like[0] + self.cloner.crowd.digits(self.person[side], salt, len(like) - 1)
        return like[:2] + self.cloner.crowd.digits(self.person[side], salt, len(like) - 2)

    def mobile(self, side: str, prefix: str) -> str:
        return prefix + self.cloner.crowd.digits(self.person[side], 17 if side == "remitter" else 19, 7)

    def born(self, side: str) -> str:
        days = int(self.cloner.crowd.digits(self.person[side], 23, 6)) % 17_000
        return (date(1955, 1, 1) + timedelta(days=days)).isoformat()

    def email(self, side: str) -> str:
        return f"sender{self.cloner.crowd.digits(self.person[side], 29, 6)}@example.com"

    def account(self) -> str:
        person, bank = self.person["beneficiary"], self.template.account_bank
        return self.cloner.crowd.account(person, bank) if bank else self.cloner.crowd.digits(person, 31, 14)

    def reference(self, rail: str, attempt: int, name: str) -> str:
        if (rail, attempt) not in self._references:
            self._references[rail, attempt] = references(self.number, self.at, rail, attempt)
        return self._references[rail, attempt][name]

    def list_version(self) -> str:
        return (self.at - timedelta(days=1)).date().isoformat()

    def business_date(self) -> str:
        return (self.at + KARACHI_OFFSET).date().isoformat()


_ANSWERS: Final[dict[str, Callable[..., str]]] = {
    "txn_id": lambda one: one.txn_id,
    "uetr": lambda one: uuid4(one.rng),
    "end_to_end": lambda one: end_to_end_id(one.template.prefix, one.txn_id, one.at),
    "request": lambda one: request_id(one.txn_id, one.rng),
    "partner_reference": lambda one: partner_reference(one.template.prefix, one.txn_id, one.at),
    "paying": lambda one: str(one.paying),
    "sent": lambda one: str(one.sent),
    "rate": lambda one: str(one.rate),
    "paying_json": lambda one: f'"{amount(one.paying, 2)}"',
    "sent_json": lambda one: f'"{amount(one.sent, one.template.corridor.digits)}"',
    "rate_json": lambda one: f'"{one.rate}"',
    "list_version": _Values.list_version,
    "list_version_json": lambda one: f'"{one.list_version()}"',
    "business_date": _Values.business_date,
    "batch": lambda one: one.cloner.batch,
    "trace": lambda one: one.cloner.batch.replace("-", ""),
    "name": _Values.name,
    "upper_name": lambda one, side: one.name(side).upper(),
    "id": _Values.identity,
    "mobile": _Values.mobile,
    "born": _Values.born,
    "email": _Values.email,
    "account": _Values.account,
    "reference": _Values.reference,
}
