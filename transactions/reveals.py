"""The hidden fields of a transaction: which there are, who may see each, how each is masked and written out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from transactions import formats
from transactions.vocabulary import IdType, Side

if TYPE_CHECKING:
    from transactions.models import Party, Transaction

IDENTITY: Final = "transactions.reveal_identity"
ACCOUNT: Final = "transactions.reveal_account"
CONTACT: Final = "transactions.reveal_contact"


@dataclass(frozen=True)
class HiddenField:
    """A field that is masked until somebody reveals it. `value` gives what is stored, `written` how it is shown."""

    key: str
    label: str
    permission: str
    kind: Callable[[Transaction], str]
    value: Callable[[Transaction], Any]
    written: Callable[[Any], str] = str


@dataclass(frozen=True)
class Hidden:
    """A hidden field of one transaction: what its mask needs. `value` is None where nothing was given."""

    field: HiddenField
    kind: str
    value: Any


def _party(side: Side) -> Callable[[Transaction], Party | None]:
    def find(transaction: Transaction) -> Party | None:
        return next((party for party in transaction.parties.all() if party.side == side), None)

    return find


def address_of(party: Party) -> dict[str, str]:
    """A party's address line by line; empty where none was given."""
    lines = {
        "line_1": party.address_line_1,
        "line_2": party.address_line_2,
        "district": party.district,
        "postcode": party.postcode,
        "city": party.city,
        "state": party.state,
        "country": formats.country(party.country) if party.country else "",
    }
    return {key: line for key, line in lines.items() if line}


def _of_party(side: Side, name: str, label: str, permission: str, kind: str, **more: Any) -> HiddenField:
    find = _party(side)

    def value(transaction: Transaction) -> Any:
        party = find(transaction)
        return (getattr(party, name) or None) if party else None

    return HiddenField(f"{side}_{name}", f"{side.label} {label}", permission, lambda transaction: kind, value, **more)


def _identity_number(side: Side) -> HiddenField:
    find = _party(side)

    def kind(transaction: Transaction) -> str:
        party = find(transaction)
        return "cnic" if party and party.id_type in (IdType.CNIC, IdType.NICOP) else "id"

    def value(transaction: Transaction) -> Any:
        party = find(transaction)
        return (party.id_number or None) if party else None

    return HiddenField(f"{side}_id_number", f"{side.label} identity number", IDENTITY, kind, value)


def _address(side: Side) -> HiddenField:
    find = _party(side)

    def value(transaction: Transaction) -> Any:
        party = find(transaction)
        return (address_of(party) or None) if party else None

    return HiddenField(
        f"{side}_address",
        f"{side.label} address",
        CONTACT,
        lambda transaction: "address",
        value,
        lambda lines: ", ".join(lines.values()),
    )


def _account_number(transaction: Transaction) -> Any:
    account = getattr(transaction, "account", None)
    return (account.number or None) if account else None


def _account_kind(transaction: Transaction) -> str:
    account = getattr(transaction, "account", None)
    return "iban" if account and account.is_iban else "account"


def _written_number(number: str) -> str:
    return formats.iban(number) if number[:2].isalpha() else number


def _fields() -> dict[str, HiddenField]:
    fields = [HiddenField("account_number", "Account number", ACCOUNT, _account_kind, _account_number, _written_number)]
    for side in Side:
        fields += [
            _identity_number(side),
            _of_party(side, "birth_date", "date of birth", IDENTITY, "birth_date", written=formats.date),
            _of_party(side, "mobile", "phone", CONTACT, "phone", written=formats.phone),
            _of_party(side, "email", "e-mail", CONTACT, "email"),
            _address(side),
        ]
    return {field.key: field for field in fields}


FIELDS: Final = _fields()
"""Every field that can be revealed, by its key."""


def hidden(key: str, transaction: Transaction) -> Hidden:
    """The field `key` of this transaction, ready to be masked."""
    field = FIELDS[key]
    return Hidden(field, field.kind(transaction), field.value(transaction))
