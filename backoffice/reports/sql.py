"""Values as a file holds them, made by the database: an export of a million rows passes through no Python value.

The masks are the twins of transactions/masking.py; tests hold each pair together.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Case, CharField, F, Func, TextField, Value, When

from backoffice.reports import writing
from transactions.currencies import CURRENCIES, minor_units
from transactions.masking import DOT, SHORT_CALLING_CODES

_PLACE: Final = re.compile(r"\{(\d)\}")
_CALLING_CODE: Final = f"^({'|'.join(sorted(SHORT_CALLING_CODES))})"
_HIDDEN: Final = DOT * 6


class Sql(Func):
    """A piece of SQL in which {0}, {1} … stand for other expressions, as often as they are named."""

    output_field = TextField()

    def __init__(self, pattern: str, *expressions: Any) -> None:
        super().__init__(*(F(one) if isinstance(one, str) else one for one in expressions))
        self.pattern = pattern

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> tuple[str, tuple[Any, ...]]:
        made = [compiler.compile(one) for one in self.source_expressions]
        parameters: list[Any] = []
        pieces = _PLACE.split(self.pattern.replace("%", "%%"))
        for at in range(1, len(pieces), 2):
            sql, given = made[int(pieces[at])]
            pieces[at] = sql
            parameters += given
        return f"({''.join(pieces)})", tuple(parameters)


def guarded(expression: Any) -> Any:
    """A text for CSV: led by an apostrophe where it begins like a formula (writing.guarded).

    A choice is guarded in each of its ends, since a word of ours is looked at here and not for each row.
    """
    if isinstance(expression, Value):
        return Value(writing.guarded(expression.value), output_field=TextField()) if expression.value else expression
    if isinstance(expression, Case):
        cases = [When(case.condition, then=guarded(case.result)) for case in expression.cases]
        return Case(*cases, default=guarded(expression.default), output_field=CharField())
    begins = "ascii({0}) < 65 AND ascii({0}) IN (61, 43, 45, 64, 9, 13)"  # most begin with a letter
    if isinstance(expression, F):  # a column may be read twice, what is worked out should not
        return Sql(f"CASE WHEN {begins} THEN '''' || {{0}} ELSE {{0}} END", expression)
    return Sql(f"repeat('''', ({begins})::int) || {{0}}", expression)


def moment(expression: Any) -> Sql:
    """ISO 8601 with the offset of the session's time zone."""
    return Sql("""to_char({0}, 'YYYY-MM-DD"T"HH24:MI:SSTZH:TZM')""", expression)


def exact_moment(expression: Any) -> Sql:
    """The same with microseconds, as the trail holds it."""
    return Sql("""to_char({0}, 'YYYY-MM-DD"T"HH24:MI:SS.USTZH:TZM')""", expression)


def amount(expression: Any, currency: Any) -> Sql:
    """A plain decimal with the currency's own decimals; an amount that is finer stays (formats.plain_amount)."""
    usual = minor_units("")
    unusual: dict[int, list[str]] = defaultdict(list)
    for code in sorted(CURRENCIES):
        if minor_units(code) != usual:
            unusual[minor_units(code)].append(code)
    cases = " ".join(
        f"WHEN {{1}} IN ({', '.join(map(_quoted, codes))}) THEN {_rounded(units)}" for units, codes in unusual.items()
    )
    every = ", ".join(_quoted(code) for codes in unusual.values() for code in codes)
    return Sql(
        f"(CASE WHEN {{1}} NOT IN ({every}) THEN {_rounded(usual)} {cases} ELSE {_rounded(usual)} END)::text",
        expression,
        currency,
    )


def _rounded(decimals: int) -> str:
    return f"CASE WHEN min_scale({{0}}) <= {decimals} THEN round({{0}}, {decimals}) ELSE trim_scale({{0}}) END"


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"


def worded(field: str, words: Mapping[str, str], default: Any = "") -> Any:
    """A stored word in people's words: one of `words`, else `default`, a text or an expression."""
    otherwise = Value(default) if isinstance(default, str) else default
    cases = [When(**{field: word}, then=Value(text)) for word, text in words.items()]
    return Case(*cases, default=otherwise, output_field=CharField())


# -- masks ------------------------------------------------------------------------------------------------------------


def mask_cnic(value: Any) -> Sql:
    digits = Sql("regexp_replace({0}, '[^0-9]', '', 'g')", value)
    whole = f"'{DOT * 5}-{DOT * 4}' || substr({{0}}, 10, 3) || '-' || substr({{0}}, 13, 1)"
    return Sql(f"CASE WHEN length({{0}}) = 13 THEN {whole} ELSE {{1}} END", digits, _last(value, 4))


def mask_id(value: Any) -> Sql:
    return _last(value, 3)


def mask_iban(value: Any) -> Sql:
    compact = Sql("upper(regexp_replace({0}, '[^0-9A-Za-z]', '', 'g'))", value)
    shown = (
        "substr({1}, 1, 4) || ' ' || substr({1}, 5, 4)"
        f" || repeat(' {DOT * 4}', (length({{1}}) - 9) / 4) || ' ' || right({{1}}, 4)"
    )
    is_iban = "{1} ~ '^[A-Z][A-Z][0-9][0-9][A-Z0-9]{11,30}$'"
    return Sql(f"CASE WHEN {is_iban} THEN {shown} ELSE {{2}} END", value, compact, _last(value, 4))


def mask_account(value: Any) -> Sql:
    return _last(value, 4)


def mask_phone(value: Any) -> Sql:
    text = Sql("btrim({0})", value)
    digits = Sql("regexp_replace({0}, '[^0-9]', '', 'g')", value)
    code = Sql(
        "CASE WHEN left({0}, 1) <> '+' THEN '' ELSE"
        f" coalesce(substring({{1}} FROM '{_CALLING_CODE}'), left({{1}}, 3)) END",
        text,
        digits,
    )
    return Sql(
        f"CASE WHEN {{0}} = '' THEN '' WHEN length({{1}}) - length({{2}}) < 7 THEN '{_HIDDEN}' ELSE"
        f" CASE WHEN {{2}} = '' THEN '' ELSE '+' || {{2}} || ' ' END || '{DOT * 3} {DOT * 3} ' || right({{1}}, 4) END",
        value,
        digits,
        code,
    )


def mask_email(value: Any) -> Sql:
    text = Sql("btrim({0})", value)
    return Sql(
        f"CASE WHEN {{0}} = '' THEN '' WHEN {{0}} ~ '^.+@[^@]+$' AND {{0}} !~ '^.@[^@]*$'"
        f" THEN left({{0}}, 1) || '{DOT * 3}@' || substring({{0}} FROM '[^@]+$') ELSE '{_HIDDEN}' END",
        text,
    )


def mask_birth_date(value: Any) -> Sql:
    return Sql(f"'{DOT * 2} {DOT * 3} ' || to_char({{0}}, 'YYYY')", value)


def mask_address(city: Any, country: Any, whole: Any) -> Sql:
    """City and country; nothing where no address was given (`whole` is empty)."""
    return Sql(
        f"CASE WHEN {{2}} = '' THEN '' ELSE concat_ws(', ', '{_HIDDEN}', nullif({{0}}, ''), nullif({{1}}, '')) END",
        city,
        country,
        whole,
    )


def _last(value: Any, shown: int) -> Sql:
    compact = Sql("regexp_replace({0}, '[^0-9A-Za-z]', '', 'g')", value)
    digits_of = "length(regexp_replace({part}, '[^0-9]', '', 'g'))"
    too_short = f"length({{1}}) <= {2 * shown}"
    most_digits = f"2 * {digits_of.format(part=f'right({{1}}, {shown})')} > {digits_of.format(part='{1}')}"
    return Sql(
        f"CASE WHEN {{0}} = '' THEN '' WHEN {too_short} OR {most_digits} THEN '{_HIDDEN}'"
        f" ELSE '{_HIDDEN}' || right({{1}}, {shown}) END",
        value,
        compact,
    )
