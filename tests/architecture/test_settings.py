"""What is set from outside: the demo needs nothing, production everything, a mistake is answered in a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backoffice.deploy.new_env import EXAMPLE, new_env
from backoffice.localpg import CHECKOUT
from backoffice.settings.environment import DEMO_SIGNING_SECRET, SETTINGS, Environment

PROMISED = {
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "DEBUG",
    "PLATFORM_URL",
    "PLATFORM_SIGNING_SECRET",
    "INTAKE_SIGNING_SECRETS",
    "AUDIT_HMAC_KEY",
    "AUDIT_ANCHOR_KEY",
    "AUDIT_ANCHOR_DIR",
    "EXPORT_DIR",
    "ENVIRONMENT_NAME",
    "TIME_ZONE_DEFAULT",
}


def an_installation(**changes: str) -> dict[str, str]:
    """The variables of an installation as .env.example and docker-compose.yml give them, with fresh secrets."""
    lines = [line for line in new_env(EXAMPLE.read_text()).splitlines() if line and not line.startswith("#")]
    variables = dict(line.split("=", 1) for line in lines)
    variables["DATABASE_URL"] = "postgresql://openremit_app:secret@localhost/openremit"
    return variables | changes


def read_production(variables: dict[str, str], show: str = "{}") -> subprocess.CompletedProcess[str]:
    code = f"import json; from backoffice.settings import prod; print(json.dumps({show}))"
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, env=environment, check=False, capture_output=True, text=True
    )


def sentence_of(variables: dict[str, str]) -> str:
    """What production says to these variables: one line on standard error, exit code 1, no traceback."""
    done = read_production(variables)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr.strip()


def test_the_settings_are_the_promised_ones() -> None:
    assert set(SETTINGS) == PROMISED


def test_the_demo_needs_no_setting_and_production_says_all_that_are_missing() -> None:
    assert Environment({}).text("ENVIRONMENT_NAME") == "TEST DATA"
    said = sentence_of({})
    for name in PROMISED - {"DEBUG", "DATABASE_OWNER_URL"}:
        assert name in said


def test_production_takes_the_example_once_its_secrets_are_filled_in() -> None:
    show = "[prod.SESSION_COOKIE_NAME, prod.CSRF_COOKIE_SECURE, prod.SECURE_SSL_REDIRECT, prod.INSTALLED_APPS]"
    done = read_production(an_installation(), show)
    assert done.returncode == 0, done.stderr
    cookie, secure, redirect, apps = json.loads(done.stdout)
    assert (cookie, secure, redirect) == ("__Host-session", True, True)
    assert "backoffice.demo" not in apps


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"DEBUG": "true"}, "DEBUG must be false in production"),
        ({"DEBUG": "perhaps"}, "DEBUG must be true or false"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY must have 50 characters"),
        ({"SECRET_KEY": SETTINGS["SECRET_KEY"].demo or ""}, "must not have the demo's published value: SECRET_KEY"),
        ({"INTAKE_SIGNING_SECRETS": DEMO_SIGNING_SECRET}, "the demo's published value: INTAKE_SIGNING_SECRETS"),
        ({"PLATFORM_SIGNING_SECRET": "whsec_%%%"}, "PLATFORM_SIGNING_SECRET must be whsec_ followed by base64"),
        ({"AUDIT_HMAC_KEY": "same", "AUDIT_ANCHOR_KEY": "same"}, "AUDIT_ANCHOR_KEY must not equal AUDIT_HMAC_KEY"),
        ({"PLATFORM_URL": "http://platform.example"}, "PLATFORM_URL must begin with https://"),
        ({"TIME_ZONE_DEFAULT": "Asia/Karach"}, "which is not a time zone"),
        ({"DATABASE_URL": "sqlite:///db"}, "DATABASE_URL must name a PostgreSQL database"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL cannot be read"),
        ({"INTAKE_SIGNING_SECRET": "x"}, "is not a setting; did you mean INTAKE_SIGNING_SECRETS?"),
        ({"SECRET_KEY": "", "SECRET_KEY_FILE": "/nowhere"}, "SECRET_KEY_FILE names /nowhere, which cannot be read"),
    ],
)
def test_a_mistake_is_answered_in_one_sentence(changes: dict[str, str], said: str) -> None:
    assert said in sentence_of(an_installation(**changes))


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    file.write_text("f" * 64 + "\n")
    variables = an_installation(SECRET_KEY="", SECRET_KEY_FILE=str(file))
    assert json.loads(read_production(variables, "prod.SECRET_KEY").stdout) == "f" * 64


def test_production_never_falls_back_to_the_embedded_database() -> None:
    assert "DATABASE_URL" in sentence_of(an_installation(DATABASE_URL=""))
