"""The cells of the list. Rows are where the time of a page goes, so a row is made by functions and not by templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import template
from django.core.cache import cache
from django.template import Context
from django.utils.html import escape
from django.utils.safestring import SafeString

from transactions import assigned, columns, flags
from transactions.columns import Column
from transactions.discretion import Reader, reason_for
from transactions.models import PurposeCode, ReasonCode
from transactions.templatetags import backoffice_tags as tags
from transactions.vocabulary import FINAL_STAGES

register = template.Library()

PURPOSES_KEPT_FOR: Final = 60
"""Seconds for which the texts of the purposes are kept; administrators change them now and then."""


@dataclass(frozen=True)
class _Row:
    """A transaction and the page that it stands on."""

    tx: Any
    context: Context
    known: _Known


@dataclass
class _Known:
    """What the cells of one page look up, read once and only where a column asks for it."""

    reader: Reader | None = None
    _reasons: Mapping[str, ReasonCode] | None = None
    _purposes: Mapping[str, str] | None = None

    @property
    def reasons(self) -> Mapping[str, ReasonCode]:
        if self._reasons is None:
            self._reasons = {reason.code: reason for reason in ReasonCode.objects.all()}
        return self._reasons

    @property
    def purposes(self) -> Mapping[str, str]:
        if self._purposes is None:
            kept: Mapping[str, str] = cache.get_or_set("purposes", _read_purposes, PURPOSES_KEPT_FOR) or {}
            self._purposes = kept
        return self._purposes


def _read_purposes() -> dict[str, str]:
    return dict(PurposeCode.objects.values_list("code", "text"))


@register.simple_tag(takes_context=True)
def cells(context: Context, tx: Any) -> SafeString:
    """The cells of one row: the box to select it where there is one, its reference, then the columns."""
    row = _Row(tx, context, _known(context))
    shown = context.get("columns") or columns.chosen("")
    made = [_box(tx) if context.get("bulk_deeds") else "", _heading(row)]
    made += [_cell(column, row) for column in shown]
    return SafeString("".join(made))


def _known(context: Context) -> _Known:
    found = context.get("known_words")
    if found is None:
        request = context.get("request")
        reader = Reader.of(request.user, tags.now_of(context)) if request else None
        found = _Known(reader)
        context.dicts[0]["known_words"] = found  # for all rows of the page, not for this one's scope alone
    return found


def _box(tx: Any) -> str:
    name = escape(tx.txn_id)
    return (
        f'<td class="pick"><input class="form-check-input" type="checkbox" name="ref" value="{name}" form="bulk"'
        f' aria-label="Select {name}"></td>'
    )


def _heading(row: _Row) -> str:
    url = f"{row.tx.get_absolute_url()}?from={row.context.get('back', '')}"
    return f'<th scope="row">{tags.ref(row.tx.txn_id, url)}</th>'


def _cell(column: Column, row: _Row) -> str:
    number = ' class="num"' if column.is_number else ""
    live = f' data-c="{column.key}"' if column.is_live else ""
    return f'<td{number} data-l="{column.label}"{live}>{_CELLS[column.key](row)}</td>'


def _age(row: _Row) -> str:
    """How long ago it came in; over its limit it says so."""
    tx, now = row.tx, tags.now_of(row.context)
    text = tags.duration(now - tx.received_at)
    if tx.stage_deadline is None or tx.stage_deadline >= now or tx.stage in FINAL_STAGES:
        return text
    return (
        f'<span class="late">{tags.icon("warning")}{text}<span class="visually-hidden">, over its limit</span></span>'
    )


def _branch(row: _Row) -> str:
    branch, code = row.tx.branch, row.tx.branch_code
    return escape(str(branch)) if branch else tags.given(f"Unknown ({code})" if code else "", "table")


def _purpose(row: _Row) -> str:
    code = row.tx.purpose_code
    return tags.given(row.known.purposes.get(code, code), "table")


def _flags(row: _Row) -> str:
    """Every flag that the row has, in words."""
    found = [flag.label for flag in flags.all_flags() if getattr(row.tx, f"flag_{flag.value}", None)]
    return escape(", ".join(found))


def _reason(row: _Row) -> str:
    tx, reader = row.tx, row.known.reader
    reason = reason_for(tx.reason_code, row.known.reasons, reader, stage=tx.stage) if reader else None
    return escape(reason.sentence) if reason else ""


_CELLS: Final[Mapping[str, Callable[[_Row], str]]] = {
    "created": lambda row: tags.when(row.context, row.tx.received_at, "table"),
    "partner": lambda row: escape(row.tx.partner.name),
    "beneficiary": lambda row: tags.person_name(row.tx.beneficiary_name, "table"),
    "type": lambda row: tags.given(row.tx.type, "table"),
    "sent": lambda row: tags.money(row.tx.sent_amount, row.tx.sent_currency, "table"),
    "payout": lambda row: tags.money(row.tx.settled_amount, row.tx.settled_currency, "table"),
    "status": lambda row: tags.status(row.context, row.tx),
    "stage": lambda row: escape(tags.stage(row.tx)),
    "age": _age,
    "updated": lambda row: tags.when(row.context, row.tx.updated_at, "table"),
    "partner_ref": lambda row: tags.ref(row.tx.partner_reference, label="partner reference", form="table"),
    "branch": _branch,
    "remitter": lambda row: tags.person_name(row.tx.remitter_name, "table"),
    "country": lambda row: tags.country(row.tx.origin_country, "table"),
    "purpose": _purpose,
    assigned.COLUMN: lambda row: escape(", ".join(assigned.names_on(row.tx))),
    "flags": _flags,
    "rail": lambda row: tags.given(row.tx.rail_label, "table"),
    "rail_ref": lambda row: tags.ref(row.tx.rail_reference, label="rail reference", form="table"),
    "reason": _reason,
    "rate": lambda row: tags.rate(row.tx.rate, row.tx.sent_currency, row.tx.settled_currency, "table"),
    "funds": lambda row: escape(tags.funds(row.tx.funds_position)),
}
