"""Signing in and out, one's own account, and the inbox of the second person."""

from django.urls import path

from accounts.views import account, approvals

app_name = "accounts"

urlpatterns = [
    path("login/", account.login, name="login"),
    path("logout/", account.logout, name="logout"),
    path("account/", account.account, name="account"),
    path("account/stay/", account.stay, name="stay"),
    path("account/password/", account.password, name="password"),
    path("approvals/", approvals.inbox, name="approvals"),
    path("approvals/batches/<uuid:batch>/", approvals.batch, name="batch"),
    path("approvals/<str:approval>/", approvals.request_page, name="request"),
    path("approvals/<str:approval>/withdraw/", approvals.withdraw, name="withdraw"),
]
