"""Which data of a payment compliance may correct, what a correct value is, and how a correction takes effect.

Who is paid and where is material: it takes two people. The history keeps what was there before: the first correction
writes down the row as it came, so that the difference can always be told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pycountry
from django.core.exceptions import ValidationError
from stdnum import iban as iban_check

from audit.history import because
from audit.trail import context
from transactions import masking, names
from transactions.bulk import keep_history
from transactions.models import Account, Party, Transaction
from transactions.vocabulary import EventStage, IdType, Side

if TYPE_CHECKING:
    from compliance.models import Correction

LONGEST: Final = 64
WHY: Final = "Correction"
"""What the history of a party says to everybody; the reason itself stands in the case."""
OLDEST: Final = dt.date(1900, 1, 1)


def _plain(text: str) -> str:
    value = " ".join(text.split())
    if not value:
        raise ValidationError("Enter the right value")
    if len(value) > LONGEST:
        raise ValidationError(f"Keep it to {LONGEST} characters or less")
    return value


def _date(text: str) -> str:
    value = " ".join(text.split())
    for form in ("%Y-%m-%d", "%d %b %Y", "%d %B %Y", "%d/%m/%Y"):
        try:
            found = dt.datetime.strptime(value, form).replace(tzinfo=dt.UTC)
        except ValueError:
            continue
        if not OLDEST <= found.date() <= dt.datetime.now(dt.UTC).date():
            raise ValidationError("A date of birth lies in the past, within a lifetime")
        return found.date().isoformat()
    raise ValidationError("Enter a date like 22 Nov 1983")


def _country(text: str) -> str:
    found = pycountry.countries.get(alpha_2=text.strip().upper()) or pycountry.countries.get(name=text.strip())
    if found is None:
        raise ValidationError("Enter a country by its code of two letters, for example PK")
    return str(found.alpha_2)


def _id_type(text: str) -> str:
    if text.strip().upper() not in IdType.values:
        raise ValidationError(f"Enter one of {', '.join(IdType.values)}")
    return text.strip().upper()


def _account(text: str) -> str:
    value = "".join(text.split()).upper()
    if not value.isalnum() or not value.isascii() or len(value) > 34:
        raise ValidationError("An account number has letters and digits, 34 at most")
    if value[:2].isalpha() and not iban_check.is_valid(value):
        raise ValidationError("The check digits of this IBAN are not right")
    return value


@dataclass(frozen=True)
class Field:
    """One thing that can be corrected: whose it is, the column, and what the platform calls it."""

    label: str
    of: str
    column: str
    path: str
    read: Callable[[str], str] = _plain
    mask: str = ""
    is_material: bool = False

    @property
    def checks_account(self) -> bool:
        """Whether the bank has to be asked for the account's title again."""
        return self.of in ("account", Side.BENEFICIARY.value) and self.is_material

    def shown(self, value: str) -> str:
        """The value as a reader sees it who may not reveal it."""
        if not value:
            return ""
        kind = "iban" if self.mask == "account" and value[:2].isalpha() else self.mask
        return str(masking.MASKS[kind](value)) if kind else value


def _of_party(side: Side) -> dict[str, Field]:
    who, is_paid = str(side.label), side is Side.BENEFICIARY
    rows: tuple[tuple[str, str, str, Callable[[str], str], str, bool], ...] = (
        ("full_name", "name", "fullName", _plain, "", is_paid),
        ("id_type", "identity document", "idDetails.idType", _id_type, "", is_paid),
        ("id_number", "identity number", "idDetails.idNumber", _plain, "id", is_paid),
        ("birth_date", "date of birth", "dateOfBirth", _date, "birth_date", False),
        ("nationality", "nationality", "nationality", _country, "", False),
        ("address_line_1", "address", "address.line1", _plain, "address", False),
        ("city", "city", "address.city", _plain, "", False),
        ("country", "country", "address.country", _country, "", False),
    )
    return {
        f"{side.value}.{column}": Field(
            f"{who}'s {label}", side.value, column, f"{side.value}.{path}", read, mask, material
        )
        for column, label, path, read, mask, material in rows
    }


FIELDS: Final[dict[str, Field]] = {
    **_of_party(Side.BENEFICIARY),
    **_of_party(Side.REMITTER),
    "account.number": Field(
        "Account number", "account", "number", "beneficiary.bankDetails.accountNumber", _account, "account", True
    ),
    "account.bank_code": Field("Bank", "account", "bank_code", "beneficiary.bankDetails.bankCode", _plain, "", True),
    "account.title_given": Field(
        "Account title given", "account", "title_given", "beneficiary.bankDetails.accountTitle"
    ),
}


def row_of(field: Field, transaction: Transaction) -> Party | Account | None:
    """The row that holds the field; None where the partner named none."""
    if field.of == "account":
        return Account.objects.filter(transaction=transaction).first()
    return Party.objects.filter(transaction=transaction, side=field.of).first()


def value_of(field: Field, transaction: Transaction) -> str:
    """The field as it is now, as text."""
    row = row_of(field, transaction)
    value = getattr(row, field.column, "") if row is not None else ""
    return "" if value is None else str(value)


def take_effect(correction: Correction, transaction: Transaction, *, now: dt.datetime) -> Mapping[str, Any]:
    """Change the row, with its history; what the platform has to be told. The caller holds the transaction."""
    field = FIELDS[correction.field]
    row = row_of(field, transaction)
    if row is None:
        raise LookupError(f"{transaction} has no {field.label}")
    keep_history(
        type(row), [row.pk], kind="+", at=transaction.created_at, reason="platform",
        trace_id=context().request_id, only_first=True,
    )  # fmt: skip
    value: Any = dt.date.fromisoformat(correction.new) if field.column == "birth_date" else correction.new
    setattr(row, field.column, value)
    changed = [field.column]
    if isinstance(row, Account) and field.column == "number":
        row.is_iban = iban_check.is_valid(correction.new)
        changed.append("is_iban")
    because(row, WHY)
    row.save(update_fields=changed)
    _follow(transaction, field, correction)
    correction.applied_at = now
    correction.save(update_fields=["applied_at"])
    again = EventStage.TITLE_FETCH if field.checks_account else EventStage.SCREENING
    return {"fields": {field.path: correction.new}, "rerun": again.value}


def _follow(transaction: Transaction, field: Field, correction: Correction) -> None:
    """What lists show of a party stands on the transaction too; its version rises with every change of its data."""
    columns = {
        "beneficiary.full_name": "beneficiary_name",
        "remitter.full_name": "remitter_name",
        "account.number": "beneficiary_iban",
    }
    changed = ["version"]
    transaction.version += 1
    if column := columns.get(correction.field):
        is_number = column == "beneficiary_iban"
        value = correction.new if not is_number or iban_check.is_valid(correction.new) else ""
        setattr(transaction, column, value)
        changed.append(column)
        if not is_number:
            names.learn([correction.new])
    because(transaction, WHY)
    transaction.save(update_fields=changed)
