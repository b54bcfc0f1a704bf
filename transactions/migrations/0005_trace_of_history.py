"""History rows of transactions name the delivery or request that made them beside the partner's own request id."""

from django.db import migrations, models

import audit.history


class Migration(migrations.Migration):
    dependencies = [("transactions", "0004_inquiry_numbers")]
    operations = [
        migrations.AddField(
            model_name="historicaltransaction",
            name="trace_id",
            field=models.CharField(default=audit.history.present_request, editable=False, max_length=40),
        ),
    ]
