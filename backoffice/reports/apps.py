"""App configuration of `backoffice.reports`."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "backoffice.reports"
    label = "reports"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Reports"

    def ready(self) -> None:
        from accounts import notifications
        from backoffice.reports import alarms, certificate_offers, dashboard, exporting, kinds, operations, radar
        from transactions import bulk_deeds

        notifications.register(exporting.FINISHED, alarms.TOLD)
        dashboard.register()
        radar.register()
        kinds.register()
        operations.register()
        certificate_offers.register()
        bulk_deeds.register(
            bulk_deeds.BulkDeed(
                "export",
                "Export selected",
                "reports.create_export",
                "reports:export-new",
                order=25,
                takes_everything=True,
            )
        )
