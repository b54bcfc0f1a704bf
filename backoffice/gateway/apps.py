"""App configuration of `backoffice.gateway`."""

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "backoffice.gateway"
    label = "gateway"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Gateway"
