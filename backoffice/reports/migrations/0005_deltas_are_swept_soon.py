"""The table of deltas is filled and emptied all day: its dead rows are swept before readers pay for them."""

from django.db import migrations

SWEEP = """
    ALTER TABLE reports_rollupdelta SET (
        autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 5000
    )
"""
USUAL = """
    ALTER TABLE reports_rollupdelta RESET (
        autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
        autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold
    )
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0004_alarms")]

    operations = [migrations.RunSQL(SWEEP, USUAL)]
