"""The top level of the repository is given; everything new goes inside one of its folders."""

from __future__ import annotations

import subprocess

from backoffice.localpg import CHECKOUT

FOLDERS = {
    "accounts",
    "audit",
    "backoffice",
    "compliance",
    "docs",
    "exceptions",
    "requirements",
    "static",
    "templates",
    "tests",
    "transactions",
}
FILES = {"Makefile", "README.md", "docker-compose.yml", "manage.py", "pyproject.toml"}
VAGUE = {"utils", "helpers", "common", "core", "misc", "util", "helper", "services", "managers"}


def tracked() -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    )
    return listing.stdout.splitlines()


def test_the_top_level_holds_nothing_but_the_given_folders_and_files() -> None:
    top = {path.split("/")[0] for path in tracked()}
    assert {name for name in top if not name.startswith(".")} <= FOLDERS | FILES


def test_no_module_or_template_has_a_vague_name() -> None:
    vague = [path for path in tracked() if {part.split(".")[0].strip("_") for part in path.split("/")} & VAGUE]
    assert vague == []


def test_no_lock_names_a_registry() -> None:
    for lock in ("bootstrap", "run", "dev"):
        text = (CHECKOUT / "requirements" / f"{lock}.txt").read_text()
        assert "://" not in text
        assert "--hash=sha256:" in text
