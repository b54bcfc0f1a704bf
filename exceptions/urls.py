"""The exception desk, bulk jobs, reversals and the RTGS desk."""

from django.urls import path

from exceptions.views import desk

app_name = "exceptions"

urlpatterns = [
    path("exceptions/", desk.desk, name="desk"),
    path("exceptions/of/<str:reference>/", desk.work, name="work"),
    path("exceptions/<str:reason>/", desk.group, name="group"),
]
