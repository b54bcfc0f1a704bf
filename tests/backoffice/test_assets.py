"""What a browser is given: whole vendor files, small own files, classes that exist, nothing inline."""

from __future__ import annotations

import gzip
import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.conf import STATICFILES_STORAGE_ALIAS
from django.contrib.staticfiles.storage import StaticFilesStorage

from backoffice import VERSION
from backoffice.context import MENU
from compliance.comparing import Compared
from transactions.templatetags.backoffice_tags import icon
from transactions.vocabulary import Badge

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
TAGS = ROOT / "transactions" / "templatetags" / "backoffice_tags.py"
BOOTSTRAP = STATIC / "vendor" / "bootstrap-5.3.9.layer.css"
HTMX = STATIC / "vendor" / "htmx-2.0.11.min.js"
OWN_CSS = [STATIC / "css" / "tokens.css", STATIC / "css" / "app.css"]
OWN_JS = [STATIC / "js" / "theme.js", STATIC / "js" / "app.js", STATIC / "js" / "live.js"]

# Classes that only scripts or other programs set, or that stand for nothing but a test's or a person's eye.
SET_ELSEWHERE = {"copied", "gone", "htmx-request", "just", "left"}
ADMIN = "templates/admin/"
APPS = ("accounts", "audit", "backoffice", "compliance", "exceptions", "transactions")


def sent(*files: Path) -> int:
    return sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)


def without_comments(text: str) -> str:
    return re.sub(r"\{#.*?#\}|<!--.*?-->|/\*.*?\*/", "", text, flags=re.DOTALL)


def classes_defined(css: Path) -> set[str]:
    text = re.sub(r"\{[^{}]*\}", "{}", without_comments(css.read_text()))
    text = re.sub(r'"[^"]*"|url\([^)]*\)', "", text)
    return set(re.findall(r"\.(-?[A-Za-z_][\w-]*)", text))


def classes_used(template: Path) -> set[str]:
    found: set[str] = set()
    markup = without_comments(template.read_text())
    values = re.findall(r'\bclass="((?:\{%.*?%\}|\{\{.*?\}\}|[^"])*)"', markup)
    for value in values + re.findall(r"\{% block \w+_class %\}(.*?)\{% endblock %\}", markup):
        words = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "\n", value)
        found.update(word for word in words.split() if not word.endswith("-"))
    return found


def every_class_used() -> set[str]:
    """The classes of the templates, and every quoted word of the code: some classes are made there."""
    found = {name for template in TEMPLATES for name in classes_used(template)}
    for path in (path for app in APPS for path in (ROOT / app).rglob("*.py")):
        for value in re.findall(r"\"([^\"\n]*)\"", path.read_text()):
            found.update(re.findall(r"[\w-]+", value))
    return found | {f"st-{badge}" for badge in Badge.values}


def test_vendor_files_are_the_ones_of_the_manifest() -> None:
    lines = [line for line in (STATIC / "vendor" / "MANIFEST").read_text().splitlines() if not line.startswith("#")]
    for name, _, digest, _, licence, _ in (line.split("  ", 5) for line in lines):
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == digest
        assert (STATIC / "vendor" / licence).exists()
    served = {path.name for path in (STATIC / "vendor").iterdir() if path.suffix in (".css", ".js")}
    assert served == {line.split("  ")[0] for line in lines}


def test_no_file_points_to_a_source_map() -> None:
    for path in STATIC.rglob("*.*"):
        assert b"sourceMappingURL" not in path.read_bytes(), path.name


def test_bootstrap_is_one_layer_so_that_our_rules_win() -> None:
    text = BOOTSTRAP.read_text()
    assert text.startswith('@charset "UTF-8";@layer vendor{')
    assert text.count("{") == text.count("}")


def test_own_styles_and_scripts_stay_small() -> None:
    assert sent(*OWN_CSS) <= 10 * 1024
    assert sent(*OWN_JS) <= 8 * 1024


def test_a_first_load_stays_under_its_budget() -> None:
    page = 12 * 1024  # a list of fifty rows, compressed
    assert sent(BOOTSTRAP, HTMX, *OWN_CSS, *OWN_JS, STATIC / "icons.svg", STATIC / "favicon.svg") + page <= 80 * 1024


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_every_class_of_a_template_exists(template: Path) -> None:
    if str(template.relative_to(ROOT)).startswith(ADMIN):
        return
    known = classes_defined(BOOTSTRAP) | {name for css in OWN_CSS for name in classes_defined(css)}
    assert classes_used(template) - known == set()


def test_every_class_of_ours_is_used() -> None:
    assert {name for css in OWN_CSS for name in classes_defined(css)} - classes_defined(
        BOOTSTRAP
    ) - every_class_used() - SET_ELSEWHERE == set()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_says_what_it_needs_and_holds_nothing_inline(template: Path) -> None:
    text = template.read_text()
    assert text.startswith("{#"), "the first line says what the template needs"
    markup = without_comments(text)
    assert not re.search(r"\sstyle\s*=", markup)
    assert not re.search(r"<style\b|\son[a-z]+\s*=\s*[\"']|javascript:", markup)
    assert not re.search(r"<script(?![^>]*\bsrc=)", markup)
    assert not re.search(r"""href\s*=\s*(["'])#?\1""", markup)
    assert "|safe" not in markup or template.name == "page_field.html"


def test_an_icon_is_drawn_from_the_sheet_under_the_name_it_is_served_by(settings: Any) -> None:
    """The sheet's name carries a hash where files are collected: only such a name may be kept for a year."""
    assert f"{settings.STATIC_URL}icons.svg#i-copy" in icon("copy")
    files = {"BACKEND": f"{StaticFilesStorage.__module__}.StaticFilesStorage", "OPTIONS": {"base_url": "/hashed/"}}

    settings.STORAGES = settings.STORAGES | {STATICFILES_STORAGE_ALIAS: files}

    assert "/hashed/icons.svg#i-copy" in icon("copy")


def test_every_icon_that_is_asked_for_is_drawn() -> None:
    drawn = set(re.findall(r'id="i-([\w-]+)"', (STATIC / "icons.svg").read_text()))
    asked = {name for path in TEMPLATES for name in re.findall(r'{%\s*icon "([\w-]+)"', path.read_text())}
    asked |= set(re.findall(r'icon\("([\w-]+)"\)', TAGS.read_text())) | set(Badge.values)
    asked |= set(re.findall(r'Entry\([^)]*?"/[^"]*", "([\w-]+)"', (ROOT / "backoffice" / "context.py").read_text()))
    assert asked - drawn == set()


def shapes() -> dict[str, str]:
    text = (STATIC / "icons.svg").read_text()
    return dict(re.findall(r'id="i-([\w-]+)" viewBox="0 0 24 24">(.*?)</symbol>', text))


def test_badges_have_a_shape_each() -> None:
    assert len({shapes()[badge] for badge in Badge.values}) == len(Badge)


def test_the_entries_of_the_menu_have_a_shape_each() -> None:
    assert len({shapes()[entry.icon] for entry in MENU}) == len(MENU)


def test_how_two_values_agree_has_a_shape_each_and_none_is_a_clock() -> None:
    words = ("Same", "Similar", "Differs", "Cannot compare")
    drawn = {shapes()[Compared("Name", "", "", word).icon] for word in words}
    assert len(drawn - {shapes()["clock"]}) == len(words)


def test_the_build_that_the_foot_names_is_the_one_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
