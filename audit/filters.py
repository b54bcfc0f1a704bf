"""The trail as an address asks for it: its filters, the one page of entries that they leave, the chips.

A bad or unknown parameter is named and shows no rows. Entries come by their number, newest first; a page begins at a
number, and nothing is counted beyond a thousand, so that the last of five million entries costs what the first does.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.urls import reverse

from accounts import periods
from accounts.access import scope_of
from accounts.histories import Line as Past
from accounts.models import User
from accounts.periods import RELATIVE, Span, span
from audit import objects, sentences
from audit.models import AuditEvent
from audit.verbs import Verb

if TYPE_CHECKING:
    from audit.querysets import AuditEventQuerySet

ORDER: Final = ("actor", "action", "object", "ref", "range", "result", "request", "size", "after", "before")
"""The parameters that an address may hold, in their one order."""
PLACES: Final = frozenset({"after", "before"})
NOT_FILTERS: Final = frozenset({"size", *PLACES})
SIZES: Final = (25, 50, 100)
MOST_COUNTED: Final = 1_000
MOST_NEW: Final = 99
LONGEST_ECHO: Final = 60
LONGEST_NUMBER: Final = 18
SYSTEMS: Final = {"worker": "The worker", "platform": "The platform", "system": "The system"}
RESULTS: Final = [("OK", "Done"), ("DENIED", "Denied"), ("FAILED", "Failed")]
PERIODS: Final = list(RELATIVE.items())
GROUPS: Final[Mapping[str, tuple[str, frozenset[Verb]]]] = {
    "viewed": ("Viewed", frozenset({Verb.VIEWED})),
    "searches": ("Searched", frozenset({Verb.SEARCHED, Verb.SEARCHED_PERSON})),
    "revealed": ("Revealed", frozenset({Verb.REVEALED})),
    "exports": ("Exported", frozenset(v for v in Verb if v.value.startswith("export") or v.value.endswith("loaded"))),
    "denials": ("Denied", frozenset({Verb.DENIED, Verb.REFUSED, Verb.SIGN_IN_FAILED, Verb.SIGN_IN_LOCKED})),
    "approvals": ("Approvals", frozenset(v for v in Verb if v.value.startswith("approval"))),
    "audits": ("Read the trail", frozenset({Verb.READ_TRAIL})),
}
"""Ready filters: what people did with what they read, and what they were kept from."""
ACTIONS: Final = [
    *((key, label) for key, (label, _) in GROUPS.items()),
    *((verb.value, verb.value.replace("_", " ").capitalize()) for verb in Verb if verb.value not in GROUPS),
]


@dataclass(frozen=True)
class Problem:
    """A parameter that cannot be followed: what is wrong with it, and the address without it."""

    fault: str
    remove_url: str


@dataclass(frozen=True)
class Chip:
    """A filter that is on, in words, and the address without it."""

    label: str
    remove_url: str


@dataclass(frozen=True)
class Tab:
    """A ready filter."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True)
class Deed:
    """What one request did: entries that stand next to each other under one request id, and on the page of one object
    the rows of its history that the request left.
    """

    request_id: str
    lines: Sequence[sentences.Line]
    history: Sequence[Past] = ()

    @property
    def first(self) -> sentences.Line:
        return self.lines[0]

    @property
    def others(self) -> Sequence[sentences.Line]:
        return self.lines[1:]


class TrailFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What the trail can be narrowed by."""

    actor = django_filters.CharFilter(label="Who", field_name="actor")
    action = django_filters.ChoiceFilter(label="What", choices=ACTIONS, method="doing", empty_label="Anything")
    object = django_filters.ChoiceFilter(
        label="Kind of object", choices=(), field_name="object_type", empty_label="Any kind"
    )
    ref = django_filters.CharFilter(label="Object", method="called")
    range = django_filters.CharFilter(label="When", method="in_span")
    result = django_filters.ChoiceFilter(label="Result", choices=RESULTS, field_name="result", empty_label="Any")
    request = django_filters.CharFilter(label="Request id", field_name="request_id")

    class Meta:
        model = AuditEvent
        fields: tuple[str, ...] = ()

    def __init__(self, data: Any, *, user: User, now: datetime, queryset: Any) -> None:
        self.now, self.zone = now, ZoneInfo(user.time_zone)
        super().__init__(data, queryset=queryset)
        self.filters["object"].extra["choices"] = object_choices()

    def get_form_class(self) -> builtins.type[forms.Form]:
        """The form behind the filters, with the rules that are ours."""
        zone, now = self.zone, self.now

        class Form(super().get_form_class()):  # type: ignore[misc]
            def clean_range(self) -> Span | None:
                text = self.cleaned_data["range"]
                return span(text, now=now, zone=zone) if text else None

            def clean_actor(self) -> str:
                return _known_actor(self.cleaned_data["actor"])

            def clean_ref(self) -> str:
                return _short_enough(self.cleaned_data["ref"], "object")

            def clean_request(self) -> str:
                return _short_enough(self.cleaned_data["request"], "request")

        return Form

    def doing(self, rows: Any, _name: str, value: str) -> Any:
        return rows.filter(verb__in=sorted(verbs_of(value)))

    def called(self, rows: Any, _name: str, value: str) -> Any:
        """By name; the kinds are named too, since the index begins with them."""
        kind = self.form.cleaned_data.get("object")
        return rows.filter(object_type__in=[kind] if kind else [key for key, _ in object_choices()], object_id=value)

    def in_span(self, rows: Any, _name: str, value: Span) -> Any:
        return rows.during(value.start, value.end)


def object_choices() -> list[tuple[str, str]]:
    """The kinds of objects that the trail speaks of, by their words."""
    more = {
        "transactions.inquiry": "Inquiry",
        "transactions.reasoncode": "Reason code",
        "accounts.approvalrequest": "Approval",
        "accounts.approvalpolicy": "Approval policy",
        "compliance.case": "Case",
        "audit.auditevent": "The trail itself",
    }
    known = {kind.type: kind.label for kind in objects.kinds()}
    return sorted((more | known).items(), key=lambda one: one[1])


def verbs_of(action: str) -> frozenset[str]:
    """The verbs that a word of the address means."""
    return frozenset(verb.value for verb in GROUPS[action][1]) if action in GROUPS else frozenset({action})


def _known_actor(text: str) -> str:
    name = _short_enough(text, "person").lower()
    if not name or name in SYSTEMS or User.objects.filter(username=name).exists():
        return name
    if not AuditEvent.objects.filter(actor=name).exists():
        raise ValidationError(f'There is no person "{_short(text)}".')
    return name


def _short_enough(text: str, what: str) -> str:
    if len(text) > sentences.LONGEST_NAME:
        raise ValidationError(f'There is no {what} "{_short(text)}".')
    return text


class SinceForm(forms.Form):
    """The last entry that a page knows of."""

    since = forms.IntegerField(min_value=0, max_value=2**63 - 1)


def folded(params: QueryDict) -> QueryDict:
    """What the form sends, as an address says it: two dates are one period."""
    return periods.folded(params, "range")


class TrailQuery:
    """The entries that `params` ask for, as `user` may read them.

    `fixed` are parameters that the page itself stands for, `rows` its entries, `history` what its object went through.
    """

    def __init__(
        self,
        params: QueryDict,
        user: User,
        now: datetime,
        *,
        path: str = "",
        fixed: Mapping[str, str] | None = None,
        rows: AuditEventQuerySet | None = None,
        history: Iterable[Past] = (),
    ) -> None:
        self.history: dict[str, list[Past]] = {}
        for row in history:
            self.history.setdefault(row.request_id, []).append(row)
        self.user, self.path, self.fixed = user, path or reverse("audit:explorer"), fixed or {}
        self.given = {name: values for name, values in params.lists() if any(values) and name not in self.fixed}
        self.had_blanks = any(not value for _, values in params.lists() for value in values)
        self._faults: dict[str, str] = {}
        base = AuditEvent.objects.within(scope_of(user)) if rows is None else rows
        data = QueryDict(mutable=True)
        for name, value in {**{key: self.one(key) for key in self.given}, **self.fixed}.items():
            data[name] = value
        self.filter = TrailFilter(data, user=user, now=now, queryset=base)
        self._check()

    # What comes out

    @property
    def is_sound(self) -> bool:
        """Whether every parameter was understood. If not, there are no rows."""
        return not self._faults

    @property
    def problems(self) -> list[Problem]:
        return [Problem(fault, self.address_without(name)) for name, fault in self._faults.items()]

    @cached_property
    def parts(self) -> list[Any]:
        """All entries, in parts that each come from one index in the order of the list: one for each verb."""
        if not self.is_sound:
            return []
        rows, action = self.filter.qs, self.filter.form.cleaned_data.get("action")
        if action not in GROUPS:
            return [rows]
        return [rows.filter(verb=verb) for verb in sorted(verbs_of(action))]

    @cached_property
    def entries(self) -> list[AuditEvent]:
        """The page that the address asks for."""
        found = self._read(self.size + 1)[: self.size]
        return found[::-1] if self.one("before") else found

    @cached_property
    def deeds(self) -> list[Deed]:
        """The page's entries as lines, those of one request together."""
        by_request = groupby(sentences.lines(self.entries), key=attrgetter("entry.request_id"))
        return [Deed(key, list(lines), self.history.get(key, ())) for key, lines in by_request]

    @cached_property
    def count(self) -> str:
        """How many entries there are, up to a thousand."""
        found = sum(part.how_many(MOST_COUNTED + 1) for part in self.parts)
        return f"{MOST_COUNTED:,}+" if found > MOST_COUNTED else f"{found:,}"

    @cached_property
    def _has_more(self) -> bool:
        return len(self._read(self.size + 1)) > self.size

    def _read(self, most: int) -> list[AuditEvent]:
        """Entries from the place on, newest first; before a place, the nearest first."""
        if "read" not in self.__dict__:
            before, after = self._number("before"), self._number("after")
            order = "seq" if before is not None else "-seq"
            found: list[AuditEvent] = []
            for part in self.parts:
                rows = part if after is None else part.filter(seq__lt=after)
                rows = rows if before is None else rows.filter(seq__gt=before)
                found += rows.order_by(order)[:most]
            self.__dict__["read"] = sorted(found, key=attrgetter("seq"), reverse=before is None)[:most]
        return list(self.__dict__["read"])

    @property
    def newer_url(self) -> str | None:
        has_newer = self._has_more if self.one("before") else bool(self.one("after"))
        return self.address_with(before=str(self.entries[0].seq)) if has_newer and self.entries else None

    @property
    def older_url(self) -> str | None:
        has_older = True if self.one("before") else self._has_more
        return self.address_with(after=str(self.entries[-1].seq)) if has_older and self.entries else None

    @property
    def first_url(self) -> str:
        return self.address_with()

    @cached_property
    def newest(self) -> int:
        """The number of the last entry of the whole trail: what comes after it is new to this page."""
        return AuditEvent.objects.order_by("-seq").values_list("seq", flat=True).first() or 0

    def new_since(self, seq: int) -> str:
        """How many entries of this query came after this one, as a page says it: "" for none, "99+" beyond that."""
        found = sum(part.filter(seq__gt=seq).how_many(MOST_NEW + 1) for part in self.parts)
        return f"{MOST_NEW}+" if found > MOST_NEW else str(found or "")

    @property
    def is_first_page(self) -> bool:
        return not (PLACES & set(self.given))

    @property
    def size(self) -> int:
        asked = self.one("size") or str(self.user.page_size)
        return int(asked) if asked in map(str, SIZES) else 50

    # Addresses

    @property
    def address(self) -> str:
        """The one address of this query: known parameters in their order, blanks left out."""
        return self._address(self._canonical())

    @cached_property
    def chips(self) -> list[Chip]:
        return [
            Chip(self._chip_label(name, value), self.address_without(name))
            for name, value in self._canonical().items()
            if name not in NOT_FILTERS and name not in self._faults
        ]

    @property
    def query_string(self) -> str:
        """The question without its page, as a reader hands it on."""
        return self.first_url.partition("?")[2]

    @property
    def in_words(self) -> str:
        """The filters that are on, for the trail: who reads it records what was looked for."""
        return "; ".join(chip.label for chip in self.chips) if self.is_sound else ""

    @property
    def clear_url(self) -> str:
        return self._address({})

    @property
    def tabs(self) -> list[Tab]:
        """Everything, and the ready filters."""
        chosen = self.one("action")
        ready = [Tab(label, self.address_with(action=key), key == chosen) for key, (label, _) in GROUPS.items()]
        return [Tab("Everything", self.address_with(action=""), not chosen), *ready]

    @property
    def range_ends(self) -> tuple[str, str]:
        return periods.ends_of(self.one("range"))

    def one(self, name: str) -> str:
        return next((value for value in self.given.get(name, []) if value), "")

    def address_with(self, **changes: str) -> str:
        """This query with parameters set, from the first page; an empty value leaves one out."""
        kept = {name: value for name, value in self._canonical().items() if name not in PLACES}
        return self._address(kept | changes)

    def address_without(self, name: str) -> str:
        parts = {**self._canonical(), **{key: self.one(key) for key in self.given if key not in ORDER}}
        return self._address({key: value for key, value in parts.items() if key != name and key not in PLACES - {name}})

    def _canonical(self) -> dict[str, str]:
        parts = {name: self.one(name) for name in ORDER if self.one(name)}
        if (read := self.filter.form.cleaned_data.get("range")) and "range" in parts:
            parts["range"] = read.text
        return parts

    def _address(self, parts: Mapping[str, str]) -> str:
        query = QueryDict(mutable=True)
        query.update({name: value for name, value in parts.items() if value})
        return f"{self.path}?{query.urlencode()}" if query else self.path

    def _chip_label(self, name: str, value: str) -> str:
        read = self.filter.form.cleaned_data.get(name)
        if name == "range" and read:
            return f"When: {read.label}"
        if name == "actor":
            person = User.objects.filter(username=value).first()
            return f"Who: {SYSTEMS.get(value) or person or value}"
        field = self.filter.form.fields[name]
        return f"{field.label}: {dict(getattr(field, 'choices', [])).get(value, value)}"

    # What goes in

    def _check(self) -> None:
        for name, values in self.given.items():
            if name not in ORDER:
                self._refuse(name, f'There is no filter "{_short(name)}".')
            elif len(values) > 1:
                self._refuse(name, f'"{_short(name)}" is given {len(values)} times.')
        for name, errors in self.filter.form.errors.as_data().items():
            self._refuse(name, self._sentence(name, errors))
        if (size := self.one("size")) and size not in map(str, SIZES):
            self._refuse("size", f'There is no page size "{_short(size)}".')
        for name in sorted(PLACES):
            if self.one(name) and self._number(name) is None:
                self._refuse(name, f'There is no page {name} "{_short(self.one(name))}".')
        if set(self.given) >= PLACES:
            self._refuse("before", "A page begins after or before an entry, not both.")

    def _sentence(self, name: str, errors: Iterable[ValidationError]) -> str:
        error = next(iter(errors))
        if error.code == "invalid_choice":
            label = {"action": "action", "object": "kind of object", "result": "result"}[name]
            return f'There is no {label} "{_short(self.one(name))}".'
        return str(error.messages[0])

    def _refuse(self, name: str, fault: str) -> None:
        self._faults.setdefault(name, fault)

    def _number(self, name: str) -> int | None:
        text = self.one(name)
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER else None


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_ECHO else f"{value[:LONGEST_ECHO]}…"
