"""What is open is summed up from its index alone: per stage and currency for the radar, per reason for the dashboard."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transactions", "0013_answers_of_two_people")]

    operations = [
        migrations.RemoveIndex(model_name="transaction", name="txn_open_wide"),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("status", "completed"), _negated=True),
                fields=["-received_at", "-id"],
                include=(
                    "status",
                    "stage",
                    "stage_since",
                    "stage_deadline",
                    "reason_code",
                    "partner",
                    "branch",
                    "type",
                    "rail",
                    "settled_currency",
                    "settled_amount",
                ),
                name="txn_open_wide",
            ),
        ),
    ]
