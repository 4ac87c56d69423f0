#!/usr/bin/env bash
# Makes the keys that the containers share, once: into the volume that is mounted read-only everywhere else.
#
#     make_keys.sh <folder>
set -euo pipefail
folder=$1
umask 0027 # Airflow's user reads them through its group, 0

make_key() { # name, command that prints the key
    [ -s "$folder/$1" ] && return
    "${@:2}" >"$folder/.$1"
    mv "$folder/.$1" "$folder/$1"
    echo "made $1"
}

hex() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
base64_url() { head -c 32 /dev/urandom | base64 | tr '+/' '-_'; }
database_url() { printf 'postgresql+psycopg2://airflow:%s@postgres/airflow' "$(cat "$folder/postgres_password")"; }

make_key fernet_key base64_url
make_key api_secret_key hex
make_key jwt_secret hex
make_key postgres_password hex
make_key database_url database_url
