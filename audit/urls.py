"""The trail's own pages: the explorer, one entry, one object, the chain."""

from django.urls import path

from audit import views

app_name = "audit"

urlpatterns = [
    path("audit/", views.explorer, name="explorer"),
    path("audit/new/", views.new, name="new"),
    path("audit/chain/", views.chain, name="chain"),
    path("audit/chain/verify/", views.verify, name="verify"),
    path("audit/e/<int:seq>/", views.entry, name="entry"),
    path("audit/o/<str:object_type>/<path:object_id>/at/", views.object_at, name="object-at"),
    path("audit/o/<str:object_type>/<path:object_id>/", views.object_history, name="object"),
]
