"""The room of people, rights, organisations and scopes."""

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "People and organisations"

    def ready(self) -> None:
        from accounts import administration, maker_checker
        from accounts.signing_in import keep_last_login

        maker_checker.register(
            maker_checker.Operation(
                "reference",
                "Change of settings",
                propose="accounts.propose_reference",
                decide="accounts.decide_reference",
                load=administration.load_changed,
                guards=administration.why_not_change,
                execute=administration.carry_out_change,
                kind="Settings",
                effect="Settings",
                changes_rights=True,
            )
        )

        # under the name of Django's own receiver, which then stays away: it would leave a history row at each sign-in
        user_logged_in.disconnect(dispatch_uid="update_last_login")
        user_logged_in.connect(keep_last_login, dispatch_uid="update_last_login")
