"""Raw bodies and verdicts stand as they came."""

from django.db import migrations

from audit.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("gateway", "0001_initial")]
    operations = append_only("gateway_delivery", "gateway_verdict")
