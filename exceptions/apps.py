"""App configuration of `exceptions`."""

from django.apps import AppConfig


class ExceptionsConfig(AppConfig):
    name = "exceptions"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Exceptions"

    def ready(self) -> None:
        from exceptions import bulk, flags, operations, panels, reversals

        panels.register()
        flags.register()
        bulk.register_all()
        operations.register()
        reversals.register()
