"""What may be set from outside: every variable, what it means, and its value in the demo."""

from __future__ import annotations

import base64
import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

DEMO_SIGNING_SECRET = "whsec_b3BlbnJlbWl0LWRlbW8taW50YWtlLXNlY3JldA=="  # noqa: S105, published, for the demo alone
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
SIGNING_SECRET_BYTES = 24
MISSPELT = 0.88  # how alike a variable and one of ours must be to be taken for a slip


@dataclass(frozen=True)
class Setting:
    """One variable of the environment; .env.example explains it. `demo` is None where the demo has no fixed value."""

    name: str
    demo: str | None = None
    secret: bool = False
    optional: bool = False  # may be left out in production too


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("DATABASE_URL", secret=True),  # unset in the demo: the embedded server of this checkout
        Setting("DATABASE_OWNER_URL", secret=True, optional=True),  # only migrate and its like are given it
        Setting("SECRET_KEY", "demo-only-" + "k" * 50, secret=True),
        Setting("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]"),
        Setting("DEBUG", "false", optional=True),
        Setting("PLATFORM_URL", "http://127.0.0.1:8001"),
        Setting("PLATFORM_SIGNING_SECRET", DEMO_SIGNING_SECRET, secret=True),
        Setting("INTAKE_SIGNING_SECRETS", DEMO_SIGNING_SECRET, secret=True),
        Setting("AUDIT_HMAC_KEY", "demo-only-audit-hmac-key", secret=True),
        Setting("AUDIT_ANCHOR_KEY", "demo-only-audit-anchor-key", secret=True),
        Setting("AUDIT_ANCHOR_DIR", ".local/anchors"),
        Setting("EXPORT_DIR", ".local/exports"),
        Setting("ENVIRONMENT_NAME", "TEST DATA"),
        Setting("TIME_ZONE_DEFAULT", "Asia/Karachi"),
    )
}


class Environment:
    """Reads the variables and ends the program with one sentence when something is wrong, not with a traceback.

    In production every setting must be given, and none may have its demo value where that is a secret.
    """

    def __init__(self, variables: Mapping[str, str] | None = None, *, production: bool = False):
        self.variables = os.environ if variables is None else variables
        self.production = production
        self._refuse_misspelt()
        if production:
            self._refuse_missing()
            self._refuse_demo_secrets()

    def text(self, name: str) -> str:
        """The value of a setting, from NAME, the file NAME_FILE, or the demo."""
        return self._given(name) or SETTINGS[name].demo or ""

    def words(self, name: str) -> list[str]:
        """The values of a setting that is a list separated by commas."""
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def signing_secrets(self, name: str) -> list[str]:
        """Secrets of Standard Webhooks: whsec_ and random bytes in base64."""
        secrets = self.words(name)
        for secret in secrets:
            if not _is_signing_secret(secret):
                refuse(f"{name} must be whsec_ followed by base64; make one with backoffice/deploy/new_env.py.")
        return secrets

    def flag(self, name: str) -> bool:
        """A setting that is yes or no."""
        word = self.text(name).lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            refuse(f"{name} must be true or false, not “{word}”.")
        return word in TRUE_WORDS

    def _given(self, name: str) -> str:
        if value := self.variables.get(name, "").strip():
            return value
        if file := self.variables.get(f"{name}_FILE", "").strip():
            return _read_file(name, Path(file))
        return ""

    def _refuse_missing(self) -> None:
        missing = [name for name, setting in SETTINGS.items() if not setting.optional and not self._given(name)]
        if missing:
            refuse(f"In production these settings must be given: {', '.join(missing)}. See .env.example.")

    def _refuse_demo_secrets(self) -> None:
        secrets = {name: setting.demo for name, setting in SETTINGS.items() if setting.secret and setting.demo}
        public = [name for name, demo in secrets.items() if demo in self.words(name)]
        if public:
            refuse(f"In production these settings must not have the demo's published value: {', '.join(public)}.")

    def _refuse_misspelt(self) -> None:
        known = {*SETTINGS, *(f"{name}_FILE" for name in SETTINGS)}
        for name in sorted(set(self.variables) - known):
            if alike := difflib.get_close_matches(name, sorted(known), n=1, cutoff=MISSPELT):
                refuse(f"{name} is not a setting; did you mean {alike[0]}?")


def refuse(sentence: str) -> NoReturn:
    """End the program with a sentence on standard error and exit code 1."""
    raise SystemExit(sentence)


def _is_signing_secret(secret: str) -> bool:
    try:
        return secret.startswith("whsec_") and len(base64.b64decode(secret[6:], validate=True)) >= SIGNING_SECRET_BYTES
    except ValueError:
        return False


def _read_file(name: str, file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{name}_FILE names {file}, which cannot be read: {error}.")
