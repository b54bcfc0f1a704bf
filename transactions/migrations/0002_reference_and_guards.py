"""Reference data, tables that may only grow, and the one step back that the database forbids."""

from django.db import migrations

from audit.append_only import append_only
from transactions import reference

APPEND_ONLY = [
    "transactions_event",
    "transactions_note",
    "transactions_historicaltransaction",
    "transactions_historicalparty",
    "transactions_historicalaccount",
    "transactions_historicalinquiry",
    "transactions_historicalreasoncode",
    "transactions_historicalpurposecode",
    "transactions_historicalstagelimit",
    "transactions_historicalholiday",
    "transactions_historicalanswertext",
]

COMPLETED_STAYS = """
CREATE FUNCTION completed_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'transaction %: completed changes only to completed or to failed/returned, not to %/%',
        OLD.txn_id, NEW.status, NEW.stage USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER completed_stays BEFORE UPDATE OF status, stage ON transactions_transaction FOR EACH ROW
    WHEN (OLD.status = 'completed' AND NOT (NEW.status = 'completed' OR (NEW.status = 'failed' AND NEW.stage = 'returned')))
    EXECUTE FUNCTION completed_stays();
"""
COMPLETED_MAY_MOVE = "DROP TRIGGER completed_stays ON transactions_transaction; DROP FUNCTION completed_stays();"


def load(apps, schema_editor):
    reference.load(apps)


class Migration(migrations.Migration):
    dependencies = [("transactions", "0001_initial")]
    operations = [
        migrations.RunPython(load, migrations.RunPython.noop),
        migrations.RunSQL(COMPLETED_STAYS, COMPLETED_MAY_MOVE),
        *append_only(*APPEND_ONLY),
    ]
