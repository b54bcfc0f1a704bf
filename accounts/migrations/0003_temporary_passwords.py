"""Passwords that an administrator chose and the person must replace."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_reference_and_guards"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="password_is_temporary",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="An administrator chose it; the person must choose one at once.",
            ),
        ),
    ]
