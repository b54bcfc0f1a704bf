"""What the database holds about two people: keys from the accounts, nothing changed once decided; the policies."""

from django.db import migrations

from accounts import reference
from audit.append_only import append_only

GUARDS = """
CREATE SEQUENCE accounts_request_number;

CREATE FUNCTION keep_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a request is never deleted' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'PENDING' OR NEW.checker_id IS NOT NULL THEN
            RAISE EXCEPTION 'a request begins undecided' USING ERRCODE = 'check_violation';
        END IF;
        SELECT person_key INTO NEW.maker_person FROM accounts_user WHERE id = NEW.maker_id;
        NEW.checker_person := NULL;
        RETURN NEW;
    END IF;
    IF OLD.state <> 'PENDING' THEN
        RAISE EXCEPTION 'request % is %: nothing of it changes any more', OLD.number, OLD.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.number, NEW.operation, NEW.object_type, NEW.object_id, NEW.object_version, NEW.maker_id,
        NEW.partner_id, NEW.branch_id, NEW.amount, NEW.currency, NEW.payload, NEW.before, NEW.after, NEW.created_at,
        NEW.expires_at)
       IS DISTINCT FROM
       (OLD.id, OLD.number, OLD.operation, OLD.object_type, OLD.object_id, OLD.object_version, OLD.maker_id,
        OLD.partner_id, OLD.branch_id, OLD.amount, OLD.currency, OLD.payload, OLD.before, OLD.after, OLD.created_at,
        OLD.expires_at) THEN
        RAISE EXCEPTION 'what request % asks does not change', OLD.number USING ERRCODE = 'check_violation';
    END IF;
    SELECT person_key INTO NEW.maker_person FROM accounts_user WHERE id = NEW.maker_id;
    NEW.checker_person := (SELECT person_key FROM accounts_user WHERE id = NEW.checker_id);
    RETURN NEW;
END $$;
CREATE TRIGGER keep_request BEFORE INSERT OR UPDATE OR DELETE ON accounts_approvalrequest
    FOR EACH ROW EXECUTE FUNCTION keep_request();
CREATE TRIGGER keep_requests BEFORE TRUNCATE ON accounts_approvalrequest
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'openremit_app') THEN
        REVOKE DELETE, TRUNCATE, TRIGGER ON accounts_approvalrequest FROM openremit_app;
        GRANT USAGE ON SEQUENCE accounts_request_number TO openremit_app;
    END IF;
END $$;
"""
UNGUARD = """
DROP TRIGGER keep_request ON accounts_approvalrequest;
DROP TRIGGER keep_requests ON accounts_approvalrequest;
DROP FUNCTION keep_request();
DROP SEQUENCE accounts_request_number;
"""


def load(apps, schema_editor):
    reference.load_policies(apps)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_approvals")]
    operations = [
        migrations.RunSQL(GUARDS, UNGUARD),
        migrations.RunPython(load, migrations.RunPython.noop),
        *append_only("accounts_historicalapprovalpolicy"),
    ]
