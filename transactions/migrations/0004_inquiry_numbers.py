"""Numbers of inquiries come from the database, so that two people who record at once never get the same one."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("transactions", "0003_name_search")]
    operations = [
        migrations.RunSQL("CREATE SEQUENCE transactions_inquiry_number", "DROP SEQUENCE transactions_inquiry_number"),
    ]
