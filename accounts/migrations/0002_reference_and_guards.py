"""The ten roles with their matrix, and history that may only grow."""

from django.db import migrations

from accounts import reference
from audit.append_only import append_only

HISTORIES = [
    "accounts_historicaluser",
    "accounts_historicaluser_groups",
    "accounts_historicaluser_user_permissions",
    "accounts_historicalgroup",
    "accounts_historicalgroup_permissions",
    "accounts_historicalpartner",
    "accounts_historicalbranch",
    "accounts_historicalsubagent",
    "accounts_historicalpartneruserpermission",
    "accounts_historicalpartnergrouppermission",
    "accounts_historicalbranchuserpermission",
    "accounts_historicalbranchgrouppermission",
]


def load(apps, schema_editor):
    reference.load(apps)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("contenttypes", "0002_remove_content_type_name")]
    operations = [migrations.RunPython(load, migrations.RunPython.noop), *append_only(*HISTORIES)]
