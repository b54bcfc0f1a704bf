-- The two database roles and what each may do. Run by the administrator on every database and on template1; may be
-- run again. The owner migrates and owns every table; the application role reads and writes rows and nothing else.
-- Passwords are not set here: the embedded server trusts its own user, docker sets them (roles.sh).
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'openremit_owner') THEN
        CREATE ROLE openremit_owner LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'openremit_app') THEN
        CREATE ROLE openremit_app LOGIN;
    END IF;
END
$$;
ALTER ROLE openremit_owner NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE openremit_app NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO openremit_owner;
GRANT USAGE ON SCHEMA public TO openremit_app;

-- Tables the owner makes later. Append-only tables take UPDATE and DELETE away again in their own migration.
ALTER DEFAULT PRIVILEGES FOR ROLE openremit_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO openremit_app;
ALTER DEFAULT PRIVILEGES FOR ROLE openremit_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO openremit_app;
ALTER DEFAULT PRIVILEGES FOR ROLE openremit_owner IN SCHEMA public
    GRANT EXECUTE ON FUNCTIONS TO openremit_app;

-- The one extension only an administrator may create; the others are trusted and come with the migrations.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
