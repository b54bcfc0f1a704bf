"""The components of every page as template tags: thin HTML around the pure functions of formats.py and masking.py.

`form` says where a value stands: "detail" writes "Not given" for a missing one, "table" leaves the cell blank for the
eye and tells a screen reader. Values are escaped here; what is returned is safe.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final

from django import template
from django.conf import STATICFILES_STORAGE_ALIAS
from django.core.files.storage import Storage, storages
from django.template import Context
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from transactions import formats, masking, vocabulary
from transactions.vocabulary import Badge, Funds

register = template.Library()

_NOT_GIVEN_IN_TABLE: Final = SafeString('<span class="visually-hidden">not given</span>')
_NOT_GIVEN: Final = SafeString(f'<span class="missing">{formats.NOT_GIVEN}</span>')
_MINUS: Final = f'<span aria-hidden="true">{formats.MINUS}</span><span class="visually-hidden">minus </span>'


@cache
def _sprite_in(files: Storage) -> str:
    return files.url("icons.svg")


def _sprite() -> str:
    return _sprite_in(storages[STATICFILES_STORAGE_ALIAS])


@register.simple_tag
def icon(name: str) -> SafeString:
    """A drawing of the sprite, for the eye only: the word beside it says the same."""
    return SafeString(
        f'<svg class="i" aria-hidden="true" focusable="false"><use href="{_sprite()}#i-{escape(name)}"></use></svg>'
    )


def _missing(form: str) -> SafeString:
    return _NOT_GIVEN_IN_TABLE if form == "table" else _NOT_GIVEN


# Status


@register.simple_tag(takes_context=True)
def status(context: Context, thing: Any, compliance: bool | None = None) -> SafeString:
    """The one badge of a transaction, or of a badge word. Outside compliance In review reads Pending, Rejected Failed.

    Who is outside comes from the context (`sees_compliance`); absent, everybody is.
    """
    sees_compliance = bool(context.get("sees_compliance")) if compliance is None else compliance
    badge = _badge(thing, sees_compliance)
    if badge is None:
        return SafeString(f'<span class="st st-unknown">{icon("unknown")}Unknown ({escape(thing)})</span>')
    inside = formats.STATUS_OF_BADGE[badge]
    also = "" if inside.value == badge.value else f'<span class="visually-hidden"> ({inside})</span>'
    return SafeString(f'<span class="st st-{badge}">{icon(badge)}{badge.label}{also}</span>')


def _badge(thing: Any, sees_compliance: bool) -> Badge | None:
    if hasattr(thing, "stage"):
        return vocabulary.badge_of(thing.status, thing.stage, sees_compliance=sees_compliance)
    return vocabulary.neutral(Badge(thing), sees_compliance=sees_compliance) if thing in Badge.values else None


@register.simple_tag
def stage(transaction: Any) -> str:
    """Where in the flow, in plain words. A failure is named by the step at which it happened."""
    return vocabulary.stage_label(transaction.stage, transaction.step)


@register.simple_tag
def funds(position: str) -> str:
    """Where the money is: "Not sent", "At the rail", "Not known", "With beneficiary", "Sent back"."""
    return str(Funds(position).label) if position in Funds.values else f"Unknown ({position})"


# Money


@register.simple_tag
def money(amount: Decimal | None, currency: str | None, form: str = "detail") -> SafeString:
    """An amount with its currency's code, the code smaller so that the digits line up."""
    if amount is None or not currency:
        return _missing(form)
    minus = _MINUS if amount < 0 else ""
    digits = formats.amount_text(amount, currency)
    return SafeString(f'<span class="money">{minus}<span class="cur">{escape(currency)}</span>&nbsp;{digits}</span>')


@register.filter
def plain_amount(amount: Decimal | None, currency: str) -> str:
    """The amount to copy: "110227.00"."""
    return "" if amount is None else formats.plain_amount(amount, currency)


@register.simple_tag
def rate(value: Decimal | None, sent_currency: str, settled_currency: str, form: str = "detail") -> SafeString:
    """An exchange rate with its direction."""
    if value is None or not (sent_currency and settled_currency):
        return _missing(form)
    return format_html('<span class="nowrap">{}</span>', formats.rate(value, sent_currency, settled_currency))


@register.simple_tag
def fx_check(transaction: Any) -> SafeString:
    """The sum of an exchange in one line, with a warning when the payout is not what the rate makes."""
    t = transaction
    if None in (t.sent_amount, t.rate, t.settled_amount) or not (t.sent_currency and t.settled_currency):
        return SafeString("")
    check = formats.fx_check(
        sent=t.sent_amount,
        sent_currency=t.sent_currency,
        rate=t.rate,
        settled=t.settled_amount,
        settled_currency=t.settled_currency,
    )
    line = format_html('<span class="sub">{}</span>', check.line)
    if not check.warning:
        return line
    return format_html('<span class="note note-warn">{} {}</span>{}', icon("warning"), check.warning, line)


# Times


@register.simple_tag(takes_context=True)
def when(context: Context, moment: dt.datetime | None, form: str = "detail") -> SafeString:
    """A moment in the reader's zone. Forms: detail, table, audit, relative, clock, date."""
    if moment is None:
        return _missing(form)
    zone = timezone.get_current_timezone()
    machine = formats.iso_utc(moment, milliseconds=form == "audit")
    return SafeString(f'<time datetime="{machine}">{_when(moment, zone, form, context)}</time>')


def _when(moment: dt.datetime, zone: dt.tzinfo, form: str, context: Context) -> str:
    if form == "table":
        return formats.when_in_table(moment, zone, now_of(context))
    if form == "relative":
        return formats.when_relative(moment, zone, now_of(context))
    if form == "audit":
        return formats.when_in_audit(moment, zone)
    if form == "clock":
        return formats.clock(moment, zone)
    if form == "date":
        return formats.date(moment.astimezone(zone).date())
    return formats.when_in_detail(moment, zone)


def now_of(context: Context) -> dt.datetime:
    """One "now" for a whole page, so that two ages on it cannot disagree."""
    now: dt.datetime = context.get("page_time") or timezone.now()
    return now


@register.simple_tag
def day(value: dt.date | None, form: str = "detail") -> SafeString:
    """A date without a time: "22 Nov 2026"."""
    return _missing(form) if value is None else format_html('<span class="nowrap">{}</span>', formats.date(value))


@register.simple_tag(takes_context=True)
def zone(context: Context) -> str:
    """The abbreviation of the reader's zone, for headers: "PKT"."""
    return formats.zone_label(now_of(context), timezone.get_current_timezone())


@register.simple_tag
def duration(span: dt.timedelta | float | None, form: str = "detail") -> SafeString:
    """How long something took, from a timedelta or seconds."""
    if span is None:
        return _missing(form)
    value = span if isinstance(span, dt.timedelta) else dt.timedelta(seconds=float(span))
    return format_html('<span class="nowrap">{}</span>', formats.duration(value))


@register.simple_tag(takes_context=True)
def age(context: Context, moment: dt.datetime | None, form: str = "table") -> SafeString:
    """How long ago: "42 min", "1 d 2 h"."""
    return _missing(form) if moment is None else duration(now_of(context) - moment)


@register.simple_tag(takes_context=True)
def due(context: Context, moment: dt.datetime | None, form: str = "detail") -> SafeString:
    """How a deadline stands: time left or time over, in words with a drawing, and when it is."""
    if moment is None:
        return _missing(form)
    now = now_of(context)
    late = now > moment
    text = formats.due(moment, timezone.get_current_timezone(), now)
    return SafeString(
        f'<time class="due{" late" if late else ""}" datetime="{formats.iso_utc(moment)}">'
        f"{icon('warning' if late else 'clock')}{text}</time>"
    )


@register.filter
def iso_utc(moment: dt.datetime) -> str:
    """A moment for machines: "2026-11-22T09:03:22Z"."""
    return formats.iso_utc(moment)


# Names, references, codes


@register.simple_tag
def given(value: object, form: str = "detail") -> SafeString:
    """Any text as it came, or that it was not given."""
    text = "" if value is None else str(value).strip()
    return format_html("{}", text) if text else _missing(form)


@register.simple_tag
def number(value: int) -> str:
    """A count with its thousands commas."""
    return formats.number(value)


@register.simple_tag
def person_name(name: str | None, form: str = "detail") -> SafeString:
    """A name as it came, in its own direction."""
    text = formats.person_name(name or "")
    return SafeString(f'<bdi dir="auto" class="name">{escape(text)}</bdi>') if text else _missing(form)


@register.simple_tag
def country(code: str | None, form: str = "detail") -> SafeString:
    """A country as name and code."""
    return format_html("{}", formats.country(code)) if code else _missing(form)


@register.simple_tag
def iban(value: str | None, form: str = "detail") -> SafeString:
    """A whole IBAN in groups of four. Only for a value that its reader revealed."""
    return format_html('<span class="mono">{}</span>', formats.iban(value)) if value else _missing(form)


@register.simple_tag
def phone(value: str | None, form: str = "detail") -> SafeString:
    """A whole phone number in groups. Only for a value that its reader revealed."""
    return format_html('<span class="nowrap">{}</span>', formats.phone(value)) if value else _missing(form)


@register.simple_tag
def ref(value: str | None, href: str = "", label: str = "reference", form: str = "detail") -> SafeString:
    """A reference that is never broken, a link where `href` is given, with its copy button."""
    if not value:
        return _missing(form)
    text = escape(value)
    name = f'<a class="ref mono" href="{escape(href)}">{text}</a>' if href else f'<span class="ref mono">{text}</span>'
    return SafeString(f'<span class="refs">{name}{copy(value, label)}</span>')


@register.simple_tag
def copy(value: object, label: str = "reference") -> SafeString:
    """A small button that copies `value`. It appears only where JavaScript runs."""
    text, name = escape(str(value)), escape(label)
    return SafeString(
        f'<button class="icon-btn" type="button" data-copy="{text}" data-copy-label="{name}"'
        f' aria-label="Copy {name} {text}">{icon("copy")}</button>'
    )


@register.simple_tag
def copy_text(element_id: str, label: str = "text", report_url: str = "") -> SafeString:
    """A button that copies the text of an element. Where `report_url` is given, it is told that the text was copied."""
    report = format_html(' data-copy-report="{}"', report_url) if report_url else ""
    return format_html(
        '<button class="btn btn-plain" type="button" data-copy-from="{}" data-copy-label="{}"{}>{}Copy {}</button>',
        element_id,
        label,
        report,
        icon("copy"),
        label,
    )


# A person's data


@register.simple_tag
def masked(kind: str, value: str | dt.date | Mapping[str, object] | None, form: str = "detail") -> SafeString:
    """What may be seen of a hidden value: dots for the eye, "CNIC hidden, ends in 1 2 1 1" for a screen reader.

    Kinds: cnic, id, iban, account, phone, email, birth_date, address. The value itself is not in the page.
    """
    if not value:
        return _missing(form)
    left = masking.MASKS[kind](value)
    return SafeString(
        f'<span class="masked"><span class="mono" aria-hidden="true">{escape(left.visual)}</span>'
        f'<span class="visually-hidden">{escape(left.spoken)}</span></span>'
    )


@register.simple_tag
def reveal_countdown(
    kind: str, value: str | dt.date | Mapping[str, object], shown: str = "", seconds: int = 60
) -> SafeString:
    """A revealed value that masks itself again. `shown` is how to write it (default: the value as text)."""
    label = _REVEAL_LABELS[kind]
    return format_html(
        '<span class="revealed" data-reveal-seconds="{}">'
        '<span class="visually-hidden" role="status">{} shown for {} seconds: {}</span>'
        '<span class="mono" aria-hidden="true">{}</span> <span class="sub" data-reveal-left>Hidden again in {} s</span>'
        "<template>{}</template></span>",
        seconds,
        label,
        seconds,
        shown or value,
        shown or value,
        seconds,
        masked(kind, value),
    )


_REVEAL_LABELS: Final = {
    "cnic": "CNIC",
    "id": "ID",
    "iban": "IBAN",
    "account": "Account number",
    "phone": "Phone",
    "email": "E-mail",
    "birth_date": "Date of birth",
    "address": "Address",
}


# Blocks


@register.simple_block_tag
def panel(content: str, element_id: str, heading: str) -> SafeString:
    """A section with its heading; the heading names it for a screen reader and `element_id` is its anchor."""
    return format_html(
        '<section class="panel" id="{0}" aria-labelledby="{0}-h"><h2 id="{0}-h">{1}</h2>'
        '<div class="in">{2}</div></section>',
        element_id,
        heading,
        content,
    )
