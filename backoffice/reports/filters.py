"""The lists of the reports room as an address asks for them."""

from __future__ import annotations

from typing import Any

import django_filters

from backoffice.reports.models import Certificate, Export


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


class CertificateFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What e-PRCs can be narrowed by, and the place where a page begins."""

    number = django_filters.CharFilter(label="Number", method="numbered")
    ref = django_filters.CharFilter(label="Transaction", field_name="transaction__txn_id")
    state = django_filters.ChoiceFilter(label="State", choices=Certificate.State.choices, empty_label="Any state")
    after = django_filters.CharFilter(method="following")

    class Meta:
        model = Certificate
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for item in self.form.fields.values():
            item.is_filter = True

    def numbered(self, rows: Any, _name: str, value: str) -> Any:
        return rows.called(value.strip().upper())

    def following(self, rows: Any, _name: str, value: str) -> Any:
        place = rows.called(value).first()
        return rows.older_than(place) if place else rows.none()
