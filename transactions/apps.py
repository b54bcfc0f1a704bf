"""App configuration of `transactions`."""

from django.apps import AppConfig


class TransactionsConfig(AppConfig):
    name = "transactions"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Transactions"

    def ready(self) -> None:
        from transactions import kinds, sections

        sections.register()
        kinds.register()
