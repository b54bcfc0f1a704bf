"""The controls of a case that stand on its page once for every hit, written without a template of their own."""

from __future__ import annotations

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compliance.evidence import Standing
from compliance.forms import DecisionForm
from compliance.vocabulary import Verdict

register = template.Library()


@register.simple_tag
def hit_choice(decision: DecisionForm, standing: Standing) -> SafeString:
    """Who a hit is, and why: a group of three and the reasons of each."""
    name, said = f"hit-{standing.hit.pk}", decision.said_of(standing.hit.pk)
    faults = {fault.anchor: fault.sentence for fault in decision.faults}
    fault = faults.get(name) or faults.get(f"{name}-reason", "")
    again = "" if standing.is_pending else " now"
    return format_html(
        '<fieldset class="field choices mb-2{}" data-digits><legend>This hit is{}</legend>{}{}</fieldset>'
        '<div class="field{}"><label for="{}-reason">Reason</label>'
        '<select class="form-select" id="{}-reason" name="{}-reason"{}>'
        '<option value="">Choose a reason</option>{}</select></div>',
        " field-bad" if fault else "",
        again,
        _error(fault),
        _radios(name, said["verdict"]),
        " field-bad" if fault else "",
        name,
        name,
        name,
        SafeString(' aria-invalid="true"') if fault else "",
        _options(decision, said["reason"]),
    )


def _error(sentence: str) -> SafeString:
    if not sentence:
        return SafeString("")
    return format_html('<p class="err"><span class="visually-hidden">Error:</span> {}</p>', sentence)


def _radios(name: str, chosen: str) -> SafeString:
    rows = (
        (name, number, name, value, SafeString(" checked") if value == chosen else "", label)
        for number, (value, label) in enumerate(Verdict.choices, 1)
    )
    return format_html_join(
        "",
        '<label for="{}-{}"><input class="form-check-input" type="radio" id="{}-{}" name="{}" value="{}"{}>{}</label>',
        ((a, b, a, b, c, d, e, f) for a, b, c, d, e, f in rows),
    )


def _options(decision: DecisionForm, chosen: str) -> SafeString:
    return format_html_join(
        "",
        '<optgroup label="{}">{}</optgroup>',
        (
            (
                heading,
                format_html_join(
                    "",
                    '<option value="{}"{}>{}</option>',
                    (
                        (one.code, SafeString(" selected") if one.code == chosen else "", one.sentence)
                        for one in reasons
                    ),
                ),
            )
            for heading, reasons in decision.verdict_reasons
        ),
    )
