"""The sections of the detail page. Each room adds its own from its app's `ready`; the page knows none by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accounts.access import has

if TYPE_CHECKING:
    from transactions.dossier import Dossier

Context = Callable[["Dossier"], Mapping[str, Any]]


@dataclass(frozen=True)
class Panel:
    """One section. `permission` ("" for every reader of the page) decides whether it exists for a person at all.

    `template` is rendered with what `context` makes of the dossier; an empty mapping leaves the section out. `key` is
    its anchor, `order` its place from the top; `is_half` lets it share a row; `url_name` is its own page, if any.
    """

    key: str
    title: str
    template: str
    context: Context
    order: int
    permission: str = ""
    is_half: bool = False
    url_name: str = ""


@dataclass(frozen=True)
class Section:
    """A panel filled for one reader."""

    panel: Panel
    context: Mapping[str, Any]


_panels: dict[str, Panel] = {}


def register(panel: Panel) -> None:
    """Add a section to the detail page. A key that is there already is replaced, so that a restart is harmless."""
    _panels[panel.key] = panel


def registered() -> list[Panel]:
    """Every section, from the top."""
    return sorted(_panels.values(), key=lambda panel: (panel.order, panel.key))


def sections_for(dossier: Dossier) -> list[list[Section]]:
    """The sections that this reader gets, in rows: two halves that follow each other share one."""
    rows: list[list[Section]] = []
    for panel in registered():
        if panel.permission and not has(dossier.user, panel.permission):
            continue
        context = panel.context(dossier)
        if not context:
            continue
        section = Section(panel, context)
        if panel.is_half and rows and len(rows[-1]) == 1 and rows[-1][0].panel.is_half:
            rows[-1].append(section)
        else:
            rows.append([section])
    return rows
