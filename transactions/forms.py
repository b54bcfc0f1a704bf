"""What people type at the inquiry desk and choose in the list, checked and put in order before a deed sees it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from django import forms

from accounts.errors import Refused
from accounts.models import User
from transactions import columns
from transactions.discretion import Reader, word_not_for_partners
from transactions.models import Inquiry
from transactions.reveals import FIELDS
from transactions.selection import KEPT_FOR, MOST, Selection

REVEAL_REASONS: Final = {
    "partner_inquiry": "Partner inquiry",
    "checks": "Checking the parties",
    "correction": "Correction",
    "other": "Another reason, in words",
}
_ONLY_FOR_COMPLIANCE: Final = frozenset({"checks"})


class NoteForm(forms.Form):
    """A remark on a transaction."""

    prefix = "note"
    text = forms.CharField(
        label="Note",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="A note is never edited; a further note corrects it.",
        error_messages={"required": "Enter a note", "max_length": "Keep the note to 2,000 characters or less"},
    )
    compliance_only = forms.BooleanField(label="Only compliance and auditors read it", required=False)

    def __init__(self, *args: Any, may_hide: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_hide:
            del self.fields["compliance_only"]


class InquiryForm(forms.Form):
    """Who asked about a transaction and what was told, word for word."""

    prefix = "inquiry"
    channel = forms.ChoiceField(
        label="How they asked", choices=Inquiry.Channel.choices, error_messages={"required": "Choose how they asked"}
    )
    asked_by = forms.CharField(
        label="Who asked",
        max_length=120,
        help_text="The caller at the partner, by name or desk.",
        error_messages={"required": "Enter who asked", "max_length": "Keep who asked to 120 characters or less"},
    )
    reference_asked = forms.CharField(
        label="Reference they gave", max_length=100, error_messages={"required": "Enter the reference they gave"}
    )
    question = forms.CharField(
        label="What they asked", max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    answer = forms.CharField(
        label="What you answer",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Word for word. It starts as the approved answer.",
        error_messages={"required": "Enter what you answer"},
    )
    state = forms.ChoiceField(
        label="Afterwards it is",
        choices=[
            ("open", "Open: somebody still has to come back to them"),
            ("closed", "Closed: they have their answer"),
        ],
        widget=forms.RadioSelect,
        initial="open",
        error_messages={"required": "Choose open or closed"},
    )

    def clean_answer(self) -> str:
        answer: str = self.cleaned_data["answer"]
        word = word_not_for_partners(answer)
        if word:
            raise forms.ValidationError(f"A partner must not be told “{word}”. Say it in other words")
        return answer


class CloseForm(forms.Form):
    """How an inquiry ended."""

    note = forms.CharField(
        label="How it ended",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For example: told by e-mail that it was paid.",
        error_messages={"required": "Enter how it ended", "max_length": "Keep it to 1,000 characters or less"},
    )


class RevealForm(forms.Form):
    """Which hidden field a person wants to see, and why."""

    field = forms.ChoiceField(choices=[(key, field.label) for key, field in FIELDS.items()], widget=forms.HiddenInput)
    reason = forms.ChoiceField(label="Why do you need it", error_messages={"required": "Choose a reason"})
    words = forms.CharField(
        label="In words",
        max_length=200,
        required=False,
        help_text="Needed for another reason. No personal data here.",
    )

    def __init__(self, data: Mapping[str, str] | None = None, *, reader: Reader) -> None:
        """The fields are named after the one that is asked for: the page shows this form beside each hidden value."""
        asked = (data or {}).get("field", "")
        super().__init__(data, auto_id=f"{asked}-%s" if asked in FIELDS else "id_%s")
        choices = [
            (key, label)
            for key, label in REVEAL_REASONS.items()
            if reader.sees_compliance or key not in _ONLY_FOR_COMPLIANCE
        ]
        self.fields["reason"].choices = [("", "Choose a reason"), *choices]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("reason") == "other" and not cleaned.get("words"):
            self.add_error("words", "Say in words why you need it")
        return cleaned

    @property
    def sentence(self) -> str:
        """The reason as the trail keeps it."""
        reason, words = self.cleaned_data["reason"], self.cleaned_data.get("words", "")
        label = "" if reason == "other" else REVEAL_REASONS[reason]
        return ": ".join(filter(None, [label, words]))


class TimelineForm(forms.Form):
    """In which order a timeline is read."""

    ORDERS: ClassVar = [("oldest", "Oldest first"), ("newest", "Newest first")]
    order = forms.ChoiceField(choices=ORDERS, required=False)

    @property
    def is_newest_first(self) -> bool:
        return self.is_valid() and self.cleaned_data["order"] == "newest"


class SelectionForm(forms.Form):
    """Which rows were chosen (selection.py). Ticks arrive as many fields from the list, as one text afterwards: Django
    takes a thousand fields at most and refuses more than that.
    """

    refs = forms.CharField(required=False, strip=True, max_length=MOST * 101)
    all = forms.BooleanField(required=False)
    query = forms.CharField(required=False, max_length=2000)
    moment = forms.DateTimeField(required=False, input_formats=["%Y-%m-%dT%H:%M:%S.%f%z"])

    def selection(self, user: User, now: dt.datetime) -> Selection:
        """What the person chose. Raises Refused where nothing was, or where the list is too old to choose all of it."""
        if not self.is_valid():
            raise Refused("The list of chosen transactions cannot be read. Go back to the list and choose again.")
        given = self.cleaned_data
        if given["all"]:
            moment = given["moment"]
            if moment is None or not now - KEPT_FOR <= moment <= now:
                raise Refused("This list is not of today. Load it again and choose again.")
            return Selection(user, query=given["query"], moment=moment)
        ticked = [*self.data.getlist("ref"), *given["refs"].split()]  # type: ignore[attr-defined]
        if not ticked:
            raise Refused("Choose at least one transaction: tick the boxes in the list.")
        return Selection(user, tuple(dict.fromkeys(name.replace("\x00", "") for name in ticked)))


class BulkNoteForm(forms.Form):
    """The remark that many transactions get, and how many the person was told they are."""

    text = forms.CharField(
        label="Note",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="It is added to the journal of each. A note is never edited; a further note corrects it.",
        error_messages={"required": "Enter a note", "max_length": "Keep the note to 2,000 characters or less"},
    )
    told = forms.IntegerField(widget=forms.HiddenInput)


class ViewForm(forms.Form):
    """A saved view: its name and who sees it."""

    name = forms.CharField(
        label="Name of the view",
        max_length=60,
        error_messages={
            "required": "Enter a name for the view",
            "max_length": "Keep the name to 60 characters or less",
        },
    )
    team = forms.TypedChoiceField(label="Who sees it", required=False, coerce=int, empty_value=None)

    def __init__(self, *args: Any, teams: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        """`teams` are the person's roles: key and name."""
        super().__init__(*args, **kwargs)
        named = [(key, f"All {name.lower()}s") for key, name in teams]
        self.fields["team"].choices = [("", "Only me"), *named]  # type: ignore[attr-defined]


class SaveViewForm(ViewForm):
    """What of the list's address becomes a view."""

    query = forms.CharField(required=False, max_length=2000, widget=forms.HiddenInput)
    with_period = forms.BooleanField(
        label="With its period", required=False, initial=True, help_text="Relative days stay relative."
    )


class ColumnsForm(forms.Form):
    """The columns of the list in their order; `move` is a button that moves one: "age:up"."""

    shown = forms.MultipleChoiceField(
        choices=[(column.key, column.label) for column in columns.ALL],
        error_messages={"required": "Choose at least one column"},
    )
    move = forms.CharField(required=False, max_length=30)


class WayBackForm(forms.Form):
    """The mark of the list that a page was opened from (way_back.py)."""


WayBackForm.base_fields["from"] = forms.CharField(required=False)


class References(forms.Field):
    """References of transactions, each given once or several times."""

    widget = forms.MultipleHiddenInput

    def __init__(self, *, most: int) -> None:
        super().__init__(required=False)
        self.most = most

    def clean(self, value: Any) -> list[str]:
        given = sorted({str(one).replace("\x00", "") for one in value or []})
        if len(given) > self.most:
            raise forms.ValidationError(f"Ask for {self.most} transactions or fewer at once.")
        return given


class Cursor(forms.Field):
    """When a page of a list was put together, in seconds, and the newest row that it shows: "1790000000.5~PSL1"."""

    def clean(self, value: Any) -> tuple[dt.datetime, str] | None:
        moment, _, newest = str(value or "").replace("\x00", "").partition("~")
        if not moment:
            return None
        try:
            return dt.datetime.fromtimestamp(float(moment), dt.UTC), newest
        except (ValueError, OverflowError, OSError):
            raise forms.ValidationError("The cursor cannot be read; reload the page.") from None


class RowsForm(forms.Form):
    """Of which transactions a page wants the rows again."""

    ref = References(most=100)


class NewsForm(forms.Form):
    """Since when a page wants to know what is new."""

    since = Cursor(required=False)


class PartsForm(forms.Form):
    """Which version of a transaction a page shows."""

    version = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class ListenForm(forms.Form):
    """From where on a page wants to be told what changed: the last event that it knows, or its own moment."""

    last = forms.CharField(required=False, max_length=40)
    since = forms.FloatField(required=False, min_value=0, max_value=4e9)
