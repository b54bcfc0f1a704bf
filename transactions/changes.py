"""What changed in a transaction, its parties and its account: old and new, when, by whom and why.

Read from the history tables with `diff_against`. Personal data is masked as everywhere else; outside compliance the
state is told in the neutral words and the title's comparison is left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from accounts.access import has
from transactions import masking
from transactions.discretion import NOT_ACCEPTED, REVIEWER, Reader, reason_for
from transactions.models import Account, Party
from transactions.vocabulary import Funds, Stage, TitleMatch, badge_of, stage_label

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.models import ReasonCode, Transaction

MOST: Final = 40
"""How many changes are shown, the newest."""
PLATFORM: Final = "platform"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field, before and after, as texts ready to show."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """What one event or one person changed at one moment. `request_id` joins it to the trail."""

    at: dt.datetime
    of: str
    who: str
    why: str
    request_id: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Since:
    """The newest change since a version: when, by whom, and the status then and now, as the reader may read it."""

    at: dt.datetime
    who: str
    old: str
    new: str


def since_version(transaction: Transaction, version: int | None, reader: Reader) -> Since | None:
    """What changed since a page showed `version`; None where nothing did, or where nobody knows any more."""
    rows = transaction.history.filter(id=transaction.pk).order_by("-history_date", "-history_id")
    old = rows.filter(version__lte=version).first() if version is not None else None
    new = rows.select_related("history_user").first()
    if old is None or new is None or new.version == old.version:
        return None
    return Since(new.history_date, _change("", new, (), reader).who, _status(old, reader), _status(new, reader))


def changes_of(transaction: Transaction, *, reasons: Mapping[str, ReasonCode], reader: Reader) -> list[Change]:
    """The newest changes of the transaction, its parties and its account, newest first."""
    found = [
        *_of_transaction(transaction, reasons, reader),
        *_of_parties(transaction, reader),
        *_of_account(transaction, reader),
    ]
    found.sort(key=lambda change: change.at, reverse=True)
    return found[:MOST]


def changes_since(
    transaction: Transaction, version: int, *, reasons: Mapping[str, ReasonCode], reader: Reader
) -> list[dict[str, Any]]:
    """What changed since the transaction had this version, for a form that is older: field, old, new, who, when."""
    seen = transaction.history.filter(id=transaction.pk, version__lte=version).order_by("-history_date").first()
    return [
        {"field": one.field, "old": one.old, "new": one.new, "by": change.who, "at": change.at}
        for change in reversed(changes_of(transaction, reasons=reasons, reader=reader))
        if seen is None or change.at > seen.history_date
        for one in change.differences
    ]


def _of_transaction(transaction: Transaction, reasons: Mapping[str, ReasonCode], reader: Reader) -> list[Change]:
    rows = _newest(transaction.history.filter(id=transaction.pk))
    changes = []
    for old, new in pairwise(rows):
        state = _state_differences(old, new, reasons, reader)
        plain = _differences(old, new, _TRANSACTION_FIELDS)
        changes.append(_change("Transaction", new, (*state, *plain), reader))
    return [change for change in changes if change.differences]


def _of_parties(transaction: Transaction, reader: Reader) -> list[Change]:
    sides = {party.pk: str(party.get_side_display()) for party in transaction.parties.all()}
    rows = _newest(Party.history.filter(id__in=sides)) if sides else []
    changes = [
        _change(sides[key], new, _differences(old, new, _PARTY_FIELDS), reader)
        for key in sides
        for old, new in pairwise([row for row in rows if row.id == key])
    ]
    return [change for change in changes if change.differences]


def _of_account(transaction: Transaction, reader: Reader) -> list[Change]:
    account = getattr(transaction, "account", None)
    if account is None:
        return []
    fields = _ACCOUNT_FIELDS | (_TITLE_FIELDS if reader.sees_compliance else {})
    rows = _newest(account.history.filter(id=account.pk))
    changes = [_change("Account", new, _differences(old, new, fields), reader) for old, new in pairwise(rows)]
    return [change for change in changes if change.differences]


def _newest(rows: Any) -> list[Any]:
    """The newest rows of a history, oldest of them first, with one more than is shown to compare against."""
    return list(rows.select_related("history_user").order_by("-history_date", "-history_id")[: MOST + 1])[::-1]


def _change(of: str, row: Any, differences: tuple[Difference, ...], reader: Reader) -> Change:
    by_platform = row.history_change_reason == PLATFORM and row.history_user is None
    return Change(
        at=row.history_date,
        of=of,
        who="The platform" if by_platform else _who(row.history_user, reader),
        why="Event" if by_platform else (row.history_change_reason or ""),
        request_id=getattr(row, "trace_id", row.request_id),
        differences=differences,
    )


def _who(user: User | None, reader: Reader) -> str:
    """Whoever changed it; outside compliance its people read Reviewer."""
    if user is None:
        return "The system"
    return REVIEWER if not reader.sees_compliance and has(user, "compliance.work_cases") else str(user)


# -- the state in words --------------------------------------------------------------------------------------------


def _state_differences(old: Any, new: Any, reasons: Mapping[str, ReasonCode], reader: Reader) -> tuple[Difference, ...]:
    told = [
        ("Status", *(_status(row, reader) for row in (old, new))),
        ("Stage", *(_stage(row, reader) for row in (old, new))),
        ("Money", *(str(Funds(row.funds_position).label) for row in (old, new))),
        ("Reason", *(_reason(row, reasons, reader) for row in (old, new))),
    ]
    return tuple(Difference(field, before, after) for field, before, after in told if before != after)


def _status(row: Any, reader: Reader) -> str:
    return str(badge_of(row.status, row.stage, sees_compliance=reader.sees_compliance).label)


def _stage(row: Any, reader: Reader) -> str:
    if reader.sees_compliance and row.stage in (Stage.COMPLIANCE_REVIEW, Stage.SCREENING):
        return "Compliance review" if row.stage == Stage.COMPLIANCE_REVIEW else "Screening"
    return stage_label(row.stage, row.step)


def _reason(row: Any, reasons: Mapping[str, ReasonCode], reader: Reader) -> str:
    reason = reason_for(row.reason_code, reasons, reader, stage=row.stage)
    if reason is None or not row.reason_code:
        return ""
    return (
        reason.sentence if reason.sentence == NOT_ACCEPTED or not reason.code else f"{reason.code}, {reason.sentence}"
    )


# -- plain fields --------------------------------------------------------------------------------------------------


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


def _masked(kind: str) -> Callable[[Any], str]:
    def shown(value: Any) -> str:
        return str(masking.MASKS[kind](value)) if value else ""

    return shown


def _number(value: Any) -> str:
    return str(masking.mask_iban(value) if value[:2].isalpha() else masking.mask_account(value)) if value else ""


def _decimal(value: Any) -> str:
    return "" if value is None else f"{value.normalize():,f}"


Shown = Callable[[Any], str]
_TRANSACTION_FIELDS: Final[dict[str, tuple[str, Shown]]] = {
    "rail": ("Rail", _plain),
    "rail_reference": ("Rail reference", _plain),
    "bank_reference": ("Bank reference", _plain),
    "attempt": ("Attempt", _plain),
    "sent_amount": ("Sent amount", _decimal),
    "sent_currency": ("Sent currency", _plain),
    "settled_amount": ("Payout", _decimal),
    "settled_currency": ("Payout currency", _plain),
    "rate": ("Rate", _decimal),
    "commission_amount": ("Commission", _decimal),
    "partner_reference": ("Partner reference", _plain),
    "purpose_code": ("Purpose", _plain),
    "narration": ("Narration", _plain),
    "branch_code": ("Branch", _plain),
    "agent_code": ("Agent", _plain),
    "remitter_name": ("Remitter", _plain),
    "beneficiary_name": ("Beneficiary", _plain),
    "beneficiary_iban": ("Beneficiary IBAN", _number),
}
_PARTY_FIELDS: Final[dict[str, tuple[str, Shown]]] = {
    "full_name": ("Name", _plain),
    "id_type": ("Identity document", _plain),
    "id_number": ("Identity number", _masked("id")),
    "nationality": ("Nationality", _plain),
    "birth_date": ("Date of birth", _masked("birth_date")),
    "mobile": ("Phone", _masked("phone")),
    "email": ("E-mail", _masked("email")),
    "address_line_1": ("Address", _masked("address")),
    "address_line_2": ("Address, second line", _masked("address")),
    "city": ("City", _plain),
    "country": ("Country", _plain),
    "relationship": ("Relationship", _plain),
}
_ACCOUNT_FIELDS: Final[dict[str, tuple[str, Shown]]] = {
    "number": ("Account number", _number),
    "bank_code": ("Bank", _plain),
    "title_given": ("Title given", _plain),
}
_TITLE_FIELDS: Final[dict[str, tuple[str, Shown]]] = {
    "title_fetched": ("Title from the bank", _plain),
    "title_match": ("Comparison", lambda value: str(TitleMatch(value).label) if value in TitleMatch.values else value),
}


def _differences(old: Any, new: Any, fields: Mapping[str, tuple[str, Shown]]) -> tuple[Difference, ...]:
    """Old and new of the named fields, as simple-history's own comparison finds them."""
    delta = new.diff_against(old, included_fields=list(fields))
    by_field = {change.field: change for change in delta.changes}
    return tuple(
        Difference(label, shown(by_field[name].old), shown(by_field[name].new))
        for name, (label, shown) in fields.items()
        if name in by_field
    )


# -- a whole record ------------------------------------------------------------------------------------------------

Field = tuple[str, str]


def record_of(row: Any, reader: Reader) -> list[Field]:
    """Every field of a transaction, a party or an account as (label, text), personal data masked as everywhere."""
    match row:
        case Party():
            fields = _PARTY_FIELDS
        case Account():
            fields = _ACCOUNT_FIELDS | (_TITLE_FIELDS if reader.sees_compliance else {})
        case _:
            fields = _TRANSACTION_FIELDS
    return [(label, shown(getattr(row, name))) for name, (label, shown) in fields.items()]
