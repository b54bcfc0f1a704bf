"""What an event must look like: one table of fields, from which events are read and the OpenAPI description is made.

A field that is not in the table is neither checked nor used; it stays in the data as it came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeAlias, TypedDict

from backoffice.gateway import kinds
from backoffice.gateway.kinds import Kind, Wrong, is_absent
from backoffice.gateway.strict_json import Unreadable, dumps, is_storable
from transactions.currencies import minor_units
from transactions.vocabulary import EventType, IdType, PayoutMethod, TransactionType


class Error(TypedDict):
    """Which field is wrong and what to do about it, as the sender reads it."""

    field: str
    message: str


@dataclass(frozen=True)
class Field:
    """One value of an event. `about` says in the description what it means."""

    kind: Kind
    about: str
    required: bool = False


@dataclass(frozen=True)
class Many:
    """A list of objects of the same shape."""

    item: Shape
    most: int


Shape: TypeAlias = "dict[str, Field | Many | Shape]"

# -- the table --------------------------------------------------------------------------------------------------------

ENVELOPE: Final[Shape] = {
    "specversion": Field(kinds.one_of("1.0"), "The version of CloudEvents", required=True),
    "id": Field(kinds.line(200), "The event's own id; the same id with the same data is a repeat", required=True),
    "source": Field(kinds.line(200), "Who sends it", required=True),
    "type": Field(kinds.one_of(*EventType.values), "What kind of event it is", required=True),
    "subject": Field(kinds.SUBJECT, "The transaction id", required=True),
    "time": Field(kinds.TIME, "When it happened", required=True),
    "sequence": Field(
        kinds.SEQUENCE, "1 for the instruction, one more for every event of the transaction", required=True
    ),
    "datacontenttype": Field(kinds.one_of("application/json"), "The kind of data, if said"),
}

_ADDRESS: Final[Shape] = {
    "line1": Field(kinds.line(64), "Street and house"),
    "line2": Field(kinds.line(64), "More of the address"),
    "city": Field(kinds.line(64), "Town"),
    "district": Field(kinds.line(64), "District"),
    "state": Field(kinds.line(64), "State or province"),
    "postcode": Field(kinds.line(64), "Postcode"),
    "country": Field(kinds.COUNTRY, "Country"),
}
_PARTY: Final[Shape] = {
    "fullName": Field(kinds.person_name(64), "The whole name, in any script", required=True),
    "nationality": Field(kinds.COUNTRY, "Nationality"),
    "idDetails": {
        "idType": Field(kinds.line(64), f"{', '.join(IdType.values[:-1])}; any other is kept as another ID"),
        "idNumber": Field(kinds.line(64), "The document's number; of a CNIC the digits are kept"),
        "issueDate": Field(kinds.DATE, "Issued on"),
        "expiryDate": Field(kinds.DATE, "Expires on"),
        "issueCountry": Field(kinds.COUNTRY, "Issued by"),
    },
    "dateOfBirth": Field(kinds.DATE, "Date of birth"),
    "countryOfBirth": Field(kinds.COUNTRY, "Country of birth"),
    "mobileNumber": Field(kinds.MOBILE, "Mobile number, best in E.164"),
    "email": Field(kinds.line(64), "E-mail address"),
    "address": _ADDRESS,
    "relationship": Field(kinds.line(64), "What the beneficiary is to the remitter"),
}

RECEIVED: Final[Shape] = {
    "partner": Field(kinds.line(20), "The partner's code", required=True),
    "agentCode": Field(kinds.line(20), "The paying outlet"),
    "branchCode": Field(kinds.line(20), "The paying branch"),
    "type": Field(kinds.one_of(*TransactionType.values), "How it is paid out"),
    "uetr": Field(kinds.line(64), "The end-to-end transaction reference (UUID)"),
    "endToEndId": Field(kinds.line(64), "The initiating party's id"),
    "requestId": Field(kinds.line(64), "The push request it came with"),
    "partnerReference": Field(kinds.line(64), "The same as transactionDetails.partnerReference, which wins"),
    "payoutMethod": Field(kinds.one_of(*PayoutMethod.values), "To an account or in cash", required=True),
    "transactionDetails": {
        "partnerReference": Field(kinds.line(64), "The partner's own reference, unique per partner", required=True),
        "purposeOfPayment": Field(kinds.line(64), "What it is for, as a code"),
        "payingAmount": Field(kinds.AMOUNT, "What the beneficiary gets, as decimal text", required=True),
        "payingCurrency": Field(kinds.CURRENCY, "The currency the beneficiary gets", required=True),
        "settlementAmount": Field(kinds.AMOUNT, "What was sent"),
        "settlementCurrency": Field(kinds.CURRENCY, "The currency that was sent"),
        "settlementRate": Field(kinds.RATE, "How much the beneficiary gets for one unit that was sent"),
        "commissionAmount": Field(kinds.AMOUNT, "The fee, in the currency that was sent"),
        "sourceOfFunds": Field(kinds.line(64), "Where the remitter has the money from"),
        "narration": Field(kinds.line(64), "The remitter's own words"),
        "sentAt": Field(kinds.TIME, "When the remitter sent it"),
    },
    "remitter": _PARTY,
    "beneficiary": _PARTY
    | {
        "bankDetails": {
            "bankCode": Field(kinds.line(64), "The bank's IMD or BIC; mandatory for ACCOUNT"),
            "bankName": Field(kinds.line(200), "The bank's name"),
            "accountNumber": Field(kinds.ACCOUNT, "IBAN or account number; mandatory for ACCOUNT"),
            "accountTitle": Field(kinds.line(64), "The account's title as the partner has it"),
        },
    },
}

STAGE: Final[Shape] = {
    "stage": Field(kinds.line(64), "The stage it speaks of; an unknown one is kept and shown", required=True),
    "channel": Field(kinds.line(64), "Through which channel"),
    "attempt": Field(kinds.ATTEMPT, "Which attempt; 1 if not said"),
    "result": Field(kinds.line(64), "How it went; an unknown word is kept and shown", required=True),
    "reasonCode": Field(kinds.line(32), "Why, as a code"),
    "reason": Field(kinds.text(500), "Why, in words"),
    "rail": Field(kinds.line(16), "The rail"),
    "railReference": Field(kinds.line(64), "The rail's reference"),
    "railReferenceKind": Field(kinds.line(10), "STAN, MESSAGE_ID, UNIQUE_ID or RRN"),
    "bankReference": Field(kinds.line(64), "The core banking reference"),
    "railStatus": Field(kinds.line(16), "The rail's status (ISO 20022 TxSts)"),
    "fundsPosition": Field(kinds.line(16), "Where the money is"),
    "startedAt": Field(kinds.TIME, "When the stage began"),
    "endedAt": Field(kinds.TIME, "When the stage ended"),
    "commandId": Field(kinds.line(64), "The command that caused it"),
    "request": {},
    "response": {
        "accountTitle": Field(kinds.line(64), "Of a title fetch: the title that the bank gave"),
        "titleMatch": Field(kinds.line(64), "Of a title fetch: MATCH, CLOSE, NO_MATCH or NO_DATA"),
    },
}

SCREENING: Final[Shape] = {
    "party": Field(kinds.line(64), "SENDER or RECEIVER", required=True),
    "timing": Field(kinds.line(64), "PRE or POST payment; PRE if not said"),
    "list": {
        "name": Field(kinds.line(64), "The list"),
        "version": Field(kinds.line(64), "Its version"),
        "fetchedAt": Field(kinds.TIME, "When it was fetched"),
    },
    "status": Field(kinds.line(64), "CLEAR, HITS or ERROR", required=True),
    "hits": Many(
        {
            "entityId": Field(kinds.line(64), "The list's id of the entry", required=True),
            "score": Field(kinds.SCORE, "How alike, 0 to 1", required=True),
            "threshold": Field(kinds.SCORE, "From which score it counts"),
            "names": Field(kinds.words(50, 200), "The entry's names"),
            "aliases": Field(kinds.words(50, 200), "Its other names"),
            "dateOfBirth": Field(kinds.line(32), "As the list has it"),
            "nationality": Field(kinds.line(64), "As the list has it"),
            "programme": Field(kinds.line(120), "The programme it is listed under"),
            "fields": Many(
                {
                    "field": Field(kinds.line(64), "What was compared", required=True),
                    "ours": Field(kinds.line(200), "What the instruction says"),
                    "theirs": Field(kinds.line(200), "What the list says"),
                    "agreement": Field(kinds.line(64), "SAME, CLOSE, DIFFERENT or MISSING"),
                },
                50,
            ),
        },
        1_000,
    ),
}

COMMAND: Final[Shape] = {
    "commandId": Field(kinds.line(64), "The command that is answered", required=True),
    "outcome": Field(kinds.line(64), "SUCCEEDED, FAILED or UNKNOWN", required=True),
    "reasonCode": Field(kinds.line(32), "Why, as a code"),
    "reason": Field(kinds.text(500), "Why, in words"),
    "railReference": Field(kinds.line(64), "The rail's reference"),
}

DATA: Final[dict[str, Shape]] = {
    EventType.RECEIVED: RECEIVED,
    EventType.STAGE: STAGE,
    EventType.SCREENING: SCREENING,
    EventType.COMMAND: COMMAND,
}

# -- reading ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Envelope:
    """An event that holds. `values` are the known fields by path, read; `data` and `text` are the data as they came."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    sequence: int
    data: dict[str, Any]
    text: str
    digest: bytes
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Rejected:
    """An event that does not hold: why, and what can be told of it."""

    errors: list[Error]
    id: str = ""
    subject: str = ""
    partner: str = ""


def read(event: object) -> Envelope | Rejected:
    """The event, checked against the table; every error that is found, not only the first."""
    if not isinstance(event, dict):
        return Rejected([Error(field="event", message="The event is not an object. Send a CloudEvents envelope.")])
    errors: list[Error] = []
    head: dict[str, Any] = {}
    _read_into(head, event, _HEAD, errors)
    data = event.get("data")
    plan = _PLANS.get(head.get("type", ""))
    if not isinstance(data, dict):
        errors.append(Error(field="data", message="data is not an object. Send the event's data as one."))
    elif plan is not None:
        values: dict[str, Any] = {}
        _read_into(values, data, plan, errors)
        _CHECKS[head["type"]](values, errors)
        if not errors:
            return _envelope(head, data, values)
    if not errors:
        errors.append(Error(field="type", message="type is missing. Send one of the four event types."))
    return Rejected(errors, _told(event, "id", 200), _told(event, "subject", 100), _told(data, "partner", 20))


def _told(held: object, name: str, most: int) -> str:
    """A text of a rejected event as far as it can be kept and shown."""
    value = held.get(name) if isinstance(held, dict) else None
    return value[:most] if isinstance(value, str) and is_storable(value) else ""


def _envelope(head: dict[str, Any], data: dict[str, Any], values: dict[str, Any]) -> Envelope | Rejected:
    sequence, type_ = head["sequence"], head["type"]
    if (type_ == EventType.RECEIVED) != (sequence == 1):
        told = (
            "the instruction has 1"
            if type_ == EventType.RECEIVED
            else "only the instruction has 1; this one comes later"
        )
        return Rejected(
            [Error(field="sequence", message=f"sequence is {sequence}, but {told}.")],
            head["id"],
            head["subject"],
            values.get("partner", ""),
        )
    try:
        text = dumps(data, sort_keys=True)
        if "\\u0000" in text:
            _refuse_nul(data)
        digest = (
            hashlib.sha256(text.encode()).digest() if type_ != EventType.RECEIVED else digest_of(type_, data, values)
        )
    except (ValueError, RecursionError) as error:
        sentence = error.sentence if isinstance(error, Unreadable) else "data cannot be stored. Send plain text."
        return Rejected([Error(field="data", message=sentence)], head["id"], head["subject"])
    return Envelope(
        id=head["id"],
        source=head["source"],
        type=type_,
        subject=head["subject"],
        time=head["time"],
        sequence=sequence,
        data=data,
        text=text,
        digest=digest,
        values=values,
    )


def _refuse_nul(value: Any) -> None:
    match value:
        case str():
            if "\x00" in value:
                raise Unreadable("data holds a NUL character. Remove it.")
        case dict():
            for key, inner in value.items():
                _refuse_nul(key)
                _refuse_nul(inner)
        case list():
            for inner in value:
                _refuse_nul(inner)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A shape made ready for reading: per name where it stands and how it is read, and what must be there."""

    parts: dict[str, tuple[str, str, Callable[[Any], Any] | None, Many | None, _Plan | None]]
    required: tuple[tuple[str, str, str], ...]


def _planned(shape: Shape, path: str = "", outside: str = "") -> _Plan:
    parts: dict[str, tuple[str, str, Callable[[Any], Any] | None, Many | None, _Plan | None]] = {}
    required = []
    for name, part in shape.items():
        inner, where = path + name, f"{outside}{path}{name}"
        if isinstance(part, Field):
            parts[name] = (inner, where, part.kind.read, None, None)
            if part.required:
                required.append((name, where, f"{part.about[0].lower()}{part.about[1:]}"))
        elif isinstance(part, Many):
            parts[name] = (inner, where, None, part, None)
        else:
            parts[name] = (inner, where, None, None, _planned(part, f"{inner}.", outside))
    return _Plan(parts, tuple(required))


_HEAD: Final = _planned(ENVELOPE)
_PLANS: Final = {str(type_): _planned(shape, outside="data.") for type_, shape in DATA.items()}


def _read_into(values: dict[str, Any], held: dict[Any, Any], plan: _Plan, errors: list[Error]) -> None:
    """Put the known fields of `held` into `values` by their path; what is wrong goes to `errors`."""
    for name, where, about in plan.required:
        if is_absent(held.get(name)):
            errors.append(Error(field=where, message=f"{where} is missing. Send it: {about}."))
    parts = plan.parts
    for name, value in held.items():
        part = parts.get(name)
        if part is None or is_absent(value):
            continue
        path, where, kind, many, inner = part
        try:
            if kind is not None:
                values[path] = kind(value)
            elif many is not None:
                values[path] = _read_many(value, many, where, errors)
            elif isinstance(value, dict) and inner is not None:
                _read_into(values, value, inner, errors)
            else:
                raise Wrong("is not an object. Send its fields in braces.")
        except Wrong as wrong:
            errors.append(Error(field=where, message=f"{where} {wrong.sentence}"))


def _read_many(value: Any, part: Many, where: str, errors: list[Error]) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise Wrong("is not a list. Send a list of objects.")
    if len(value) > part.most:
        raise Wrong(f"holds {len(value)} objects. Send at most {part.most}.")
    found: list[dict[str, Any]] = []
    for place, item in enumerate(value):
        if not isinstance(item, dict):
            errors.append(Error(field=f"{where}[{place}]", message=f"{where}[{place}] is not an object. Send one."))
            continue
        values: dict[str, Any] = {}
        _read_into(values, item, _planned(part.item, outside=f"{where}[{place}]."), errors)
        found.append(values)
    return found


# -- what one field cannot say by itself ------------------------------------------------------------------------------


def _check_received(values: dict[str, Any], errors: list[Error]) -> None:
    _check_objects(values, errors)
    _check_reference(values, errors)
    _check_money(values, errors)
    if values.get("payoutMethod") == PayoutMethod.ACCOUNT:
        for name in ("bankCode", "accountNumber"):
            path = f"beneficiary.bankDetails.{name}"
            if path not in values and not _named(errors, f"data.{path}"):
                errors.append(_missing(path, "an account cannot be paid without it"))
    for party in ("remitter", "beneficiary"):
        _check_identity(values, party, errors)


def _check_objects(values: dict[str, Any], errors: list[Error]) -> None:
    """Objects that are not there at all: their mandatory fields are missing too."""
    mandatory = {
        "transactionDetails.payingAmount": "what the beneficiary gets",
        "transactionDetails.payingCurrency": "the currency the beneficiary gets",
        "remitter.fullName": "the remitter's whole name",
        "beneficiary.fullName": "the beneficiary's whole name",
    }
    for path, about in mandatory.items():
        if (
            path not in values
            and not _named(errors, f"data.{path}")
            and not _named(errors, f"data.{path.split('.')[0]}")
        ):
            errors.append(_missing(path, about))


def _check_reference(values: dict[str, Any], errors: list[Error]) -> None:
    """partnerReference may stand at the top as well; inside transactionDetails it wins."""
    inner, outer = "transactionDetails.partnerReference", "partnerReference"
    if inner in values:
        return
    if outer in values:
        values[inner] = values[outer]
        errors[:] = [error for error in errors if error["field"] != f"data.{inner}"]
    elif not _named(errors, f"data.{inner}") and not _named(errors, "data.transactionDetails"):
        errors.append(_missing(inner, "the partner's own reference"))


def _check_money(values: dict[str, Any], errors: list[Error]) -> None:
    for name, currency, must_be_positive in (
        ("payingAmount", "payingCurrency", True),
        ("settlementAmount", "settlementCurrency", True),
        ("commissionAmount", "settlementCurrency", False),
    ):
        path = f"transactionDetails.{name}"
        amount, code = values.get(path), values.get(f"transactionDetails.{currency}")
        if amount is None:
            continue
        if must_be_positive and not amount:
            errors.append(Error(field=f"data.{path}", message=f"data.{path} is zero. Send an amount above zero."))
        if code is None:
            if not _named(errors, f"data.transactionDetails.{currency}"):
                errors.append(_missing(f"transactionDetails.{currency}", f"{name} has no meaning without it"))
            continue
        try:
            kinds.check_minor_units(amount, code)
        except Wrong as wrong:
            errors.append(Error(field=f"data.{path}", message=f"data.{path} {wrong.sentence}"))


_ID_TYPES: Final = frozenset(IdType.values)


def _check_identity(values: dict[str, Any], party: str, errors: list[Error]) -> None:
    """An ID type that is not in the vocabulary is kept as another ID; of a CNIC only the digits are kept."""
    path = f"{party}.idDetails."
    kind, number = values.get(path + "idType"), values.get(path + "idNumber")
    if kind is not None and kind not in _ID_TYPES:
        values[path + "idType"] = IdType.OTHER.value
    if kind in (IdType.CNIC, IdType.NICOP) and number is not None:
        digits = "".join(char for char in number if char in "0123456789")
        if not digits:
            errors.append(
                Error(
                    field=f"data.{path}idNumber",
                    message=f"data.{path}idNumber holds no digits. Send the {kind} number.",
                )
            )
        values[path + "idNumber"] = digits


def _check_nothing(values: dict[str, Any], errors: list[Error]) -> None:
    """The fields of this type say all there is to say."""


def _check_screening(values: dict[str, Any], errors: list[Error]) -> None:
    if values.get("status") == "HITS" and not values.get("hits") and not _named(errors, "data.hits"):
        errors.append(_missing("hits", "a check with hits names them"))


def _missing(path: str, about: str) -> Error:
    return Error(field=f"data.{path}", message=f"data.{path} is missing. Send it: {about}.")


def _named(errors: list[Error], name: str) -> bool:
    return any(error["field"] == name or error["field"].startswith(f"{name}[") for error in errors)


_CHECKS: Final = {
    EventType.RECEIVED.value: _check_received,
    EventType.STAGE.value: _check_nothing,
    EventType.SCREENING.value: _check_screening,
    EventType.COMMAND.value: _check_nothing,
}

# -- sameness ---------------------------------------------------------------------------------------------------------

_MONEY: Final = (
    ("payingAmount", "payingCurrency"),
    ("settlementAmount", "settlementCurrency"),
    ("commissionAmount", "settlementCurrency"),
)


def digest_of(type_: str, data: dict[str, Any], values: dict[str, Any]) -> bytes:
    """SHA-256 of the canonical data: sorted keys, amounts at minor units. Two events with the same digest say the same.

    An instruction is the same whichever push request carried it, so `requestId` does not count; partnerReference
    counts where it belongs, in transactionDetails.
    """
    canonical = _canonical_instruction(data, values) if type_ == EventType.RECEIVED else data
    return hashlib.sha256(dumps(canonical, sort_keys=True).encode()).digest()


def _canonical_instruction(data: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    details = dict(data.get("transactionDetails") or {})
    details["partnerReference"] = values["transactionDetails.partnerReference"]
    for name, currency in _MONEY:
        amount: Decimal | None = values.get(f"transactionDetails.{name}")
        if amount is not None:
            units = minor_units(values[f"transactionDetails.{currency}"])
            details[name] = str(amount.quantize(Decimal(1).scaleb(-units)))
    rest = {name: value for name, value in data.items() if name not in ("requestId", "partnerReference")}
    return rest | {"transactionDetails": details}


# -- description ------------------------------------------------------------------------------------------------------


def schema_of(shape: Shape) -> dict[str, Any]:
    """The JSON Schema of an object of this shape. Fields beyond it are allowed and kept."""
    properties = {name: _schema_of_part(part) for name, part in shape.items()}
    required = [name for name, part in shape.items() if isinstance(part, Field) and part.required]
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


def _schema_of_part(part: Field | Many | Shape) -> dict[str, Any]:
    if isinstance(part, Field):
        return {**part.kind.schema, "description": part.about}
    if isinstance(part, Many):
        return {"type": "array", "maxItems": part.most, "items": schema_of(part.item)}
    return schema_of(part)


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """The schema of the whole event for each event type."""
    made = {}
    for type_, shape in DATA.items():
        event = schema_of(ENVELOPE)
        event["properties"] = event["properties"] | {
            "type": {"const": str(type_), "description": "What kind of event it is"},
            "data": schema_of(shape),
        }
        made[str(type_)] = event | {"required": [*event["required"], "data"]}
    return made
