"""What people type at the exception desk, checked and put in order before a deed sees it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.utils import timezone

from accounts.access import has, may_work_on
from exceptions.bulk import BulkDeed
from exceptions.deed_forms import REASONS
from exceptions.handling import LONGEST_SNOOZE, RIGHT, colleagues
from transactions.bank_days import OPENS, ZONE, is_bank_day
from transactions.filters import DayField
from transactions.models import Holiday

if TYPE_CHECKING:
    from accounts.models import User
    from transactions.models import Transaction

NOBODY: Final = "-"
SPANS: Final = [("1h", "In 1 hour"), ("4h", "In 4 hours"), ("next", "Next bank day, 09:00"), ("day", "On another day")]
_HOURS: Final = {"1h": 1, "4h": 4}


class AssignForm(forms.Form):
    """Who works on it from now on. `seen` is who had it when the page was made."""

    prefix = "assign"
    to = forms.ChoiceField(label="Who works on it", error_messages={"required": "Choose somebody"})
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, by: User, remittance: Transaction | None = None, **kwargs: Any) -> None:
        """Offers those who may work on `remittance`; without one, everybody who works on exceptions."""
        super().__init__(*args, **kwargs)
        self.people = {one.username: one for one in colleagues() if remittance is None or may_work_on(one, remittance)}
        mine = [(by.username, "Me")] if has(by, RIGHT) else []
        others = [(name, str(one)) for name, one in self.people.items() if one != by]
        self.fields["to"].choices = [*mine, *others, (NOBODY, "Nobody: give it back")]  # type: ignore[attr-defined]

    @property
    def taker(self) -> User | None:
        """The chosen colleague; None for nobody."""
        return self.people.get(self.cleaned_data["to"])


class SnoozeForm(forms.Form):
    """Until when and why it is put aside."""

    prefix = "snooze"
    span = forms.ChoiceField(
        label="Comes back", choices=SPANS, error_messages={"required": "Choose when it comes back"}
    )
    day = DayField(label="Day", required=False, help_text="Only for another day; it comes back at 09:00 in Pakistan.")
    reason = forms.CharField(
        label="Why",
        max_length=200,
        help_text="For example: the bank answers tomorrow. No personal data here.",
        error_messages={"required": "Enter why it can wait", "max_length": "Keep it to 200 characters or less"},
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        span, now = cleaned.get("span"), timezone.now()
        if span == "day" and not cleaned.get("day") and "day" not in self.errors:
            self.add_error("day", "Enter a date like 22 Nov 2026.")
        elif span and not self.errors:
            cleaned["until"] = until = _moment(span, cleaned.get("day"), now)
            if not now < until <= now + LONGEST_SNOOZE:
                self.add_error("day", "Choose a day within the next 14 days")
        return cleaned


def _moment(span: str, day: dt.date | None, now: dt.datetime) -> dt.datetime:
    if span in _HOURS:
        return now + dt.timedelta(hours=_HOURS[span])
    if span == "next" or day is None:
        holidays = frozenset(Holiday.objects.values_list("day", flat=True))
        day = now.astimezone(ZONE).date() + dt.timedelta(days=1)
        while not is_bank_day(day, holidays):
            day += dt.timedelta(days=1)
    return dt.datetime.combine(day, OPENS, ZONE)


class SettleForm(forms.Form):
    """How somebody dealt with what happened once."""

    prefix = "settle"
    item = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    reason = forms.CharField(
        label="What you did about it",
        max_length=300,
        error_messages={"required": "Enter what you did about it", "max_length": "Keep it to 300 characters or less"},
    )


class ChoiceForm(forms.Form):
    """Which rows were chosen: ticked ones, everything that a list matches, or what an earlier job did not do."""

    refs = forms.CharField(required=False, max_length=1_100_000)
    all = forms.BooleanField(required=False)
    query = forms.CharField(required=False, max_length=2000)
    moment = forms.DateTimeField(required=False, input_formats=["%Y-%m-%dT%H:%M:%S.%f%z"])
    group = forms.CharField(required=False, max_length=80)
    job = forms.CharField(required=False, max_length=20)

    @property
    def ticked(self) -> list[str]:
        """The ticked references, each once, in their order."""
        given = [*self.data.getlist("ref"), *self.cleaned_data["refs"].split()]  # type: ignore[attr-defined]
        return list(dict.fromkeys(name.replace("\x00", "") for name in given))


class ConfirmForm(forms.Form):
    """What a job needs beside its rows: why, or who works on them from now on; how many rows the person saw."""

    reason_code = forms.ChoiceField(label="Reason", error_messages={"required": "Choose a reason"})
    note = forms.CharField(
        label="Note",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Needed for another reason, and where a second person must agree. It stands with each transaction; "
        "no personal data here.",
        error_messages={"required": "Enter why you do this", "max_length": "Keep it to 2,000 characters or less"},
    )
    to = forms.ChoiceField(label="Who works on them", error_messages={"required": "Choose somebody"})
    expected = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)

    def __init__(self, *args: Any, deed: BulkDeed, by: User, second: int = 0, **kwargs: Any) -> None:
        """`second` is how many of the rows need a second person."""
        super().__init__(*args, **kwargs)
        self.second = second
        others = [(one.username, str(one)) for one in colleagues() if one != by]
        self.fields["to"].choices = [(by.username, "Me"), *others, (NOBODY, "Nobody: give them back")]  # type: ignore[attr-defined]
        reasons = REASONS.get(deed.key, [])
        self.fields["reason_code"].choices = [("", "Choose one"), *reasons]  # type: ignore[attr-defined]
        self.fields["note"].required = not reasons
        for name in {"note", "to", "reason_code"} - {deed.asks_for, *(["reason_code"] if reasons else [])}:
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        needs_note = cleaned.get("reason_code") == "OTHER" or self.second
        if "reason_code" in self.fields and needs_note and not cleaned.get("note"):
            self.add_error("note", "Enter a note that says why")
        return cleaned


class UploadForm(forms.Form):
    """A spreadsheet that somebody brings."""

    file = forms.FileField(
        label="File",
        help_text="XLSX or CSV with the template's columns, at most 10,000 rows and 5 MB.",
        error_messages={"required": "Choose a file", "empty": "The file is empty. Fill in the template first."},
    )


class ProposeForm(forms.Form):
    """Why what a file names should be undone; bound to the version of the file that the person saw."""

    note = forms.CharField(
        label="Why",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The second person reads it. No personal data here.",
        error_messages={"required": "Enter why these payments are reversed"},
    )
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)


class SheetForm(UploadForm):
    """A sheet of rows that was taken from here and filled in."""
