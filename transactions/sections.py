"""The sections of the detail page that belong to this room, in their order. Other rooms register theirs beside them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from accounts.access import has, may_work_on
from transactions import deeds, panels
from transactions.changes import changes_of
from transactions.detail_reading import Reading
from transactions.forms import NoteForm
from transactions.models import Inquiry
from transactions.object_trail import trail_of
from transactions.panels import Panel
from transactions.reveals import FIELDS, hidden
from transactions.vocabulary import Side, TitleMatch


def overview(reading: Reading) -> Mapping[str, Any]:
    return {
        "purpose": reading.purpose,
        "source_of_funds": _words(reading.transaction.source_of_funds),
        "channel": next((e.channel for e in reading.events if e.channel), ""),
    }


def parties(reading: Reading) -> Mapping[str, Any]:
    sides = [
        {"side": side, "party": reading.parties.get(side), "fields": _hidden_of(reading, f"{side}_")} for side in Side
    ]
    return {"sides": sides, **_reveal_context(reading)}


def account(reading: Reading) -> Mapping[str, Any]:
    own = reading.account
    if own is None:
        return {"is_cash": True}
    context = {"account": own, "number": hidden("account_number", reading.transaction), **_reveal_context(reading)}
    if reading.reader.sees_compliance:
        context |= {
            "sees_title": True,
            "titles": marked(own.title_given or reading.transaction.beneficiary_name, own.title_fetched),
            "match": TitleMatch(own.title_match).label if own.title_match in TitleMatch.values else own.title_match,
        }
    return context


def amounts(reading: Reading) -> Mapping[str, Any]:
    return {"has_rate": reading.transaction.rate is not None}


def timeline(reading: Reading) -> Mapping[str, Any]:
    return {"timeline": reading.timeline, "items": reading.timeline.items}


def notes(reading: Reading) -> Mapping[str, Any]:
    return {
        "notes": reading.notes,
        "count": len(reading.notes),
        "form": NoteForm(may_hide=has(reading.user, "compliance.work_cases")),
        "may_add": has(reading.user, "transactions.add_note") and may_work_on(reading.user, reading.transaction),
    }


def related(reading: Reading) -> Mapping[str, Any]:
    return {"related": reading.related, "count": reading.related.count}


def inquiries(reading: Reading) -> Mapping[str, Any]:
    if not (has(reading.user, "transactions.log_inquiry") or has(reading.user, "audit.view_trail")):
        return {}
    rows = Inquiry.objects.filter(transaction=reading.transaction).readable_by(reading.user).for_list()
    return {"inquiries": (found := list(rows)), "count": len(found)}


def changes(reading: Reading) -> Mapping[str, Any]:
    return {"changes": changes_of(reading.transaction, reasons=reading.reasons, reader=reading.reader)}


def trail(reading: Reading) -> Mapping[str, Any]:
    return {"trail": trail_of(reading.transaction, reading.reader)}


def _words(code: str) -> str:
    """A code such as PROPERTY_SALE as it is read."""
    return code.replace("_", " ").capitalize()


def _hidden_of(reading: Reading, prefix: str) -> dict[str, Any]:
    """The hidden fields of one side by the rest of their key, for example `id_number`."""
    return {key.removeprefix(prefix): hidden(key, reading.transaction) for key in FIELDS if key.startswith(prefix)}


def _reveal_context(reading: Reading) -> dict[str, Any]:
    """Which groups this reader may reveal, and the reason given a moment ago."""
    may = {name for name in {field.permission for field in FIELDS.values()} if has(reading.user, name)}
    return {"may_reveal": may, "reason": reading.remembered_reason if may else ""}


def marked(given: str, fetched: str) -> dict[str, list[tuple[bool, str]]]:
    """Two titles as runs of letters; a run is marked where the other title differs. Case does not count."""
    letters = [[letter.casefold() for letter in title] for title in (given, fetched)]
    matcher = SequenceMatcher(None, *letters, autojunk=False)
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
    for panel in (
        Panel("overview", "Overview", f"{folder}_overview.html", overview, 10),
        Panel("parties", "Parties", f"{folder}_parties.html", parties, 20),
        Panel("account", "Account", f"{folder}_account.html", account, 30, is_half=True),
        Panel("amounts", "Amounts and exchange", f"{folder}_amounts.html", amounts, 31, is_half=True),
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
