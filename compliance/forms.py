"""What people type at the compliance desk, checked and put in order before a deed sees it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from django import forms
from django.http import QueryDict
from django.utils import timezone

from accounts.periods import day
from compliance.actions import LARGEST_FILE, LONGEST_SNOOZE, Seen, Word
from compliance.correcting import FIELDS
from compliance.evidence import Standing
from compliance.models import DecisionReason, ReportKind
from compliance.vocabulary import AppliesTo, Priority, Verdict
from compliance.whitelisting import MONTHS
from transactions.answers import PLACEHOLDERS, why_not_a_text

HITS_SHOWN: Final = 50
NOTE_AT_LEAST: Final = 20
_HIT: Final = re.compile(r"hit-([0-9]{1,18})", re.ASCII)
_TAG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,23}", re.ASCII)


class SeenForm(forms.Form):
    """What every form of a case carries: what it was read at, and its own key."""

    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    tx_version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    key = forms.CharField(widget=forms.HiddenInput, max_length=36, required=False)

    @property
    def seen(self) -> Seen:
        data = self.cleaned_data
        return Seen(data["revision"], data["tx_version"], data["key"])


def seen_in(data: QueryDict) -> Seen:
    """What a posted form was read at. A form that does not say so was read at nothing, and is refused as outdated."""
    form = SeenForm(data)
    return form.seen if form.is_valid() else Seen(-1, -1, "")


class PartForm(forms.Form):
    """One of several forms of a page: its fields are named after it, so that no two have the same id."""

    part = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **({"auto_id": f"{self.part}-%s"} | kwargs))


class SnoozeForm(PartForm):
    """Until when a case is put aside, and why."""

    part = "aside"
    until_day = forms.CharField(
        label="Until day",
        max_length=30,
        widget=forms.TextInput(attrs={"placeholder": "22 Nov 2026", "size": 12, "autocomplete": "off"}),
        error_messages={"required": "Enter the day on which it comes back"},
    )
    until_time = forms.TimeField(
        label="At",
        initial=dt.time(9),
        widget=forms.TimeInput(format="%H:%M", attrs={"size": 6, "autocomplete": "off"}),
        error_messages={"required": "Enter the time", "invalid": "Enter a time like 09:00"},
    )
    reason = forms.CharField(label="Why", max_length=300, error_messages={"required": "Say why the case is put aside"})

    def clean_until_day(self) -> dt.date:
        return day(self.cleaned_data["until_day"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "until_day" in data and "until_time" in data:
            until = timezone.make_aware(dt.datetime.combine(data["until_day"], data["until_time"]))
            if not timezone.now() < until <= timezone.now() + LONGEST_SNOOZE:
                self.add_error("until_day", f"Choose a time within the next {LONGEST_SNOOZE.days} days")
            data["until"] = until
        return data


class ArrangeForm(PartForm):
    """How urgent a case is, and its tags."""

    part = "arrange"
    priority = forms.TypedChoiceField(
        label="Priority", choices=Priority.choices, coerce=lambda value: Priority(int(value))
    )
    tags = forms.CharField(
        label="Tags", max_length=200, required=False, help_text="Words in lower case, separated by spaces."
    )

    def clean_tags(self) -> list[str]:
        words = list(dict.fromkeys(self.cleaned_data["tags"].split()))
        bad = next((word for word in words if not _TAG.fullmatch(word)), "")
        if bad:
            raise forms.ValidationError(f"“{bad}” is no tag: use lower-case letters, digits and dashes")
        if len(words) > 8:
            raise forms.ValidationError("A case has 8 tags at most")
        return words


class CorrectionForm(PartForm):
    """One field of a party or the account, with its right value."""

    part = "correct"
    field = forms.ChoiceField(
        label="What is wrong",
        choices=[("", "Choose a field"), *((key, field.label) for key, field in FIELDS.items())],
        error_messages={"required": "Choose what is wrong", "invalid_choice": "Choose what is wrong"},
    )
    value = forms.CharField(
        label="Right value",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter the right value"},
    )
    reason = forms.CharField(
        label="Why, and on what evidence",
        max_length=300,
        min_length=NOTE_AT_LEAST,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={
            "required": "Write why it is corrected",
            "min_length": f"Write why, in {NOTE_AT_LEAST} characters or more",
        },
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "field" in data and "value" in data:
            try:
                data["value"] = FIELDS[data["field"]].read(data["value"])
            except forms.ValidationError as error:
                self.add_error("value", error)
        return data


class RuleForm(PartForm):
    """Which hit is told apart from now on, for how long, and why."""

    part = "rule"

    hit = forms.TypedChoiceField(label="Hit", choices=(), coerce=int, error_messages={"required": "Choose a hit"})
    months = forms.TypedChoiceField(label="For", choices=list(MONTHS.items()), coerce=int)
    note = forms.CharField(
        label="Note",
        max_length=1000,
        min_length=NOTE_AT_LEAST,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={
            "required": "Write why they are told apart",
            "min_length": f"Write why, in {NOTE_AT_LEAST} characters or more",
        },
    )

    def __init__(self, *args: Any, standings: Iterable[Standing], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cleared = [one for one in standings if one.decision is not None and one.is_cleared][:200]
        self.fields["hit"].choices = [  # type: ignore[attr-defined]
            (one.hit.pk, f"{one.hit.entity_id}, {one.check.list_name}, on the {one.side}") for one in cleared
        ]


class EndForm(PartForm):
    """Why a rule of the whitelist ends."""

    part = "end"

    reason = forms.CharField(label="Why", max_length=300, error_messages={"required": "Say why the rule ends"})


class BeginReportForm(PartForm):
    """Which report to the regulator is begun, and what was found."""

    part = "report"

    kind = forms.ModelChoiceField(
        ReportKind.objects.all(), label="Report", empty_label=None, error_messages={"required": "Choose a report"}
    )
    grounds = forms.CharField(
        label="Grounds",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What was found and why it is suspicious.",
        error_messages={"required": "Write what was found"},
    )


class ReportForm(PartForm):
    """The grounds of a draft."""

    part = "draft"

    revision = forms.IntegerField(widget=forms.HiddenInput)
    grounds = forms.CharField(
        label="Grounds",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": "Write what was found"},
    )


class FiledForm(PartForm):
    """When the regulator got a report, and what they call it."""

    part = "filed"

    revision = forms.IntegerField(widget=forms.HiddenInput)
    reference = forms.CharField(
        label="Reference of the regulator", max_length=64, error_messages={"required": "Enter their reference"}
    )
    day = forms.CharField(
        label="Filed on", max_length=30, error_messages={"required": "Enter the day on which it was filed"}
    )
    time = forms.TimeField(
        label="At",
        widget=forms.TimeInput(format="%H:%M", attrs={"size": 6}),
        error_messages={"required": "Enter the time", "invalid": "Enter a time like 14:30"},
    )

    def clean_day(self) -> dt.date:
        return day(self.cleaned_data["day"])

    @property
    def filed_at(self) -> dt.datetime:
        """The moment, in the zone that the page is read in."""
        return timezone.make_aware(dt.datetime.combine(self.cleaned_data["day"], self.cleaned_data["time"]))


class CheckForm(PartForm):
    """Why the parties are checked again."""

    part = "check"
    reason = forms.CharField(
        label="Why",
        max_length=300,
        error_messages={"required": "Say why the parties are checked again"},
    )


class FileForm(PartForm):
    """A document for a case."""

    part = "document"
    file = forms.FileField(
        label="Document",
        help_text="PDF, PNG or JPEG, 5 MB at most.",
        error_messages={"required": "Choose a document", "empty": "This document is empty"},
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise forms.ValidationError("A document may have 5 MB at most")
        return file


class AnswerForm(PartForm):
    """Another text for partners, written on top of the version that was read."""

    part = "answer"
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    text = forms.CharField(
        label="The new text",
        max_length=600,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=f"Filled in where these stand: {', '.join(f'{{{name}}}' for name in sorted(PLACEHOLDERS))}.",
        error_messages={"required": "Write the text"},
    )
    note = forms.CharField(
        label="Why",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why the text changes"},
    )

    def clean_text(self) -> str:
        text = " ".join(str(self.cleaned_data["text"]).split())
        if sentence := why_not_a_text(text):
            raise forms.ValidationError(sentence)
        return text


class CheckFileForm(FileForm):
    """A case file that somebody was given, to be held against the records."""

    part = "given"
    file = forms.FileField(
        label="A case file that you were given",
        help_text="Whether it is one of these, to the last byte.",
        error_messages={"required": "Choose a file", "empty": "This file is empty"},
    )


@dataclass(frozen=True)
class Fault:
    """Something that is missing in what was sent: where on the page, and what to do."""

    anchor: str
    sentence: str


OUTCOMES: Final[dict[str, tuple[AppliesTo, str]]] = {
    "release": (AppliesTo.RELEASE, "Release the payment"),
    "reject": (AppliesTo.REJECT, "Reject the payment"),
    "hold": (AppliesTo.HOLD, "Hold and ask for information"),
    "escalate": (AppliesTo.ESCALATE, "Escalate to an officer"),
}
AFTER_PAYMENT: Final[dict[str, tuple[AppliesTo, str]]] = {
    "record": (AppliesTo.RECORD, "Record what was found and close the case"),
    "escalate": (AppliesTo.ESCALATE, "Escalate to an officer"),
}


class DecisionForm:
    """The one form of a case: what is said of each hit, and what becomes of the payment.

    Nothing is taken for granted: a hit that nobody ticked stays as it is.
    """

    def __init__(
        self,
        reasons: Iterable[DecisionReason],
        *,
        after_payment: bool,
        standings: Sequence[Standing] = (),
        data: QueryDict | None = None,
    ) -> None:
        self.data = data or QueryDict()
        self.is_bound = data is not None
        self.outcomes = AFTER_PAYMENT if after_payment else OUTCOMES
        self.standings = standings
        self.reasons = list(reasons)
        self.by_code = {reason.code: reason for reason in self.reasons}
        self.faults: list[Fault] = []

    # What the page offers

    def reasons_for(self, *kinds: str) -> list[tuple[str, list[DecisionReason]]]:
        """The reasons of these kinds of decision under their headings."""
        return [(str(AppliesTo(kind).label), [one for one in self.reasons if one.applies_to == kind]) for kind in kinds]

    @property
    def verdict_reasons(self) -> list[tuple[str, list[DecisionReason]]]:
        return self.reasons_for(*Verdict.values)

    @property
    def outcome_reasons(self) -> list[tuple[str, list[DecisionReason]]]:
        return self.reasons_for(*(kind.value for kind, _ in self.outcomes.values()))

    # What was sent

    @property
    def outcome(self) -> str:
        return str(self.data.get("outcome", ""))

    @property
    def reason(self) -> DecisionReason:
        return self.by_code[str(self.data["reason"])]

    @property
    def note(self) -> str:
        return str(self.data.get("note", "")).replace("\x00", "").strip()

    @property
    def only_hits(self) -> bool:
        """Whether only what is said of the hits is to be kept."""
        return self.data.get("do") == "hits"

    @property
    def words(self) -> dict[int, Word]:
        """What is said anew of hits: those where a verdict was ticked."""
        found = {}
        for name in self.data:
            match = _HIT.fullmatch(name)
            verdict = self.data.get(name, "")
            if match and verdict in Verdict.values:
                found[int(match[1])] = Word(Verdict(verdict), str(self.data.get(f"{name}-reason", "")))
        return found

    def said_of(self, pk: int) -> Mapping[str, str]:
        """What was sent of one hit, to show it again."""
        return {
            "verdict": str(self.data.get(f"hit-{pk}", "")),
            "reason": str(self.data.get(f"hit-{pk}-reason", "")),
        }

    def is_valid(self) -> bool:
        """Look for everything that is missing; the faults lead to their places on the page."""
        self.faults = self._faults_of_hits()
        if self.only_hits:
            if not self.words and not self.faults:
                self.faults.append(Fault("hits", "Say of at least one hit who it is"))
        else:
            self.faults += self._faults_of_outcome()
        return not self.faults

    def _faults_of_hits(self) -> list[Fault]:
        faults = []
        for pk, word in self.words.items():
            reason = self.by_code.get(word.reason)
            if reason is None or reason.applies_to != word.verdict:
                faults.append(
                    Fault(f"hit-{pk}-reason", f"Choose a reason for “{word.verdict.label}” of {self._named(pk)}")
                )
        for standing in self.standings:
            said = self.said_of(standing.hit.pk)
            if said["reason"] and not said["verdict"]:
                faults.append(Fault(f"hit-{standing.hit.pk}", f"Say who {self._named(standing.hit.pk)} is"))
        return faults

    def _named(self, pk: int) -> str:
        return next((f"hit {one.hit.entity_id}" for one in self.standings if one.hit.pk == pk), "the hit")

    def _faults_of_outcome(self) -> list[Fault]:
        faults = []
        if self.outcome not in self.outcomes:
            return [Fault("outcome", "Choose what becomes of the payment")]
        if self.outcome in ("release", "record"):
            faults += self._undecided()
        reason = self.by_code.get(str(self.data.get("reason", "")))
        if reason is None or reason.applies_to != self.outcomes[self.outcome][0]:
            faults.append(Fault("reason", f"Choose a reason for “{self.outcomes[self.outcome][1]}”"))
        if len(self.note) < NOTE_AT_LEAST:
            faults.append(Fault("note", f"Write what you checked, in {NOTE_AT_LEAST} characters or more"))
        if len(self.note) > 2000:
            faults.append(Fault("note", "Keep the note to 2,000 characters or less"))
        return faults

    def _undecided(self) -> list[Fault]:
        """Hits without an answer, neither stored nor sent with this form."""
        return [
            Fault(f"hit-{one.hit.pk}", f"{one.name[:1].upper()}{one.name[1:]} is not decided yet")
            for one in self.standings
            if one.is_pending and one.hit.pk not in self.words
        ][:10]


class HitPageForm(forms.Form):
    """Which page of a case's hits is read."""

    hits = forms.IntegerField(required=False, min_value=1, max_value=10_000)

    @property
    def page(self) -> int:
        return cast("int", self.cleaned_data["hits"] or 1) if self.is_valid() else 1
