"""What screening said stands as it came."""

from django.db import migrations

from audit.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("compliance", "0001_initial")]
    operations = append_only("compliance_screeningcheck", "compliance_screeninghit")
