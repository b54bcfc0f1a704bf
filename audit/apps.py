"""App configuration of `audit`."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Trail"

    def ready(self) -> None:
        from audit import objects

        objects.register_own()
