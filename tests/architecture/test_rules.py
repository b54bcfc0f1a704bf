"""The seven rules and the house style, as far as the source itself can show them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).resolve().parents[2]
ASK_NO_RIGHT = {
    "choose_preferences",  # everybody signed in may; it touches only `by`
    "choose_notifications",  # the same
    "choose_password",  # the same
    "appoint_administrator",  # the operator's own command, refused as soon as two people administer
}
HOLDING_DEEDS = {"actions.py", "handling.py", "jobs.py", "reversals.py", "sheets.py"}
ROOMS = ("accounts", "audit", "transactions", "compliance", "exceptions", "backoffice")
OURS = {"accounts", "audit", "transactions", "compliance", "exceptions", "gateway", "reports", "backoffice"}


def sources(*parts: str) -> list[Path]:
    """The product's own Python files (no migrations) in the named rooms, all rooms if none is named."""
    files = [path for room in parts or ROOMS for path in (ROOT / room).rglob("*.py")]
    return sorted(path for path in files if "migrations" not in path.parts and "demo" not in path.parts)


def calls(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            name = inner.func
            yield name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")


def deeds() -> list[tuple[Path, ast.FunctionDef, set[str]]]:
    """Every public deed of every actions.py and of the exception desk, with the names it calls, its own private
    helpers' included.
    """
    found: list[tuple[Path, ast.FunctionDef, set[str]]] = []
    for path in (
        path for path in sources() if path.name in ("actions.py", "handling.py", "jobs.py", "reversals.py", "sheets.py")
    ):
        functions = {n.name: n for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)}
        public = [function for name, function in functions.items() if not name.startswith("_")]
        if path.name != "actions.py":  # beside its deeds it answers questions
            public = [function for function in public if _acts(function)]
        found.extend((path, function, _reach(function, functions)) for function in public)
    return found


def _acts(function: ast.FunctionDef) -> bool:
    """Whether somebody does something by it: it says by whom."""
    return any(one.arg == "by" for one in function.args.kwonlyargs)


def _reach(function: ast.FunctionDef, functions: dict[str, ast.FunctionDef]) -> set[str]:
    seen: set[str] = set()
    waiting = [function]
    while waiting:
        for name in calls(waiting.pop()):
            if name in functions and name not in seen:
                waiting.append(functions[name])
            seen.add(name)
    return seen


@pytest.mark.parametrize(("path", "function", "reached"), deeds(), ids=lambda value: getattr(value, "name", ""))
def test_every_deed_checks_and_records_in_one_transaction(
    path: Path, function: ast.FunctionDef, reached: set[str]
) -> None:
    where = f"{path.relative_to(ROOT)}: {function.name}"
    decorators = {ast.unparse(decorator) for decorator in function.decorator_list}
    assert "transaction.atomic" in decorators or "atomic" in reached, f"{where} is not one database transaction"
    records = {"record", "record_change", "queue", "request", "prepare"}  # the last three record what they write
    assert reached & records, f"{where} leaves no trail"
    if function.name not in ASK_NO_RIGHT:
        assert reached & {"check", "check_work"}, f"{where} checks no right"


READ_NO_FILTER = {
    "transactions/views/search.py: request.GET['s']",  # what to look for, not a filter of a list
    "transactions/views/search.py: request.GET.get",
    "accounts/admin.py: request.GET.get",  # what a form of Django admin begins with
}
WHOLE = {"urlencode", "copy"}
ONE_VALUE = {"get", "getlist", "items", "lists", "values", "dict"}


def values_read_by_hand(tree: ast.AST) -> Iterator[str]:
    """Every reading of a value from `request.GET`, beside handing the whole to a query object, filter set or form."""
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and node.attr == "GET"):
            continue
        user = parents[node]
        is_asked = isinstance(user, ast.Attribute) and user.attr not in WHOLE
        if is_asked or isinstance(user, ast.Subscript | ast.Assign | ast.For | ast.comprehension | ast.Starred):
            yield ast.unparse(user)
    copies = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and ".GET.copy()" in ast.unparse(node.value)
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }
    for node in ast.walk(tree):
        is_read = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
        is_asked = isinstance(node, ast.Attribute) and node.attr in ONE_VALUE
        if (is_read or is_asked) and isinstance(node.value, ast.Name) and node.value.id in copies:
            yield ast.unparse(node)


def test_nobody_but_a_query_object_a_filter_set_or_a_form_reads_the_address() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {use}"
        for path in sources()
        for use in values_read_by_hand(ast.parse(path.read_text()))
    }
    assert found == READ_NO_FILTER


@pytest.mark.parametrize(
    "line",
    [
        "x = request.GET['status']",
        "rows.filter(status=request.GET.get('status'))",
        "for name in request.GET: f()",
        "params = request.GET.copy()\nrows.filter(status=params['status'])",
        "params = request.GET.copy()\nrows.filter(status=params.get('status'))",
    ],
)
def test_a_filter_read_by_hand_is_found(line: str) -> None:
    assert list(values_read_by_hand(ast.parse(line)))


def test_views_ask_querysets_and_write_no_filter_of_their_own() -> None:
    views = [path for path in sources() if path.name == "views.py" or path.parent.name == "views"]
    offenders = [str(path.relative_to(ROOT)) for path in views if re.search(r"\.(filter|exclude)\(", path.read_text())]
    assert not offenders


def test_nobody_but_the_intake_and_the_seed_assigns_a_status() -> None:
    pattern = re.compile(
        r"(?<!self)\.(status|stage|funds_position)\s*=[^=]|update\([^)]*\b(status|stage|funds_position)="
    )
    offenders = [
        str(p.relative_to(ROOT)) for p in sources() if pattern.search(p.read_text()) and "gateway" not in p.parts
    ]
    assert not offenders


def test_no_search_scans_a_table() -> None:
    offenders = [
        str(p.relative_to(ROOT)) for p in sources() if re.search(r"__(i?contains|iexact|istartswith)\b", p.read_text())
    ]
    assert not offenders


def test_no_admin_class_can_write_through_its_history() -> None:
    forbidden = re.compile(r"SimpleHistoryAdmin|GuardedModelAdmin|history_form_view")
    offenders = [
        str(p.relative_to(ROOT))
        for p in sources()
        if forbidden.search(re.sub(r'"""[\s\S]*?"""|#.*', "", p.read_text()))
    ]
    assert not offenders


def test_rooms_have_no_attic() -> None:
    attics = {"utils", "helpers", "common", "core", "misc", "services", "managers"}
    assert not [
        path
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if path.stem in attics or path.parent.name in attics
    ]


def test_templates_escape_everything_and_carry_nothing_inline() -> None:
    unescaped = re.compile(r"\|\s*safe\b|\bautoescape off\b")
    inline = re.compile(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:|href=\"#\"|href=\"\"")
    tags = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}")
    offenders = []
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        if unescaped.search(text) or inline.search(tags.sub("x", text)):
            offenders.append(str(path.relative_to(ROOT)))
    assert not offenders


def test_every_model_has_a_factory() -> None:
    made = set()
    for path in (ROOT / "tests" / "factories").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name == "Meta":
                made |= {
                    ast.unparse(line.value).rpartition(".")[2]
                    for line in node.body
                    if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "model"
                }
    models = {
        model.__name__
        for model in apps.get_models()
        if model._meta.app_label in OURS and not model.__name__.startswith("Historical") and model._meta.managed
    }
    assert not models - made, f"no factory for {sorted(models - made)}"


def test_functions_fit_on_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {node.name} ({node.end_lineno - node.lineno + 1} lines)"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.end_lineno and node.end_lineno - node.lineno + 1 > 60
    ]
    assert not long
