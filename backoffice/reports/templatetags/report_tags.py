"""How figures are written: each number that counts rows is the link to them."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from backoffice.reports.figures import Figure, Worth
from transactions import formats

register = template.Library()

_STEPS = ((Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"))


@register.simple_tag
def figure(value: Figure, label: str = "") -> SafeString:
    """A number as the link to exactly its rows. `label` is read out after it, where the place alone does not say it."""
    hidden = format_html('<span class="visually-hidden"> {}</span>', label) if label else ""
    return format_html(
        '<a class="fig" data-figure="{}" href="{}">{}{}</a>',
        value.number,
        value.url,
        formats.number(value.number),
        hidden,
    )


@register.simple_tag
def worth(value: Worth, form: str = "short") -> SafeString:
    """What rows are worth, one amount per currency; "short" writes PKR 412.6M with the whole amount behind it."""
    if not value:
        return SafeString("")
    written = short_money if form == "short" else formats.money
    return format_html_join(
        "",
        '<data class="money" value="{} {}">{}</data>',
        ((currency, formats.plain_amount(amount, currency), written(amount, currency)) for currency, amount in value),
    )


def short_money(amount: Decimal, currency: str) -> str:
    """ "PKR 412.6M" from a million on; smaller amounts in full."""
    for size, letter in _STEPS:
        if abs(amount) >= size:
            return f"{currency}{formats.NO_BREAK_SPACE}{amount / size:,.1f}{letter}"
    return formats.money(amount, currency)
