"""How every form looks: labels above, hints before, errors with their field, the class that each control needs."""

from __future__ import annotations

import pytest
from django import forms
from django.template.loader import render_to_string

from backoffice.forms import Field, Renderer, control_class


class NoteForm(forms.Form):
    channel = forms.ChoiceField(choices=[("p", "Phone"), ("e", "E-mail")], widget=forms.RadioSelect)
    asker = forms.CharField(
        label="Who asked",
        help_text="Name and desk",
        error_messages={"required": "Enter who asked"},
        widget=forms.TextInput(attrs={"class": "mono"}),
    )
    text = forms.CharField(required=False, widget=forms.Textarea)
    closed = forms.BooleanField(required=False)
    token = forms.CharField(widget=forms.HiddenInput, initial="x")


@pytest.fixture
def unsent() -> NoteForm:
    return NoteForm(renderer=Renderer())


@pytest.fixture
def refused() -> NoteForm:
    form = NoteForm({"text": "kept", "token": "x"}, renderer=Renderer())
    assert not form.is_valid()
    return form


def test_every_field_has_its_label_and_only_optional_ones_say_so(unsent: NoteForm) -> None:
    html = str(unsent)
    assert '<label for="id_asker">Who asked</label>' in html
    assert '<label for="id_text">Text <span class="optional">(optional)</span></label>' in html
    assert "<legend>Channel</legend>" in html
    assert "*" not in html


def test_each_kind_of_control_has_its_class_beside_its_own(unsent: NoteForm) -> None:
    assert isinstance(unsent["asker"], Field)
    assert 'class="mono form-control"' in str(unsent["asker"])
    assert 'class="form-control"' in str(unsent["text"])
    assert 'class="form-check-input"' in str(unsent["closed"])
    assert "class" not in str(unsent["token"])
    assert control_class(forms.Select()) == "form-select"


def test_the_list_of_a_radio_group_does_not_look_like_a_radio_button(unsent: NoteForm) -> None:
    html = str(unsent["channel"])
    assert '<div class="choices" id="id_channel">' in html
    assert html.count('class="form-check-input"') == 2


def test_a_hint_stands_before_its_control_and_is_read_with_it(unsent: NoteForm) -> None:
    html = unsent["asker"].as_field_group()
    assert html.index('id="id_asker_helptext"') < html.index("<input")
    assert 'aria-describedby="id_asker_helptext"' in html


def test_an_error_stands_with_its_field_and_what_was_typed_is_kept(refused: NoteForm) -> None:
    html = str(refused)
    assert '<span class="visually-hidden">Error:</span> Enter who asked' in html
    assert 'aria-invalid="true" aria-describedby="id_asker_helptext id_asker_error"' in html
    assert ">\nkept</textarea>" in html
    assert html.count("field-bad") == 2


def test_the_summary_links_each_error_to_its_field(refused: NoteForm) -> None:
    refused.add_error(None, "Something else")
    html = render_to_string("_error_summary.html", {"form": refused})
    assert "There is a problem" in html
    assert '<a href="#id_asker">Enter who asked</a>' in html
    assert '<a href="#id_channel">' in html
    assert "Something else" in html
    for name in ("id_asker", "id_channel"):
        assert f'id="{name}"' in str(refused)


def test_without_errors_there_is_no_summary(unsent: NoteForm) -> None:
    assert "problem" not in render_to_string("_error_summary.html", {"form": unsent})
