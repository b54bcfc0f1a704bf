"""App configuration of `backoffice.reports`."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "backoffice.reports"
    label = "reports"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Reports"

    def ready(self) -> None:
        from backoffice.reports import dashboard, kinds

        dashboard.register()
        kinds.register()
