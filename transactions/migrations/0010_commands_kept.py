"""What the database holds about commands: keys of the people from their accounts, agreed by an approval of the same
two people, nothing but the delivery's own columns changed, nothing changed once closed, nothing deleted.
"""

from django.db import migrations

from audit.append_only import append_only
from transactions import reference

GUARDS = """
CREATE FUNCTION keep_command() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE agreed accounts_approvalrequest;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a command is never deleted' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'INSERT' THEN
        NEW.maker_person := (SELECT person_key FROM accounts_user WHERE id = NEW.maker_id);
        NEW.checker_person := (SELECT person_key FROM accounts_user WHERE id = NEW.checker_id);
        IF NEW.approval_id IS NOT NULL THEN
            SELECT * INTO agreed FROM accounts_approvalrequest WHERE id = NEW.approval_id;
            IF agreed.state <> 'APPROVED' OR agreed.maker_id <> NEW.maker_id OR agreed.checker_id <> NEW.checker_id THEN
                RAISE EXCEPTION 'request % does not agree to this command', agreed.number
                    USING ERRCODE = 'check_violation';
            END IF;
        END IF;
        IF NEW.state <> 'QUEUED' THEN
            RAISE EXCEPTION 'a command begins in the queue' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state IN ('SUCCEEDED', 'FAILED', 'REFUSED') THEN
        RAISE EXCEPTION 'command % is closed: nothing of it changes any more', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.transaction_id, NEW.kind, NEW.attempt, NEW.payload, NEW.waits_for_id, NEW.people_required,
        NEW.approval_id, NEW.maker_id, NEW.maker_person, NEW.checker_id, NEW.checker_person, NEW.created_at, NEW.token)
       IS DISTINCT FROM
       (OLD.id, OLD.transaction_id, OLD.kind, OLD.attempt, OLD.payload, OLD.waits_for_id, OLD.people_required,
        OLD.approval_id, OLD.maker_id, OLD.maker_person, OLD.checker_id, OLD.checker_person, OLD.created_at, OLD.token)
    THEN
        RAISE EXCEPTION 'what command % asks does not change', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_command BEFORE INSERT OR UPDATE OR DELETE ON transactions_command
    FOR EACH ROW EXECUTE FUNCTION keep_command();
CREATE TRIGGER keep_commands BEFORE TRUNCATE ON transactions_command
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'openremit_app') THEN
        REVOKE DELETE, TRUNCATE, TRIGGER ON transactions_command FROM openremit_app;
    END IF;
END $$;
"""
UNGUARD = """
DROP TRIGGER keep_command ON transactions_command;
DROP TRIGGER keep_commands ON transactions_command;
DROP FUNCTION keep_command();
"""


def load(apps, schema_editor):
    reference.load_limits(apps)


class Migration(migrations.Migration):
    dependencies = [("transactions", "0009_commands"), ("accounts", "0005_two_people")]
    operations = [
        migrations.RunSQL(GUARDS, UNGUARD),
        migrations.RunPython(load, migrations.RunPython.noop),
        *append_only("transactions_historicalmoneylimit"),
    ]
