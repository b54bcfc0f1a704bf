"""The shell as an installed app, so that its management commands are found."""

from django.apps import AppConfig


class BackofficeConfig(AppConfig):
    name = "backoffice"
    label = "backoffice"
    verbose_name = "Backoffice"
