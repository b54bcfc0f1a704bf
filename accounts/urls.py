"""Signing in and out, one's own account, what one is told, and the inbox of the second person."""

from django.urls import path

from accounts.views import account, approvals, notifications

app_name = "accounts"

urlpatterns = [
    path("login/", account.login, name="login"),
    path("logout/", account.logout, name="logout"),
    path("account/", account.account, name="account"),
    path("account/stay/", account.stay, name="stay"),
    path("account/password/", account.password, name="password"),
    path("account/notifications/", notifications.preferences, name="told"),
    path("notifications/", notifications.page, name="notifications"),
    path("notifications/read/", notifications.read, name="notifications_read"),
    path("approvals/", approvals.inbox, name="approvals"),
    path("approvals/batches/<uuid:batch>/", approvals.batch, name="batch"),
    path("approvals/<str:approval>/", approvals.request_page, name="request"),
    path("approvals/<str:approval>/state/", approvals.state, name="request-state"),
    path("approvals/<str:approval>/withdraw/", approvals.withdraw, name="withdraw"),
]
