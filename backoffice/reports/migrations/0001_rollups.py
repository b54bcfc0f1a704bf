"""Sums of transactions, and the triggers that keep them: written by hand, so that no setting of a session stops them."""

import django.db.models.deletion
from django.db import migrations, models

CHANGED = """
    date_trunc('hour', received_at, 'UTC'), partner_id, branch_id, stage, settled_currency,
    origin_country || '-' || destination_country
"""
TRIGGERS = f"""
CREATE FUNCTION note_new_transactions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reports_rollupdelta (hour, partner_id, branch_id, stage, currency, corridor, number, worth)
    SELECT {CHANGED}, count(*), sum(settled_amount) FROM new_rows GROUP BY 1, 2, 3, 4, 5, 6;
    RETURN NULL;
END $$;
CREATE FUNCTION note_gone_transactions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reports_rollupdelta (hour, partner_id, branch_id, stage, currency, corridor, number, worth)
    SELECT {CHANGED}, -count(*), -sum(settled_amount) FROM old_rows GROUP BY 1, 2, 3, 4, 5, 6;
    RETURN NULL;
END $$;
CREATE FUNCTION note_changed_transactions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reports_rollupdelta (hour, partner_id, branch_id, stage, currency, corridor, number, worth)
    SELECT hour, partner_id, branch_id, stage, currency, corridor, sum(number), sum(worth) FROM (
        SELECT {CHANGED}, 1, settled_amount FROM new_rows
        UNION ALL
        SELECT {CHANGED}, -1, -settled_amount FROM old_rows
    ) AS moved (hour, partner_id, branch_id, stage, currency, corridor, number, worth)
    GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(number) <> 0 OR sum(worth) <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER note_new AFTER INSERT ON transactions_transaction REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_new_transactions();
CREATE TRIGGER note_changed AFTER UPDATE ON transactions_transaction
    REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_transactions();
CREATE TRIGGER note_gone AFTER DELETE ON transactions_transaction REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_gone_transactions();
"""
NO_TRIGGERS = """
DROP TRIGGER note_new ON transactions_transaction;
DROP TRIGGER note_changed ON transactions_transaction;
DROP TRIGGER note_gone ON transactions_transaction;
DROP FUNCTION note_new_transactions();
DROP FUNCTION note_changed_transactions();
DROP FUNCTION note_gone_transactions();
"""
# the triggers hold off writers until this migration ends, so nothing is missed and nothing counted twice
COUNT_WHAT_IS_THERE = f"""
INSERT INTO reports_rollupdelta (hour, partner_id, branch_id, stage, currency, corridor, number, worth)
SELECT {CHANGED}, count(*), sum(settled_amount) FROM transactions_transaction GROUP BY 1, 2, 3, 4, 5, 6;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0006_scope_notices"),
        ("transactions", "0011_saved_views"),
    ]

    operations = [
        migrations.CreateModel(
            name="RollupDelta",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stage", models.CharField(max_length=20)),
                ("currency", models.CharField(max_length=3)),
                ("corridor", models.CharField(max_length=5)),
                ("number", models.BigIntegerField()),
                ("worth", models.DecimalField(decimal_places=4, max_digits=26)),
                ("hour", models.DateTimeField()),
                (
                    "branch",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.branch",
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.partner",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Rollup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stage", models.CharField(max_length=20)),
                ("currency", models.CharField(max_length=3)),
                ("corridor", models.CharField(max_length=5)),
                ("number", models.BigIntegerField()),
                ("worth", models.DecimalField(decimal_places=4, max_digits=26)),
                (
                    "grain",
                    models.CharField(
                        choices=[
                            ("hour", "Hour (UTC) by partner and branch"),
                            ("day", "Day by partner, branch and corridor"),
                            ("month", "Month by partner, branch and corridor"),
                            ("p-day", "Day by partner"),
                            ("p-month", "Month by partner"),
                        ],
                        max_length=7,
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                (
                    "branch",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.branch",
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.partner",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "indexes": [
                    models.Index(condition=models.Q(("number", 0)), fields=["grain", "starts_at"], name="rollup_empty")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("grain", "starts_at", "partner", "branch", "stage", "currency", "corridor"),
                        name="one_row_of_the_rollup",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
        migrations.RunSQL(COUNT_WHAT_IS_THERE, migrations.RunSQL.noop),
    ]
