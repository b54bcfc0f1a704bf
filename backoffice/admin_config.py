"""Puts our own site in the place of Django admin's."""

from django.contrib.admin.apps import AdminConfig as DjangosAdminConfig


class AdminConfig(DjangosAdminConfig):
    default_site = "backoffice.admin_site.Site"
