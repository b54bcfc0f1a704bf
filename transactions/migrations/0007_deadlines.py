"""The worker asks each minute who is over the limit of its stage."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transactions", "0006_list_filters")]

    operations = [
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("stage_deadline__isnull", False)), fields=["stage_deadline"], name="txn_by_deadline"
            ),
        ),
    ]
