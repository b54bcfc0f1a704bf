"""The contents page of reports: the dashboard and the radar, standing reports, exports and certificates."""

from __future__ import annotations

from django.urls import URLPattern, path

from backoffice.reports.views import reports

app_name = "reports"

urlpatterns: list[URLPattern] = [
    path("reports/", reports.reports, name="reports"),
    path("reports/<slug:slug>/", reports.report, name="report"),
    path("reports/<slug:slug>/<slug:kind>/", reports.report_file, name="report-file"),
]
