#!/usr/bin/env bash
# Creates the keys and the password that the containers share, once, in two volumes. All other containers mount them
# read-only, and PostgreSQL gets only the second one.
#
#     make_keys.sh <folder for Airflow> <folder for PostgreSQL>
set -euo pipefail
airflow=$1
postgres=$2
umask 0027 # Airflow's user reads the files through its group, 0

make_key() { # file, command that prints the key
    [ -s "$1" ] && return
    "${@:2}" >"$1.unfinished"
    mv "$1.unfinished" "$1"
    echo "created ${1##*/}"
}

hex() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
base64_url() { head -c 32 /dev/urandom | base64 | tr '+/' '-_'; }
database_url() { printf 'postgresql+psycopg2://airflow:%s@postgres/airflow' "$(cat "$postgres/postgres_password")"; }

make_key "$airflow/fernet_key" base64_url
make_key "$airflow/api_secret_key" hex
make_key "$airflow/jwt_secret" hex
make_key "$postgres/postgres_password" hex
make_key "$airflow/database_url" database_url
