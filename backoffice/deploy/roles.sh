#!/usr/bin/env bash
# Runs once, inside the database container, when its volume is new: the roles, their rights and their passwords.
set -euo pipefail

ask() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" "$@"; }

ask --dbname template1 --file /openremit/roles.sql
ask --dbname "$POSTGRES_DB" --file /openremit/roles.sql
ask --dbname "$POSTGRES_DB" --set owner="$OPENREMIT_OWNER_PASSWORD" --set app="$OPENREMIT_APP_PASSWORD" --set db="$POSTGRES_DB" <<'SQL'
ALTER DATABASE :"db" OWNER TO openremit_owner;
ALTER ROLE openremit_owner PASSWORD :'owner';
ALTER ROLE openremit_app PASSWORD :'app';
SQL
