"""The forms of signing in and of one's own account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from zoneinfo import available_timezones

from allauth.account.forms import LoginForm
from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.core.exceptions import ValidationError

from accounts import notifications
from accounts.adapter import ONE_TEXT
from accounts.models import User

if TYPE_CHECKING:
    PersonForm = forms.ModelForm[User]
else:
    PersonForm = forms.ModelForm

PAGE_SIZES: Final = (25, 50, 100)
_PLACES: Final = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


class SignInForm(LoginForm):  # type: ignore[misc]
    """User name and password. Whatever is wrong with what was typed has the same text, but for nothing typed at all."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name, password = self.fields["login"], self.fields["password"]
        name.label, password.label = "User name", "Password"
        name.error_messages |= {"required": "Enter your user name"}
        password.error_messages |= {"required": "Enter your password"}

    def clean(self) -> dict[str, Any] | None:
        errors = self.errors.as_data().values()
        if any(error.code != "required" for listed in errors for error in listed):
            raise ValidationError(ONE_TEXT)
        cleaned: dict[str, Any] | None = super().clean()
        return cleaned


class PreferencesForm(PersonForm):
    """How the product shows itself to one person."""

    time_zone = forms.ChoiceField(help_text="All times are shown in it.")
    page_size = forms.TypedChoiceField(
        label="Rows on a page", coerce=int, choices=[(size, str(size)) for size in PAGE_SIZES]
    )

    class Meta:
        model = User
        fields = ["time_zone", "theme", "density", "page_size", "single_keys", "announcements"]
        labels = {
            "single_keys": "Single-key shortcuts, such as / for search",
            "announcements": "Announce changes on the page to screen readers",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = {"UTC", self.instance.time_zone, *(z for z in available_timezones() if z.partition("/")[0] in _PLACES)}
        zone = self.fields["time_zone"]
        if isinstance(zone, forms.ChoiceField):
            zone.choices = [(name, name.replace("_", " ")) for name in sorted(zones)]


class ToldForm(forms.Form):
    """Of what a person wants to be told. What is not ticked is not told from now on."""

    told = forms.MultipleChoiceField(
        label="Tell me when", required=False, widget=forms.CheckboxSelectMultiple, help_text="In the product only."
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds, told = notifications.kinds_for(user), self.fields["told"]
        told.initial = [kind.key for kind in self.kinds if kind.key not in user.quiet_kinds]
        if isinstance(told, forms.MultipleChoiceField):
            told.choices = [(kind.key, kind.label) for kind in self.kinds]

    @property
    def quiet(self) -> list[str]:
        """The kinds that were not ticked."""
        return sorted(kind.key for kind in self.kinds if kind.key not in self.cleaned_data["told"])


class NotificationForm(forms.Form):
    """Which notification was read; without a key all of them."""

    key = forms.UUIDField(required=False)


class PasswordForm(PasswordChangeForm):
    """The present password once, the new one twice."""

    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_incorrect": "The present password is not right.",
        "password_mismatch": "The two new passwords differ.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        texts = {
            "old_password": ("Present password", "Enter your present password"),
            "new_password1": ("New password", "Enter a new password"),
            "new_password2": ("New password once more", "Enter the new password once more"),
        }
        for name, (label, required) in texts.items():
            self.fields[name].label = label
            self.fields[name].error_messages |= {"required": required}
        self.fields["new_password1"].help_text = "12 characters or more; several words make a good one."
        self.fields["new_password2"].help_text = ""

    def clean_new_password1(self) -> str:
        chosen: str = self.cleaned_data["new_password1"]
        if chosen and self.user.check_password(chosen):
            raise ValidationError("Choose a password that differs from the present one.")
        return chosen


class FirstForm(forms.Form):
    """Whether the reader of a request asked to see what the first person said."""

    first = forms.ChoiceField(choices=[("show", "Show")])

    @property
    def is_asked_for(self) -> bool:
        return self.is_valid()


class DecisionForm(forms.Form):
    """What the second person says, and why."""

    decision = forms.ChoiceField(
        label="Your decision",
        choices=[("approve", "Approve"), ("send_back", "Send back"), ("reject", "Reject")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose approve, send back or reject"},
    )
    note = forms.CharField(
        label="Note",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Needed when you send back or reject. The person who asked reads it.",
        error_messages={"max_length": "Keep the note to 2,000 characters or less"},
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("decision") in ("send_back", "reject") and not cleaned.get("note"):
            self.add_error("note", "Enter why, so that the person who asked can go on")
        return cleaned
