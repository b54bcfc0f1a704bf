from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("compliance", "0005_printed_cases")]

    operations = [
        migrations.AddIndex(model_name="case", index=models.Index(fields=["due_at", "id"], name="case_by_due")),
        migrations.RemoveIndex(model_name="case", name="case_open_by_due"),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                fields=["due_at", "id"],
                name="case_open_by_due",
                condition=Q(closed_at__isnull=True),
                include=["lists", "assignee", "snoozed_until", "held_since", "number"],
            ),
        ),
    ]
