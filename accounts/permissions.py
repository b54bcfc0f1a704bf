"""Who may do what: the roles, the permissions and the matrix, as data.

This file seeds the database once; from then on administrators change the matrix there, and every request reads it
from there. Source: DECISIONS.md section 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Final


class Role(StrEnum):
    """The ten roles. The value is the name of the Django group that stands for the role."""

    INQUIRY_HANDLER = "Inquiry handler"
    OPERATIONS_MAKER = "Operations maker"
    OPERATIONS_CHECKER = "Operations checker"
    COMPLIANCE_ANALYST = "Compliance analyst"
    COMPLIANCE_OFFICER = "Compliance officer"
    TREASURY_MAKER = "Treasury maker"
    TREASURY_CHECKER = "Treasury checker"
    BRANCH_OPERATOR = "Branch operator"
    AUDITOR = "Auditor"
    ADMINISTRATOR = "Administrator"


@dataclass(frozen=True)
class Permission:
    """One right. `name` is "app.codename"; `label` completes the sentence "This needs the right to …"."""

    name: str
    label: str

    @property
    def app(self) -> str:
        return self.name.partition(".")[0]

    @property
    def codename(self) -> str:
        return self.name.partition(".")[2]


_COLUMNS: Final = dict(zip(["IH", "OM", "OC", "CA", "CO", "TM", "TC", "BO", "AU", "AD"], Role, strict=True))

# permission | what it lets a person do | IH OM OC CA CO TM TC BO AU AD ("y" may, "." may not)
_TABLE: Final = """
transactions.view_transactions    | see transactions                                  | y y y y y y y y y .
transactions.search_by_person     | search by name, IBAN, CNIC or phone               | y y y y y . . y y .
transactions.log_inquiry          | record a partner's inquiry                        | y y y . . . . y . .
transactions.add_note             | add a note to a transaction                       | y y y y y y y y . .
transactions.view_payloads        | see technical details                             | . y y y y y y . y .
transactions.reveal_identity      | reveal an identity number or date of birth        | . . . y y . . y y .
transactions.reveal_account       | reveal an account number                          | . y y y y y y . y .
transactions.reveal_contact       | reveal a phone number, e-mail or address          | . y . y y . . . y .
exceptions.view_exceptions        | see exceptions                                    | . y y y y y y . y .
exceptions.work_exceptions        | work on exceptions                                | . y y . . y y . . .
exceptions.inquire                | ask the bank about a payment                      | . y y . . y y . . .
exceptions.propose_operations     | propose an operations deed                        | . y . . . . . . . .
exceptions.decide_operations      | decide on an operations deed                      | . . y . . . . . . .
exceptions.propose_settlement     | propose a settlement deed                         | . . . . . y . . . .
exceptions.decide_settlement      | decide on a settlement deed                       | . . . . . . y . . .
compliance.view_cases             | see compliance cases and screening hits           | . . . y y . . . y .
compliance.work_cases             | work on compliance cases                          | . . . y y . . . . .
compliance.propose_case           | propose a case decision                           | . . . y y . . . . .
compliance.decide_case            | decide on a case                                  | . . . . y . . . . .
compliance.view_str               | see suspicious transaction reports                | . . . . y . . . y .
compliance.manage_str             | write suspicious transaction reports              | . . . . y . . . . .
accounts.propose_people           | propose changes to people and roles               | . . . . . . . . . y
accounts.decide_people            | decide on changes to people and roles             | . . . . . . . . . y
accounts.propose_organisations    | propose changes to partners and branches          | . . . . . . . . . y
accounts.decide_organisations     | decide on changes to partners and branches        | . . . . . . . . . y
accounts.propose_reference        | propose changes to reference data                 | . . . . . . . . . y
accounts.decide_reference         | decide on changes to reference data               | . . . . . . . . . y
accounts.decide_settlement_account| decide on a partner's settlement account          | . . . . . . y . . .
audit.view_object_trail           | see the trail of one object                       | . . y . y . y . y .
audit.view_trail                  | see the whole trail                               | . . . . . . . . y .
reports.view_dashboard            | see the dashboard                                 | y y y y y y y y y .
reports.view_reports              | see reports                                       | . y y y y y y . y .
reports.create_export             | create an export                                  | . y y y y y y . y .
reports.request_unmasked          | ask for an unmasked export                        | . . y . y . . . . .
reports.decide_unmasked           | decide on an unmasked export                      | . . . . y . . . . .
reports.issue_eprc                | issue an e-PRC                                    | . y . . . . . y . .
reports.propose_eprc_void         | propose to void an e-PRC                          | . y . . . . . . . .
reports.decide_eprc_void          | decide to void an e-PRC                           | . . y . . . . . . .
"""


def _parse() -> tuple[dict[str, Permission], dict[Role, frozenset[str]]]:
    permissions: dict[str, Permission] = {}
    matrix: dict[Role, set[str]] = {role: set() for role in Role}
    for line in _TABLE.strip().splitlines():
        name, label, marks = (part.strip() for part in line.split("|"))
        permissions[name] = Permission(name, label)
        for role, mark in zip(_COLUMNS.values(), marks.split(), strict=True):
            if mark == "y":
                matrix[role].add(name)
    return permissions, {role: frozenset(names) for role, names in matrix.items()}


PERMISSIONS, MATRIX = _parse()

ALL_PARTNERS: Final = Permission("accounts.all_partners", "work with all partners")
ALL_BRANCHES: Final = Permission("accounts.all_branches", "work with all branches and with rows that have no branch")
SCOPES: Final = {permission.name: permission for permission in (ALL_PARTNERS, ALL_BRANCHES)}
PROPOSE_PEOPLE: Final = "accounts.propose_people"
ADMINISTER_PEOPLE: Final = (PROPOSE_PEOPLE, "accounts.decide_people")
"""Who administers people proposes changes, and decides on those of others: both rights together."""

_OPERATIONS: Final = (Role.OPERATIONS_MAKER, Role.OPERATIONS_CHECKER)
_TREASURY: Final = (Role.TREASURY_MAKER, Role.TREASURY_CHECKER)
_COMPLIANCE: Final = (Role.COMPLIANCE_ANALYST, Role.COMPLIANCE_OFFICER)
_CHECKERS: Final = (Role.OPERATIONS_CHECKER, Role.TREASURY_CHECKER, Role.COMPLIANCE_OFFICER)


def _toxic_pairs() -> frozenset[frozenset[Role]]:
    pairs = {
        frozenset(_OPERATIONS),
        frozenset(_TREASURY),
        frozenset({Role.OPERATIONS_MAKER, Role.TREASURY_CHECKER}),
        frozenset({Role.TREASURY_MAKER, Role.OPERATIONS_CHECKER}),
        frozenset(_COMPLIANCE),
    }
    pairs |= {frozenset({c, other}) for c in _COMPLIANCE for other in (*_OPERATIONS, *_TREASURY)}
    pairs |= {frozenset({asks, c}) for asks in (Role.INQUIRY_HANDLER, Role.BRANCH_OPERATOR) for c in _CHECKERS}
    for alone in (Role.AUDITOR, Role.ADMINISTRATOR):
        pairs |= {frozenset({alone, other}) for other in Role if other is not alone}
    return frozenset(pairs)


TOXIC_PAIRS: Final = _toxic_pairs()


def toxic_among(roles: set[str]) -> tuple[str, str] | None:
    """The first pair of roles in `roles` that one person must not hold together, or None. Unknown names are ignored."""
    for pair in sorted(TOXIC_PAIRS, key=sorted):
        if pair <= roles:
            first, second = sorted(pair)
            return first, second
    return None


def toxic_rights(rights: Iterable[str]) -> tuple[str, str] | None:
    """The first two of `rights` that one person must not hold together, or None.

    Two rights are kept apart when the matrix gives each of them only to roles that exclude every role with the other.
    """
    for one, other in combinations(sorted(set(rights) & PERMISSIONS.keys()), 2):
        if all(frozenset({a, b}) in TOXIC_PAIRS for a in _holders(one) for b in _holders(other)):
            return one, other
    return None


def _holders(permission: str) -> list[Role]:
    return [role for role in Role if permission in MATRIX[role]]
