#!/bin/bash
# Runs once, on an empty data directory, as the superuser. Three roles, so that none can do what another is for:
#   latchkey_owner  migrations; owns the database and its tables; may create roles; not a superuser
#   latchkey_app    no login; holds the application's grants (the migrations give them)
#   latchkey_api    the application's login; owns nothing and is bound by row level security
set -euo pipefail

: "${LATCHKEY_OWNER_PASSWORD:?the password of latchkey_owner is not set}"
: "${LATCHKEY_API_PASSWORD:?the password of latchkey_api is not set}"

# \getenv keeps the passwords out of the process list.
psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv owner_password LATCHKEY_OWNER_PASSWORD
\getenv api_password LATCHKEY_API_PASSWORD
CREATE ROLE latchkey_owner LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS PASSWORD :'owner_password';
CREATE ROLE latchkey_app NOLOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE latchkey_api LOGIN INHERIT NOSUPERUSER NOBYPASSRLS PASSWORD :'api_password';
GRANT latchkey_app TO latchkey_api;
CREATE DATABASE latchkey OWNER latchkey_owner;
REVOKE ALL ON DATABASE latchkey FROM PUBLIC;
GRANT CONNECT ON DATABASE latchkey TO latchkey_api;
SQL
