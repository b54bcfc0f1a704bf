"""The sections of the detail page that belong to this room, in their order. Other rooms register theirs beside them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from accounts.access import has, may_work_on
from transactions import asked, deeds, panels
from transactions.changes import changes_of
from transactions.dossier import Dossier
from transactions.forms import NoteForm
from transactions.models import Inquiry
from transactions.object_trail import trail_of
from transactions.panels import Panel
from transactions.reveals import FIELDS, hidden
from transactions.vocabulary import Side, TitleMatch


def overview(dossier: Dossier) -> Mapping[str, Any]:
    return {
        "purpose": dossier.purpose,
        "source_of_funds": _words(dossier.transaction.source_of_funds),
        "channel": next((e.channel for e in dossier.events if e.channel), ""),
    }


def parties(dossier: Dossier) -> Mapping[str, Any]:
    return {"sides": [_side(dossier, side) for side in Side], **reveal_context(dossier)}


def _side(dossier: Dossier, side: Side) -> dict[str, Any]:
    party = dossier.parties.get(side)
    relationship = _words(party.relationship) if party else ""
    return {"side": side, "party": party, "relationship": relationship, "fields": _hidden_of(dossier, f"{side}_")}


def account(dossier: Dossier) -> Mapping[str, Any]:
    own = dossier.account
    if own is None:
        return {"is_cash": True}
    context = {"account": own, "number": hidden("account_number", dossier.transaction), **reveal_context(dossier)}
    if dossier.reader.sees_compliance:
        context |= {
            "sees_title": True,
            "titles": marked(own.title_given or dossier.transaction.beneficiary_name, own.title_fetched),
            "match": TitleMatch(own.title_match).label if own.title_match in TitleMatch.values else own.title_match,
        }
    return context


def amounts(dossier: Dossier) -> Mapping[str, Any]:
    return {"has_rate": dossier.transaction.rate is not None}


def timeline(dossier: Dossier) -> Mapping[str, Any]:
    return {"timeline": dossier.timeline, "items": asked.woven(dossier, dossier.timeline.items)}


def notes(dossier: Dossier) -> Mapping[str, Any]:
    return {
        "notes": dossier.notes,
        "count": len(dossier.notes),
        "form": NoteForm(may_hide=has(dossier.user, "compliance.work_cases")),
        "may_add": has(dossier.user, "transactions.add_note") and may_work_on(dossier.user, dossier.transaction),
    }


def related(dossier: Dossier) -> Mapping[str, Any]:
    return {"related": dossier.related, "count": dossier.related.count}


def inquiries(dossier: Dossier) -> Mapping[str, Any]:
    if not (has(dossier.user, "transactions.log_inquiry") or has(dossier.user, "audit.view_trail")):
        return {}
    rows = Inquiry.objects.filter(transaction=dossier.transaction).readable_by(dossier.user).for_list()
    return {"inquiries": (found := list(rows)), "count": len(found)}


def changes(dossier: Dossier) -> Mapping[str, Any]:
    return {"changes": changes_of(dossier.transaction, reasons=dossier.reasons, reader=dossier.reader)}


def trail(dossier: Dossier) -> Mapping[str, Any]:
    return {"trail": trail_of(dossier.trail, dossier.reader)}


def _words(code: str) -> str:
    """A code such as PROPERTY_SALE as it is read."""
    return code.replace("_", " ").capitalize()


def _hidden_of(dossier: Dossier, prefix: str) -> dict[str, Any]:
    """The hidden fields of one side by the rest of their key, for example `id_number`."""
    return {key.removeprefix(prefix): hidden(key, dossier.transaction) for key in FIELDS if key.startswith(prefix)}


def reveal_context(dossier: Dossier) -> dict[str, Any]:
    """Which groups this reader may reveal, and the reason given a moment ago."""
    may = {name for name in {field.permission for field in FIELDS.values()} if has(dossier.user, name)}
    return {"may_reveal": may, "reason": dossier.remembered_reason if may else ""}


def marked(given: str, fetched: str) -> dict[str, list[tuple[bool, str]]]:
    """Two titles as runs of letters; a run is marked where the other title differs. Case does not count."""
    ours, theirs = ([letter.casefold() for letter in title] for title in (given, fetched))
    matcher = SequenceMatcher(a=ours, b=theirs, autojunk=False)
    runs: dict[str, list[tuple[bool, str]]] = {"given": [], "fetched": []}
    for kind, given_from, given_to, fetched_from, fetched_to in matcher.get_opcodes():
        differs = kind != "equal"
        if given_to > given_from:
            runs["given"].append((differs, given[given_from:given_to]))
        if fetched_to > fetched_from:
            runs["fetched"].append((differs, fetched[fetched_from:fetched_to]))
    return runs


def register() -> None:
    """Make the sections and the desk's own deeds known. Called once, when the app is ready."""
    folder = "transactions/"
    asked.register()
    for panel in (
        Panel("overview", "Overview", f"{folder}_overview.html", overview, 10),
        Panel("parties", "Parties", f"{folder}_parties.html", parties, 20),
        Panel("account", "Account", f"{folder}_account.html", account, 30, is_half=True),
        Panel("amounts", "Amounts and exchange", f"{folder}_amounts.html", amounts, 31, is_half=True),
        Panel("asked", "Asked", f"{folder}_asked.html", asked.section, 55),
        Panel("timeline", "Timeline", f"{folder}_timeline.html", timeline, 60, url_name="transactions:timeline"),
        Panel("inquiries", "Inquiries", f"{folder}_inquiries.html", inquiries, 65),
        Panel("notes", "Notes", f"{folder}_notes.html", notes, 70, url_name="transactions:notes"),
        Panel("related", "Related", f"{folder}_related.html", related, 80, url_name="transactions:related"),
        Panel("changes", "What changed", f"{folder}_changes.html", changes, 90),
        Panel(
            "trail",
            "Trail",
            f"{folder}_trail.html",
            trail,
            100,
            permission="audit.view_object_trail",
            url_name="transactions:trail",
        ),
    ):
        panels.register(panel)
    deeds.register(
        deeds.Deed(
            "log_inquiry",
            "Record an inquiry",
            "transactions.log_inquiry",
            lambda transaction: f"{transaction.get_absolute_url()}#id_inquiry-asked_by",
            "What the partner asked and what you answered stands in the inquiry log.",
            order=10,
        )
    )
    deeds.register(
        deeds.Deed(
            "add_note",
            "Add a note",
            "transactions.add_note",
            lambda transaction: f"{transaction.get_absolute_url()}#add-note",
            "Your note stands in the transaction's journal.",
            order=20,
        )
    )
