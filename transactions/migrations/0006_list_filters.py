"""Indexes for what lists are filtered by and few rows have."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_temporary_passwords"),
        ("transactions", "0005_trace_of_history"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("reason_code", ""), _negated=True),
                fields=["reason_code", "-received_at", "-id"],
                name="txn_by_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("duplicate_suspect", True)), fields=["-received_at", "-id"], name="txn_duplicates"
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("contradictions__gt", 0)), fields=["-received_at", "-id"], name="txn_contradicted"
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("missing_sequences", []), _negated=True),
                fields=["-received_at", "-id"],
                name="txn_with_gaps",
            ),
        ),
    ]
