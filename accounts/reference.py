"""Loads the roles and their matrix into an empty database. Idempotent: what is there stays as it was left."""

from __future__ import annotations

from typing import Any

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
