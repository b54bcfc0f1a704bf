"""Loads roles, their matrix and approval policies into an empty database. Idempotent: what is there stays."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from accounts.permissions import MATRIX, PERMISSIONS, SCOPES, Role


def load(apps: Any) -> None:
    """Make the permissions of the matrix and, where a role is missing, the role with its seeded permissions.

    `apps` is Django's app registry or, inside a migration, the historical one.
    """
    permissions = {name: _permission(apps, name, label) for name, label in _labels().items()}
    groups = apps.get_model("auth", "Group").objects
    for role in Role:
        group, created = groups.get_or_create(name=role.value)
        if created:
            group.permissions.set([permissions[name] for name in MATRIX[role]])


def _labels() -> dict[str, str]:
    return {name: permission.label for name, permission in (PERMISSIONS | SCOPES).items()}


def _permission(apps: Any, name: str, label: str) -> Any:
    app, _, codename = name.partition(".")
    model = "user" if name in SCOPES else "right"
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label=app, model=model)
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename=codename, defaults={"name": label[:1].upper() + label[1:]}
    )
    return permission


_DAY, _THREE_DAYS = 24, 72
_ALWAYS: Final = {
    "move_to_rtgs": _DAY,
    "cancel": _DAY,
    "override_duplicate": _DAY,
    "reverse": _DAY,
    "mark_manually_settled": _DAY,
    "mark_reversed": _DAY,
    "release": _DAY,
    "reject": _DAY,
    "whitelist": _DAY,
    "correct_material": _DAY,
    "answer_text": _DAY,
    "unmasked_export": _DAY,
    "void_eprc": _DAY,
    "settlement_account": _THREE_DAYS,
    "people": _THREE_DAYS,
    "organisations": _THREE_DAYS,
    "reference": _THREE_DAYS,
}
_ONE_PERSON: Final = ("inquire", "send_back", "rescreen", "hold", "correct")


def load_policies(apps: Any) -> None:
    """Add the approval policies of DECISIONS.md section 4 that are not there yet."""
    policies = apps.get_model("accounts", "ApprovalPolicy").objects
    repush = {
        "rule": "above",
        "limit": Decimal(500_000),
        "job_rows": 100,
        "job_limit": Decimal(5_000_000),
        "hours": _DAY,
    }
    policies.get_or_create(operation="repush", currency="PKR", defaults=repush)
    for operation, hours in _ALWAYS.items():
        policies.get_or_create(operation=operation, currency="", defaults={"rule": "always", "hours": hours})
    for operation in _ONE_PERSON:
        policies.get_or_create(operation=operation, currency="", defaults={"rule": "never", "hours": _DAY})
