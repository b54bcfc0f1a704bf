"""What people choose in the reports room, checked and put in order before a deed sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import forms

from accounts.access import has
from accounts.models import User
from backoffice.reports import writing
from backoffice.reports.columns import Column
from backoffice.reports.models import Export
from backoffice.reports.sources import Question, Source

SCREEN, ALL, CHOSEN = "screen", "all", "chosen"
MOST_TICKED: Final = 2_000


class ExportForm(forms.Form):
    """Which columns, which kind of file, and whether personal data are asked for clear."""

    which = forms.ChoiceField(label="Columns", widget=forms.RadioSelect, initial=SCREEN)
    columns = forms.MultipleChoiceField(
        label="These columns", required=False, widget=forms.CheckboxSelectMultiple,
        help_text="Only where you chose to tick them yourself.",
    )  # fmt: skip
    format = forms.ChoiceField(
        label="Format",
        choices=[(one.key, one.label) for one in writing.FORMATS.values()],
        initial=Export.Format.CSV,
        widget=forms.RadioSelect,
    )
    unmasked = forms.BooleanField(
        label="Ask for personal data clear",
        required=False,
        help_text="Only what your role may reveal. A second person decides; the file is kept for one day.",
    )
    reason = forms.CharField(
        label="Why they are needed",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Only for personal data. Whoever decides reads it. No personal data here.",
    )
    expected = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)

    def __init__(self, *args: Any, source: Source, question: Question, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered: Sequence[Column] = source.columns_for(by)
        shown = [key for key in question.on_screen if key in {one.key for one in self.offered}]
        self.shown = shown
        self.fields["which"].choices = [  # type: ignore[attr-defined]
            (SCREEN, f"As on screen ({len(shown)})"),
            (ALL, f"All that I may see ({len(self.offered)})"),
            (CHOSEN, "Those that I tick"),
        ]
        self.fields["columns"].choices = [(one.key, one.label) for one in self.offered]  # type: ignore[attr-defined]
        self.fields["columns"].initial = shown
        if not (has(by, "reports.request_unmasked") and any(one.hides for one in self.offered)):
            del self.fields["unmasked"], self.fields["reason"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("which") == CHOSEN and not cleaned.get("columns") and "columns" not in self.errors:
            self.add_error("columns", "Tick at least one column.")
        if cleaned.get("unmasked") and not cleaned.get("reason", "").strip():
            self.add_error("reason", "Enter why the personal data are needed clear.")
        return cleaned

    @property
    def keys(self) -> list[str]:
        """The chosen columns, in the order of a file."""
        which = self.cleaned_data["which"]
        if which == SCREEN:
            return list(self.shown)
        return [one.key for one in self.offered if which == ALL or one.key in self.cleaned_data["columns"]]


class ChoiceForm(forms.Form):
    """What was chosen in a list: ticked rows, or its question at a moment."""

    refs = forms.CharField(required=False, max_length=MOST_TICKED * 101)
    all = forms.BooleanField(required=False)
    query = forms.CharField(required=False, max_length=4000)
    moment = forms.DateTimeField(required=False, input_formats=["%Y-%m-%dT%H:%M:%S.%f%z"])

    @property
    def ticked(self) -> list[str]:
        """The references that were ticked; none where everything was chosen."""
        if self.cleaned_data["all"]:
            return []
        names = [*self.data.getlist("ref"), *self.cleaned_data["refs"].split()]  # type: ignore[attr-defined]
        return list(dict.fromkeys(name.replace("\x00", "")[:100] for name in names))


class VerifyForm(forms.Form):
    """What stands on the paper of a certificate."""

    number = forms.CharField(
        label="Certificate number",
        max_length=40,
        help_text="For example PRC-2026-0000001.",
        error_messages={"required": "Enter the number of the certificate"},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    code = forms.CharField(
        label="Check code",
        max_length=40,
        help_text="Twelve letters and digits, at the foot of the paper.",
        error_messages={"required": "Enter the check code"},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class VoidForm(forms.Form):
    """Why a certificate should be void, and whether a new one takes its place."""

    note = forms.CharField(
        label="Why",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Whoever decides reads it. No personal data here.",
        error_messages={"required": "Enter why"},
    )
    reissue = forms.BooleanField(label="Issue a new certificate in its place", required=False)
