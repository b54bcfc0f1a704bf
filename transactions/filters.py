"""The filters of transactions: which words an address may hold, what each means, and the sentence for any other."""

from __future__ import annotations

import builtins
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat

from accounts.access import has, scope_of
from accounts.models import Branch, Partner, User
from accounts.periods import RELATIVE, Span, day, span
from transactions import assigned, flags, formats
from transactions.currencies import is_currency
from transactions.discretion import BEHIND_THE_DOOR, hints
from transactions.lifecycle import POSITION
from transactions.models import ReasonCode, Transaction
from transactions.vocabulary import Family, Rail, Stage, Status, TransactionType

Choices = list[tuple[str, str]]

CHECKS: Final = "checks"
_CHECKS: Final = (Stage.SCREENING, Stage.COMPLIANCE_REVIEW, Stage.REJECTED_COMPLIANCE)
_STAGE_LABELS: Final = {
    Stage.SCREENING: "Screening",
    Stage.COMPLIANCE_REVIEW: "Compliance review",
    Stage.REJECTED_COMPLIANCE: "Rejected by compliance",
    Stage.CREDITED: "Paid to the account",
    Stage.CASH_PAID: "Paid in cash",
    Stage.MANUALLY_SETTLED: "Settled by hand",
}
SIZES: Final = (25, 50, 100)
NONE: Final = "none"
NOT_KNOWN: Final = "not-known"
NOT_ACCEPTED: Final = "not-accepted"
OTHER_WORDS: Final = frozenset({NONE, NOT_KNOWN, NOT_ACCEPTED})
"""What the filters on rails and reasons know beside the values themselves."""
_REASON_WORDS: Final[Choices] = [(NONE, "No reason given"), (NOT_KNOWN, "A reason that is not known here")]
_CORRIDOR: Final = re.compile(r"(?P<origin>[A-Z]{2})?-(?P<destination>[A-Z]{2})?")
ATTENTION: Final[Choices] = [("1", "Needs attention")]


_AGE: Final = re.compile(r"(?P<number>[0-9]{1,5})\s*(?P<unit>m|min|minutes?|h|hours?|d|days?)")
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True)
class Age:
    """How old a transaction is at least or at most. `text` is its one form in an address: "30m", "4h", "2d"."""

    text: str
    span: timedelta

    @property
    def label(self) -> str:
        return formats.duration(self.span)


def age(text: str) -> Age:
    """Read "30m", "4 h" or "2 days". Raises ValidationError."""
    found = _AGE.fullmatch(text.strip().lower())
    if found is None:
        raise ValidationError("Enter an age like 30m, 4h or 2d.")
    number, unit = int(found["number"]), found["unit"][0]
    span = number * _UNITS[unit]
    if not timedelta() < span <= timedelta(days=3_650):
        raise ValidationError("Enter an age between 1m and 3650d.")
    return Age(f"{number}{unit}", span)


class DayField(forms.DateField):
    """A day as people write it; a native date control would show month and day in the browser's order."""

    def __init__(self, **options: Any) -> None:
        attrs = {"placeholder": "22 Nov 2026", "size": 12, "autocomplete": "off"}
        super().__init__(**{"widget": forms.DateInput(attrs)} | options)

    def to_python(self, value: Any) -> date | None:
        return day(value) if value else None


class CorridorField(forms.CharField):
    """From one country to another, as "AE-PK"; a side that is left out was not given."""

    def to_python(self, value: Any) -> str:
        word = str(super().to_python(value)).upper()
        if word and not _CORRIDOR.fullmatch(word):
            raise ValidationError(f'There is no corridor "{word[:60]}". Write two countries like AE-PK.')
        return word


class CorridorFilter(django_filters.Filter):  # type: ignore[misc]
    """The country a remittance comes from and the one it goes to."""

    field_class = CorridorField


class DayFilter(django_filters.Filter):  # type: ignore[misc]
    """From or until a day."""

    field_class = DayField


class OneOf(django_filters.MultipleChoiceFilter):  # type: ignore[misc]
    """One or more of a column's values."""

    def filter(self, qs: QuerySet[Any], value: Sequence[str]) -> QuerySet[Any]:
        return qs.filter(**{f"{self.field_name}__in": value}) if value else qs


class TransactionFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What transactions can be narrowed by. The choices are one reader's: nothing outside the scope has a name."""

    status = OneOf(label="Status", choices=Status.choices)
    stage = django_filters.MultipleChoiceFilter(label="Stage", method="in_stages")
    partner = OneOf(label="Partner", method="of_organisations")
    branch = OneOf(label="Branch", method="of_organisations")
    rail = django_filters.MultipleChoiceFilter(label="Rail", method="on_rails")
    type = OneOf(label="Type", choices=TransactionType.choices)
    reason = django_filters.MultipleChoiceFilter(label="Reason", method="for_reasons")
    flag = django_filters.MultipleChoiceFilter(label="Flag", method="with_flags")
    assigned = django_filters.MultipleChoiceFilter(label="Assigned to", method="worked_by")
    attention = django_filters.ChoiceFilter(label="Attention", choices=ATTENTION, method="needing_attention")
    created = django_filters.CharFilter(label="Created", field_name="received_at", method="in_span")
    updated = django_filters.CharFilter(label="Last update", field_name="updated_at", method="in_span")
    age_over = django_filters.CharFilter(label="Age over", method="older")
    age_under = django_filters.CharFilter(label="Age under", method="younger")
    amount_min = django_filters.NumberFilter(label="Payout from", field_name="settled_amount", lookup_expr="gte")
    amount_max = django_filters.NumberFilter(label="Payout to", field_name="settled_amount", lookup_expr="lte")
    currency = django_filters.CharFilter(label="Payout currency", field_name="settled_currency")
    corridor = CorridorFilter(label="Corridor", method="on_corridor")

    class Meta:
        model = Transaction
        fields: tuple[str, ...] = ()

    def __init__(self, data: Any, *, user: User, now: datetime, queryset: QuerySet[Any]) -> None:
        self.user, self.now, self.zone = user, now, ZoneInfo(user.time_zone)
        super().__init__(data, queryset=queryset)
        self.known = known = known_to(user)
        self._keys = {name: {code: pk for pk, code, _ in rows} for name, rows in known.items()}
        self.sees_compliance = has(user, "compliance.view_cases")
        named = {name: [(code, label) for _, code, label in rows] for name, rows in known.items()}
        if scope_of(user).all_branches:
            named["branch"].append((NONE, "No branch"))
        named["reason"] += _REASON_WORDS if self.sees_compliance else [*_REASON_WORDS, (NOT_ACCEPTED, "Not accepted")]
        self.choices: dict[str, Choices] = {
            "status": list(Status.choices),
            "stage": stage_choices(user),
            **named,
            "rail": [*Rail.choices, (NONE, "No rail yet"), (NOT_KNOWN, "A rail that is not known here")],
            "type": list(TransactionType.choices),
            "flag": [(flag.value, flag.label) for flag in flags.flags_for(user)],
            "assigned": assigned.choices_for(user),
            "attention": ATTENTION,
        }
        for name, choices in self.choices.items():
            self.filters[name].extra["choices"] = choices

    def get_form_class(self) -> builtins.type[forms.Form]:
        """The form behind the filters, with the rules that are ours."""
        zone, now = self.zone, self.now

        class Form(super().get_form_class()):  # type: ignore[misc]
            def clean_created(self) -> Span | None:
                text = self.cleaned_data["created"]
                return span(text, now=now, zone=zone) if text else None

            def clean_updated(self) -> Span | None:
                text = self.cleaned_data["updated"]
                return span(text, now=now, zone=zone) if text else None

            def clean_age_over(self) -> Age | None:
                text = self.cleaned_data["age_over"]
                return age(text) if text else None

            def clean_age_under(self) -> Age | None:
                text = self.cleaned_data["age_under"]
                return age(text) if text else None

            def clean_currency(self) -> str:
                code = str(self.cleaned_data["currency"]).upper()
                if code and not is_currency(code):
                    raise ValidationError(f'There is no currency "{self.cleaned_data["currency"]}".')
                return code

            def clean_amount_min(self) -> Decimal | None:
                return _amount(self.cleaned_data["amount_min"])

            def clean_amount_max(self) -> Decimal | None:
                return _amount(self.cleaned_data["amount_max"])

        return Form

    def in_stages(self, queryset: QuerySet[Any], _name: str, value: Sequence[str]) -> QuerySet[Any]:
        """By stage and by the statuses these stages stand inside: the indexes are on the status."""
        stages = stages_of(value)
        statuses = {POSITION[stage][0] for stage in stages}
        return queryset.filter(stage__in=sorted(stages), status__in=sorted(statuses))

    def of_organisations(self, queryset: QuerySet[Any], name: str, value: Sequence[str]) -> QuerySet[Any]:
        """By key and not through a join, so that the index on (partner, moment) answers in the list's order."""
        among = Q(**{f"{name}_id__in": self.keys(name, value)})
        return queryset.filter(among | Q(**{f"{name}_id": None}) if NONE in value else among)

    def on_rails(self, queryset: QuerySet[Any], _name: str, value: Sequence[str]) -> QuerySet[Any]:
        """By rail; one may not be chosen yet, or be a word that is not one of ours."""
        condition = Q(rail__in=[word if word != NONE else "" for word in value if word != NOT_KNOWN])
        if NOT_KNOWN in value:
            condition |= ~Q(rail__in=["", *Rail.values])
        return queryset.filter(condition)

    def keys(self, name: str, codes: Sequence[str]) -> list[int]:
        """The primary keys of partners or branches by their codes."""
        return sorted(self._keys[name][code] for code in codes if code != NONE)

    def for_reasons(self, queryset: QuerySet[Any], _name: str, value: Sequence[str]) -> QuerySet[Any]:
        """By reason as the reader is told it: outside compliance what stands behind the door has no other reason than
        that it was not accepted.
        """
        condition = Q(reason_code__in=[code for code in value if code in self._keys["reason"]])
        if NONE in value:
            condition |= Q(reason_code="")
        if NOT_KNOWN in value:
            condition |= ~Q(reason_code="") & ~Q(reason_code__in=ReasonCode.objects.values("code"))
        if self.sees_compliance:
            return queryset.filter(condition)
        condition &= ~Q(stage__in=sorted(BEHIND_THE_DOOR))
        if NONE in value:
            condition |= Q(stage=Stage.COMPLIANCE_REVIEW)
        if NOT_ACCEPTED in value:
            hidden = ReasonCode.objects.exclude(code__in=list(self._keys["reason"])).values("code")
            behind = Q(stage=Stage.REJECTED_COMPLIANCE)
            condition |= behind | Q(reason_code__in=hidden) & ~Q(stage=Stage.COMPLIANCE_REVIEW)
        return queryset.filter(condition)

    def on_corridor(self, queryset: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        """From one country to another; a side that is left out was not given."""
        origin, _, destination = value.partition("-")
        return queryset.filter(origin_country=origin, destination_country=destination)

    def with_flags(self, queryset: QuerySet[Any], _name: str, value: Sequence[str]) -> QuerySet[Any]:
        """Rows with every one of the flags."""
        for word in value:
            queryset = queryset.filter(flags.condition(word, self.now))
        return queryset

    def worked_by(self, queryset: QuerySet[Any], _name: str, value: Sequence[str]) -> QuerySet[Any]:
        """Rows with open work that one of the words fits: mine, nobody's, somebody's."""
        return queryset.filter(assigned.condition(value, self.user)) if value else queryset

    def needing_attention(self, queryset: QuerySet[Any], _name: str, _value: str) -> QuerySet[Any]:
        return queryset.filter(flags.needs_attention(self.now))

    def in_span(self, queryset: QuerySet[Any], name: str, value: Span) -> QuerySet[Any]:
        return queryset.filter(value.on(name))

    def older(self, queryset: QuerySet[Any], _name: str, value: Age) -> QuerySet[Any]:
        return queryset.filter(received_at__lte=self.now - value.span)

    def younger(self, queryset: QuerySet[Any], _name: str, value: Age) -> QuerySet[Any]:
        return queryset.filter(received_at__gt=self.now - value.span)

    def qs_without(self, *names: str) -> QuerySet[Any]:
        """The rows that all other filters leave, for counts beside the list's own."""
        left: QuerySet[Any] = self.queryset.all()
        for name, value in self.form.cleaned_data.items():
            if name not in names:
                left = self.filters[name].filter(left, value)
        return left


def stages_of(words: Sequence[str]) -> frozenset[Stage]:
    """The stages that the words of an address mean."""
    return frozenset(Stage(stage) for word in words for stage in (_CHECKS if word == CHECKS else (word,)))


def _amount(value: Decimal | None) -> Decimal | None:
    if value is not None and not (value.is_finite() and 0 <= value < Decimal(10) ** 16):
        raise ValidationError("That is not an amount.")
    return value


def stage_choices(user: User) -> Choices:
    """The stages by name. Outside compliance those that speak of it are one neutral word."""
    inside = has(user, "compliance.view_cases")
    named = [
        (stage.value, str(_STAGE_LABELS.get(stage, stage.label))) for stage in Stage if inside or stage not in _CHECKS
    ]
    at = next(place for place, (value, _) in enumerate(named) if value == Stage.TITLE_FETCH) + 1
    return [*named[:at], (CHECKS, "Checks"), *named[at:]]


def known_to(user: User) -> dict[str, list[tuple[int, str, str]]]:
    """The partners and branches whose rows the reader sees and the reason codes, in one query: key, code and name.

    Outside compliance its own reasons are not named: those of its family and those whose words speak of it.
    """
    scope = scope_of(user)
    partners = Partner.objects.all() if scope.all_partners else Partner.objects.filter(pk__in=scope.partner_ids)
    branches = Branch.objects.all() if scope.all_branches else Branch.objects.filter(pk__in=scope.branch_ids)
    reasons = ReasonCode.objects.all()
    is_outside = not has(user, "compliance.view_cases")
    if is_outside:
        reasons = reasons.exclude(family=Family.COMPLIANCE)
    rows = partners.order_by().values_list("pk", "code", "name", Value("partner"))
    others = [
        branches.order_by().values_list("pk", "code", Concat("code", Value(" "), "name"), Value("branch")),
        reasons.order_by().values_list("pk", "code", Concat("code", Value(" "), "sentence"), Value("reason")),
    ]
    found: dict[str, list[tuple[int, str, str]]] = {"partner": [], "branch": [], "reason": []}
    for pk, code, name, kind in sorted(rows.union(*others, all=True), key=lambda row: row[2]):
        if not (is_outside and kind == "reason" and hints(name)):
            found[kind].append((pk, code, name))
    return found


RELATIVE_CHOICES: Final[Choices] = list(RELATIVE.items())
