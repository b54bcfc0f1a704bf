import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_append_only"),
    ]

    operations = [
        migrations.CreateModel(
            name="Verification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "asked_by",
                    models.CharField(
                        blank=True, default="", help_text="Empty: the worker, by the clock.", max_length=60
                    ),
                ),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "beat_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, help_text="When the worker last said how far it is."
                    ),
                ),
                ("to_check", models.BigIntegerField(default=0)),
                ("checked", models.BigIntegerField(default=0)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("last_seq", models.BigIntegerField(default=0, help_text="The last entry that was found in order.")),
                (
                    "anchor_seq",
                    models.BigIntegerField(
                        blank=True, help_text="The newest anchor that it was held against.", null=True
                    ),
                ),
                ("broken_seq", models.BigIntegerField(blank=True, null=True)),
                ("broken_kind", models.CharField(blank=True, default="", max_length=20)),
                ("broken_sentence", models.CharField(blank=True, default="", max_length=500)),
                ("expected_hash", models.CharField(blank=True, default="", max_length=64)),
                ("actual_hash", models.CharField(blank=True, default="", max_length=64)),
            ],
            options={
                "ordering": ["-asked_at", "-id"],
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["actor", "seq"], name="audit_by_doer"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["verb", "seq"], name="audit_by_verb"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["object_type", "seq"], name="audit_by_kind"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                condition=models.Q(("result", "OK"), _negated=True), fields=["result", "seq"], name="audit_not_done"
            ),
        ),
        migrations.AddConstraint(
            model_name="verification",
            constraint=models.UniqueConstraint(
                condition=models.Q(("finished_at__isnull", True)),
                fields=("finished_at",),
                name="one_verification_at_a_time",
                nulls_distinct=False,
            ),
        ),
    ]
