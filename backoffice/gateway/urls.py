"""The platform's door, its description, and the page of its problems."""

from django.urls import path

from backoffice.gateway import views

app_name = "gateway"

urlpatterns = [
    path("events", views.events, name="events"),
    path("openapi.json", views.openapi, name="openapi"),
    path("problems/", views.problems, name="problems"),
]
