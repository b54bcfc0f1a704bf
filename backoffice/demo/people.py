"""The demo's people and organisations: who can sign in, as what, and whose rows they see (CONTRACTS.md section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from simple_history.utils import bulk_create_with_history

from accounts.models import (
    Branch,
    BranchUserPermission,
    Partner,
    PartnerUserPermission,
    SubAgent,
    User,
)
from accounts.permissions import Role
from audit import trail
from audit.verbs import Verb
from backoffice.demo import world

PASSWORD: Final = "demo"
AGENTS_PER_PARTNER: Final = 12


@dataclass(frozen=True, slots=True)
class Person:
    """One demo sign-in. `partners` and `branches` are codes; None stands for the explicit grant on all of them."""

    username: str
    full_name: str
    role: Role
    partners: tuple[str, ...] | None = None
    branches: tuple[str, ...] | None = None

    @property
    def scope(self) -> str:
        """What the person sees, in words."""
        if self.role is Role.ADMINISTRATOR:
            return "people, roles, organisations, reference data; no transactions"
        names = {partner.code: partner.name for partner in world.PARTNERS}
        partners = "all partners" if self.partners is None else ", ".join(names[code] for code in self.partners)
        return partners if self.branches is None else f"{partners}, branch {', '.join(self.branches)}"


PEOPLE: Final = (
    Person("hina", "Hina Lashari", Role.INQUIRY_HANDLER, partners=("INSTANTCASH",)),
    Person("omar", "Omar Gondal", Role.OPERATIONS_MAKER),
    Person("sana", "Sana Warraich", Role.OPERATIONS_CHECKER),
    Person("adeel", "Adeel Khokhar", Role.COMPLIANCE_ANALYST),
    Person("mehwish", "Mehwish Kakar", Role.COMPLIANCE_OFFICER),
    Person("yusuf", "Yusuf Paracha", Role.COMPLIANCE_OFFICER),
    Person("tariq", "Tariq Jatoi", Role.TREASURY_MAKER),
    Person("rabia", "Rabia Mengal", Role.TREASURY_CHECKER),
    Person("bilal", "Bilal Cheema", Role.BRANCH_OPERATOR, branches=("1003",)),
    Person("nadia", "Nadia Rind", Role.AUDITOR),
    Person("admin", "Amna Soomro", Role.ADMINISTRATOR, partners=(), branches=()),
    Person("admin2", "Danish Arain", Role.ADMINISTRATOR, partners=(), branches=()),
)
_OPENS_ADMIN: Final = frozenset({Role.ADMINISTRATOR, Role.AUDITOR})


@transaction.atomic
def create_organisations() -> int:
    """Make the demo's partners, branches and sub-agents that are missing; returns how many were made."""
    partners = [Partner(code=one.code, **_partner_facts(one)) for one in world.PARTNERS]
    branches = [Branch(code=one.code, name=one.name, city=one.city) for one in world.BRANCHES]
    agents = [
        SubAgent(agent_code=f"{one.prefix}-{number:03d}", name=f"{one.name} outlet {number}")
        for one in world.PARTNERS
        for number in range(1, AGENTS_PER_PARTNER + 1)
    ]
    made = _add_missing(Partner, partners, "code") + _add_missing(Branch, branches, "code")
    made += _add_missing(SubAgent, agents, "agent_code")
    if made:
        facts = {"partners": len(partners), "branches": len(branches), "sub_agents": len(agents)}
        trail.record(Verb.DATA_SEEDED, object_type="accounts.partner", object_id="demo", facts=facts)
    return made


def _add_missing(model: type[Partner | Branch | SubAgent], wanted: list[Any], key: str) -> int:
    """Add those whose code is not there yet, each with its history row."""
    known = set(model.objects.values_list(key, flat=True))
    missing = [one for one in wanted if getattr(one, key) not in known]
    if missing:
        bulk_create_with_history(missing, model, default_change_reason="demo")
    return len(missing)


def _partner_facts(partner: world.Partner) -> dict[str, str]:
    account = world.iban(world.OWN_BANK.code, f"{int.from_bytes(partner.code.encode()[:5]) % 10**12:016d}")
    return {
        "name": partner.name,
        "country": partner.countries[0],
        "email": f"operations@{partner.code.lower()}.example.com",
        "settlement_account": account,
        "settlement_account_title": f"{partner.name} settlement",
    }


@transaction.atomic
def create_people() -> int:
    """Make the demo's people that are missing, with their roles and grants; returns how many were made.

    The organisations must be there. Whoever exists already stays as administrators left him.
    """
    made = [person for person in PEOPLE if not User.objects.filter(username=person.username).exists()]
    password = make_password(PASSWORD)
    for person in made:
        _create(person, password)
    if made:
        facts = {person.username: f"{person.role}: {person.scope}" for person in made}
        trail.record(Verb.DATA_SEEDED, object_type="accounts.user", object_id="demo", facts=facts)
    return len(made)


def _create(person: Person, password: str) -> None:
    user = User.objects.create(
        username=person.username,
        password=password,
        full_name=person.full_name,
        email=f"{person.username}@example.com",
        is_staff=person.role in _OPENS_ADMIN,
    )
    user.groups.add(Group.objects.get(name=person.role.value))
    if person.partners is None:
        user.user_permissions.add(_permission("user", "all_partners"))
    for code in person.partners or ():
        partner = Partner.objects.get(code=code)
        for verb in ("see", "work"):
            permission = _permission("partner", f"{verb}_partner")
            PartnerUserPermission.objects.create(user=user, permission=permission, content_object=partner)
    if person.branches is None:
        user.user_permissions.add(_permission("user", "all_branches"))
    for code in person.branches or ():
        branch = Branch.objects.get(code=code)
        for verb in ("see", "work"):
            permission = _permission("branch", f"{verb}_branch")
            BranchUserPermission.objects.create(user=user, permission=permission, content_object=branch)


def _permission(model: str, codename: str) -> Permission:
    return Permission.objects.get(content_type__app_label="accounts", content_type__model=model, codename=codename)
