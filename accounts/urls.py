"""Signing in and out, and one's own account."""

from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("login/", views.login, name="login"),
    path("logout/", views.logout, name="logout"),
    path("account/", views.account, name="account"),
    path("account/stay/", views.stay, name="stay"),
    path("account/password/", views.password, name="password"),
]
