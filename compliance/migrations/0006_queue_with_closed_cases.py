from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("compliance", "0005_printed_cases")]

    operations = [
        migrations.AddIndex(model_name="case", index=models.Index(fields=["due_at", "id"], name="case_by_due"))
    ]
