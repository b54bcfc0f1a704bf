"""How forms look: the renderer of every form, and the classes of Bootstrap on its fields."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting

_PLAIN: Final = (forms.CheckboxInput, forms.RadioSelect, forms.CheckboxSelectMultiple)


class Field(BoundField):
    """A field whose control carries the class that its kind needs. What the widget itself says stays."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        widget = widget or self.field.widget
        built: dict[str, Any] = super().build_widget_attrs(attrs, widget)
        if not widget.is_hidden and not type(widget).__module__.startswith("django.contrib.admin"):
            named = [attrs.get("class", ""), widget.attrs.get("class", ""), control_class(widget)]
            built["class"] = " ".join(filter(None, named))
        return built

    @property
    def is_tick(self) -> bool:
        """Whether the control is one box, which stands before its label."""
        return isinstance(self.field.widget, forms.CheckboxInput)


class Renderer(TemplatesSetting):
    """Renders forms with the project's own templates; labels above, hints before the control, errors with the field."""

    form_template_name = "django/forms/page_form.html"
    field_template_name = "django/forms/page_field.html"
    bound_field_class = Field


def control_class(widget: forms.Widget) -> str:
    """The class of Bootstrap for a widget."""
    if isinstance(widget, _PLAIN):
        return "form-check-input"
    return "form-select" if isinstance(widget, forms.Select) else "form-control"
