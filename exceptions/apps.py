"""App configuration of `exceptions`."""

from django.apps import AppConfig


class ExceptionsConfig(AppConfig):
    name = "exceptions"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Exceptions"

    def ready(self) -> None:
        from accounts import leaving, notifications
        from exceptions import bulk, flags, guards, handling, jobs, operations, panels, reversals
        from transactions import deeds

        panels.register()
        flags.register()
        bulk.register_all()
        operations.register()
        reversals.register()
        notifications.register(handling.GIVEN, jobs.FINISHED, reversals.CHECKED)
        noun = ("transaction with exceptions", "transactions with exceptions")
        leaving.register(leaving.Work("exception", noun, handling.RIGHT, handling.in_hand, handling.give_back))
        for deed in guards.DEEDS.values():
            if deed is not guards.REVERSE:
                deeds.register(deed)
