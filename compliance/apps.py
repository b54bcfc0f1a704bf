"""App configuration of `compliance`."""

from django.apps import AppConfig


class ComplianceConfig(AppConfig):
    name = "compliance"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Compliance"

    def ready(self) -> None:
        from accounts import notifications
        from compliance import actions, desk, flags, operations, panels, then
        from transactions import way_back

        panels.register()
        then.register()
        flags.register()
        operations.register()
        desk.register()
        notifications.register(actions.TAKEN, actions.ESCALATED)
        way_back.register("c", "compliance:queue")
