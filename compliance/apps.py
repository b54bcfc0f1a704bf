"""App configuration of `compliance`."""

from django.apps import AppConfig


class ComplianceConfig(AppConfig):
    name = "compliance"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Compliance"

    def ready(self) -> None:
        from accounts import leaving, notifications
        from compliance import actions, desk, flags, operations, panels, then
        from compliance.models import Case
        from transactions import way_back

        panels.register()
        then.register()
        flags.register()
        operations.register()
        desk.register()
        notifications.register(actions.TAKEN, actions.ESCALATED)
        noun, hands = ("open case", "open cases"), Case.objects.open()
        leaving.register(
            leaving.Work("case", noun, actions.WORK, lambda one: hands.assigned_to(one).count(), actions.give_back)
        )
        way_back.register("c", "compliance:queue")
