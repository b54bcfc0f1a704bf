"""The contents page of reports: the dashboard and the radar, standing reports, exports and certificates."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "reports"

urlpatterns: list[URLPattern] = []
