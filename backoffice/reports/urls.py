"""The contents page of reports: the dashboard and the radar, standing reports, exports and certificates."""

from __future__ import annotations

from django.urls import URLPattern, path

from backoffice.reports.views import certificates, exports, radar, reports

app_name = "reports"

urlpatterns: list[URLPattern] = [
    path("radar/", radar.radar, name="radar"),
    path("radar/alarms/<int:alarm>/seen/", radar.see, name="see-alarm"),
    path("reports/", reports.reports, name="reports"),
    path("reports/<slug:slug>/", reports.report, name="report"),
    path("reports/<slug:slug>/<slug:kind>/", reports.report_file, name="report-file"),
    path("exports/", exports.exports, name="exports"),
    path("exports/new/", exports.new, {"source": "transactions"}, name="export-new"),
    path("exports/new/trail/", exports.new, {"source": "trail"}, name="export-new-trail"),
    path("eprc/", certificates.listed, name="certificates"),
    path("eprc/verify/", certificates.verify, name="certificate-verify"),
    path("eprc/many/", certificates.many, name="certificates-many"),
    path("eprc/<str:number>/", certificates.certificate, name="certificate"),
    path("eprc/<str:number>/paper/", certificates.paper, name="certificate-paper"),
    path("transactions/<str:reference>/eprc/", certificates.issue, name="certificate-issue"),
    path("exports/<str:number>/", exports.export, name="export"),
    path("exports/<str:number>/progress/", exports.progress, name="export-progress"),
    path("exports/<str:number>/file/", exports.file, name="export-file"),
    path("exports/<str:number>/sidecar/", exports.sidecar, name="export-sidecar"),
]
