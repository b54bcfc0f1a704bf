"""docker-compose.yml runs the same product as the commands and settings that are promised to operators."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import yaml

from backoffice.localpg import CHECKOUT, INITDB_LOCALE
from backoffice.settings.environment import SETTINGS

COMPOSE = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "web", "live", "worker")
EXAMPLE = (CHECKOUT / ".env.example").read_text()


def test_the_services_are_the_promised_ones() -> None:
    assert set(SERVICES) == {"db", "migrate", "web", "live", "worker", "proxy"}


def test_the_services_run_the_promised_commands() -> None:
    assert SERVICES["migrate"]["command"][:3] == ["python", "manage.py", "migrate"]
    assert SERVICES["worker"]["command"] == ["python", "manage.py", "work"]
    for served in ("web", "live"):
        command = SERVICES[served]["command"]
        assert command[:2] == ["uvicorn", "backoffice.asgi:application"]
        assert "--timeout-graceful-shutdown=3" in command


def test_every_service_of_ours_is_given_every_setting_and_the_owner_is_known_to_migrate_alone() -> None:
    for name in OURS:
        given = set(SERVICES[name]["environment"]) - {"PROCESS_NAME"}
        wanted = set(SETTINGS) if name == "migrate" else set(SETTINGS) - {"DATABASE_OWNER_URL"}
        assert given == wanted, name


def test_each_service_connects_as_its_own_role() -> None:
    for name in OURS:
        assert SERVICES[name]["environment"]["DATABASE_URL"].startswith("postgresql://openremit_app:")
    assert SERVICES["migrate"]["environment"]["DATABASE_OWNER_URL"].startswith("postgresql://openremit_owner:")


def test_every_variable_is_explained_in_the_example() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", (CHECKOUT / "docker-compose.yml").read_text()))
    explained = set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    assert asked <= explained
    assert set(SETTINGS) <= explained


def test_nothing_runs_as_root_or_writes_where_it_should_not() -> None:
    for name, service in SERVICES.items():
        assert service["user"] not in {"root", "0", "0:0"}, name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_every_lasting_service_has_a_health_check() -> None:
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == {"migrate"}


def test_nothing_starts_before_the_tables_are_there() -> None:
    for name in ("web", "live", "worker"):
        assert SERVICES[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_only_the_proxy_is_reachable_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["inside"]["internal"] is True


def test_the_database_sorts_and_finds_names_as_the_embedded_one_does() -> None:
    database = SERVICES["db"]
    arguments = database["environment"]["POSTGRES_INITDB_ARGS"].split()
    assert set(INITDB_LOCALE) <= set(arguments)
    assert "data:/var/lib/postgresql" in database["volumes"]


def test_the_file_is_valid_to_docker_where_docker_compose_is_installed() -> None:
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and subprocess.run([*command, "version"], check=False, capture_output=True).returncode == 0
        ):
            done = subprocess.run([*command, "config"], cwd=CHECKOUT, check=False, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
