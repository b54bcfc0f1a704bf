"""Whoever listens hears at once that a grant, a role, a person or a session changed, whichever way it was changed."""

from django.db import migrations

OF_A_PERSON = [
    "accounts_partneruserpermission",
    "accounts_branchuserpermission",
    "accounts_user_groups",
    "accounts_user_user_permissions",
]
OF_A_ROLE = ["accounts_partnergrouppermission", "accounts_branchgrouppermission", "auth_group_permissions"]

FUNCTIONS = """
CREATE FUNCTION tell_of_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('scopes_changed', 'user:' || coalesce(NEW.user_id, OLD.user_id));
    RETURN NULL;
END $$;
CREATE FUNCTION tell_of_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('scopes_changed', 'all');
    RETURN NULL;
END $$;
CREATE FUNCTION tell_of_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('scopes_changed', 'sessions');
    RETURN NULL;
END $$;
CREATE TRIGGER session_ended AFTER DELETE ON django_session
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_sessions();
CREATE TRIGGER person_changed AFTER UPDATE OF is_active, password, password_is_temporary OR DELETE ON accounts_user
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_sessions();
"""
NO_FUNCTIONS = """
DROP TRIGGER person_changed ON accounts_user;
DROP TRIGGER session_ended ON django_session;
DROP FUNCTION tell_of_sessions();
DROP FUNCTION tell_of_all();
DROP FUNCTION tell_of_person();
"""


def told(table, each, function):
    return migrations.RunSQL(
        f"CREATE TRIGGER scopes_changed AFTER INSERT OR UPDATE OR DELETE ON {table}"
        f" FOR EACH {each} EXECUTE FUNCTION {function}();",
        f"DROP TRIGGER scopes_changed ON {table};",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_two_people"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("sessions", "0001_initial"),
    ]
    operations = [
        migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS),
        *(told(table, "ROW", "tell_of_person") for table in OF_A_PERSON),
        *(told(table, "STATEMENT", "tell_of_all") for table in OF_A_ROLE),
    ]
