"""The contents page of the product: which room answers which address."""

from django.contrib import admin
from django.urls import include, path

from backoffice import views

handler400 = "backoffice.errors.bad_request"
handler403 = "backoffice.errors.permission_denied"
handler404 = "backoffice.errors.not_found"
handler500 = "backoffice.errors.server_error"

urlpatterns = [
    path("", views.home, name="home"),
    path("start/", views.start, name="start"),
    path("", include("accounts.urls")),
    path("", include("transactions.urls")),
    path("", include("exceptions.urls")),
    path("", include("compliance.urls")),
    path("", include("audit.urls")),
    path("", include("backoffice.reports.urls")),
    path("gateway/", include("backoffice.gateway.urls")),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("admin/", admin.site.urls),
]
