"""The contents page of reports: the dashboard and the radar, standing reports, exports and certificates."""

from __future__ import annotations

from django.urls import URLPattern, path

from backoffice.reports.views import exports, reports

app_name = "reports"

urlpatterns: list[URLPattern] = [
    path("reports/", reports.reports, name="reports"),
    path("reports/<slug:slug>/", reports.report, name="report"),
    path("reports/<slug:slug>/<slug:kind>/", reports.report_file, name="report-file"),
    path("exports/", exports.exports, name="exports"),
    path("exports/new/", exports.new, {"source": "transactions"}, name="export-new"),
    path("exports/new/trail/", exports.new, {"source": "trail"}, name="export-new-trail"),
    path("exports/<str:number>/", exports.export, name="export"),
    path("exports/<str:number>/progress/", exports.progress, name="export-progress"),
    path("exports/<str:number>/file/", exports.file, name="export-file"),
    path("exports/<str:number>/sidecar/", exports.sidecar, name="export-sidecar"),
]
