"""Indexes for the orders of the list. What changes stands in partial ones only."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transactions", "0008_pasted_lists")]

    operations = [
        migrations.RemoveIndex(model_name="transaction", name="txn_by_settled_amount"),
        migrations.RemoveIndex(model_name="transaction", name="txn_open_wide"),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("status", "completed"), _negated=True),
                fields=["-received_at", "-id"],
                include=("status", "stage", "stage_deadline", "partner", "branch", "type", "rail", "settled_amount"),
                name="txn_open_wide",
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(fields=["settled_amount", "received_at", "id"], name="txn_by_payout"),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("status", "completed"), _negated=True),
                fields=["updated_at", "id"],
                name="txn_open_by_update",
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("status", "completed")), fields=["updated_at", "id"], name="txn_paid_by_update"
            ),
        ),
    ]
