"""What a person writes to a deed at the exception desk: the reason, a note, and treasury's evidence."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final
from uuid import uuid4

from django import forms
from django.http import QueryDict
from django.utils import timezone

from transactions.deeds import Offer
from transactions.facts import Facts

MOST_BYTES: Final = 2_000_000
KINDS: Final = {b"%PDF-": "application/pdf", b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}
REASONS: Final[dict[str, list[tuple[str, str]]]] = {
    "repush": [
        ("BANK_BACK", "The bank works again"),
        ("FUNDED", "The settlement account was funded"),
        ("BANK_ASKED", "The bank asked for it"),
        ("OTHER", "Another reason, in the note"),
    ],
    "inquire": [
        ("PARTNER", "The partner asks"),
        ("LATE", "It takes too long"),
        ("UNKNOWN", "The outcome is not known"),
        ("OTHER", "Another reason, in the note"),
    ],
    "move_to_rtgs": [
        ("RAIL_DOWN", "The other rails are down"),
        ("LIMIT", "The amount is over the rail's limit"),
        ("OTHER", "Another reason, in the note"),
    ],
    "send_back": [
        ("DATA", "The data must be corrected"),
        ("PARTNER", "The partner asks"),
        ("OTHER", "Another reason, in the note"),
    ],
    "cancel": [
        ("CUST", "Requested by the customer"),
        ("FOCR", "Requested by the partner"),
        ("CNPC", "Not picked up in time"),
        ("OTHER", "Another reason, in the note"),
    ],
    "override_duplicate": [
        ("DIFFERENT", "Two different payments"),
        ("PARTNER", "The partner confirmed both"),
        ("OTHER", "Another reason, in the note"),
    ],
    "mark_manually_settled": [("SETTLED", "Settled by hand on RTGS"), ("OTHER", "Another reason, in the note")],
    "mark_reversed": [
        ("RETURNED", "RTGS returned it"),
        ("WRONG", "It was settled by mistake"),
        ("OTHER", "Another reason, in the note"),
    ],
}


class DeedForm(forms.Form):
    """Why the deed is done, on which version of the transaction, and a token, so that the same form counts once."""

    prefix = "deed"
    reason_code = forms.ChoiceField(label="Reason", error_messages={"required": "Choose a reason"})
    note = forms.CharField(
        label="Note",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Needed for another reason, and where a second person must agree.",
        error_messages={"max_length": "Keep the note to 2,000 characters or less"},
    )
    version = forms.IntegerField(widget=forms.HiddenInput)
    token = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, offer: Offer, facts: Facts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer = offer
        field = self.fields["reason_code"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", "Choose one"), *REASONS[offer.deed.key]]
        self.initial.update({"version": facts.transaction.version, "token": uuid4()})

    def take_version(self, version: int) -> None:
        """Let the form, shown again with what changed, be about this version of the transaction."""
        data = QueryDict(mutable=True)
        data.update({name: self.data[name] for name in self.data})
        data[self.add_prefix("version")] = str(version)
        self.data = data

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("note") and (cleaned.get("reason_code") == "OTHER" or self.offer.second_person):
            self.add_error("note", "Enter a note that says why")
        return cleaned


class EvidenceForm(DeedForm):
    """The same with a file that proves it."""

    evidence = forms.FileField(
        label="Evidence",
        help_text="The bank's confirmation as PDF, PNG or JPEG, at most 2 MB.",
        error_messages={"required": "Choose the file that proves it", "empty": "This file is empty"},
    )

    def clean_evidence(self) -> Any:
        file = self.cleaned_data["evidence"]
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError("This file is larger than 2 MB")
        if kind_of(file) is None:
            raise forms.ValidationError("This file is neither a PDF nor a PNG or JPEG picture")
        return file


class SettlementForm(EvidenceForm):
    """What treasury settled by hand: the rail's reference and the day."""

    rtgs_reference = forms.RegexField(
        r"^[!-~]{4,64}$",
        label="RTGS reference",
        error_messages={"required": "Enter the RTGS reference", "invalid": "Use 4 to 64 characters without spaces"},
    )
    settled_on = forms.DateField(
        label="Settled on",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": "Enter the day", "invalid": "Enter the day as year-month-day, such as 2026-11-22"},
    )

    def clean_settled_on(self) -> dt.date:
        day: dt.date = self.cleaned_data["settled_on"]
        if day > timezone.localdate():
            raise forms.ValidationError("This day has not come yet")
        return day


FORMS: Final[dict[str, type[DeedForm]]] = {"mark_manually_settled": SettlementForm, "mark_reversed": EvidenceForm}


def kind_of(file: Any) -> str | None:
    """What a file is by its first bytes, or None for what is not accepted."""
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    return next((kind for start, kind in KINDS.items() if head.startswith(start)), None)
