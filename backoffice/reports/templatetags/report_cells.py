"""How a report's cells are written on screen."""

from __future__ import annotations

import datetime as dt

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from backoffice.reports.catalogue import Cell, Listed, Money
from backoffice.reports.figures import Figure
from backoffice.reports.templatetags.report_tags import figure, worth
from transactions import formats

register = template.Library()


@register.simple_tag
def cell(value: Cell, label: str = "") -> SafeString | str:
    """A cell: a number that is the link to its rows, money, a duration or words; `label` is read out after a number."""
    match value:
        case Figure():
            return SafeString(figure(value, label))
        case Listed(number=number, url=""):
            return formats.number(number)
        case Listed():
            hidden = format_html('<span class="visually-hidden"> {}</span>', label) if label else ""
            return format_html('<a class="ref" href="{}">{}{}</a>', value.url, formats.number(value.number), hidden)
        case Money():
            return SafeString(worth(value.worth, "whole"))
        case dt.timedelta():
            return formats.duration(value)
        case int():
            return formats.number(value)
    return value or ""
