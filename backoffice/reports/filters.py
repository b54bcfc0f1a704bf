"""The lists of the reports room as an address asks for them."""

from __future__ import annotations

from typing import Any

import django_filters

from backoffice.reports.models import Export


class ExportFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What one's own exports can be narrowed by."""

    state = django_filters.ChoiceFilter(label="State", choices=Export.State.choices, empty_label="Any state")

    class Meta:
        model = Export
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for item in self.form.fields.values():
            item.is_filter = True
