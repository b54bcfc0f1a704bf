"""The room of people, rights, organisations and scopes."""

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "People and organisations"

    def ready(self) -> None:
        from accounts import maker_checker, notifications, proposals
        from accounts.signing_in import keep_last_login

        proposals.register_own()

        notifications.register(maker_checker.WAITS, maker_checker.ENDED)

        # under the name of Django's own receiver, which then stays away: it would leave a history row at each sign-in
        user_logged_in.disconnect(dispatch_uid="update_last_login")
        user_logged_in.connect(keep_last_login, dispatch_uid="update_last_login")
